-- The log and what is kept beside it: refused changes, and submissions of revoked phones.

-- Which device an actor belongs to.
ALTER TABLE leases RENAME TO actor_owners;
ALTER INDEX leases_pkey RENAME TO actor_owners_pkey;

-- What revoked phones submitted; people decide about it.
ALTER TABLE handed_in RENAME TO submissions;
ALTER INDEX handed_in_pkey RENAME TO submissions_pkey;
ALTER INDEX handed_in_frames RENAME TO submissions_frames;

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
