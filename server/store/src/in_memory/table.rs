//! A table as a map, filled from the same rows as the database, with the same meaning of a conflict.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::StoreError;
use crate::sql::{Conflict, Plain, Spec};

/// A primary key, or the beginning of one, as bytes that sort as its values do: one comparison of
/// bytes instead of one of lists of values, in every step of every search.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RowKey(Vec<u8>);

impl RowKey {
    /// The keys of a tenant begin so.
    pub fn of_tenant(tenant: &[u8]) -> Self {
        // Room for an id or two after it.
        Self(Vec::with_capacity(64)).blob(tenant)
    }

    /// Then a number.
    pub fn int(mut self, value: i64) -> Self {
        self.push_int(value);
        self
    }

    /// Then bytes.
    pub fn blob(mut self, bytes: &[u8]) -> Self {
        self.push_bytes(BLOB, bytes);
        self
    }

    fn of<'v>(values: impl Iterator<Item = &'v Plain>) -> Self {
        let mut key = Self(Vec::with_capacity(64));
        for value in values {
            match value {
                Plain::Null => key.0.push(NULL),
                Plain::Int(value) => key.push_int(*value),
                Plain::Text(text) => key.push_bytes(TEXT, text.as_bytes()),
                Plain::Blob(bytes) => key.push_bytes(BLOB, bytes),
            }
        }
        key
    }

    fn push_int(&mut self, value: i64) {
        self.0.push(INT);
        // With the sign turned, negative numbers sort before the others.
        self.0.extend_from_slice(&(value ^ i64::MIN).to_be_bytes());
    }

    /// Ends with two zeros; a zero within is followed by what sorts after them.
    fn push_bytes(&mut self, kind: u8, bytes: &[u8]) {
        self.0.push(kind);
        for (index, part) in bytes.split(|byte| *byte == 0).enumerate() {
            if index > 0 {
                self.0.extend_from_slice(&[0, 0xff]);
            }
            self.0.extend_from_slice(part);
        }
        self.0.extend_from_slice(&[0, 0]);
    }
}

/// Kinds of values, in the order in which they sort.
const NULL: u8 = 0;
const INT: u8 = 1;
const TEXT: u8 = 2;
const BLOB: u8 = 3;

/// Values by column; a row may stand in its table and in an index.
type Row = Arc<Vec<Plain>>;

/// One table: its rows by their primary key, which begins with the tenant.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Table {
    width: usize,
    key: Vec<usize>,
    on_conflict: OnConflict,
    rows: BTreeMap<RowKey, Row>,
    /// The column of the document, in tables that have one.
    doc: Option<usize>,
    /// The rows by tenant and document, in tables that are read so; no row of those ever changes.
    by_doc: Option<BTreeMap<RowKey, Vec<Row>>>,
}

/// What happens to a row whose key is there already, by the numbers of the columns.
#[derive(Debug, Clone, PartialEq)]
enum OnConflict {
    Fail,
    Keep,
    /// Sets these columns, unless the last one named holds the same.
    Update(Vec<usize>, Option<usize>),
}

impl Table {
    /// An empty table.
    ///
    /// # Errors
    /// If a key or a conflict names a column that the table has not, or asks for computed values.
    pub fn of(spec: &Spec) -> Result<Self, StoreError> {
        let on_conflict = match spec.conflict {
            Conflict::Fail => OnConflict::Fail,
            Conflict::Keep => OnConflict::Keep,
            Conflict::Update(columns) => OnConflict::Update(spec.places(columns)?, None),
            Conflict::UpdateChanged(columns, changed) => {
                OnConflict::Update(spec.places(columns)?, Some(spec.place(changed)?))
            }
            Conflict::Compute(_) => {
                return Err(StoreError::Corrupt(format!("{} is kept by SQL alone", spec.table)));
            }
        };
        let by_doc = matches!(spec.table, "runs" | "quarantine").then(BTreeMap::new);
        let (width, key, doc) =
            (spec.columns.len(), spec.places(spec.key)?, spec.place("doc").ok());
        Ok(Self { width, key, on_conflict, rows: BTreeMap::new(), doc, by_doc })
    }

    /// How many columns there are.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Whether a row may be put in.
    pub fn check(&self, row: &[Plain]) -> Result<(), StoreError> {
        if row.len() != self.width {
            return Err(StoreError::Corrupt("a row of another table".into()));
        }
        let taken =
            matches!(self.on_conflict, OnConflict::Fail) && self.rows.contains_key(&self.key(row));
        if taken { Err(StoreError::Corrupt("a key that is there already".into())) } else { Ok(()) }
    }

    /// Puts a row in, as its statement would.
    pub fn put(&mut self, row: Vec<Plain>) {
        let key = self.key(&row);
        if let Some(there) = self.rows.get_mut(&key) {
            let OnConflict::Update(sets, unless) = &self.on_conflict else { return };
            if unless.is_some_and(|column| there[column] == row[column]) {
                return;
            }
            debug_assert!(self.by_doc.is_none());
            let there = Arc::make_mut(there);
            for (column, value) in row.into_iter().enumerate() {
                if sets.contains(&column) {
                    there[column] = value;
                }
            }
            return;
        }
        let row = Arc::new(row);
        if let (Some(index), Some(doc)) = (&mut self.by_doc, self.doc) {
            let name = RowKey::of([&row[0], &row[doc]].into_iter());
            index.entry(name).or_default().push(Arc::clone(&row));
        }
        self.rows.insert(key, row);
    }

