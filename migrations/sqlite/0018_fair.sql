-- What a keyed write has done is known from the transaction that did it, and what is kept of the
-- answers of one person is bounded in bytes.

-- Absent while nothing of the request is committed; empty once a step of it is; then the path of
-- what its answer shows.
ALTER TABLE idempotency ADD COLUMN done TEXT;
ALTER TABLE idempotency ADD COLUMN bytes BIGINT NOT NULL DEFAULT 0; -- of the kept answer
UPDATE idempotency SET bytes = LENGTH(body) WHERE body IS NOT NULL;
CREATE INDEX idempotency_kept ON idempotency (tenant, user_id, bytes);
