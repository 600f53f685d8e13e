-- What tenants and technicians store, counted so that nobody exceeds a share of it.

-- Rows and bytes of a tenant by kind. `subject` is a device where that matters, otherwise empty.
-- Kinds: log (runs and pushes), projections, quarantine (whole tenant, and each device), submissions,
-- positions, decisions (items: decisions that wait for a person), and the tables of 0007 and 0008 that
-- callers add rows to (audit: on PostgreSQL, nodes have subjects of their own). Triggers keep it, so no statement
-- can forget to; the writer keeps projections, which it estimates.
CREATE TABLE usage (
    tenant BLOB NOT NULL,
    kind TEXT NOT NULL,
    subject BLOB NOT NULL,
    items BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    PRIMARY KEY (tenant, kind, subject)
) WITHOUT ROWID;

-- What is stored already. A row counts with what the database adds to it. Projections are estimated
-- by the entries of changes; what is there already, by its rows.
INSERT INTO usage SELECT tenant, 'log', x'', SUM(items), SUM(bytes) FROM (
    SELECT tenant, COUNT(*) AS items, SUM(LENGTH(payload) + 160) AS bytes FROM runs GROUP BY tenant
    UNION ALL
    SELECT tenant, COUNT(*), SUM(LENGTH(message) + 160) FROM pushes GROUP BY tenant
) AS log GROUP BY tenant;
INSERT INTO usage SELECT tenant, 'quarantine', x'', COUNT(*),
    SUM(LENGTH(payload) + LENGTH(sentence) + 240) FROM quarantine GROUP BY tenant;
INSERT INTO usage SELECT tenant, 'quarantine', author_device, COUNT(*),
    SUM(LENGTH(payload) + LENGTH(sentence) + 240) FROM quarantine
    WHERE author_device IS NOT NULL GROUP BY tenant, author_device;
INSERT INTO usage SELECT tenant, 'submissions', x'', COUNT(*), SUM(LENGTH(frame) + 240)
    FROM submissions GROUP BY tenant;
INSERT INTO usage SELECT tenant, 'decisions', x'', SUM(waiting), 0 FROM jobs GROUP BY tenant;
INSERT INTO usage SELECT tenant, 'positions', x'', COUNT(*), COUNT(*) * 224 FROM positions
    GROUP BY tenant;
INSERT INTO usage SELECT tenant, 'projections', x'', SUM(items), SUM(items) * 256 FROM (
    SELECT tenant, COUNT(*) AS items FROM job_parts GROUP BY tenant
    UNION ALL SELECT tenant, COUNT(*) FROM job_facts GROUP BY tenant
    UNION ALL SELECT tenant, COUNT(*) FROM movements GROUP BY tenant
    UNION ALL SELECT tenant, COUNT(*) FROM seals GROUP BY tenant
) AS shown GROUP BY tenant;

-- The log.
CREATE TRIGGER usage_run_in AFTER INSERT ON runs BEGIN
    INSERT INTO usage SELECT NEW.tenant, 'log', x'', 0, 0 WHERE NOT EXISTS (SELECT 1 FROM usage
        WHERE tenant = NEW.tenant AND kind = 'log' AND subject = x'');
    UPDATE usage SET items = items + 1, bytes = bytes + LENGTH(NEW.payload) + 160
        WHERE tenant = NEW.tenant AND kind = 'log' AND subject = x'';
END;
CREATE TRIGGER usage_run_out AFTER DELETE ON runs BEGIN
    UPDATE usage SET items = items - 1, bytes = bytes - LENGTH(OLD.payload) - 160
        WHERE tenant = OLD.tenant AND kind = 'log' AND subject = x'';
END;
CREATE TRIGGER usage_push_in AFTER INSERT ON pushes BEGIN
    INSERT INTO usage SELECT NEW.tenant, 'log', x'', 0, 0 WHERE NOT EXISTS (SELECT 1 FROM usage
        WHERE tenant = NEW.tenant AND kind = 'log' AND subject = x'');
    UPDATE usage SET items = items + 1, bytes = bytes + LENGTH(NEW.message) + 160
        WHERE tenant = NEW.tenant AND kind = 'log' AND subject = x'';
END;
CREATE TRIGGER usage_push_out AFTER DELETE ON pushes BEGIN
    UPDATE usage SET items = items - 1, bytes = bytes - LENGTH(OLD.message) - 160
        WHERE tenant = OLD.tenant AND kind = 'log' AND subject = x'';
END;

-- Refusals, of the tenant and of each device. A device without any has no row.
CREATE TRIGGER usage_quarantine_in AFTER INSERT ON quarantine BEGIN
    INSERT INTO usage SELECT NEW.tenant, 'quarantine', x'', 0, 0 WHERE NOT EXISTS (SELECT 1
        FROM usage WHERE tenant = NEW.tenant AND kind = 'quarantine' AND subject = x'');
    INSERT INTO usage SELECT NEW.tenant, 'quarantine', NEW.author_device, 0, 0
        WHERE NEW.author_device IS NOT NULL AND NOT EXISTS (SELECT 1 FROM usage
        WHERE tenant = NEW.tenant AND kind = 'quarantine' AND subject = NEW.author_device);
    UPDATE usage SET items = items + 1,
        bytes = bytes + LENGTH(NEW.payload) + LENGTH(NEW.sentence) + 240
        WHERE tenant = NEW.tenant AND kind = 'quarantine' AND subject IN (x'', NEW.author_device);
