//! The one SQLite file of a phone: opened by one engine at a time, every commit on disk.

pub(crate) mod docs;
mod guard;
pub(crate) mod meta;
pub(crate) mod refused;
pub(crate) mod runs;
pub(crate) mod space;
mod vault;

use std::path::{Path, PathBuf};

use rusqlite::{Connection, Transaction, TransactionBehavior};

pub use vault::{FileVault, Vault};

use crate::error::EngineError;
use guard::Guard;

/// Schema versions, in order; `user_version` of the file says how many of them it has had.
const MIGRATIONS: &[&str] = &[
    "
    CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;

    -- One row a document. fingerprint: of what has a durable verdict; absent without any.
    CREATE TABLE docs (
        kind INTEGER NOT NULL, id BLOB NOT NULL,
        fingerprint INTEGER, in_scope INTEGER NOT NULL, released_at INTEGER,
        summary TEXT,
        PRIMARY KEY (kind, id)
    ) WITHOUT ROWID;

    -- Changes as runs, in the order in which they were saved: a run follows what it depends on.
    -- standing: 0 waiting, 1 durable, 2 to be sent again, 3 from the server, 4 lost there,
    -- 5 lost there and not to be put back under its numbers.
    CREATE TABLE runs (
        n INTEGER PRIMARY KEY,
        kind INTEGER NOT NULL, doc BLOB NOT NULL,
        author_user BLOB, author_device BLOB, receipt BLOB,
        standing INTEGER NOT NULL, saved_at INTEGER NOT NULL,
        payload BLOB NOT NULL
    );
    CREATE INDEX runs_doc ON runs (kind, doc, n);
    CREATE INDEX runs_unsettled ON runs (n) WHERE standing IN (0, 2, 4, 5);

    -- Changes the server did not take, whole, with its reason.
    CREATE TABLE refused (
        n INTEGER PRIMARY KEY AUTOINCREMENT,
        kind INTEGER NOT NULL, doc BLOB NOT NULL,
        code TEXT NOT NULL, sentence TEXT NOT NULL, at INTEGER NOT NULL,
        payload BLOB NOT NULL
    );
    ",
    // The count of `kept` at which each began to be kept only for a time; absent until the end of
    // the next good sync, and for what an older app kept, whose time so begins anew.
    "
    ALTER TABLE docs ADD COLUMN kept_from INTEGER;
    ALTER TABLE refused ADD COLUMN kept_from INTEGER;
    ",
];

/// The open file.
pub(crate) struct Store {
    db: Connection,
    path: PathBuf,
    reserve: space::Reserve,
    guard: Guard,
}

impl Store {
    /// Opens or makes the file; refuses a second engine, a newer schema and a damaged file.
    pub fn open(path: &Path, limits: &space::SpaceLimits) -> Result<Self, EngineError> {
        Self::open_once(path, limits).map_err(|error| space::named(path, error))
    }

    fn open_once(path: &Path, limits: &space::SpaceLimits) -> Result<Self, EngineError> {
        let guard = Guard::take(path)?;
        let mut db = Connection::open(path)?;
        db.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA fullfsync = ON;
             PRAGMA checkpoint_fullfsync = ON; PRAGMA temp_store = MEMORY;",
        )?;
        db.set_prepared_statement_cache_capacity(64);
        if let Some(bytes) = limits.max_store_bytes {
            let page: u32 = db.query_row("PRAGMA page_size", [], |row| row.get(0))?;
            let pages = (bytes / u64::from(page.max(1))).max(1);
            db.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))?;
        }
        if guard.was_unclean() {
            quick_check(&db)?;
        }
        migrate(&mut db)?;
        let reserve = space::Reserve::at(path, limits);
        Ok(Self { db, path: path.to_owned(), reserve, guard })
    }

    /// For reading.
    pub fn read(&self) -> &Connection {
        &self.db
    }

    /// Does everything in one transaction that is on disk when this returns.
    ///
    /// When the disk is full the reserve is given up and the work tried once more: what somebody
    /// has typed already should still find its place.
    pub fn write<T>(
        &mut self,
        mut work: impl FnMut(&Transaction<'_>) -> Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        match self.write_once(&mut work) {
            Err(EngineError::DiskFull) if self.reserve.give_up(&self.path) => {
                self.write_once(&mut work)
            }
            other => other,
        }
    }

    /// How much room is left around the file.
    pub fn room(&mut self) -> space::Room {
        self.reserve.room(&self.path)
    }

    fn write_once<T>(
        &mut self,
        work: &mut impl FnMut(&Transaction<'_>) -> Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        let mut once = || {
            let tx = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let result = work(&tx)?;
            tx.commit()?;
            Ok(result)
        };
        once().map_err(|error| space::named(&self.path, error))
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // What cannot be tidied now is tidied at the next open.
        let _ = self.db.execute_batch("PRAGMA optimize; PRAGMA wal_checkpoint(TRUNCATE);");
        self.guard.leave_clean();
    }
}

