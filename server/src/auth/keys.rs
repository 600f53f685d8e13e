//! The keys that sign our tokens: kept in the database, found by `kid`, rotated without a gap.

use std::sync::{Arc, RwLock};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{SigningKey, VerifyingKey};
use serde::Serialize;
use sqlx::{AnyConnection, Row as _};
use store::rows::columns;
use utoipa::ToSchema;

use crate::clock::random;

/// How long after its retirement a key still verifies, milliseconds: longer than any token lives.
const GRACE_MS: i64 = 24 * 3600 * 1000;

/// One key of ours.
#[derive(Clone)]
pub struct Key {
    /// Its name in token headers.
    pub kid: String,
    /// Both halves.
    pub signing: SigningKey,
    /// When it stopped signing, Unix milliseconds.
    retired_at: Option<i64>,
    /// Whether tokens it signed are still believed.
    verifies: bool,
}

/// The keys this process knows.
#[derive(Clone, Default)]
pub struct Keys(Arc<RwLock<Vec<Key>>>);

/// Public keys in the form of RFC 7517.
#[derive(Debug, Serialize, ToSchema)]
pub struct Jwks {
    /// The keys.
    pub keys: Vec<Jwk>,
}

/// One public key (RFC 8037).
#[derive(Debug, Serialize, ToSchema)]
pub struct Jwk {
    /// `OKP`.
    pub kty: &'static str,
    /// `Ed25519`.
    pub crv: &'static str,
    /// `EdDSA`.
    pub alg: &'static str,
    /// `sig`.
    #[serde(rename = "use")]
    pub usage: &'static str,
    /// Its name in token headers.
    pub kid: String,
    /// The key, base64url.
    pub x: String,
}

impl Key {
    /// A key that signs, or that stopped at `retired_at` and verifies for a while yet.
    pub fn new(kid: String, signing: SigningKey, retired_at: Option<i64>, now: i64) -> Self {
        let verifies = retired_at.is_none_or(|at| at > now - GRACE_MS);
        Self { kid, signing, retired_at, verifies }
    }
}

impl Keys {
    /// These keys, newest first.
    pub fn holding(keys: Vec<Key>) -> Self {
        Self(Arc::new(RwLock::new(keys)))
    }

    /// Reads the keys of the database, newest first.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn load(&self, connection: &mut AnyConnection, now: i64) -> Result<(), sqlx::Error> {
        let rows =
            sqlx::query("SELECT kid, seed, retired_at FROM keys ORDER BY created_at DESC, kid")
                .fetch_all(connection)
                .await?;
        let keys: Result<Vec<Key>, sqlx::Error> = rows
            .iter()
            .map(|row| {
                let seed: Vec<u8> = row.try_get("seed")?;
                let seed = <[u8; 32]>::try_from(seed).map_err(|_| columns::broken("seed"))?;
                let retired_at: Option<i64> = row.try_get("retired_at")?;
                let kid = row.try_get("kid")?;
                Ok(Key::new(kid, SigningKey::from_bytes(&seed), retired_at, now))
            })
            .collect();
        let keys = keys?;
        *self.0.write().unwrap_or_else(|poisoned| poisoned.into_inner()) = keys;
        Ok(())
    }

    /// The key that signs now.
    pub fn current(&self) -> Option<Key> {
        let keys = self.0.read().unwrap_or_else(|poisoned| poisoned.into_inner());
        keys.iter().find(|key| key.retired_at.is_none()).cloned()
    }

    /// The key with this name, if it still verifies.
    pub fn find(&self, kid: &str) -> Option<VerifyingKey> {
        let keys = self.0.read().unwrap_or_else(|poisoned| poisoned.into_inner());
        let key = keys.iter().find(|key| key.kid == kid && key.verifies);
        key.map(|key| key.signing.verifying_key())
    }

    /// Every key that ever was, by name: what was countersigned stays so after a rotation.
    pub fn ever(&self) -> Vec<(String, VerifyingKey)> {
        let keys = self.0.read().unwrap_or_else(|poisoned| poisoned.into_inner());
        keys.iter().map(|key| (key.kid.clone(), key.signing.verifying_key())).collect()
    }

    /// The public halves of every key that ever was, newest first.
    pub fn jwks(&self) -> Jwks {
        let keys = self.0.read().unwrap_or_else(|poisoned| poisoned.into_inner());
        let jwk = |key: &Key| Jwk {
            kty: "OKP",
            crv: "Ed25519",
            alg: "EdDSA",
            usage: "sig",
            kid: key.kid.clone(),
            x: URL_SAFE_NO_PAD.encode(key.signing.verifying_key().as_bytes()),
        };
        Jwks { keys: keys.iter().map(jwk).collect() }
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys")
    }
}

/// Makes a fresh key that signs from now on, and retires the others. Running servers learn of it
/// within a minute, or when they meet its `kid`.
///
/// # Errors
/// When the database refuses.
pub async fn rotate(tx: &mut AnyConnection, now: i64) -> Result<String, sqlx::Error> {
    let signing = SigningKey::from_bytes(&random());
    let kid = URL_SAFE_NO_PAD.encode(random::<9>());
    sqlx::query("UPDATE keys SET retired_at = $1 WHERE retired_at IS NULL")
        .bind(now)
        .execute(&mut *tx)
        .await?;
    sqlx::query("INSERT INTO keys (kid, public_key, seed, created_at) VALUES ($1, $2, $3, $4)")
        .bind(kid.clone())
        .bind(signing.verifying_key().as_bytes().to_vec())
        .bind(signing.to_bytes().to_vec())
        .bind(now)
        .execute(tx)
        .await?;
    Ok(kid)
}

/// Makes the first key if there is none that signs.
///
/// # Errors
/// When the database refuses.
pub async fn ensure(tx: &mut AnyConnection, now: i64) -> Result<(), sqlx::Error> {
    let signs = sqlx::query("SELECT kid FROM keys WHERE retired_at IS NULL LIMIT 1");
    if signs.fetch_optional(&mut *tx).await?.is_none() {
        rotate(tx, now).await?;
    }
    Ok(())
}

/// The name in tokens of this database: what it already has, else `fallback` from now on.
///
/// # Errors
/// When the database refuses.
pub async fn issuer(tx: &mut AnyConnection, fallback: String) -> Result<String, sqlx::Error> {
    sqlx::query("INSERT INTO meta (key, value) VALUES ('issuer', $1) ON CONFLICT (key) DO NOTHING")
        .bind(fallback.into_bytes())
        .execute(&mut *tx)
        .await?;
    let row = sqlx::query("SELECT value FROM meta WHERE key = 'issuer'").fetch_one(tx).await?;
    String::from_utf8(row.try_get(0)?).map_err(|_| columns::broken("issuer"))
}
