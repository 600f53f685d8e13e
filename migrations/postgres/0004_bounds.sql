-- What a tenant takes up, kept by the database itself, and an index for every list and every sweep.

-- Rows and bytes of a tenant by kind. `subject` is a device where that matters, otherwise empty.
-- Kinds: log (runs and pushes), quarantine (whole tenant, and each device), handed_in, decisions
-- (items: decisions that wait for a person). Triggers keep it, so no statement can forget to.
CREATE TABLE usage (
    tenant BYTEA NOT NULL,
    kind TEXT NOT NULL,
    subject BYTEA NOT NULL,
    items BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    PRIMARY KEY (tenant, kind, subject)
);

-- The first hundred refusals of a document stay. A repeated change beyond them is judged again by
-- the same rules, and the phone that sent it has it still.
DELETE FROM quarantine WHERE (tenant, hash) IN (
    SELECT tenant, hash FROM (
        SELECT tenant, hash, ROW_NUMBER() OVER (PARTITION BY tenant, doc ORDER BY pos, hash) AS n
        FROM quarantine
    ) AS numbered WHERE n > 100
);

INSERT INTO usage SELECT tenant, 'log', ''::bytea, SUM(items)::bigint, SUM(bytes)::bigint FROM (
    SELECT tenant, COUNT(*) AS items, SUM(LENGTH(payload) + 160) AS bytes FROM runs GROUP BY tenant
    UNION ALL
    SELECT tenant, COUNT(*), SUM(LENGTH(message) + 160) FROM pushes GROUP BY tenant
) AS log GROUP BY tenant;
INSERT INTO usage SELECT tenant, 'quarantine', ''::bytea, COUNT(*),
    SUM(LENGTH(payload) + LENGTH(sentence) + 240) FROM quarantine GROUP BY tenant;
INSERT INTO usage SELECT tenant, 'quarantine', author_device, COUNT(*),
    SUM(LENGTH(payload) + LENGTH(sentence) + 240) FROM quarantine
    WHERE author_device IS NOT NULL GROUP BY tenant, author_device;
INSERT INTO usage SELECT tenant, 'handed_in', ''::bytea, COUNT(*), SUM(LENGTH(frame) + 240)
    FROM handed_in GROUP BY tenant;
INSERT INTO usage SELECT tenant, 'decisions', ''::bytea, SUM(waiting)::bigint, 0 FROM jobs GROUP BY tenant;

CREATE FUNCTION usage_run_in() RETURNS trigger AS $$ BEGIN
    INSERT INTO usage
        SELECT tenant, 'log', ''::bytea, COUNT(*), SUM(LENGTH(payload) + 160) FROM changed
        GROUP BY tenant ORDER BY tenant
        ON CONFLICT (tenant, kind, subject) DO UPDATE
        SET items = usage.items + excluded.items, bytes = usage.bytes + excluded.bytes;
    RETURN NULL;
END $$ LANGUAGE plpgsql;
CREATE TRIGGER usage_run_in AFTER INSERT ON runs REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION usage_run_in();
CREATE FUNCTION usage_run_out() RETURNS trigger AS $$ BEGIN
    INSERT INTO usage
        SELECT tenant, 'log', ''::bytea, -COUNT(*), -SUM(LENGTH(payload) + 160) FROM changed
        GROUP BY tenant ORDER BY tenant
        ON CONFLICT (tenant, kind, subject) DO UPDATE
        SET items = usage.items + excluded.items, bytes = usage.bytes + excluded.bytes;
    RETURN NULL;
END $$ LANGUAGE plpgsql;
CREATE TRIGGER usage_run_out AFTER DELETE ON runs REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION usage_run_out();
CREATE FUNCTION usage_push_in() RETURNS trigger AS $$ BEGIN
    INSERT INTO usage
        SELECT tenant, 'log', ''::bytea, COUNT(*), SUM(LENGTH(message) + 160) FROM changed
        GROUP BY tenant ORDER BY tenant
        ON CONFLICT (tenant, kind, subject) DO UPDATE
        SET items = usage.items + excluded.items, bytes = usage.bytes + excluded.bytes;
    RETURN NULL;
