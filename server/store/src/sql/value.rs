//! Values on their way into the database and back.

use std::borrow::Cow;

use sha2::{Digest as _, Sha256};
use sqlx::any::{AnyArguments, AnyRow, AnyTypeInfoKind};
use sqlx::error::BoxDynError;
use sqlx::{Arguments, Row, ValueRef};

use crate::StoreError;

/// One bound value.
#[derive(Debug, Clone)]
pub enum Arg {
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
/// must not keep its own row, or the group it is written with, from being written. Two texts may
/// be kept as one: what stands in a key or an index goes through [`key_text`].
fn kept(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text }
}

/// Longest text that stands in a key as it is, bytes. A row of a PostgreSQL index takes 2,704.
const KEY_BYTES: usize = 200;
/// What the digest of a text begins with that does not stand in a key as it is.
const DIGEST: &str = "sha256:";

/// A text as both databases can keep it in a key or an index: different texts stay different, and
/// none is too long. What people write stays readable; what does not fit is replaced by its SHA-256.
pub(crate) fn key_text(text: &str) -> Cow<'_, str> {
    if text.len() <= KEY_BYTES && !text.contains('\0') && !text.starts_with(DIGEST) {
        return Cow::Borrowed(text);
    }
    let mut digest = DIGEST.to_owned();
    for byte in Sha256::digest(text) {
        digest.push_str(&format!("{byte:02x}"));
    }
    Cow::Owned(digest)
}

/// One value of a row that may not have to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Cell<'a> {
    /// BIGINT.
    Int(i64),
    /// BIGINT or NULL.
    MaybeInt(Option<i64>),
    /// TEXT.
    Text(&'a str),
    /// TEXT or NULL.
    MaybeText(Option<&'a str>),
    /// TEXT of a key, as [`key_text`] has it.
    Key(&'a str),
    /// BLOB.
    Blob(&'a [u8]),
    /// BLOB or NULL.
    MaybeBlob(Option<&'a [u8]>),
}

impl From<Cell<'_>> for Arg {
    fn from(cell: Cell<'_>) -> Self {
        match cell {
            Cell::Int(value) => value.into(),
            Cell::MaybeInt(value) => value.into(),
            Cell::Text(value) => value.into(),
            Cell::MaybeText(value) => value.map(str::to_owned).into(),
            Cell::Key(value) => Self::Text(key_text(value).into_owned()),
            Cell::Blob(value) => Self::Blob(value.to_vec()),
            Cell::MaybeBlob(value) => Self::MaybeBlob(value.map(<[u8]>::to_vec)),
        }
    }
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

/// Binds one value more.
pub(crate) fn add(arguments: &mut AnyArguments, arg: Arg) -> Result<(), StoreError> {
    bound(arguments, arg).map_err(|error| StoreError::Database(sqlx::Error::Encode(error)))
}

pub(super) fn bound(arguments: &mut AnyArguments, arg: Arg) -> Result<(), BoxDynError> {
    match arg {
        Arg::Int(value) => arguments.add(value),
        Arg::MaybeInt(value) => arguments.add(value),
        Arg::Text(value) => arguments.add(value),
        Arg::MaybeText(value) => arguments.add(value),
        Arg::Blob(value) => arguments.add(value),
        Arg::MaybeBlob(value) => arguments.add(value),
    }
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

impl From<Plain> for Arg {
    fn from(value: Plain) -> Self {
        match value {
            // Nothing is compared with it: it stands in no key.
            Plain::Null => Self::MaybeBlob(None),
            Plain::Int(value) => Self::Int(value),
            Plain::Text(value) => Self::Text(value),
            Plain::Blob(value) => Self::Blob(value),
        }
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn different_texts_stay_different_in_a_key_and_fit_into_an_index() {
        let long = "x".repeat(KEY_BYTES + 1);
        let digest = key_text("a\0").into_owned();
        let texts =
            ["a\0", "a\u{fffd}", "a", "A", "", "\0", "\u{fffd}", &long, &digest, "é", "e\u{301}"];
        let keys: BTreeSet<String> = texts.iter().map(|text| key_text(text).into_owned()).collect();
        assert_eq!(keys.len(), texts.len(), "{keys:?}");
        assert!(keys.iter().all(|key| key.len() <= KEY_BYTES && !key.contains('\0')));
        assert_eq!(key_text("arrived"), "arrived");
    }
}
