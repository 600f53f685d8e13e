-- Lists of jobs go by when the server first took the job in, not by clocks of phones: the position of
-- its first run. The server computes it from the log when it starts.
ALTER TABLE jobs ADD COLUMN first_pos BIGINT NOT NULL DEFAULT 0;
DROP INDEX jobs_by_state;
DROP INDEX jobs_by_branch;
DROP INDEX jobs_by_technician;
DROP INDEX jobs_waiting;
CREATE INDEX jobs_by_first ON jobs (tenant, first_pos, job);
CREATE INDEX jobs_by_state ON jobs (tenant, state, first_pos, job);
CREATE INDEX jobs_by_branch ON jobs (tenant, branch, first_pos, job);
CREATE INDEX jobs_by_technician ON jobs (tenant, technician, first_pos, job)
    WHERE technician IS NOT NULL;
CREATE INDEX jobs_waiting ON jobs (tenant, first_pos, job) WHERE waiting > 0;

-- Jobs from the roadside that have no human number yet: the server gives them one.
ALTER TABLE jobs ADD COLUMN unnumbered BIGINT NOT NULL DEFAULT 0;
CREATE INDEX jobs_unnumbered ON jobs (tenant, job) WHERE unnumbered = 1;

-- Who has which number on which day at which branch. Rows of earlier weeks are deleted when a number
-- is taken.
CREATE TABLE numbers_taken (
    tenant BYTEA NOT NULL,
    branch BYTEA NOT NULL, -- empty for jobs that no branch answers for
    day TEXT NOT NULL, -- YYMMDD at the branch
    number TEXT NOT NULL,
    job BYTEA NOT NULL,
    PRIMARY KEY (tenant, branch, day, number)
);
CREATE INDEX numbers_of_job ON numbers_taken (tenant, job);
