-- A study's row is written with every commit, its text once.
CREATE TABLE study_text (
  study_id BIGINT PRIMARY KEY,
  text TEXT NOT NULL
);
INSERT INTO study_text SELECT id, text FROM study;
ALTER TABLE study DROP COLUMN text;
