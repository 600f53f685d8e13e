//! What the phones of each technician have stored, for operators: who used what, and who may have more.

use sqlx::{AnyConnection, Row as _};
use sync_core::id::{TenantId, UserId};

use super::columns::{self, Raw as _};

/// What one technician's phones have stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Whose.
    pub user: UserId,
    /// Name at login; absent for someone without an account here.
    pub login: Option<String>,
    /// Entries of changes.
    pub items: i64,
    /// Bytes of log with what is computed from it, as estimated.
    pub bytes: i64,
    /// Bytes of the last day on which anything was stored.
    pub day_bytes: i64,
    /// That day, days since 1970 in UTC.
    pub day: i64,
    /// Bytes allowed on top of the settings.
    pub extra: i64,
}

/// Those of a tenant who stored most, at most so many.
///
/// # Errors
/// When the database refuses.
pub async fn most(
    connection: &mut AnyConnection,
    tenant: TenantId,
    rows: i64,
) -> Result<Vec<Stored>, sqlx::Error> {
    let sql = "SELECT storage_shares.user_id, users.login, items, bytes, day_bytes, day, extra \
               FROM storage_shares LEFT JOIN users ON users.tenant = storage_shares.tenant \
               AND users.id = storage_shares.user_id WHERE storage_shares.tenant = $1 \
               ORDER BY bytes DESC, storage_shares.user_id LIMIT $2";
    let query = sqlx::query(sql).bind(tenant.raw()).bind(rows);
    let stored = |row: &sqlx::any::AnyRow| {
        Ok(Stored {
            user: columns::id(row, "user_id")?,
            login: row.try_get("login")?,
            items: row.try_get("items")?,
            bytes: row.try_get("bytes")?,
            day_bytes: row.try_get("day_bytes")?,
            day: row.try_get("day")?,
            extra: row.try_get("extra")?,
        })
    };
    query.fetch_all(connection).await?.iter().map(stored).collect()
}

/// Allows a technician's phones so many bytes on top of the settings, a day and in all.
///
/// # Errors
/// When the database refuses.
pub async fn allow(
    tx: &mut AnyConnection,
    tenant: TenantId,
    user: UserId,
    extra: i64,
) -> Result<(), sqlx::Error> {
    let sql = "INSERT INTO storage_shares (tenant, user_id, items, bytes, day, day_bytes, extra) \
               VALUES ($1, $2, 0, 0, 0, 0, $3) \
               ON CONFLICT (tenant, user_id) DO UPDATE SET extra = excluded.extra";
    let query = sqlx::query(sql).bind(tenant.raw()).bind(user.raw()).bind(extra);
    query.execute(tx).await?;
    Ok(())
}
