// Everything that /metrics shows; docs/monitoring.md says what each one means.
//
// Counters and histograms are counted as things happen. What describes a state (studies, workers,
// leases, the process) is read when somebody asks, so that what is gone leaves no series behind.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/base/mutex.h"
#include "prometheus/counter.h"
#include "prometheus/family.h"
#include "prometheus/histogram.h"
#include "prometheus/metric_family.h"
#include "prometheus/registry.h"
#include "server/store/records.h"
#include "server/study/observer.h"

namespace cambrian {

// Thread-safe; the observer's methods do not block.
class ServerMetrics : public CoordinatorObserver {
 public:
  ServerMetrics();

  void OnAsk(absl::Duration took) override;
  void OnTell(absl::Duration took) override;
  void OnCommit(absl::Duration took, int64_t requests, bool ok) override;
  void OnAttempt(absl::string_view study, v1::AttemptEnd end) override;
  void OnDevices(absl::string_view worker,
                 const google::protobuf::RepeatedPtrField<v1::DeviceUse>& devices) override;
  // A call was answered.
  void OnCall(absl::string_view method, absl::StatusCode code, absl::Duration took);

  struct StudyNow {
    StudyRecord record;
    std::optional<double> best;  // of the first objective
  };
  // A state to show beside what was counted.
  struct State {
    absl::Time now;
    bool healthy = false;
    CoordinatorStatus coordinator;
    std::vector<StudyNow> studies;
  };
  // Whether a study has series of its own: those that ended an hour ago have none, so that labels
  // do not grow without bound. (They still count in the sums.)
  static bool IsShown(const StudyRecord& study, absl::Time now);

  // In Prometheus' text format. Forgets the devices of workers that the coordinator has forgotten.
  std::string Text(const State& state);

 private:
  struct Calls {
    prometheus::Counter* ok = nullptr;
    prometheus::Histogram* seconds = nullptr;
  };
  Calls CallsOf(absl::string_view method);
  // A worker's, as it reported them.
  struct Devices {
    std::vector<v1::DeviceUse> uses;
    bool is_confirmed = false;  // the worker was on the coordinator's list
  };
  // The devices of the workers that are still there.
  std::map<std::string, std::vector<v1::DeviceUse>> DevicesOf(
      const std::vector<v1::WorkerStatus>& workers);

  prometheus::Registry registry_;
  prometheus::Family<prometheus::Counter>& calls_;
  prometheus::Family<prometheus::Histogram>& call_seconds_;
  prometheus::Family<prometheus::Counter>& attempts_;
  prometheus::Histogram& ask_seconds_;
  prometheus::Histogram& tell_seconds_;
  prometheus::Histogram& commit_seconds_;
  prometheus::Histogram& commit_requests_;
  prometheus::Counter& failed_commits_;

  Mutex mutex_;
  std::map<std::string, Calls, std::less<>> methods_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, Devices> devices_ ABSL_GUARDED_BY(mutex_);  // by worker
};

}  // namespace cambrian
