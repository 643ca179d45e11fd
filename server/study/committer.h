// Makes durable what the decision loop decided, and then says so.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
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
  // What was decided after it: one transaction writes both. \pre `batch` deletes no study, whose
  // name the later one may give again.
  void Join(Group later);

  Batch batch;           // empty: nothing is written
  int64_t requests = 0;  // that led to it
  std::vector<Reply> replies;
  std::vector<std::pair<std::string, v1::AttemptEnd>> attempts;  // with their studies' names
  std::vector<std::string> unused;                               // artifacts
};

// One group at a time: while it is committed, the one before it is answered, and what the decision
// loop submits joins the group that waits, so that a commit can follow the last one at once. When a
// commit has failed it commits nothing more until `Reset`: what was decided later stands on what
// never happened.
class Committer {
 public:
  // `store`, `clock` and `observer` outlive it.
  Committer(TrialStore& store, const Clock& clock, CoordinatorListener listener,
            CoordinatorObserver& observer, std::function<void()> on_free);
  ~Committer();

  // From now on groups are committed on a thread of their own, and answered on another one; before,
  // both in `Submit`.
  void Start();
  // Returns when these have ended, with everything committed and answered.
  void Stop();

  // The decision loop's thread only, all of them.
  bool has_threads() const { return committing_.joinable(); }
  // Whether a group is being committed or waits for that. `on_free` is called, on another thread,
  // once none is.
  bool IsBusy() const;
  // Waits while a group waits that cannot be joined: it deletes a study, it is large, or a commit
  // has hung for a second, and nobody shall decide further and further ahead of the store.
  void Submit(std::unique_ptr<Group> group);
  // Returns when all groups that were submitted are committed.
  void Wait() const;
  // OK, or how a commit failed.
  absl::Status status() const;
  // Forgets that: what was in memory is dropped, and the listener hears so.
  void Reset();

 private:
  void CommitAll();
  void AnswerAll();
  bool CanJoinNext() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Commit(const Group& group);
  void Answer(Group& group, const absl::Status& committed);

  TrialStore& store_;
  const Clock& clock_;
  const CoordinatorListener listener_;
  CoordinatorObserver& observer_;
  const std::function<void()> on_free_;

  mutable Mutex mutex_;
  mutable CondVar changed_;
  std::unique_ptr<Group> next_ ABSL_GUARDED_BY(mutex_);  // waits
  absl::Duration next_since_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<Group> group_ ABSL_GUARDED_BY(mutex_);  // until it is committed
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
  std::deque<std::pair<std::unique_ptr<Group>, absl::Status>> done_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool committed_all_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread committing_;
  std::thread answering_;
};

}  // namespace cambrian
