//! Sessions of staff: a random token, of which the database keeps only the hash.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use sqlx::{AnyConnection, Row as _};
use sync_core::id::{BranchId, TenantId, UserId};

use super::Role;
use crate::accounts::sql::{self, Raw as _};
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

/// Opens a session and gives its token, which is nowhere kept.
///
/// # Errors
/// When the database refuses.
pub async fn open(
    tx: &mut AnyConnection,
    tenant: TenantId,
    user: UserId,
    now: i64,
    expires_at: i64,
) -> Result<String, sqlx::Error> {
    let token = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(random::<32>()));
    sqlx::query("DELETE FROM sessions WHERE expires_at < $1").bind(now).execute(&mut *tx).await?;
    sqlx::query(
        "INSERT INTO sessions (token_hash, tenant, user_id, created_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(hash(&token))
    .bind(tenant.raw())
    .bind(user.raw())
    .bind(now)
    .bind(expires_at)
    .execute(tx)
    .await?;
    Ok(token)
}

/// Whom a token belongs to, if its session is open and the person active.
///
/// # Errors
/// When the database refuses.
pub async fn owner(
    connection: &mut AnyConnection,
    token: &str,
    now: i64,
) -> Result<Option<Owner>, sqlx::Error> {
    let row = sqlx::query(
        "SELECT sessions.tenant AS tenant, user_id, role, branch FROM sessions \
         JOIN users ON users.tenant = sessions.tenant AND users.id = user_id \
         WHERE token_hash = $1 AND expires_at > $2 AND active = 1",
    )
    .bind(hash(token))
    .bind(now)
    .fetch_optional(connection)
    .await?;
    row.map(|row| {
        let role: String = row.try_get("role")?;
        let role = Role::parse(&role).ok_or_else(|| sql::broken("role"))?;
        let branch = sql::maybe_id(&row, "branch")?.filter(|_| role != Role::Administrator);
        Ok(Owner {
            tenant: sql::id(&row, "tenant")?,
            user: sql::id(&row, "user_id")?,
            role,
            branch,
        })
    })
    .transpose()
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

fn hash(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}
