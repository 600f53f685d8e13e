//! Fresh databases for the conformance suite: SQLite in a temporary folder, Postgres when
//! reachable, and the maps that simulations use.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::any::Any;
use sqlx::{AnyConnection, Connection};
use store::in_memory::{Database, Node};
use store::writer::Bounds;
use store::{Backend, Store, StoreError};
use sync_core::id::ActorId;

/// One fresh database, gone when the test ends.
pub struct Place {
    pub backend: Backend,
    pub url: String,
    memory: Option<Database>,
    folder: Option<PathBuf>,
    admin: Option<(String, String)>,
}

impl Place {
    /// Opens the store.
    pub async fn open(&self) -> Any {
        match &self.memory {
            Some(database) => {
                let actor = ActorId::new(crate::people::NOW, crate::people::random());
                let node = Node::start(database, actor, 32 << 20);
                Any::Memory(std::sync::Arc::new(std::sync::Mutex::new(node)))
            }
            None => Any::Sql(self.try_open().await.unwrap()),
        }
    }

    /// Opens the store of a place that is a database.
    pub async fn open_sql(&self) -> Store {
        self.try_open().await.unwrap()
    }

    /// Whether it is neither SQLite nor PostgreSQL.
    pub fn memory(&self) -> Option<&Database> {
        self.memory.as_ref()
    }

    /// Opens the store, or says why not.
    pub async fn try_open(&self) -> Result<Store, StoreError> {
        Store::open(&self.url).await
    }

    /// Opens the store of a place that is a database, within other bounds.
    pub async fn open_within(&self, bounds: Bounds) -> Any {
        Any::Sql(Store::open_within(&self.url, bounds).await.unwrap())
    }

    /// Whether it is SQLite.
    pub fn is_sqlite(&self) -> bool {
        self.backend == Backend::Sqlite && self.memory.is_none()
    }

    /// A connection of our own, for what another program would do to the database.
    pub async fn connect(&self) -> AnyConnection {
        AnyConnection::connect(&self.url).await.unwrap()
    }

    /// A way to keep others from connecting to the database, where that can be.
    pub async fn administrate(&self) -> Option<Door> {
        let (admin, name) = self.admin.clone()?;
        Some(Door { connection: AnyConnection::connect(&admin).await.unwrap(), name })
    }

    /// Makes every INSERT into the log fail, as a full disk or a lost server would.
    pub async fn break_runs(&self) {
        if let Some(database) = &self.memory {
            return database.disk(|disk| disk.limit(Some(20)));
        }
        let mut connection = self.connect().await;
        let sql = match self.backend {
            Backend::Sqlite => {
                "CREATE TRIGGER broken BEFORE INSERT ON runs BEGIN SELECT RAISE(ABORT, 'x'); END"
            }
            Backend::Postgres => "ALTER TABLE runs ADD CONSTRAINT broken CHECK (pos < 0) NOT VALID",
        };
        execute(&mut connection, sql.to_owned()).await;
        connection.close().await.unwrap();
    }

    /// Takes [`Place::break_runs`] back.
    pub async fn mend_runs(&self) {
        if let Some(database) = &self.memory {
            return database.disk(|disk| disk.limit(None));
        }
        let mut connection = self.connect().await;
        let sql = match self.backend {
            Backend::Sqlite => "DROP TRIGGER broken",
            Backend::Postgres => "ALTER TABLE runs DROP CONSTRAINT broken",
        };
        execute(&mut connection, sql.to_owned()).await;
        connection.close().await.unwrap();
    }

    async fn sqlite() -> Self {
        let folder = std::env::temp_dir().join(fresh_name());
        let url = format!("sqlite://{}/towline.db", folder.display());
        Self { backend: Backend::Sqlite, url, memory: None, folder: Some(folder), admin: None }
    }

    fn maps() -> Self {
        let mut secret = [9; 32];
        secret[..10].copy_from_slice(&crate::people::random());
        let memory = Some(Database::new(7, secret));
        Self { backend: Backend::Sqlite, url: String::new(), memory, folder: None, admin: None }
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
        let admin = Some((admin, name));
        Some(Self { backend: Backend::Postgres, url, memory: None, folder: None, admin })
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

/// Runs a promise on a fresh store of each kind; the first that breaks is named.
pub fn on_each_store(promise: impl AsyncFn(&Place)) {
    run(promise, true);
}

/// Runs a promise on a fresh database of each kind: one that can be seen in SQL only.
pub fn on_each_database(promise: impl AsyncFn(&Place)) {
    run(promise, false);
}

fn run(promise: impl AsyncFn(&Place), in_memory: bool) {
    sqlx::any::install_default_drivers();
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(2).enable_all().build().unwrap().block_on(async {
        let maps = in_memory.then(Place::maps);
        for place in [maps, Some(Place::sqlite().await), Place::postgres().await] {
            let Some(place) = place else { continue };
            let memory = if place.memory.is_some() { "memory" } else { "" };
            eprintln!("on {memory} {:?}", place.backend);
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

/// Lets nobody connect to a database for a while.
pub struct Door {
    connection: AnyConnection,
    name: String,
}

impl Door {
    /// Ends the connections that listen, and takes no new ones.
    pub async fn forbid_connections(mut self) -> Self {
        let name = &self.name;
        let sql = format!(
            "ALTER DATABASE {name} ALLOW_CONNECTIONS false; \
             SELECT CAST(pg_terminate_backend(pid) AS TEXT) FROM pg_stat_activity \
             WHERE datname = '{name}' AND query LIKE 'LISTEN%'"
        );
        execute(&mut self.connection, sql).await;
        self
    }

    /// Takes connections again.
    pub async fn allow_connections(&mut self) {
        let sql = format!("ALTER DATABASE {} ALLOW_CONNECTIONS true", self.name);
        execute(&mut self.connection, sql).await;
    }
}
