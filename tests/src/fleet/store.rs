//! A phone's disk: rows in memory, every transaction a record of a journal that can fail.

use std::collections::BTreeMap;

use server::memory::{DiskError, Journal};
use sync_core::change::{Run, decode_run, encode_run};
use sync_core::document::{Author, ChangeHash, Digest};
use sync_core::id::{ActorId, DeviceId, UserId};
use sync_core::limits;
use sync_core::schema::{DocId, DocKind};
use sync_core::sync::{Delta, Held, RefusedWork, Replica, Standing};
use sync_core::wire::{Reader, WireError, Writer};

/// One row a document, as the engine's table `docs` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DocRow {
    /// Of what has a durable verdict; absent without any.
    pub fingerprint: Option<u64>,
    /// Whether it is in scope.
    pub in_scope: bool,
    /// When it left the scope, by the phone's clock.
    pub released_at: Option<i64>,
}

/// What a phone has on its disk.
#[derive(Debug, Clone, Default)]
pub struct Tables {
    /// Runs by local number.
    pub rows: BTreeMap<u64, Held>,
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
}

/// One statement of a transaction.
#[derive(Debug, Clone)]
pub enum Op {
    /// Writes a run.
    Put(Held),
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
            let mut reader = Reader::new(&record);
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
    pub fn of_doc(&self, doc: DocId) -> Vec<Held> {
        self.rows.values().filter(|row| row.run.doc == doc).cloned().collect()
    }

    /// Whether anything has to be sent.
    pub fn any_unsettled(&self) -> bool {
        self.rows.values().any(|row| is_unsettled(row.standing))
    }

    /// Rows the server does not hold, oldest first, at most so many; and whether more are left.
    pub fn unsettled(&self, most: usize) -> (Vec<Held>, bool) {
        let mut rows = self.rows.values().filter(|row| is_unsettled(row.standing));
        let page: Vec<Held> = rows.by_ref().take(most).cloned().collect();
        (page, rows.next().is_some())
    }

    /// Documents with own work that waits.
    pub fn waiting(&self) -> Vec<DocId> {
        let rows = self.rows.values().filter(|row| row.standing == Standing::Waiting);
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
                let any = replica.held().iter().any(|row| row.standing != Standing::Waiting);
                any.then(|| replica.settled_fingerprint().expect("what is held builds"))
            }
        };
        let row = known.unwrap_or(DocRow { fingerprint, in_scope: true, released_at: None });
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
        }
    }
}

fn is_unsettled(standing: Standing) -> bool {
    matches!(standing, Standing::Waiting | Standing::Resend | Standing::Lost(_))
}

fn encode(record: &mut Writer, op: &Op) {
    match op {
        Op::Put(Held { n, run, author, standing }) => {
            record.u8(0);
            record.uint(*n);
            encode_run(record, run);
            record.raw(&author.user.map_or([0; 16], |user| *user.as_bytes()));
            record.raw(&author.device.map_or([0; 16], |device| *device.as_bytes()));
            let (code, receipt) = match standing {
                Standing::Waiting => (0, [0; 16]),
                Standing::Durable => (1, [0; 16]),
                Standing::Resend => (2, [0; 16]),
                Standing::Attested(receipt) => (3, *receipt),
                Standing::Lost(receipt) => (4, *receipt),
            };
            record.u8(code);
            record.raw(&receipt);
        }
        Op::Drop(n) => {
            record.u8(1);
            record.uint(*n);
        }
        Op::Refused(doc, work) => {
            record.u8(2);
            let changes = vec![work.change.clone()];
            encode_run(record, &Run { doc: *doc, changes, last_hash: ChangeHash([0; 32]) });
            record.text(&work.code);
            record.text(&work.sentence);
        }
        Op::Doc(doc, row) => {
            record.u8(3);
            write_doc(record, doc);
            record.u8(u8::from(row.fingerprint.is_some()));
            record.uint(row.fingerprint.unwrap_or(0));
            record.u8(u8::from(row.in_scope));
            record.u8(u8::from(row.released_at.is_some()));
            record.int(row.released_at.unwrap_or(0));
        }
        Op::Forget(doc) => {
            record.u8(4);
            write_doc(record, doc);
        }
        Op::Actor(actor) => {
            record.u8(5);
            record.raw(actor.as_bytes());
        }
        Op::Position(epoch, cursor) => {
            record.u8(6);
            record.uint(*epoch);
            record.uint(*cursor);
        }
        Op::Identity(device, seed) => {
            record.u8(7);
            record.raw(device.as_bytes());
            record.raw(seed);
        }
    }
}

fn decode(reader: &mut Reader<'_>) -> Result<Op, WireError> {
    const TEXT: usize = limits::VALUE_BYTES;
    Ok(match reader.u8()? {
        0 => {
            let (n, run) = (reader.uint()?, decode_run(reader)?);
            let author = Author {
                user: UserId::from_bytes(reader.array()?).ok(),
                device: DeviceId::from_bytes(reader.array()?).ok(),
            };
            let (code, receipt) = (reader.u8()?, reader.array()?);
            let standing = match code {
                0 => Standing::Waiting,
                1 => Standing::Durable,
                2 => Standing::Resend,
                3 => Standing::Attested(receipt),
                _ => Standing::Lost(receipt),
            };
            Op::Put(Held { n, run, author, standing })
        }
        1 => Op::Drop(reader.uint()?),
        2 => {
            let Run { doc, mut changes, .. } = decode_run(reader)?;
            let change = changes.pop().ok_or(WireError::Truncated)?;
            let code = reader.text("code", TEXT)?.to_owned();
            let sentence = reader.text("sentence", TEXT)?.to_owned();
            Op::Refused(doc, RefusedWork { change, code, sentence })
        }
        3 => {
            let doc = read_doc(reader)?;
            let (has, fingerprint) = (reader.u8()? != 0, reader.uint()?);
            let in_scope = reader.u8()? != 0;
            let (left, at) = (reader.u8()? != 0, reader.int()?);
            let fingerprint = has.then_some(fingerprint);
            Op::Doc(doc, DocRow { fingerprint, in_scope, released_at: left.then_some(at) })
        }
        4 => Op::Forget(read_doc(reader)?),
        5 => Op::Actor(ActorId::from_bytes(reader.array()?).map_err(|_| WireError::Truncated)?),
        6 => Op::Position(reader.uint()?, reader.uint()?),
        _ => {
            let device = DeviceId::from_bytes(reader.array()?);
            Op::Identity(device.map_err(|_| WireError::Truncated)?, reader.array()?)
        }
    })
}

fn write_doc(record: &mut Writer, doc: &DocId) {
    record.u8(doc.kind.code());
    record.raw(doc.as_bytes());
}

fn read_doc(reader: &mut Reader<'_>) -> Result<DocId, WireError> {
    let kind = DocKind::from_code(reader.u8()?);
    DocId::new(kind, reader.array()?).map_err(|_| WireError::Truncated)
}
