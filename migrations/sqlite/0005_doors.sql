-- Who may come in: counters of failures by account and network, sessions that slide while used.

-- The counters from before are forgotten: they lasted an hour at most.
DROP TABLE throttles;

CREATE TABLE throttles (
    scope         TEXT   NOT NULL, -- pair, browser, own, address, network, account
    slot          BIGINT NOT NULL, -- a keyed hash of what is counted, 20 bits: so the rows are bounded
    account       BIGINT,          -- slot of the account if the counter is of one, to clear it by
    failures      BIGINT NOT NULL,
    since         BIGINT NOT NULL, -- of the last failure
    blocked_until BIGINT NOT NULL,
    PRIMARY KEY (scope, slot)
);
CREATE INDEX throttles_since ON throttles (since);
CREATE INDEX throttles_account ON throttles (account);

ALTER TABLE sessions ADD COLUMN used_at BIGINT; -- when it was last used; none: when it was opened
