//! A sync as the engine does it: pages out of the store, answers into it, and what is dropped.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use store::in_memory::DiskError;
use sync_core::document::Refusal;
use sync_core::id::ActorId;
use sync_core::limits;
use sync_core::schema::DocId;
use sync_core::sync::{
    Inbox, Inventory, LocalWriter, Outbox, PhoneEffect, PhoneEvent, Replica, ReplicaStore,
    Retention, SyncStatus, Taken, join, take_in,
};

use super::super::counts::Counts;
use super::super::plan::Kind;
use super::super::store::{DocRow, Op, Tables, heard};
use super::{Handset, Out, facts};

impl Handset {
    /// Something happened to the machine: carries out what needs nobody else, and gives the rest.
    /// `inspect` sees every answer before it is stored.
    pub fn drive(
        &mut self,
        now: i64,
        event: PhoneEvent<'_>,
        counts: &mut Counts,
        inspect: &mut dyn FnMut(&Inbox),
    ) -> Vec<Out> {
        let mut outs = Vec::new();
        let mut effects = VecDeque::from(self.step(event));
        while let Some(effect) = effects.pop_front() {
            match effect {
                PhoneEffect::Read { inventory, pass_over, .. } => {
                    let page = self.outbox(inventory, &pass_over, counts);
                    effects.extend(self.step(PhoneEvent::Outbox(page)));
                }
                PhoneEffect::Send(frame) => outs.push(Out::Send(frame)),
                PhoneEffect::Store(inbox) => {
                    inspect(&inbox);
                    match self.absorb(now, &inbox, counts) {
                        Ok(left) => {
                            let tables = self.store.tables();
                            let (digest, waiting) = (tables.digest(), tables.any_unsettled());
                            let stored = PhoneEvent::Stored { digest, waiting, left };
                            effects.extend(self.step(stored));
                        }
                        Err(DiskError::Full) => {
                            counts.met(Kind::PhoneFull.as_str());
                            self.restart();
                            outs.push(Out::Wake(60_000));
                        }
                        Err(DiskError::Sync) => {
                            counts.met(Kind::PhoneFsync.as_str());
                            let salt = self.rng.next();
                            if self.crash(salt) {
                                counts.met("torn write cut off");
                            }
                            outs.push(Out::Died);
                        }
                    }
                }
                PhoneEffect::WakeAfter(ms) => outs.push(Out::Wake(ms)),
                PhoneEffect::Tidy => {
                    // A phone that cannot drop what it need not keep keeps it.
                    let _ = self.tidy(counts);
                }
                PhoneEffect::Finished(outcome) => self.ended = Some(outcome),
            }
        }
        outs
    }

    /// Drops what left the scope 35 days ago, once nothing of it waits. Those days count as [`Retention`]
    /// says, by the server's clock and the phone's own, which nobody sets.
    pub fn tidy(&mut self, counts: &mut Counts) -> Result<(), DiskError> {
        let tables = self.store.tables();
        let kept = Retention::until(tables.kept.as_ref(), &heard(self.heard.0, self.heard.1));
        let before = kept.ms - limits::RELEASED_KEPT_MS;
        let released = tables.docs.iter().filter(|(_, row)| !row.in_scope);
        let unsettled: Vec<DocId> = tables
            .unsettled(usize::MAX, &BTreeSet::new())
            .0
            .iter()
            .map(|row| row.run.doc)
            .collect();
        let mut ops = vec![Op::Retention(kept.clone())];
        let mut gone = Vec::new();
        for (doc, row) in released {
            match row.kept_from {
                None => ops.push(Op::Doc(*doc, DocRow { kept_from: Some(kept.ms), ..*row })),
                Some(from) if from < before && !unsettled.contains(doc) => gone.push(*doc),
                Some(_) => {}
            }
        }
        ops.extend(gone.iter().map(|doc| Op::Forget(*doc)));
        if ops.len() == 1 && tables.kept.as_ref().is_some_and(|stored| !kept.is_due_after(stored)) {
            return Ok(());
        }
        self.store.write(ops)?;
        counts.add("released document dropped", gone.len() as u64);
        gone.iter().for_each(|doc| drop(self.replicas.remove(doc)));
        Ok(())
    }

    fn step(&mut self, event: PhoneEvent<'_>) -> Vec<PhoneEffect> {
        self.machine.handle(self.rng.next(), event)
    }

