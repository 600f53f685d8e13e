//! Why an input is refused: one type for the whole crate, with the violated limit.

/// Why an input is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// More entries than the crate computes in bounded time.
    #[error("{count} {what}: at most {limit} are computed")]
    TooMany {
        /// The kind of entry.
        what: &'static str,
        /// The number of entries given.
        count: usize,
        /// The greatest number allowed.
        limit: usize,
    },
    /// A number outside its range.
    #[error("{what} is {value}: it must be from {least} to {greatest}")]
    OutOfRange {
        /// Which number.
        what: &'static str,
        /// Its value.
        value: i64,
        /// The least that is allowed.
        least: i64,
        /// The greatest that is allowed.
        greatest: i64,
    },
    /// An index that is out of range.
    #[error("{what} {index} does not exist")]
    Missing {
        /// What it indexes.
        what: &'static str,
        /// The index.
        index: usize,
    },
    /// A table whose size does not fit its rows and columns.
    #[error("{what} has {count} entries, not {expected}")]
    Size {
        /// Which table.
        what: &'static str,
        /// The number of entries given.
        count: usize,
        /// The number of entries required.
        expected: usize,
    },
    /// Two jobs are under way with one technician at once.
    #[error("two jobs are under way in shift {shift}: one at most")]
    TwoUnderWay {
        /// The shift.
        shift: usize,
    },
}

/// Refuses more than `limit`.
pub(crate) fn at_most(what: &'static str, count: usize, limit: usize) -> Result<(), Refused> {
    if count > limit { Err(Refused::TooMany { what, count, limit }) } else { Ok(()) }
}

/// Refuses what is outside `least..=greatest`.
pub(crate) fn within(
    what: &'static str,
    value: i64,
    least: i64,
    greatest: i64,
) -> Result<(), Refused> {
    match (least..=greatest).contains(&value) {
        true => Ok(()),
        false => Err(Refused::OutOfRange { what, value, least, greatest }),
    }
}

/// Refuses an index at or beyond `count`.
pub(crate) fn exists(what: &'static str, index: usize, count: usize) -> Result<(), Refused> {
    if index < count { Ok(()) } else { Err(Refused::Missing { what, index }) }
}
