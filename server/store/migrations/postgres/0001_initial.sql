-- The first schema. Times are microseconds since 1970 (UTC), keys and hashes hexadecimal text, lists and metrics JSON.
-- No foreign keys: the store checks that rows belong to a study, and deletes a study with all of its rows, in the same
-- statement, which costs nothing for each row of a commit. Room on the pages lets an update stay on its own page.
CREATE TABLE server (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  epoch BIGINT NOT NULL,             -- of the server that may write
  holder TEXT NOT NULL,              -- that server
  term_ends TIMESTAMPTZ NOT NULL,    -- until when no other may start an epoch
  fence BIGINT NOT NULL,             -- moves on when a commit's outcome is settled: a late statement writes nothing
  commit_number BIGINT NOT NULL,     -- of its newest commit
  commit_epoch BIGINT NOT NULL,      -- of the server that wrote that
  last_study BIGINT NOT NULL,
  last_token BIGINT NOT NULL
) WITH (fillfactor = 10);
INSERT INTO server VALUES (1, 0, '', '-infinity', 0, 0, 0, 0, 0);

CREATE TABLE study (
  id BIGINT PRIMARY KEY,
  tenant TEXT NOT NULL,
  name TEXT NOT NULL,
  request_id TEXT NOT NULL,
  text TEXT NOT NULL,
  state TEXT NOT NULL,
  reason TEXT NOT NULL,
  created_us BIGINT NOT NULL,
  ended_us BIGINT,
  elapsed_us BIGINT NOT NULL,
  parent TEXT NOT NULL,
  successor TEXT NOT NULL,
  continues TEXT NOT NULL,
  trials BIGINT NOT NULL,
  queued BIGINT NOT NULL,
  running BIGINT NOT NULL,
  succeeded BIGINT NOT NULL,
  infeasible BIGINT NOT NULL,
  failed BIGINT NOT NULL,
  cancelled BIGINT NOT NULL,
  known BIGINT NOT NULL,
  objective TEXT NOT NULL,  -- the first objective's metric
  maximize BOOLEAN NOT NULL,
  trial_budget BIGINT NOT NULL,
  time_budget_us BIGINT,
  device_seconds DOUBLE PRECISION NOT NULL,
  event BIGINT NOT NULL,
  hypervolume DOUBLE PRECISION,
  reference TEXT NOT NULL,  -- of the hypervolume: a JSON list, empty until set
  UNIQUE (tenant, name)
) WITH (fillfactor = 50);

CREATE TABLE trial (
  study_id BIGINT NOT NULL,
  number BIGINT NOT NULL,
  state TEXT NOT NULL,
  reason TEXT NOT NULL,
  architecture TEXT NOT NULL,  -- JSON: the flat map of active decisions
  canonical_key TEXT NOT NULL,
  evaluation_key TEXT NOT NULL,
  origin TEXT NOT NULL,
  metrics TEXT NOT NULL,       -- JSON: {"accuracy": {"value": 0.9, "low": 0.89, "high": 0.91}}
  same_as BIGINT NOT NULL,
  known BOOLEAN NOT NULL,
  created_us BIGINT NOT NULL,
  started_us BIGINT,
  ended_us BIGINT,
  proposed_event BIGINT NOT NULL,
  ended_event BIGINT NOT NULL,
  attempts INTEGER NOT NULL,
  losses INTEGER NOT NULL,
  out_of_memory INTEGER NOT NULL,
  token BIGINT NOT NULL,
  worker TEXT NOT NULL,
  seconds DOUBLE PRECISION NOT NULL,
  checkpoint TEXT NOT NULL,
  resume_from TEXT NOT NULL,
  trained BOOLEAN NOT NULL,
  on_front BOOLEAN NOT NULL,
  progress BYTEA NOT NULL,
  PRIMARY KEY (study_id, number)
) WITH (fillfactor = 60);
-- Of all trials, not of the succeeded alone: a changing state must not keep an update off its page.
CREATE INDEX trial_evaluation ON trial (evaluation_key);
CREATE INDEX trial_front ON trial (study_id) WHERE on_front;
CREATE INDEX trial_checkpoint ON trial (checkpoint) WHERE checkpoint <> '';
CREATE INDEX trial_resume_from ON trial (resume_from) WHERE resume_from <> '';

-- One sequence for each study: every input to a decision, and what watchers hear.
CREATE TABLE event (
  study_id BIGINT NOT NULL,
  number BIGINT NOT NULL,
  kind SMALLINT NOT NULL,  -- 1 state, 2 proposed, 3 started, 4 progress, 5 requeued, 6 ended
  trial BIGINT NOT NULL,   -- 0: of the study itself
  message BYTEA NOT NULL,  -- cambrian.v1.Event without the trial's constant columns
  PRIMARY KEY (study_id, number)
);
CREATE INDEX event_progress ON event (study_id, trial) WHERE kind = 4;

