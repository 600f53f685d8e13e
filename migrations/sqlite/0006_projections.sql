-- What is computed from the log: rows that lists, pulls and stock read instead of documents. The server
-- fills the new columns and the emptied tables when it starts.

-- Lists of jobs go by when the server received the job, not by clocks of phones: first_pos is the
-- position of its first run.
ALTER TABLE jobs ADD COLUMN first_pos BIGINT NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN unnumbered BIGINT NOT NULL DEFAULT 0; -- 1 until the server numbers the job
ALTER TABLE jobs ADD COLUMN lat BIGINT; -- 1e-7 degrees
ALTER TABLE jobs ADD COLUMN lon BIGINT;

-- Each index begins with what the list asks for and ends with what it is ordered by.
DROP INDEX jobs_by_state;
DROP INDEX jobs_by_plate;
DROP INDEX jobs_by_vin;
DROP INDEX jobs_by_phone;
CREATE INDEX jobs_by_first ON jobs (tenant, first_pos, job);
CREATE INDEX jobs_by_state ON jobs (tenant, state, first_pos, job);
CREATE INDEX jobs_by_branch ON jobs (tenant, branch, first_pos, job);
CREATE INDEX jobs_by_technician ON jobs (tenant, technician, first_pos, job)
    WHERE technician IS NOT NULL;
CREATE INDEX jobs_waiting ON jobs (tenant, first_pos, job) WHERE waiting > 0;
CREATE INDEX jobs_by_plate ON jobs (tenant, plate, first_pos, job) WHERE plate IS NOT NULL;
CREATE INDEX jobs_by_vin ON jobs (tenant, vin, first_pos, job) WHERE vin IS NOT NULL;
CREATE INDEX jobs_by_phone ON jobs (tenant, phone, first_pos, job) WHERE phone IS NOT NULL;
CREATE INDEX jobs_by_update ON jobs (tenant, updated_at, job);

-- What a technician has to do: only jobs that are not over, however many were.
CREATE INDEX jobs_open ON jobs (tenant, technician, first_pos, job)
    WHERE technician IS NOT NULL AND state IN ('offered', 'assigned', 'accepted', 'en_route',
    'on_scene', 'working', 'in_tow', 'at_destination');

-- For programs that follow changes.
CREATE INDEX jobs_by_position ON jobs (tenant, pos, job);
ALTER TABLE jobs ADD COLUMN former BLOB; -- ids of the branches it has been of and is not, zeros for none

-- Jobs without a number, the oldest of each technician first.
CREATE INDEX jobs_unnumbered ON jobs (tenant, technician, first_pos, job) WHERE unnumbered = 1;

-- Calls near in time and place are likely duplicates. The index has everything the search looks at.
CREATE INDEX jobs_by_time ON jobs (tenant, created_at, lat, lon, job) WHERE lat IS NOT NULL;

-- The technician whose phone says that a part came from a van: a person who never drove the van takes
-- nothing from its stock. The index holds all that is added up, or SQLite would rather walk through
-- every part of the tenant. Earlier versions let names be too long for it, so the rows go first.
ALTER TABLE job_parts ADD COLUMN by_user BLOB;
DELETE FROM job_parts;
DROP INDEX job_parts_of_van;
CREATE INDEX job_parts_of_van ON job_parts (tenant, van, by_user, part_no, bin, at, voided, quantity)
    WHERE van IS NOT NULL;

-- A movement and a count of a van may have the same fact id: the section is part of the key. SQLite
-- cannot change a key, so the table is made again.
DROP TABLE movements;
CREATE TABLE movements (
    tenant BLOB NOT NULL,
    van BLOB NOT NULL,
    section TEXT NOT NULL,
    fact BLOB NOT NULL,
    kind TEXT,
    part_no TEXT NOT NULL,
    quantity BIGINT NOT NULL,
    bin TEXT,
    job BLOB,
    at BIGINT NOT NULL,
    voided BIGINT NOT NULL,
    PRIMARY KEY (tenant, van, section, fact)
) WITHOUT ROWID;

-- A page of vans reads the first records of so many vans and no other record. Which records are
-- further ones follows from the documents.
ALTER TABLE documents ADD COLUMN further BIGINT NOT NULL DEFAULT 0;
CREATE INDEX documents_vans ON documents (tenant, kind, further, doc) WHERE kind = 2 AND further = 0;

-- What changed after a position: of a tenant, and in the scope of a technician.
CREATE INDEX documents_by_position ON documents (tenant, pos, doc);
CREATE INDEX scope_by_position ON scope (tenant, user_id, since, doc);

