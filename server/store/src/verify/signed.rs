//! What phones signed, kept beside the log, against the keys they enrolled with.

use ed25519_dalek::{Signature, VerifyingKey};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};
use sync_core::admission::push_message;
use sync_core::id::{DeviceId, TenantId};

use super::{Problem, Report};
use crate::StoreError;
use crate::sql::id;

/// Pushes read at a time; the message of one can be some hundred kilobytes.
const CHUNK: i64 = 64;

/// Checks the signature of every push of a tenant.
pub(super) async fn pushes(
    report: &mut Report,
    connection: &mut AnyConnection,
    tenant: TenantId,
) -> Result<(), StoreError> {
    let mut after = i64::MIN;
    loop {
        let rows = sqlx::query(
            "SELECT pushes.pos, pushes.device, pushes.message, pushes.signature, \
             devices.public_key FROM pushes \
             LEFT JOIN devices ON devices.tenant = pushes.tenant AND devices.id = pushes.device \
             WHERE pushes.tenant = $1 AND pushes.pos > $2 ORDER BY pushes.pos LIMIT $3",
        )
        .bind(tenant.as_bytes().to_vec())
        .bind(after)
        .bind(CHUNK)
        .fetch_all(&mut *connection)
        .await?;
        let Some(last) = rows.last() else { return Ok(()) };
        after = last.try_get(0)?;
        for row in &rows {
            if let Some(wrong) = wrong(row)? {
                let what = format!("the push at {}: {wrong}", row.try_get::<i64, _>(0)?);
                report.add(tenant, None, Problem::Signature, what);
            }
            report.signatures += 1;
        }
    }
}

/// What is wrong with a kept push.
fn wrong(row: &AnyRow) -> Result<Option<&'static str>, StoreError> {
    let device = id(row, 1, DeviceId::from_slice)?;
    let message: Vec<u8> = row.try_get(2)?;
    let signature: Vec<u8> = row.try_get(3)?;
    let key: Option<Vec<u8>> = row.try_get(4)?;
    let key = key.and_then(|key| VerifyingKey::try_from(key.as_slice()).ok());
    let Some(key) = key else { return Ok(Some("nobody has the key of its phone")) };
    if !message.starts_with(&push_message(device, std::iter::empty())) {
        return Ok(Some("what was signed is not of its phone"));
    }
    let signature = Signature::from_slice(&signature);
    let holds = signature.is_ok_and(|signature| key.verify_strict(&message, &signature).is_ok());
    Ok((!holds).then_some("its phone did not sign this"))
}
