-- Which technician's phone says that a part came from a van: whoever never drove the van takes nothing
-- from its stock. The rows are computed from the log, and the server fills the column when it starts.
ALTER TABLE job_parts ADD COLUMN by_user BLOB;
