//! Who works while servers are killed: phones over HTTP and over WebSocket, and dispatchers.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};

use mobile_ffi::{Engine, NetError, Options, SyncEnd};
use serde_json::json;
use sync_core::id::{DeviceId, UserId};

use super::super::desk::Desk;
use super::super::place::{PASSWORD, People, TENANT};
use super::super::technician::Technician;
use super::super::witness::{Heard, Whereabouts, Witness};
use super::super::{Trouble, broken, child};
use crate::folder::Folder;
use crate::ledger::Ledger;
use crate::random::Random;
use crate::rest::Rest;

/// Phones at work, every other one over a WebSocket.
pub const PHONES: usize = 3;
/// Dispatchers at work.
const DESKS: usize = 3;
/// Facts saved before each sync, at most.
const SAVES: u64 = 6;
/// Syncs after which a phone must have come to rest with its server.
const ROUNDS: usize = 20;

/// Everybody who works, and what the server says to them.
pub struct Load {
    /// Where the server is.
    pub server: Arc<Whereabouts>,
    /// What it acknowledged.
    pub heard: Arc<Heard>,
    people: People,
    /// Held for writing while nobody is to do anything.
    gate: RwLock<()>,
    stop: AtomicBool,
    broken: AtomicBool,
}

/// A phone at work.
pub struct LoadPhone {
    technician: Technician,
    random: Random,
    device: DeviceId,
    /// What it called saved.
    pub ledger: Ledger,
    /// Its files; in memory, for nothing happens to them here.
    _folder: Folder,
}

impl Load {
    /// The load of these people.
    pub fn new(people: People) -> Self {
        let (server, heard) = Default::default();
        let (stop, broken) = Default::default();
        Self { server, heard, people, gate: RwLock::new(()), stop, broken }
    }

    /// Enrols the phones.
    pub fn phones(&self, random: &mut Random) -> Result<Vec<LoadPhone>, Trouble> {
        let admin = Rest::log_in(&self.server.url(), TENANT, "admin", PASSWORD)?;
        let users = self.people.technicians.iter().enumerate();
        users.map(|(n, (user, _))| self.phone(&admin, *user, n, random)).collect()
    }

    fn phone(
        &self,
        admin: &Rest,
        user: UserId,
        n: usize,
        random: &mut Random,
    ) -> Result<LoadPhone, Trouble> {
        let folder = Folder::in_memory("kills-phone")?;
        let (server, heard) = (Arc::clone(&self.server), Arc::clone(&self.heard));
        let connector = Arc::new(Witness { by_socket: n % 2 == 1, server, heard });
        let options = Options { connector, ..child::options() };
        let engine = Engine::open(folder.path().join("phone.db"), options)?;
        let code = admin.post("/v1/devices/codes", &json!({"user": user}))?.text("code")?;
        let enrolled = engine.enrol("http://moves", &code, "phone")?;
        let confirm = format!("/v1/devices/{}/confirm", enrolled.device);
        admin.post(&confirm, &json!({"digits": enrolled.digits}))?;
        let technician = Technician::new(engine, Random::new(random.next()));
        let random = Random::new(random.next());
        let (device, ledger) = (enrolled.device, Ledger::default());
        Ok(LoadPhone { technician, random, device, ledger, _folder: folder })
    }

    /// The dispatchers, logged in.
    pub fn desks(&self, random: &mut Random) -> Result<Vec<Desk>, Trouble> {
        let technicians = self.people.technicians.iter().map(|(user, _)| *user);
        let technicians: Vec<UserId> = technicians.collect();
        let desk = |_| {
            let url = self.server.url();
            let rest = Rest::log_in(&url, TENANT, "desk", PASSWORD)?;
            Ok(Desk::new(Random::new(random.next()), technicians.clone(), rest, url))
        };
        (0..DESKS).map(desk).collect()
    }

    /// Nobody does anything while this is held.
    pub fn pause(&self) -> RwLockWriteGuard<'_, ()> {
        self.gate.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everybody goes home.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::SeqCst);
    }

    /// Whether someone met what must not be.
    pub fn is_broken(&self) -> bool {
        self.broken.load(Ordering::SeqCst)
    }

    /// A phone's day: saves and syncs until told to stop.
    pub fn work(&self, mut phone: LoadPhone) -> Result<LoadPhone, Trouble> {
        self.until_told(|| phone.round())?;
        Ok(phone)
    }

    /// A dispatcher's day.
    pub fn write(&self, mut desk: Desk) -> Result<(), Trouble> {
        self.until_told(|| desk.write(&self.server.url(), &self.heard))
    }

    fn until_told(&self, mut work: impl FnMut() -> Result<(), Trouble>) -> Result<(), Trouble> {
        while !self.stop.load(Ordering::SeqCst) {
            let open = self.gate.read().unwrap_or_else(PoisonError::into_inner);
            let worked = work();
            drop(open);
            if worked.is_err() {
                self.broken.store(true, Ordering::SeqCst);
                return worked;
            }
        }
        Ok(())
    }
}

impl LoadPhone {
    /// Which phone it is.
    pub fn device(&self) -> DeviceId {
        self.device
    }

    /// Saves a few things, and syncs.
    pub fn round(&mut self) -> Result<(), Trouble> {
        let saves = self.random.below(SAVES);
        self.save_and_sync(saves + 1)
    }

    /// Saves one thing, and syncs.
    pub fn save_one_and_sync(&mut self) -> Result<(), Trouble> {
        self.save_and_sync(1)
    }

    /// Saves a few things and syncs with a server that may not be able to; whether it was not.
    pub fn save_and_try(&mut self) -> Result<bool, Trouble> {
        for (key, hash) in self.technician.save()? {
            self.ledger.saved_as(key, hash)?;
        }
        let report = self.technician.engine().sync_now()?;
        match report.end {
            SyncEnd::UpToDate => Ok(false),
            SyncEnd::Waiting | SyncEnd::Failed(NetError::Busy { .. }) => Ok(true),
            SyncEnd::Fault { code, .. } if code == "unavailable" => Ok(true),
            end => broken(format!("a phone's sync ended with {end:?}")),
        }
    }

    fn save_and_sync(&mut self, saves: u64) -> Result<(), Trouble> {
        for _ in 0..saves {
            for (key, hash) in self.technician.save()? {
                self.ledger.saved_as(key, hash)?;
            }
        }
        let report = self.technician.engine().sync_now()?;
        match report.end {
            SyncEnd::Failed(NetError::Login { .. } | NetError::Refused { .. })
            | SyncEnd::Fault { .. }
            | SyncEnd::Diverged => broken(format!("a phone's sync ended with {:?}", report.end)),
            _ if report.refused > 0 => broken("an honest phone's work was refused"),
            SyncEnd::UpToDate | SyncEnd::Waiting | SyncEnd::Failed(_) => Ok(()),
        }
    }

    /// Syncs until the server holds everything.
    pub fn come_to_rest(&self) -> Result<(), Trouble> {
        for _ in 0..ROUNDS {
            if self.technician.engine().sync_now()?.end == SyncEnd::UpToDate {
                return Ok(());
            }
        }
        broken(format!("a phone does not come to rest in {ROUNDS} syncs"))
    }
}
