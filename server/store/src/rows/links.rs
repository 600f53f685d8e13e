//! One-time links by which people set their password, kept as the hash of their secret.

use sqlx::{AnyConnection, Row as _};
use sync_core::id::{TenantId, UserId};

use super::columns::{self, Raw as _};

/// Why someone gets a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LinkKind {
    /// They never had a password.
    Invite,
    /// They had one.
    Reset,
}

impl LinkKind {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invite => "invite",
            Self::Reset => "reset",
        }
    }
}

/// A link that was not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// Whose tenant.
    pub tenant: TenantId,
    /// Who sets their password with it.
    pub user: UserId,
    /// Why.
    pub kind: LinkKind,
    /// Who asked for it; absent for the command line.
    pub created_by: Option<UserId>,
    /// Unix milliseconds.
    pub created_at: i64,
    /// Until when it is good, Unix milliseconds.
    pub expires_at: i64,
}

/// Keeps a link; an earlier one of the same person is good no more.
///
/// # Errors
/// When the database refuses.
pub async fn put(
    tx: &mut AnyConnection,
    link: &Link,
    secret_hash: Vec<u8>,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO password_links (tenant, user_id, secret_hash, kind, created_by, created_at, \
         expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (tenant, user_id) \
         DO UPDATE SET secret_hash = excluded.secret_hash, kind = excluded.kind, \
         created_by = excluded.created_by, created_at = excluded.created_at, \
         expires_at = excluded.expires_at",
    )
    .bind(link.tenant.raw())
    .bind(link.user.raw())
    .bind(secret_hash)
    .bind(link.kind.as_str())
    .bind(link.created_by.map(|user| user.raw()))
    .bind(link.created_at)
    .bind(link.expires_at)
    .execute(tx)
    .await?;
    Ok(())
}

/// The link with this secret, if it is good.
///
/// # Errors
/// When the database refuses.
pub async fn find(
    connection: &mut AnyConnection,
    secret_hash: Vec<u8>,
    now: i64,
) -> Result<Option<Link>, sqlx::Error> {
    let row = sqlx::query(
        "SELECT tenant, user_id, kind, created_by, created_at, expires_at FROM password_links \
         WHERE secret_hash = $1 AND expires_at > $2",
    )
    .bind(secret_hash)
    .bind(now)
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let kind: String = row.try_get("kind")?;
    Ok(Some(Link {
        tenant: columns::id(&row, "tenant")?,
        user: columns::id(&row, "user_id")?,
        kind: if kind == "invite" { LinkKind::Invite } else { LinkKind::Reset },
        created_by: columns::maybe_id(&row, "created_by")?,
        created_at: row.try_get("created_at")?,
        expires_at: row.try_get("expires_at")?,
    }))
}

/// Ends the link of a person, if they have one.
///
/// # Errors
/// When the database refuses.
pub async fn end(
    tx: &mut AnyConnection,
    tenant: TenantId,
    user: UserId,
) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM password_links WHERE tenant = $1 AND user_id = $2")
        .bind(tenant.raw())
        .bind(user.raw())
        .execute(tx)
        .await?;
    Ok(())
}

/// Ends every link of every tenant; how many there were.
///
/// # Errors
/// When the database refuses.
pub(crate) async fn end_all(tx: &mut AnyConnection) -> Result<u64, sqlx::Error> {
    Ok(sqlx::query("DELETE FROM password_links").execute(tx).await?.rows_affected())
}
