//! Work that was saved on a phone whose store is damaged: read from the file, checked, and handed in.
//!
//! The file is read page by page and never written. What is readable of the table of runs is checked by its
//! hash chain, and what the office does not have yet is put into frames that the phone's key signs, as the
//! phone itself would have sent them. A server takes them from a phone that may sync, and keeps them for
//! the office from one that was revoked; either way the same work counts once, also when the phone comes back.

mod cells;
mod frames;
mod pages;
mod rows;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use sync_core::admission::replay;
use sync_core::document::{Document, Refusal};
use sync_core::schema::DocId;
use sync_core::sync::StoredRun;

pub use frames::{Submission, SubmissionError, Submitted, submit};

use crate::store::meta::{Identity, Meta, Position};
use cells::Record;
use pages::Pages;

/// What a damaged store still holds.
#[derive(Debug, Default)]
pub struct Rescued {
    /// What was found of each document.
    pub documents: BTreeMap<DocId, Found>,
    /// Pages that could not be read whole, from 1. What stood on them may be missing.
    pub damaged_pages: BTreeSet<u32>,
    /// Work the server had refused before, with its reasons; it is shown and not sent.
    pub refused: Vec<(DocId, String)>,
    /// Who the phone was, if that is readable.
    identity: Option<Identity>,
    position: Position,
    /// What the office does not have, checked, in order.
    checked: Vec<StoredRun>,
    /// The same, where what it follows is not here.
    unchecked: Vec<StoredRun>,
}

/// What was found of one document.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// Changes the server has.
    pub settled: u64,
    /// Changes it does not have that are whole.
    pub saved: u64,
    /// Changes it does not have that cannot be checked: what they follow could not be read.
    pub unchecked: u64,
    /// Rows that were found and are damaged.
    pub damaged: u64,
    /// Changes of one writer that must have been there, by the numbers of the others.
    pub missing: u64,
}

impl Rescued {
    /// Reads what there is in the file at `path` and in the log beside it, `path-wal`.
    ///
    /// # Errors
    /// The file cannot be read at all.
    pub fn read(path: &Path) -> io::Result<Self> {
        let pages = Pages::read(path)?;
        let mut rescued = Self::default();
        let mut held: BTreeMap<u64, StoredRun> = BTreeMap::new();
        let (records, damaged) = records(&pages);
        rescued.damaged_pages = damaged;
        // Row numbers that are lost still have an order: that in which they were found.
        let mut unnumbered = u64::MAX / 2;
        let mut known = BTreeSet::new();
        let mut broken: BTreeMap<DocId, BTreeSet<Option<i64>>> = BTreeMap::new();
        for record in &records {
            match rows::run(record) {
                Some(Ok(mut row)) => {
                    if !known.insert((
                        row.run.doc,
                        row.run.actor(),
                        row.run.first_seq(),
                        row.run.last_hash,
                    )) {
                        continue;
                    }
                    if row.n == u64::MAX || held.contains_key(&row.n) {
                        row.n = unnumbered;
                        unnumbered += 1;
                    }
                    held.insert(row.n, row);
                }
                Some(Err(doc)) => {
                    broken.entry(doc).or_default().insert(record.n);
                }
                None => rescued.other(record),
            }
        }
        for (doc, rows) in broken {
            let there = |n: &Option<i64>| n.is_some_and(|n| held.contains_key(&n.unsigned_abs()));
            let count = rows.iter().filter(|n| !there(n)).count();
            rescued.documents.entry(doc).or_default().damaged += count as u64;
        }
        rescued.check(held.into_values().collect());
        Ok(rescued)
    }

    /// Whether anything was found that the office does not have.
    pub fn is_empty(&self) -> bool {
        self.checked.is_empty() && self.unchecked.is_empty()
    }

    fn other(&mut self, record: &Record) {
        if let Some(refused) = rows::refused(record) {
            if !self.refused.contains(&refused) {
                self.refused.push(refused);
            }
        } else if let Some(doc) = rows::document(record) {
            self.documents.entry(doc).or_default();
        } else if let Some((key, value)) = rows::meta(record) {
            if key == Identity::KEY && self.identity.is_none() {
                self.identity = serde_json::from_slice(value).ok();
            } else if key == Position::KEY && self.position == Position::default() {
                self.position = serde_json::from_slice(value).unwrap_or_default();
            }
        }
    }

