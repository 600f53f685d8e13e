//! Wide statements: many rows in one INSERT, many keys in one IN, in a few fixed sizes.
//!
//! A statement costs about as much as a dozen rows, so rows travel together; the sizes are fixed
//! so that the prepared statements are few and are found again.

mod rows;
mod value;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};

use sqlx::any::{AnyArguments, AnyRow};
use sqlx::{AnyConnection, AssertSqlSafe};

use super::{Backend, StoreError};
pub(crate) use rows::{Conflict, Rows, Spec, TableSpec, WideRows};
pub use value::Arg;
use value::bound;
pub(crate) use value::{Cell, Plain, add, id, key_text, maybe_id};

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
    fn keys_follow_the_values_bound_before_them() {
        let text =
            select_text("SELECT x FROM t WHERE a = $1 AND b IN ({keys})", 1, 1, Backend::Sqlite);
        assert_eq!(&*text, "SELECT x FROM t WHERE a = $1 AND b IN ($2)");
    }
}
