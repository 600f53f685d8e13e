//! The engine: one phone's documents, its work that waits, and the way to the server.

mod absorb;
mod delta;
mod enrol;
mod export;
mod facts;
mod input;
mod load;
mod login;
mod outbox;
mod parts;
mod positions;
mod read;
mod room;
mod save;
mod seal;
mod secret;
mod status;
mod steps;
mod submit;
mod summary;
mod sync;
mod tidy;
mod watch;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use enrol::{Enrolled, EnrolmentStatus};
pub use facts::{Attachment, WalkUp};
pub use input::Place;
pub use parts::PartUsed;
pub use positions::{BadPosition, Position, PositionsAdded};
pub use read::Refused;
pub use room::KeepLimits;
pub use seal::SealPrompt;
pub use status::Status;
pub use steps::StepDetails;
pub use sync::{SyncEnd, SyncReport};
pub use watch::{Event, Listener, Watch};

pub(crate) use secret::device_key;

use crate::error::EngineError;
use crate::net::{Connector, HttpConnector, Stop, Transport};
use crate::platform::{Clock, IdMaker, Random, SystemClock, SystemRandom};
use crate::store::meta::Identity;
use crate::store::space::SpaceLimits;
use crate::store::{FileVault, Store, Vault, meta};
use load::Cache;
use secret::Secret;
use sync_core::id::ActorId;
use sync_core::limits;
use sync_core::sync::Anchor;

/// How an engine is opened; the default is what an app wants.
#[derive(Clone)]
pub struct Options {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Draws ids, nonces and keys.
    pub random: Arc<dyn Random>,
    /// Makes the way to the server.
    pub connector: Arc<dyn Connector>,
    /// Keeps the device's secret apart from the store; absent for a file beside it.
    pub vault: Option<Arc<dyn Vault>>,
    /// How much room counts as enough.
    pub space: SpaceLimits,
    /// How much a server may make the phone keep.
    pub keeps: KeepLimits,
    /// Walk-up jobs of a day, as the server counts them; more only where that is set to take more.
    pub walk_ups_a_day: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
            connector: Arc::new(HttpConnector),
            vault: None,
            space: SpaceLimits::default(),
            keeps: KeepLimits::default(),
            walk_ups_a_day: limits::WALK_UPS_A_DAY,
        }
    }
}

/// A technician's phone over one SQLite file. Cheap to clone; every clone is the same engine.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    options: Options,
    vault: Arc<dyn Vault>,
    path: PathBuf,
    /// Held for one verb; never over the network or a listener.
    state: Mutex<State>,
    /// Held for one whole sync: there is one at a time.
    sync: Mutex<sync::Session>,
    /// The thread that holds it.
    syncing: Mutex<Option<std::thread::ThreadId>>,
    /// What ends the sync under way.
    stop: Arc<Stop>,
    watchers: watch::Watchers,
}

/// Everything that changes while an engine is open, except what is under way on the network.
struct State {
    store: Store,
    cache: Cache,
    identity: Option<Identity>,
    secret: Option<Secret>,
    actor: ActorId,
    anchor: Option<Anchor>,
    ids: IdMaker,
    /// Number of the next row.
    next_n: u64,
    token: Option<HeldToken>,
    transport: Option<Arc<dyn Transport>>,
}

/// An access token with the since-boot time at which it should no longer be used.
struct HeldToken {
    token: String,
    until_up_ms: i64,
}

impl Engine {
    /// Opens the store at `path`, making it if it is not there.
    ///
    /// Refuses a file another engine holds (`store_in_use`), that a newer app wrote
    /// (`store_newer`) or that is damaged (`store_damaged`). A store that was restored from a copy
    /// takes a fresh actor and re-authors its unsent work under it.
    pub fn open(path: impl AsRef<Path>, options: Options) -> Result<Self, EngineError> {
        let path = path.as_ref().to_owned();
        let store = Store::open(&path, &options.space)?;
        let vault: Arc<dyn Vault> = match &options.vault {
            Some(vault) => Arc::clone(vault),
            None => Arc::new(FileVault::beside(&path)),
        };
        let mut state = State {
            identity: meta::get(store.read())?,
            anchor: meta::get(store.read())?,
            actor: ActorId::GENESIS,
            secret: None,
            cache: Cache::default(),
            ids: IdMaker::default(),
            next_n: crate::store::runs::next_n(store.read())?,
            token: None,
            transport: None,
            store,
        };
        state.recognise(vault.as_ref(), &options)?;
        Ok(Self(Arc::new(Inner {
            options,
            vault,
            path,
            state: Mutex::new(state),
            sync: Mutex::new(sync::Session::default()),
            syncing: Mutex::new(None),
            stop: Arc::default(),
            watchers: watch::Watchers::default(),
        })))
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// A panic under the lock leaves the store as the last commit left it and the cache possibly
    /// half changed, so the cache is dropped and the lock is good again.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(|poisoned: PoisonError<_>| {
            self.0.state.clear_poison();
            let mut state: MutexGuard<'_, State> = poisoned.into_inner();
            state.cache = Cache::default();
            state
        })
    }

    fn clock(&self) -> &dyn Clock {
        self.0.options.clock.as_ref()
    }

    fn random(&self) -> &dyn Random {
        self.0.options.random.as_ref()
    }
}
