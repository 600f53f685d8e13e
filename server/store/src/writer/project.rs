//! Rows computed from one document: what lists, searches and reports read instead of documents.
//!
//! The rows always follow from the whole document. After a commit those are written that differ from
//! what the tables showed before; a rebuild asks for all of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::LazyLock;

use sync_core::document::{Document, Fact};
use sync_core::id::TenantId;
use sync_core::job::{Job, PartUse, taken_back};
use sync_core::schema::{DocKind, Key, key, section};
use sync_core::time::clamped;
use sync_core::value::Value;
use sync_core::van::period;

use super::project_job;
use super::table_specs::{JOB_FACTS, JOB_PARTS, MOVEMENTS, SEALS};
use super::tables::Projected;
use crate::error::StoreError;
use crate::log::doc_key;
use crate::sql::{Arg, Cell, Spec};

/// Version of what is computed. Whoever changes a row that follows from the same log (a fold, a
/// column, the text of a summary) adds one: a server that finds another version in its database
/// rebuilds everything when it starts.
pub(crate) const FOLD_VERSION: u32 = 8;

/// One document at one position.
pub(crate) struct Scene<'a> {
    pub tenant: TenantId,
    pub document: &'a Document,
    /// Position of its first run; 0 if it is not known, because its row stands there already.
    pub first: i64,
    /// Position of its last run.
    pub pos: i64,
    /// Unix milliseconds.
    pub now: i64,
}

/// Tables that have several rows a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Table {
    /// `job_facts`
    Facts,
    /// `job_parts`
    Parts,
    /// `seals`
    Seals,
    /// `movements`
    Movements,
}

impl Table {
    /// Its columns and its key.
    pub fn spec(self) -> Spec {
        match self {
            Self::Facts => JOB_FACTS.spec(),
            Self::Parts => JOB_PARTS.spec(),
            Self::Seals => SEALS.spec(),
            Self::Movements => MOVEMENTS.spec(),
        }
    }

    /// The column with the id of the document.
    pub fn doc_column(self) -> &'static str {
        match self {
            Self::Facts | Self::Parts | Self::Seals => "job",
            Self::Movements => "van",
        }
    }

    /// Values that follow tenant and document in the key.
    fn keys(self) -> usize {
        self.spec().key.len() - 2
    }
}

