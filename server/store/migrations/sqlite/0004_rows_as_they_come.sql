-- Rows lie in the order in which they came, and are found by an index. A table that is its own index by study takes a commit of many
-- studies apart: rows go into the middle of it, a page and its neighbours for each study.
-- What is named "trial" in a view stays so named: a rename does not look into views.
PRAGMA legacy_alter_table = ON;

CREATE TABLE new_trial (
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
  resume_from TEXT NOT NULL DEFAULT '',
  trained INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (study_id, number)
);
INSERT INTO new_trial SELECT * FROM trial ORDER BY 1, 2;
DROP TABLE trial;
ALTER TABLE new_trial RENAME TO trial;
CREATE INDEX trial_front ON trial (study_id) WHERE on_front = 1;
CREATE INDEX trial_checkpoint ON trial (checkpoint) WHERE checkpoint <> '';
CREATE INDEX trial_resume_from ON trial (resume_from) WHERE resume_from <> '';

CREATE TABLE new_event (
  study_id INTEGER NOT NULL REFERENCES study (id) ON DELETE CASCADE,
  number INTEGER NOT NULL,
  kind INTEGER NOT NULL,   -- 1 state, 2 proposed, 3 started, 4 progress, 5 requeued, 6 ended
  trial INTEGER NOT NULL,  -- 0: of the study itself
  message BLOB NOT NULL,   -- cambrian.v1.Event without the trial's constant columns
  PRIMARY KEY (study_id, number)
);
INSERT INTO new_event SELECT * FROM event ORDER BY 1, 2;
DROP TABLE event;
ALTER TABLE new_event RENAME TO event;
CREATE INDEX event_progress ON event (study_id, trial) WHERE kind = 4;

CREATE TABLE new_trial_attempt (
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
);
INSERT INTO new_trial_attempt SELECT * FROM trial_attempt ORDER BY 1, 2;
DROP TABLE trial_attempt;
ALTER TABLE new_trial_attempt RENAME TO trial_attempt;
PRAGMA legacy_alter_table = OFF;

-- A study's row is written with every commit, its text once.
CREATE TABLE study_text (
  study_id INTEGER PRIMARY KEY REFERENCES study (id) ON DELETE CASCADE,
  text TEXT NOT NULL
);
INSERT INTO study_text SELECT id, text FROM study;
ALTER TABLE study DROP COLUMN text;