    /// Checks each row by the hashes of its changes on top of what it follows.
    fn check(&mut self, held: Vec<StoredRun>) {
        let mut of_docs: BTreeMap<DocId, Vec<StoredRun>> = BTreeMap::new();
        for row in held {
            of_docs.entry(row.run.doc).or_default().push(row);
        }
        for (doc, rows) in of_docs {
            let mut found = self.documents.remove(&doc).unwrap_or_default();
            found.missing = missing(&rows);
            let (whole, loose) = replayed(doc, rows, &mut found);
            let owed = |row: &StoredRun| row.status.is_owed();
            let changes = |rows: &[StoredRun]| {
                rows.iter().map(|row| row.run.changes.len() as u64).sum::<u64>()
            };
            let (waiting, settled): (Vec<_>, Vec<_>) = whole.into_iter().partition(owed);
            let (loose, rest): (Vec<_>, Vec<_>) = loose.into_iter().partition(owed);
            found.settled = changes(&settled) + changes(&rest);
            (found.saved, found.unchecked) = (changes(&waiting), changes(&loose));
            self.checked.extend(waiting);
            self.unchecked.extend(loose);
            self.documents.insert(doc, found);
        }
        self.checked.sort_by_key(|row| row.n);
        self.unchecked.sort_by_key(|row| row.n);
    }
}

/// The rows that fit onto each other, and those that follow what is not here. What was changed by the
/// damage gives other hashes and is neither.
fn replayed(
    doc: DocId,
    rows: Vec<StoredRun>,
    found: &mut Found,
) -> (Vec<StoredRun>, Vec<StoredRun>) {
    let mut document = Document::new(doc);
    let (mut whole, mut left) = (Vec::new(), rows);
    // A row whose number is lost may stand before what it follows.
    loop {
        let before = left.len();
        let mut loose = Vec::new();
        for row in left {
            if !row.status.is_in_document() {
                // It stands beside the document, with the server's receipt, which the server checks.
                whole.push(row);
                continue;
            }
            // A run of several changes that is refused may leave a part of it.
            let before = (row.run.changes.len() > 1).then(|| document.clone());
            match replay(&mut document, &row.run, row.author) {
                Ok(_) => {
                    whole.push(row);
                    continue;
                }
                Err(Refusal::Missing(_)) => loose.push(row),
                Err(Refusal::Fork) if row.status.is_owed() => loose.push(row),
                Err(_) => found.damaged += 1,
            }
            document = before.unwrap_or(document);
        }
        if loose.is_empty() || loose.len() == before {
            return (whole, loose);
        }
        left = loose;
    }
}

/// Changes that must have been there: each writer numbers them from 1 without a gap.
fn missing(rows: &[StoredRun]) -> u64 {
    let mut numbers: BTreeMap<_, BTreeSet<u64>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.status.is_in_document()) {
        let of_actor = numbers.entry(row.run.actor()).or_default();
        of_actor.extend(row.run.changes.iter().map(|change| change.seq));
    }
    let gap = |of: &BTreeSet<u64>| of.last().map_or(0, |last| last - of.len() as u64);
    numbers.values().map(gap).sum()
}

/// The records of every table, those of whole trees first, and the pages that are damaged.
fn records(pages: &Pages) -> (Vec<Record>, BTreeSet<u32>) {
    let schema = cells::walk(pages, 1);
    let (mut good, mut bad) = (schema.good, schema.bad);
    let mut records = Vec::new();
    let mut tables = 0;
    for record in &schema.records {
        use cells::Value::{Int, Text};
        let [Text(kind), Text(name), _, Int(root), ..] = record.values.as_slice() else { continue };
        let ours = ["runs", "refused", "docs", "meta"].contains(&name.as_str());
        if let (true, "table", Ok(root)) = (ours, kind.as_str(), u32::try_from(*root)) {
            let walked = cells::walk(pages, root);
            records.extend(walked.records);
            good.extend(walked.good);
            bad.extend(walked.bad);
            tables += 1;
        }
    }
    if !pages.is_headed() {
        bad.insert(1);
    }
    if bad.is_empty() && tables == 4 && !pages.is_log_broken() {
        return (records, bad);
    }
    // A tree or the log is broken: what hung on it may stand on any page, or in the log.
    for number in (1..=pages.last()).filter(|number| !good.contains(number)) {
        for page in pages.versions(number) {
            records.extend(cells::carve(pages, &page, number));
        }
    }
    for page in pages.loose() {
        records.extend(cells::carve(pages, page, 0));
    }
    (records, bad)
}