/// One row of a table that has several a document: the values that follow tenant and document, the key
/// first.
#[derive(Debug, Clone, Copy)]
pub(crate) enum TableRow<'a> {
    /// `job_facts`
    Facts([Cell<'a>; 5]),
    /// `job_parts`
    Parts([Cell<'a>; 11]),
    /// `seals`
    Seals([Cell<'a>; 5]),
    /// `movements`
    Movements([Cell<'a>; 9]),
}

impl<'a> TableRow<'a> {
    fn table(&self) -> Table {
        match self {
            Self::Facts(_) => Table::Facts,
            Self::Parts(_) => Table::Parts,
            Self::Seals(_) => Table::Seals,
            Self::Movements(_) => Table::Movements,
        }
    }

    fn cells(&self) -> &[Cell<'a>] {
        match self {
            Self::Facts(cells) | Self::Seals(cells) => cells,
            Self::Parts(cells) => cells,
            Self::Movements(cells) => cells,
        }
    }

    fn add_to(&self, projected: &mut Projected, first: [Arg; 2]) {
        match self {
            Self::Facts(cells) => projected.facts.push_cells(first, cells),
            Self::Parts(cells) => projected.parts.push_cells(first, cells),
            Self::Seals(cells) => projected.seals.push_cells(first, cells),
            Self::Movements(cells) => projected.movements.push_cells(first, cells),
        }
    }
}

/// What the tables show of a document: a digest of each row by a digest of its key. Both are keyed
/// by this process, so that nobody can make two rows look the same.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Shown(HashMap<(Table, u64), u64>);

impl Shown {
    /// What they show of a document of which every change is shown.
    pub fn of(document: &Document) -> Self {
        let mut shown = Self::default();
        let is_job = document.id().kind == DocKind::Job && !document.is_empty();
        let parts = if is_job { sync_core::job::parts(document) } else { Vec::new() };
        rows(document, &parts, &mut |row| {
            shown.add(&row);
        });
        shown
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Adds a row; gives the digests of key and row, unless there is one with this key already.
    fn add(&mut self, row: &TableRow<'_>) -> Option<((Table, u64), u64)> {
        static DIGEST: LazyLock<RandomState> = LazyLock::new(RandomState::new);
        let (table, cells) = (row.table(), row.cells());
        let (key, values) = cells.split_at(table.keys().min(cells.len()));
        let (name, row) = ((table, DIGEST.hash_one(key)), DIGEST.hash_one(values));
        let before = self.0.insert(name, row);
        debug_assert!(before.is_none(), "two rows of one key: {table:?} {key:?}");
        before.is_none().then_some((name, row))
    }

    /// Whether a row is shown just so.
    fn has(&self, (name, row): &((Table, u64), u64)) -> bool {
        self.0.get(name) == Some(row)
    }

    /// Tables that show rows which are not there any more.
    fn gone(&self, now: &Self) -> BTreeSet<Table> {
        let gone = self.0.keys().filter(|name| !now.0.contains_key(name));
        gone.map(|(table, _)| *table).collect()
    }
}

/// Adds the rows of a document that are not shown yet. Gives what is shown once they are written.
///
/// # Errors
/// If a row cannot be computed.
pub(crate) fn project(
    projected: &mut Projected,
    scene: &Scene<'_>,
    shown: &Shown,
) -> Result<Shown, StoreError> {
    let Scene { tenant, document, pos, now, .. } = scene;
    let doc = document.id();
    projected.documents.push([
        tenant.as_bytes().into(),
        doc_key(&doc).into(),
        i64::from(doc.kind.code()).into(),
        (*pos).into(),
        document.fingerprint().cast_signed().into(),
        (*now).into(),
        i64::from(doc.kind == DocKind::Van && period::is_further(document)).into(),
    ]);
    let mut parts = Vec::new();
    if doc.kind == DocKind::Job {
        let job = Job::of(document);
        project_job::row(projected, scene, &job)?;
        parts = job.parts;
    }
    let first = || -> [Arg; 2] { [tenant.as_bytes().into(), doc.as_bytes().into()] };
    let mut all = Shown::default();
    rows(document, &parts, &mut |row| {
        if all.add(&row).is_some_and(|digest| !shown.has(&digest)) {
            row.add_to(projected, first());
        }
    });
    // A row goes once in a while, when a correction closes a circle: then the table is filled again.
    let gone = shown.gone(&all);
    if !gone.is_empty() {
        projected.gone.extend(gone.iter().map(|table| (*table, *tenant, doc)));
        let mut again = Shown::default();
        rows(document, &parts, &mut |row| {
            let digest = again.add(&row).filter(|_| gone.contains(&row.table()));
            if digest.is_some_and(|digest| shown.has(&digest)) {
                row.add_to(projected, first());
            }
        });
    }
    Ok(all)
}

/// Gives every row of a document in the tables that have several. No two rows of a table have the same
/// key.
fn rows(document: &Document, parts: &[PartUse], each: &mut dyn FnMut(TableRow<'_>)) {
    match document.id().kind {
        DocKind::Job => {
            facts(document, each);
            project_job::parts(parts, each);
            seals(document, each);
        }
        DocKind::Van => movements(document, each),
        DocKind::Technician | DocKind::Other(_) => {}
    }
}

/// How many facts of each kind there are, and from when to when.
fn facts(document: &Document, each: &mut dyn FnMut(TableRow<'_>)) {
    for section in document.fact_sections() {
        let mut counts: BTreeMap<&str, (i64, i64, i64)> = BTreeMap::new();
        for fact in document.facts(section) {
            let at = when(fact);
            let kind = text(fact, &key::KIND).unwrap_or_default();
            let count = counts.entry(kind).or_insert((0, at, at));
            *count = (count.0 + 1, count.1.min(at), count.2.max(at));
        }
        for (kind, (count, from, to)) in counts {
            let (section, kind) = (Cell::Text(section.as_str()), Cell::Key(kind));
            let row = [section, kind, Cell::Int(count), Cell::Int(from), Cell::Int(to)];
            each(TableRow::Facts(row));
        }
    }
}

fn seals(document: &Document, each: &mut dyn FnMut(TableRow<'_>)) {
    for fact in document.facts(&section::SIGNATURES) {
        each(TableRow::Seals([
            Cell::Blob(fact.id.as_bytes()),
            Cell::MaybeText(text(fact, &key::ROLE)),
            Cell::MaybeText(text(fact, &key::NAME)),
            Cell::MaybeBlob(fact.record.get(&key::DIGEST).and_then(Value::as_bytes)),
            Cell::Int(when(fact)),
        ]));
    }
}

/// Movements and counts of a van's stock. One fact id may stand in both sections.
fn movements(document: &Document, each: &mut dyn FnMut(TableRow<'_>)) {
    for section in [section::MOVEMENTS, section::COUNTS] {
        let voided = taken_back(document, &section);
        for fact in document.facts(&section) {
            let Some(part_no) = text(fact, &key::PART_NO) else { continue };
            each(TableRow::Movements([
                Cell::Text(section.as_str()),
                Cell::Blob(fact.id.as_bytes()),
                Cell::MaybeText(text(fact, &key::KIND)),
                Cell::Text(part_no),
                Cell::Int(int(fact, &key::QUANTITY).unwrap_or(0)),
                Cell::MaybeText(text(fact, &key::BIN)),
                Cell::MaybeBlob(bytes(fact, &key::JOB).map(|id| &id[..])),
                Cell::Int(when(fact)),
                Cell::Int(i64::from(voided.contains(&fact.id))),
            ]));
        }
    }
}

/// When a fact says it happened, else when it was written.
fn when(fact: &Fact) -> i64 {
    int(fact, &key::AT).map_or(fact.time, clamped)
}

fn text<'a>(fact: &'a Fact, key: &Key) -> Option<&'a str> {
    fact.record.get(key).and_then(Value::as_text)
}

fn int(fact: &Fact, key: &Key) -> Option<i64> {
    fact.record.get(key).and_then(Value::as_int)
}

fn bytes<'a>(fact: &'a Fact, key: &Key) -> Option<&'a [u8; 16]> {
    fact.record.get(key).and_then(Value::as_bytes).and_then(|bytes| bytes.try_into().ok())
}
