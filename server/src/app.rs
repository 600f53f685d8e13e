//! What every handler shares: settings, store, keys, metrics, and who waits for news.

use std::net::IpAddr;
use std::ops::Deref;
use std::sync::{Arc, Weak};
use std::time::Duration;

use ed25519_dalek::VerifyingKey;
use sqlx::Any;
use sqlx::pool::PoolConnection;
use store::writer::Writer;
use store::{Reader, Store, StoreError, reading};
use sync_core::id::{TenantId, UserId};
use tokio::sync::{Mutex, Semaphore};
use tokio::time::{Instant, sleep};

use crate::api::events::Streams;
use crate::api::technicians::follow::Following;
use crate::auth::blocked::Blocked;
use crate::auth::deadlines;
use crate::auth::installation::Installation;
use crate::auth::keys::{self, Keys};
use crate::auth::password::Passwords;
use crate::auth::proven::Proven;
use crate::auth::session;
use crate::clock::random;
use crate::config::Config;
use crate::http::{Code, Problem, Tags};
use crate::net::bodies::Bodies;
use crate::net::coming::Coming;
use crate::net::concurrency::ConcurrencyLimits;
use crate::net::shares::Shares;
use crate::net::writes::WriteBudgets;
use crate::sweep::{self, Judge, SweepTime, Wait};
use crate::sync::budget::Budgets;
use crate::sync::countersign::{self, Countersigner, SigningContext};
use crate::sync::{self, Sockets};
use crate::telemetry::{Metrics, gauges};
use crate::upkeep;

/// Age at which the known keys are read again before one of them signs, milliseconds: another
/// process may have retired it.
const KEYS_AGE_MS: i64 = 60_000;
/// Age at which they are read again for a key nobody knows, milliseconds: strangers must not make
/// us read for every request.
const STRANGE_KEY_AGE_MS: i64 = 5_000;
/// Imports at work at a time.
const IMPORTS: usize = 2;
/// Imports of one tenant: at work or next in turn, and waiting behind that one.
const OF_A_TENANT: (usize, usize) = (1, 2);
/// Time between two readings of the keys while nobody asks for them.
const KEYS_PAUSE: Duration = Duration::from_secs(60);
/// Time after a reading that failed in which no other is tried: those who wait must not wait one
/// after the other.
const KEYS_TROUBLE: Duration = Duration::from_secs(1);

/// Requests of one person at a desk: at work, and waiting behind them.
const OF_A_PERSON: (usize, usize) = (4, 16);
/// Requests of one source, an address or a network of 64 bits, of whoever is not logged in: at work,
/// and waiting. All phones of one carrier may share an address.
const OF_A_SOURCE: (usize, usize) = (8, 64);

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
    /// Keys of this installation for everything else.
    pub installation: Installation,
    /// What is counted.
    pub metrics: Metrics,
    /// Phones that wait for news.
    pub sockets: Sockets,
    /// Desks that follow events.
    pub streams: Streams,
    /// Seals that wait for the countersignature.
    pub countersigner: Countersigner,
    /// Permits for requests at work.
    pub concurrency: ConcurrencyLimits,
    /// Each person's share of the desk's permits.
    pub people: Shares<UserId>,
    /// Each source's share of the permits of those nobody knows yet.
    pub sources: Shares<IpAddr>,
    /// Sources that the stored counters block now.
    pub blocked: Blocked,
    /// Secrets that were found good not long ago.
    pub proven: Proven,
    /// Room for the bodies of requests.
    pub bodies: Bodies,
    /// Permits for imports; each holds a file and its report.
    pub imports: Semaphore,
    /// Each tenant's share of them.
    pub importers: Shares<TenantId>,
    /// Tenants whose technicians are brought in line with their branches now.
    pub following: Following,
    /// Bodies under way, by who sends them.
    pub coming: Coming,
    /// Writes that each desk and each API token has left of its hour.
    pub writes: WriteBudgets,
    /// What each phone has left of its hour.
    pub budgets: Budgets,
    issuer: String,
    keys_read: Mutex<KeysRead>,
    judge: Mutex<Judge>,
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

