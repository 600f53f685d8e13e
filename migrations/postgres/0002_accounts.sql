-- People, phones and who may do what: everything about accounts that is not a document.
-- Ids are 16 raw bytes, times Unix milliseconds, yes/no 0 or 1. Every row carries its tenant,
-- save keys (of the installation) and throttles (which must exist for accounts that do not).

CREATE TABLE tenant_slugs ( -- what people type as their tenant when they log in
    slug   TEXT   NOT NULL PRIMARY KEY,
    tenant BYTEA  NOT NULL
);

CREATE TABLE branches (
    tenant      BYTEA  NOT NULL,
    id          BYTEA  NOT NULL,
    name        TEXT   NOT NULL,
    kind        TEXT   NOT NULL, -- owned, franchised, provider
    currency    TEXT   NOT NULL, -- ISO 4217
    time_zone   TEXT   NOT NULL, -- IANA name
    active      BIGINT NOT NULL,
    version     BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
);

CREATE TABLE users (
    tenant         BYTEA  NOT NULL,
    id             BYTEA  NOT NULL,
    login          TEXT   NOT NULL, -- lower case
    name           TEXT   NOT NULL,
    role           TEXT   NOT NULL, -- technician, dispatcher, manager, administrator
    branch         BYTEA,
    language       TEXT   NOT NULL,
    password_hash  TEXT,            -- PHC string; none for those who cannot use a password
    active         BIGINT NOT NULL,
    deactivated_at BIGINT,
    version        BIGINT NOT NULL,
    created_at     BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE UNIQUE INDEX users_login ON users (tenant, login);

CREATE TABLE devices (
    tenant       BYTEA  NOT NULL,
    id           BYTEA  NOT NULL,
    user_id      BYTEA  NOT NULL,
    state        TEXT   NOT NULL, -- pending, active, revoked
    name         TEXT   NOT NULL,
    app_version  TEXT   NOT NULL,
    public_key   BYTEA  NOT NULL, -- Ed25519
    digits       TEXT   NOT NULL, -- to compare while pending, then empty
    tries        BIGINT NOT NULL, -- wrong digits so far
    created_at   BIGINT NOT NULL,
    confirmed_at BIGINT,
    confirmed_by BYTEA,
    revoked_at   BIGINT,
    revoked_by   BYTEA,
    seen_at      BIGINT,
    version      BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE UNIQUE INDEX devices_id ON devices (id);
CREATE UNIQUE INDEX devices_key ON devices (public_key);
CREATE INDEX devices_user ON devices (tenant, user_id);

CREATE TABLE enrolment_codes (
    code_hash  BYTEA  NOT NULL PRIMARY KEY, -- SHA-256; the code itself is shown once
    tenant     BYTEA  NOT NULL,
    user_id    BYTEA  NOT NULL,
    created_by BYTEA  NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at    BIGINT
);

CREATE TABLE sessions (
    token_hash BYTEA  NOT NULL PRIMARY KEY, -- SHA-256; the token itself is given once
    tenant     BYTEA  NOT NULL,
    user_id    BYTEA  NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX sessions_user ON sessions (tenant, user_id);

CREATE TABLE assertions ( -- logins of phones already used, until they expire
    device     BYTEA  NOT NULL,
    jti        BYTEA  NOT NULL, -- SHA-256
    tenant     BYTEA  NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (device, jti)
);

CREATE TABLE keys (
    kid        TEXT   NOT NULL PRIMARY KEY,
    public_key BYTEA  NOT NULL,
    seed       BYTEA  NOT NULL,
    created_at BIGINT NOT NULL,
    retired_at BIGINT -- signs nothing after this, verifies a little longer
);

CREATE TABLE throttles (
    scope         TEXT   NOT NULL, -- account, address
    bucket        BYTEA  NOT NULL, -- SHA-256 of what is counted
    failures      BIGINT NOT NULL,
    since         BIGINT NOT NULL,
    blocked_until BIGINT NOT NULL,
    PRIMARY KEY (scope, bucket)
);

CREATE TABLE audit (
    tenant     BYTEA  NOT NULL,
    id         BYTEA  NOT NULL,
    at         BIGINT NOT NULL,
    user_id    BYTEA,
    device     BYTEA,
    action     TEXT   NOT NULL, -- such as user.create
    object     TEXT   NOT NULL, -- id of what it was done to
    request_id TEXT   NOT NULL,
    detail     TEXT   NOT NULL, -- names and choices, never secrets
    PRIMARY KEY (tenant, id)
);

CREATE TABLE idempotency (
    tenant     BYTEA  NOT NULL,
    user_id    BYTEA  NOT NULL,
    key        TEXT   NOT NULL,
    request    BYTEA  NOT NULL, -- SHA-256 of method, path, If-Match and body
    operation  BYTEA  NOT NULL, -- the ids a repeated attempt makes are made from this
    created_at BIGINT NOT NULL,
    leased_to  BIGINT NOT NULL, -- until when one attempt is under way
    status     BIGINT,
    headers    TEXT,
    body       BYTEA,
    PRIMARY KEY (tenant, user_id, key)
);
CREATE INDEX idempotency_age ON idempotency (created_at);

CREATE TABLE positions (
    tenant      BYTEA  NOT NULL,
    user_id     BYTEA  NOT NULL,
    at          BIGINT NOT NULL, -- by the phone's clock
    device      BYTEA  NOT NULL,
    received_at BIGINT NOT NULL,
    lat         BIGINT NOT NULL, -- 1e-7 degrees
    lon         BIGINT NOT NULL,
    accuracy    BIGINT,          -- decimetres
    speed       BIGINT,          -- centimetres a second
    heading     BIGINT,          -- degrees
    job         BYTEA,
    PRIMARY KEY (tenant, user_id, at)
);

CREATE TABLE parts (
    tenant      BYTEA  NOT NULL,
    part_no     TEXT   NOT NULL,
    description TEXT   NOT NULL,
    unit        TEXT   NOT NULL,
    unit_price  BIGINT NOT NULL, -- minor units
    currency    TEXT   NOT NULL,
    tax_rate    BIGINT NOT NULL, -- hundredths of a percent
    active      BIGINT NOT NULL,
    version     BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    PRIMARY KEY (tenant, part_no)
);

CREATE TABLE job_numbers (
    tenant BYTEA  NOT NULL,
    day    TEXT   NOT NULL, -- YYMMDD
    last   BIGINT NOT NULL,
    PRIMARY KEY (tenant, day)
);

-- Frames of phones that were revoked, or whose technician may not log in any more: nothing of
-- them counts until a person has looked, and nothing of them is lost.
CREATE TABLE handed_in (
    tenant      BYTEA  NOT NULL,
    id          BYTEA  NOT NULL,
    device      BYTEA  NOT NULL,
    user_id     BYTEA  NOT NULL,
    received_at BIGINT NOT NULL,
    digest      BYTEA  NOT NULL, -- SHA-256 of what was handed in
    frame       BYTEA  NOT NULL,
    changes     BIGINT NOT NULL,
    state       TEXT   NOT NULL, -- waiting, accepted, discarded
    decided_at  BIGINT,
    decided_by  BYTEA ,
    PRIMARY KEY (tenant, id)
);
CREATE UNIQUE INDEX handed_in_frames ON handed_in (tenant, device, digest);