    fn outbox(&self, inventory: bool, pass_over: &BTreeSet<DocId>, counts: &mut Counts) -> Outbox {
        let tables = self.store.tables();
        let (held, more) = tables.unsettled(self.page, pass_over);
        if !pass_over.is_empty() {
            counts.met("documents told later passed over");
        }
        let again = held.iter().filter(|row| row.status == SyncStatus::Resend).count();
        counts.add("own work sent again after a loss", again as u64);
        if more {
            counts.met("page of changes cut");
        }
        let inventory = inventory.then(|| {
            counts.met("inventory sent");
            let docs = tables.docs.iter();
            Inventory(docs.filter_map(|(doc, row)| Some((*doc, row.fingerprint?))).collect())
        });
        let (epoch, cursor) = tables.position;
        Outbox { epoch, cursor, runs: join(held), inventory, more }
    }

    /// Stores an answer. Gives the documents into which what came did not fit.
    fn absorb(
        &mut self,
        now: i64,
        inbox: &Inbox,
        counts: &mut Counts,
    ) -> Result<Vec<DocId>, DiskError> {
        let wall = self.wall(now);
        let fresh = ActorId::new(wall.max(0), self.rng.bytes());
        let mut next_n = self.store.tables().next_n();
        let (actor, device) = (self.actor(), Some(self.device()));
        let mut writer = LocalWriter { next_n: &mut next_n, actor, fresh_actor: fresh, device };
        let mut store = OnPhone { replicas: &mut self.replicas, tables: self.store.tables() };
        let taken = take_in(&mut store, &mut writer, inbox).expect("what waits can be written");
        let Taken { changed, rotated, left } = taken;
        if inbox.renew {
            counts.met("epoch renewed");
        } else if rotated {
            counts.met("actor rotated by a fork");
        }
        self.doubtful |= !left.is_empty();
        let tables = self.store.tables();
        let mut ops = Vec::new();
        for (replica, deltas) in &changed {
            for delta in deltas {
                tables.store(&mut ops, replica, delta, true);
            }
        }
        let mut scope: BTreeMap<DocId, DocRow> = tables.docs.clone();
        for op in &ops {
            if let Op::Doc(doc, row) = op {
                scope.insert(*doc, *row);
            }
        }
        let before = scope.clone();
        let mut set = |doc: &DocId, in_scope: bool| {
            if let Some(row) = scope.get_mut(doc) {
                row.in_scope = in_scope;
                row.kept_from = if in_scope { None } else { row.kept_from };
            }
        };
        inbox.runs.iter().for_each(|attested| set(&attested.run.doc, true));
        if inbox.repair {
            let out = |doc: &DocId| inbox.released.contains(doc) || inbox.unknown.contains(doc);
            before
                .iter()
                .filter(|(doc, row)| !row.in_scope && !out(doc))
                .for_each(|(doc, _)| set(doc, true));
        }
        inbox.released.iter().for_each(|doc| set(doc, false));
        for (doc, row) in scope {
            if before.get(&doc) != Some(&row) {
                ops.push(Op::Doc(doc, row));
            }
        }
        if rotated {
            ops.push(Op::Actor(fresh));
        }
        ops.push(Op::Position(inbox.epoch, inbox.cursor));
        self.store.write(ops)?;
        let taken = inbox.runs.iter().filter(|it| !left.contains(&it.run.doc));
        self.stored.extend(taken.flat_map(|it| facts(&it.run)));
        self.heard = (inbox.server_time, now);
        changed.into_iter().for_each(|(replica, _)| self.put(replica));
        Ok(left)
    }
}

/// The documents of a phone while an answer is taken in.
struct OnPhone<'p> {
    replicas: &'p mut BTreeMap<DocId, Replica>,
    tables: &'p Tables,
}

impl ReplicaStore for OnPhone<'_> {
    type Error = Refusal;

    fn take(&mut self, doc: DocId) -> Result<Replica, Refusal> {
        match self.replicas.remove(&doc) {
            Some(replica) => Ok(replica),
            None => Replica::load(doc, self.tables.of_doc(doc)),
        }
    }

    fn waiting(&mut self) -> Result<Vec<DocId>, Refusal> {
        Ok(self.tables.waiting())
    }
}
