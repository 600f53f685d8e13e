//! The one SQLite file of a phone: opened by one engine at a time, every commit on disk.

pub(crate) mod docs;
mod guard;
pub(crate) mod meta;
pub(crate) mod positions;
mod private;
pub(crate) mod refused;
pub(crate) mod runs;
pub(crate) mod space;
pub(crate) mod standing;
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
    -- 5 lost there and not to be put back under its numbers (standing.rs).
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
    // the next good sync, and for what an older app kept, whose time so begins again.
    "
    ALTER TABLE docs ADD COLUMN kept_from INTEGER;
    ALTER TABLE refused ADD COLUMN kept_from INTEGER;
    ",
    // Where the phone was, until the server knows.
    "
    CREATE TABLE positions (
        at INTEGER PRIMARY KEY,
        lat INTEGER NOT NULL, lon INTEGER NOT NULL,
        accuracy INTEGER, speed INTEGER, heading INTEGER, job BLOB
    );
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
        let opened = Self::open_once(path, limits).map_err(|error| space::named(path, error));
        match opened {
            // The reserve is there for this, too: what was saved can be read.
            Err(EngineError::DiskFull) if space::Reserve::remove(path) => {
                Self::open_once(path, limits).map_err(|error| space::named(path, error))
            }
            opened => opened,
        }
    }

    fn open_once(path: &Path, limits: &space::SpaceLimits) -> Result<Self, EngineError> {
        let guard = Guard::take(path)?;
        private::close(path, &["-wal", "-shm", "-journal", ".lock", ".secret"])?;
        let mut db = Connection::open(path)?;
        // The database itself is locked as long as it is open, also where the file beside it is gone.
        // No other connection reads it, so its index of the log needs no file and no room.
        db.busy_timeout(std::time::Duration::ZERO)?;
        db.execute_batch(
            "PRAGMA locking_mode = EXCLUSIVE; PRAGMA secure_delete = ON; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA fullfsync = ON;
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

    /// Does everything in one transaction that is on disk when this returns. The reserve is not
    /// touched: what a sync brings can be brought again.
    pub fn write<T>(
        &mut self,
        mut work: impl FnMut(&Transaction<'_>) -> Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        self.write_once(&mut work)
    }

    /// The same for what a technician saves, and for opening the store.
    ///
    /// When the disk is full the reserve is given up and the work tried once more: what someone
    /// has typed already should still find its place.
    pub fn save<T>(
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

    /// Does everything in one transaction without a wait for the disk: power that is lost soon after
    /// may take it back, whole. Only for what nobody was told is saved; the next [`Store::write`]
    /// waits for it too.
    pub fn write_lazily<T>(
        &mut self,
        mut work: impl FnMut(&Transaction<'_>) -> Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        self.db.execute_batch("PRAGMA synchronous = NORMAL")?;
        let done = self.write_once(&mut work);
        // Nothing must be called saved without it: where it cannot be set, the store is of no use.
        self.db.execute_batch("PRAGMA synchronous = FULL")?;
        done
    }

    /// Leaves nothing of what was deleted in the file, as far as there is room for writing it again.
    pub fn scrub(&mut self) {
        // What was deleted is overwritten already; this reaches what an older app deleted, and the log.
        let _ = self.db.execute_batch("VACUUM");
        let _ = self.db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    }

    /// How much room is left around the file.
    pub fn room(&mut self) -> space::FreeSpace {
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
                let unique = crate::platform::bytes::<8>(&crate::SystemRandom).unwrap();
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
    fn a_file_of_an_older_app_keeps_what_is_in_it_and_counts_its_age_again() {
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
    fn the_reserve_is_for_saving_and_not_for_what_a_sync_brings() {
        let folder = folder();
        let path = folder.0.join("phone.db");
        let limits = space::SpaceLimits {
            low_bytes: 0,
            full_bytes: 0,
            reserve_bytes: 4096,
            max_store_bytes: Some(256 * 1024),
        };
        let mut store = Store::open(&path, &limits).unwrap();
        let too_much = |tx: &Transaction<'_>| {
            tx.execute("INSERT INTO meta VALUES ('x', zeroblob(1000000))", [])?;
            Ok(())
        };
        let reserve = path.with_extension("db.reserve");
        assert!(matches!(store.write(too_much), Err(EngineError::DiskFull)) && reserve.exists());
        assert!(matches!(store.save(too_much), Err(EngineError::DiskFull)) && !reserve.exists());
    }

    #[test]
    fn a_new_row_under_a_number_that_exists_is_refused_and_the_old_one_stays() {
        use sync_core::change::{Change, Run};
        let folder = folder();
        let mut store =
            Store::open(&folder.0.join("phone.db"), &space::SpaceLimits::default()).unwrap();
        let row = |n: u64, hash: u8| {
            let doc: sync_core::schema::DocId = sync_core::id::JobId::new(1, [1; 10]).into();
            let actor = sync_core::id::ActorId::new(1, [2; 10]);
            let section =
                sync_core::change::Entry::Section { name: sync_core::schema::section::NOTES };
            let entries = vec![section];
            let change = Change { actor, seq: 1, after: Vec::new(), time: 1, entries };
            let last_hash = sync_core::document::ChangeHash([hash; 32]);
            let run = Run { doc, changes: vec![change], last_hash };
            let author = sync_core::document::Author { user: None, device: None };
            sync_core::sync::StoredRun {
                n,
                run,
                author,
                status: sync_core::sync::SyncStatus::Waiting,
            }
        };
        store.save(|tx| runs::put(tx, &row(1, 1), 5)).unwrap();
        let taken = store.save(|tx| runs::put(tx, &row(1, 2), 5));
        assert!(matches!(taken, Err(EngineError::StoreInUse)));
        let durable = sync_core::sync::SyncStatus::Durable;
        let now = sync_core::sync::StoredRun { status: durable, ..row(1, 1) };
        store.save(|tx| runs::put(tx, &now, 5)).unwrap();
        assert!(!runs::any_unsettled(store.read()).unwrap());
    }

    #[cfg(unix)]
    #[test]
    fn only_its_owner_may_read_a_store_and_one_that_others_could_is_closed() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = folder();
        let path = folder.0.join("phone.db");
        let open_to_others = || {
            let files = std::fs::read_dir(&folder.0).unwrap().map(|entry| entry.unwrap());
            let mode = |file: &std::fs::DirEntry| file.metadata().unwrap().permissions().mode();
            files
                .filter(|file| mode(file) & 0o077 != 0)
                .map(|it| it.file_name())
                .collect::<Vec<_>>()
        };
        let store = Store::open(&path, &space::SpaceLimits::default()).unwrap();
        assert!(path.with_extension("db-wal").exists(), "it is at work");
        assert_eq!(open_to_others(), [""; 0]);
        drop(store);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let _store = Store::open(&path, &space::SpaceLimits::default()).unwrap();
        assert_eq!(open_to_others(), [""; 0]);
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
