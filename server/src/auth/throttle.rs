//! Counters of failed logins, stored, so that a restart or another node forgets nothing.
//!
//! An attempt is charged before it is judged and refunded when it succeeds; so any number of
//! attempts at once are counted like any number one after the other. A counter is one of 2^20
//! slots of its kind, so strangers cannot make the table grow without end.

use sqlx::{AnyConnection, Row as _};
use store::passed;

/// What is counted, and when it gets slow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Name of the counter.
    pub scope: &'static str,
    /// Failures that cost nothing.
    pub free: i64,
    /// Longest wait, milliseconds; 0 for a counter that never refuses.
    pub longest_ms: i64,
}

/// Failures for one account from one address.
pub const PAIR: Rule = Rule { scope: "pair", free: 5, longest_ms: 15 * MINUTE_MS };
/// Failures for one account from a browser in which someone logged in to it before.
pub const BROWSER: Rule = Rule { scope: "browser", free: 5, longest_ms: 15 * MINUTE_MS };
/// Wrong present passwords of someone who is logged in.
pub const OWN: Rule = Rule { scope: "own", free: 5, longest_ms: 15 * MINUTE_MS };
/// Failures from one address, whatever is tried. A whole office may share one.
pub const ADDRESS: Rule = Rule { scope: "address", free: 30, longest_ms: 10 * MINUTE_MS };
/// Failures from one network: of those that have very many addresses.
pub const NETWORK: Rule = Rule { scope: "network", free: 300, longest_ms: 10 * MINUTE_MS };
/// Failures of strangers for one account, wherever they are. It delays them and refuses nobody,
/// or strangers could lock someone out.
pub const ACCOUNT: Rule = Rule { scope: "account", free: 20, longest_ms: 0 };
/// Secrets from one address that never were any: API tokens, sessions, and invite and reset links. It
/// slows down no login, for which the integration on the office's own machine would pay otherwise.
pub const SECRET: Rule = Rule { scope: "secret", free: 30, longest_ms: 10 * MINUTE_MS };
/// The same from one network.
pub const SECRET_NETWORK: Rule =
    Rule { scope: "secret_network", free: 300, longest_ms: 10 * MINUTE_MS };
/// Bits of a slot's number.
pub const SLOT_BITS: u32 = 20;

const MINUTE_MS: i64 = 60 * 1000;
/// Quiet time after which a counter starts again, milliseconds.
const FORGET_MS: i64 = 60 * MINUTE_MS;
/// How much the clocks of nodes may differ before one of them is taken to be wrong, milliseconds.
const SKEW_MS: i64 = MINUTE_MS;
/// Longest delay by [`ACCOUNT`], milliseconds.
const LONGEST_DELAY_MS: u64 = 2000;
/// Counters nobody needs that are deleted with each charge: more than a charge can add.
const SWEPT: i64 = 16;

/// One counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counter {
    /// What it counts.
    pub rule: Rule,
    /// Which of its kind.
    pub slot: i64,
    /// The account it is of, by the slot of [`ACCOUNT`].
    pub account: Option<i64>,
}

/// The result of a charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charged {
    /// The attempt may be judged after this delay, milliseconds.
    After(u64),
    /// It may not, and was not charged; after so many seconds another may, as this counter says.
    Wait(u64, Counter),
}

/// A counter as it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Count {
    failures: i64,
    since: i64,
    blocked_until: i64,
}

impl Count {
    /// As it counts now. What a clock that was ahead has written counts from now on.
    fn read(self, rule: Rule, now: i64) -> Self {
        let since = self.since.min(now);
        // Nobody was ever told to wait that long: the clock was wrong, and nobody pays for it.
        let wrong = self.blocked_until > now + rule.longest_ms + SKEW_MS;
        let blocked_until = if wrong { 0 } else { self.blocked_until };
        let failures = if now - since > FORGET_MS { 0 } else { self.failures };
        Self { failures, since, blocked_until }
    }

    fn charged(self, rule: Rule, now: i64) -> Self {
        let failures = self.failures.saturating_add(1);
        Self { failures, since: now, blocked_until: now + wait_ms(rule, failures) }
    }
}

/// Charges one attempt to all of these counters, or to none when one of them is blocked.
///
/// # Errors
/// When the database refuses.
pub async fn charge(
    tx: &mut AnyConnection,
    counters: &[Counter],
    now: i64,
) -> Result<Charged, sqlx::Error> {
    let counts = counts(tx, counters, now).await?;
    if let Some((seconds, counter)) = longest(counters, &counts, now) {
        return Ok(Charged::Wait(seconds, counter));
    }
    let mut delay = 0;
    for (counter, count) in counters.iter().zip(counts) {
        let count = count.charged(counter.rule, now);
        write(tx, counter, count).await?;
        if counter.rule == ACCOUNT {
            delay = delay_ms(count.failures);
        }
    }
    sweep(tx, now).await?;
    Ok(Charged::After(delay))
}

/// The seconds after which an attempt may be made, and the counter that says so, if one of these
/// blocks now; nothing is charged.
///
/// # Errors
/// When the database refuses.
pub async fn blocked(
    connection: &mut AnyConnection,
    counters: &[Counter],
    now: i64,
) -> Result<Option<(u64, Counter)>, sqlx::Error> {
    Ok(longest(counters, &counts(connection, counters, now).await?, now))
}

async fn counts(
    connection: &mut AnyConnection,
    counters: &[Counter],
    now: i64,
) -> Result<Vec<Count>, sqlx::Error> {
    let mut counts = Vec::with_capacity(counters.len());
    for counter in counters {
        counts.push(find(&mut *connection, counter).await?.read(counter.rule, now));
    }
    Ok(counts)
}

