//! A database of maps over a journal: what PostgreSQL or SQLite are to a node, in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sync_core::id::TenantId;
use sync_core::limits;
use sync_core::schema::DocId;
use sync_core::wire::{Reader, WireError, Writer};

use super::disk::{Disk, DiskError};
use super::journal::Journal;
use super::table::{RowKey, Table};
use crate::log::doc_key;
use crate::sql::{Conflict, Plain, Rows, TableSpec, WideRows};
use crate::writer::project;
use crate::writer::tables::Tables;
use crate::{Meta, StoreError};

/// Kinds of records.
const META: u8 = 0;
const ROWS: u8 = 1;

/// A database that several nodes may share. Cloning gives the same one.
#[derive(Debug, Clone)]
pub struct Database(Arc<Mutex<State>>);

/// A copy of everything committed at one moment.
#[derive(Debug, Clone)]
pub struct Backup(Vec<u8>);

#[derive(Debug)]
pub(super) struct State {
    journal: Journal,
    pub meta: Meta,
    tables: BTreeMap<&'static str, Table>,
    /// Counts whatever may have changed the tables.
    version: u64,
}

impl Database {
    /// An empty database. `secret` is the key of its receipts.
    pub fn new(epoch: u64, secret: [u8; 32]) -> Self {
        let mut state = State {
            journal: Journal::default(),
            meta: Meta::fixed(epoch, secret),
            tables: empty(),
            version: 0,
        };
        // A fresh disk takes its first record.
        let written = state.journal.append(&meta_record(epoch, &secret));
        debug_assert!(written.is_ok());
        Self(Arc::new(Mutex::new(state)))
    }

    /// The database in a backup, as it is after a restore: with another epoch.
    pub fn restore(backup: &Backup, epoch: u64) -> Self {
        let mut journal = Journal::on(backup.0.clone());
        let (meta, tables) = replay(&journal.recover());
        let meta = meta.unwrap_or_else(|| Meta::fixed(0, [0; 32]));
        let written = journal.append(&meta_record(epoch, meta.secret()));
        debug_assert!(written.is_ok());
        let meta = Meta::fixed(epoch, *meta.secret());
        Self(Arc::new(Mutex::new(State { journal, meta, tables, version: 0 })))
    }

    /// A copy of everything committed.
    pub fn backup(&self) -> Backup {
        Backup(self.state().journal.disk().synced().to_vec())
    }

    /// The epoch of the log.
    pub fn epoch(&self) -> u64 {
        self.state().meta.epoch
    }

    /// Two equal answers of one database, with the same epoch: in between, no row changed.
    pub fn version(&self) -> u64 {
        self.state().version
    }

    /// The power fails, and the database starts again from what its disk holds. Gives how many
    /// bytes were lost.
    pub fn crash(&self, mut random: impl FnMut() -> u64) -> usize {
        let mut state = self.state();
        // Where every write was synced, memory is what the disk holds; most often that is believed.
        let disk = state.journal.disk();
        let settled = disk.synced().len() == disk.bytes().len() && !state.journal.is_broken();
        if settled && !random().is_multiple_of(8) {
            return 0;
        }
        let lost = state.journal.disk_mut().crash(random);
        let (meta, tables) = replay(&state.journal.recover());
        state.version += u64::from(tables != state.tables);
        state.tables = tables;
        if let Some(meta) = meta {
            state.meta = meta;
        }
        lost
    }

    /// Whether a failed sync keeps it from answering until [`Database::crash`].
    pub fn is_broken(&self) -> bool {
        self.state().journal.is_broken()
    }

    /// Lets the disk fail.
    pub fn disk(&self, with: impl FnOnce(&mut Disk)) {
        with(self.state().journal.disk_mut());
    }

    /// Bytes on the disk.
    pub fn size(&self) -> usize {
        self.state().journal.disk().bytes().len()
    }

