// The coordinator's part that reads studies back, and begins one with the trials of another.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "server/study/coordinator.h"

namespace cambrian {
namespace {

constexpr int64_t kPage = 1000;  // trials read at once

// Why trials of `before` say nothing to `spec`, or empty.
std::string Difference(const StudySpec& before, const StudySpec& spec) {
  if (before.design != spec.design) return "space or recipe";
  if (before.objectives != spec.objectives) return "list of objectives";
  if (before.data.sha256 != spec.data.sha256) return "data set";
  return "";
}

}  // namespace

// Into memory, with its leases: each gets one full term.
absl::Status Coordinator::LoadStudy(const StudyRecord& record) {
  ASSIGN_OR_RETURN(const std::string text, Settled().StudyText(record.id));
  ASSIGN_OR_RETURN(std::shared_ptr<const StudySpec> spec, reader_.parse(text));
  ASSIGN_OR_RETURN(std::optional<SnapshotRecord> snapshot, Settled().Snapshot(record.id));
  ASSIGN_OR_RETURN(std::vector<TrialRecord> trials,
                   Settled().TrialsSince(record.id, snapshot ? snapshot->event : 0));
  ASSIGN_OR_RETURN(const std::vector<ResultKey> results, Settled().ResultKeys(record.id));
  auto entry = std::make_unique<Entry>();
  ASSIGN_OR_RETURN(entry->study, Study::Load(record, std::move(spec), std::move(snapshot),
                                             std::move(trials), results, options_.studies));
  for (int64_t number : entry->study->state().open()) {
    const TrialRecord& trial = entry->study->state().trial(number);
    if (trial.state != v1::TRIAL_RUNNING) continue;
    leases_->Restore({record.id, number}, trial.token, trial.worker, clock_.Monotonic());
  }
  Touch(*entry);
  studies_[record.id] = std::move(entry);
  return absl::OkStatus();
}

absl::StatusOr<StudyRecord> Coordinator::FindAncestor(const Scope& scope, const StudySpec& spec,
                                                      const std::string& name) {
  ASSIGN_OR_RETURN(const Known known, Find(scope, name));
  ASSIGN_OR_RETURN(StudyRecord record, Settled().Study(name));
  if (studies_.contains(known.id) || record.state == v1::ACTIVE || record.state == v1::PAUSED) {
    return absl::FailedPreconditionError(absl::StrCat("study \"", name, "\" has not ended"));
  }
  ASSIGN_OR_RETURN(const std::string text, Settled().StudyText(record.id));
  ASSIGN_OR_RETURN(const std::shared_ptr<const StudySpec> before, reader_.parse(text));
  if (const std::string difference = Difference(*before, spec); !difference.empty()) {
    return absl::FailedPreconditionError(absl::StrCat("study \"", name,
                                                      "\" cannot be continued: its ", difference,
                                                      " is not that of the new file"));
  }
  return record;
}

absl::Status Coordinator::Inherit(Study& study, const StudyRecord& from) {
  std::vector<TrialRecord> trials;
  for (int64_t after = 0; after < from.trials;) {
    ASSIGN_OR_RETURN(std::vector<TrialRecord> page, Settled().Trials(from.id, after, kPage));
    if (page.empty()) return absl::DataLossError("trials are missing in the store");
    after = page.back().number;
    std::move(page.begin(), page.end(), std::back_inserter(trials));
  }
  std::sort(trials.begin(), trials.end(), [](const TrialRecord& a, const TrialRecord& b) {
    return a.ended_event < b.ended_event;
  });
  return study.Inherit(trials, from.name, wall_);
}

}  // namespace cambrian