    /// Takes out every row of a document.
    pub fn lose(&mut self, doc: &Plain) {
        let Some(column) = self.doc else { return };
        self.rows.retain(|_, row| row[column] != *doc);
        if let Some(index) = &mut self.by_doc {
            index.retain(|_, rows| rows.iter().all(|row| row[column] != *doc));
        }
    }

    /// Takes out every row whose key begins so, in a table that is not read by document.
    pub fn remove(&mut self, prefix: &RowKey) {
        debug_assert!(self.by_doc.is_none());
        let rows = self.rows.range::<RowKey, _>(prefix..);
        let keys = rows.map(|(key, _)| key).take_while(|key| key.0.starts_with(&prefix.0));
        for key in keys.cloned().collect::<Vec<_>>() {
            self.rows.remove(&key);
        }
    }

    /// The row with this key.
    pub fn get(&self, key: &RowKey) -> Option<&Vec<Plain>> {
        self.rows.get(key).map(Arc::as_ref)
    }

    /// Rows whose key begins so, in order of the key.
    pub fn from<'t>(&'t self, prefix: &'t RowKey) -> impl Iterator<Item = &'t Vec<Plain>> {
        let rows = self.rows.range::<RowKey, _>(prefix..);
        rows.take_while(move |(key, _)| key.0.starts_with(&prefix.0)).map(|(_, row)| &**row)
    }

    /// Rows of a document, by the key of its tenant and its own, in a table that is read so, in the
    /// order in which they came.
    pub fn of_doc(&self, name: &RowKey) -> impl Iterator<Item = &Vec<Plain>> + use<'_> {
        let index = self.by_doc.as_ref().and_then(|index| index.get(name));
        index.into_iter().flatten().map(Arc::as_ref)
    }

    /// Every row.
    pub fn rows(&self) -> impl Iterator<Item = &Vec<Plain>> {
        self.rows.values().map(Arc::as_ref)
    }

    fn key(&self, row: &[Plain]) -> RowKey {
        RowKey::of(self.key.iter().map(|column| &row[*column]))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::sql::Arg;

    fn table(conflict: Conflict) -> Table {
        let (key, columns) = (&["tenant", "doc"], &["tenant", "doc", "a", "b"]);
        Table::of(&Spec { table: "t", key, columns, conflict }).unwrap()
    }

    fn row(doc: i64, a: i64, b: i64) -> Vec<Plain> {
        [0, doc, a, b].map(|value| Plain::from(Arg::Int(value))).to_vec()
    }

    #[test]
    fn keys_sort_as_their_values_do() {
        let blob = |bytes: &[u8]| Plain::Blob(bytes.to_vec());
        let mut values = vec![Plain::Null, Plain::Text(String::new()), Plain::Text("a\0".into())];
        values.extend([i64::MIN, -1, 0, 1, 255, 256, i64::MAX].map(Plain::Int));
        let bytes: [&[u8]; 8] =
            [&[], &[0], &[0, 0], &[0, 1], &[0, 0xff], &[1], &[1, 0], &[0xff, 0xff]];
        values.extend(bytes.map(blob));
        let pairs = || values.iter().flat_map(|a| values.iter().map(move |b| [a, b]));
        for one in pairs() {
            for other in pairs() {
                let keys = [one, other].map(|pair| RowKey::of(pair.into_iter()));
                assert_eq!(keys[0].cmp(&keys[1]), one.cmp(&other), "{one:?} {other:?}");
                let begins = keys[0].0.starts_with(&RowKey::of([other[0]].into_iter()).0);
                assert_eq!(begins, one[0] == other[0], "{one:?} {other:?}");
            }
        }
    }

    #[test]
    fn a_conflict_means_what_the_statement_says() {
        let mut fails = table(Conflict::Fail);
        fails.put(row(1, 1, 1));
        assert!(fails.check(&row(1, 2, 2)).is_err() && fails.check(&row(2, 2, 2)).is_ok());
        let mut nothing = table(Conflict::Keep);
        nothing.put(row(1, 1, 1));
        nothing.put(row(1, 2, 2));
        assert_eq!(nothing.rows().next(), Some(&row(1, 1, 1)));
        let mut update = table(Conflict::Update(&["b"]));
        update.put(row(1, 1, 1));
        update.put(row(1, 2, 2));
        assert_eq!(update.rows().next(), Some(&row(1, 1, 2)));
        let mut unless = table(Conflict::UpdateChanged(&["a", "b"], "a"));
        unless.put(row(1, 1, 1));
        unless.put(row(1, 1, 2));
        assert_eq!(unless.rows().next(), Some(&row(1, 1, 1)));
        unless.put(row(1, 2, 3));
        assert_eq!(unless.rows().next(), Some(&row(1, 2, 3)));
    }
}
