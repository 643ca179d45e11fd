#include "server/store/postgres_rows.h"

#include "server/store/rows.h"

namespace cambrian::postgres {

#define STUDY_COLUMNS                                                                       \
  "id, tenant, name, request_id, state, reason, created_us, ended_us, elapsed_us, parent, " \
  "successor, continues, trials, queued, running, succeeded, infeasible, failed, "          \
  "cancelled, known, trial_budget, time_budget_us, device_seconds, event, hypervolume, "    \
  "reference, objective, maximize"

#define TRIAL_COLUMNS                                                                        \
  "study_id, number, state, reason, architecture, canonical_key, evaluation_key, origin, "   \
  "metrics, same_as, known, created_us, started_us, ended_us, proposed_event, ended_event, " \
  "attempts, losses, out_of_memory, token, worker, seconds, checkpoint, resume_from, "       \
  "trained, on_front, progress"

const char kSelectStudies[] = "SELECT " STUDY_COLUMNS " FROM study ORDER BY id";
const char kSelectStudy[] = "SELECT " STUDY_COLUMNS " FROM study WHERE name = $1";
const char kSelectTrials[] = "SELECT " TRIAL_COLUMNS
                             " FROM trial WHERE study_id = $1::bigint AND number > $2::bigint "
                             "ORDER BY number LIMIT $3::bigint";
const char kSelectFront[] =
    "SELECT " TRIAL_COLUMNS " FROM trial WHERE study_id = $1::bigint AND on_front ORDER BY number";
const char kSelectSince[] =
    "SELECT " TRIAL_COLUMNS
    " FROM trial WHERE study_id = $1::bigint AND (ended_event = 0 OR on_front OR "
    "proposed_event > $2::bigint OR ended_event > $2::bigint) ORDER BY number";
const char kSelectResultKeys[] =
    "SELECT min(number), evaluation_key FROM trial WHERE study_id = $1::bigint AND "
    "state IN ('succeeded', 'infeasible') GROUP BY evaluation_key ORDER BY 1";
const char kSelectEvaluation[] =
    "SELECT " TRIAL_COLUMNS
    " FROM trial WHERE evaluation_key = $2 AND state = 'succeeded' AND "
    "(SELECT tenant FROM study WHERE id = study_id) = $1 ORDER BY study_id, number LIMIT 1";
const char kSelectEvents[] =
    "SELECT event.study_id, event.number, kind, event.trial, message, architecture, "
    "canonical_key, origin FROM event LEFT JOIN trial ON trial.study_id = event.study_id AND "
    "trial.number = event.trial WHERE event.study_id = $1::bigint AND event.number > $2::bigint "
    "ORDER BY event.number LIMIT $3::bigint";
const char kSelectCurve[] =
    "SELECT message, attempts FROM event JOIN trial ON trial.study_id = event.study_id AND "
    "trial.number = event.trial WHERE event.study_id = $1::bigint AND event.trial = $2::bigint AND "
    "kind = 4 ORDER BY event.number";
const char kSelectAttempts[] =
    "SELECT study_id, trial, token, worker, measures, started_us, ended_us, outcome, reason, "
    "seconds FROM trial_attempt WHERE study_id = $1::bigint AND trial = $2::bigint ORDER BY token";
const char kSelectLog[] =
    "SELECT log FROM trial_attempt WHERE study_id = $1::bigint AND trial = $2::bigint AND "
    "log <> '' ORDER BY token DESC LIMIT 1";
const char kSelectSnapshot[] =
    "SELECT study_id, event, strategy, state FROM snapshot WHERE study_id = $1::bigint";

StudyRecord ReadStudy(PostgresRow& row) {
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

TrialRecord ReadTrial(PostgresRow& row) {
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

EventRecord ReadEvent(PostgresRow& row) {
  EventRecord event;
  event.study = row.Integer();
  event.number = row.Integer();
  event.kind = static_cast<EventKind>(row.Integer());
  event.trial = row.Integer();
  event.event.ParseFromString(row.Bytes());
  if (row.IsNull()) return event;
  v1::Trial& trial = *event.event.mutable_trial();
  trial.set_architecture(row.Text());
  trial.set_canonical_key(row.Text());
  trial.set_origin(row.Text());
  return event;
}

ResultKey ReadResultKey(PostgresRow& row) {
  ResultKey key;
  key.trial = row.Integer();
  key.evaluation_key = row.Text();
  return key;
}

AttemptRecord ReadAttempt(PostgresRow& row) {
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

SnapshotRecord ReadSnapshot(PostgresRow& row) {
  SnapshotRecord snapshot;
  snapshot.study = row.Integer();
  snapshot.event = row.Integer();
  snapshot.strategy = row.Bytes();
  snapshot.state = row.Bytes();
  return snapshot;
}

}  // namespace cambrian::postgres
