//! Wide statements: many rows in one INSERT, many keys in one IN, in a few fixed sizes.
//!
//! A statement costs about as much as a dozen rows, so rows travel together; the sizes are fixed
//! so that the prepared statements are few and are found again.

mod value;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};

use sqlx::any::{AnyArguments, AnyRow};
use sqlx::{AnyConnection, Arguments, AssertSqlSafe};

use super::{Backend, StoreError};
pub use value::Arg;
use value::bound;
pub(crate) use value::{Cell, Plain, add, id, key_text, maybe_id};

/// Rows of one INSERT, greatest first.
const ROWS: [usize; 4] = [64, 16, 4, 1];
/// Keys of one IN, least first; shorter lists are filled up with their last key.
const KEYS: [usize; 4] = [1, 8, 64, 256];

/// A statement made at run time from texts in the code, with what is bound to it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Statement {
    /// The text.
    pub sql: String,
    /// The values of `$1` and on.
    pub args: Vec<Arg>,
}

impl Statement {
    /// Binds a value and gives the mark that stands for it.
    pub fn bind(&mut self, value: impl Into<Arg>) -> String {
        self.args.push(value.into());
        format!("${}", self.args.len())
    }

    /// Runs it. Gives how many rows it changed.
    pub async fn execute(self, connection: &mut AnyConnection) -> Result<u64, sqlx::Error> {
        let mut arguments = AnyArguments::default();
        for arg in self.args {
            bound(&mut arguments, arg).map_err(sqlx::Error::Encode)?;
        }
        let query = sqlx::query_with(AssertSqlSafe(self.sql), arguments);
        Ok(query.execute(connection).await?.rows_affected())
    }

    /// Runs it. Gives the rows it reads.
    pub async fn fetch(self, connection: &mut AnyConnection) -> Result<Vec<AnyRow>, sqlx::Error> {
        let mut arguments = AnyArguments::default();
        for arg in self.args {
            bound(&mut arguments, arg).map_err(sqlx::Error::Encode)?;
        }
        sqlx::query_with(AssertSqlSafe(self.sql), arguments).fetch_all(connection).await
    }
}

/// Rows on their way into one table.
#[derive(Debug)]
pub(crate) struct Rows {
    head: &'static str,
    columns: usize,
    tail: &'static str,
    values: Vec<Arg>,
}

impl Rows {
    /// `head` is `INSERT INTO table (columns)`, `tail` what follows the values.
    pub const fn new(head: &'static str, columns: usize, tail: &'static str) -> Self {
        Self { head, columns, tail, values: Vec::new() }
    }

    /// The columns of the primary key, where the statement names them.
    pub fn key(&self) -> Vec<&'static str> {
        let named = self.tail.strip_prefix("ON CONFLICT (").and_then(|rest| rest.split_once(')'));
        named.map_or(Vec::new(), |(names, _)| names.split(',').map(str::trim).collect())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Adds a row.
    pub fn push<const N: usize>(&mut self, row: [Arg; N]) {
        debug_assert_eq!(N, self.columns, "{}", self.head);
        self.values.extend(row);
    }

    /// What follows the values: what happens when the key is there already.
    pub fn tail(&self) -> &'static str {
        self.tail
    }

    /// The table.
    pub fn table(&self) -> &'static str {
        let table = self.head.strip_prefix("INSERT INTO ").unwrap_or(self.head);
        table.split(' ').next().unwrap_or(table)
    }

    /// The names of the columns, in the order of the values.
    pub fn columns(&self) -> Vec<&'static str> {
        let names = self.head.split_once('(').map_or("", |(_, names)| names);
        names.trim_end_matches(')').split(", ").map(str::trim).collect()
    }

    /// Adds a row whose first values every row of its document shares.
    pub fn push_cells<const N: usize>(&mut self, first: [Arg; N], cells: &[Cell<'_>]) {
        debug_assert_eq!(N + cells.len(), self.columns, "{}", self.head);
        self.values.extend(first);
        self.values.extend(cells.iter().copied().map(Arg::from));
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        (self.values.len() / self.columns) as u64
    }

    /// Each row.
    pub fn iter(&self) -> impl Iterator<Item = &[Arg]> {
        self.values.chunks(self.columns)
    }

    /// The same statement without rows.
    pub fn none(&self) -> Self {
        Self::new(self.head, self.columns, self.tail)
    }

    /// Adds a row of a statement like this one.
    pub fn push_row(&mut self, row: Vec<Arg>) {
        debug_assert_eq!(row.len(), self.columns, "{}", self.head);
        self.values.extend(row);
    }

    /// The rows as values to compare.
    pub fn plain(self) -> impl Iterator<Item = Vec<Plain>> {
        self.rows().map(|row| row.into_iter().map(Plain::from).collect())
    }

    /// The rows.
    pub fn rows(self) -> impl Iterator<Item = Vec<Arg>> {
        let columns = self.columns;
        let mut values = self.values.into_iter();
        std::iter::from_fn(move || {
            let row: Vec<_> = values.by_ref().take(columns).collect();
            (row.len() == columns).then_some(row)
        })
    }

    /// Writes the rows, in order.
    pub async fn insert(
        self,
        connection: &mut AnyConnection,
        backend: Backend,
    ) -> Result<(), StoreError> {
        let mut left = self.values.len() / self.columns;
        let mut values = self.values.into_iter();
        while left > 0 {
            let rows = ROWS.into_iter().find(|rows| *rows <= left).unwrap_or(1);
            let mut arguments = AnyArguments::default();
            arguments.reserve(rows * self.columns, 0);
            for value in values.by_ref().take(rows * self.columns) {
                add(&mut arguments, value)?;
            }
            let sql = insert_text(self.head, self.columns, self.tail, rows, backend);
            sqlx::query_with(AssertSqlSafe(sql), arguments).execute(&mut *connection).await?;
            left -= rows;
        }
        Ok(())
    }
}

