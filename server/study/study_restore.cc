// The study's part that begins: new, from the store, or with another one's trials.
#include <algorithm>
#include <tuple>

#include "common/base/status.h"
#include "common/nas/origin.h"
#include "nlohmann/json.hpp"
#include "server/strategy/factory.h"
#include "server/study/examine.h"
#include "server/study/merit.h"
#include "server/study/study.h"

namespace cambrian {
namespace {

absl::StatusOr<Architecture> ArchitectureOf(const StudySpec& spec, const TrialRecord& trial) {
  return spec.space->FromJson(nlohmann::json::parse(trial.architecture, nullptr, false));
}

}  // namespace

Study::Study(StudyRecord record, std::shared_ptr<const StudySpec> spec, Options options)
    : spec_(spec), options_(options), state_(std::move(record), std::move(spec)) {}

absl::Status Study::MakeStrategy() {
  StrategyContext context;
  context.space = spec_->space;
  context.examine = MakeExamine(spec_);
  context.is_known = [this](absl::string_view key) { return state_.IsKnown(key); };
  ASSIGN_OR_RETURN(strategy_, cambrian::MakeStrategy(spec_->strategy, std::move(context)));
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Study>> Study::Make(StudyRecord record,
                                                   std::shared_ptr<const StudySpec> spec,
                                                   Options options) {
  std::unique_ptr<Study> study(new Study(std::move(record), std::move(spec), options));
  RETURN_IF_ERROR(study->MakeStrategy());
  return study;
}

absl::StatusOr<std::unique_ptr<Study>> Study::Load(StudyRecord record,
                                                   std::shared_ptr<const StudySpec> spec,
                                                   std::optional<SnapshotRecord> snapshot,
                                                   std::vector<TrialRecord> trials,
                                                   const std::vector<ResultKey>& results,
                                                   Options options) {
  ASSIGN_OR_RETURN(std::unique_ptr<Study> study, Make(std::move(record), std::move(spec), options));
  if (snapshot) {
    RETURN_IF_ERROR(study->strategy_->Restore(snapshot->strategy));
    study->last_snapshot_ = snapshot->event;
  }
  RETURN_IF_ERROR(study->TellSince(study->last_snapshot_, trials));
  RETURN_IF_ERROR(study->state_.Restore(snapshot ? snapshot->state : "", study->last_snapshot_,
                                        std::move(trials), results));
  return study;
}

// Tells the strategy what the store remembers, in the order of the sequence.
absl::Status Study::TellSince(int64_t event, const std::vector<TrialRecord>& trials) {
  std::vector<std::tuple<int64_t, const TrialRecord*, bool>>
      sequence;  // event, …, whether it ended
  for (const TrialRecord& trial : trials) {
    if (trial.proposed_event > event) sequence.emplace_back(trial.proposed_event, &trial, false);
    if (trial.ended_event > event) sequence.emplace_back(trial.ended_event, &trial, true);
  }
  std::sort(sequence.begin(), sequence.end());
  for (const auto& [number, trial, ended] : sequence) {
    if (ended) {
      strategy_->Tell(trial->number, OutcomeOfTrial(*spec_, *trial));
      continue;
    }
    const absl::StatusOr<Architecture> architecture = ArchitectureOf(*spec_, *trial);
    if (!architecture.ok()) {
      return Annotate(architecture.status(), absl::StrCat(record().name, "/", trial->number));
    }
    strategy_->Add(trial->number, *architecture);
  }
  return absl::OkStatus();
}

absl::Status Study::Inherit(const std::vector<TrialRecord>& trials, absl::string_view name,
                            absl::Time now) {
  if (spec_->strategy.name == "listed") {
    return absl::InvalidArgumentError("a study that tries a list has no use for other trials");
  }
  state_.SetContinues(name);
  for (const TrialRecord& trial : trials) {
    if (absl::Status status = InheritOne(trial, name, now); !status.ok()) {
      return Annotate(status, absl::StrCat(name, "/", trial.number));
    }
  }
  if (record().trials >= record().trial_budget) {
    return absl::InvalidArgumentError(absl::StrCat("the ", record().trials, " trials of ", name,
                                                   " use up the budget of ",
                                                   record().trial_budget));
  }
  return absl::OkStatus();
}

absl::Status Study::InheritOne(const TrialRecord& from, absl::string_view name, absl::Time now) {
  if (from.IsOpen() || from.state == v1::TRIAL_CANCELLED) return absl::OkStatus();
  if (from.state == v1::TRIAL_SUCCEEDED && !MissingMetric(*spec_, from.metrics).empty()) {
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const Architecture architecture, ArchitectureOf(*spec_, from));
  TrialRecord trial;
  trial.architecture = from.architecture;
  trial.canonical_key = from.canonical_key;
  trial.evaluation_key = from.evaluation_key;
  Origin origin;
  origin.source = Origin::Source::kInherited;
  origin.study = std::string(name);
  origin.parent = from.number;
  trial.origin = origin.ToString();
  const int64_t number = state_.Propose(std::move(trial), now);
  strategy_->Add(number, architecture);
  EndOne(number, now, [&](TrialRecord& record) {
    record.state = from.state;
    record.reason = from.reason;
    record.metrics = from.metrics;
    record.checkpoint = from.checkpoint;
    record.known = true;
  });
  return absl::OkStatus();
}

}  // namespace cambrian
