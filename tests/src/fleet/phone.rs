//! A phone of the fleet: the real machine and replicas, driven as the engine drives them, over a
//! disk that can fail.

mod sync;

use std::collections::{BTreeMap, BTreeSet};

use store::in_memory::DiskError;
use sync_core::change::{Entry, Run};
use sync_core::document::{Author, Document};
use sync_core::id::{ActorId, DeviceId, FactId, UserId};
use sync_core::limits;
use sync_core::policy::{Principal, Role};
use sync_core::schema::{DocId, DocKind, key, section};
use sync_core::sync::{LocalWriter, Phone, Replica, SyncOutcome};
use sync_core::value::Value;

use super::keys::{PhoneKey, PublicKey};
use super::store::{Op, Store, Tables};
use crate::random::Random;

/// One phone in someone's hands.
pub struct Handset {
    /// Which tenant, by number.
    pub tenant: u8,
    /// The technician.
    pub user: UserId,
    /// What survives a crash.
    pub store: Store,
    /// How far the wall clock is off, milliseconds.
    pub clock: i64,
    /// What the server's clock and the phone's own said when the server last answered.
    heard: (i64, i64),
    /// The exchange under way.
    pub pending: Option<u64>,
    /// The frame of that exchange, while it may be sent again with another token.
    pub resend: Option<Vec<u8>>,
    /// An access token and until when it is used, in true time.
    pub token: Option<(String, i64)>,
    /// What the link does in this stretch of coverage.
    pub salt: u64,
    /// Exchanges since the stretch began.
    pub exchanges: u64,
    /// Until when the app is awake.
    pub awake_until: i64,
    /// Someone asked for a sync during one.
    pub again: bool,
    /// The timer that counts; older ones do not.
    pub timer: u64,
    /// Something that came did not fit, and was not repaired yet.
    pub doubtful: bool,
    /// Directions in which the link is cut: 1 up, 2 down.
    pub cut: u8,
    /// It was revoked, or its key is gone: it has to be enrolled again.
    pub locked_out: bool,
    /// How the last sync ended.
    pub ended: Option<SyncOutcome>,
    /// An older app, that sends plain bodies.
    pub old: bool,
    /// Every fact this installation stored since it came to be, by itself or out of an image.
    pub stored: BTreeSet<(DocId, FactId)>,
    replicas: BTreeMap<DocId, Replica>,
    machine: Phone<PhoneKey>,
    key: PhoneKey,
    page: usize,
    rng: Random,
}

/// A copy of a phone.
#[derive(Clone)]
pub struct Image {
    bytes: Vec<u8>,
    page: usize,
}

/// What a phone wants of the world.
pub enum Out {
    /// Carry this frame.
    Send(Vec<u8>),
    /// Come back after so many milliseconds.
    Wake(u64),
    /// The process died; it is up again.
    Died,
}

/// Why something was not saved.
#[derive(Debug)]
pub enum NotSaved {
    /// The rules said no.
    Rules,
    /// The disk did.
    Disk(DiskError),
}

impl Handset {
    /// A freshly enrolled phone.
    pub fn new(
        tenant: u8,
        user: UserId,
        device: DeviceId,
        page: usize,
        mut rng: Random,
        now: i64,
    ) -> Self {
        let seed = rng.bytes();
        let mut store = Store::default();
        let actor = ActorId::new(now, rng.bytes());
        let first = vec![Op::Actor(actor), Op::Identity(device, seed)];
        store.write(first).expect("a new phone has room");
        Self::over(tenant, user, store, page, rng)
    }

    /// A phone that runs an image.
    pub fn from_image(tenant: u8, user: UserId, image: &Image, rng: Random) -> Self {
        Self::over(tenant, user, Store::on(image.bytes.clone()), image.page, rng)
    }

