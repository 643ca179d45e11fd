#include "worker/agent/device_use.h"

#include <unistd.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/status.h"
#include "worker/evaluator/child_process.h"

namespace cambrian {
namespace {

constexpr int64_t kMib = int64_t{1} << 20;
constexpr int64_t kMaxMib = int64_t{1} << 32;
constexpr int kMaxDevices = 1024;
constexpr size_t kMaxOutputBytes = 64 << 10;

// A whole number within bounds.
bool ReadNumber(absl::string_view text, int64_t most, int64_t& out) {
  int64_t number = 0;
  if (!absl::SimpleAtoi(text, &number) || number < 0 || number > most) return false;
  out = number;
  return true;
}

bool SameUse(const std::vector<v1::DeviceUse>& one, const std::vector<v1::DeviceUse>& two) {
  return std::equal(one.begin(), one.end(), two.begin(), two.end(),
                    [](const v1::DeviceUse& a, const v1::DeviceUse& b) {
                      return a.SerializeAsString() == b.SerializeAsString();
                    });
}

}  // namespace

std::vector<v1::DeviceUse> ParseDeviceUse(absl::string_view text) {
  std::vector<v1::DeviceUse> devices;
  for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipWhitespace())) {
    const std::vector<absl::string_view> fields = absl::StrSplit(line, ',');
    int64_t index = 0, number = 0;
    if (fields.size() != 4 || !ReadNumber(fields[0], kMaxDevices, index)) continue;
    v1::DeviceUse& use = devices.emplace_back();
    use.set_device(absl::StrCat("cuda:", index));
    if (ReadNumber(fields[1], kMaxMib, number)) use.set_memory_used_bytes(number * kMib);
    if (ReadNumber(fields[2], kMaxMib, number)) use.set_memory_bytes(number * kMib);
    if (ReadNumber(fields[3], 100, number)) use.set_utilization(static_cast<double>(number) / 100);
    if (devices.size() == kMaxDevices) break;
  }
  return devices;
}

DeviceWatch::DeviceWatch(Options options, const Clock& clock, OnChange on_change)
    : options_(std::move(options)), clock_(clock), on_change_(std::move(on_change)) {
  const bool any = std::any_of(options_.devices.begin(), options_.devices.end(),
                               [](const auto& name) { return absl::StartsWith(name, "cuda:"); });
  if (any) thread_ = std::thread([this] { Loop(); });
}

DeviceWatch::~DeviceWatch() {
  {
    const MutexLock lock(&mutex_);
    closing_ = true;
    closing_changed_.SignalAll();
  }
  if (thread_.joinable()) thread_.join();
}

void DeviceWatch::Loop() {
  std::vector<v1::DeviceUse> last;
  do {
    const absl::StatusOr<std::string> text = Ask();
    if (absl::IsNotFound(text.status())) return;
    std::vector<v1::DeviceUse> now = ParseDeviceUse(text.value_or(""));
    now.erase(std::remove_if(now.begin(), now.end(),
                             [this](const v1::DeviceUse& use) {
                               return std::count(options_.devices.begin(), options_.devices.end(),
                                                 use.device()) == 0;
                             }),
              now.end());
    if (now.empty() || SameUse(now, last)) continue;
    on_change_(now);
    last = std::move(now);
  } while (Wait(options_.interval));
}

absl::StatusOr<std::string> DeviceWatch::Ask() {
  ASSIGN_OR_RETURN(const std::unique_ptr<ChildProcess> child,
                   ChildProcess::Spawn(options_.command, {}));
  const absl::Duration deadline = clock_.Monotonic() + options_.timeout;
  std::string text;
  bool ended = false;
  while (!ended) {
    ended = child->Reap();  // before reading: what it printed before it ended counts
    char buffer[4096];
    for (ssize_t count; (count = read(child->log(), buffer, sizeof(buffer))) > 0;) {
      if (text.size() < kMaxOutputBytes) text.append(buffer, static_cast<size_t>(count));
    }
    if (ended) break;
    const bool late = clock_.Monotonic() > deadline;
    if (late || !Wait(absl::Milliseconds(50))) return absl::DeadlineExceededError("it hangs");
  }
  return text;
}

bool DeviceWatch::Wait(absl::Duration time) {
  const absl::Duration until = clock_.Monotonic() + time;
  const MutexLock lock(&mutex_);
  while (!closing_ && clock_.Monotonic() < until) {
    closing_changed_.WaitWithTimeout(&mutex_, until - clock_.Monotonic());
  }
  return !closing_;
}

}  // namespace cambrian
