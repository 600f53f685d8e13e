//! Fresh databases for the conformance suite: SQLite in a temporary folder, Postgres when reachable.

#![allow(clippy::unwrap_used, dead_code)]

pub mod people;

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use server::store::{Backend, Store, StoreError};
use sqlx::{AnyConnection, Connection};

/// One fresh database, gone when the test ends.
pub struct Place {
    pub backend: Backend,
    pub url: String,
    folder: Option<PathBuf>,
    admin: Option<(String, String)>,
}

impl Place {
    /// Opens the store.
    pub async fn open(&self) -> Store {
        self.try_open().await.unwrap()
    }

    /// Opens the store, or says why not.
    pub async fn try_open(&self) -> Result<Store, StoreError> {
        Store::open(&self.url).await
    }

    /// Whether it is SQLite.
    pub fn is_sqlite(&self) -> bool {
        self.backend == Backend::Sqlite
    }

    /// A connection of our own, for what another program would do to the database.
    pub async fn connect(&self) -> AnyConnection {
        AnyConnection::connect(&self.url).await.unwrap()
    }

    /// Makes every INSERT into the log fail, as a full disk or a lost server would.
    pub async fn break_runs(&self, connection: &mut AnyConnection) {
        let sql = match self.backend {
            Backend::Sqlite => {
                "CREATE TRIGGER broken BEFORE INSERT ON runs BEGIN SELECT RAISE(ABORT, 'x'); END"
            }
            Backend::Postgres => "ALTER TABLE runs ADD CONSTRAINT broken CHECK (pos < 0) NOT VALID",
        };
        execute(connection, sql.to_owned()).await;
    }

    /// Takes [`Place::break_runs`] back.
    pub async fn mend_runs(&self, connection: &mut AnyConnection) {
        let sql = match self.backend {
            Backend::Sqlite => "DROP TRIGGER broken",
            Backend::Postgres => "ALTER TABLE runs DROP CONSTRAINT broken",
        };
        execute(connection, sql.to_owned()).await;
    }

    async fn sqlite() -> Self {
        let folder = std::env::temp_dir().join(fresh_name());
        let url = format!("sqlite://{}/towline.db", folder.display());
        Self { backend: Backend::Sqlite, url, folder: Some(folder), admin: None }
    }

    async fn postgres() -> Option<Self> {
        let admin = std::env::var("TOWLINE_TEST_POSTGRES")
            .unwrap_or_else(|_| "postgres://postgres@127.0.0.1:5432/postgres".to_owned());
        let mut connection = match AnyConnection::connect(&admin).await {
            Ok(connection) => connection,
            Err(error) => {
                let demanded = std::env::var("TOWLINE_REQUIRE_POSTGRES").is_ok_and(|v| v == "1");
                assert!(!demanded, "PostgreSQL is required and not reachable: {error}");
                // Straight to the terminal: what a passing test prints is otherwise kept from it.
                let said = "SKIPPED: the store's promises on PostgreSQL, not reachable";
                let _ = writeln!(std::io::stderr(), "{said}: {error}");
                return None;
            }
        };
        let name = fresh_name();
        execute(&mut connection, format!("CREATE DATABASE {name}")).await;
        let (server, _) = admin.rsplit_once('/').unwrap();
        let url = format!("{server}/{name}");
        Some(Self { backend: Backend::Postgres, url, folder: None, admin: Some((admin, name)) })
    }

    async fn remove(self) {
        if let Some(folder) = self.folder {
            std::fs::remove_dir_all(folder).ok();
        }
        if let Some((admin, name)) = self.admin {
            let mut connection = AnyConnection::connect(&admin).await.unwrap();
            execute(&mut connection, format!("DROP DATABASE {name} WITH (FORCE)")).await;
        }
    }
}

/// Runs a promise on a fresh database of each kind; the first that breaks is named.
pub fn on_each_database(promise: impl AsyncFn(&Place)) {
    sqlx::any::install_default_drivers();
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(2).enable_all().build().unwrap().block_on(async {
        let places = [Some(Place::sqlite().await), Place::postgres().await];
        for place in places.into_iter().flatten() {
            eprintln!("on {:?}", place.backend);
            promise(&place).await;
            place.remove().await;
        }
    });
}

async fn execute(connection: &mut AnyConnection, sql: String) {
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(connection).await.unwrap();
}

fn fresh_name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("towline_test_{}_{now}_{count}", std::process::id())
}
