-- A page of vans reads the first records of so many vans and no other record: those have an index of
-- their own. Which records are further ones follows from the documents and is filled by the rebuild.
ALTER TABLE documents ADD COLUMN further BIGINT NOT NULL DEFAULT 0;
CREATE INDEX documents_vans ON documents (tenant, kind, further, doc) WHERE kind = 2 AND further = 0;
