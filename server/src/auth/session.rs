//! Sessions of staff: a random token, of which the database keeps only the hash.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use sqlx::{AnyConnection, Row as _};
use store::rows::columns::{self, Raw as _};
use sync_core::id::{BranchId, TenantId, UserId};

use super::Role;
use crate::clock::random;

/// Name of the cookie. Over https it is sent with the `__Host-` prefix.
pub const COOKIE: &str = "towline_session";
/// What session tokens begin with, so that they are told apart from signed ones.
pub const PREFIX: &str = "tws_";

/// Whom a session belongs to, as the database has them now.
#[derive(Debug, Clone, Copy)]
pub struct Owner {
    /// Their tenant.
    pub tenant: TenantId,
    /// The person.
    pub user: UserId,
    /// What they are now.
    pub role: Role,
    /// The one branch they work for; administrators work for all.
    pub branch: Option<BranchId>,
}

/// How long sessions last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Without being used, milliseconds.
    pub idle_ms: i64,
    /// However much they are used, milliseconds.
    pub longest_ms: i64,
}

/// How much the clocks of nodes may differ before one of them is taken to be wrong, milliseconds.
pub const SKEW_MS: i64 = 10 * 60 * 1000;
/// Longest time between a use of a session and the note of it, milliseconds.
const NOTED_MS: i64 = 5 * 60 * 1000;

/// When a session began, was last used, and ends however much it is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Times {
    created: i64,
    used: i64,
    expires: i64,
}

impl Times {
    fn new(now: i64, limits: Limits) -> Self {
        Self { created: now, used: now, expires: now.saturating_add(limits.longest_ms) }
    }

    /// The times as they are to be noted now, if they are to be; absent when the session is over.
    /// What a clock that was ahead has written counts from now on.
    fn at(self, now: i64, limits: Limits) -> Option<Option<Self>> {
        if self.created.max(self.used) > now + SKEW_MS {
            return Some(Some(Self::new(now, limits)));
        }
        let end = self.created.min(now).saturating_add(limits.longest_ms).min(self.expires);
        let idle = now - self.used.min(now);
        if now >= end || idle >= limits.idle_ms {
            return None;
        }
        let noted = idle < NOTED_MS.min(limits.idle_ms / 16);
        Some((!noted).then_some(Self { used: now, ..self }))
    }
}

/// A use of a session that is to be noted, so that it goes on.
#[derive(Debug, Clone)]
pub struct Use {
    token_hash: Vec<u8>,
    times: Times,
}

/// Opens a session and gives its token, which is nowhere kept, and until when it lasts at most. Those
/// that are over are deleted by `crate::sweep` alone, whose time a wrong clock does not move.
///
/// # Errors
/// When the database refuses.
pub async fn open(
    tx: &mut AnyConnection,
    tenant: TenantId,
    user: UserId,
    now: i64,
    limits: Limits,
) -> Result<(String, i64), sqlx::Error> {
    let token = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(random::<32>()));
    let times = Times::new(now, limits);
    sqlx::query(
        "INSERT INTO sessions (token_hash, tenant, user_id, created_at, used_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(hash(&token))
    .bind(tenant.raw())
    .bind(user.raw())
    .bind(times.created)
    .bind(times.used)
    .bind(times.expires)
    .execute(tx)
    .await?;
    Ok((token, times.expires))
}

/// What is known of a token.
#[derive(Debug, Clone)]
pub enum Session {
    /// Its session is open and the person active. With the use of it, if that is to be noted.
    Open(Owner, Option<Use>),
    /// Its session came to its end by itself.
    Over,
    /// It is of no session, or of one that was closed.
    Unknown,
}

