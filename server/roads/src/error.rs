//! What is wrong with a file of roads.

/// Why a file is not read.
#[derive(Debug, thiserror::Error)]
pub enum BadFile {
    /// Reading or writing failed.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// The file says something that cannot be.
    #[error("the file is damaged or not an .osm.pbf file: {0}")]
    Pbf(&'static str),
    /// The file needs something that is not supported.
    #[error("the file needs a feature that is not supported: {0}")]
    Unsupported(String),
    /// There are no roads in it.
    #[error("the file has no road that cars may take")]
    NoRoads,
    /// More than is taken in.
    #[error("the file has more {what} than {limit}: take the extract of a smaller region")]
    TooLarge {
        /// Of what.
        what: &'static str,
        /// How many are taken in.
        limit: usize,
    },
    /// Not made by `towline roads`.
    #[error("this is not a file of prepared roads: make one with `towline roads`")]
    NotPrepared,
    /// Made by another version.
    #[error(
        "the file has version {0}, and version {1} is read: make it again with `towline roads`"
    )]
    Version(u32, u32),
    /// The file was changed or cut after it was made.
    #[error("the file is damaged ({0}): make it again with `towline roads`")]
    Damaged(&'static str),
}
