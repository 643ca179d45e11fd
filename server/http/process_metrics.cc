#include "server/http/process_metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "server/http/gauges.h"

namespace cambrian {

void AddProcess(std::vector<prometheus::MetricFamily>& families) {
  int64_t pages = 0;
  int64_t resident = 0;
  std::ifstream statm("/proc/self/statm");
  if (statm >> pages >> resident) {
    Gauges memory("process_resident_memory_bytes", "Resident memory of the server.");
    memory.Set(static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE)));
    std::move(memory).MoveInto(families);
  }
  rusage usage;
  if (getrusage(RUSAGE_SELF, &usage) == 0) {
    const auto seconds = [](const timeval& time) {
      return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
    };
    Gauges cpu("process_cpu_seconds_total", "Processor time of the server, user and system.",
               prometheus::MetricType::Counter);
    cpu.Set(seconds(usage.ru_utime) + seconds(usage.ru_stime));
    std::move(cpu).MoveInto(families);
  }
  std::error_code error;
  int64_t descriptors = 0;
  for (std::filesystem::directory_iterator it("/proc/self/fd", error), end; !error && it != end;
       it.increment(error)) {
    ++descriptors;
  }
  if (!error) {
    Gauges open("process_open_fds", "Open file descriptors of the server.");
    open.Set(static_cast<double>(descriptors));
    std::move(open).MoveInto(families);
  }
}

}  // namespace cambrian
