//! What the store knows of itself: its secret for receipts, and its epoch.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest as _, Sha256};
use sqlx::{AnyConnection, Row};
use sync_core::admission::Attested;
use sync_core::change::Run;
use sync_core::document::{Author, Document, Owner};
use sync_core::id::{ActorId, TenantId};
use sync_core::limits;

use super::StoreError;
use super::log::encode;

/// Facts about the store as a whole that do not change while it is open.
#[derive(Clone)]
pub(crate) struct Meta {
    /// Changes when the store is restored from a backup, so that phones compare what they hold.
    pub epoch: u64,
    /// Key of the receipts.
    secret: [u8; 32],
    /// The same, taken in: what every receipt begins with.
    receipts: Hmac<Sha256>,
}

impl std::fmt::Debug for Meta {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Meta").field("epoch", &self.epoch).finish_non_exhaustive()
    }
}

impl Meta {
    /// What a store with this epoch and secret knows of itself.
    pub fn fixed(epoch: u64, secret: [u8; 32]) -> Self {
        // RFC 2104: a key shorter than a block is filled up with zeros.
        let mut block = [0; 64];
        block[..secret.len()].copy_from_slice(&secret);
        Self { epoch, secret, receipts: Hmac::new(&block.into()) }
    }

    /// The key of the receipts.
    pub fn secret(&self) -> &[u8; 32] {
        &self.secret
    }

    /// Reads it, and makes it at the first start.
    pub async fn load(connection: &mut AnyConnection) -> Result<Self, StoreError> {
        let mut secret = [0; 32];
        let mut epoch = [0; 8];
        for bytes in [&mut secret[..], &mut epoch[..]] {
            getrandom::fill(bytes).map_err(|e| StoreError::Unavailable(e.to_string()))?;
        }
        let secret = keep(connection, "receipt_secret", secret).await?;
        let epoch = keep(connection, "epoch", epoch).await?;
        Ok(Self::fixed(u64::from_be_bytes(epoch), secret))
    }

    /// The server's receipt over a run of its log: only a holder of the secret can make it. It
    /// covers the run word for word, so that what comes back with it is believed even where what
    /// it followed is gone and its hash cannot be worked out any more.
    pub fn receipt(&self, tenant: TenantId, run: &Run, author: &Author) -> [u8; 16] {
        let mut mac = self.receipts.clone();
        mac.update(b"towline receipt 2\n");
        mac.update(tenant.as_bytes());
        mac.update(&[run.doc.kind.code()]);
        mac.update(run.doc.as_bytes());
        mac.update(run.actor().as_bytes());
        mac.update(&run.last_seq().to_be_bytes());
        mac.update(&run.last_hash.0);
        mac.update(&Sha256::digest(encode(run)));
        // No id is all zeros, so zeros say that there is none.
        mac.update(&author.user.map_or([0; 16], |user| *user.as_bytes()));
        mac.update(&author.device.map_or([0; 16], |device| *device.as_bytes()));
        let full = mac.finalize().into_bytes();
        let mut receipt = [0; 16];
        receipt.copy_from_slice(&full[..16]);
        receipt
    }

    /// The actor under which the server writes in a document: the one of this process, or, where
    /// that would be one too many after so many restarts, the one that all processes share until
    /// the epoch changes. Writers of a tenant take turns under its lock, so they never meet; nobody
    /// without the secret knows it beforehand.
    pub fn office_actor(&self, tenant: TenantId, own: ActorId, document: &Document) -> ActorId {
        let office = document.used(Owner::Office).actors + document.used(Owner::Server).actors;
        if document.seq_of(&own) > 0 || office < limits::OFFICE_OWN_ACTORS {
            return own;
        }
        let mut mac = self.receipts.clone();
        mac.update(b"towline office actor 1\n");
        mac.update(tenant.as_bytes());
        mac.update(&self.epoch.to_be_bytes());
        let full = mac.finalize().into_bytes();
        let mut random = [0; 10];
        random.copy_from_slice(&full[..10]);
        ActorId::new(limits::TIME_RANGE.start, random)
    }

