// The trial database: what is committed here is what the world may know.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/store/records.h"

namespace cambrian {

// Thread-safe and transactional: a reader sees whole batches only. `tests/conformance/store` holds
// every implementation to this contract. Errors of the storage itself are kUnavailable; a read of
// what is not there is kNotFound.
class TrialStore {
 public:
  virtual ~TrialStore() = default;

  struct Epoch {
    int64_t number = 0;
    Counters counters;  // as committed last
  };
  // Makes the caller the only writer for `term`, by the storage's clock: its epoch is newer than
  // any before, and commits of an older one are refused from now on. The same `holder` may start a
  // new epoch at any time. \error kAlreadyExists, naming the holder, while another one's term
  // lasts.
  virtual absl::StatusOr<Epoch> StartEpoch(absl::string_view holder, absl::Duration term) = 0;
  // The epoch's term starts anew. \error kFailedPrecondition once a newer epoch has started.
  virtual absl::Status RenewEpoch(int64_t epoch, absl::Duration term) = 0;
  // Ends the term of this epoch at once, so that another server may take over; no-op if it is not
  // the newest.
  virtual absl::Status EndEpoch(int64_t epoch) = 0;

  // Writes all of the batch or nothing, durably. \error kFailedPrecondition once a newer epoch has
  // started. After another error the outcome may be unknown: `LastCommit` settles it.
  virtual absl::Status Commit(const Batch& batch) = 0;
  virtual absl::StatusOr<CommitMarker> LastCommit() = 0;

  // All studies by id, without their texts.
  virtual absl::StatusOr<std::vector<StudyRecord>> Studies() = 0;
  virtual absl::StatusOr<StudyRecord> Study(absl::string_view name) = 0;
  virtual absl::StatusOr<std::string> StudyText(int64_t study) = 0;

  // At most `limit` trials with numbers above `after`, in order.
  virtual absl::StatusOr<std::vector<TrialRecord>> Trials(int64_t study, int64_t after,
                                                          int64_t limit) = 0;
  virtual absl::StatusOr<TrialRecord> Trial(int64_t study, int64_t number) = 0;
  // Those with these numbers that there are, by number.
  virtual absl::StatusOr<std::vector<TrialRecord>> TrialsWith(
      int64_t study, const std::vector<int64_t>& numbers) = 0;
  virtual absl::StatusOr<std::vector<TrialRecord>> FrontTrials(int64_t study) = 0;
  // Trials of a study that are open, on its front, or were proposed or ended by an event after
  // number `event`; by number. And the trials that have a result (SUCCEEDED, INFEASIBLE), by
  // number: the first of each key. Together with a snapshot taken after `event` they are all that a
  // server needs to go on.
  virtual absl::StatusOr<std::vector<TrialRecord>> TrialsSince(int64_t study, int64_t event) = 0;
  virtual absl::StatusOr<std::vector<ResultKey>> ResultKeys(int64_t study) = 0;
  // The newest snapshot, if there is one.
  virtual absl::StatusOr<std::optional<SnapshotRecord>> Snapshot(int64_t study) = 0;
  // The progress of the trial's newest attempt, by step.
  virtual absl::StatusOr<std::vector<v1::Progress>> Curve(int64_t study, int64_t trial) = 0;
  // Ended attempts, oldest first, without their logs. (One that succeeded may have no row of its
  // own: see attempt_rows.h.)
  virtual absl::StatusOr<std::vector<AttemptRecord>> Attempts(int64_t study, int64_t trial) = 0;
  // Of the newest attempt that has one; empty if none has.
  virtual absl::StatusOr<std::string> Log(int64_t study, int64_t trial) = 0;

  // The events with numbers from `after` + 1 to `after` + `limit`, in order, none missing. It looks
  // at all trials of the study that were proposed up to there: for what is not in memory.
  virtual absl::StatusOr<std::vector<EventRecord>> Events(int64_t study, int64_t after,
                                                          int64_t limit) = 0;

  // The distinct artifacts of a study's trials (`checkpoint`, `resume_from`), and the distinct
  // tenants whose trials have this one: none if nobody uses it.
  virtual absl::StatusOr<std::vector<std::string>> Checkpoints(int64_t study) = 0;
  virtual absl::StatusOr<std::vector<std::string>> CheckpointTenants(absl::string_view sha256) = 0;
  // Whether any trial of any study has it.
  absl::StatusOr<bool> IsCheckpointUsed(absl::string_view sha256) {
    const absl::StatusOr<std::vector<std::string>> tenants = CheckpointTenants(sha256);
    if (!tenants.ok()) return tenants.status();
    return !tenants->empty();
  }
};

}  // namespace cambrian
