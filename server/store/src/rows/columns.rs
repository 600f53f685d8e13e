//! Ids in and out of rows, where they are sixteen raw bytes.

use sqlx::Row as _;
use sqlx::any::AnyRow;
use sync_core::id::{ActorId, BranchId, DeviceId, FactId, JobId, TenantId, UserId, VanId};

/// An id that is stored as its sixteen bytes.
pub trait Raw: Sized {
    /// The bytes to bind.
    fn raw(&self) -> Vec<u8>;
    /// The id from what was stored.
    fn from_raw(bytes: &[u8]) -> Option<Self>;
}

macro_rules! raw {
    ($($id:ident),*) => {$(
        impl Raw for $id {
            fn raw(&self) -> Vec<u8> {
                self.as_bytes().to_vec()
            }

            fn from_raw(bytes: &[u8]) -> Option<Self> {
                Self::from_slice(bytes).ok()
            }
        }
    )*};
}

raw!(ActorId, BranchId, DeviceId, FactId, JobId, TenantId, UserId, VanId);

/// The id in a column.
///
/// # Errors
/// When the column is missing or holds no id.
pub fn id<T: Raw>(row: &AnyRow, column: &str) -> Result<T, sqlx::Error> {
    maybe_id(row, column)?.ok_or_else(|| broken(column))
}

/// The id in a column that may be empty.
///
/// # Errors
/// When the column is missing or holds something else.
pub fn maybe_id<T: Raw>(row: &AnyRow, column: &str) -> Result<Option<T>, sqlx::Error> {
    let bytes: Option<Vec<u8>> = row.try_get(column)?;
    bytes.map(|bytes| T::from_raw(&bytes).ok_or_else(|| broken(column))).transpose()
}

/// A yes or no in a column.
///
/// # Errors
/// When the column is missing or holds no integer.
pub fn flag(row: &AnyRow, column: &str) -> Result<bool, sqlx::Error> {
    Ok(row.try_get::<i64, _>(column)? != 0)
}

/// A stored value that cannot be what the program wrote.
pub fn broken(column: &str) -> sqlx::Error {
    sqlx::Error::ColumnDecode { index: column.to_owned(), source: "not a value we write".into() }
}