-- Sum of the fingerprints of what a technician must hold, in two halves so that no sum overflows, and
-- how many documents that are. Triggers keep it: otherwise a pull would have to read all of them.
CREATE TABLE scope_digests (
    tenant BLOB NOT NULL,
    user_id BLOB NOT NULL,
    documents BIGINT NOT NULL,
    high BIGINT NOT NULL,
    low BIGINT NOT NULL,
    PRIMARY KEY (tenant, user_id)
) WITHOUT ROWID;
INSERT INTO scope_digests SELECT scope.tenant, scope.user_id, COUNT(*),
    SUM(fingerprint >> 32), SUM(fingerprint & 4294967295) FROM scope
    JOIN documents ON documents.tenant = scope.tenant AND documents.doc = scope.doc
    WHERE scope.current = 1 GROUP BY scope.tenant, scope.user_id;

CREATE TRIGGER digest_document_in AFTER INSERT ON documents BEGIN
    UPDATE scope_digests SET documents = documents + 1, high = high + (NEW.fingerprint >> 32),
        low = low + (NEW.fingerprint & 4294967295)
        WHERE tenant = NEW.tenant AND user_id IN (SELECT scope.user_id FROM scope
        WHERE scope.tenant = NEW.tenant AND scope.doc = NEW.doc AND scope.current = 1);
END;
CREATE TRIGGER digest_document_change AFTER UPDATE OF fingerprint ON documents WHEN NEW.fingerprint <> OLD.fingerprint BEGIN
    UPDATE scope_digests SET high = high + (NEW.fingerprint >> 32) - (OLD.fingerprint >> 32),
        low = low + (NEW.fingerprint & 4294967295) - (OLD.fingerprint & 4294967295)
        WHERE tenant = NEW.tenant AND user_id IN (SELECT scope.user_id FROM scope
        WHERE scope.tenant = NEW.tenant AND scope.doc = NEW.doc AND scope.current = 1);
END;
CREATE TRIGGER digest_document_out AFTER DELETE ON documents BEGIN
    UPDATE scope_digests SET documents = documents - 1, high = high - (OLD.fingerprint >> 32),
        low = low - (OLD.fingerprint & 4294967295)
        WHERE tenant = OLD.tenant AND user_id IN (SELECT scope.user_id FROM scope
        WHERE scope.tenant = OLD.tenant AND scope.doc = OLD.doc AND scope.current = 1);
END;
CREATE TRIGGER digest_scope_in AFTER INSERT ON scope BEGIN
    INSERT INTO scope_digests SELECT NEW.tenant, NEW.user_id, 0, 0, 0 WHERE NOT EXISTS (SELECT 1
        FROM scope_digests WHERE tenant = NEW.tenant AND user_id = NEW.user_id);
    UPDATE scope_digests SET documents = scope_digests.documents + NEW.current,
        high = high + NEW.current * (found.fingerprint >> 32),
        low = low + NEW.current * (found.fingerprint & 4294967295)
        FROM documents AS found WHERE found.tenant = NEW.tenant AND found.doc = NEW.doc
        AND scope_digests.tenant = NEW.tenant AND scope_digests.user_id = NEW.user_id;
END;
CREATE TRIGGER digest_scope_change AFTER UPDATE OF current ON scope WHEN NEW.current <> OLD.current BEGIN
    INSERT INTO scope_digests SELECT NEW.tenant, NEW.user_id, 0, 0, 0 WHERE NOT EXISTS (SELECT 1
        FROM scope_digests WHERE tenant = NEW.tenant AND user_id = NEW.user_id);
    UPDATE scope_digests SET documents = scope_digests.documents + (NEW.current - OLD.current),
        high = high + (NEW.current - OLD.current) * (found.fingerprint >> 32),
        low = low + (NEW.current - OLD.current) * (found.fingerprint & 4294967295)
        FROM documents AS found WHERE found.tenant = NEW.tenant AND found.doc = NEW.doc
        AND scope_digests.tenant = NEW.tenant AND scope_digests.user_id = NEW.user_id;
END;
CREATE TRIGGER digest_scope_out AFTER DELETE ON scope BEGIN
    UPDATE scope_digests SET documents = scope_digests.documents + -OLD.current,
        high = high + -OLD.current * (found.fingerprint >> 32),
        low = low + -OLD.current * (found.fingerprint & 4294967295)
        FROM documents AS found WHERE found.tenant = OLD.tenant AND found.doc = OLD.doc
        AND scope_digests.tenant = OLD.tenant AND scope_digests.user_id = OLD.user_id;
END;