/// Reads the rows of a query for many keys. `sql` holds `{keys}` where the list of keys stands;
/// `first` are bound before them.
pub async fn select_in(
    connection: &mut AnyConnection,
    backend: Backend,
    sql: &'static str,
    first: Vec<Arg>,
    keys: &[Vec<u8>],
) -> Result<Vec<AnyRow>, StoreError> {
    let text = |before, size| select_text(sql, before, size, backend);
    select_keys(connection, text, first, keys, |key| Arg::Blob(key.clone())).await
}

/// As [`select_in`] for a text that is made at run time from names in the code.
pub(crate) async fn select_in_text(
    connection: &mut AnyConnection,
    sql: &str,
    first: Vec<Arg>,
    keys: &[Vec<u8>],
) -> Result<Vec<AnyRow>, StoreError> {
    let arg = |key: &Vec<u8>| Arg::Blob(key.clone());
    let text = |before, size| -> Arc<str> { fill(sql, before, size).into() };
    select_keys(connection, text, first, keys, arg).await
}

/// As [`select_in`] for positions.
pub(crate) async fn select_in_positions(
    connection: &mut AnyConnection,
    backend: Backend,
    sql: &'static str,
    first: Vec<Arg>,
    keys: &[i64],
) -> Result<Vec<AnyRow>, StoreError> {
    let text = |before, size| select_text(sql, before, size, backend);
    select_keys(connection, text, first, keys, |key| Arg::Int(*key)).await
}

async fn select_keys<K>(
    connection: &mut AnyConnection,
    text: impl Fn(usize, usize) -> Arc<str>,
    first: Vec<Arg>,
    keys: &[K],
    arg: impl Fn(&K) -> Arg,
) -> Result<Vec<AnyRow>, StoreError> {
    let mut found = Vec::new();
    let most = KEYS[KEYS.len() - 1];
    for chunk in keys.chunks(most) {
        let size = KEYS.into_iter().find(|size| *size >= chunk.len()).unwrap_or(most);
        let mut arguments = AnyArguments::default();
        for value in first.clone() {
            add(&mut arguments, value)?;
        }
        for index in 0..size {
            add(&mut arguments, arg(&chunk[index.min(chunk.len() - 1)]))?;
        }
        let rows = sqlx::query_with(AssertSqlSafe(text(first.len(), size)), arguments);
        found.extend(rows.fetch_all(&mut *connection).await?);
    }
    Ok(found)
}

type Texts = Mutex<HashMap<(&'static str, &'static str, usize, bool), Arc<str>>>;

fn insert_text(
    head: &'static str,
    columns: usize,
    tail: &'static str,
    rows: usize,
    backend: Backend,
) -> Arc<str> {
    remember(head, tail, rows, backend, || {
        let mut text = format!("{head} VALUES ");
        for row in 0..rows {
            text.push_str(if row == 0 { "(" } else { ", (" });
            list(&mut text, row * columns, columns, backend);
            text.push(')');
        }
        text.push(' ');
        text.push_str(tail);
        text
    })
}

fn select_text(sql: &'static str, first: usize, keys: usize, backend: Backend) -> Arc<str> {
    remember(sql, "", keys, backend, || fill(sql, first, keys))
}

pub(crate) fn fill(sql: &str, first: usize, keys: usize) -> String {
    let numbers: Vec<_> = (first + 1..=first + keys).map(|number| format!("${number}")).collect();
    sql.replace("{keys}", &numbers.join(", "))
}

/// SQLite looks up every `$n` among the names before it, so a wide INSERT uses plain marks there.
fn list(text: &mut String, before: usize, count: usize, backend: Backend) {
    for index in 0..count {
        if index > 0 {
            text.push(',');
        }
        match backend {
            Backend::Sqlite => text.push('?'),
            Backend::Postgres => text.push_str(&format!("${}", before + index + 1)),
        }
    }
}

fn remember(
    first: &'static str,
    second: &'static str,
    size: usize,
    backend: Backend,
    make: impl FnOnce() -> String,
) -> Arc<str> {
    static TEXTS: OnceLock<Texts> = OnceLock::new();
    let texts = TEXTS.get_or_init(Texts::default);
    let key = (first, second, size, backend == Backend::Sqlite);
    let mut texts = texts.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    texts.entry(key).or_insert_with(|| make().into()).clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wide_insert_numbers_its_values_through() {
        let text = insert_text("INSERT INTO t (a, b)", 2, "ON CONFLICT DO NOTHING", 4, {
            Backend::Postgres
        });
        let values = "($1,$2), ($3,$4), ($5,$6), ($7,$8)";
        assert_eq!(&*text, format!("INSERT INTO t (a, b) VALUES {values} ON CONFLICT DO NOTHING"));
    }

    #[test]
    fn keys_follow_the_values_bound_before_them() {
        let text =
            select_text("SELECT x FROM t WHERE a = $1 AND b IN ({keys})", 1, 1, Backend::Sqlite);
        assert_eq!(&*text, "SELECT x FROM t WHERE a = $1 AND b IN ($2)");
    }
}
