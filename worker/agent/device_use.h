// What the machine's GPUs say of themselves.
#pragma once

#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "cambrian/v1/worker_service.pb.h"
#include "common/base/clock.h"
#include "common/base/mutex.h"

namespace cambrian {

// What nvidia-smi prints for the default command below: a line per GPU, "0, 1024, 81559, 37" (MiB,
// MiB, percent). What cannot be read is left out: a line, or a number that is "[N/A]".
std::vector<v1::DeviceUse> ParseDeviceUse(absl::string_view text);

// Asks a program every now and then, on a thread of its own; where there is none, or there are no
// GPUs to ask about, it never does. Thread-safe.
class DeviceWatch {
 public:
  struct Options {
    std::vector<std::string> command = {
        "nvidia-smi", "--query-gpu=index,memory.used,memory.total,utilization.gpu",
        "--format=csv,noheader,nounits"};
    std::vector<std::string> devices;  // "cuda:0": others are not told of
    absl::Duration interval = absl::Seconds(10);
    absl::Duration timeout = absl::Seconds(5);  // then the program is killed
  };
  // `on_change` is called on the watching thread, with all devices, when any has changed.
  using OnChange = std::function<void(const std::vector<v1::DeviceUse>& devices)>;

  // The clock must outlive this.
  DeviceWatch(Options options, const Clock& clock, OnChange on_change);
  ~DeviceWatch();

 private:
  void Loop();
  // What the program printed. \error kNotFound: there is none; kDeadlineExceeded
  absl::StatusOr<std::string> Ask();
  // Waits. Returns false when this ends.
  bool Wait(absl::Duration time);

  const Options options_;
  const Clock& clock_;
  const OnChange on_change_;
  Mutex mutex_;
  CondVar closing_changed_;
  bool closing_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // last: it uses the rest
};

}  // namespace cambrian