    /// Every text in every row of a tenant, with its table: to see whether another's is in it.
    pub fn texts(&self, tenant: TenantId, mut each: impl FnMut(&'static str, &str)) {
        let state = self.state();
        let prefix = RowKey::of_tenant(tenant.as_bytes());
        for (name, table) in &state.tables {
            for value in table.from(&prefix).flatten() {
                if let Plain::Text(text) = value {
                    each(name, text);
                }
            }
        }
    }

    /// Deletes everything about a document, as a restore from before it would.
    pub fn lose(&self, doc: DocId) {
        let mut state = self.state();
        state.version += 1;
        for table in ["runs", "documents", "scope", "snapshots"] {
            let key = Plain::Blob(doc_key(&doc));
            if let Some(table) = state.tables.get_mut(table) {
                table.lose(&key);
            }
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    pub fn table(&self, name: &str) -> Result<&Table, StoreError> {
        self.tables.get(name).ok_or_else(|| StoreError::Corrupt(format!("no table {name}")))
    }

    /// The last position of a tenant's log.
    pub fn counter(&self, tenant: &RowKey) -> Result<i64, StoreError> {
        let row = self.table("counters")?.get(tenant);
        row.map_or(Ok(0), |row| int(row, 1))
    }

    /// When a tenant's log last grew, Unix milliseconds.
    pub fn grew_at(&self, tenant: &RowKey) -> Result<i64, StoreError> {
        let row = self.table("counters")?.get(tenant);
        row.map_or(Ok(0), |row| int(row, 2))
    }

    /// Whether anything can be read or written.
    pub fn usable(&self) -> Result<(), StoreError> {
        if self.journal.is_broken() {
            return Err(StoreError::Unavailable("the disk could not be synced".into()));
        }
        Ok(())
    }

    /// Writes rows in one transaction; they count once they are safe on the disk. Before them go
    /// the rows that documents had in some tables.
    pub fn commit(
        &mut self,
        gone: Vec<(project::Table, TenantId, DocId)>,
        rows: impl IntoIterator<Item = WideRows>,
    ) -> Result<(), StoreError> {
        let mut record = Writer::new();
        record.u8(ROWS);
        record.uint(gone.len() as u64);
        for (table, tenant, doc) in &gone {
            record.text(table.spec().table);
            record.raw(tenant.as_bytes());
            record.raw(doc.as_bytes());
        }
        let mut taken: Vec<(&'static str, Vec<Plain>)> = Vec::new();
        for rows in rows {
            let name = rows.spec().table;
            let table = self.table(name)?;
            for row in rows.plain() {
                table.check(&row)?;
                record.text(name);
                row.iter().for_each(|value| write(&mut record, value));
                taken.push((name, row));
            }
        }
        self.journal.append(&record.into_bytes()).map_err(|error| match error {
            DiskError::Full => StoreError::Full,
            DiskError::Sync => StoreError::Unavailable(error.to_string()),
        })?;
        self.version += 1;
        for (table, tenant, doc) in gone {
            if let Some(table) = self.tables.get_mut(table.spec().table) {
                table.remove(&of_document(tenant.as_bytes(), doc.as_bytes()));
            }
        }
        for (name, row) in taken {
            if let Some(table) = self.tables.get_mut(name) {
                table.put(row);
            }
        }
        Ok(())
    }
}

/// The keys of the rows of one document begin so.
fn of_document(tenant: &[u8; 16], doc: &[u8; 16]) -> RowKey {
    RowKey::of_tenant(tenant).blob(doc)
}

/// The tables of the log and of everything computed from it.
fn empty() -> BTreeMap<&'static str, Table> {
    let mut tables = BTreeMap::new();
    let specs = Tables::new().into_rows().map(|rows| rows.spec());
    for spec in specs.into_iter().chain([COUNTERS.spec()]) {
        match Table::of(&spec) {
            Ok(table) => drop(tables.insert(spec.table, table)),
            // A table that is not there is an error wherever it is used.
            Err(error) => debug_assert!(false, "{error}"),
        }
    }
    tables
}

static COUNTERS: TableSpec<3> = TableSpec {
    table: "counters",
    key: &["tenant"],
    columns: ["tenant", "pos", "at"],
    conflict: Conflict::Update(&["pos", "at"]),
};

/// Rows by which a transaction leaves the counters.
pub(super) fn counters() -> Rows<3> {
    Rows::of(&COUNTERS)
}

fn meta_record(epoch: u64, secret: &[u8; 32]) -> Vec<u8> {
    let mut record = Writer::new();
    record.u8(META);
    record.uint(epoch);
    record.raw(secret);
    record.into_bytes()
}

/// Everything the records of a journal say.
fn replay(records: &[&[u8]]) -> (Option<Meta>, BTreeMap<&'static str, Table>) {
    let (mut meta, mut tables) = (None, empty());
    for record in records {
        // A record that passed its checksum was written by this very program.
        let read = read(record, &mut meta, &mut tables);
        debug_assert!(read.is_ok(), "{read:?}");
    }
    (meta, tables)
}

fn read(
    record: &[u8],
    meta: &mut Option<Meta>,
    tables: &mut BTreeMap<&'static str, Table>,
) -> Result<(), WireError> {
    let mut reader = Reader::new(record);
    if reader.u8()? == META {
        *meta = Some(Meta::fixed(reader.uint()?, reader.array()?));
        return reader.finish();
    }
    for _ in 0..reader.uint()? {
        let name = reader.text("table", limits::NAME_BYTES)?;
        let table = tables.get_mut(name).ok_or(WireError::Truncated)?;
        table.remove(&of_document(&reader.array()?, &reader.array()?));
    }
    while reader.left() > 0 {
        let name = reader.text("table", limits::NAME_BYTES)?;
        let table = tables.get_mut(name).ok_or(WireError::Truncated)?;
        let row = (0..table.width()).map(|_| value(&mut reader)).collect::<Result<_, _>>()?;
        table.put(row);
    }
    Ok(())
}

fn write(record: &mut Writer, value: &Plain) {
    match value {
        Plain::Null => record.u8(0),
        Plain::Int(value) => {
            record.u8(1);
            record.int(*value);
        }
        Plain::Text(value) => {
            record.u8(2);
            record.text(value);
        }
        Plain::Blob(value) => {
            record.u8(3);
            record.bytes(value);
        }
    }
}

fn value(reader: &mut Reader<'_>) -> Result<Plain, WireError> {
    const LIMIT: usize = 4 * limits::DOCUMENT_BYTES;
    Ok(match reader.u8()? {
        0 => Plain::Null,
        1 => Plain::Int(reader.int()?),
        2 => Plain::Text(reader.text("a text", LIMIT)?.to_owned()),
        3 => Plain::Blob(reader.bytes("a blob", LIMIT)?.to_vec()),
        other => return Err(WireError::Unknown(other)),
    })
}

pub(super) fn int(row: &[Plain], column: usize) -> Result<i64, StoreError> {
    match row.get(column) {
        Some(Plain::Int(value)) => Ok(*value),
        other => Err(StoreError::Corrupt(format!("a number: {other:?}"))),
    }
}

pub(super) fn text(row: &[Plain], column: usize) -> Result<&str, StoreError> {
    match row.get(column) {
        Some(Plain::Text(value)) => Ok(value),
        other => Err(StoreError::Corrupt(format!("a text: {other:?}"))),
    }
}

pub(super) fn bytes(row: &[Plain], column: usize) -> Result<&[u8], StoreError> {
    match row.get(column) {
        Some(Plain::Blob(value)) => Ok(value),
        other => Err(StoreError::Corrupt(format!("bytes: {other:?}"))),
    }
}
