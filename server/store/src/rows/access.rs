//! Tells the nodes that someone may do less than before, so that their sockets end.

use sqlx::AnyConnection;
use sync_core::id::{TenantId, UserId};

/// Channel of PostgreSQL on which nodes hear of it.
pub const CHANNEL: &str = "towline_access";

/// Tells every node over one PostgreSQL, once this commits. The one process over a SQLite file
/// tells itself ([`crate::Writer::access_changed`]).
///
/// # Errors
/// When the database refuses.
pub async fn changed(
    tx: &mut AnyConnection,
    tenant: TenantId,
    user: UserId,
) -> Result<(), sqlx::Error> {
    if tx.backend_name() != "PostgreSQL" {
        return Ok(());
    }
    // The function gives nothing back that every driver can read, so nothing is read.
    sqlx::query("SELECT 1 FROM pg_notify($1, $2)")
        .bind(CHANNEL)
        .bind(format!("{tenant} {user}"))
        .execute(tx)
        .await?;
    Ok(())
}

/// What a notification on [`CHANNEL`] says.
pub fn read(text: &str) -> Option<(TenantId, UserId)> {
    let (tenant, user) = text.split_once(' ')?;
    Some((tenant.parse().ok()?, user.parse().ok()?))
}
