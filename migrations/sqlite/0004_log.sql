-- The log and the refusals: how many refusals of a document are kept, and when the log last grew.

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
