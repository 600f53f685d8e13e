-- What tenants and technicians store, counted so that nobody exceeds a share of it.

-- Rows and bytes of a tenant by kind. `subject` is a device where that matters, otherwise empty.
-- Kinds: log (runs and pushes), projections, quarantine (whole tenant, and each device), submissions,
-- positions, decisions (items: decisions that wait for a person), and the tables of 0007 and 0008 that
-- callers add rows to (audit: on PostgreSQL, nodes have subjects of their own). Triggers keep it, so no statement
-- can forget to; the writer keeps projections, which it estimates.
CREATE TABLE usage (
    tenant BYTEA NOT NULL,
    kind TEXT NOT NULL,
    subject BYTEA NOT NULL,
    items BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    PRIMARY KEY (tenant, kind, subject)
);

-- What is stored already. A row counts with what the database adds to it. Projections are estimated
-- by the entries of changes; what is there already, by its rows.
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
INSERT INTO usage SELECT tenant, 'submissions', ''::bytea, COUNT(*), SUM(LENGTH(frame) + 240)
    FROM submissions GROUP BY tenant;
INSERT INTO usage SELECT tenant, 'decisions', ''::bytea, SUM(waiting)::bigint, 0 FROM jobs GROUP BY tenant;
INSERT INTO usage SELECT tenant, 'positions', ''::bytea, COUNT(*), COUNT(*) * 224 FROM positions
    GROUP BY tenant;
INSERT INTO usage SELECT tenant, 'projections', ''::bytea, SUM(items)::bigint,
    SUM(items)::bigint * 256 FROM (
    SELECT tenant, COUNT(*) AS items FROM job_parts GROUP BY tenant
    UNION ALL SELECT tenant, COUNT(*) FROM job_facts GROUP BY tenant
    UNION ALL SELECT tenant, COUNT(*) FROM movements GROUP BY tenant
    UNION ALL SELECT tenant, COUNT(*) FROM seals GROUP BY tenant
) AS shown GROUP BY tenant;

-- The log.
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

-- Refusals, of the tenant and of each device. A device without any has no row.
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

-- Submissions of revoked phones.
CREATE FUNCTION usage_submission_in() RETURNS trigger AS $$ BEGIN
    INSERT INTO usage
        SELECT tenant, 'submissions', ''::bytea, COUNT(*), SUM(LENGTH(frame) + 240) FROM changed
        GROUP BY tenant ORDER BY tenant
        ON CONFLICT (tenant, kind, subject) DO UPDATE
        SET items = usage.items + excluded.items, bytes = usage.bytes + excluded.bytes;
    RETURN NULL;
END $$ LANGUAGE plpgsql;
CREATE TRIGGER usage_submission_in AFTER INSERT ON submissions REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION usage_submission_in();
CREATE FUNCTION usage_submission_out() RETURNS trigger AS $$ BEGIN
    INSERT INTO usage
        SELECT tenant, 'submissions', ''::bytea, -COUNT(*), -SUM(LENGTH(frame) + 240) FROM changed
        GROUP BY tenant ORDER BY tenant
        ON CONFLICT (tenant, kind, subject) DO UPDATE
        SET items = usage.items + excluded.items, bytes = usage.bytes + excluded.bytes;
    RETURN NULL;
END $$ LANGUAGE plpgsql;
CREATE TRIGGER usage_submission_out AFTER DELETE ON submissions REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION usage_submission_out();

-- Positions, with their indexes.
CREATE FUNCTION usage_position_in() RETURNS trigger AS $$ BEGIN
    INSERT INTO usage
        SELECT tenant, 'positions', ''::bytea, COUNT(*), COUNT(*) * 224 FROM changed
        GROUP BY tenant ORDER BY tenant
        ON CONFLICT (tenant, kind, subject) DO UPDATE
        SET items = usage.items + excluded.items, bytes = usage.bytes + excluded.bytes;
    RETURN NULL;
END $$ LANGUAGE plpgsql;
CREATE TRIGGER usage_position_in AFTER INSERT ON positions REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION usage_position_in();
CREATE FUNCTION usage_position_out() RETURNS trigger AS $$ BEGIN
    INSERT INTO usage
        SELECT tenant, 'positions', ''::bytea, -COUNT(*), -COUNT(*) * 224 FROM changed
        GROUP BY tenant ORDER BY tenant
        ON CONFLICT (tenant, kind, subject) DO UPDATE
        SET items = usage.items + excluded.items, bytes = usage.bytes + excluded.bytes;
    RETURN NULL;
END $$ LANGUAGE plpgsql;
CREATE TRIGGER usage_position_out AFTER DELETE ON positions REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION usage_position_out();

-- Decisions that wait for a person.
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

-- What each technician's phones have stored: in total, and on the last day they stored anything. The
-- writer keeps it. One row a technician. What is stored already counts without its entries.
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

-- Walk-up jobs that a technician opened since a moment: one row a technician.
CREATE TABLE walk_ups (
    tenant BYTEA NOT NULL,
    user_id BYTEA NOT NULL,
    since BIGINT NOT NULL,
    opened BIGINT NOT NULL,
    PRIMARY KEY (tenant, user_id)
);
