//! What can go wrong in the store, and what its caller can do about it.

use std::cell::Cell;

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
    /// Another server changed the same rows at the same moment, again and again.
    #[error("another server changed the same data at the same moment; try again")]
    Conflict,
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
    /// A newer version of Towline has taken the database over while this one was running.
    #[error(
        "a newer Towline has brought the database up to date, so this server writes no more: stop it \
         and start the newer version"
    )]
    Superseded,
    /// A migration waited in vain for a table.
    #[error(
        "the schema cannot be brought up to date while its tables are in use{0}: stop the servers of \
         the older version and other programs that use the database, then start this one again"
    )]
    InUse(String),
    /// The database was written by an older version, and only a server changes its schema.
    #[error(
        "the database has schema version {found}, this program needs version {needed}: start \
         `towline serve` of this version once, which brings the database up to date"
    )]
    SchemaOlder {
        /// Version in the database.
        found: i64,
        /// Version this program needs.
        needed: i64,
    },
    /// There is something else than a database of Towline.
    #[error("this is not a database of Towline: {0}")]
    NotTowline(String),
    /// The address of the database leads to a pooler that gives each transaction another session.
    #[error(
        "the setting database leads to a connection pooler that does not keep sessions, such as PgBouncer \
         with pool_mode = transaction: set pool_mode = session for this database, or set database \
         (--database, TOWLINE_DATABASE) to the address of PostgreSQL itself"
    )]
    Pooled,
    /// A pooler refuses a parameter with which a session begins.
    #[error(
        "the pooler at the address in the setting database refuses the startup parameter {0}: set \
         ignore_startup_parameters = {0} in PgBouncer, or set database to the address of PostgreSQL itself"
    )]
    PoolerParameter(String),
    /// A second connection is not answered while the first is open.
    #[error(
        "the database answers one connection and keeps a second one waiting: a node needs 15, so set \
         default_pool_size to 21 for each in the pooler at the address in the setting database, or set it to \
         the address of PostgreSQL itself"
    )]
    PoolerFull,
    /// The address of the database leads to a server that only follows another one.
    #[error(
        "the setting database leads to a standby, which takes no writes: set it to the address of the \
         primary"
    )]
    Standby,
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
            Self::Conflict => "store_conflict",
            Self::Full => "store_full",
            Self::Panicked => "internal",
            Self::SchemaNewer { .. } => "schema_newer",
            Self::SchemaOlder { .. } => "schema_older",
            Self::Superseded => "superseded",
            Self::InUse(_) => "database_in_use",
            Self::NotTowline(_) => "not_towline",
            Self::Pooled => "database_pooled",
            Self::PoolerParameter(_) => "database_pooler_parameter",
            Self::PoolerFull => "database_pooler_full",
            Self::Standby => "database_standby",
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
            Self::Superseded => Self::Superseded,
            _ => Self::GroupFailed,
        }
    }

    /// Whether the same request may succeed a little later.
    pub fn is_retryable(&self) -> bool {
        matches!(
            self,
            Self::Unavailable(_)
                | Self::Busy
                | Self::GroupFailed
                | Self::Conflict
                | Self::Full
                | Self::Superseded
        )
    }

    /// Whom an error of one statement or one piece of work concerns.
    pub(crate) fn reach(&self) -> Reach {
        match self {
            Self::Conflict => Reach::Moment,
            Self::Panicked | Self::Corrupt(_) | Self::Database(_) => Reach::Request,
            Self::Unavailable(_)
            | Self::Busy
            | Self::GroupFailed
            | Self::Full
            | Self::SchemaNewer { .. }
            | Self::SchemaOlder { .. }
            | Self::Superseded
            | Self::InUse(_)
            | Self::NotTowline(_)
            | Self::Pooled
            | Self::PoolerParameter(_)
            | Self::PoolerFull
            | Self::Standby
            | Self::SchemaDiffers { .. }
            | Self::BadUrl(_) => Reach::Store,
        }
    }
}

/// Whom an error concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Everybody: the connection, the disk, the server of the database.
    Store,
    /// The request it was said to, and no other.
    Request,
    /// Whoever wrote just then: once this transaction has let go of its rows, it may be tried again.
    Moment,
}

tokio::task_local! {
    /// Whether the database ended a statement because of another transaction.
    static CONFLICT: Cell<bool>;
}

/// Runs work and says whether the database ended any statement of it because of another
/// transaction, whatever the work made of that error.
pub(crate) async fn noticing_conflicts<T>(work: impl Future<Output = T>) -> (T, bool) {
    CONFLICT
        .scope(Cell::new(false), async {
            let done = work.await;
            (done, CONFLICT.with(Cell::get))
        })
        .await
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
                // Serialization failure, deadlock.
                Some("40001" | "40P01") => {
                    // Outside of a plain write nobody asks.
                    let _ = CONFLICT.try_with(|conflict| conflict.set(true));
                    Self::Conflict
                }
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
