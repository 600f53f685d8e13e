-- People, phones and integrations: who may log in, with what, and the answers to their repeated requests.

-- A token is its own person: its id stands where a user's would, in the audit list and in documents.
CREATE TABLE api_tokens (
    tenant       BYTEA  NOT NULL,
    id           BYTEA  NOT NULL,
    name         TEXT   NOT NULL,
    secret_hash  BYTEA  NOT NULL, -- SHA-256 of the token, which has 256 random bits and is nowhere kept
    scopes       TEXT   NOT NULL, -- separated by spaces
    branch       BYTEA,           -- the one it works for; empty for all
    created_by   BYTEA,           -- empty for the command line
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT,
    revoked_at   BIGINT,
    ends_at      BIGINT NOT NULL, -- from then on it is refused: the earlier of the two, or far away
    last_used_at BIGINT,          -- to the minute
    PRIMARY KEY (tenant, id)
);
CREATE UNIQUE INDEX api_tokens_secret ON api_tokens (secret_hash);
CREATE INDEX api_tokens_live ON api_tokens (tenant, ends_at);

-- Links by which people set their password: at most one for each person.
CREATE TABLE password_links (
    tenant      BYTEA  NOT NULL,
    user_id     BYTEA  NOT NULL,
    secret_hash BYTEA  NOT NULL, -- SHA-256 of 256 random bits, which are nowhere kept
    kind        TEXT   NOT NULL, -- invite, reset
    created_by  BYTEA,           -- empty for the command line
    created_at  BIGINT NOT NULL,
    expires_at  BIGINT NOT NULL,
    PRIMARY KEY (tenant, user_id)
);
CREATE UNIQUE INDEX password_links_secret ON password_links (secret_hash);

-- Failed logins, counted by account and network. The counters from before are forgotten: they lasted an
-- hour at most.
DROP TABLE throttles;
CREATE TABLE throttles (
    scope         TEXT   NOT NULL, -- pair, browser, own, address, network, account
    slot          BIGINT NOT NULL, -- a keyed hash of what is counted, 20 bits: so the rows are bounded
    account       BIGINT,          -- slot of the account if the counter is of one, to clear it by
    failures      BIGINT NOT NULL,
    since         BIGINT NOT NULL, -- of the last failure
    blocked_until BIGINT NOT NULL,
    PRIMARY KEY (scope, slot)
);
CREATE INDEX throttles_account ON throttles (account);

-- A session lasts longer while it is used: when it was last used; none: when it was opened.
ALTER TABLE sessions ADD COLUMN used_at BIGINT;

-- 1 while open jobs of a deactivated technician still have to go back to the board.
ALTER TABLE users ADD COLUMN recall BIGINT NOT NULL DEFAULT 0;
CREATE INDEX users_recall ON users (tenant, id) WHERE recall = 1;
CREATE INDEX users_by_role ON users (tenant, role, id);

-- Phones that a restore brought back and that wait until an administrator lets them sync again.
ALTER TABLE devices ADD COLUMN held_at BIGINT;
DROP INDEX devices_user;
CREATE INDEX devices_user ON devices (tenant, user_id, id);

CREATE INDEX audit_of_object ON audit (tenant, object, id);

-- What a request with an Idempotency-Key has done is known from the transaction that did it, and the
-- kept answers of one person are bounded in bytes. `done` is absent while nothing of the request is
-- committed; empty once a step of it is; then the path of what its answer shows.
ALTER TABLE idempotency ADD COLUMN done TEXT;
ALTER TABLE idempotency ADD COLUMN bytes BIGINT NOT NULL DEFAULT 0; -- of the kept answer
UPDATE idempotency SET bytes = OCTET_LENGTH(body) WHERE body IS NOT NULL;
CREATE INDEX idempotency_kept ON idempotency (tenant, user_id, bytes);

-- Rows that a caller can add: how many a tenant has, with about what they take. They count as its storage.
INSERT INTO usage SELECT tenant, 'branches', ''::bytea, COUNT(*), SUM(400)::bigint FROM branches GROUP BY tenant;
CREATE FUNCTION usage_branches_in() RETURNS trigger AS $$ BEGIN
    INSERT INTO usage
        SELECT tenant, 'branches', ''::bytea, COUNT(*), SUM(400) FROM changed
        GROUP BY tenant ORDER BY tenant
        ON CONFLICT (tenant, kind, subject) DO UPDATE
        SET items = usage.items + excluded.items, bytes = usage.bytes + excluded.bytes;
    RETURN NULL;
END $$ LANGUAGE plpgsql;
CREATE TRIGGER usage_branches_in AFTER INSERT ON branches REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION usage_branches_in();
INSERT INTO usage SELECT tenant, 'users', ''::bytea, COUNT(*), SUM(600)::bigint FROM users GROUP BY tenant;
CREATE FUNCTION usage_users_in() RETURNS trigger AS $$ BEGIN
    INSERT INTO usage
        SELECT tenant, 'users', ''::bytea, COUNT(*), SUM(600) FROM changed
        GROUP BY tenant ORDER BY tenant
        ON CONFLICT (tenant, kind, subject) DO UPDATE
        SET items = usage.items + excluded.items, bytes = usage.bytes + excluded.bytes;
    RETURN NULL;
