//! Rows on their way into one table, and the table as the SQL that writes them is made from it.

use sqlx::any::AnyArguments;
use sqlx::{AnyConnection, Arguments, AssertSqlSafe};

use super::{Arg, Cell, Plain, add, list, remember};
use crate::{Backend, StoreError};

/// Rows of one INSERT, greatest first.
const ROWS: [usize; 4] = [64, 16, 4, 1];

/// A table with `N` columns that are written.
#[derive(Debug)]
pub(crate) struct TableSpec<const N: usize> {
    pub table: &'static str,
    /// The primary key.
    pub key: &'static [&'static str],
    /// In the order of the values of a row.
    pub columns: [&'static str; N],
    pub conflict: Conflict,
}

/// What happens to a row whose key is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Conflict {
    /// The statement fails.
    Fail,
    /// The row that is there stays.
    Keep,
    /// These columns take the new values.
    Update(&'static [&'static str]),
    /// The same, where this column, one of them, has another value.
    UpdateChanged(&'static [&'static str], &'static str),
    /// What follows `DO UPDATE SET`: the new values are computed from both rows.
    Compute(&'static str),
}

impl<const N: usize> TableSpec<N> {
    /// The same without the number of columns in its type.
    pub const fn spec(&'static self) -> Spec {
        Spec { table: self.table, key: self.key, columns: &self.columns, conflict: self.conflict }
    }
}

/// A table, however many columns it has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spec {
    pub table: &'static str,
    pub key: &'static [&'static str],
    pub columns: &'static [&'static str],
    pub conflict: Conflict,
}

impl Spec {
    /// Where a column stands in a row.
    ///
    /// # Errors
    /// If the table has no such column.
    pub fn place(&self, column: &str) -> Result<usize, StoreError> {
        let found = self.columns.iter().position(|name| *name == column);
        found.ok_or_else(|| StoreError::Corrupt(format!("{} has no column {column}", self.table)))
    }

    /// Where each of these columns stands in a row.
    ///
    /// # Errors
    /// If the table lacks one of them.
    pub fn places(&self, columns: &[&str]) -> Result<Vec<usize>, StoreError> {
        columns.iter().map(|column| self.place(column)).collect()
    }

    /// The statement that writes so many rows.
    pub fn insert(&self, rows: usize, backend: Backend) -> String {
        let Self { table, key, columns, conflict } = self;
        let mut text = format!("INSERT INTO {table} ({}) VALUES ", columns.join(", "));
        for row in 0..rows {
            text.push_str(if row == 0 { "(" } else { ", (" });
            list(&mut text, row * columns.len(), columns.len(), backend);
            text.push(')');
        }
        let sets = |columns: &[&str]| {
            let set = columns.iter().map(|column| format!("{column} = excluded.{column}"));
            set.collect::<Vec<_>>().join(", ")
        };
        let action = match conflict {
            Conflict::Fail => return text,
            Conflict::Keep => "NOTHING".to_owned(),
            Conflict::Update(columns) => format!("UPDATE SET {}", sets(columns)),
            Conflict::UpdateChanged(columns, changed) => {
                let sets = sets(columns);
                format!("UPDATE SET {sets} WHERE {table}.{changed} <> excluded.{changed}")
            }
            Conflict::Compute(sets) => format!("UPDATE SET {sets}"),
        };
        format!("{text} ON CONFLICT ({}) DO {action}", key.join(", "))
    }
}

/// Rows for one table, each as long as the table has columns.
#[derive(Debug)]
pub(crate) struct Rows<const N: usize> {
    spec: &'static TableSpec<N>,
    values: Vec<[Arg; N]>,
}

