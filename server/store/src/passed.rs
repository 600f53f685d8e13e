//! The time that has certainly passed, for whoever forgets something while they write.
//!
//! A clock may be years ahead for a minute, and what is deleted then is gone. So nothing is forgotten by the
//! machine's clock alone, but by the mark of the time the installation has come to (`time_mark`), which
//! `server::sweep` moves no faster than time passes.

use sqlx::{AnyConnection, Row as _};

/// How long a clock has to be followed without a step before its mark is believed, milliseconds.
pub const STEADY_MS: i64 = 24 * 3600 * 1000;

/// The latest time that has certainly passed, Unix milliseconds, where the machine's clock says `now`; none
/// while nothing is known of the clock. A clock that is behind has passed nothing either.
///
/// # Errors
/// When the database refuses.
pub async fn passed(tx: &mut AnyConnection, now: i64) -> Result<Option<i64>, sqlx::Error> {
    let sql = "SELECT judged FROM time_mark WHERE id = 1 AND confirmed >= $1";
    let row = sqlx::query(sql).bind(STEADY_MS).fetch_optional(tx).await?;
    let judged: Option<i64> = row.map(|row| row.try_get(0)).transpose()?;
    Ok(judged.map(|judged| judged.min(now)))
}
