#include "server/study/study.h"

#include <algorithm>
#include <set>

#include "common/base/status.h"
#include "server/study/merit.h"

namespace cambrian {
namespace {

// The twin has the result of `from`; `same_as` is 0 if that is a trial of another study.
void TakeResult(const TrialRecord& from, int64_t same_as, TrialRecord& twin) {
  twin.state = from.state;
  twin.reason = from.reason;
  twin.metrics = from.metrics;
  twin.checkpoint = from.checkpoint;
  twin.same_as = same_as;
  twin.known = from.state == v1::TRIAL_SUCCEEDED;
}

}  // namespace

void Study::Announce(absl::Time now) {
  state_.ChangeStudy(v1::ACTIVE, "", record().trial_budget, now);
}

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

bool Study::MayHaveWork(Offer offer) const {
  if (!IsActive() || IsOutOfTime()) return false;
  return FirstReady(offer).has_value() || (offer.trains && MayAsk());
}

v1::Work Study::WorkFor(const TrialRecord& trial, bool measures) const {
  if (trial.trained) return v1::WORK_MEASURE;
  return MeasuresApart() && !measures ? v1::WORK_TRAIN : v1::WORK_ALL;
}

v1::Work Study::WorkOf(int64_t trial) const {
  return WorkFor(state_.trial(trial), whole_.contains(trial));
}

std::optional<NextWork> Study::FirstReady(Offer offer) const {
  std::optional<int64_t> ready;
  if (offer.measures) ready = state_.FirstToMeasure();
  if (!ready && offer.trains) ready = state_.FirstToTrain();
  if (!ready) return std::nullopt;
  return NextWork{*ready, WorkFor(state_.trial(*ready), offer.measures)};
}

absl::StatusOr<std::optional<NextWork>> Study::Next(absl::Time now, Offer offer,
                                                    const FindKnown& find_known,
                                                    const FindTrial& find_trial) {
  unfinished_ = false;
  for (int i = 0; i < kMaxSettled; ++i) {
    if (!MayHaveWork(offer)) return std::optional<NextWork>();
    if (std::optional<NextWork> ready = FirstReady(offer)) return ready;
    // An ask that leads to nothing changes nothing, so the next trial's number names the ask.
    Random random(spec_->seed, static_cast<uint64_t>(record().trials + 1));
    AskAnswer answer = strategy_->Ask(1, random);
    if (answer.proposals.empty()) {
      exhausted_ = answer.state == AskState::kExhausted;
      waiting_ = !exhausted_;
      return std::optional<NextWork>();
    }
    RETURN_IF_ERROR(Adopt(std::move(answer.proposals[0]), now, find_known, find_trial));
  }
  unfinished_ = true;
  return std::optional<NextWork>();
}

absl::Status Study::Adopt(Proposal proposal, absl::Time now, const FindKnown& find_known,
                          const FindTrial& find_trial) {
  Candidate& candidate = proposal.candidate;
  // Reads first: if one fails, nothing has changed.
  std::optional<TrialRecord> known;
  const int64_t same = state_.ResultOf(candidate.evaluation_key).value_or(0);
  const bool is_done = candidate.obstacle.empty();
  if (const TrialRecord* original = state_.Find(same)) {
    known = *original;
  } else if (same != 0) {
    ASSIGN_OR_RETURN(known, find_trial(same));
  } else if (is_done && state_.OpenWith(candidate.evaluation_key).empty()) {
    ASSIGN_OR_RETURN(known, find_known(candidate.evaluation_key));
    // Another study may have asked for less of its evaluator.
    if (known && !MissingMetric(*spec_, known->metrics).empty()) known.reset();
  }
  TrialRecord trial;
  trial.architecture = spec_->space->ToJson(candidate.architecture).dump();
  trial.canonical_key = std::move(candidate.canonical_key);
  trial.evaluation_key = std::move(candidate.evaluation_key);
  trial.metrics = std::move(candidate.metrics);
  trial.origin = std::move(proposal.origin);
  const int64_t number = state_.Propose(std::move(trial), now);
  strategy_->Add(number, candidate.architecture);
  if (known) {
    EndTrial(number, now, [&](TrialRecord& twin) { TakeResult(*known, same, twin); });
  } else if (!is_done) {
    EndTrial(number, now, [&](TrialRecord& infeasible) {
      infeasible.state = v1::TRIAL_INFEASIBLE;
      infeasible.reason = candidate.obstacle;
    });
  }
  return absl::OkStatus();
}

void Study::EndTrial(int64_t number, absl::Time now, Edit edit) {
  EndOne(number, now, edit);
  const TrialRecord& trial = state_.trial(number);
  if (state_.ResultOf(trial.evaluation_key)) {
    for (int64_t twin : state_.OpenWith(trial.evaluation_key)) {
      EndOne(twin, now, [&](TrialRecord& record) { TakeResult(trial, number, record); });
    }
  }
  if (IsOpen() && state_.failures_in_row() >= spec_->budget.failures) {
    End(v1::FAILED, state_.CommonestFailure(), now);
  }
}

void Study::EndOne(int64_t number, absl::Time now, Edit edit) {
  state_.Change(number, EventKind::kEnded, now, edit);
  whole_.erase(number);
  strategy_->Tell(number, OutcomeOfTrial(*spec_, state_.trial(number)));
  waiting_ = false;
}

absl::Status Study::Pause(absl::Time now) {
  if (!IsOpen()) return absl::FailedPreconditionError("it has ended");
  if (IsPaused()) return absl::OkStatus();
  state_.ChangeStudy(v1::PAUSED, "", record().trial_budget, now);
  last_advance_.reset();
  return absl::OkStatus();
}

absl::Status Study::Resume(absl::Time now) {
  if (!IsOpen()) return absl::FailedPreconditionError("it has ended");
  if (IsPaused()) state_.ChangeStudy(v1::ACTIVE, "", record().trial_budget, now);
  return absl::OkStatus();
}

void Study::End(v1::StudyState state, absl::string_view reason, absl::Time now) {
  if (!IsOpen()) return;
  const std::set<int64_t> open = state_.open();
  for (int64_t number : open) {
    const TrialRecord& trial = state_.trial(number);
    if (trial.state == v1::TRIAL_RUNNING) {
      cancelled_.emplace_back(number, trial.token);
      EndAttempt(trial, v1::ATTEMPT_CANCELLED, "the study ended", 0, "", now);
    }
    EndOne(number, now, [](TrialRecord& record) {
      record.state = v1::TRIAL_CANCELLED;
      record.reason = "the study ended";
    });
  }
  state_.ChangeStudy(state, reason, record().trial_budget, now);
  last_advance_.reset();
}

absl::Status Study::Extend(int64_t trials, absl::Time now) {
  if (record().state != v1::COMPLETED && !IsOpen()) {
    return absl::FailedPreconditionError("only a study that is active or completed can go on");
  }
  if (trials <= record().trial_budget) {
    return absl::InvalidArgumentError(
        absl::StrCat("its budget is ", record().trial_budget, " trials already"));
  }
  if (IsOutOfTime()) return absl::FailedPreconditionError("its time budget is used up");
  state_.ChangeStudy(IsPaused() ? v1::PAUSED : v1::ACTIVE, "", trials, now);
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
      if (state_.trial(number).state == v1::TRIAL_RUNNING) continue;
      EndOne(number, now, [](TrialRecord& record) {
        record.state = v1::TRIAL_CANCELLED;
        record.reason = "the study's time was over";
      });
    }
  }
  const bool nothing_comes =
      exhausted_ || IsOutOfTime() || record().trials >= record().trial_budget;
  if (nothing_comes && state_.open().empty()) {
    state_.ChangeStudy(v1::COMPLETED, WhyEarly(), record().trial_budget, now);
    last_advance_.reset();
  }
}

std::optional<int64_t> Study::Best() const {
  if (state_.front().points().empty()) return std::nullopt;
  return state_.front().points()[0].id;
}

void Study::TakeChanges(Batch& batch, std::vector<std::string>& dropped_artifacts) {
  state_.TakeChanges(batch, dropped_artifacts);
  const int64_t event = record().event;
  if (!IsOpen() ||
      event - last_snapshot_ <= std::max(options_.snapshot_events, record().trials / 4)) {
    return;
  }
  batch.snapshots.push_back({record().id, event, strategy_->Snapshot(), state_.Snapshot()});
  last_snapshot_ = event;
}

}  // namespace cambrian
