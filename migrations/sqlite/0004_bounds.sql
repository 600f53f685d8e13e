-- What a tenant takes up, kept by the database itself, and an index for every list and every sweep.

-- Rows and bytes of a tenant by kind. `subject` is a device where that matters, otherwise empty.
-- Kinds: log (runs and pushes), quarantine (whole tenant, and each device), handed_in, decisions
-- (items: decisions that wait for a person). Triggers keep it, so no statement can forget to.
CREATE TABLE usage (
    tenant BLOB NOT NULL,
    kind TEXT NOT NULL,
    subject BLOB NOT NULL,
    items BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    PRIMARY KEY (tenant, kind, subject)
) WITHOUT ROWID;

-- The first hundred refusals of a document stay. A repeated change beyond them is judged again by
-- the same rules, and the phone that sent it has it still.
DELETE FROM quarantine WHERE (tenant, hash) IN (
    SELECT tenant, hash FROM (
        SELECT tenant, hash, ROW_NUMBER() OVER (PARTITION BY tenant, doc ORDER BY pos, hash) AS n
        FROM quarantine
    ) AS numbered WHERE n > 100
);

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
INSERT INTO usage SELECT tenant, 'handed_in', x'', COUNT(*), SUM(LENGTH(frame) + 240)
    FROM handed_in GROUP BY tenant;
INSERT INTO usage SELECT tenant, 'decisions', x'', SUM(waiting), 0 FROM jobs GROUP BY tenant;

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
CREATE TRIGGER usage_handed_in AFTER INSERT ON handed_in BEGIN
    INSERT INTO usage SELECT NEW.tenant, 'handed_in', x'', 0, 0 WHERE NOT EXISTS (SELECT 1
        FROM usage WHERE tenant = NEW.tenant AND kind = 'handed_in' AND subject = x'');
    UPDATE usage SET items = items + 1, bytes = bytes + LENGTH(NEW.frame) + 240
        WHERE tenant = NEW.tenant AND kind = 'handed_in' AND subject = x'';
END;
CREATE TRIGGER usage_handed_out AFTER DELETE ON handed_in BEGIN
    UPDATE usage SET items = items - 1, bytes = bytes - LENGTH(OLD.frame) - 240
        WHERE tenant = OLD.tenant AND kind = 'handed_in' AND subject = x'';
END;
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
