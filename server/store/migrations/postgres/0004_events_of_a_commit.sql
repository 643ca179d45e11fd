-- Events that one commit adds to a study lie together in few rows, so that a commit has fewer rows to write. Events of progress still
-- have rows of their own, by which a trial's curve is found, and so have events that were written before.
COMMENT ON COLUMN event.kind IS '0: several events of any kind, see message; else that of one event';
COMMENT ON COLUMN event.number IS 'of the last event in the row';
COMMENT ON COLUMN event.message IS 'kind 0: cambrian.v1.StoredEvents; else cambrian.v1.Event';
