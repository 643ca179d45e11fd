// Records from the rows of either database: the columns in one order, read in that order.
//
// A `Row` gives the next column at each call: Integer, OptionalInteger, Real (NULL: NaN), Boolean,
// Text, Bytes; IsNull looks at it only.
#pragma once

#include "server/store/event_rows.h"
#include "server/store/records.h"
#include "server/store/rows.h"

namespace cambrian {

// What a statement selects, in the order of `ReadStudy` and `ReadTrial`.
#define CAMBRIAN_STUDY_COLUMNS                                                                    \
  "id, tenant, name, request_id, state, reason, created_us, ended_us, elapsed_us, parent, "       \
  "successor, continues, circumstances, trials, queued, running, succeeded, infeasible, failed, " \
  "cancelled, known, trial_budget, time_budget_us, device_seconds, event, hypervolume, "          \
  "reference, objective, maximize"

#define CAMBRIAN_TRIAL_COLUMNS                                                               \
  "study_id, number, state, reason, architecture, canonical_key, evaluation_key, origin, "   \
  "metrics, same_as, known, created_us, started_us, ended_us, proposed_event, ended_event, " \
  "attempts, losses, out_of_memory, token, worker, seconds, checkpoint, resume_from, "       \
  "trained, on_front, progress"

template <typename Row>
StudyRecord ReadStudy(Row& row) {
  StudyRecord study;
  study.id = row.Integer();
  study.tenant = row.Text();
  study.name = row.Text();
  study.request_id = row.Text();
  study.state = ParseStudyState(row.Text());
  study.reason = row.Text();
  study.created = absl::FromUnixMicros(row.Integer());
  study.ended = ParseTime(row.OptionalInteger());
  study.elapsed = absl::Microseconds(row.Integer());
  study.parent = row.Text();
  study.successor = row.Text();
  study.continues = row.Text();
  study.circumstances = row.Text();
  for (int64_t* count :
       {&study.trials, &study.queued, &study.running, &study.succeeded, &study.infeasible,
        &study.failed, &study.cancelled, &study.known, &study.trial_budget}) {
    *count = row.Integer();
  }
  if (const auto budget = row.OptionalInteger()) study.time_budget = absl::Microseconds(*budget);
  study.device_seconds = row.Real();
  study.event = row.Integer();
  study.hypervolume = row.Real();
  study.reference = ParseReference(row.Text());
  study.objective.metric = row.Text();
  study.objective.maximize = row.Boolean();
  return study;
}

template <typename Row>
TrialRecord ReadTrial(Row& row) {
  TrialRecord trial;
  trial.study = row.Integer();
  trial.number = row.Integer();
  trial.state = ParseTrialState(row.Text());
  trial.reason = row.Text();
  trial.architecture = row.Text();
  trial.canonical_key = row.Text();
  trial.evaluation_key = row.Text();
  trial.origin = row.Text();
  trial.metrics = ParseMetrics(row.Text());
  trial.same_as = row.Integer();
  trial.known = row.Boolean();
  trial.created = absl::FromUnixMicros(row.Integer());
  trial.started = ParseTime(row.OptionalInteger());
  trial.ended = ParseTime(row.OptionalInteger());
  trial.proposed_event = row.Integer();
  trial.ended_event = row.Integer();
  trial.attempts = static_cast<int32_t>(row.Integer());
  trial.losses = static_cast<int32_t>(row.Integer());
  trial.out_of_memory = static_cast<int32_t>(row.Integer());
  trial.token = row.Integer();
  trial.worker = row.Text();
  trial.seconds = row.Real();
  trial.checkpoint = row.Text();
  trial.resume_from = row.Text();
  trial.trained = row.Boolean();
  trial.on_front = row.Boolean();
  trial.progress.ParseFromString(row.Bytes());
  return trial;
}

template <typename Row>
EventRow ReadEventRow(Row& row) {
  EventRow event;
  event.study = row.Integer();
  event.number = row.Integer();
  event.kind = row.Integer();
  event.trial = row.Integer();
  event.message = row.Bytes();
  return event;
}

template <typename Row>
ResultKey ReadResultKey(Row& row) {
  ResultKey key;
  key.trial = row.Integer();
  key.evaluation_key = row.Text();
  return key;
}

template <typename Row>
AttemptRecord ReadAttempt(Row& row) {
  AttemptRecord attempt;
  attempt.study = row.Integer();
  attempt.trial = row.Integer();
  attempt.token = row.Integer();
  attempt.worker = row.Text();
  attempt.measures = row.Boolean();
  attempt.started = absl::FromUnixMicros(row.Integer());
  attempt.ended = absl::FromUnixMicros(row.Integer());
  attempt.end = ParseAttemptEnd(row.Text());
  attempt.reason = row.Text();
  attempt.seconds = row.Real();
  return attempt;
}

template <typename Row>
SnapshotRecord ReadSnapshot(Row& row) {
  SnapshotRecord snapshot;
  snapshot.study = row.Integer();
  snapshot.event = row.Integer();
  snapshot.strategy = row.Bytes();
  snapshot.state = row.Bytes();
  return snapshot;
}

}  // namespace cambrian
