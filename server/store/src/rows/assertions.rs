//! Assertions with which phones have logged in: each is good once.

use sqlx::AnyConnection;
use sync_core::id::{DeviceId, TenantId};

use super::columns::Raw as _;
use crate::passed::passed;

/// How long after its end a used assertion is remembered, milliseconds: to a node whose clock is
/// behind that of the node which forgets it, it may still be good. Clocks that differ by more are
/// past helping.
const REMEMBERED_MS: i64 = 24 * 3600 * 1000;

/// Notes an assertion by its digest, until it ends by itself. `false` if it was used before.
///
/// # Errors
/// When the database refuses.
pub async fn use_once(
    tx: &mut AnyConnection,
    tenant: TenantId,
    device: DeviceId,
    jti: Vec<u8>,
    expires_at: i64,
    now: i64,
) -> Result<bool, sqlx::Error> {
    if let Some(passed) = passed(tx, now).await? {
        sqlx::query("DELETE FROM assertions WHERE device = $1 AND expires_at < $2")
            .bind(device.raw())
            .bind(passed - REMEMBERED_MS)
            .execute(&mut *tx)
            .await?;
    }
    let done = sqlx::query(
        "INSERT INTO assertions (device, jti, tenant, expires_at) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (device, jti) DO NOTHING",
    )
    .bind(device.raw())
    .bind(jti)
    .bind(tenant.raw())
    .bind(expires_at)
    .execute(tx)
    .await?;
    Ok(done.rows_affected() == 1)
}
