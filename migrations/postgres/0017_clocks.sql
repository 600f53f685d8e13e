-- What time it is, as far as the installation can tell without believing one clock.

-- One row: the time up to which a clock was followed no faster than time passed, and for how long it
-- was followed. Retention goes by it, so that a clock that runs ahead deletes nothing.
CREATE TABLE time_mark (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    judged BIGINT NOT NULL,    -- Unix milliseconds
    confirmed BIGINT NOT NULL  -- milliseconds, at most a day
);

-- When the tenant's log last grew. It goes forward with the positions, whichever node writes.
ALTER TABLE counters ADD COLUMN at BIGINT NOT NULL DEFAULT 0;

-- Jobs by their last change, for those who follow changes.
CREATE INDEX jobs_by_position ON jobs (tenant, pos, job);

-- Submissions that wait for a person are never swept: only those that somebody laid aside.
DROP INDEX handed_in_age;
CREATE INDEX handed_in_age ON handed_in (received_at) WHERE state = 'discarded';

-- Phones that a restore brought back and that wait until an administrator lets them sync again.
ALTER TABLE devices ADD COLUMN held_at BIGINT;
