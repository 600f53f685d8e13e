//! What every handler shares: settings, store, keys, metrics, and who waits for news.

use std::ops::Deref;
use std::sync::{Arc, Weak};
use std::time::Duration;

use ed25519_dalek::VerifyingKey;
use sqlx::Any;
use sqlx::pool::PoolConnection;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

use crate::auth::keys::{self, Keys};
use crate::auth::password::Passwords;
use crate::clock::random;
use crate::config::Config;
use crate::http::{Code, Problem};
use crate::net::bodies::Bodies;
use crate::net::lanes::Lanes;
use crate::phone_sync::Sockets;
use crate::phone_sync::countersign::{self, Countersigner};
use crate::store::{Store, StoreError};
use crate::telemetry::Metrics;
use crate::writer::Writer;

/// Age at which the known keys are read again before one of them signs, milliseconds: another
/// process may have retired it.
const KEYS_AGE_MS: i64 = 60_000;
/// Age at which they are read again for a key nobody knows, milliseconds: strangers must not make
/// us read for every request.
const STRANGE_KEY_AGE_MS: i64 = 5_000;
/// Time between two readings of the keys while nobody asks for them.
const KEYS_PAUSE: Duration = Duration::from_secs(60);
/// Time after a reading that failed in which no other is tried: those who wait must not wait one
/// after the other.
const KEYS_TROUBLE: Duration = Duration::from_secs(1);

/// A handle to what handlers share. Cloning is cheap.
#[derive(Clone)]
pub struct App(Arc<Shared>);

/// What handlers share.
pub struct Shared {
    /// The settings.
    pub config: Config,
    /// The database.
    pub store: Store,
    /// Checks passwords.
    pub passwords: Passwords,
    /// Keys of tokens.
    pub keys: Keys,
    /// What is counted.
    pub metrics: Metrics,
    /// Phones that wait for news.
    pub sockets: Sockets,
    /// Seals that wait for the server's word.
    pub countersigner: Countersigner,
    /// Places for requests at work.
    pub lanes: Lanes,
    /// Room for the bodies of requests.
    pub bodies: Bodies,
    issuer: String,
    keys_read: Mutex<KeysRead>,
}

/// When the keys were read from the database.
struct KeysRead {
    /// The last time it worked, Unix milliseconds.
    at: i64,
    /// When it last failed, if it has not worked since.
    failed: Option<Instant>,
}

impl Deref for App {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl App {
    /// Makes what is missing in the database (the first key, the name in tokens) and reads it.
    ///
    /// # Errors
    /// Whatever keeps the database from answering.
    pub async fn start(config: Config, store: Store) -> Result<Self, StartError> {
        let now = config.clock.now();
        let fallback = format!("urn:towline:{}", hex(&random::<16>()));
        let wanted = config.issuer.clone();
        let issuer = store
            .write::<String, StoreError, _>(move |tx| {
                Box::pin(async move {
                    keys::ensure(tx, now).await?;
                    match wanted {
                        Some(issuer) => Ok(issuer),
                        None => Ok(keys::issuer(tx, fallback).await?),
                    }
                })
            })
            .await?;
        let keys = Keys::default();
        let mut connection = store.readers().acquire().await.map_err(StoreError::from)?;
        keys.load(&mut connection, now).await.map_err(StoreError::from)?;
        drop(connection);
        let passwords = Passwords::new(config.password_memory_kib).map_err(StartError::Argon)?;
        let metrics = Metrics::new();
        let lanes = Lanes::new(config.net.max_requests, config.net.max_syncs);
        let bodies = Bodies::new(config.net.body_bytes);
        let (countersigner, queue) = Countersigner::new(countersign::QUEUE, countersign::PAUSE);
        let app = Self(Arc::new(Shared {
            config,
            store,
            passwords,
            keys,
            metrics,
            sockets: Sockets::default(),
            countersigner,
            lanes,
            bodies,
            issuer,
            keys_read: Mutex::new(KeysRead { at: now, failed: None }),
        }));
        tokio::spawn(countersign::run(app.clone(), queue));
        tokio::spawn(keep_keys_fresh(app.downgrade()));
        Ok(app)
    }

    /// What this is a handle to.
    pub fn shared(&self) -> &Arc<Shared> {
        &self.0
    }

    /// A handle that does not keep anything alive.
    pub fn downgrade(&self) -> Weak<Shared> {
        Arc::downgrade(&self.0)
    }
}

impl Shared {
    /// Unix milliseconds.
    pub fn now(&self) -> i64 {
        self.config.clock.now()
    }

    /// Our name in tokens, as issuer and as audience.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The one writer of documents.
    pub fn writer(&self) -> &Writer {
        self.store.writer()
    }

    /// A connection to read with.
    ///
    /// # Errors
    /// `unavailable` when none is free in time.
    pub async fn read(&self) -> Result<PoolConnection<Any>, Problem> {
        Ok(self.store.readers().acquire().await?)
    }

    /// The key a token names; another node may have made it since we last looked.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn verifying_key(&self, kid: &str) -> Result<Option<VerifyingKey>, Problem> {
        if let Some(key) = self.keys.find(kid) {
            return Ok(Some(key));
        }
        self.keys_of(STRANGE_KEY_AGE_MS).await?;
        Ok(self.keys.find(kid))
    }

    /// Makes sure that the keys known here are those of the database, or were a minute ago: to be
    /// waited for before one of them signs something that lasts.
    ///
    /// # Errors
    /// When the database refuses; then nothing should be signed.
    pub async fn fresh_keys(&self) -> Result<(), Problem> {
        self.keys_of(KEYS_AGE_MS).await
    }

    /// Reads the keys again if they were read so many milliseconds ago or more.
    async fn keys_of(&self, age: i64) -> Result<(), Problem> {
        // Those who come while somebody reads wait for what is read.
        let mut read = self.keys_read.lock().await;
        let now = self.now();
        // A clock that was put back says nothing about age.
        if (0..age).contains(&(now - read.at)) {
            return Ok(());
        }
        if read.failed.is_some_and(|at| at.elapsed() < KEYS_TROUBLE) {
            return Err(Problem::new(Code::Unavailable).retry_after(2));
        }
        let loaded = match self.store.readers().acquire().await {
            Ok(mut connection) => self.keys.load(&mut connection, now).await,
            Err(error) => Err(error),
        };
        *read = match loaded {
            Ok(()) => KeysRead { at: now, failed: None },
            Err(_) => KeysRead { at: read.at, failed: Some(Instant::now()) },
        };
        Ok(loaded?)
    }

    /// Reads the keys of the database, however fresh the known ones are: what is done each minute,
    /// so that a key retired by another process stops signing here.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn read_keys(&self) -> Result<(), Problem> {
        self.keys_of(0).await
    }
}

/// Reads the keys each minute until the server is gone; the task does not keep it alive.
async fn keep_keys_fresh(shared: Weak<Shared>) {
    loop {
        sleep(KEYS_PAUSE).await;
        let Some(app) = shared.upgrade() else { break };
        if let Err(problem) = app.read_keys().await {
            tracing::warn!(code = problem.code().as_str(), "the keys were not read again");
        }
    }
}

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The settings do not fit.
    #[error(transparent)]
    Config(#[from] crate::config::ConfigError),
    /// The database cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// The address.
        address: std::net::SocketAddr,
        /// Why.
        error: std::io::Error,
    },
    /// The memory for passwords does not fit argon2.
    #[error("setting `password_memory_kib`: {0}")]
    Argon(argon2::password_hash::Error),
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
