#include "server/study/study.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "common/base/status.h"
#include "common/wire/convert.h"
#include "server/strategy/factory.h"
#include "server/study/examine.h"
#include "server/study/merit.h"

namespace cambrian {
namespace {

// The twin has the result of `from`; `same_as` is 0 if that is a trial of another study.
TrialRecord WithResultOf(const TrialRecord& from, TrialRecord twin, int64_t same_as) {
  twin.state = from.state;
  twin.reason = from.reason;
  twin.metrics = from.metrics;
  twin.checkpoint = from.checkpoint;
  twin.same_as = same_as;
  twin.known = from.state == v1::TRIAL_SUCCEEDED;
  return twin;
}

}  // namespace

Study::Study(StudyRecord record, std::shared_ptr<const StudySpec> spec,
             std::vector<TrialRecord> trials, Options options)
    : spec_(spec), options_(options), state_(std::move(record), spec, std::move(trials)) {}

absl::StatusOr<std::unique_ptr<Study>> Study::Make(StudyRecord record,
                                                   std::shared_ptr<const StudySpec> spec,
                                                   std::vector<TrialRecord> trials,
                                                   Options options) {
  ASSIGN_OR_RETURN(std::unique_ptr<SearchStrategy> strategy,
                   MakeStrategy(spec->strategy, {spec->space, MakeExamine(spec)}));
  std::unique_ptr<Study> study(
      new Study(std::move(record), std::move(spec), std::move(trials), options));
  study->strategy_ = std::move(strategy);
  RETURN_IF_ERROR(study->Replay());
  return study;
}

absl::Status Study::Replay() {
  std::vector<std::tuple<int64_t, int64_t, bool>> sequence;  // event, trial, whether it ended
  for (int64_t number = 1; number <= record().trials; ++number) {
    const TrialRecord& trial = state_.trial(number);
    sequence.emplace_back(trial.proposed_event, number, false);
    if (!trial.IsOpen()) sequence.emplace_back(trial.ended_event, number, true);
  }
  std::sort(sequence.begin(), sequence.end());
  for (const auto& [event, number, ended] : sequence) {
    const TrialRecord& trial = state_.trial(number);
    if (ended) {
      strategy_->Tell(number, OutcomeOfTrial(*spec_, trial));
      continue;
    }
    const auto json = nlohmann::json::parse(trial.architecture, nullptr, false);
    absl::StatusOr<Architecture> architecture = spec_->space->FromJson(json);
    if (!architecture.ok()) {
      return Annotate(architecture.status(), absl::StrCat(record().name, "/", number));
    }
    strategy_->Add(number, *architecture, trial.evaluation_key);
  }
  return absl::OkStatus();
}

void Study::Announce(absl::Time now) { ApplyState(v1::ACTIVE, "", record().trial_budget, now); }

bool Study::IsOutOfTime() const { return record().elapsed >= record().time_budget; }

// Why the study ends before its budget of trials is used up; empty if it does not.
absl::string_view Study::WhyEarly() const {
  if (record().trials >= record().trial_budget) return "";
  return exhausted_ ? "there is nothing more to try" : "its time is over";
}

bool Study::MayAsk() const {
  return IsActive() && !exhausted_ && !waiting_ && !IsOutOfTime() &&
         record().trials < record().trial_budget;
}

bool Study::MayHaveWork() const {
  return IsActive() && !IsOutOfTime() && (MayAsk() || state_.FirstRunnable().has_value());
}

absl::StatusOr<std::optional<int64_t>> Study::Next(absl::Time now, const FindKnown& find_known) {
  unfinished_ = false;
  if (IsOutOfTime()) return std::optional<int64_t>();
  for (int i = 0; i < kMaxSettled; ++i) {
    if (std::optional<int64_t> queued = state_.FirstRunnable()) return queued;
    if (!MayAsk()) return std::optional<int64_t>();
    // An ask that leads to nothing changes nothing, so the next trial's number names the ask.
    Random random(spec_->seed, static_cast<uint64_t>(record().trials + 1));
    AskAnswer answer = strategy_->Ask(1, random);
    if (answer.proposals.empty()) {
      exhausted_ = answer.state == AskState::kExhausted;
      waiting_ = !exhausted_;
      return std::optional<int64_t>();
    }
    ASSIGN_OR_RETURN(std::optional<int64_t> number,
                     Adopt(std::move(answer.proposals[0]), now, find_known));
    if (number) return number;
  }
  unfinished_ = true;
  return std::optional<int64_t>();
}

absl::StatusOr<std::optional<int64_t>> Study::Adopt(Proposal proposal, absl::Time now,
                                                    const FindKnown& find_known) {
  Candidate& candidate = proposal.candidate;
  TrialRecord trial;
  trial.architecture = spec_->space->ToJson(candidate.architecture).dump();
  trial.canonical_key = candidate.canonical_key;
  trial.evaluation_key = candidate.evaluation_key;
  trial.metrics = candidate.metrics;
  trial.origin = proposal.origin;
  std::optional<TrialRecord> known;
  const std::optional<int64_t> same = state_.ResultOf(trial.evaluation_key);
  const bool has_twin = !state_.OpenWith(trial.evaluation_key).empty();
  if (!same && !has_twin && candidate.obstacle.empty()) {
    ASSIGN_OR_RETURN(known, find_known(trial.evaluation_key));
    // Another study may have asked for less of its evaluator.
    if (known && !MissingMetric(*spec_, known->metrics).empty()) known.reset();
  }
  ApplyTrial(EventKind::kProposed, trial, now);
  trial = state_.trial(record().trials);
  strategy_->Add(trial.number, candidate.architecture, trial.evaluation_key);
  if (same) {
    EndTrial(WithResultOf(state_.trial(*same), std::move(trial), *same), now);
  } else if (!candidate.obstacle.empty()) {
    trial.state = v1::TRIAL_INFEASIBLE;
    trial.reason = candidate.obstacle;
    EndTrial(std::move(trial), now);
  } else if (known) {
    EndTrial(WithResultOf(*known, std::move(trial), 0), now);
  } else if (!has_twin) {
    return std::optional<int64_t>(trial.number);
  }
  return std::optional<int64_t>();
}

void Study::ApplyTrial(EventKind kind, TrialRecord trial, absl::Time now) {
  StudyEvent event;
  event.kind = kind;
  event.time = now;
  event.trial = std::move(trial);
  state_.Apply(std::move(event));
}

void Study::ApplyState(v1::StudyState state, absl::string_view reason, int64_t budget,
                       absl::Time now) {
  StudyEvent event;
  event.time = now;
  event.state = state;
  event.reason = std::string(reason);
  event.trial_budget = budget;
  state_.Apply(std::move(event));
}

void Study::Start(int64_t number, int64_t token, absl::string_view worker, absl::Time now) {
  TrialRecord trial = state_.trial(number);
  trial.state = v1::TRIAL_RUNNING;
  trial.token = token;
  trial.worker = std::string(worker);
  trial.started = now;
  trial.reason.clear();  // of the attempt before
  trial.progress.Clear();
  ++trial.attempts;
  ApplyTrial(EventKind::kStarted, std::move(trial), now);
}

bool Study::IsCurrent(int64_t number, int64_t token) const {
  return state_.Has(number) && token > 0 && state_.trial(number).IsOpen() &&
         state_.trial(number).token == token;
}

void Study::Progress(int64_t number, int64_t token, const v1::Progress& progress, absl::Time now) {
  if (!IsCurrent(number, token)) return;
  TrialRecord trial = state_.trial(number);
  if (trial.state != v1::TRIAL_RUNNING || progress.step() <= trial.progress.step()) return;
  trial.progress = progress;
  ApplyTrial(EventKind::kProgress, std::move(trial), now);
}

void Study::Complete(int64_t number, int64_t token, const v1::Completion& completion,
                     absl::Time now) {
  if (!IsCurrent(number, token)) return;
  TrialRecord trial = state_.trial(number);
  trial.reason = completion.reason();
  if (std::isfinite(completion.seconds()) && completion.seconds() > 0) {
    trial.seconds += completion.seconds();
  }
  switch (completion.outcome()) {
    case v1::OUTCOME_SUCCEEDED:
      Succeed(std::move(trial), completion, now);
      return;
    case v1::OUTCOME_INFEASIBLE:
      trial.state = v1::TRIAL_INFEASIBLE;
      break;
    case v1::OUTCOME_OUT_OF_MEMORY:
      if (++trial.out_of_memory < options_.max_out_of_memory) return Retry(std::move(trial), now);
      trial.state = v1::TRIAL_INFEASIBLE;
      break;
    case v1::OUTCOME_CRASHED:
      if (++trial.losses < options_.max_losses) return Retry(std::move(trial), now);
      trial.state = v1::TRIAL_FAILED;
      break;
    case v1::OUTCOME_STOPPED:
      Requeue(number, token, /*lost=*/false, now);
      return;
    default:
      trial.state = v1::TRIAL_FAILED;
      if (trial.reason.empty()) trial.reason = "the evaluator gave no reason";
  }
  const std::string reason = trial.reason;
  EndTrial(std::move(trial), now);
  if (completion.outcome() == v1::OUTCOME_BAD_DATA) End(v1::FAILED, reason, now);
}

void Study::Succeed(TrialRecord trial, const v1::Completion& completion, absl::Time now) {
  Metrics metrics = FromProto(completion.metrics());
  for (const auto& [name, value] : trial.metrics) metrics[name] = value;  // analytic
  trial.metrics = std::move(metrics);
  trial.checkpoint = completion.checkpoint();
  trial.reason = MissingMetric(*spec_, trial.metrics);
  trial.state = trial.reason.empty() ? v1::TRIAL_SUCCEEDED : v1::TRIAL_FAILED;
  for (auto it = trial.metrics.begin(); it != trial.metrics.end();) {
    if (std::isfinite(it->second.value)) {
      ++it;
      continue;
    }
    trial.state = v1::TRIAL_INFEASIBLE;
    trial.reason = absl::StrCat(it->first, " is not a finite number");
    it = trial.metrics.erase(it);
  }
  EndTrial(std::move(trial), now);
}

void Study::Requeue(int64_t number, int64_t token, bool lost, absl::Time now) {
  if (!IsCurrent(number, token) || state_.trial(number).state != v1::TRIAL_RUNNING) return;
  TrialRecord trial = state_.trial(number);
  if (lost && ++trial.losses >= options_.max_losses) {
    trial.state = v1::TRIAL_FAILED;
    trial.reason = absl::StrCat("lost: no word from its worker, ", trial.losses, " times");
    EndTrial(std::move(trial), now);
    return;
  }
  if (!lost) --trial.attempts;
  Retry(std::move(trial), now);
}

void Study::Retry(TrialRecord trial, absl::Time now) {
  trial.state = v1::TRIAL_QUEUED;
  ApplyTrial(EventKind::kRequeued, std::move(trial), now);
}

void Study::EndTrial(TrialRecord trial, absl::Time now) {
  const int64_t number = trial.number;
  const std::string key = trial.evaluation_key;
  EndOne(std::move(trial), now);
  if (state_.ResultOf(key)) {
    for (int64_t twin : state_.OpenWith(key)) {
      EndOne(WithResultOf(state_.trial(number), state_.trial(twin), number), now);
    }
  }
  if (IsActive() && state_.failures_in_row() >= spec_->budget.failures) {
    End(v1::FAILED, state_.CommonestFailure(), now);
  }
}

void Study::EndOne(TrialRecord trial, absl::Time now) {
  const int64_t number = trial.number;
  ApplyTrial(EventKind::kEnded, std::move(trial), now);
  strategy_->Tell(number, OutcomeOfTrial(*spec_, state_.trial(number)));
  waiting_ = false;
}

void Study::End(v1::StudyState state, absl::string_view reason, absl::Time now) {
  if (!IsActive()) return;
  const std::set<int64_t> open = state_.open();
  for (int64_t number : open) {
    TrialRecord trial = state_.trial(number);
    if (trial.state == v1::TRIAL_RUNNING) cancelled_.emplace_back(number, trial.token);
    trial.state = v1::TRIAL_CANCELLED;
    trial.reason = "the study ended";
    ApplyTrial(EventKind::kEnded, std::move(trial), now);
  }
  ApplyState(state, reason, record().trial_budget, now);
  last_advance_.reset();
}

absl::Status Study::Extend(int64_t trials, absl::Time now) {
  if (record().state != v1::COMPLETED && !IsActive()) {
    return absl::FailedPreconditionError("only a study that is active or completed can go on");
  }
  if (trials <= record().trial_budget) {
    return absl::InvalidArgumentError(
        absl::StrCat("its budget is ", record().trial_budget, " trials already"));
  }
  if (IsOutOfTime()) return absl::FailedPreconditionError("its time budget is used up");
  ApplyState(v1::ACTIVE, "", trials, now);
  return absl::OkStatus();
}

void Study::Advance(absl::Duration monotonic) {
  if (!IsActive()) return;
  if (last_advance_) state_.Pass(monotonic - *last_advance_);
  const bool counts = last_advance_ || record().running > 0 || record().elapsed > absl::Duration();
  if (counts) last_advance_ = monotonic;
}

std::optional<absl::Duration> Study::TimeLeft() const {
  if (!IsActive() || !last_advance_ || record().time_budget == absl::InfiniteDuration()) {
    return std::nullopt;
  }
  return record().time_budget - record().elapsed;
}

void Study::Settle(absl::Time now) {
  if (!IsActive()) return;
  if (IsOutOfTime()) {
    const std::set<int64_t> open = state_.open();
    for (int64_t number : open) {
      TrialRecord trial = state_.trial(number);
      if (trial.state != v1::TRIAL_QUEUED) continue;
      trial.state = v1::TRIAL_CANCELLED;
      trial.reason = "the study's time was over";
      EndOne(std::move(trial), now);
    }
  }
  const bool nothing_comes =
      exhausted_ || IsOutOfTime() || record().trials >= record().trial_budget;
  if (nothing_comes && state_.open().empty()) {
    ApplyState(v1::COMPLETED, WhyEarly(), record().trial_budget, now);
    last_advance_.reset();
  }
}

std::optional<int64_t> Study::Best() const {
  if (state_.front().points().empty()) return std::nullopt;
  return state_.front().points()[0].id;
}

}  // namespace cambrian
