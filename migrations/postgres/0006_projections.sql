-- A movement and a count of a van may have the same fact id: the section is part of the key. The rows
-- are computed from the log, and the server fills the table again when it starts.

DROP TABLE movements;
CREATE TABLE movements (
    tenant BYTEA NOT NULL,
    van BYTEA NOT NULL,
    section TEXT NOT NULL,
    fact BYTEA NOT NULL,
    kind TEXT,
    part_no TEXT NOT NULL,
    quantity BIGINT NOT NULL,
    bin TEXT,
    job BYTEA,
    at BIGINT NOT NULL,
    voided BIGINT NOT NULL,
    PRIMARY KEY (tenant, van, section, fact)
);
