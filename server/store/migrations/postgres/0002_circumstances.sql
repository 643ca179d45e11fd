-- All that decides a study's results but networks and recipes, as a hash: only studies with equal ones share results.
ALTER TABLE study ADD COLUMN circumstances TEXT NOT NULL DEFAULT '';
-- Results are found through the studies that have them. An index over keys, which are random, cost a page for each trial.
DROP INDEX trial_evaluation;
