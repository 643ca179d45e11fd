-- All that decides a study's results but networks and recipes, as a hash: only studies with equal ones share results.
ALTER TABLE study ADD COLUMN circumstances TEXT NOT NULL DEFAULT '';
