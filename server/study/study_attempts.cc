// The study's part that hears of attempts: begun, going on, ended one way or another.
#include <cmath>
#include <utility>

#include "absl/strings/match.h"
#include "common/wire/convert.h"
#include "server/study/merit.h"
#include "server/study/study.h"

namespace cambrian {
namespace {

constexpr size_t kMaxLogBytes = 64 << 10;

double SecondsOf(const v1::Completion& completion) {
  const double seconds = completion.seconds();
  return std::isfinite(seconds) && seconds > 0 ? seconds : 0;
}

// The first metric that is not a finite number, or empty; all such are erased.
std::string EraseNotFinite(Metrics& metrics) {
  std::string first;
  for (auto it = metrics.begin(); it != metrics.end();) {
    if (std::isfinite(it->second.value)) {
      ++it;
      continue;
    }
    if (first.empty()) first = it->first;
    it = metrics.erase(it);
  }
  return first;
}

}  // namespace

void Study::Start(int64_t number, v1::Work work, int64_t token, absl::string_view worker,
                  absl::Time now) {
  if (work == v1::WORK_ALL) {
    whole_.insert(number);
  } else {
    whole_.erase(number);
  }
  state_.Change(number, EventKind::kStarted, now, [&](TrialRecord& trial) {
    trial.state = v1::TRIAL_RUNNING;
    trial.token = token;
    trial.worker = std::string(worker);
    trial.started = now;
    trial.reason.clear();  // of the attempt before
    // What goes on from a checkpoint says no step twice.
    if (trial.resume_from.empty() && work != v1::WORK_MEASURE) trial.progress.Clear();
    ++trial.attempts;
  });
}

bool Study::IsCurrent(int64_t number, int64_t token) const {
  const TrialRecord* trial = state_.Find(number);
  return trial != nullptr && token > 0 && trial->IsOpen() && trial->token == token;
}

void Study::Progress(int64_t number, int64_t token, const v1::Progress& progress,
                     absl::string_view checkpoint, absl::Time now) {
  if (!IsCurrent(number, token)) return;
  const TrialRecord& trial = state_.trial(number);
  if (trial.state != v1::TRIAL_RUNNING) return;
  const bool newer = progress.step() > trial.progress.step();
  const bool saved = !checkpoint.empty() && checkpoint != trial.resume_from && !trial.trained;
  if (!newer && !saved) return;
  state_.Change(number, EventKind::kProgress, now, [&](TrialRecord& record) {
    if (newer) {
      record.progress = progress;
      record.progress.DiscardUnknownFields();
    }
    TakeCheckpoint(record, checkpoint);
  });
}

void Study::TakeCheckpoint(TrialRecord& trial, absl::string_view checkpoint) {
  if (checkpoint.empty() || checkpoint == trial.resume_from || trial.trained) return;
  state_.Drop(std::exchange(trial.resume_from, std::string(checkpoint)));
  trial.losses = 0;
}

void Study::EndAttempt(const TrialRecord& trial, v1::AttemptEnd end, absl::string_view reason,
                       double seconds, absl::string_view log, absl::Time now) {
  // One whose lease was lost has ended as lost, whatever it may say later.
  if (trial.state != v1::TRIAL_RUNNING) return;
  AttemptRecord attempt;
  attempt.study = record().id;
  attempt.trial = trial.number;
  attempt.token = trial.token;
  attempt.worker = trial.worker;
  attempt.measures = trial.trained;
  attempt.started = trial.started.value_or(now);
  attempt.ended = now;
  attempt.end = end;
  attempt.reason = std::string(reason);
  attempt.seconds = seconds;
  attempt.log = std::string(log.substr(log.size() > kMaxLogBytes ? log.size() - kMaxLogBytes : 0));
  state_.AddAttempt(std::move(attempt));
}

void Study::EndAttempt(const TrialRecord& trial, v1::AttemptEnd end,
                       const v1::Completion& completion, absl::Time now) {
  EndAttempt(trial, end, completion.reason(), SecondsOf(completion), completion.log(), now);
}

void Study::Retry(int64_t number, absl::Time now, Edit edit) {
  state_.Change(number, EventKind::kRequeued, now, [&](TrialRecord& trial) {
    edit(trial);
    trial.state = trial.trained ? v1::TRIAL_WAITING : v1::TRIAL_QUEUED;
  });
}

void Study::Preempt(int64_t number, absl::string_view checkpoint, double seconds, absl::Time now) {
  Retry(number, now, [&](TrialRecord& trial) {
    TakeCheckpoint(trial, checkpoint);
    trial.seconds += seconds;
    --trial.attempts;
  });
}

void Study::HandBack(int64_t number, int64_t token, const v1::HandBack& hand_back, absl::Time now) {
  if (!IsCurrent(number, token)) return;
  const TrialRecord& trial = state_.trial(number);
  if (trial.state != v1::TRIAL_RUNNING) return;
  EndAttempt(trial, v1::ATTEMPT_PREEMPTED, hand_back.reason(), 0, "", now);
  Preempt(number, hand_back.checkpoint(), 0, now);
}

void Study::Lose(int64_t number, int64_t token, absl::Time now) {
  if (!IsCurrent(number, token)) return;
  const TrialRecord& trial = state_.trial(number);
  if (trial.state != v1::TRIAL_RUNNING) return;
  EndAttempt(trial, v1::ATTEMPT_LOST, "no word from its worker", 0, "", now);
  const int losses = trial.losses + 1;
  if (losses < options_.max_losses) {
    Retry(number, now, [&](TrialRecord& record) { record.losses = losses; });
    return;
  }
  EndTrial(number, now, [&](TrialRecord& record) {
    record.losses = losses;
    record.state = v1::TRIAL_FAILED;
    record.reason = absl::StrCat("lost: no word from its worker, ", losses, " times");
  });
}

void Study::Complete(int64_t number, int64_t token, const v1::Completion& completion,
                     absl::Time now) {
  if (!IsCurrent(number, token)) return;
  const TrialRecord& trial = state_.trial(number);
  const bool runs = trial.state == v1::TRIAL_RUNNING;
  switch (completion.outcome()) {
    case v1::OUTCOME_SUCCEEDED:
      Succeed(trial, completion, now);
      return;
    case v1::OUTCOME_STOPPED:
      if (!runs) return;
      EndAttempt(trial, v1::ATTEMPT_PREEMPTED, completion, now);
      Preempt(number, completion.checkpoint(), SecondsOf(completion), now);
      return;
    case v1::OUTCOME_OUT_OF_MEMORY:
    case v1::OUTCOME_CRASHED:
      if (runs) Break(trial, completion, now);
      return;
    default:
      break;
  }
  const bool infeasible = completion.outcome() == v1::OUTCOME_INFEASIBLE;
  EndAttempt(trial, infeasible ? v1::ATTEMPT_INFEASIBLE : v1::ATTEMPT_FAILED, completion, now);
  EndTrial(number, now, [&](TrialRecord& record) {
    record.seconds += SecondsOf(completion);
    record.state = infeasible ? v1::TRIAL_INFEASIBLE : v1::TRIAL_FAILED;
    record.reason = completion.reason();
    if (record.reason.empty() && !infeasible) record.reason = "the evaluator gave no reason";
  });
  if (completion.outcome() == v1::OUTCOME_BAD_DATA) {
    End(v1::FAILED, state_.trial(number).reason, now);
  }
}

// The evaluator crashed or ran out of memory: another attempt may do better.
void Study::Break(const TrialRecord& trial, const v1::Completion& completion, absl::Time now) {
  const bool memory = completion.outcome() == v1::OUTCOME_OUT_OF_MEMORY;
  EndAttempt(trial, memory ? v1::ATTEMPT_OUT_OF_MEMORY : v1::ATTEMPT_CRASHED, completion, now);
  const auto edit = [&](TrialRecord& record) {
    record.seconds += SecondsOf(completion);
    record.reason = completion.reason();
    ++(memory ? record.out_of_memory : record.losses);
  };
  const bool retry = memory ? trial.out_of_memory + 1 < options_.max_out_of_memory
                            : trial.losses + 1 < options_.max_losses;
  if (retry) return Retry(trial.number, now, edit);
  EndTrial(trial.number, now, [&](TrialRecord& record) {
    edit(record);
    record.state = memory ? v1::TRIAL_INFEASIBLE : v1::TRIAL_FAILED;
  });
}

void Study::Succeed(const TrialRecord& trial, const v1::Completion& completion, absl::Time now) {
  const int64_t number = trial.number;
  Metrics metrics = FromProto(completion.metrics());
  const bool measured = metrics.contains("latency_ms");
  // The training's success, said again.
  if (trial.trained && !measured && trial.state != v1::TRIAL_RUNNING) return;
  // What was known before is the server's own, or the training's.
  for (const auto& [name, value] : trial.metrics) metrics[name] = value;
  const std::string not_finite = EraseNotFinite(metrics);
  if (not_finite.empty() && MeasuresApart() && !trial.trained && !measured) {
    return FinishTraining(number, std::move(metrics), completion, now);
  }
  v1::TrialState state = v1::TRIAL_SUCCEEDED;
  v1::AttemptEnd end = v1::ATTEMPT_SUCCEEDED;
  std::string reason;
  if (!not_finite.empty()) {
    state = v1::TRIAL_INFEASIBLE;
    end = v1::ATTEMPT_INFEASIBLE;
    reason = absl::StrCat(not_finite, " is not a finite number");
  } else if (reason = MissingMetric(*spec_, metrics); !reason.empty()) {
    state = v1::TRIAL_FAILED;
    end = v1::ATTEMPT_FAILED;
  }
  EndAttempt(trial, end, reason, SecondsOf(completion), completion.log(), now);
  EndTrial(number, now, [&](TrialRecord& record) {
    record.seconds += SecondsOf(completion);
    record.metrics = std::move(metrics);
    record.state = state;
    record.reason = std::move(reason);
    if (completion.checkpoint().empty() || completion.checkpoint() == record.checkpoint) return;
    state_.Drop(std::exchange(record.checkpoint, completion.checkpoint()));
  });
}

void Study::FinishTraining(int64_t number, Metrics metrics, const v1::Completion& completion,
                           absl::Time now) {
  EndAttempt(state_.trial(number), v1::ATTEMPT_SUCCEEDED, completion, now);
  Retry(number, now, [&](TrialRecord& trial) {
    trial.trained = true;
    trial.seconds += SecondsOf(completion);
    trial.metrics = std::move(metrics);
    trial.checkpoint = completion.checkpoint();
    trial.reason.clear();
    trial.losses = 0;
    state_.Drop(std::exchange(trial.resume_from, ""));
  });
}

}  // namespace cambrian
