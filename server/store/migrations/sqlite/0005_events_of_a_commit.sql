-- What a commit adds to a study's events is one row. Kind 0: its message is a cambrian.v1.StoredEvents. An event of progress still has a
-- row of its own, by which a trial's curve is found, and so has every event that was written before.
ALTER TABLE event RENAME COLUMN number TO last;  -- the number of its last event
