//! What every handler shares: settings, store, keys, metrics, and who waits for news.

use std::ops::Deref;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Weak};

use ed25519_dalek::VerifyingKey;
use sqlx::Any;
use sqlx::pool::PoolConnection;

use crate::auth::keys::{self, Keys};
use crate::auth::password::Passwords;
use crate::clock::random;
use crate::config::Config;
use crate::http::Problem;
use crate::net::lanes::Lanes;
use crate::phone_sync::Sockets;
use crate::phone_sync::countersign::{self, Countersigner};
use crate::store::{Store, StoreError};
use crate::telemetry::Metrics;
use crate::writer::Writer;

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
    issuer: String,
    keys_read_at: AtomicI64,
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
            issuer,
            keys_read_at: AtomicI64::new(now),
        }));
        tokio::spawn(countersign::run(app.clone(), queue));
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
        let now = self.now();
        let before = self.keys_read_at.load(Ordering::Relaxed);
        // Once in five seconds at most, or strangers could make us read for every request.
        let ours = now - before > 5000
            && self
                .keys_read_at
                .compare_exchange(before, now, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        if ours {
            self.keys.load(&mut *self.read().await?, now).await?;
        }
        Ok(self.keys.find(kid))
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