END $$ LANGUAGE plpgsql;
CREATE TRIGGER usage_push_in AFTER INSERT ON pushes REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION usage_push_in();
CREATE FUNCTION usage_push_out() RETURNS trigger AS $$ BEGIN
    INSERT INTO usage
        SELECT tenant, 'log', ''::bytea, -COUNT(*), -SUM(LENGTH(message) + 160) FROM changed
        GROUP BY tenant ORDER BY tenant
        ON CONFLICT (tenant, kind, subject) DO UPDATE
        SET items = usage.items + excluded.items, bytes = usage.bytes + excluded.bytes;
    RETURN NULL;
END $$ LANGUAGE plpgsql;
CREATE TRIGGER usage_push_out AFTER DELETE ON pushes REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION usage_push_out();
CREATE FUNCTION usage_handed_in() RETURNS trigger AS $$ BEGIN
    INSERT INTO usage
        SELECT tenant, 'handed_in', ''::bytea, COUNT(*), SUM(LENGTH(frame) + 240) FROM changed
        GROUP BY tenant ORDER BY tenant
        ON CONFLICT (tenant, kind, subject) DO UPDATE
        SET items = usage.items + excluded.items, bytes = usage.bytes + excluded.bytes;
    RETURN NULL;
END $$ LANGUAGE plpgsql;
CREATE TRIGGER usage_handed_in AFTER INSERT ON handed_in REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION usage_handed_in();
CREATE FUNCTION usage_handed_out() RETURNS trigger AS $$ BEGIN
    INSERT INTO usage
        SELECT tenant, 'handed_in', ''::bytea, -COUNT(*), -SUM(LENGTH(frame) + 240) FROM changed
        GROUP BY tenant ORDER BY tenant
        ON CONFLICT (tenant, kind, subject) DO UPDATE
        SET items = usage.items + excluded.items, bytes = usage.bytes + excluded.bytes;
    RETURN NULL;
END $$ LANGUAGE plpgsql;
CREATE TRIGGER usage_handed_out AFTER DELETE ON handed_in REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION usage_handed_out();
CREATE FUNCTION usage_quarantine_in() RETURNS trigger AS $$ BEGIN
    INSERT INTO usage
        SELECT tenant, 'quarantine', subject, COUNT(*), SUM(size) FROM (
            SELECT tenant, ''::bytea AS subject, LENGTH(payload) + LENGTH(sentence) + 240 AS size FROM changed
            UNION ALL
            SELECT tenant, author_device, LENGTH(payload) + LENGTH(sentence) + 240 FROM changed WHERE author_device IS NOT NULL
        ) AS counted GROUP BY tenant, subject ORDER BY tenant, subject
        ON CONFLICT (tenant, kind, subject) DO UPDATE
        SET items = usage.items + excluded.items, bytes = usage.bytes + excluded.bytes;
    RETURN NULL;
END $$ LANGUAGE plpgsql;
CREATE TRIGGER usage_quarantine_in AFTER INSERT ON quarantine REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION usage_quarantine_in();
CREATE FUNCTION usage_quarantine_out() RETURNS trigger AS $$ BEGIN
    INSERT INTO usage
        SELECT tenant, 'quarantine', subject, -COUNT(*), -SUM(size) FROM (
            SELECT tenant, ''::bytea AS subject, LENGTH(payload) + LENGTH(sentence) + 240 AS size FROM changed
            UNION ALL
            SELECT tenant, author_device, LENGTH(payload) + LENGTH(sentence) + 240 FROM changed WHERE author_device IS NOT NULL
        ) AS counted GROUP BY tenant, subject ORDER BY tenant, subject
        ON CONFLICT (tenant, kind, subject) DO UPDATE
        SET items = usage.items + excluded.items, bytes = usage.bytes + excluded.bytes;
    DELETE FROM usage USING changed WHERE usage.tenant = changed.tenant
        AND usage.kind = 'quarantine' AND usage.subject = changed.author_device AND usage.items <= 0;
    RETURN NULL;
