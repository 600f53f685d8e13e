-- The change log, which is the truth, and what is computed from it.
-- Ids are 16 raw bytes; a document is its kind byte followed by its id (17 bytes); times are Unix
-- milliseconds; every row carries its tenant.

CREATE TABLE meta (
    key TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE tenants (
    id BLOB NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL
) WITHOUT ROWID;

-- The last position given out. Its row is locked first by every writing transaction, so that
-- positions are committed in their order.
CREATE TABLE counters (
    tenant BLOB NOT NULL PRIMARY KEY,
    pos BIGINT NOT NULL
) WITHOUT ROWID;

CREATE TABLE runs (
    tenant BLOB NOT NULL,
    pos BIGINT NOT NULL,
    doc BLOB NOT NULL,
    actor BLOB NOT NULL,
    first_seq BIGINT NOT NULL,
    last_seq BIGINT NOT NULL,
    last_hash BLOB NOT NULL,
    author_user BLOB,
    author_device BLOB,
    received_at BIGINT NOT NULL,
    payload BLOB NOT NULL,
    PRIMARY KEY (tenant, pos)
);
CREATE UNIQUE INDEX runs_of_document ON runs (tenant, doc, pos);

-- Which device an actor belongs to; the id of sixteen fixed bytes stands for the server itself.
CREATE TABLE leases (
    tenant BLOB NOT NULL,
    actor BLOB NOT NULL,
    device BLOB NOT NULL,
    PRIMARY KEY (tenant, actor)
) WITHOUT ROWID;

-- One row a push that brought anything new: what the device signed.
CREATE TABLE pushes (
    tenant BLOB NOT NULL,
    pos BIGINT NOT NULL,
    device BLOB NOT NULL,
    user_id BLOB NOT NULL,
    received_at BIGINT NOT NULL,
    message BLOB NOT NULL,
    signature BLOB NOT NULL,
    PRIMARY KEY (tenant, pos)
);

-- Changes that were refused, with what is needed to give the same verdict again.
CREATE TABLE quarantine (
    tenant BLOB NOT NULL,
    hash BLOB NOT NULL,
    pos BIGINT NOT NULL,
    doc BLOB NOT NULL,
    actor BLOB NOT NULL,
    seq BIGINT NOT NULL,
    author_user BLOB,
    author_device BLOB,
    code TEXT NOT NULL,
    sentence TEXT NOT NULL,
    received_at BIGINT NOT NULL,
    payload BLOB NOT NULL,
    PRIMARY KEY (tenant, hash)
);
CREATE INDEX quarantine_of_document ON quarantine (tenant, doc);

-- From here on everything is computed from the log and can be deleted and rebuilt.

CREATE TABLE documents (
    tenant BLOB NOT NULL,
    doc BLOB NOT NULL,
    kind BIGINT NOT NULL,
    pos BIGINT NOT NULL,
    fingerprint BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, doc)
) WITHOUT ROWID;

CREATE TABLE snapshots (
    tenant BLOB NOT NULL,
    doc BLOB NOT NULL,
    upto BIGINT NOT NULL,
    runs BIGINT NOT NULL,
    payload BLOB NOT NULL,
    PRIMARY KEY (tenant, doc)
);

-- Who must hold which document (current = 1) or had it (0), and the position where that changed.
CREATE TABLE scope (
    tenant BLOB NOT NULL,
    user_id BLOB NOT NULL,
    doc BLOB NOT NULL,
    current BIGINT NOT NULL,
    since BIGINT NOT NULL,
    PRIMARY KEY (tenant, user_id, doc)
) WITHOUT ROWID;
CREATE INDEX scope_of_document ON scope (tenant, doc);

-- One row a job: the columns are for finding it, `summary` (JSON) is what lists show.
CREATE TABLE jobs (
    tenant BLOB NOT NULL,
    job BLOB NOT NULL,
    pos BIGINT NOT NULL,
    branch BLOB,
    state TEXT NOT NULL,
    expires BIGINT,
    technician BLOB,
    waiting BIGINT NOT NULL,
    plate TEXT,
    vin TEXT,
    phone TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    search TEXT NOT NULL,
    summary TEXT NOT NULL,
    PRIMARY KEY (tenant, job)
) WITHOUT ROWID;
CREATE INDEX jobs_by_plate ON jobs (tenant, plate) WHERE plate IS NOT NULL;
CREATE INDEX jobs_by_vin ON jobs (tenant, vin) WHERE vin IS NOT NULL;
CREATE INDEX jobs_by_phone ON jobs (tenant, phone) WHERE phone IS NOT NULL;
CREATE INDEX jobs_by_state ON jobs (tenant, state, job);

CREATE TABLE job_facts (
    tenant BLOB NOT NULL,
    job BLOB NOT NULL,
    section TEXT NOT NULL,
    kind TEXT NOT NULL,
    count BIGINT NOT NULL,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, job, section, kind)
) WITHOUT ROWID;

CREATE TABLE job_parts (
    tenant BLOB NOT NULL,
    job BLOB NOT NULL,
    fact BLOB NOT NULL,
    van BLOB,
    part_no TEXT NOT NULL,
    description TEXT,
    quantity BIGINT NOT NULL,
    unit_price BIGINT,
    currency TEXT,
    bin TEXT,
    at BIGINT NOT NULL,
    voided BIGINT NOT NULL,
    PRIMARY KEY (tenant, job, fact)
) WITHOUT ROWID;
CREATE INDEX job_parts_of_van ON job_parts (tenant, van) WHERE van IS NOT NULL;

CREATE TABLE seals (
    tenant BLOB NOT NULL,
    job BLOB NOT NULL,
    fact BLOB NOT NULL,
    role TEXT,
    name TEXT,
    digest BLOB,
    at BIGINT NOT NULL,
    PRIMARY KEY (tenant, job, fact)
) WITHOUT ROWID;

CREATE TABLE movements (
    tenant BLOB NOT NULL,
    van BLOB NOT NULL,
    fact BLOB NOT NULL,
    section TEXT NOT NULL,
    kind TEXT,
    part_no TEXT NOT NULL,
    quantity BIGINT NOT NULL,
    bin TEXT,
    job BLOB,
    at BIGINT NOT NULL,
    voided BIGINT NOT NULL,
    PRIMARY KEY (tenant, van, fact)
) WITHOUT ROWID;
