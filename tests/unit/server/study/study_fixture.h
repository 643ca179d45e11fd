// A study driven by hand: grants, results, and a store that remembers its rows.
#pragma once

#include <algorithm>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/wire/convert.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/study/study.h"
#include "tests/testing/server_study.h"

namespace cambrian {

inline const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);
inline constexpr Offer kBoth = {.trains = true, .measures = true};

class StudyTest : public ::testing::Test {
 protected:
  std::unique_ptr<Study> Begin(const std::string& text, Study::Options options = {}) {
    spec_ = testing::ParseToy(text);
    StudyRecord record;
    record.id = 1;
    record.name = "toy-1";
    record.text = text;
    record.trial_budget = spec_->budget.trials;
    record.time_budget = spec_->budget.time;
    std::unique_ptr<Study> study = Study::Make(record, spec_, options).value();
    study->Announce(kNow);
    return study;
  }

  static absl::StatusOr<std::optional<TrialRecord>> NothingKnown(absl::string_view) {
    return std::optional<TrialRecord>();
  }
  absl::StatusOr<TrialRecord> FindRow(int64_t number) const {
    auto it = rows_.find(number);
    if (it == rows_.end()) return absl::NotFoundError("no such row");
    return it->second;
  }
  absl::StatusOr<std::optional<NextWork>> Ask(Study& study, Offer offer = kBoth,
                                              const Study::FindKnown& known = &NothingKnown) {
    return study.Next(kNow, offer, known, [this](int64_t number) { return FindRow(number); });
  }
  // The next trial, running; 0 if there is none.
  int64_t Run(Study& study, Offer offer = kBoth) {
    const std::optional<NextWork> next = Ask(study, offer).value();
    if (!next) return 0;
    work_ = next->work;
    study.Start(next->trial, next->work, ++token_, "w", kNow);
    return next->trial;
  }

  static v1::Completion Success(double accuracy, Metrics others = {}) {
    v1::Completion completion;
    completion.set_outcome(v1::OUTCOME_SUCCEEDED);
    completion.set_seconds(2);
    others["accuracy"].value = accuracy;
    ToProto(others, completion.mutable_metrics());
    return completion;
  }
  static v1::Completion Without(v1::OutcomeKind kind, absl::string_view reason = "") {
    v1::Completion completion;
    completion.set_outcome(kind);
    completion.set_reason(std::string(reason));
    return completion;
  }
  void Complete(Study& study, int64_t trial, const v1::Completion& completion) {
    study.Complete(trial, study.state().trial(trial).token, completion, kNow);
  }

  // Takes the changes into the rows, as a commit does.
  Batch Commit(Study& study) {
    Batch batch;
    study.TakeChanges(batch, dropped_);
    for (const TrialRecord& trial : batch.trials) rows_[trial.number] = trial;
    for (const SnapshotRecord& snapshot : batch.snapshots) snapshot_ = snapshot;
    attempts_.insert(attempts_.end(), batch.attempts.begin(), batch.attempts.end());
    return batch;
  }
  // The study as the rows have it; from the beginning, or from the snapshot if there is one.
  std::unique_ptr<Study> Reload(const Study& study, bool from_snapshot,
                                Study::Options options = {}) {
    std::optional<SnapshotRecord> snapshot;
    if (from_snapshot) snapshot = snapshot_;
    const int64_t event = snapshot ? snapshot->event : 0;
    std::vector<TrialRecord> trials;
    std::vector<ResultKey> results;
    std::set<std::string> keys;
    for (const auto& [number, row] : rows_) {
      if (row.IsOpen() || row.on_front || row.proposed_event > event || row.ended_event > event) {
        trials.push_back(row);
      }
      const bool has_result = row.state == v1::TRIAL_SUCCEEDED || row.state == v1::TRIAL_INFEASIBLE;
      if (has_result && keys.insert(row.evaluation_key).second) {
        results.push_back({number, row.evaluation_key});
      }
    }
    return Study::Load(study.record(), spec_, snapshot, std::move(trials), results, options)
        .value();
  }

  std::shared_ptr<const StudySpec> spec_;
  int64_t token_ = 0;
  v1::Work work_ = v1::WORK_ALL;  // that Run gave last
  std::map<int64_t, TrialRecord> rows_;
  std::optional<SnapshotRecord> snapshot_;
  std::vector<AttemptRecord> attempts_;
  std::vector<std::string> dropped_;
};

}  // namespace cambrian
