-- What the desk works with beside documents: tenants, branches, prices, job numbers, positions and
-- submissions of revoked phones.

-- What new jobs are billed by: the currency of those whose branch names none, and whether prices contain
-- their tax.
ALTER TABLE tenants ADD COLUMN currency TEXT; -- ISO 4217
ALTER TABLE tenants ADD COLUMN tax_mode TEXT NOT NULL DEFAULT 'inclusive'; -- inclusive, exclusive
ALTER TABLE tenants ADD COLUMN version BIGINT NOT NULL DEFAULT 1;

-- Where the people of a branch dial numbers without +, ISO 3166; NULL for the server's own.
ALTER TABLE branches ADD COLUMN region TEXT;

-- Rates such as 8.875 % need thousandths of a percent.
ALTER TABLE parts RENAME COLUMN tax_rate TO tax_millipercent;
UPDATE parts SET tax_millipercent = tax_millipercent * 10;

-- Which job has which number on which day at which branch. Rows of earlier weeks are deleted when a
-- number is taken.
CREATE TABLE numbers_taken (
    tenant BLOB NOT NULL,
    branch BLOB NOT NULL, -- empty for jobs that no branch answers for
    day TEXT NOT NULL, -- YYMMDD at the branch
    number TEXT NOT NULL,
    job BLOB NOT NULL,
    PRIMARY KEY (tenant, branch, day, number)
);
CREATE INDEX numbers_of_job ON numbers_taken (tenant, job);

-- When a technician was where, by the server's clock as well as it is known: a late backlog is behind
-- what came before it, and a phone whose clock is ahead is nowhere in the future.
ALTER TABLE positions ADD COLUMN fixed_at BIGINT NOT NULL DEFAULT 0;
UPDATE positions SET fixed_at = MIN(at, received_at);
DROP INDEX positions_received;
CREATE INDEX positions_fixed ON positions (tenant, user_id, fixed_at, at);

-- What was decided about each change of a submission: for the phone, and for the people who look at it.
ALTER TABLE submissions ADD COLUMN verdicts BLOB;          -- one for each change, as in a response
ALTER TABLE submissions ADD COLUMN refused TEXT;           -- JSON: the first hundred that were refused
ALTER TABLE submissions ADD COLUMN refused_count BIGINT;   -- changes that were refused
CREATE INDEX submissions_waiting ON submissions (tenant, device) WHERE state = 'waiting';

-- Parts of the catalogue: how many a tenant has.
INSERT INTO usage SELECT tenant, 'parts', x'', COUNT(*), SUM(600) FROM parts GROUP BY tenant;
CREATE TRIGGER usage_parts_in AFTER INSERT ON parts BEGIN
    INSERT INTO usage SELECT NEW.tenant, 'parts', x'', 0, 0 WHERE NOT EXISTS (SELECT 1 FROM usage
        WHERE tenant = NEW.tenant AND kind = 'parts' AND subject = x'');
    UPDATE usage SET items = items + 1, bytes = bytes + 600
        WHERE tenant = NEW.tenant AND kind = 'parts' AND subject = x'';
END;
