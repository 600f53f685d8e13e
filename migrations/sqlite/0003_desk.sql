-- What the desk reads often without reading everything.

-- What the list of handed-in work shows, so that no frame is read for it. Rows from before have no
-- documents and no count here; those are read from their frame.
ALTER TABLE handed_in ADD COLUMN revoked_at BIGINT; -- from when on the phone might not speak any more
ALTER TABLE handed_in ADD COLUMN documents TEXT;    -- ids, separated by spaces
ALTER TABLE handed_in ADD COLUMN late BIGINT;       -- changes recorded after revoked_at

UPDATE handed_in SET revoked_at = (
    SELECT CASE
        WHEN devices.revoked_at IS NULL OR users.deactivated_at < devices.revoked_at
        THEN users.deactivated_at ELSE devices.revoked_at
    END
    FROM devices JOIN users ON users.tenant = devices.tenant AND users.id = devices.user_id
    WHERE devices.tenant = handed_in.tenant AND devices.id = handed_in.device
);

-- The point of each technician that came in last.
CREATE INDEX positions_received ON positions (tenant, user_id, received_at, at);

-- What a code stands for, which the proof and the six digits are made with; code_hash is its name,
-- by which the phone asks. Codes from before cannot be used any more: they lived for minutes.
ALTER TABLE enrolment_codes ADD COLUMN secret BLOB;
