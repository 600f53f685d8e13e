-- What may be deleted after how long: the time that retention goes by, and an index for each sweep.

-- One row: the time up to which a clock was followed no faster than time passed, and for how long it
-- was followed. Retention goes by it, so that a clock that runs ahead deletes nothing.
CREATE TABLE time_mark (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    judged BIGINT NOT NULL,    -- Unix milliseconds
    confirmed BIGINT NOT NULL  -- milliseconds, at most a day
);

-- The oldest first.
CREATE INDEX pushes_age ON pushes (received_at);
CREATE INDEX quarantine_age ON quarantine (received_at);
CREATE INDEX positions_age ON positions (received_at);
CREATE INDEX audit_age ON audit (at);
CREATE INDEX sessions_age ON sessions (expires_at);
CREATE INDEX assertions_age ON assertions (expires_at);
CREATE INDEX enrolment_codes_age ON enrolment_codes (expires_at);
CREATE INDEX api_tokens_age ON api_tokens (ends_at);
CREATE INDEX password_links_age ON password_links (expires_at);
CREATE INDEX throttles_since ON throttles (since);
CREATE INDEX devices_pending ON devices (created_at)
    WHERE confirmed_at IS NULL AND state <> 'active';

-- Submissions that wait for a person are never swept: only accepted and discarded ones.
CREATE INDEX submissions_accepted ON submissions (received_at) WHERE state = 'accepted';
CREATE INDEX submissions_age ON submissions (received_at) WHERE state = 'discarded';
