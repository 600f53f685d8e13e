//! Public keys as the server's database has them, read apart from the server.

use std::collections::BTreeMap;

use ed25519_dalek::VerifyingKey;
use sqlx::{AnyConnection, Connection as _, Row as _};
use sync_core::id::{DeviceId, TenantId};
use sync_core::seal::SealError;

use super::DemoError;

/// Who may have signed what.
pub struct Keys {
    phones: BTreeMap<DeviceId, VerifyingKey>,
    /// The server's keys, by name.
    pub server: Vec<(String, VerifyingKey)>,
}

impl Keys {
    /// Reads them.
    pub async fn read(database: &str, tenant: TenantId) -> Result<Self, DemoError> {
        let mut db = AnyConnection::connect(database).await?;
        let phones = sqlx::query("SELECT id, public_key FROM devices WHERE tenant = $1");
        let phones = phones.bind(tenant.as_bytes().to_vec()).fetch_all(&mut db).await?;
        let phones = phones.iter().map(|row| {
            let id: Vec<u8> = row.try_get(0)?;
            Ok((DeviceId::from_slice(&id)?, key(row.try_get(1)?)?))
        });
        let phones = phones.collect::<Result<_, DemoError>>()?;
        let server = sqlx::query("SELECT kid, public_key FROM keys").fetch_all(&mut db).await?;
        let server = server.iter().map(|row| Ok((row.try_get(0)?, key(row.try_get(1)?)?)));
        let server = server.collect::<Result<_, DemoError>>()?;
        db.close().await?;
        Ok(Self { phones, server })
    }

    /// The key of a phone.
    pub fn phone(&self, device: &DeviceId) -> Result<&VerifyingKey, SealError> {
        self.phones.get(device).ok_or(SealError::Malformed("device"))
    }
}

fn key(bytes: Vec<u8>) -> Result<VerifyingKey, DemoError> {
    let bytes: Result<[u8; 32], _> = bytes.try_into();
    let bytes = bytes.map_err(|_| DemoError::new("a public key in the database is none"))?;
    Ok(VerifyingKey::from_bytes(&bytes)?)
}