    fn over(tenant: u8, user: UserId, store: Store, page: usize, rng: Random) -> Self {
        let (device, seed) = store.tables().identity.expect("it was enrolled");
        let key = PhoneKey::from_seed(&seed);
        let rows = store.tables().rows.values();
        let stored = rows.flat_map(|row| facts(&row.run)).collect();
        Self {
            tenant,
            user,
            store,
            clock: 0,
            heard: (0, 0),
            pending: None,
            resend: None,
            token: None,
            salt: 0,
            exchanges: 0,
            awake_until: 0,
            again: false,
            timer: 0,
            doubtful: false,
            cut: 0,
            locked_out: false,
            ended: None,
            old: false,
            stored,
            replicas: BTreeMap::new(),
            machine: Phone::new(device, key.clone()),
            key,
            page,
            rng,
        }
    }

    /// The device it is enrolled as.
    pub fn device(&self) -> DeviceId {
        self.store.tables().identity.expect("it was enrolled").0
    }

    /// The public half of its key.
    pub fn public_key(&self) -> PublicKey {
        self.key.public()
    }

    /// Its key.
    pub fn key(&self) -> &PhoneKey {
        &self.key
    }

    /// Takes an image of what is safe on the disk.
    pub fn image(&self) -> Image {
        Image { bytes: self.store.image(), page: self.page }
    }

    /// The wall clock.
    pub fn wall(&self, now: i64) -> i64 {
        now + self.clock
    }

    /// A document as the technician sees it; empty if it is not here.
    pub fn document(&mut self, doc: DocId) -> Document {
        self.look(doc).document().clone()
    }

    /// A document as the disk has it, whatever is in memory. What was loaded before is good again
    /// where its rows are the same.
    pub fn on_disk(&self, doc: DocId, before: Option<Replica>) -> Replica {
        let tables = self.store.tables();
        let rows = || tables.rows.values().filter(|row| row.run.doc == doc);
        let same = before.filter(|before| before.held().iter().eq(rows()));
        same.unwrap_or_else(|| load(tables, doc))
    }

    /// Looks at a document.
    pub fn look(&mut self, doc: DocId) -> &Replica {
        let tables = self.store.tables();
        self.replicas.entry(doc).or_insert_with(|| load(tables, doc))
    }

    /// Jobs in scope, and those with work that waits.
    pub fn jobs(&self) -> Vec<DocId> {
        let docs = self.store.tables().docs.iter();
        let listed = docs.filter(|(doc, row)| doc.kind == DocKind::Job && row.in_scope);
        listed.map(|(doc, _)| *doc).collect()
    }

    /// The van the technician drives, if it is here.
    pub fn van(&mut self) -> Option<DocId> {
        let docs = self.store.tables().docs.iter();
        let vans = docs.filter(|(doc, row)| doc.kind == DocKind::Van && row.in_scope);
        let vans: Vec<DocId> = vans.map(|(doc, _)| *doc).collect();
        let user = self.user;
        vans.into_iter().find(|doc| {
            let document = self.look(*doc).document();
            let driver = document.field(&section::DETAILS, &key::TECHNICIAN);
            driver.and_then(Value::as_bytes) == Some(user.as_bytes())
        })
    }

    /// Saves work; it is safe when this returns. `role` is what the app takes its user for.
    pub fn save(
        &mut self,
        now: i64,
        role: Role,
        works: Vec<(DocId, Vec<Entry>)>,
    ) -> Result<(), NotSaved> {
        let caller = Principal { user: self.user, role };
        let author = Author::phone(self.user, self.device());
        let time = self.wall(now).clamp(limits::TIME_RANGE.start, limits::TIME_RANGE.end - 1);
        let actor = self.actor();
        let mut next_n = self.store.tables().next_n();
        let mut ops = Vec::new();
        let mut saved = Vec::new();
        for (doc, entries) in works {
            let mut replica = self.take(doc);
            let device = Some(self.device());
            let mut writer = LocalWriter { next_n: &mut next_n, actor, fresh_actor: actor, device };
            let delta = replica.record(&mut writer, time, &caller, author, entries);
            let delta = delta.map_err(|_| NotSaved::Rules)?;
            self.store.tables().store(&mut ops, &replica, &delta, false);
            saved.push(replica);
        }
        self.store.write(ops).map_err(NotSaved::Disk)?;
        let runs = saved.iter().filter_map(|replica| Some(&replica.held().last()?.run));
        self.stored.extend(runs.flat_map(facts));
        saved.into_iter().for_each(|replica| self.put(replica));
        Ok(())
    }