impl From<Arc<Shared>> for App {
    fn from(shared: Arc<Shared>) -> Self {
        Self(shared)
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
        let installation = Installation::of(&store);
        let metrics = Metrics::of(store.writer().turned_away());
        let budgets = Budgets::new(config.hour);
        let writes = WriteBudgets::new(config.hour_writes);
        let concurrency = ConcurrencyLimits::new(config.net.max_requests, config.net.max_syncs);
        let bodies = Bodies::new(config.net.body_bytes);
        let (countersigner, queue) = Countersigner::new(countersign::QUEUE, countersign::PAUSE);
        let (of_store, of_keys, clock) = (store.clone(), keys.clone(), config.clock.clone());
        let context = SigningContext { store: of_store, keys: of_keys, clock };
        tokio::spawn(countersign::run(context, queue));
        let app = Self(Arc::new(Shared {
            config,
            store,
            passwords,
            keys,
            installation,
            metrics,
            sockets: Sockets::default(),
            streams: Streams::default(),
            countersigner,
            concurrency,
            people: Shares::new(OF_A_PERSON.0, OF_A_PERSON.1),
            sources: Shares::new(OF_A_SOURCE.0, OF_A_SOURCE.1),
            blocked: Blocked::default(),
            proven: Proven::default(),
            bodies,
            imports: Semaphore::new(IMPORTS),
            importers: Shares::new(OF_A_TENANT.0, OF_A_TENANT.1),
            following: Following::default(),
            coming: Coming::default(),
            writes,
            budgets,
            issuer,
            keys_read: Mutex::new(KeysRead { at: now, failed: None }),
            judge: Mutex::default(),
        }));
        gauges::refresh(&app).await?;
        deadlines::settle(&app).await?;
        tokio::spawn(upkeep::run(app.clone()));
        tokio::spawn(keep_keys_fresh(app.downgrade()));
        if app.config.clock.is_system() {
            tokio::spawn(watch_the_clock(app.downgrade()));
        }
        tokio::spawn(sync::keep_looking(app.downgrade()));
        tokio::spawn(gauges::run(app.downgrade()));
        tokio::spawn(sweep::run(app.downgrade()));
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

    /// By which time what is old goes, if it may go now: the only one by which anything is deleted or
    /// released for good.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn sweep_time(&self) -> Result<Result<SweepTime, Wait>, StoreError> {
        self.judge.lock().await.ask(&self.store, self.now()).await
    }

    /// Our name in tokens, as issuer and as audience.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// How long staff sessions last.
    pub fn sessions(&self) -> session::Limits {
        let ms = |life: Duration| i64::try_from(life.as_millis()).unwrap_or(i64::MAX);
        let (idle_ms, longest_ms) = (ms(self.config.session_idle), ms(self.config.session));
        session::Limits { idle_ms, longest_ms }
    }

    /// What makes the tags of versions.
    pub fn tags(&self) -> Tags {
        Tags::of(&self.store)
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
        // Those who come while someone reads wait for what is read.
        let mut read = self.keys_read.lock().await;
        let now = self.now();
        // A clock that was put back says nothing about age.
        if (0..age).contains(&(now - read.at)) {
            return Ok(());
        }
        if read.failed.is_some_and(|at| at.elapsed() < KEYS_TROUBLE) {
            return Err(Problem::new(Code::Unavailable).retry_after(2));
        }
        let loaded = reading(Reader::Brief, async {
            let mut connection = self.store.readers().acquire().await?;
            self.keys.load(&mut connection, now).await
        })
        .await;
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
        let Some(app) = shared.upgrade().map(App::from) else { break };
        settle_deadlines(&app).await;
        if let Err(problem) = app.read_keys().await {
            tracing::warn!(code = problem.code().as_str(), "the keys were not read again");
        }
    }
}

/// Notices when the machine's clock is put right, and puts right at once what it had stored.
async fn watch_the_clock(shared: Weak<Shared>) {
    let Some(app) = shared.upgrade() else { return };
    let mut watch = deadlines::Watch::new(app.now(), Instant::now());
    drop(app);
    loop {
        sleep(deadlines::Watch::PAUSE).await;
        let Some(app) = shared.upgrade().map(App::from) else { break };
        if let Some(step_ms) = watch.look(app.now(), Instant::now()) {
            tracing::warn!(step_ms, "the machine's clock was put right");
            settle_deadlines(&app).await;
        }
    }
}

async fn settle_deadlines(app: &App) {
    if let Err(error) = deadlines::settle(app).await {
        tracing::warn!(%error, "stored deadlines were not looked at");
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
