//! Puts right what a clock that was ahead has stored: deadlines that lie further ahead than any
//! deadline is ever set, so that nobody is locked out, or let in, for years.
//!
//! Rows that lie ahead are wrong only if the clock is right. A clock that is certainly behind changes
//! nothing: it would forget answers that were kept and end everybody's session.

use std::time::Duration;

use sqlx::AnyConnection;
use store::StoreError;
use tokio::time::Instant;

use super::session::{Limits, SKEW_MS};
use crate::app::App;
use crate::http::idempotency::LEASE_MS;
use crate::sweep::is_certainly_behind;

/// Longest time for which a used assertion has to be remembered, milliseconds.
const ASSERTION_MS: i64 = 24 * 3600 * 1000;

/// What is looked for and how it is put right. `$1` is the time after which nothing can have been
/// written by a clock that is right; `$2` is now.
const STORED: &[(&str, &str)] = &[
    ("throttles WHERE since > $1", "UPDATE throttles SET since = $2, blocked_until = 0"),
    (
        "enrolment_codes WHERE created_at > $1",
        "UPDATE enrolment_codes SET created_at = $2, expires_at = $2 + expires_at - created_at",
    ),
    (
        "password_links WHERE created_at > $1",
        "UPDATE password_links SET created_at = $2, expires_at = $2 + expires_at - created_at",
    ),
    (
        "sessions WHERE created_at > $1 OR used_at > $1",
        "UPDATE sessions SET created_at = $2, used_at = $2, expires_at = $2 + {longest}",
    ),
    (
        "idempotency WHERE created_at > $1",
        "UPDATE idempotency SET created_at = $2, \
         leased_to = CASE WHEN leased_to = 0 THEN 0 ELSE $2 + {lease} END",
    ),
    (
        "assertions WHERE expires_at > $1 + {assertion}",
        "UPDATE assertions SET expires_at = $2 + {assertion}",
    ),
    ("keys WHERE retired_at > $1", "UPDATE keys SET retired_at = $2"),
];

/// Looks for such deadlines and puts them right; how many there were. With a clock that is behind the
/// time the installation has come to, none.
///
/// # Errors
/// If the database does not answer.
pub async fn settle(app: &App) -> Result<u64, StoreError> {
    let (now, limits) = (app.now(), app.sessions());
    let mut connection = app.store.readers().acquire().await?;
    let found = find(&mut connection, now, limits).await?;
    drop(connection);
    if !found {
        return Ok(0);
    }
    if is_certainly_behind(app.store.time_mark().await?, now) {
        tracing::warn!("the machine's clock is behind: set it right; nothing stored is changed");
        return Ok(0);
    }
    let rows = app
        .store
        .write::<u64, StoreError, _>(move |tx| {
            Box::pin(async move { Ok(put_right(tx, now, limits).await?) })
        })
        .await?;
    tracing::warn!(rows, "deadlines stored by a clock that was ahead were put right");
    Ok(rows)
}

async fn find(
    connection: &mut AnyConnection,
    now: i64,
    limits: Limits,
) -> Result<bool, sqlx::Error> {
    for (rows, _) in STORED {
        let sql = filled(&format!("SELECT 1 FROM {rows} LIMIT 1"), limits);
        let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(now + SKEW_MS);
        if query.fetch_optional(&mut *connection).await?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn put_right(tx: &mut AnyConnection, now: i64, limits: Limits) -> Result<u64, sqlx::Error> {
    let mut count = 0;
    for (rows, right) in STORED {
        let which = rows.split_once(' ').map_or("", |(_, which)| which);
        let sql = filled(&format!("{right} {which}"), limits);
        let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(now + SKEW_MS).bind(now);
        count += query.execute(&mut *tx).await?.rows_affected();
    }
    Ok(count)
}

fn filled(sql: &str, limits: Limits) -> String {
    sql.replace("{longest}", &limits.longest_ms.to_string())
        .replace("{lease}", &LEASE_MS.to_string())
        .replace("{assertion}", &ASSERTION_MS.to_string())
}

/// Notices that the wall clock was put forward or back, by the time that passed meanwhile.
#[derive(Debug)]
pub struct Watch {
    wall_ms: i64,
    at: Instant,
}

/// Steps smaller than this are the ordinary keeping of time, milliseconds.
const STEP_MS: i64 = 2000;

impl Watch {
    /// How often to look.
    pub const PAUSE: Duration = Duration::from_secs(5);

    /// Begins with what the clock says.
    pub fn new(wall_ms: i64, at: Instant) -> Self {
        Self { wall_ms, at }
    }

    /// By how much the clock was put forward since the last look, milliseconds; negative for back.
    pub fn look(&mut self, wall_ms: i64, at: Instant) -> Option<i64> {
        let passed = i64::try_from((at - self.at).as_millis()).unwrap_or(i64::MAX);
        let step = wall_ms.saturating_sub(self.wall_ms).saturating_sub(passed);
        *self = Self { wall_ms, at };
        (step.abs() >= STEP_MS).then_some(step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_put_right_is_noticed_once_and_one_that_goes_is_not() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut watch = Watch::new(1_000_000, start);
        assert_eq!(watch.look(1_005_010, after(5)), None);
        assert_eq!(watch.look(1_010_010 - 28_800_000, after(10)), Some(-28_800_000));
        assert_eq!(watch.look(1_015_010 - 28_800_000, after(15)), None);
        assert_eq!(watch.look(1_080_010 - 28_800_000, after(20)), Some(60_000));
    }
}
