//! A phone of a simulation: the real machine and replicas over plain maps that survive a crash.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use ed25519_dalek::{SigningKey, VerifyingKey};
use sync_core::admission::{Attested, RecordError, Verdict};
use sync_core::change::{ChangeRef, Entry};
use sync_core::document::{Author, Digest};
use sync_core::id::{ActorId, DeviceId, FactId, UserId};
use sync_core::limits;
use sync_core::policy::{Caller, Role};
use sync_core::schema::DocId;
use sync_core::sync::{
    Delta, Held, Inbox, Inventory, Outbox, Outcome, Phone, PhoneEffect, PhoneEvent, RefusedWork,
    Replica, Writer,
};

use crate::random::Random;

/// A technician's phone.
#[derive(Debug, Clone)]
pub struct SimPhone {
    /// The technician.
    pub user: UserId,
    /// The device.
    pub device: DeviceId,
    disk: Disk,
    replicas: BTreeMap<DocId, Replica>,
    key: SigningKey,
    rng: Random,
}

/// What survives a crash.
#[derive(Debug, Clone)]
struct Disk {
    actor: ActorId,
    epoch: u64,
    cursor: u64,
    next_n: u64,
    rows: BTreeMap<u64, Held>,
    refused: Vec<RefusedWork>,
    in_scope: BTreeSet<DocId>,
    /// When each document left the scope.
    released: BTreeMap<DocId, i64>,
}

impl SimPhone {
    /// A freshly enrolled phone.
    pub fn new(mut rng: Random, now: i64) -> Self {
        let disk = Disk {
            actor: ActorId::new(now, rng.bytes()),
            epoch: 0,
            cursor: 0,
            next_n: 1,
            rows: BTreeMap::new(),
            refused: Vec::new(),
            in_scope: BTreeSet::new(),
            released: BTreeMap::new(),
        };
        let (user, device) = (UserId::new(now, rng.bytes()), DeviceId::new(now, rng.bytes()));
        let key = SigningKey::from_bytes(&rng.bytes());
        Self { user, device, disk, replicas: BTreeMap::new(), key, rng }
    }

    /// The public half of the device key.
    pub fn public_key(&self) -> VerifyingKey {
        self.key.verifying_key()
    }

    /// The same phone with other randomness: what a restored or cloned image is.
    pub fn reseed(&mut self, seed: u64) {
        self.rng = Random::new(seed);
    }

    /// The process dies: memory is gone, the disk is read again.
    pub fn crash(&mut self) {
        self.replicas.clear();
        let mut rows: BTreeMap<DocId, Vec<Held>> = BTreeMap::new();
        for row in self.disk.rows.values() {
            rows.entry(row.run.doc).or_default().push(row.clone());
        }
        for (doc, rows) in rows {
            let replica = Replica::load(doc, rows).expect("the disk holds what was stored");
            self.replicas.insert(doc, replica);
        }
    }

    /// The actor in use.
    pub fn actor(&self) -> ActorId {
        self.disk.actor
    }

    /// The document as the technician sees it.
    pub fn replica(&self, doc: DocId) -> Option<&Replica> {
        self.replicas.get(&doc)
    }

