//! What the phone knows of itself: named values in one small table.

use rusqlite::{Connection, OptionalExtension as _};
use serde::{Deserialize, Serialize};
use sync_core::id::{ActorId, DeviceId, TenantId, UserId};
use sync_core::sync::{Anchor, Retention};

use crate::error::EngineError;

/// Who this phone is, since it was enrolled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    /// Address of the server.
    pub server_url: String,
    /// This installation.
    pub device: DeviceId,
    /// The technician.
    pub user: UserId,
    /// The dealership group.
    pub tenant: TenantId,
    /// Audience of login assertions.
    pub audience: String,
    /// Public key the server knows this device by, base64url; absent where an older version enrolled.
    #[serde(default)]
    pub public_key: Option<String>,
}

/// Where the phone stands in the server's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Position {
    /// Epoch of the log; 0 for never synced.
    pub epoch: u64,
    /// Everything up to here is stored.
    pub cursor: u64,
}

/// A value with a name of its own in the table.
pub(crate) trait Meta: Serialize + for<'de> Deserialize<'de> {
    /// The name.
    const KEY: &'static str;
}

impl Meta for Identity {
    const KEY: &'static str = "identity";
}

impl Meta for Retention {
    const KEY: &'static str = "kept";
}

impl Meta for Anchor {
    const KEY: &'static str = "anchor";
}
impl Meta for Position {
    const KEY: &'static str = "position";
}

/// The actor that writes this phone's changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OwnActor(pub ActorId);
impl Meta for OwnActor {
    const KEY: &'static str = "actor";
}

/// The installation whose secret belongs to this store, base64.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Installation(pub String);
impl Meta for Installation {
    const KEY: &'static str = "installation";
}

/// When the last sync that reached the server ended, Unix milliseconds by the wall clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LastSynced(pub i64);
impl Meta for LastSynced {
    const KEY: &'static str = "last_synced";
}

/// When the technician opened walk-up jobs in the last day, Unix milliseconds by the server's clock as
/// well as the phone knew it, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct WalkUps(pub Vec<i64>);
impl Meta for WalkUps {
    const KEY: &'static str = "walk_ups";
}

/// The last row that is in the file to which this phone's work was exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Exported(pub u64);
impl Meta for Exported {
    const KEY: &'static str = "exported";
}

/// Reads a value; absent if it was never written.
pub(crate) fn get<M: Meta>(db: &Connection) -> Result<Option<M>, EngineError> {
    let mut read = db.prepare_cached("SELECT value FROM meta WHERE key = ?1")?;
    let bytes: Option<Vec<u8>> = read.query_row([M::KEY], |row| row.get(0)).optional()?;
    let parse = |bytes: Vec<u8>| serde_json::from_slice(&bytes);
    bytes.map(parse).transpose().map_err(|e| EngineError::StoreDamaged(format!("{}: {e}", M::KEY)))
}

/// Writes a value in place of the last one.
pub(crate) fn put<M: Meta>(db: &Connection, value: &M) -> Result<(), EngineError> {
    let bytes = serde_json::to_vec(value).map_err(|e| EngineError::Internal(e.to_string()))?;
    let mut write = db.prepare_cached(
        "INSERT INTO meta (key, value) VALUES (?1, ?2)
         ON CONFLICT (key) DO UPDATE SET value = excluded.value",
    )?;
    write.execute((M::KEY, bytes))?;
    Ok(())
}
