//! Counters of failed logins, stored, so that a restart or another node forgets nothing.
//!
//! An attempt is charged before it is judged and refunded when it succeeds; so any number of
//! attempts at once are counted like any number one after the other.

use sha2::{Digest as _, Sha256};
use sqlx::{AnyConnection, Row as _};

use crate::http::{Code, Problem};

/// What is counted, and when it gets slow.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Name of the counter.
    pub scope: &'static str,
    /// Failures that cost nothing.
    pub free: i64,
    /// Longest wait, milliseconds.
    pub longest_ms: i64,
}

/// Failures for one account, whoever tries.
pub const ACCOUNT: Rule = Rule { scope: "account", free: 5, longest_ms: 15 * 60 * 1000 };
/// Failures from one address, whatever is tried. A whole office may share one.
pub const ADDRESS: Rule = Rule { scope: "address", free: 30, longest_ms: 10 * 60 * 1000 };
/// Quiet time after which a counter starts anew, milliseconds.
const FORGET_MS: i64 = 60 * 60 * 1000;

/// Charges one attempt.
///
/// # Errors
/// `too_many_attempts` with the seconds to wait; it is not charged then.
pub async fn charge(
    tx: &mut AnyConnection,
    rule: Rule,
    what: &str,
    now: i64,
) -> Result<(), Problem> {
    let bucket = bucket(what);
    let row = sqlx::query(
        "SELECT failures, since, blocked_until FROM throttles WHERE scope = $1 AND bucket = $2",
    )
    .bind(rule.scope)
    .bind(bucket.clone())
    .fetch_optional(&mut *tx)
    .await?;
    let (failures, since, blocked) = match row {
        Some(row) => {
            (row.try_get::<i64, _>(0)?, row.try_get::<i64, _>(1)?, row.try_get::<i64, _>(2)?)
        }
        None => (0, now, 0),
    };
    if blocked > now {
        let seconds = u64::try_from((blocked - now + 999) / 1000).unwrap_or(1);
        return Err(Problem::new(Code::TooMany).retry_after(seconds));
    }
    let failures = if now - since > FORGET_MS { 1 } else { failures + 1 };
    let blocked = now + wait_ms(rule, failures);
    sqlx::query(
        "INSERT INTO throttles (scope, bucket, failures, since, blocked_until) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (scope, bucket) DO UPDATE SET \
         failures = excluded.failures, since = excluded.since, \
         blocked_until = excluded.blocked_until",
    )
    .bind(rule.scope)
    .bind(bucket)
    .bind(failures)
    .bind(now)
    .bind(blocked)
    .execute(tx)
    .await?;
    Ok(())
}

/// Takes back the charge of an attempt that succeeded; `wholly` forgets earlier failures too.
///
/// # Errors
/// When the database refuses.
pub async fn refund(
    tx: &mut AnyConnection,
    rule: Rule,
    what: &str,
    wholly: bool,
) -> Result<(), sqlx::Error> {
    let sql = if wholly {
        "DELETE FROM throttles WHERE scope = $1 AND bucket = $2"
    } else {
        "UPDATE throttles SET failures = failures - 1, blocked_until = 0 \
         WHERE scope = $1 AND bucket = $2 AND failures > 0"
    };
    sqlx::query(sql).bind(rule.scope).bind(bucket(what)).execute(tx).await?;
    Ok(())
}

fn wait_ms(rule: Rule, failures: i64) -> i64 {
    let over = failures - rule.free;
    if over < 0 {
        return 0;
    }
    // One second, then twice as long each time.
    1000_i64.saturating_mul(1_i64 << over.min(30)).min(rule.longest_ms)
}

fn bucket(what: &str) -> Vec<u8> {
    Sha256::digest(what.as_bytes()).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_after_the_free_attempts_and_is_bounded() {
        assert_eq!(wait_ms(ACCOUNT, 4), 0);
        assert_eq!(wait_ms(ACCOUNT, 5), 1000);
        assert_eq!(wait_ms(ACCOUNT, 7), 4000);
        assert_eq!(wait_ms(ACCOUNT, 10_000), ACCOUNT.longest_ms);
    }
}
