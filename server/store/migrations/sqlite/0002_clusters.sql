-- Attempts with their history, workers, snapshots, checkpoints to go on from, studies that continue another; more views.
ALTER TABLE study ADD COLUMN continues TEXT NOT NULL DEFAULT '';
ALTER TABLE trial ADD COLUMN resume_from TEXT NOT NULL DEFAULT '';
ALTER TABLE trial ADD COLUMN trained INTEGER NOT NULL DEFAULT 0;
CREATE INDEX trial_resume_from ON trial (resume_from) WHERE resume_from <> '';

CREATE TABLE trial_attempt (
  study_id INTEGER NOT NULL REFERENCES study (id) ON DELETE CASCADE,
  trial INTEGER NOT NULL,
  token INTEGER NOT NULL,
  worker TEXT NOT NULL,
  measures INTEGER NOT NULL,
  started_us INTEGER NOT NULL,
  ended_us INTEGER NOT NULL,
  outcome TEXT NOT NULL,
  reason TEXT NOT NULL,
  seconds REAL NOT NULL,
  log BLOB NOT NULL,
  PRIMARY KEY (study_id, trial, token)
) WITHOUT ROWID;

-- The newest attempt of each trial that has ended; its log may be missing.
INSERT INTO trial_attempt
SELECT trial.study_id, number, token, worker, 0, coalesce(started_us, created_us), ended_us, state, reason, seconds,
       coalesce(log.log, x'')
FROM trial LEFT JOIN log ON log.study_id = trial.study_id AND log.trial = trial.number AND log.attempt = trial.attempts
WHERE attempts > 0 AND ended_us IS NOT NULL;
-- Of those before it only the log and the order are known: numbers just below the newest token keep that order, and the
-- times are the widest possible.
INSERT INTO trial_attempt
SELECT trial.study_id, number, token - (attempts - log.attempt), '', 0, created_us,
       coalesce(CASE WHEN log.attempt < attempts THEN started_us ELSE ended_us END, created_us), 'unknown', '', 0, log.log
FROM log JOIN trial ON trial.study_id = log.study_id AND trial.number = log.trial
WHERE log.attempt < attempts OR ended_us IS NULL;
DROP TABLE log;

CREATE TABLE known_worker (
  name TEXT PRIMARY KEY,
  host TEXT NOT NULL,
  version TEXT NOT NULL,
  slots INTEGER NOT NULL,
  devices TEXT NOT NULL,  -- JSON lists
  tags TEXT NOT NULL,
  targets TEXT NOT NULL,
  first_contact_us INTEGER NOT NULL,
  last_contact_us INTEGER NOT NULL
) WITHOUT ROWID;

-- What a study's strategy knew after an event: a restart reads only what came after it.
CREATE TABLE snapshot (
  study_id INTEGER PRIMARY KEY REFERENCES study (id) ON DELETE CASCADE,
  event INTEGER NOT NULL,
  strategy BLOB NOT NULL,
  state BLOB NOT NULL
);

-- For people: docs/results-database.md says what each column means.
DROP VIEW study_summary;
CREATE VIEW study_summary AS
SELECT tenant, name, state, reason, datetime(created_us / 1000000, 'unixepoch') AS created,
       datetime(ended_us / 1000000, 'unixepoch') AS ended, elapsed_us / 1e6 AS elapsed_seconds,
       trials, succeeded, known, infeasible, failed, cancelled, running, queued, trial_budget,
       time_budget_us / 1e6 AS time_budget_seconds, device_seconds, objective, hypervolume, parent, successor, continues
FROM study;

DROP VIEW trial_summary;
CREATE VIEW trial_summary AS
SELECT study.name AS study, trial.number AS trial, trial.state, trial.reason,
       json_extract(metrics, '$.accuracy.value') AS accuracy,
       json_extract(metrics, '$.loss.value') AS loss,
       json_extract(metrics, '$.latency_ms.value') AS latency_ms,
       json_extract(metrics, '$.parameters.value') AS parameters,
       json_extract(metrics, '$.macs.value') AS macs,
       json_extract(metrics, '$.peak_memory_mb.value') AS peak_memory_mb,
       json_extract(metrics, '$.train_seconds.value') AS train_seconds,
       json_extract(metrics, '$.test_accuracy.value') AS test_accuracy,
       on_front, origin, same_as, attempts, losses, worker, seconds AS device_seconds,
       datetime(trial.created_us / 1000000, 'unixepoch') AS created,
       datetime(trial.started_us / 1000000, 'unixepoch') AS started,
       datetime(trial.ended_us / 1000000, 'unixepoch') AS ended, checkpoint, architecture, canonical_key
FROM trial JOIN study ON study.id = trial.study_id;

CREATE VIEW measurement AS
SELECT study.name AS study, trial.number AS trial, metric.key AS metric,
       json_extract(metric.value, '$.value') AS value, json_extract(metric.value, '$.low') AS low,
       json_extract(metric.value, '$.high') AS high
FROM trial JOIN study ON study.id = trial.study_id, json_each(trial.metrics) AS metric;

CREATE VIEW front AS
SELECT study.name AS study, trial.number AS trial,
       json_extract(metrics, '$.accuracy.value') AS accuracy,
       json_extract(metrics, '$.loss.value') AS loss,
       json_extract(metrics, '$.latency_ms.value') AS latency_ms,
       json_extract(metrics, '$.parameters.value') AS parameters,
       json_extract(metrics, '$.macs.value') AS macs,
       json_extract(metrics, '$.peak_memory_mb.value') AS peak_memory_mb,
       origin, checkpoint, architecture, canonical_key
FROM trial JOIN study ON study.id = trial.study_id WHERE on_front = 1;

CREATE VIEW attempt AS
SELECT study.name AS study, trial, row_number() OVER (PARTITION BY study_id, trial ORDER BY token) AS attempt, token,
       worker, CASE WHEN measures THEN 'measure' ELSE 'train' END AS work,
       datetime(started_us / 1000000, 'unixepoch') AS started,
       datetime(trial_attempt.ended_us / 1000000, 'unixepoch') AS ended, outcome, trial_attempt.reason,
       seconds AS device_seconds
FROM trial_attempt JOIN study ON study.id = study_id;

CREATE VIEW worker AS
SELECT name, host, version, slots, devices, tags, targets,
       datetime(first_contact_us / 1000000, 'unixepoch') AS first_contact,
       datetime(last_contact_us / 1000000, 'unixepoch') AS last_contact
FROM known_worker;