impl<const N: usize> Rows<N> {
    /// None yet.
    pub const fn of(spec: &'static TableSpec<N>) -> Self {
        Self { spec, values: Vec::new() }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Adds a row.
    pub fn push(&mut self, row: [Arg; N]) {
        self.values.push(row);
    }

    /// Adds a row whose first values every row of its document shares.
    pub fn push_cells<const A: usize, const B: usize>(
        &mut self,
        first: [Arg; A],
        cells: &[Cell<'_>; B],
    ) {
        const { assert!(A + B == N, "a row is as long as its table has columns") };
        let mut values = first.into_iter().chain(cells.iter().copied().map(Arg::from));
        self.values.push(std::array::from_fn(|_| values.next().unwrap_or(Arg::MaybeBlob(None))));
    }

    /// Each row.
    pub fn iter(&self) -> impl Iterator<Item = &[Arg; N]> {
        self.values.iter()
    }

    /// The same rows without their length in the type.
    pub fn wide(self) -> WideRows {
        WideRows { spec: self.spec.spec(), values: self.values.into_flattened() }
    }
}

/// Rows for one table, whichever it is.
#[derive(Debug)]
pub(crate) struct WideRows {
    spec: Spec,
    values: Vec<Arg>,
}

impl WideRows {
    /// None yet.
    pub fn of(spec: Spec) -> Self {
        Self { spec, values: Vec::new() }
    }

    /// The table.
    pub fn spec(&self) -> Spec {
        self.spec
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.values.len() / self.spec.columns.len()
    }

    /// Adds a row.
    ///
    /// # Errors
    /// If it is not as long as the table has columns.
    pub fn push(&mut self, row: Vec<Arg>) -> Result<(), StoreError> {
        let (has, Spec { table, columns, .. }) = (row.len(), self.spec);
        if has != columns.len() {
            let what = format!("a row of {has} values for {} columns of {table}", columns.len());
            return Err(StoreError::Corrupt(what));
        }
        self.values.extend(row);
        Ok(())
    }

    /// The rows as values to compare.
    pub fn plain(self) -> impl Iterator<Item = Vec<Plain>> {
        self.rows().map(|row| row.into_iter().map(Plain::from).collect())
    }

    /// The rows.
    pub fn rows(self) -> impl Iterator<Item = Vec<Arg>> {
        let (columns, rows) = (self.spec.columns.len(), self.count());
        let mut values = self.values.into_iter();
        (0..rows).map(move |_| values.by_ref().take(columns).collect())
    }

    /// Writes the rows, in order.
    ///
    /// # Errors
    /// If the database refuses them.
    pub async fn insert(
        self,
        connection: &mut AnyConnection,
        backend: Backend,
    ) -> Result<(), StoreError> {
        let (spec, mut left) = (self.spec, self.count());
        let mut values = self.values.into_iter();
        while left > 0 {
            let rows = ROWS.into_iter().find(|rows| *rows <= left).unwrap_or(1);
            let values_of_all = rows * spec.columns.len();
            let mut arguments = AnyArguments::default();
            arguments.reserve(values_of_all, 0);
            for value in values.by_ref().take(values_of_all) {
                add(&mut arguments, value)?;
            }
            let sql =
                remember("INSERT INTO", spec.table, rows, backend, || spec.insert(rows, backend));
            sqlx::query_with(AssertSqlSafe(sql), arguments).execute(&mut *connection).await?;
            left -= rows;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(conflict: Conflict, rows: usize, backend: Backend) -> String {
        let spec = Spec { table: "t", key: &["a"], columns: &["a", "b"], conflict };
        spec.insert(rows, backend)
    }

    #[test]
    fn a_wide_insert_numbers_its_values_through() {
        let values = "($1,$2), ($3,$4), ($5,$6), ($7,$8)";
        assert_eq!(
            text(Conflict::Fail, 4, Backend::Postgres),
            format!("INSERT INTO t (a, b) VALUES {values}")
        );
        assert_eq!(text(Conflict::Fail, 1, Backend::Sqlite), "INSERT INTO t (a, b) VALUES (?,?)");
    }

    #[test]
    fn what_happens_to_a_key_that_is_there_is_said_at_the_end() {
        for (conflict, end) in [
            (Conflict::Keep, "NOTHING"),
            (Conflict::Update(&["b"]), "UPDATE SET b = excluded.b"),
            (
                Conflict::UpdateChanged(&["b"], "b"),
                "UPDATE SET b = excluded.b WHERE t.b <> excluded.b",
            ),
            (Conflict::Compute("b = t.b + excluded.b"), "UPDATE SET b = t.b + excluded.b"),
        ] {
            let insert = "INSERT INTO t (a, b) VALUES (?,?) ON CONFLICT (a) DO";
            assert_eq!(text(conflict, 1, Backend::Sqlite), format!("{insert} {end}"));
        }
    }

    #[test]
    fn a_column_that_a_table_lacks_is_an_error_and_never_another_column() {
        let spec = Spec { table: "t", key: &["a"], columns: &["a", "b"], conflict: Conflict::Fail };
        assert_eq!(spec.places(&["b", "a"]).expect("both are there"), [1, 0]);
        let missing = spec.place("c").expect_err("there is no c").to_string();
        assert!(missing.contains("t has no column c"), "{missing}");
        let short = WideRows::of(spec).push(vec![Arg::Int(1)]).expect_err("it is short");
        assert!(short.to_string().contains("a row of 1 values for 2 columns of t"), "{short}");
    }
}
