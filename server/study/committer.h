// Makes durable what the decision loop decided, and then says so.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "server/store/interface.h"
#include "server/study/observer.h"

namespace cambrian {

// An answer that waits for a commit: sent if the status is OK, else replaced by it.
using Reply = absl::AnyInvocable<void(const absl::Status&)>;

// What callers are told of a failed commit.
absl::Status StoreFailed(const absl::Status& status);

// What one transaction writes, and who hears of it then.
struct Group {
  Batch batch;           // empty: nothing is written
  int64_t requests = 0;  // that led to it
  std::vector<Reply> replies;
  std::vector<std::pair<std::string, v1::AttemptEnd>> attempts;  // with their studies' names
  std::vector<std::string> unused;                               // artifacts
};

// One group at a time: while it is committed and answered, the decision loop decides the next one.
// Once a commit has failed it commits nothing more until `Reset`: what was decided later stands on
// what never happened.
class Committer {
 public:
  // `store`, `clock` and `observer` outlive it.
  Committer(TrialStore& store, const Clock& clock, CoordinatorListener listener,
            CoordinatorObserver& observer);
  ~Committer();

  // From now on groups are committed on a thread of their own; before, in `Submit`.
  void Start();
  // Returns when its thread has ended, with everything committed.
  void Stop();

  // The decision loop's thread only, all of them.
  bool has_thread() const { return thread_.joinable(); }
  // Returns when the group before it is committed and answered.
  void Wait() const;
  // After `Wait`.
  void Submit(std::unique_ptr<Group> group);
  // OK, or how a commit failed.
  absl::Status status() const;
  void Reset();

 private:
  void Run();
  std::unique_ptr<Group> TakeDone();
  void Handle(Group& group);
  absl::Status Commit(const Group& group);

  TrialStore& store_;
  const Clock& clock_;
  const CoordinatorListener listener_;
  CoordinatorObserver& observer_;

  mutable Mutex mutex_;
  mutable CondVar changed_;
  std::unique_ptr<Group> group_ ABSL_GUARDED_BY(mutex_);  // until it is answered
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace cambrian
