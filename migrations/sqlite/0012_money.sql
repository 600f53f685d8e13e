-- What new jobs are billed by: the currency of those whose branch says none, and whether prices contain
-- their tax.
ALTER TABLE tenants ADD COLUMN currency TEXT; -- ISO 4217
ALTER TABLE tenants ADD COLUMN tax_mode TEXT NOT NULL DEFAULT 'inclusive'; -- inclusive, exclusive
ALTER TABLE tenants ADD COLUMN version BIGINT NOT NULL DEFAULT 1;

-- Rates such as 8.875 % need thousandths of a percent.
ALTER TABLE parts RENAME COLUMN tax_rate TO tax_millipercent;
UPDATE parts SET tax_millipercent = tax_millipercent * 10;

-- Calls near in time and place are pointed out. The index has everything the search looks at.
ALTER TABLE jobs ADD COLUMN lat BIGINT; -- 1e-7 degrees
ALTER TABLE jobs ADD COLUMN lon BIGINT;
CREATE INDEX jobs_by_time ON jobs (tenant, created_at, lat, lon, job) WHERE lat IS NOT NULL;
