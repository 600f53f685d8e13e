-- What a pull costs follows from what is new, and points of technicians are counted.

-- Sum of the fingerprints of what a technician must hold, in two halves so that no sum overflows, and
-- how many documents that are. Triggers keep it: a pull would have to read all of them otherwise.
CREATE TABLE scope_digests (
    tenant BYTEA NOT NULL,
    user_id BYTEA NOT NULL,
    documents BIGINT NOT NULL,
    high BIGINT NOT NULL,
    low BIGINT NOT NULL,
    PRIMARY KEY (tenant, user_id)
);
INSERT INTO scope_digests SELECT scope.tenant, scope.user_id, COUNT(*),
    SUM(fingerprint >> 32)::bigint, SUM(fingerprint & 4294967295)::bigint FROM scope
    JOIN documents ON documents.tenant = scope.tenant AND documents.doc = scope.doc
    WHERE scope.current = 1 GROUP BY scope.tenant, scope.user_id;

-- What changed after a position: of a tenant, and in the scope of a technician.
CREATE INDEX documents_by_position ON documents (tenant, pos, doc);
CREATE INDEX scope_by_position ON scope (tenant, user_id, since, doc);

CREATE FUNCTION digest_document_in() RETURNS trigger AS $$ BEGIN
    UPDATE scope_digests SET documents = documents + 1, high = high + (NEW.fingerprint >> 32),
        low = low + (NEW.fingerprint & 4294967295)
        WHERE tenant = NEW.tenant AND user_id IN (SELECT scope.user_id FROM scope
        WHERE scope.tenant = NEW.tenant AND scope.doc = NEW.doc AND scope.current = 1);
    RETURN NULL;
END $$ LANGUAGE plpgsql;
CREATE TRIGGER digest_document_in AFTER INSERT ON documents FOR EACH ROW
    EXECUTE FUNCTION digest_document_in();
CREATE FUNCTION digest_document_change() RETURNS trigger AS $$ BEGIN
    UPDATE scope_digests SET high = high + (NEW.fingerprint >> 32) - (OLD.fingerprint >> 32),
        low = low + (NEW.fingerprint & 4294967295) - (OLD.fingerprint & 4294967295)
        WHERE tenant = NEW.tenant AND user_id IN (SELECT scope.user_id FROM scope
        WHERE scope.tenant = NEW.tenant AND scope.doc = NEW.doc AND scope.current = 1);
    RETURN NULL;
END $$ LANGUAGE plpgsql;
CREATE TRIGGER digest_document_change AFTER UPDATE OF fingerprint ON documents FOR EACH ROW WHEN (NEW.fingerprint <> OLD.fingerprint)
    EXECUTE FUNCTION digest_document_change();
CREATE FUNCTION digest_document_out() RETURNS trigger AS $$ BEGIN
    UPDATE scope_digests SET documents = documents - 1, high = high - (OLD.fingerprint >> 32),
        low = low - (OLD.fingerprint & 4294967295)
        WHERE tenant = OLD.tenant AND user_id IN (SELECT scope.user_id FROM scope
        WHERE scope.tenant = OLD.tenant AND scope.doc = OLD.doc AND scope.current = 1);
    RETURN NULL;
END $$ LANGUAGE plpgsql;
CREATE TRIGGER digest_document_out AFTER DELETE ON documents FOR EACH ROW
    EXECUTE FUNCTION digest_document_out();
CREATE FUNCTION digest_scope_in() RETURNS trigger AS $$ BEGIN
    INSERT INTO scope_digests SELECT NEW.tenant, NEW.user_id, 0, 0, 0 WHERE NOT EXISTS (SELECT 1
        FROM scope_digests WHERE tenant = NEW.tenant AND user_id = NEW.user_id);
    UPDATE scope_digests AS sums SET documents = sums.documents + NEW.current,
        high = sums.high + NEW.current * (found.fingerprint >> 32),
        low = sums.low + NEW.current * (found.fingerprint & 4294967295)
        FROM documents AS found WHERE found.tenant = NEW.tenant AND found.doc = NEW.doc
        AND sums.tenant = NEW.tenant AND sums.user_id = NEW.user_id;
    RETURN NULL;
END $$ LANGUAGE plpgsql;
CREATE TRIGGER digest_scope_in AFTER INSERT ON scope FOR EACH ROW
    EXECUTE FUNCTION digest_scope_in();
CREATE FUNCTION digest_scope_change() RETURNS trigger AS $$ BEGIN
    INSERT INTO scope_digests SELECT NEW.tenant, NEW.user_id, 0, 0, 0 WHERE NOT EXISTS (SELECT 1
        FROM scope_digests WHERE tenant = NEW.tenant AND user_id = NEW.user_id);
    UPDATE scope_digests AS sums SET documents = sums.documents + (NEW.current - OLD.current),
        high = sums.high + (NEW.current - OLD.current) * (found.fingerprint >> 32),
        low = sums.low + (NEW.current - OLD.current) * (found.fingerprint & 4294967295)
        FROM documents AS found WHERE found.tenant = NEW.tenant AND found.doc = NEW.doc
        AND sums.tenant = NEW.tenant AND sums.user_id = NEW.user_id;
    RETURN NULL;
END $$ LANGUAGE plpgsql;
CREATE TRIGGER digest_scope_change AFTER UPDATE OF current ON scope FOR EACH ROW WHEN (NEW.current <> OLD.current)
    EXECUTE FUNCTION digest_scope_change();
CREATE FUNCTION digest_scope_out() RETURNS trigger AS $$ BEGIN
    UPDATE scope_digests AS sums SET documents = sums.documents + -OLD.current,
        high = sums.high + -OLD.current * (found.fingerprint >> 32),
        low = sums.low + -OLD.current * (found.fingerprint & 4294967295)
        FROM documents AS found WHERE found.tenant = OLD.tenant AND found.doc = OLD.doc
        AND sums.tenant = OLD.tenant AND sums.user_id = OLD.user_id;
    RETURN NULL;
END $$ LANGUAGE plpgsql;
CREATE TRIGGER digest_scope_out AFTER DELETE ON scope FOR EACH ROW
    EXECUTE FUNCTION digest_scope_out();

-- Points, as the database stores them with their indexes.
INSERT INTO usage SELECT tenant, 'positions', ''::bytea, COUNT(*), COUNT(*) * 224 FROM positions
    GROUP BY tenant;
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
