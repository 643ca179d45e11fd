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
  // Makes the caller the only writer: its epoch is newer than any before, and commits of an older
  // one are refused from now on.
  virtual absl::StatusOr<Epoch> StartEpoch() = 0;

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
  virtual absl::StatusOr<std::vector<TrialRecord>> FrontTrials(int64_t study) = 0;
  // The progress of the trial's newest attempt, by step.
  virtual absl::StatusOr<std::vector<v1::Progress>> Curve(int64_t study, int64_t trial) = 0;
  // Of the newest attempt that has one; empty if none has.
  virtual absl::StatusOr<std::string> Log(int64_t study, int64_t trial) = 0;

  // At most `limit` events with numbers above `after`, in order and complete.
  virtual absl::StatusOr<std::vector<EventRecord>> Events(int64_t study, int64_t after,
                                                          int64_t limit) = 0;

  // A succeeded trial of any study that did this work, or nothing.
  virtual absl::StatusOr<std::optional<TrialRecord>> FindEvaluation(
      absl::string_view evaluation_key) = 0;

  // The distinct checkpoints of a study's trials, and whether any trial of any study has this one.
  virtual absl::StatusOr<std::vector<std::string>> Checkpoints(int64_t study) = 0;
  virtual absl::StatusOr<bool> IsCheckpointUsed(absl::string_view sha256) = 0;
};

}  // namespace cambrian