    /// Documents in scope.
    pub fn docs(&self) -> impl Iterator<Item = DocId> + '_ {
        self.disk.in_scope.iter().copied()
    }

    /// Work that was refused.
    pub fn refused(&self) -> &[RefusedWork] {
        &self.disk.refused
    }

    /// Whether anything waits to be sent.
    pub fn has_waiting(&self) -> bool {
        self.replicas.values().any(Replica::has_waiting)
    }

    /// A fresh fact id.
    pub fn fact_id(&mut self, now: i64) -> FactId {
        FactId::new(now, self.rng.bytes())
    }

    /// Saves work; on disk when this returns.
    pub fn record(&mut self, now: i64, doc: DocId, entries: Vec<Entry>) -> Result<(), RecordError> {
        let caller = Caller { user: self.user, role: Role::Technician };
        let author = Author::phone(self.user, self.device);
        let replica = self.replicas.entry(doc).or_insert_with(|| Replica::new(doc));
        let mut next_n = self.disk.next_n;
        let mut writer =
            Writer { next_n: &mut next_n, actor: self.disk.actor, fresh_actor: self.disk.actor };
        let delta = replica.record(&mut writer, now, &caller, author, entries)?;
        self.disk.next_n = next_n;
        self.disk.in_scope.insert(doc);
        self.store(delta, self.disk.actor);
        Ok(())
    }

    /// Syncs until the machine is content. `link` carries a request and brings the answer, or
    /// nothing when either was lost on the way.
    pub fn sync(
        &mut self,
        now: i64,
        mut link: impl FnMut(DeviceId, &[u8]) -> Option<Vec<u8>>,
    ) -> Outcome {
        let mut machine = Phone::new(self.device, self.key.clone());
        let mut effects = machine.handle(self.rng.next(), PhoneEvent::Wake);
        let mut outcome = None;
        while let Some(effect) = (!effects.is_empty()).then(|| effects.remove(0)) {
            let event_effects = match effect {
                PhoneEffect::Read { page_bytes, inventory } => {
                    let outbox = self.outbox(page_bytes, inventory);
                    machine.handle(self.rng.next(), PhoneEvent::Outbox(outbox))
                }
                PhoneEffect::Send(frame) => match link(self.device, &frame) {
                    Some(answer) => machine.handle(self.rng.next(), PhoneEvent::Frame(&answer)),
                    None => machine.handle(
                        self.rng.next(),
                        PhoneEvent::Failed(sync_core::sync::Failure::Unreachable),
                    ),
                },
                PhoneEffect::Store(inbox) => {
                    self.take(now, inbox);
                    let (digest, waiting) = (self.digest(), self.has_waiting());
                    machine.handle(self.rng.next(), PhoneEvent::Stored { digest, waiting })
                }
                PhoneEffect::WakeAfter(_) => Vec::new(),
                PhoneEffect::Finished(end) => {
                    outcome = Some(end);
                    Vec::new()
                }
            };
            effects.extend(event_effects);
        }
        outcome.expect("a sync comes to an end")
    }

    fn outbox(&self, page_bytes: usize, inventory: bool) -> Outbox {
        let mut sent: Vec<_> = self.replicas.values().flat_map(Replica::outbox).collect();
        sent.sort_by_key(|(n, _)| *n);
        // Small pages, so that paging is met often.
        let budget = (page_bytes / 4096).max(4);
        let mut changes = 0;
        let mut runs = Vec::new();
        let mut more = false;
        for (_, run) in sent {
            if changes >= budget {
                more = true;
                break;
            }
            changes += run.run().changes.len();
            runs.push(run);
        }
        let held = || {
            let fingerprint = |(doc, replica): (&DocId, &Replica)| {
                (*doc, replica.settled_fingerprint().expect("what is held builds"))
            };
            Inventory(self.replicas.iter().map(fingerprint).collect())
        };
        let inventory = inventory.then(held);
        Outbox { epoch: self.disk.epoch, cursor: self.disk.cursor, runs, inventory, more }
    }

    fn take(&mut self, now: i64, inbox: Inbox) {
        let fresh_actor = ActorId::new(now, self.rng.bytes());
        let mut deltas = Vec::new();
        let mut next_n = self.disk.next_n;
        let mut verdicts: HashMap<DocId, Vec<(ChangeRef, Verdict)>> = HashMap::new();
        for pushed in inbox.verdicts {
            verdicts.entry(pushed.doc).or_default().push((pushed.change, pushed.verdict));
        }
        let mut runs: BTreeMap<DocId, Vec<Attested>> = BTreeMap::new();
        let mut order = Vec::new();
        for attested in inbox.runs {
            let doc = attested.run.doc;
            if !runs.contains_key(&doc) {
                order.push(doc);
            }
            runs.entry(doc).or_default().push(attested);
        }
        let mut writer = Writer { next_n: &mut next_n, actor: self.disk.actor, fresh_actor };
        for (doc, verdicts) in verdicts {
            if let Some(replica) = self.replicas.get_mut(&doc) {
                deltas.push(replica.settle(&mut writer, &verdicts).expect("verdicts apply"));
            }
        }
        for doc in order {
            let replica = self.replicas.entry(doc).or_insert_with(|| Replica::new(doc));
            let whole = inbox.whole.contains(&doc);
            let delta = replica.take(&mut writer, &runs[&doc], whole);
            deltas.push(delta.expect("the server sends sound runs"));
            self.disk.in_scope.insert(doc);
            self.disk.released.remove(&doc);
        }
        for doc in &inbox.lost {
            if let Some(replica) = self.replicas.get_mut(doc) {
                deltas.push(replica.lost());
            }
        }
        if inbox.renew {
            for replica in self.replicas.values_mut() {
                deltas.push(replica.renew(&mut writer).expect("what waits can be written"));
            }
            self.disk.actor = fresh_actor;
        }
        self.disk.next_n = next_n;
        for delta in deltas {
            self.store(delta, fresh_actor);
        }
        if inbox.repair {
            let out = |doc: &DocId| inbox.released.contains(doc) || inbox.unknown.contains(doc);
            for doc in self.replicas.keys().filter(|doc| !out(doc)) {
                self.disk.in_scope.insert(*doc);
                self.disk.released.remove(doc);
            }
        }
        for doc in inbox.released {
            self.disk.in_scope.remove(&doc);
            self.disk.released.entry(doc).or_insert(now);
        }
        self.drop_released(now);
        self.disk.epoch = inbox.epoch;
        self.disk.cursor = inbox.cursor;
    }

    /// Documents that left the scope go once nothing of them waits and no restored server can
    /// need them any more.
    fn drop_released(&mut self, now: i64) {
        let due = |disk: &Disk, doc: &DocId| {
            let since = disk.released.get(doc);
            since.is_some_and(|since| since + limits::RELEASED_KEPT_MS < now)
        };
        let gone =
            |(doc, replica): &(&DocId, &Replica)| due(&self.disk, doc) && !replica.has_waiting();
        let gone: Vec<_> = self.replicas.iter().filter(gone).map(|(doc, _)| *doc).collect();
        for doc in gone {
            self.replicas.remove(&doc);
            self.disk.released.remove(&doc);
            self.disk.rows.retain(|_, row| row.run.doc != doc);
        }
    }

    fn store(&mut self, delta: Delta, fresh_actor: ActorId) {
        for n in delta.dropped {
            self.disk.rows.remove(&n);
        }
        for row in delta.put {
            self.disk.rows.insert(row.n, row);
        }
        self.disk.refused.extend(delta.refused);
        if delta.rotated {
            self.disk.actor = fresh_actor;
        }
    }

    fn digest(&self) -> Digest {
        let scope = self.disk.in_scope.iter().filter_map(|doc| self.replicas.get(doc));
        scope.map(|replica| replica.settled_fingerprint().expect("what is held builds")).collect()
    }
}