CREATE TABLE trial_attempt (
  study_id BIGINT NOT NULL,
  trial BIGINT NOT NULL,
  token BIGINT NOT NULL,
  worker TEXT NOT NULL,
  measures BOOLEAN NOT NULL,
  started_us BIGINT NOT NULL,
  ended_us BIGINT NOT NULL,
  outcome TEXT NOT NULL,
  reason TEXT NOT NULL,
  seconds DOUBLE PRECISION NOT NULL,
  log BYTEA NOT NULL,
  PRIMARY KEY (study_id, trial, token)
);

CREATE TABLE known_worker (
  name TEXT PRIMARY KEY,
  host TEXT NOT NULL,
  version TEXT NOT NULL,
  slots BIGINT NOT NULL,
  devices TEXT NOT NULL,  -- JSON lists
  tags TEXT NOT NULL,
  targets TEXT NOT NULL,
  first_contact_us BIGINT NOT NULL,
  last_contact_us BIGINT NOT NULL
);

-- What a study's strategy knew after an event: a restart reads only what came after it.
CREATE TABLE snapshot (
  study_id BIGINT PRIMARY KEY,
  event BIGINT NOT NULL,
  strategy BYTEA NOT NULL,
  state BYTEA NOT NULL
);

-- For people: docs/results-database.md says what each column means.
CREATE VIEW study_summary AS
SELECT tenant, name, state, reason, to_timestamp(created_us / 1e6) AS created, to_timestamp(ended_us / 1e6) AS ended,
       elapsed_us / 1e6::float8 AS elapsed_seconds, trials, succeeded, known, infeasible, failed, cancelled, running, queued,
       trial_budget, time_budget_us / 1e6::float8 AS time_budget_seconds, device_seconds, objective, hypervolume, parent,
       successor, continues
FROM study;

CREATE VIEW trial_summary AS
SELECT study.name AS study, trial.number AS trial, trial.state, trial.reason,
       (metrics::json #>> '{accuracy,value}')::float8 AS accuracy,
       (metrics::json #>> '{loss,value}')::float8 AS loss,
       (metrics::json #>> '{latency_ms,value}')::float8 AS latency_ms,
       (metrics::json #>> '{parameters,value}')::float8 AS parameters,
       (metrics::json #>> '{macs,value}')::float8 AS macs,
       (metrics::json #>> '{peak_memory_mb,value}')::float8 AS peak_memory_mb,
       (metrics::json #>> '{train_seconds,value}')::float8 AS train_seconds,
       (metrics::json #>> '{test_accuracy,value}')::float8 AS test_accuracy,
       on_front, origin, same_as, attempts, losses, worker, seconds AS device_seconds,
       to_timestamp(trial.created_us / 1e6) AS created, to_timestamp(trial.started_us / 1e6) AS started,
       to_timestamp(trial.ended_us / 1e6) AS ended, checkpoint, architecture, canonical_key
FROM trial JOIN study ON study.id = trial.study_id;

CREATE VIEW measurement AS
SELECT study.name AS study, trial.number AS trial, metric.key AS metric, (metric.value ->> 'value')::float8 AS value,
       (metric.value ->> 'low')::float8 AS low, (metric.value ->> 'high')::float8 AS high
FROM trial JOIN study ON study.id = trial.study_id, json_each(trial.metrics::json) AS metric;

CREATE VIEW front AS
SELECT study.name AS study, trial.number AS trial,
       (metrics::json #>> '{accuracy,value}')::float8 AS accuracy,
       (metrics::json #>> '{loss,value}')::float8 AS loss,
       (metrics::json #>> '{latency_ms,value}')::float8 AS latency_ms,
       (metrics::json #>> '{parameters,value}')::float8 AS parameters,
       (metrics::json #>> '{macs,value}')::float8 AS macs,
       (metrics::json #>> '{peak_memory_mb,value}')::float8 AS peak_memory_mb,
       origin, checkpoint, architecture, canonical_key
FROM trial JOIN study ON study.id = trial.study_id WHERE on_front;

CREATE VIEW attempt AS
SELECT study.name AS study, trial, row_number() OVER (PARTITION BY study_id, trial ORDER BY token) AS attempt, token,
       worker, CASE WHEN measures THEN 'measure' ELSE 'train' END AS work,
       to_timestamp(started_us / 1e6) AS started, to_timestamp(trial_attempt.ended_us / 1e6) AS ended,
       outcome, trial_attempt.reason,
       seconds AS device_seconds
FROM trial_attempt JOIN study ON study.id = study_id;

CREATE VIEW worker AS
SELECT name, host, version, slots, devices, tags, targets, to_timestamp(first_contact_us / 1e6) AS first_contact,
       to_timestamp(last_contact_us / 1e6) AS last_contact
FROM known_worker;
