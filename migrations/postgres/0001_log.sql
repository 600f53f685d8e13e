-- The change log, which is the truth, and what is computed from it.
-- Ids are 16 raw bytes; a document is its kind byte followed by its id (17 bytes); times are Unix
-- milliseconds; every row carries its tenant.

CREATE TABLE meta (
    key TEXT NOT NULL PRIMARY KEY,
    value BYTEA NOT NULL
);

CREATE TABLE tenants (
    id BYTEA NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

-- The last position given out. Its row is locked first by every writing transaction, so that
-- positions are committed in their order.
CREATE TABLE counters (
    tenant BYTEA NOT NULL PRIMARY KEY,
    pos BIGINT NOT NULL
);

CREATE TABLE runs (
    tenant BYTEA NOT NULL,
    pos BIGINT NOT NULL,
    doc BYTEA NOT NULL,
    actor BYTEA NOT NULL,
    first_seq BIGINT NOT NULL,
    last_seq BIGINT NOT NULL,
    last_hash BYTEA NOT NULL,
    author_user BYTEA,
    author_device BYTEA,
    received_at BIGINT NOT NULL,
    payload BYTEA NOT NULL,
    PRIMARY KEY (tenant, pos)
);
CREATE UNIQUE INDEX runs_of_document ON runs (tenant, doc, pos);

-- Which device an actor belongs to; the id of sixteen fixed bytes stands for the server itself.
CREATE TABLE leases (
    tenant BYTEA NOT NULL,
    actor BYTEA NOT NULL,
    device BYTEA NOT NULL,
    PRIMARY KEY (tenant, actor)
);

-- One row a push that brought anything new: what the device signed.
CREATE TABLE pushes (
    tenant BYTEA NOT NULL,
    pos BIGINT NOT NULL,
    device BYTEA NOT NULL,
    user_id BYTEA NOT NULL,
    received_at BIGINT NOT NULL,
    message BYTEA NOT NULL,
    signature BYTEA NOT NULL,
    PRIMARY KEY (tenant, pos)
);

-- Changes that were refused, with what is needed to give the same verdict again.
CREATE TABLE quarantine (
    tenant BYTEA NOT NULL,
    hash BYTEA NOT NULL,
    pos BIGINT NOT NULL,
    doc BYTEA NOT NULL,
    actor BYTEA NOT NULL,
    seq BIGINT NOT NULL,
    author_user BYTEA,
    author_device BYTEA,
    code TEXT NOT NULL,
    sentence TEXT NOT NULL,
    received_at BIGINT NOT NULL,
    payload BYTEA NOT NULL,
    PRIMARY KEY (tenant, hash)
);
CREATE INDEX quarantine_of_document ON quarantine (tenant, doc);

-- From here on everything is computed from the log and can be deleted and rebuilt.

CREATE TABLE documents (
    tenant BYTEA NOT NULL,
    doc BYTEA NOT NULL,
    kind BIGINT NOT NULL,
    pos BIGINT NOT NULL,
    fingerprint BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, doc)
);

CREATE TABLE snapshots (
    tenant BYTEA NOT NULL,
    doc BYTEA NOT NULL,
    upto BIGINT NOT NULL,
    runs BIGINT NOT NULL,
    payload BYTEA NOT NULL,
    PRIMARY KEY (tenant, doc)
);

-- Who must hold which document (current = 1) or had it (0), and the position where that changed.
CREATE TABLE scope (
    tenant BYTEA NOT NULL,
    user_id BYTEA NOT NULL,
    doc BYTEA NOT NULL,
    current BIGINT NOT NULL,
    since BIGINT NOT NULL,
    PRIMARY KEY (tenant, user_id, doc)
);
CREATE INDEX scope_of_document ON scope (tenant, doc);

-- One row a job: the columns are for finding it, `summary` (JSON) is what lists show.
CREATE TABLE jobs (
    tenant BYTEA NOT NULL,
    job BYTEA NOT NULL,
    pos BIGINT NOT NULL,
    branch BYTEA,
    state TEXT NOT NULL,
    expires BIGINT,
    technician BYTEA,
    waiting BIGINT NOT NULL,
    plate TEXT,
    vin TEXT,
    phone TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    search TEXT NOT NULL,
    summary TEXT NOT NULL,
    PRIMARY KEY (tenant, job)
);
CREATE INDEX jobs_by_plate ON jobs (tenant, plate) WHERE plate IS NOT NULL;
CREATE INDEX jobs_by_vin ON jobs (tenant, vin) WHERE vin IS NOT NULL;
CREATE INDEX jobs_by_phone ON jobs (tenant, phone) WHERE phone IS NOT NULL;
CREATE INDEX jobs_by_state ON jobs (tenant, state, job);

CREATE TABLE job_facts (
    tenant BYTEA NOT NULL,
    job BYTEA NOT NULL,
    section TEXT NOT NULL,
    kind TEXT NOT NULL,
    count BIGINT NOT NULL,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, job, section, kind)
);

CREATE TABLE job_parts (
    tenant BYTEA NOT NULL,
    job BYTEA NOT NULL,
    fact BYTEA NOT NULL,
    van BYTEA,
    part_no TEXT NOT NULL,
    description TEXT,
    quantity BIGINT NOT NULL,
    unit_price BIGINT,
    currency TEXT,
    bin TEXT,
    at BIGINT NOT NULL,
    voided BIGINT NOT NULL,
    PRIMARY KEY (tenant, job, fact)
);
CREATE INDEX job_parts_of_van ON job_parts (tenant, van) WHERE van IS NOT NULL;

CREATE TABLE seals (
    tenant BYTEA NOT NULL,
    job BYTEA NOT NULL,
    fact BYTEA NOT NULL,
    role TEXT,
    name TEXT,
    digest BYTEA,
    at BIGINT NOT NULL,
    PRIMARY KEY (tenant, job, fact)
);

CREATE TABLE movements (
    tenant BYTEA NOT NULL,
    van BYTEA NOT NULL,
    fact BYTEA NOT NULL,
    section TEXT NOT NULL,
    kind TEXT,
    part_no TEXT NOT NULL,
    quantity BIGINT NOT NULL,
    bin TEXT,
    job BYTEA,
    at BIGINT NOT NULL,
    voided BIGINT NOT NULL,
    PRIMARY KEY (tenant, van, fact)
);
