//! Values on their way into the database and back.

use sqlx::any::{AnyArguments, AnyRow, AnyTypeInfoKind};
use sqlx::{Arguments, Row, ValueRef};

use crate::store::StoreError;

/// One bound value.
#[derive(Debug, Clone)]
pub(crate) enum Arg {
    /// BIGINT.
    Int(i64),
    /// BIGINT or NULL.
    MaybeInt(Option<i64>),
    /// TEXT.
    Text(String),
    /// TEXT or NULL.
    MaybeText(Option<String>),
    /// BLOB.
    Blob(Vec<u8>),
    /// BLOB or NULL.
    MaybeBlob(Option<Vec<u8>>),
}

impl From<i64> for Arg {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<Option<i64>> for Arg {
    fn from(value: Option<i64>) -> Self {
        Self::MaybeInt(value)
    }
}

impl From<String> for Arg {
    fn from(value: String) -> Self {
        Self::Text(kept(value))
    }
}

impl From<&str> for Arg {
    fn from(value: &str) -> Self {
        value.to_owned().into()
    }
}

impl From<Option<String>> for Arg {
    fn from(value: Option<String>) -> Self {
        Self::MaybeText(value.map(kept))
    }
}

/// The text as both databases can keep it: PostgreSQL takes no NUL, and what a phone recorded
/// must not keep its own row, or the group it is written with, from being written.
fn kept(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text }
}

impl From<Vec<u8>> for Arg {
    fn from(value: Vec<u8>) -> Self {
        Self::Blob(value)
    }
}

impl From<Option<Vec<u8>>> for Arg {
    fn from(value: Option<Vec<u8>>) -> Self {
        Self::MaybeBlob(value)
    }
}

impl From<&[u8; 16]> for Arg {
    fn from(value: &[u8; 16]) -> Self {
        Self::Blob(value.to_vec())
    }
}

impl From<Option<&[u8; 16]>> for Arg {
    fn from(value: Option<&[u8; 16]>) -> Self {
        Self::MaybeBlob(value.map(|bytes| bytes.to_vec()))
    }
}

pub(super) fn add(arguments: &mut AnyArguments, arg: Arg) -> Result<(), StoreError> {
    let added = match arg {
        Arg::Int(value) => arguments.add(value),
        Arg::MaybeInt(value) => arguments.add(value),
        Arg::Text(value) => arguments.add(value),
        Arg::MaybeText(value) => arguments.add(value),
        Arg::Blob(value) => arguments.add(value),
        Arg::MaybeBlob(value) => arguments.add(value),
    };
    added.map_err(|error| StoreError::Database(sqlx::Error::Encode(error)))
}

/// A value as both databases give it back, to be compared.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Plain {
    /// NULL.
    Null,
    /// BIGINT.
    Int(i64),
    /// TEXT.
    Text(String),
    /// BLOB.
    Blob(Vec<u8>),
}

impl Plain {
    /// Reads a column, whatever it holds.
    pub fn read(row: &AnyRow, column: usize) -> Result<Self, StoreError> {
        let raw = row.try_get_raw(column)?;
        if raw.is_null() {
            return Ok(Self::Null);
        }
        Ok(match raw.type_info().kind() {
            AnyTypeInfoKind::Text => Self::Text(row.try_get(column)?),
            AnyTypeInfoKind::Blob => Self::Blob(row.try_get(column)?),
            _ => Self::Int(row.try_get(column)?),
        })
    }
}

impl From<Arg> for Plain {
    fn from(arg: Arg) -> Self {
        match arg {
            Arg::Int(value) | Arg::MaybeInt(Some(value)) => Self::Int(value),
            Arg::Text(value) | Arg::MaybeText(Some(value)) => Self::Text(value),
            Arg::Blob(value) | Arg::MaybeBlob(Some(value)) => Self::Blob(value),
            Arg::MaybeInt(None) | Arg::MaybeText(None) | Arg::MaybeBlob(None) => Self::Null,
        }
    }
}

/// An id column.
pub(crate) fn id<T, E>(
    row: &AnyRow,
    column: usize,
    from: impl FnOnce(&[u8]) -> Result<T, E>,
) -> Result<T, StoreError> {
    let bytes: Vec<u8> = row.try_get(column)?;
    from(&bytes).map_err(|_| StoreError::Corrupt("an id".to_owned()))
}

/// An id column that may be NULL.
pub(crate) fn maybe_id<T, E>(
    row: &AnyRow,
    column: usize,
    from: impl FnOnce(&[u8]) -> Result<T, E>,
) -> Result<Option<T>, StoreError> {
    let bytes: Option<Vec<u8>> = row.try_get(column)?;
    bytes.map(|bytes| from(&bytes).map_err(|_| StoreError::Corrupt("an id".into()))).transpose()
}
