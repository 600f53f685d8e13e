//! What can go wrong in the store, and what its caller can do about it.

/// Why the store did not do what it was asked. Each has a stable code in [`StoreError::code`].
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached or did not answer in time. Nothing was acknowledged.
    #[error("the database is not reachable right now: {0}")]
    Unavailable(String),
    /// More work waits for the writer than it will take on.
    #[error("the server has more writing to do than it can take on; try again shortly")]
    Busy,
    /// Something else in the same group failed; nothing of this request was written.
    #[error("the write was taken back because another one failed beside it; try again")]
    GroupFailed,
    /// The disk is full.
    #[error("the database has no space left to write to")]
    Full,
    /// The work itself broke down.
    #[error("the request could not be worked out; this is a defect of the server")]
    Panicked,
    /// The database was written by a newer version of Towline.
    #[error(
        "the database has schema version {found}, this program knows versions up to {known}: \
         start the newer Towline, or restore a backup made before the upgrade"
    )]
    SchemaNewer {
        /// Version in the database.
        found: i64,
        /// Newest version this program knows.
        known: i64,
    },
    /// A migration that was applied is not the one this program carries.
    #[error("migration {version} in the database differs from the one of this program")]
    SchemaDiffers {
        /// Version of the migration.
        version: i64,
    },
    /// The address of the database is not one this program understands.
    #[error("not a database address: {0}; expected sqlite:///path/towline.db or postgres://…")]
    BadUrl(String),
    /// What is stored cannot be read back. `verify` tells more.
    #[error("stored data cannot be read back: {0}")]
    Corrupt(String),
    /// The database refused a statement.
    #[error("the database refused: {0}")]
    Database(#[source] sqlx::Error),
}

impl StoreError {
    /// The stable code, snake case.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unavailable(_) => "store_unavailable",
            Self::Busy => "store_busy",
            Self::GroupFailed => "store_group_failed",
            Self::Full => "store_full",
            Self::Panicked => "internal",
            Self::SchemaNewer { .. } => "schema_newer",
            Self::SchemaDiffers { .. } => "schema_differs",
            Self::BadUrl(_) => "bad_database_url",
            Self::Corrupt(_) => "store_corrupt",
            Self::Database(_) => "store_error",
        }
    }

    /// What the others of a group are told, or this one's own caller: the same if it tells them
    /// what to expect, else that they may try again.
    pub(crate) fn for_group(&self) -> Self {
        match self {
            Self::Unavailable(why) => Self::Unavailable(why.clone()),
            Self::Full => Self::Full,
            _ => Self::GroupFailed,
        }
    }

    /// Whether the same request may succeed a little later.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Busy | Self::GroupFailed | Self::Full)
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => Self::Unavailable(error.to_string()),
            sqlx::Error::Database(database) => match database.code().as_deref() {
                Some(code) if is_passing(code) => Self::Unavailable(error.to_string()),
                Some("13" | "53100") => Self::Full,
                _ => Self::Database(error),
            },
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => {
                Self::Corrupt(error.to_string())
            }
            _ => Self::Database(error),
        }
    }
}

/// Codes of conditions that pass: SQLite busy, locked, and a disk that fails; Postgres connection
/// loss, conflicts, timeouts, shutdown, and a disk that fails.
fn is_passing(code: &str) -> bool {
    if code.len() != 5 {
        // The last byte is the kind: busy, locked, I/O error, cannot open.
        return code.parse().is_ok_and(|code: u32| matches!(code & 0xff, 5 | 6 | 10 | 14));
    }
    code.starts_with("08")
        || code.starts_with("40")
        || code.starts_with("57")
        || matches!(code, "53300" | "55P03" | "25P03" | "58030")
}