END $$ LANGUAGE plpgsql;
CREATE TRIGGER usage_users_in AFTER INSERT ON users REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION usage_users_in();
INSERT INTO usage SELECT tenant, 'devices', ''::bytea, COUNT(*), SUM(700)::bigint FROM devices GROUP BY tenant;
CREATE FUNCTION usage_devices_in() RETURNS trigger AS $$ BEGIN
    INSERT INTO usage
        SELECT tenant, 'devices', ''::bytea, COUNT(*), SUM(700) FROM changed
        GROUP BY tenant ORDER BY tenant
        ON CONFLICT (tenant, kind, subject) DO UPDATE
        SET items = usage.items + excluded.items, bytes = usage.bytes + excluded.bytes;
    RETURN NULL;
END $$ LANGUAGE plpgsql;
CREATE TRIGGER usage_devices_in AFTER INSERT ON devices REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION usage_devices_in();
CREATE FUNCTION usage_devices_out() RETURNS trigger AS $$ BEGIN
    INSERT INTO usage
        SELECT tenant, 'devices', ''::bytea, -COUNT(*), -SUM(700) FROM changed
        GROUP BY tenant ORDER BY tenant
        ON CONFLICT (tenant, kind, subject) DO UPDATE
        SET items = usage.items + excluded.items, bytes = usage.bytes + excluded.bytes;
    RETURN NULL;
END $$ LANGUAGE plpgsql;
CREATE TRIGGER usage_devices_out AFTER DELETE ON devices REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION usage_devices_out();
INSERT INTO usage SELECT tenant, 'tokens', ''::bytea, COUNT(*), SUM(600)::bigint FROM api_tokens GROUP BY tenant;
CREATE FUNCTION usage_tokens_in() RETURNS trigger AS $$ BEGIN
    INSERT INTO usage
        SELECT tenant, 'tokens', ''::bytea, COUNT(*), SUM(600) FROM changed
        GROUP BY tenant ORDER BY tenant
        ON CONFLICT (tenant, kind, subject) DO UPDATE
        SET items = usage.items + excluded.items, bytes = usage.bytes + excluded.bytes;
    RETURN NULL;
END $$ LANGUAGE plpgsql;
CREATE TRIGGER usage_tokens_in AFTER INSERT ON api_tokens REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION usage_tokens_in();
CREATE FUNCTION usage_tokens_out() RETURNS trigger AS $$ BEGIN
    INSERT INTO usage
        SELECT tenant, 'tokens', ''::bytea, -COUNT(*), -SUM(600) FROM changed
        GROUP BY tenant ORDER BY tenant
        ON CONFLICT (tenant, kind, subject) DO UPDATE
        SET items = usage.items + excluded.items, bytes = usage.bytes + excluded.bytes;
    RETURN NULL;
END $$ LANGUAGE plpgsql;
CREATE TRIGGER usage_tokens_out AFTER DELETE ON api_tokens REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION usage_tokens_out();
INSERT INTO usage SELECT tenant, 'audit', ''::bytea, COUNT(*), SUM(LENGTH(detail) + 400)::bigint FROM audit GROUP BY tenant;
-- Almost every write adds a row here. Nodes count under subjects of their own, so that none waits for another
-- with the tenant's counter in its hands.
CREATE FUNCTION usage_audit_in() RETURNS trigger AS $$ BEGIN
    INSERT INTO usage
        SELECT tenant, 'audit', decode(lpad(to_hex(pg_backend_pid() % 64), 2, '0'), 'hex'), COUNT(*), SUM(LENGTH(detail) + 400) FROM changed
        GROUP BY tenant ORDER BY tenant
        ON CONFLICT (tenant, kind, subject) DO UPDATE
        SET items = usage.items + excluded.items, bytes = usage.bytes + excluded.bytes;
    RETURN NULL;
END $$ LANGUAGE plpgsql;
CREATE TRIGGER usage_audit_in AFTER INSERT ON audit REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION usage_audit_in();
CREATE FUNCTION usage_audit_out() RETURNS trigger AS $$ BEGIN
    INSERT INTO usage
        SELECT tenant, 'audit', decode(lpad(to_hex(pg_backend_pid() % 64), 2, '0'), 'hex'), -COUNT(*), -SUM(LENGTH(detail) + 400) FROM changed
        GROUP BY tenant ORDER BY tenant
        ON CONFLICT (tenant, kind, subject) DO UPDATE
        SET items = usage.items + excluded.items, bytes = usage.bytes + excluded.bytes;
    RETURN NULL;
END $$ LANGUAGE plpgsql;
CREATE TRIGGER usage_audit_out AFTER DELETE ON audit REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION usage_audit_out();
