-- When a technician was where, by the server's clock as well as it is known: a late backlog is behind
-- what came before it, and a phone whose clock is ahead is nowhere in the future.
ALTER TABLE positions ADD COLUMN fixed_at BIGINT NOT NULL DEFAULT 0;
UPDATE positions SET fixed_at = MIN(at, received_at);
DROP INDEX positions_received;
CREATE INDEX positions_fixed ON positions (tenant, user_id, fixed_at, at);

-- Walk-up jobs that a technician opened since a moment: one row a technician.
CREATE TABLE walk_ups (
    tenant BLOB NOT NULL,
    user_id BLOB NOT NULL,
    since BIGINT NOT NULL,
    opened BIGINT NOT NULL,
    PRIMARY KEY (tenant, user_id)
) WITHOUT ROWID;