END $$ LANGUAGE plpgsql;
CREATE TRIGGER usage_quarantine_out AFTER DELETE ON quarantine REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION usage_quarantine_out();
CREATE FUNCTION usage_waiting_in() RETURNS trigger AS $$ BEGIN
    INSERT INTO usage
        SELECT tenant, 'decisions', ''::bytea, SUM(waiting), 0 FROM changed
        GROUP BY tenant HAVING SUM(waiting) <> 0 ORDER BY tenant
        ON CONFLICT (tenant, kind, subject) DO UPDATE
        SET items = usage.items + excluded.items, bytes = usage.bytes + excluded.bytes;
    RETURN NULL;
END $$ LANGUAGE plpgsql;
CREATE TRIGGER usage_waiting_in AFTER INSERT ON jobs REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION usage_waiting_in();
CREATE FUNCTION usage_waiting_out() RETURNS trigger AS $$ BEGIN
    INSERT INTO usage
        SELECT tenant, 'decisions', ''::bytea, -SUM(waiting), 0 FROM changed
        GROUP BY tenant HAVING SUM(waiting) <> 0 ORDER BY tenant
        ON CONFLICT (tenant, kind, subject) DO UPDATE
        SET items = usage.items + excluded.items, bytes = usage.bytes + excluded.bytes;
    RETURN NULL;
END $$ LANGUAGE plpgsql;
CREATE TRIGGER usage_waiting_out AFTER DELETE ON jobs REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION usage_waiting_out();
CREATE FUNCTION usage_waiting_change() RETURNS trigger AS $$ BEGIN
    INSERT INTO usage
        SELECT tenant, 'decisions', ''::bytea, SUM(waiting), 0 FROM (
            SELECT tenant, waiting FROM after UNION ALL SELECT tenant, -waiting FROM before
        ) AS counted GROUP BY tenant HAVING SUM(waiting) <> 0 ORDER BY tenant
        ON CONFLICT (tenant, kind, subject) DO UPDATE
        SET items = usage.items + excluded.items, bytes = usage.bytes + excluded.bytes;
    RETURN NULL;
END $$ LANGUAGE plpgsql;
CREATE TRIGGER usage_waiting_change AFTER UPDATE ON jobs
    REFERENCING OLD TABLE AS before NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION usage_waiting_change();

-- Lists: each index begins with what the list asks for and ends with what it is ordered by.
DROP INDEX jobs_by_plate;
DROP INDEX jobs_by_vin;
DROP INDEX jobs_by_phone;
CREATE INDEX jobs_by_plate ON jobs (tenant, plate, job) WHERE plate IS NOT NULL;
CREATE INDEX jobs_by_vin ON jobs (tenant, vin, job) WHERE vin IS NOT NULL;
CREATE INDEX jobs_by_phone ON jobs (tenant, phone, job) WHERE phone IS NOT NULL;
CREATE INDEX jobs_by_branch ON jobs (tenant, branch, job);
CREATE INDEX jobs_by_technician ON jobs (tenant, technician, job) WHERE technician IS NOT NULL;
CREATE INDEX jobs_by_update ON jobs (tenant, updated_at, job);
CREATE INDEX jobs_waiting ON jobs (tenant, job) WHERE waiting > 0;
DROP INDEX devices_user;
CREATE INDEX devices_user ON devices (tenant, user_id, id);
CREATE INDEX users_by_role ON users (tenant, role, id);
CREATE INDEX audit_of_object ON audit (tenant, object, id);
CREATE INDEX handed_in_waiting ON handed_in (tenant, device) WHERE state = 'waiting';

-- Sweeps: the oldest first.
CREATE INDEX quarantine_age ON quarantine (received_at);
CREATE INDEX pushes_age ON pushes (received_at);
CREATE INDEX audit_age ON audit (at);
CREATE INDEX throttles_age ON throttles (since);
CREATE INDEX devices_pending ON devices (created_at)
    WHERE confirmed_at IS NULL AND state <> 'active';
CREATE INDEX handed_in_age ON handed_in (received_at) WHERE state <> 'accepted';
CREATE INDEX handed_in_accepted ON handed_in (received_at) WHERE state = 'accepted';
CREATE INDEX positions_age ON positions (received_at);
CREATE INDEX sessions_age ON sessions (expires_at);
CREATE INDEX assertions_age ON assertions (expires_at);
CREATE INDEX enrolment_codes_age ON enrolment_codes (expires_at);
