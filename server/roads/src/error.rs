//! The faults of a map file or a prepared graph.

/// Why a file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum BadFile {
    /// Reading or writing failed.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// The content is malformed.
    #[error("the file is damaged or not an .osm.pbf file: {0}")]
    Pbf(&'static str),
    /// The file needs an unsupported feature.
    #[error("the file needs a feature that is not supported: {0}")]
    Unsupported(String),
    /// The file has no roads for cars.
    #[error("the file has no road that cars may take")]
    NoRoads,
    /// The file exceeds a limit.
    #[error("the file has more {what} than {limit}: take the extract of a smaller region")]
    TooLarge {
        /// What exceeds it.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// The file is not a prepared graph.
    #[error("this is not a file of prepared roads: prepare one from an .osm.pbf file")]
    NotPrepared,
    /// Another version of the format.
    #[error(
        "the file has version {0}, and version {1} is read: prepare it again from the .osm.pbf file"
    )]
    Version(u32, u32),
    /// The file was changed or truncated after it was written.
    #[error("the file is damaged ({0}): prepare it again from the .osm.pbf file")]
    Damaged(&'static str),
}
