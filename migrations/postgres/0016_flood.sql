-- What one phone sends costs its own technician's share, and no list or upkeep of others.

-- Jobs that may be the same rescue, those the server took in last first: an id has a phone's clock.
DROP INDEX jobs_by_plate;
DROP INDEX jobs_by_vin;
DROP INDEX jobs_by_phone;
CREATE INDEX jobs_by_plate ON jobs (tenant, plate, first_pos, job) WHERE plate IS NOT NULL;
CREATE INDEX jobs_by_vin ON jobs (tenant, vin, first_pos, job) WHERE vin IS NOT NULL;
CREATE INDEX jobs_by_phone ON jobs (tenant, phone, first_pos, job) WHERE phone IS NOT NULL;

-- Jobs without a number, the oldest of each technician first.
DROP INDEX jobs_unnumbered;
CREATE INDEX jobs_unnumbered ON jobs (tenant, technician, first_pos, job) WHERE unnumbered = 1;

-- 1 while open jobs of somebody who was deactivated still have to go back to the board.
ALTER TABLE users ADD COLUMN recall BIGINT NOT NULL DEFAULT 0;
CREATE INDEX users_recall ON users (tenant, id) WHERE recall = 1;

-- What each technician's phones have stored: in all, and on the last day they stored anything. The
-- writer keeps it. One row a technician.
CREATE TABLE storage_shares (
    tenant BYTEA NOT NULL,
    user_id BYTEA NOT NULL,
    items BIGINT NOT NULL, -- entries of changes
    bytes BIGINT NOT NULL, -- log and what is computed from it, as estimated
    day BIGINT NOT NULL, -- days since 1970, UTC
    day_bytes BIGINT NOT NULL,
    extra BIGINT NOT NULL, -- bytes an operator allows on top
    PRIMARY KEY (tenant, user_id)
);
INSERT INTO storage_shares SELECT tenant, author_user, COUNT(*), SUM(LENGTH(payload) + 160), 0, 0, 0
    FROM runs WHERE author_user IS NOT NULL AND author_device IS NOT NULL
    GROUP BY tenant, author_user;

-- What is computed from the log, estimated by its entries; of earlier entries by their rows.
INSERT INTO usage SELECT tenant, 'projections', ''::bytea, SUM(items)::bigint,
    SUM(items)::bigint * 256 FROM (
    SELECT tenant, COUNT(*) AS items FROM job_parts GROUP BY tenant
    UNION ALL SELECT tenant, COUNT(*) FROM job_facts GROUP BY tenant
    UNION ALL SELECT tenant, COUNT(*) FROM movements GROUP BY tenant
    UNION ALL SELECT tenant, COUNT(*) FROM seals GROUP BY tenant
) AS shown GROUP BY tenant;

-- The parts of a van by who says so: whoever never drove it is not looked at. It holds all that is
-- added up, or SQLite would rather walk through every part of the tenant. Names in it are short enough for an index
-- from here on: the rows are computed from the log, and the server fills the table when it starts.
DELETE FROM job_parts;
DROP INDEX job_parts_of_van;
CREATE INDEX job_parts_of_van ON job_parts (tenant, van, by_user, part_no, bin, at, voided, quantity)
    WHERE van IS NOT NULL;
