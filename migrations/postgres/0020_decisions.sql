-- What was decided about each change of a submission: for the phone, and for whoever looks at it.
ALTER TABLE handed_in ADD COLUMN verdicts BYTEA;          -- one for each change, as in a response
ALTER TABLE handed_in ADD COLUMN refused TEXT;          -- JSON: the first hundred that were refused
ALTER TABLE handed_in ADD COLUMN refused_count BIGINT;  -- changes that were refused
