// What has happened in one study, and what follows from it by counting.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "common/nas/front.h"
#include "common/spec/study_spec.h"
#include "server/store/records.h"

namespace cambrian {

// One step of a study's sequence. `trial` is the trial as it is from now on, number 0 for kState.
struct StudyEvent {
  EventKind kind = EventKind::kState;
  absl::Time time;
  TrialRecord trial;
  v1::StudyState state = v1::ACTIVE;  // these three for kState
  std::string reason;
  int64_t trial_budget = 0;
};

// Pure: no I/O, no clock, no threads; changed only through `Apply` (and the passing of time). What
// changed waits for `TakeChanges`, which the coordinator commits.
class StudyState {
 public:
  // A study and its trials as the store has them, by number; none for a new study.
  StudyState(StudyRecord record, std::shared_ptr<const StudySpec> spec,
             std::vector<TrialRecord> trials);

  // The next event of the sequence. An ended trial never changes.
  void Apply(StudyEvent event);

  // Time that passed while the study was active.
  void Pass(absl::Duration time) { record_.elapsed += time; }
  void SetSuccessor(absl::string_view name);

  const StudyRecord& record() const { return record_; }
  bool Has(int64_t number) const { return number >= 1 && number <= record_.trials; }
  const TrialRecord& trial(int64_t number) const { return trials_[number - 1]; }
  const Front& front() const { return front_; }

  // Open trials, by number, and those of them that do this work.
  const std::set<int64_t>& open() const { return open_; }
  std::vector<int64_t> OpenWith(absl::string_view evaluation_key) const;
  // Whether the trial should run: it is queued and no other open one with its work comes first.
  bool IsRunnable(int64_t number) const;
  std::optional<int64_t> FirstRunnable() const;
  // The ended trial of this study that has the result of this work.
  std::optional<int64_t> ResultOf(absl::string_view evaluation_key) const;

  // Failures since the last success, and the commonest of their reasons.
  int64_t failures_in_row() const { return static_cast<int64_t>(failures_.size()); }
  std::string CommonestFailure() const;

  // Adds every row that changed since the last call, and checkpoints that its trials do not need
  // any longer.
  void TakeChanges(Batch& batch, std::vector<std::string>& dropped_checkpoints);

 private:
  void ApplyToStudy(const StudyEvent& event);
  void ApplyToTrial(StudyEvent event);
  void Count(const TrialRecord& trial, int64_t by);
  void Index(const TrialRecord& trial);
  void Unindex(const TrialRecord& trial);
  // What follows from a trial that has ended: front, hypervolume, failures in a row.
  void Judge(const TrialRecord& trial);
  void UpdateFront(const TrialRecord& trial);
  void DropCheckpoint(int64_t number);
  void Record(int64_t number, const StudyEvent& event);

  StudyRecord record_;
  const std::shared_ptr<const StudySpec> spec_;
  std::vector<TrialRecord> trials_;  // by number - 1
  std::set<int64_t> open_;
  absl::flat_hash_map<std::string, std::set<int64_t>> open_by_key_;
  absl::flat_hash_map<std::string, int64_t> result_by_key_;
  Front front_;
  int64_t feasible_ = 0;
  std::vector<double> worst_;  // of each objective, among the first feasible trials
  std::vector<std::string> failures_;

  bool dirty_ = false;
  std::set<int64_t> dirty_trials_;
  std::vector<EventRecord> events_;
  std::vector<std::string> dropped_checkpoints_;
};

}  // namespace cambrian
