// What the coordinator tells the world.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "cambrian/v1/study_service.pb.h"
#include "cambrian/v1/trial.pb.h"
#include "cambrian/v1/worker_service.pb.h"
#include "server/store/records.h"

namespace cambrian {

// What is to be done after a commit. Must not block.
struct CoordinatorListener {
  // In the order of commits, on the thread that answers; the batch lives as long as the call.
  std::function<void(const Batch&)> on_commit = [](const Batch&) {};
  // What was in memory is dropped, and all was read anew from the store, which may have what no
  // commit told of: another server's work, or that of a commit whose outcome was unknown. Between
  // the two the store may be away. On the decision loop.
  std::function<void()> on_drop = [] {};
  std::function<void()> on_load = [] {};
  // Artifacts that a trial has dropped. Another trial may still use one: whoever removes them asks
  // the store first (`TrialStore::IsCheckpointUsed`), off this thread.
  std::function<void(std::vector<std::string>)> on_unused = [](std::vector<std::string>) {};
};

// Whoever counts: metrics. Called on the decision loop and on the committer's thread, so methods
// are thread-safe and do not block. The default does nothing.
class CoordinatorObserver {
 public:
  virtual ~CoordinatorObserver() = default;

  virtual void OnAsk(absl::Duration) {}
  virtual void OnTell(absl::Duration) {}
  // A group was committed, or not, by the committer.
  virtual void OnCommit(absl::Duration, int64_t /*requests*/, bool /*ok*/) {}
  // An attempt ended, after the commit.
  virtual void OnAttempt(absl::string_view /*study*/, v1::AttemptEnd) {}
  virtual void OnDevices(absl::string_view /*worker*/,
                         const google::protobuf::RepeatedPtrField<v1::DeviceUse>&) {}
};

// How the coordinator is, between two groups.
struct CoordinatorStatus {
  bool active = false;  // it holds the store; else it stands by
  int64_t waiting = 0;  // requests in its inbox
  int64_t leases = 0;
  absl::Duration oldest_lease;  // since it was granted or, after a restart, restored
  std::vector<v1::WorkerStatus> workers;
};

}  // namespace cambrian