    /// A run of the log with the server's receipt.
    pub fn attest(&self, tenant: TenantId, run: Run, author: Author) -> Attested {
        let receipt = self.receipt(tenant, &run, &author);
        Attested { run, author, receipt }
    }

    /// Whether a receipt is ours; takes the same time whichever byte differs.
    pub fn is_genuine(
        &self,
        tenant: TenantId,
        run: &Run,
        author: &Author,
        receipt: &[u8; 16],
    ) -> bool {
        let ours = self.receipt(tenant, run, author);
        ours.iter().zip(receipt).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
    }
}

/// Name of the fold version in `meta`.
const FOLDS: &str = "fold_version";

/// The version of what was computed, as the database has it; 0 before there was one.
pub(super) async fn fold_version(connection: &mut AnyConnection) -> Result<u32, StoreError> {
    version(connection, FOLDS).await
}

async fn version(connection: &mut AnyConnection, name: &'static str) -> Result<u32, StoreError> {
    let row = sqlx::query("SELECT value FROM meta WHERE key = $1").bind(name);
    let Some(row) = row.fetch_optional(connection).await? else { return Ok(0) };
    let value: Vec<u8> = row.try_get(0)?;
    let value = value.try_into().map_err(|_| StoreError::Corrupt(format!("meta {name}")))?;
    Ok(u32::from_be_bytes(value))
}

/// Name of the version that computes from now on, in `meta`. It is noted before a rebuild, so that a
/// server of an older version writes no row after the row was made again.
const CLAIMED: &str = "fold_version_claimed";

/// The version that computes, as the database has it; 0 before there was one.
pub(super) async fn claimed_version(connection: &mut AnyConnection) -> Result<u32, StoreError> {
    version(connection, CLAIMED).await
}

/// Notes that this version computes from now on.
pub(super) async fn claim_version(
    connection: &mut AnyConnection,
    version: u32,
) -> Result<(), StoreError> {
    set_version(connection, CLAIMED, version).await
}

/// Notes that everything computed is of this version.
pub(super) async fn set_fold_version(
    connection: &mut AnyConnection,
    version: u32,
) -> Result<(), StoreError> {
    set_version(connection, FOLDS, version).await
}

async fn set_version(
    connection: &mut AnyConnection,
    name: &'static str,
    version: u32,
) -> Result<(), StoreError> {
    let set = "INSERT INTO meta (key, value) VALUES ($1, $2) \
               ON CONFLICT (key) DO UPDATE SET value = excluded.value";
    let set = sqlx::query(set).bind(name).bind(version.to_be_bytes().to_vec());
    set.execute(connection).await?;
    Ok(())
}

async fn keep<const N: usize>(
    connection: &mut AnyConnection,
    key: &str,
    fresh: [u8; N],
) -> Result<[u8; N], StoreError> {
    sqlx::query("INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING")
        .bind(key)
        .bind(fresh.to_vec())
        .execute(&mut *connection)
        .await?;
    let row = sqlx::query("SELECT value FROM meta WHERE key = $1")
        .bind(key)
        .fetch_one(connection)
        .await?;
    let value: Vec<u8> = row.try_get(0)?;
    value.try_into().map_err(|_| StoreError::Corrupt(format!("meta {key}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Phones keep receipts for weeks: one made by an earlier version has to stay genuine.
    #[test]
    fn a_receipt_begins_as_hmac_sha256_under_the_secret() {
        let secret = [7; 32];
        let mut ours = Meta::fixed(1, secret).receipts;
        ours.update(b"a run");
        let theirs = Hmac::<Sha256>::new_from_slice(&secret).map(|mac| mac.chain_update(b"a run"));
        assert_eq!(Some(ours.finalize()), theirs.ok().map(Mac::finalize));
    }
}
