//! One-time codes of enrolment, kept as what they stand for.

use sqlx::{AnyConnection, Row as _};
use sync_core::enrol::CodeSecret;
use sync_core::id::{TenantId, UserId};

use super::columns::{self, Raw as _};

/// Keeps the secret of a code for a technician; `by` is who asked for it.
///
/// # Errors
/// When the database refuses.
pub async fn insert(
    tx: &mut AnyConnection,
    tenant: TenantId,
    user: UserId,
    by: UserId,
    secret: CodeSecret,
    now: i64,
    expires_at: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO enrolment_codes \
         (code_hash, tenant, user_id, created_by, created_at, expires_at, secret) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(secret.name().to_vec())
    .bind(tenant.raw())
    .bind(user.raw())
    .bind(by.raw())
    .bind(now)
    .bind(expires_at)
    .bind(secret.0.to_vec())
    .execute(tx)
    .await?;
    Ok(())
}

/// Uses up the code of this name; whose it was and what it stands for, if it was good.
///
/// # Errors
/// When the database refuses.
pub async fn use_up(
    tx: &mut AnyConnection,
    name: [u8; 32],
    now: i64,
) -> Result<Option<(TenantId, UserId, CodeSecret)>, sqlx::Error> {
    let row = sqlx::query(
        "UPDATE enrolment_codes SET used_at = $2 \
         WHERE code_hash = $1 AND used_at IS NULL AND expires_at > $2 AND secret IS NOT NULL \
         RETURNING tenant, user_id, secret",
    )
    .bind(name.to_vec())
    .bind(now)
    .fetch_optional(tx)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let secret: Vec<u8> = row.try_get("secret")?;
    let secret = secret.try_into().map_err(|_| sqlx::Error::Decode("a code's secret".into()))?;
    Ok(Some((columns::id(&row, "tenant")?, columns::id(&row, "user_id")?, CodeSecret(secret))))
}