    /// The process dies, and what its disk holds is read again. Gives whether a record was torn.
    pub fn crash(&mut self, salt: u64) -> bool {
        let mut rng = Random::new(salt);
        let torn = self.store.crash(|| rng.next());
        self.restart();
        torn
    }

    /// The process starts again on what is stored.
    pub fn restart(&mut self) {
        self.replicas.clear();
        self.machine = Phone::new(self.device(), self.key.clone());
        self.pending = None;
        self.token = None;
        self.timer += 1;
    }

    /// This store came from a copy without its secret: it takes a fresh actor at once, and has
    /// to be enrolled again.
    pub fn recognise(&mut self, now: i64) -> Result<(), DiskError> {
        self.locked_out = true;
        self.rotate(now, self.device(), Vec::new())
    }

    /// Is enrolled again for the same technician, with a fresh key.
    pub fn enrol(&mut self, now: i64, device: DeviceId) -> Result<(), DiskError> {
        let seed = self.rng.bytes();
        let (epoch, _) = self.store.tables().position;
        self.rotate(now, device, vec![Op::Position(epoch, 0), Op::Identity(device, seed)])?;
        self.key = PhoneKey::from_seed(&seed);
        self.locked_out = false;
        self.restart();
        Ok(())
    }

    /// The actor in use.
    pub fn actor(&self) -> ActorId {
        self.store.tables().actor.expect("it was enrolled")
    }

    fn rotate(&mut self, now: i64, device: DeviceId, mut ops: Vec<Op>) -> Result<(), DiskError> {
        let device = Some(device);
        let fresh = ActorId::new(self.wall(now).max(0), self.rng.bytes());
        let actor = self.actor();
        let mut next_n = self.store.tables().next_n();
        let mut changed = Vec::new();
        for doc in self.store.tables().waiting() {
            let mut replica = self.take(doc);
            let mut writer = LocalWriter { next_n: &mut next_n, actor, fresh_actor: fresh, device };
            let delta = replica.renew(&mut writer).expect("what waits can be written");
            self.store.tables().store(&mut ops, &replica, &delta, true);
            changed.push(replica);
        }
        ops.push(Op::Actor(fresh));
        self.store.write(ops)?;
        changed.into_iter().for_each(|replica| self.put(replica));
        Ok(())
    }

    /// A document is read from its rows when it is next looked at.
    pub fn read_again(&mut self, doc: DocId) {
        self.replicas.remove(&doc);
    }

    fn take(&mut self, doc: DocId) -> Replica {
        let tables = self.store.tables();
        self.replicas.remove(&doc).unwrap_or_else(|| load(tables, doc))
    }

    fn put(&mut self, replica: Replica) {
        self.replicas.insert(replica.document().id(), replica);
    }
}

/// The facts a run writes.
pub fn facts(run: &Run) -> impl Iterator<Item = (DocId, FactId)> + '_ {
    let entries = run.changes.iter().flat_map(|change| &change.entries);
    entries.filter_map(|entry| match entry {
        Entry::Fact { id, .. } => Some((run.doc, *id)),
        Entry::Field { .. } | Entry::Section { .. } => None,
    })
}

fn load(tables: &Tables, doc: DocId) -> Replica {
    Replica::load(doc, tables.of_doc(doc)).expect("the disk holds what was stored")
}
