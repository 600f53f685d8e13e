//! Records on the pages of a damaged file: each is read for itself, and what is damaged is stepped over.
//!
//! SQLite's file format, sections 1.6 and 2.1.

use std::collections::BTreeSet;

use super::pages::{Pages, be};

/// Longest record that is read, bytes: the longest run and more.
const MOST: usize = 8 << 20;
/// Columns that are read of a record; tables here have fewer.
const COLUMNS: usize = 32;

/// A value of a record.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Null,
    Int(i64),
    Blob(Vec<u8>),
    Text(String),
}

/// A record with its row number; absent in a table without them.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Record {
    pub n: Option<i64>,
    pub values: Vec<Value>,
}

/// What a walk through a table found.
#[derive(Default)]
pub(super) struct Walked {
    pub records: Vec<Record>,
    /// Pages that were read whole.
    pub good: BTreeSet<u32>,
    /// Pages that are not what they should be, or hold a record that is not.
    pub bad: BTreeSet<u32>,
}

/// Reads the table or index whose first page is `root`.
pub(super) fn walk(pages: &Pages, root: u32) -> Walked {
    let mut walked = Walked::default();
    let (mut seen, mut next) = (BTreeSet::new(), vec![root]);
    while let Some(number) = next.pop() {
        if !seen.insert(number) {
            continue;
        }
        let page = pages.newest(number);
        let Some(tree) = page.as_deref().and_then(|page| Tree::of(page, number)) else {
            walked.bad.insert(number);
            continue;
        };
        let mut whole = true;
        for cell in tree.cells() {
            let Some(cell) = cell else {
                whole = false;
                continue;
            };
            if tree.is_inner() {
                match cell.get(..4).map(be) {
                    Some(child) if child > 0 && child <= pages.last() => next.push(child),
                    _ => whole = false,
                }
            }
            if tree.has_records() {
                let record = tree.record(pages, cell);
                whole &= record.is_some();
                walked.records.extend(record);
            }
        }
        if tree.is_inner() {
            match tree.right() {
                Some(child) if child > 0 && child <= pages.last() => next.push(child),
                _ => whole = false,
            }
        }
        if whole {
            walked.good.insert(number)
        } else {
            walked.bad.insert(number)
        };
    }
    walked
}

/// Every record of a page that can still be read, whatever tree it belonged to. `number` is 1 for the
/// first page, on which the header of the file stands.
pub(super) fn carve(pages: &Pages, page: &[u8], number: u32) -> Vec<Record> {
    let mut records = Vec::new();
    let mut whole = false;
    if let Some(tree) = Tree::of(page, number) {
        whole = true;
        for cell in tree.cells() {
            let record = cell.filter(|_| tree.has_records()).map(|cell| tree.record(pages, cell));
            whole &= !matches!(record, Some(None)) && cell.is_some();
            records.extend(record.flatten());
        }
    }
    if !whole {
        records.extend(scan(pages, page));
    }
    records
}

/// Runs on a page whose list of cells is lost, found by what such a record begins with: no value for the
/// row number, the kind of a document, and its id of 16 bytes.
fn scan(pages: &Pages, page: &[u8]) -> Vec<Record> {
    const ID: u8 = 12 + 2 * 16;
    let mut records = Vec::new();
    for (at, start) in page.windows(4).enumerate() {
        let [9..=24, 0, 1 | 9, ID] = start else { continue };
        let Some(size) = page.get(at..).and_then(length) else { continue };
        // Before it stand its length and the row's number.
        let numbered = (1..=9).filter_map(|n| at.checked_sub(n)).find_map(|from| {
            let (n, rest) = varint(&page[from..at])?;
            rest.is_empty().then_some(())?;
            let told = (1..=4).filter_map(|n| from.checked_sub(n)).any(|start| {
                let told = varint(&page[start..from]);
                told.is_some_and(|(told, rest)| {
                    rest.is_empty() && usize::try_from(told) == Ok(size)
                })
            });
            told.then_some(n)
        });
        let record = payload(pages, &page[at..], size, true).and_then(|payload| values(&payload));
        records.extend(record.map(|values| Record { n: numbered, values }));
    }
    records
}

/// A page as a part of a tree.
struct Tree<'p> {
    page: &'p [u8],
    kind: u8,
    /// Where its own header begins.
    at: usize,
    count: usize,
}

impl<'p> Tree<'p> {
    fn of(page: &'p [u8], number: u32) -> Option<Self> {
        let at = if number == 1 { 100 } else { 0 };
        let kind = *page.get(at)?;
        if ![2, 5, 10, 13].contains(&kind) {
            return None;
        }
        let count = be(page.get(at + 3..at + 5)?) as usize;
        // Each takes two bytes here and four at least elsewhere.
        (count <= page.len() / 6).then_some(Self { page, kind, at, count })
    }

    fn is_inner(&self) -> bool {
        matches!(self.kind, 2 | 5)
    }

