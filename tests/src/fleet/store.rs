//! A phone's disk: rows in memory, every transaction a record of a journal that can fail.

mod codec;

use std::collections::{BTreeMap, BTreeSet};

use store::in_memory::{DiskError, Journal};
use sync_core::document::Digest;
use sync_core::id::{ActorId, DeviceId};
use sync_core::schema::DocId;
use sync_core::sync::{Anchor, Delta, RefusedWork, Replica, Retention, StoredRun, SyncStatus};
use sync_core::wire::{Reader, Writer};

use codec::{decode, encode};

/// One row a document, as the engine's table `docs` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DocRow {
    /// Of what has a durable verdict; absent without any.
    pub fingerprint: Option<u64>,
    /// Whether it is in scope.
    pub in_scope: bool,
    /// The count of [`Retention`] since which it is kept though it left the scope.
    pub kept_from: Option<i64>,
}

/// Where the server's clock and the phone's own stood. A phone here is never started again without
/// its time since boot going on.
pub fn heard(server_ms: i64, own_ms: i64) -> Anchor {
    Anchor { server_ms, up_ms: own_ms, wall_ms: own_ms, boot: String::new() }
}

/// What a phone has on its disk.
#[derive(Debug, Clone, Default)]
pub struct Tables {
    /// Runs by local number.
    pub rows: BTreeMap<u64, StoredRun>,
    /// Documents.
    pub docs: BTreeMap<DocId, DocRow>,
    /// Work that was refused.
    pub refused: Vec<(DocId, RefusedWork)>,
    /// The installation's actor.
    pub actor: Option<ActorId>,
    /// Epoch and cursor.
    pub position: (u64, u64),
    /// The device, and the seed of its key.
    pub identity: Option<(DeviceId, [u8; 32])>,
    /// How long things have been kept.
    pub kept: Option<Retention>,
}

/// One statement of a transaction.
#[derive(Debug, Clone)]
pub enum Op {
    /// Writes a run.
    Put(StoredRun),
    /// Deletes a run.
    Drop(u64),
    /// Keeps refused work.
    Refused(DocId, RefusedWork),
    /// Writes a document's row.
    Doc(DocId, DocRow),
    /// Deletes a document's row.
    Forget(DocId),
    /// Sets the actor.
    Actor(ActorId),
    /// Sets epoch and cursor.
    Position(u64, u64),
    /// Sets the device.
    Identity(DeviceId, [u8; 32]),
    /// Sets how long things have been kept.
    Retention(Retention),
}

/// The store of one phone.
#[derive(Debug, Clone, Default)]
pub struct Store {
    journal: Journal,
    tables: Tables,
}

impl Store {
    /// The store on a disk that holds these bytes.
    pub fn on(bytes: Vec<u8>) -> Self {
        let mut store = Self { journal: Journal::on(bytes), tables: Tables::default() };
        store.recover();
        store
    }

    /// What is stored.
    pub fn tables(&self) -> &Tables {
        &self.tables
    }

    /// The journal, to let its disk fail.
    pub fn journal(&mut self) -> &mut Journal {
        &mut self.journal
    }

    /// A copy of what is safe on the disk.
    pub fn image(&self) -> Vec<u8> {
        self.journal.disk().synced().to_vec()
    }

    /// The power fails; what is left is read. Gives whether a torn record was cut off.
    pub fn crash(&mut self, random: impl FnMut() -> u64) -> bool {
        self.journal.disk_mut().crash(random);
        let there = self.journal.disk().bytes().len();
        self.recover();
        self.journal.disk().bytes().len() < there
    }

    /// Runs a transaction: all of it is safe when this returns.
    ///
    /// # Errors
    /// [`DiskError::Full`], and nothing was stored; after [`DiskError::Sync`] the process has to
    /// start again.
    pub fn write(&mut self, ops: Vec<Op>) -> Result<(), DiskError> {
        let mut record = Writer::new();
        ops.iter().for_each(|op| encode(&mut record, op));
        self.journal.append(&record.into_bytes())?;
        ops.into_iter().for_each(|op| self.tables.apply(op));
        Ok(())
    }

