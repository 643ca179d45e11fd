-- The first schema. Times are microseconds since 1970 (UTC), keys and hashes hexadecimal text.
CREATE TABLE server (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  epoch INTEGER NOT NULL,          -- of the server that may write
  commit_number INTEGER NOT NULL,  -- of its newest commit
  commit_epoch INTEGER NOT NULL,   -- of the server that wrote that
  last_study INTEGER NOT NULL,
  last_token INTEGER NOT NULL
);
INSERT INTO server VALUES (1, 0, 0, 0, 0, 0);

CREATE TABLE study (
  id INTEGER PRIMARY KEY,
  tenant TEXT NOT NULL,
  name TEXT NOT NULL,
  request_id TEXT NOT NULL,
  text TEXT NOT NULL,
  state TEXT NOT NULL,
  reason TEXT NOT NULL,
  created_us INTEGER NOT NULL,
  ended_us INTEGER,
  elapsed_us INTEGER NOT NULL,
  parent TEXT NOT NULL,
  successor TEXT NOT NULL,
  trials INTEGER NOT NULL,
  queued INTEGER NOT NULL,
  running INTEGER NOT NULL,
  succeeded INTEGER NOT NULL,
  infeasible INTEGER NOT NULL,
  failed INTEGER NOT NULL,
  cancelled INTEGER NOT NULL,
  known INTEGER NOT NULL,
  objective TEXT NOT NULL,  -- the first objective's metric
  maximize INTEGER NOT NULL,
  trial_budget INTEGER NOT NULL,
  time_budget_us INTEGER,
  device_seconds REAL NOT NULL,
  event INTEGER NOT NULL,
  hypervolume REAL,
  reference TEXT NOT NULL,  -- of the hypervolume: a JSON list, empty until set
  UNIQUE (tenant, name)
);

CREATE TABLE trial (
  study_id INTEGER NOT NULL REFERENCES study (id) ON DELETE CASCADE,
  number INTEGER NOT NULL,
  state TEXT NOT NULL,
  reason TEXT NOT NULL,
  architecture TEXT NOT NULL,  -- JSON: the flat map of active decisions
  canonical_key TEXT NOT NULL,
  evaluation_key TEXT NOT NULL,
  origin TEXT NOT NULL,
  metrics TEXT NOT NULL,       -- JSON: {"accuracy": {"value": 0.9, "low": 0.89, "high": 0.91}}
  same_as INTEGER NOT NULL,
  known INTEGER NOT NULL,
  created_us INTEGER NOT NULL,
  started_us INTEGER,
  ended_us INTEGER,
  proposed_event INTEGER NOT NULL,
  ended_event INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  losses INTEGER NOT NULL,
  out_of_memory INTEGER NOT NULL,
  token INTEGER NOT NULL,
  worker TEXT NOT NULL,
  seconds REAL NOT NULL,
  checkpoint TEXT NOT NULL,
  on_front INTEGER NOT NULL,
  progress BLOB NOT NULL,
  PRIMARY KEY (study_id, number)
) WITHOUT ROWID;
CREATE INDEX trial_evaluation ON trial (evaluation_key) WHERE state = 'succeeded';
CREATE INDEX trial_front ON trial (study_id) WHERE on_front = 1;
CREATE INDEX trial_checkpoint ON trial (checkpoint) WHERE checkpoint <> '';

-- One sequence for each study: every input to a decision, and what watchers hear.
CREATE TABLE event (
  study_id INTEGER NOT NULL REFERENCES study (id) ON DELETE CASCADE,
  number INTEGER NOT NULL,
  kind INTEGER NOT NULL,   -- 1 state, 2 proposed, 3 started, 4 progress, 5 requeued, 6 ended
  trial INTEGER NOT NULL,  -- 0: of the study itself
  message BLOB NOT NULL,   -- cambrian.v1.Event without the trial's constant columns
  PRIMARY KEY (study_id, number)
) WITHOUT ROWID;
CREATE INDEX event_progress ON event (study_id, trial) WHERE kind = 4;

CREATE TABLE log (
  study_id INTEGER NOT NULL REFERENCES study (id) ON DELETE CASCADE,
  trial INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  log BLOB NOT NULL,
  PRIMARY KEY (study_id, trial, attempt)
) WITHOUT ROWID;

-- For people.
CREATE VIEW study_summary AS
SELECT name, state, reason, datetime(created_us / 1000000, 'unixepoch') AS created,
       datetime(ended_us / 1000000, 'unixepoch') AS ended, elapsed_us / 1e6 AS elapsed_seconds,
       trials, succeeded, known, infeasible, failed, cancelled, running, queued, trial_budget,
       device_seconds, hypervolume, parent, successor
FROM study;

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
       on_front, origin, same_as, attempts, worker, seconds AS device_seconds,
       datetime(trial.created_us / 1000000, 'unixepoch') AS created,
       datetime(trial.ended_us / 1000000, 'unixepoch') AS ended, architecture, canonical_key
FROM trial JOIN study ON study.id = trial.study_id;