fn longest(counters: &[Counter], counts: &[Count], now: i64) -> Option<(u64, Counter)> {
    let waits = counters.iter().zip(counts).map(|(it, count)| (count.blocked_until - now, *it));
    let (wait, counter) = waits.filter(|(wait, _)| *wait > 0).max_by_key(|(wait, _)| *wait)?;
    Some((u64::try_from((wait + 999) / 1000).unwrap_or(1), counter))
}

/// Takes back the charge of an attempt that succeeded, or that was not judged.
///
/// # Errors
/// When the database refuses.
pub async fn refund(tx: &mut AnyConnection, counters: &[Counter]) -> Result<(), sqlx::Error> {
    for counter in counters {
        sqlx::query(
            "UPDATE throttles SET failures = failures - 1, blocked_until = 0 \
             WHERE scope = $1 AND slot = $2 AND failures > 0",
        )
        .bind(counter.rule.scope)
        .bind(counter.slot)
        .execute(&mut *tx)
        .await?;
    }
    Ok(())
}

/// Forgets the failures of these counters.
///
/// # Errors
/// When the database refuses.
pub async fn forget(tx: &mut AnyConnection, counters: &[Counter]) -> Result<(), sqlx::Error> {
    for counter in counters {
        sqlx::query("DELETE FROM throttles WHERE scope = $1 AND slot = $2")
            .bind(counter.rule.scope)
            .bind(counter.slot)
            .execute(&mut *tx)
            .await?;
    }
    Ok(())
}

/// Forgets every failure for an account, wherever it came from.
///
/// # Errors
/// When the database refuses.
pub async fn clear(tx: &mut AnyConnection, account: i64) -> Result<(), sqlx::Error> {
    let query = sqlx::query("DELETE FROM throttles WHERE account = $1");
    query.bind(account).execute(tx).await?;
    Ok(())
}

async fn find(tx: &mut AnyConnection, counter: &Counter) -> Result<Count, sqlx::Error> {
    let row = sqlx::query(
        "SELECT failures, since, blocked_until FROM throttles WHERE scope = $1 AND slot = $2",
    )
    .bind(counter.rule.scope)
    .bind(counter.slot)
    .fetch_optional(tx)
    .await?;
    let Some(row) = row else { return Ok(Count { failures: 0, since: 0, blocked_until: 0 }) };
    Ok(Count { failures: row.try_get(0)?, since: row.try_get(1)?, blocked_until: row.try_get(2)? })
}

async fn write(tx: &mut AnyConnection, counter: &Counter, count: Count) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO throttles (scope, slot, account, failures, since, blocked_until) \
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (scope, slot) DO UPDATE SET \
         account = excluded.account, failures = excluded.failures, since = excluded.since, \
         blocked_until = excluded.blocked_until",
    )
    .bind(counter.rule.scope)
    .bind(counter.slot)
    .bind(counter.account)
    .bind(count.failures)
    .bind(count.since)
    .bind(count.blocked_until)
    .execute(tx)
    .await?;
    Ok(())
}

/// Deletes some of the counters that have been quiet for long enough.
async fn sweep(tx: &mut AnyConnection, now: i64) -> Result<(), sqlx::Error> {
    let Some(passed) = passed(tx, now).await? else { return Ok(()) };
    sqlx::query(
        "DELETE FROM throttles WHERE since < $1 AND (scope, slot) IN \
         (SELECT scope, slot FROM throttles WHERE since < $1 ORDER BY since LIMIT $2)",
    )
    .bind(passed - FORGET_MS)
    .bind(SWEPT)
    .execute(tx)
    .await?;
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

/// How long a stranger waits for an answer while many fail for the same account, milliseconds.
fn delay_ms(failures: i64) -> u64 {
    let over = failures - ACCOUNT.free;
    if over < 0 { 0 } else { (100_u64 << (over / 10).min(10)).min(LONGEST_DELAY_MS) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000_000;

    #[test]
    fn the_wait_doubles_after_the_free_attempts_and_is_bounded() {
        assert_eq!(wait_ms(PAIR, 4), 0);
        assert_eq!(wait_ms(PAIR, 5), 1000);
        assert_eq!(wait_ms(PAIR, 7), 4000);
        assert_eq!(wait_ms(PAIR, 10_000), PAIR.longest_ms);
        assert_eq!(wait_ms(ACCOUNT, 10_000), 0, "strangers never block an account");
    }

    #[test]
    fn many_failures_for_an_account_delay_strangers_by_two_seconds_at_most() {
        assert_eq!([0, 19, 20, 30].map(delay_ms), [0, 0, 100, 200]);
        assert_eq!(delay_ms(i64::MAX), LONGEST_DELAY_MS);
    }

    #[test]
    fn what_a_clock_ten_years_ahead_wrote_blocks_nobody_and_still_counts() {
        let ahead = NOW + 10 * 365 * 24 * 60 * MINUTE_MS;
        for failures in [1, 5, 40] {
            let written = Count { failures, since: ahead, blocked_until: ahead };
            let read = written.read(PAIR, NOW);
            assert_eq!(read, Count { failures, since: NOW, blocked_until: 0 });
            let next = read.charged(PAIR, NOW);
            assert!(next.blocked_until <= NOW + PAIR.longest_ms, "{next:?}");
        }
    }

    #[test]
    fn a_wait_another_node_wrote_a_few_seconds_ahead_still_holds() {
        let written =
            Count { failures: 50, since: NOW + 3000, blocked_until: NOW + 3000 + PAIR.longest_ms };
        assert!(written.read(PAIR, NOW).blocked_until > NOW);
    }
}
