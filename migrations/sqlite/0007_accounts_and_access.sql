-- People, phones and integrations: who may log in, with what, and the answers to their repeated requests.

-- A token is its own person: its id stands where a user's would, in the audit list and in documents.
CREATE TABLE api_tokens (
    tenant       BLOB   NOT NULL,
    id           BLOB   NOT NULL,
    name         TEXT   NOT NULL,
    secret_hash  BLOB   NOT NULL, -- SHA-256 of the token, which has 256 random bits and is nowhere kept
    scopes       TEXT   NOT NULL, -- separated by spaces
    branch       BLOB,            -- the one it works for; empty for all
    created_by   BLOB,            -- empty for the command line
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
    tenant      BLOB   NOT NULL,
    user_id     BLOB   NOT NULL,
    secret_hash BLOB   NOT NULL, -- SHA-256 of 256 random bits, which are nowhere kept
    kind        TEXT   NOT NULL, -- invite, reset
    created_by  BLOB,            -- empty for the command line
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
UPDATE idempotency SET bytes = LENGTH(body) WHERE body IS NOT NULL;
CREATE INDEX idempotency_kept ON idempotency (tenant, user_id, bytes);

-- Rows that a caller can add: how many a tenant has, with about what they take. They count as its storage.
INSERT INTO usage SELECT tenant, 'branches', x'', COUNT(*), SUM(400) FROM branches GROUP BY tenant;
CREATE TRIGGER usage_branches_in AFTER INSERT ON branches BEGIN
    INSERT INTO usage SELECT NEW.tenant, 'branches', x'', 0, 0 WHERE NOT EXISTS (SELECT 1 FROM usage
        WHERE tenant = NEW.tenant AND kind = 'branches' AND subject = x'');
    UPDATE usage SET items = items + 1, bytes = bytes + 400
        WHERE tenant = NEW.tenant AND kind = 'branches' AND subject = x'';
END;
INSERT INTO usage SELECT tenant, 'users', x'', COUNT(*), SUM(600) FROM users GROUP BY tenant;
CREATE TRIGGER usage_users_in AFTER INSERT ON users BEGIN
    INSERT INTO usage SELECT NEW.tenant, 'users', x'', 0, 0 WHERE NOT EXISTS (SELECT 1 FROM usage
        WHERE tenant = NEW.tenant AND kind = 'users' AND subject = x'');
    UPDATE usage SET items = items + 1, bytes = bytes + 600
        WHERE tenant = NEW.tenant AND kind = 'users' AND subject = x'';
END;
INSERT INTO usage SELECT tenant, 'devices', x'', COUNT(*), SUM(700) FROM devices GROUP BY tenant;
CREATE TRIGGER usage_devices_in AFTER INSERT ON devices BEGIN
    INSERT INTO usage SELECT NEW.tenant, 'devices', x'', 0, 0 WHERE NOT EXISTS (SELECT 1 FROM usage
        WHERE tenant = NEW.tenant AND kind = 'devices' AND subject = x'');
    UPDATE usage SET items = items + 1, bytes = bytes + 700
        WHERE tenant = NEW.tenant AND kind = 'devices' AND subject = x'';
END;
CREATE TRIGGER usage_devices_out AFTER DELETE ON devices BEGIN
    UPDATE usage SET items = items - 1, bytes = bytes - (700)
        WHERE tenant = OLD.tenant AND kind = 'devices' AND subject = x'';
END;
INSERT INTO usage SELECT tenant, 'tokens', x'', COUNT(*), SUM(600) FROM api_tokens GROUP BY tenant;
CREATE TRIGGER usage_tokens_in AFTER INSERT ON api_tokens BEGIN
    INSERT INTO usage SELECT NEW.tenant, 'tokens', x'', 0, 0 WHERE NOT EXISTS (SELECT 1 FROM usage
        WHERE tenant = NEW.tenant AND kind = 'tokens' AND subject = x'');
    UPDATE usage SET items = items + 1, bytes = bytes + 600
        WHERE tenant = NEW.tenant AND kind = 'tokens' AND subject = x'';
END;
CREATE TRIGGER usage_tokens_out AFTER DELETE ON api_tokens BEGIN
    UPDATE usage SET items = items - 1, bytes = bytes - (600)
        WHERE tenant = OLD.tenant AND kind = 'tokens' AND subject = x'';
END;
INSERT INTO usage SELECT tenant, 'audit', x'', COUNT(*), SUM(LENGTH(detail) + 400) FROM audit GROUP BY tenant;
CREATE TRIGGER usage_audit_in AFTER INSERT ON audit BEGIN
    INSERT INTO usage SELECT NEW.tenant, 'audit', x'', 0, 0 WHERE NOT EXISTS (SELECT 1 FROM usage
        WHERE tenant = NEW.tenant AND kind = 'audit' AND subject = x'');
    UPDATE usage SET items = items + 1, bytes = bytes + LENGTH(NEW.detail) + 400
        WHERE tenant = NEW.tenant AND kind = 'audit' AND subject = x'';
END;
CREATE TRIGGER usage_audit_out AFTER DELETE ON audit BEGIN
    UPDATE usage SET items = items - 1, bytes = bytes - (LENGTH(OLD.detail) + 400)
        WHERE tenant = OLD.tenant AND kind = 'audit' AND subject = x'';
END;