END;
CREATE TRIGGER usage_quarantine_out AFTER DELETE ON quarantine BEGIN
    UPDATE usage SET items = items - 1,
        bytes = bytes - LENGTH(OLD.payload) - LENGTH(OLD.sentence) - 240
        WHERE tenant = OLD.tenant AND kind = 'quarantine' AND subject IN (x'', OLD.author_device);
    DELETE FROM usage WHERE tenant = OLD.tenant AND kind = 'quarantine'
        AND subject = OLD.author_device AND items <= 0;
END;

-- Submissions of revoked phones.
CREATE TRIGGER usage_submission_in AFTER INSERT ON submissions BEGIN
    INSERT INTO usage SELECT NEW.tenant, 'submissions', x'', 0, 0 WHERE NOT EXISTS (SELECT 1
        FROM usage WHERE tenant = NEW.tenant AND kind = 'submissions' AND subject = x'');
    UPDATE usage SET items = items + 1, bytes = bytes + LENGTH(NEW.frame) + 240
        WHERE tenant = NEW.tenant AND kind = 'submissions' AND subject = x'';
END;
CREATE TRIGGER usage_submission_out AFTER DELETE ON submissions BEGIN
    UPDATE usage SET items = items - 1, bytes = bytes - LENGTH(OLD.frame) - 240
        WHERE tenant = OLD.tenant AND kind = 'submissions' AND subject = x'';
END;

-- Positions, with their indexes.
CREATE TRIGGER usage_position_in AFTER INSERT ON positions BEGIN
    INSERT INTO usage SELECT NEW.tenant, 'positions', x'', 0, 0 WHERE NOT EXISTS (SELECT 1
        FROM usage WHERE tenant = NEW.tenant AND kind = 'positions' AND subject = x'');
    UPDATE usage SET items = items + 1, bytes = bytes + 224
        WHERE tenant = NEW.tenant AND kind = 'positions' AND subject = x'';
END;
CREATE TRIGGER usage_position_out AFTER DELETE ON positions BEGIN
    UPDATE usage SET items = items - 1, bytes = bytes - 224
        WHERE tenant = OLD.tenant AND kind = 'positions' AND subject = x'';
END;

-- Decisions that wait for a person.
CREATE TRIGGER usage_waiting_in AFTER INSERT ON jobs WHEN NEW.waiting <> 0 BEGIN
    INSERT INTO usage SELECT NEW.tenant, 'decisions', x'', 0, 0 WHERE NOT EXISTS (SELECT 1
        FROM usage WHERE tenant = NEW.tenant AND kind = 'decisions' AND subject = x'');
    UPDATE usage SET items = items + NEW.waiting
        WHERE tenant = NEW.tenant AND kind = 'decisions' AND subject = x'';
END;
CREATE TRIGGER usage_waiting_change AFTER UPDATE OF waiting ON jobs
    WHEN NEW.waiting <> OLD.waiting BEGIN
    INSERT INTO usage SELECT NEW.tenant, 'decisions', x'', 0, 0 WHERE NOT EXISTS (SELECT 1
        FROM usage WHERE tenant = NEW.tenant AND kind = 'decisions' AND subject = x'');
    UPDATE usage SET items = items + NEW.waiting - OLD.waiting
        WHERE tenant = NEW.tenant AND kind = 'decisions' AND subject = x'';
END;
CREATE TRIGGER usage_waiting_out AFTER DELETE ON jobs WHEN OLD.waiting <> 0 BEGIN
    UPDATE usage SET items = items - OLD.waiting
        WHERE tenant = OLD.tenant AND kind = 'decisions' AND subject = x'';
END;

-- What each technician's phones have stored: in total, and on the last day they stored anything. The
-- writer keeps it. One row a technician. What is stored already counts without its entries.
CREATE TABLE storage_shares (
    tenant BLOB NOT NULL,
    user_id BLOB NOT NULL,
    items BIGINT NOT NULL, -- entries of changes
    bytes BIGINT NOT NULL, -- log and what is computed from it, as estimated
    day BIGINT NOT NULL, -- days since 1970, UTC
    day_bytes BIGINT NOT NULL,
    extra BIGINT NOT NULL, -- bytes an operator allows on top
    PRIMARY KEY (tenant, user_id)
) WITHOUT ROWID;
INSERT INTO storage_shares SELECT tenant, author_user, COUNT(*), SUM(LENGTH(payload) + 160), 0, 0, 0
    FROM runs WHERE author_user IS NOT NULL AND author_device IS NOT NULL
    GROUP BY tenant, author_user;

-- Walk-up jobs that a technician opened since a moment: one row a technician.
CREATE TABLE walk_ups (
    tenant BLOB NOT NULL,
    user_id BLOB NOT NULL,
    since BIGINT NOT NULL,
    opened BIGINT NOT NULL,
    PRIMARY KEY (tenant, user_id)
) WITHOUT ROWID;
