-- Tokens of integrations, and links by which people set their password.

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
CREATE INDEX api_tokens_age ON api_tokens (ends_at);
CREATE INDEX api_tokens_live ON api_tokens (tenant, ends_at);

-- One for each person at most.
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
CREATE INDEX password_links_age ON password_links (expires_at);
