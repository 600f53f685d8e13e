-- What a pull costs follows from what is new, and points of technicians are counted.

-- Sum of the fingerprints of what a technician must hold, in two halves so that no sum overflows, and
-- how many documents that are. Triggers keep it: a pull would have to read all of them otherwise.
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

-- What changed after a position: of a tenant, and in the scope of a technician.
CREATE INDEX documents_by_position ON documents (tenant, pos, doc);
CREATE INDEX scope_by_position ON scope (tenant, user_id, since, doc);

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

-- Points, as the database stores them with their indexes.
INSERT INTO usage SELECT tenant, 'positions', x'', COUNT(*), COUNT(*) * 224 FROM positions
    GROUP BY tenant;
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