/// What the session of a token is, and whom it belongs to.
///
/// # Errors
/// When the database refuses.
pub async fn owner(
    connection: &mut AnyConnection,
    token: &str,
    now: i64,
    limits: Limits,
) -> Result<Session, sqlx::Error> {
    if !is_whole(token) {
        return Ok(Session::Unknown);
    }
    let row = sqlx::query(
        "SELECT sessions.tenant AS tenant, user_id, role, branch, sessions.created_at AS created, \
         used_at, expires_at FROM sessions \
         JOIN users ON users.tenant = sessions.tenant AND users.id = user_id \
         WHERE token_hash = $1 AND active = 1",
    )
    .bind(hash(token))
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else { return Ok(Session::Unknown) };
    let created: i64 = row.try_get("created")?;
    let used: Option<i64> = row.try_get("used_at")?;
    let expires = row.try_get("expires_at")?;
    let times = Times { created, used: used.unwrap_or(created), expires };
    let Some(noted) = times.at(now, limits) else { return Ok(Session::Over) };
    let role: String = row.try_get("role")?;
    let role = Role::parse(&role).ok_or_else(|| columns::broken("role"))?;
    let branch = columns::maybe_id(&row, "branch")?.filter(|_| role != Role::Administrator);
    let (tenant, user) = (columns::id(&row, "tenant")?, columns::id(&row, "user_id")?);
    let used = noted.map(|times| Use { token_hash: hash(token), times });
    Ok(Session::Open(Owner { tenant, user, role, branch }, used))
}

/// Notes that a session was used. A session that was closed meanwhile stays closed.
///
/// # Errors
/// When the database refuses.
pub async fn note(tx: &mut AnyConnection, used: Use) -> Result<(), sqlx::Error> {
    let Use { token_hash, times } = used;
    sqlx::query(
        "UPDATE sessions SET created_at = $2, used_at = $3, expires_at = $4 WHERE token_hash = $1",
    )
    .bind(token_hash)
    .bind(times.created)
    .bind(times.used)
    .bind(times.expires)
    .execute(tx)
    .await?;
    Ok(())
}

/// Closes a session.
///
/// # Errors
/// When the database refuses.
pub async fn close(tx: &mut AnyConnection, token: &str) -> Result<(), sqlx::Error> {
    let query = sqlx::query("DELETE FROM sessions WHERE token_hash = $1");
    query.bind(hash(token)).execute(tx).await?;
    Ok(())
}

/// Whether a text looks like a token as [`open`] makes them.
fn is_whole(text: &str) -> bool {
    let bytes = text.strip_prefix(PREFIX).and_then(|rest| URL_SAFE_NO_PAD.decode(rest).ok());
    bytes.is_some_and(|bytes| bytes.len() == 32)
}

fn hash(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000_000;
    const HOUR: i64 = 3_600_000;
    const LIMITS: Limits = Limits { idle_ms: 12 * HOUR, longest_ms: 7 * 24 * HOUR };

    #[test]
    fn a_session_lasts_while_it_is_used_and_not_for_ever() {
        let mut times = Times::new(NOW, LIMITS);
        let mut now = NOW;
        while let Some(noted) = times.at(now, LIMITS) {
            times = noted.unwrap_or(times);
            now += 11 * HOUR;
        }
        assert!(now >= NOW + LIMITS.longest_ms, "it ended after {} h", (now - NOW) / HOUR);
        assert!(now <= NOW + LIMITS.longest_ms + 11 * HOUR);
    }

    #[test]
    fn a_session_that_is_not_used_ends() {
        let times = Times::new(NOW, LIMITS);
        assert!(times.at(NOW + 12 * HOUR - 1, LIMITS).is_some());
        assert_eq!(times.at(NOW + 12 * HOUR, LIMITS), None);
        assert_eq!(times.at(NOW + 60_000, LIMITS), Some(None), "not every use is written down");
    }

    #[test]
    fn a_session_of_a_clock_ten_years_ahead_lasts_no_longer_than_others() {
        let ahead = Times::new(NOW + 10 * 365 * 24 * HOUR, LIMITS);
        let noted = ahead.at(NOW, LIMITS);
        assert_eq!(noted, Some(Some(Times::new(NOW, LIMITS))));
    }

    #[test]
    fn a_clock_that_steps_back_ends_no_session() {
        for step in [1000, 8 * HOUR, 10 * 365 * 24 * HOUR] {
            assert!(Times::new(NOW, LIMITS).at(NOW - step, LIMITS).is_some(), "{step}");
        }
    }
}
