// What has happened in one study, and what follows from it by counting.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/nas/canonical_key.h"
#include "common/nas/front.h"
#include "common/spec/study_spec.h"
#include "server/store/records.h"

namespace cambrian {

// Pure: no I/O, no clock, no threads; changed only through its events (and the passing of time).
// What changed waits for `TakeChanges`, which the coordinator commits.
//
// In memory are the trials that are open, on the front, or changed since the last `TakeChanges`;
// the others are in the store. Of all trials it knows which work they stand for.
class StudyState {
 public:
  // A new study.
  StudyState(StudyRecord record, std::shared_ptr<const StudySpec> spec);

  // Makes the state of a new object that of a stored study: what `Snapshot` gave after event
  // `event` (empty, 0: there is none), the rows since then (`TrialStore::TrialsSince`), and who has
  // which result. \error kInvalidArgument for a broken snapshot
  absl::Status Restore(absl::string_view snapshot, int64_t event, std::vector<TrialRecord> trials,
                       const std::vector<ResultKey>& results);
  // What cannot be had from rows.
  std::string Snapshot() const;

  // The next event of the sequence: a new trial, whose number it returns; a change of an open one,
  // which `edit` makes; the study's state and budget. A trial that starts right after its proposal
  // has one event for both, of kind kProposed.
  int64_t Propose(TrialRecord trial, absl::Time now);
  void Change(int64_t number, EventKind kind, absl::Time now,
              absl::FunctionRef<void(TrialRecord&)> edit);
  void ChangeStudy(v1::StudyState state, absl::string_view reason, int64_t trial_budget,
                   absl::Time now);
  // An attempt has ended.
  void AddAttempt(AttemptRecord attempt) { attempts_.push_back(std::move(attempt)); }
  // An artifact is not needed any longer by the trial that had it.
  void Drop(std::string artifact);

  // Time that passed while the study was active.
  void Pass(absl::Duration time) { record_.elapsed += time; }
  void SetSuccessor(absl::string_view name);
  void SetContinues(absl::string_view name);

  const StudyRecord& record() const { return record_; }
  const Front& front() const { return front_; }
  // Null if the trial is not in memory. Pointers live until the next `TakeChanges`.
  const TrialRecord* Find(int64_t number) const;
  // It is in memory.
  const TrialRecord& trial(int64_t number) const { return *Find(number); }

  // Open trials, by number.
  const std::set<int64_t>& open() const { return open_; }
  // Those that do this work.
  std::vector<int64_t> OpenWith(absl::string_view evaluation_key) const;
  // The first trial that may be trained: it is queued, and no other open one that does its work
  // comes first. And the first that waits to be measured.
  std::optional<int64_t> FirstToTrain() const { return First(to_train_); }
  std::optional<int64_t> FirstToMeasure() const { return First(to_measure_); }
  // Whether a trial stands for this work, and the ended one that has its result.
  bool IsKnown(absl::string_view evaluation_key) const;
  std::optional<int64_t> ResultOf(absl::string_view evaluation_key) const;

  // Failures since the last success, and the commonest of their reasons.
  int64_t failures_in_row() const { return static_cast<int64_t>(failures_.size()); }
  std::string CommonestFailure() const;

  // Adds every row that changed since the last call, and artifacts that its trials do not need any
  // longer. Ended trials that are not on the front leave the memory.
  void TakeChanges(Batch& batch, std::vector<std::string>& dropped);

 private:
  using Work = CanonicalKey;  // an evaluation key as 128 bits
  struct Entry {
    TrialRecord record;
    bool dirty = false;
  };

  static Work WorkOf(absl::string_view evaluation_key);
  static std::optional<int64_t> First(const std::set<int64_t>& numbers);
  void ReadSnapshot(const std::string& snapshot, absl::Status& status);
  Entry& At(int64_t number) { return *trials_.at(number); }
  void Count(const TrialRecord& trial, int64_t by);
  void Open(const TrialRecord& trial);
  void Close(const TrialRecord& trial);
  void UpdateReady(const TrialRecord& trial);
  void NoteResult(const TrialRecord& trial);
  // What follows from a trial that has ended: front, hypervolume, failures in a row.
  void Judge(TrialRecord& trial);
  void UpdateFront(TrialRecord& trial);
  void UpdateReference(const std::vector<double>& values);
  void DropCheckpoint(TrialRecord& trial);
  void MarkDirty(Entry& entry);
  // Returns its message, to be filled in if such an event has a row.
  v1::Event& AddEvent(EventKind kind, int64_t trial, absl::Time now);

  StudyRecord record_;
  const std::shared_ptr<const StudySpec> spec_;
  absl::flat_hash_map<int64_t, std::unique_ptr<Entry>> trials_;
  std::set<int64_t> open_;
  std::set<int64_t> to_train_;
  std::set<int64_t> to_measure_;
  absl::flat_hash_map<Work, absl::InlinedVector<int64_t, 1>> open_by_work_;  // by number
  absl::flat_hash_map<Work, int64_t> results_;  // of all trials' work; 0: none has a result
  Front front_;
  int64_t feasible_ = 0;       // counted as far as the reference needs it
  std::vector<double> worst_;  // of each objective, among the first feasible trials
  std::vector<std::string> failures_;

  bool dirty_ = false;
  std::vector<int64_t> dirty_trials_;
  std::vector<EventRecord> events_;
  std::vector<AttemptRecord> attempts_;
  std::vector<std::string> dropped_;
};

}  // namespace cambrian