    fn has_records(&self) -> bool {
        self.kind != 5
    }

    fn right(&self) -> Option<u32> {
        self.page.get(self.at + 8..self.at + 12).map(be)
    }

    /// From where each cell begins to the end of the page; absent where that is nowhere.
    fn cells(&self) -> impl Iterator<Item = Option<&'p [u8]>> {
        let first = self.at + if self.is_inner() { 12 } else { 8 };
        let (page, count) = (self.page, self.count);
        (0..count).map(move |index| {
            let at = be(page.get(first + 2 * index..first + 2 * index + 2)?) as usize;
            (at >= first + 2 * count).then_some(())?;
            page.get(at..).filter(|cell| !cell.is_empty())
        })
    }

    fn record(&self, pages: &Pages, cell: &[u8]) -> Option<Record> {
        let cell = if self.is_inner() { cell.get(4..)? } else { cell };
        let (size, cell) = varint(cell)?;
        let (n, cell) = match self.kind {
            13 => varint(cell).map(|(n, cell)| (Some(n), cell))?,
            _ => (None, cell),
        };
        let size = usize::try_from(size).ok().filter(|size| *size <= MOST)?;
        let payload = payload(pages, cell, size, self.kind == 13)?;
        Some(Record { n, values: values(&payload)? })
    }
}

/// The bytes of a record: those on the page, then those on the pages that follow.
fn payload(pages: &Pages, cell: &[u8], size: usize, table: bool) -> Option<Vec<u8>> {
    let usable = pages.usable();
    let most = if table { usable - 35 } else { (usable - 12) * 64 / 255 - 23 };
    if size <= most {
        return cell.get(..size).map(<[u8]>::to_vec);
    }
    let least = (usable - 12) * 32 / 255 - 23;
    let here = least + (size - least) % (usable - 4);
    let here = if here <= most { here } else { least };
    let mut bytes = cell.get(..here)?.to_vec();
    let mut next = be(cell.get(here..here + 4)?);
    let mut seen = BTreeSet::new();
    while bytes.len() < size {
        let page = pages.newest(next).filter(|_| next > 0 && seen.insert(next))?;
        let (head, rest) = page.split_at_checked(4)?;
        let most = (size - bytes.len()).min(usable - 4);
        bytes.extend(rest.get(..most)?);
        next = be(head);
    }
    Some(bytes)
}

/// Bytes of a record by what its head says.
fn length(record: &[u8]) -> Option<usize> {
    let (head, rest) = varint(record)?;
    let head = usize::try_from(head).ok()?;
    let mut types = record.get(record.len() - rest.len()..head)?;
    let mut length = head;
    while !types.is_empty() {
        let (kind, rest) = varint(types)?;
        types = rest;
        length = length.checked_add(width(kind)?).filter(|length| *length <= MOST)?;
    }
    Some(length)
}

/// Bytes of a value of a serial type.
fn width(kind: i64) -> Option<usize> {
    match kind {
        0 | 8 | 9 => Some(0),
        1..=4 => usize::try_from(kind).ok(),
        5 => Some(6),
        6 | 7 => Some(8),
        12.. => usize::try_from((kind - 12) / 2).ok(),
        _ => None,
    }
}

fn values(payload: &[u8]) -> Option<Vec<Value>> {
    let (head, rest) = varint(payload)?;
    let head = usize::try_from(head).ok()?;
    let mut types = payload.get(payload.len() - rest.len()..head)?;
    let mut body = payload.get(head..)?;
    let mut values = Vec::new();
    while !types.is_empty() {
        let (kind, rest) = varint(types)?;
        types = rest;
        let (raw, rest) = body.split_at_checked(width(kind)?)?;
        body = rest;
        values.push(match kind {
            // No column of ours holds a real number.
            0 | 7 => Value::Null,
            8 => Value::Int(0),
            9 => Value::Int(1),
            1..=6 => Value::Int(signed(raw)),
            _ if kind % 2 == 0 => Value::Blob(raw.to_vec()),
            _ => Value::Text(String::from_utf8(raw.to_vec()).ok()?),
        });
        (values.len() <= COLUMNS).then_some(())?;
    }
    Some(values)
}

fn signed(raw: &[u8]) -> i64 {
    let sign = if raw.first().is_some_and(|byte| byte & 0x80 != 0) { -1 } else { 0 };
    raw.iter().fold(sign, |number, byte| number << 8 | i64::from(*byte))
}

/// A number of up to nine bytes, and what follows it.
fn varint(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let mut number: u64 = 0;
    for index in 0..9 {
        let byte = *bytes.get(index)?;
        if index == 8 {
            number = number << 8 | u64::from(byte);
        } else {
            number = number << 7 | u64::from(byte & 0x7f);
        }
        if index == 8 || byte & 0x80 == 0 {
            return Some((number as i64, &bytes[index + 1..]));
        }
    }
    None
}