fn quick_check(db: &Connection) -> Result<(), EngineError> {
    let verdict: String = db.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if verdict == "ok" { Ok(()) } else { Err(EngineError::StoreDamaged(verdict)) }
}

fn migrate(db: &mut Connection) -> Result<(), EngineError> {
    let known = MIGRATIONS.len() as i64;
    let found: i64 = db.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if found > known {
        return Err(EngineError::StoreNewer { found, known });
    }
    for (version, sql) in (1i64..).zip(MIGRATIONS).filter(|(version, _)| *version > found) {
        let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        tx.execute_batch(sql)?;
        tx.pragma_update(None, "user_version", version)?;
        tx.commit()?;
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn folder() -> tempdir::Folder {
        tempdir::Folder::new("store")
    }

    pub(crate) mod tempdir {
        /// A folder that is gone when the test is over.
        pub struct Folder(pub std::path::PathBuf);

        impl Folder {
            pub fn new(name: &str) -> Self {
                let unique = crate::power::bytes::<8>(&crate::SystemRandom).unwrap();
                let name = format!("towline-{name}-{:016x}", u64::from_be_bytes(unique));
                let path = std::env::temp_dir().join(name);
                std::fs::create_dir_all(&path).unwrap();
                Self(path)
            }
        }

        impl Drop for Folder {
            fn drop(&mut self) {
                let _ = std::fs::remove_dir_all(&self.0);
            }
        }
    }

    #[test]
    fn two_engines_on_one_file_are_refused_and_the_next_may_open() {
        let folder = folder();
        let path = folder.0.join("phone.db");
        let first = Store::open(&path, &space::SpaceLimits::default()).unwrap();
        let second = Store::open(&path, &space::SpaceLimits::default());
        assert!(matches!(second.err(), Some(EngineError::StoreInUse)));
        drop(first);
        assert!(Store::open(&path, &space::SpaceLimits::default()).is_ok());
    }

    #[test]
    fn a_newer_schema_is_refused_and_left_as_it_is() {
        let folder = folder();
        let path = folder.0.join("phone.db");
        drop(Store::open(&path, &space::SpaceLimits::default()).unwrap());
        let db = Connection::open(&path).unwrap();
        db.pragma_update(None, "user_version", 99).unwrap();
        drop(db);
        let refused = Store::open(&path, &space::SpaceLimits::default()).err();
        assert!(matches!(refused, Some(EngineError::StoreNewer { found: 99, .. })));
        let db = Connection::open(&path).unwrap();
        let version: i64 = db.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
        assert_eq!(version, 99);
    }

    #[test]
    fn a_file_of_an_older_app_keeps_what_is_in_it_and_counts_its_age_anew() {
        let folder = folder();
        let path = folder.0.join("phone.db");
        let db = Connection::open(&path).unwrap();
        db.execute_batch(MIGRATIONS[0]).unwrap();
        db.pragma_update(None, "user_version", 1).unwrap();
        let doc: sync_core::schema::DocId = sync_core::id::JobId::new(1, [1; 10]).into();
        let row = (doc.kind.code(), doc.as_bytes());
        let sql = "INSERT INTO docs (kind, id, in_scope, released_at) VALUES (?1, ?2, 0, 1)";
        db.execute(sql, row).unwrap();
        drop(db);
        let mut store = Store::open(&path, &space::SpaceLimits::default()).unwrap();
        assert!(docs::any_due(store.read(), i64::MIN).unwrap(), "not counted yet");
        let gone = store.write(|tx| {
            docs::count_from(tx, 5)?;
            docs::drop_released(tx, 5)
        });
        assert!(gone.unwrap().is_empty() && docs::all(store.read()).unwrap() == [doc]);
        let gone = store.write(|tx| docs::drop_released(tx, 6)).unwrap();
        assert!(gone == [doc] && docs::all(store.read()).unwrap().is_empty());
    }

    #[test]
    fn a_file_that_is_no_store_is_called_damaged() {
        let folder = folder();
        let path = folder.0.join("phone.db");
        std::fs::write(&path, vec![0x5a; 8192]).unwrap();
        let refused = Store::open(&path, &space::SpaceLimits::default()).err();
        assert!(matches!(refused, Some(EngineError::StoreDamaged(_))));
    }
}