    fn recover(&mut self) {
        self.tables = Tables::default();
        for record in self.journal.recover() {
            let mut reader = Reader::new(record);
            while reader.left() > 0 {
                let op = decode(&mut reader).expect("a whole record was written here");
                self.tables.apply(op);
            }
        }
    }
}

impl Tables {
    /// The number the next row takes.
    pub fn next_n(&self) -> u64 {
        self.rows.last_key_value().map_or(0, |(n, _)| *n) + 1
    }

    /// All rows of a document, in order.
    pub fn of_doc(&self, doc: DocId) -> Vec<StoredRun> {
        self.rows.values().filter(|row| row.run.doc == doc).cloned().collect()
    }

    /// Whether anything has to be sent.
    pub fn any_unsettled(&self) -> bool {
        self.rows.values().any(|row| row.status.is_owed())
    }

    /// Rows the server does not hold, oldest first, at most so many; and whether more are left.
    pub fn unsettled(&self, most: usize, pass_over: &BTreeSet<DocId>) -> (Vec<StoredRun>, bool) {
        let goes = |row: &&StoredRun| row.status.is_owed() && !pass_over.contains(&row.run.doc);
        let mut rows = self.rows.values().filter(goes);
        let page: Vec<StoredRun> = rows.by_ref().take(most).cloned().collect();
        (page, rows.next().is_some())
    }

    /// Documents with own work that waits.
    pub fn waiting(&self) -> Vec<DocId> {
        let rows = self.rows.values().filter(|row| row.status == SyncStatus::Waiting);
        let mut docs: Vec<DocId> = rows.map(|row| row.run.doc).collect();
        docs.sort();
        docs.dedup();
        docs
    }

    /// Sum of the fingerprints of the documents in scope.
    pub fn digest(&self) -> Digest {
        self.docs.values().filter(|row| row.in_scope).filter_map(|row| row.fingerprint).collect()
    }

    /// What storing a delta does, as the engine does it.
    pub fn store(&self, ops: &mut Vec<Op>, replica: &Replica, delta: &Delta, settled: bool) {
        ops.extend(delta.dropped.iter().map(|n| Op::Drop(*n)));
        ops.extend(delta.put.iter().cloned().map(Op::Put));
        let doc = replica.document().id();
        ops.extend(delta.refused.iter().cloned().map(|work| Op::Refused(doc, work)));
        let known = self.docs.get(&doc).copied();
        let fingerprint = match (settled, known) {
            // Own work that waits changes nothing of what the server has.
            (false, known) => known.and_then(|row| row.fingerprint),
            (true, _) => {
                let any = replica.held().iter().any(|row| row.status.is_settled());
                any.then(|| replica.settled_fingerprint().expect("what is held builds"))
            }
        };
        let row = known.unwrap_or(DocRow { fingerprint, in_scope: true, kept_from: None });
        ops.push(Op::Doc(doc, DocRow { fingerprint, ..row }));
    }

    fn apply(&mut self, op: Op) {
        match op {
            Op::Put(held) => drop(self.rows.insert(held.n, held)),
            Op::Drop(n) => drop(self.rows.remove(&n)),
            Op::Refused(doc, work) => self.refused.push((doc, work)),
            Op::Doc(doc, row) => drop(self.docs.insert(doc, row)),
            Op::Forget(doc) => {
                self.docs.remove(&doc);
                self.rows.retain(|_, row| row.run.doc != doc);
            }
            Op::Actor(actor) => self.actor = Some(actor),
            Op::Position(epoch, cursor) => self.position = (epoch, cursor),
            Op::Identity(device, seed) => self.identity = Some((device, seed)),
            Op::Retention(kept) => self.kept = Some(kept),
        }
    }
}
