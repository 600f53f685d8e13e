//! What may be deleted: one rule for each table that grows with time. After how many days is a setting
//! (`server/src/config/settings.rs`); `server/src/sweep` carries the rules out.

use std::collections::BTreeMap;

/// Milliseconds of a day.
const DAY_MS: f64 = 24.0 * 3600.0 * 1000.0;

/// The rules by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RuleName {
    /// Positions of technicians.
    Positions,
    /// Sessions that have ended.
    Sessions,
    /// Ids of login assertions that were used.
    Assertions,
    /// Enrolment codes that have ended.
    Codes,
    /// Links to set a password that have ended.
    Links,
    /// Tokens of integrations that have ended.
    Tokens,
    /// Counters of failed logins.
    Throttles,
    /// Stored answers to requests.
    Idempotency,
    /// Phones whose digits nobody confirmed.
    PendingDevices,
    /// Refused changes.
    Quarantine,
    /// Submissions that a person discarded.
    Submissions,
    /// Submissions that a person accepted.
    Accepted,
    /// Signed frames of phones.
    Signatures,
    /// The audit list.
    Audit,
}

impl RuleName {
    /// The word in the metric.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Positions => "positions",
            Self::Sessions => "sessions",
            Self::Assertions => "assertions",
            Self::Codes => "codes",
            Self::Links => "links",
            Self::Tokens => "tokens",
            Self::Throttles => "throttles",
            Self::Idempotency => "idempotency",
            Self::PendingDevices => "pending_devices",
            Self::Quarantine => "quarantine",
            Self::Submissions => "submissions",
            Self::Accepted => "accepted",
            Self::Signatures => "signatures",
            Self::Audit => "audit",
        }
    }
}

/// How long rows are kept, by the name of their rule.
#[derive(Debug, Clone, Default)]
pub struct Keep(BTreeMap<RuleName, i64>);

impl Keep {
    /// Sets how many days the rows of a rule are kept.
    pub fn set(&mut self, rule: RuleName, days: f64) {
        // A float beyond the range becomes its end, which is for ever.
        self.0.insert(rule, (days * DAY_MS) as i64);
    }

    /// Milliseconds rows of a rule are kept; for ever where nobody said.
    pub fn ms(&self, rule: RuleName) -> i64 {
        self.0.get(&rule).copied().unwrap_or(i64::MAX)
    }
}

/// One kind of rows that ends.
#[derive(Debug)]
pub struct Rule {
    /// Its name.
    pub name: RuleName,
    /// The setting that says how many days rows are kept.
    pub setting: &'static str,
    /// Deletes at most `$2` rows from before `$1`, Unix milliseconds, oldest first.
    pub delete: &'static str,
    /// Rows in one batch: fewer where rows are large.
    pub batch: i64,
}

/// Every rule, in the order in which a round carries them out.
pub static RULES: &[Rule] = &[
    Rule {
        name: RuleName::Positions,
        setting: "keep_positions",
        delete: "DELETE FROM positions WHERE (tenant, user_id, at) IN (SELECT tenant, user_id, at \
                 FROM positions WHERE received_at < $1 ORDER BY received_at LIMIT $2)",
        batch: 500,
    },
    Rule {
        name: RuleName::Sessions,
        setting: "keep_sessions",
        delete: "DELETE FROM sessions WHERE token_hash IN (SELECT token_hash FROM sessions \
                 WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)",
        batch: 500,
    },
    Rule {
        name: RuleName::Assertions,
        setting: "keep_assertions",
        delete: "DELETE FROM assertions WHERE (device, jti) IN (SELECT device, jti \
                 FROM assertions WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)",
        batch: 500,
    },
    Rule {
        name: RuleName::Codes,
        setting: "keep_codes",
        delete: "DELETE FROM enrolment_codes WHERE code_hash IN (SELECT code_hash \
                 FROM enrolment_codes WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)",
        batch: 500,
    },
    Rule {
        name: RuleName::Links,
        setting: "keep_links",
        delete: "DELETE FROM password_links WHERE (tenant, user_id) IN (SELECT tenant, user_id \
                 FROM password_links WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)",
        batch: 500,
    },
    Rule {
        // The audit list names them for as long.
        name: RuleName::Tokens,
        setting: "keep_tokens",
        delete: "DELETE FROM api_tokens WHERE (tenant, id) IN (SELECT tenant, id \
                 FROM api_tokens WHERE ends_at < $1 ORDER BY ends_at LIMIT $2)",
        batch: 500,
    },
    Rule {
        name: RuleName::Throttles,
        setting: "keep_throttles",
        // Rows of one that is still blocked are newer than any block is long.
        delete: "DELETE FROM throttles WHERE (scope, slot) IN (SELECT scope, slot \
                 FROM throttles WHERE since < $1 ORDER BY since LIMIT $2)",
        batch: 500,
    },
    Rule {
        name: RuleName::Idempotency,
        setting: "keep_idempotency",
        delete: "DELETE FROM idempotency WHERE (tenant, user_id, key) IN (SELECT tenant, user_id, \
                 key FROM idempotency WHERE created_at < $1 ORDER BY created_at LIMIT $2)",
        batch: 50,
    },
    Rule {
        // Phones whose digits nobody ever confirmed: they have never sent anything.
        name: RuleName::PendingDevices,
        setting: "keep_pending_devices",
        delete: "DELETE FROM devices WHERE (tenant, id) IN (SELECT tenant, id FROM devices \
                 WHERE confirmed_at IS NULL AND state <> 'active' AND created_at < $1 ORDER BY created_at LIMIT $2)",
        batch: 500,
    },
    Rule {
        name: RuleName::Quarantine,
        setting: "keep_quarantine",
        delete: "DELETE FROM quarantine WHERE (tenant, hash) IN (SELECT tenant, hash \
                 FROM quarantine WHERE received_at < $1 ORDER BY received_at LIMIT $2)",
        batch: 200,
    },
    Rule {
        // Discarded by a person. What waits for one is never swept: the phone was told that it is
        // with the office. It is bounded by the tenant's quota.
        name: RuleName::Submissions,
        setting: "keep_submissions",
        delete: "DELETE FROM submissions WHERE (tenant, id) IN (SELECT tenant, id FROM submissions \
                 WHERE state = 'discarded' AND received_at < $1 ORDER BY received_at LIMIT $2)",
        batch: 20,
    },
    Rule {
        // The frame with its signature is the evidence of what was accepted.
        name: RuleName::Accepted,
        setting: "keep_accepted",
        delete: "DELETE FROM submissions WHERE (tenant, id) IN (SELECT tenant, id FROM submissions \
                 WHERE state = 'accepted' AND received_at < $1 ORDER BY received_at LIMIT $2)",
        batch: 20,
    },
    Rule {
        name: RuleName::Signatures,
        setting: "keep_signatures",
        delete: "DELETE FROM pushes WHERE (tenant, pos) IN (SELECT tenant, pos FROM pushes \
                 WHERE received_at < $1 ORDER BY received_at LIMIT $2)",
        batch: 200,
    },
    Rule {
        name: RuleName::Audit,
        setting: "keep_audit",
        delete: "DELETE FROM audit WHERE (tenant, id) IN (SELECT tenant, id FROM audit \
                 WHERE at < $1 ORDER BY at LIMIT $2)",
        batch: 500,
    },
];
