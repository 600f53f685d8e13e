-- The log and what is kept beside it: refused changes, and submissions of revoked phones.

-- Which device an actor belongs to.
ALTER TABLE leases RENAME TO actor_owners;

-- What revoked phones submitted; people decide about it.
ALTER TABLE handed_in RENAME TO submissions;
DROP INDEX handed_in_frames;
CREATE UNIQUE INDEX submissions_frames ON submissions (tenant, device, digest);

-- The first hundred refusals of a document stay. A repeated change beyond them is checked again by
-- the same rules, and the phone that sent it still has it.
DELETE FROM quarantine WHERE (tenant, hash) IN (
    SELECT tenant, hash FROM (
        SELECT tenant, hash, ROW_NUMBER() OVER (PARTITION BY tenant, doc ORDER BY pos, hash) AS n
        FROM quarantine
    ) AS numbered WHERE n > 100
);

-- When the tenant's log last grew, Unix milliseconds. It goes forward with the positions, whichever
-- node writes.
ALTER TABLE counters ADD COLUMN at BIGINT NOT NULL DEFAULT 0;
