//! Brings the schema to the version this program knows, and refuses one it does not.

use std::time::Duration;

use sha2::{Digest, Sha256};
use sqlx::{AnyConnection, Connection, Row};
use tokio::time::sleep;

use super::{Backend, StoreError};

include!(concat!(env!("OUT_DIR"), "/migrations.rs"));

/// One numbered step of the schema.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// Its number; both databases have the same numbers.
    pub version: i64,
    /// Its name, from the file name.
    pub name: &'static str,
    /// The statements.
    pub sql: &'static str,
}

/// The migrations of a database, in order.
pub fn migrations(backend: Backend) -> &'static [Migration] {
    match backend {
        Backend::Sqlite => SQLITE,
        Backend::Postgres => POSTGRES,
    }
}

/// Applies what is missing, each step in its own transaction. A step may take long, and waits for the
/// tables it changes: what it waits for is said in the log.
///
/// # Errors
/// [`StoreError::InUse`] if a table is in use for minutes,
/// [`StoreError::SchemaNewer`] if the database knows more versions than this program, and
/// [`StoreError::SchemaDiffers`] if an applied migration had other statements.
pub async fn migrate(connection: &mut AnyConnection, backend: Backend) -> Result<(), StoreError> {
    let mut repeats = 0;
    loop {
        match step(connection, backend).await {
            Ok(true) => return Ok(()),
            Ok(false) => repeats = 0,
            Err(Stopped::Turn) => {
                tracing::info!("another server is bringing the schema up to date; waiting for it");
                sleep(PAUSE).await;
            }
            Err(Stopped::Lock) if repeats < REPEATS => {
                repeats += 1;
                let holder = holder(connection).await?;
                tracing::warn!(
                    "a migration waits for a table that is in use{holder}; it is tried again: stop \
                     the servers of the older version, and end other programs that use the database"
                );
                sleep(PAUSE).await;
            }
            Err(Stopped::Lock) => {
                return Err(StoreError::InUse(holder(connection).await?));
            }
            Err(Stopped::Error(error)) => return Err(error),
        }
    }
}

/// The advisory lock of those who migrate.
const TURN: i64 = 7_310_514_207;
/// Times a migration is tried that waits for a table.
const REPEATS: u32 = 120;
/// Time between two tries.
const PAUSE: Duration = Duration::from_secs(1);

/// Why a step was not done.
enum Stopped {
    /// Another node migrates.
    Turn,
    /// A table is in use.
    Lock,
    Error(StoreError),
}

impl From<StoreError> for Stopped {
    fn from(error: StoreError) -> Self {
        Self::Error(error)
    }
}

impl From<sqlx::Error> for Stopped {
    fn from(error: sqlx::Error) -> Self {
        let code = error.as_database_error().and_then(|error| error.code());
        // Lock not available.
        if code.is_some_and(|code| code == "55P03") {
            Self::Lock
        } else {
            Self::Error(error.into())
        }
    }
}

/// Who has used the database longest without a pause, for a message.
async fn holder(connection: &mut AnyConnection) -> Result<String, StoreError> {
    let sql = "SELECT CAST(pid AS BIGINT), COALESCE(application_name, ''), \
               CAST(EXTRACT(EPOCH FROM clock_timestamp() - xact_start) AS BIGINT) \
               FROM pg_stat_activity WHERE datname = current_database() \
               AND pid <> pg_backend_pid() AND xact_start IS NOT NULL ORDER BY xact_start LIMIT 1";
    let Some(row) = sqlx::query(sql).fetch_optional(connection).await? else {
        return Ok(String::new());
    };
    let (pid, name, seconds): (i64, String, i64) =
        (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    Ok(format!(" (process {pid} {name:?} of PostgreSQL, in a transaction for {seconds} s)"))
}

/// Applies the next step in a transaction; gives whether none is missing any more.
async fn step(connection: &mut AnyConnection, backend: Backend) -> Result<bool, Stopped> {
    let known = migrations(backend);
    let mut tx = connection.begin_with(backend.begin()).await?;
    if backend == Backend::Postgres {
        // A step over a large table takes as long as it takes. What waits for a lock keeps others
        // from the table, so it gives up soon and comes again.
        sqlx::raw_sql(
            "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '2s'; \
             SET LOCAL idle_in_transaction_session_timeout = 0",
        )
        .execute(&mut *tx)
        .await?;
        // Two nodes that start together take turns; the lock ends with the transaction.
        let turn = sqlx::query("SELECT CAST(pg_try_advisory_xact_lock($1) AS INT)").bind(TURN);
        let turn: i32 = turn.fetch_one(&mut *tx).await?.try_get(0)?;
        if turn == 0 {
            tx.rollback().await?;
            return Err(Stopped::Turn);
        }
    }
    sqlx::raw_sql(
        "CREATE TABLE IF NOT EXISTS schema_migrations (version BIGINT NOT NULL PRIMARY KEY, \
         name TEXT NOT NULL, sha256 TEXT NOT NULL)",
    )
    .execute(&mut *tx)
    .await?;
    let applied = applied(&mut tx).await?;
    check(&applied, known)?;
    let next = known.iter().find(|m| applied.iter().all(|(version, _)| *version != m.version));
    let Some(next) = next else {
        tx.commit().await?;
        return Ok(true);
    };
    tracing::info!(version = next.version, name = next.name, "schema migration");
    sqlx::raw_sql(next.sql).execute(&mut *tx).await?;
    sqlx::query("INSERT INTO schema_migrations (version, name, sha256) VALUES ($1, $2, $3)")
        .bind(next.version)
        .bind(next.name)
        .bind(checksum(next.sql))
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(false)
}

/// The newest schema version a database has.
pub(super) async fn newest(connection: &mut AnyConnection) -> Result<i64, StoreError> {
    let sql = "SELECT CAST(MAX(version) AS BIGINT) FROM schema_migrations";
    Ok(sqlx::query(sql).fetch_one(connection).await?.try_get(0)?)
}

/// The newest schema version this program knows.
pub(super) fn known(backend: Backend) -> i64 {
    migrations(backend).last().map_or(0, |migration| migration.version)
}

/// The schema version of a database, which is only looked at, and the one this program needs.
///
/// # Errors
/// [`StoreError::NotTowline`], [`StoreError::SchemaNewer`], [`StoreError::SchemaDiffers`], or the
/// database does not answer.
pub(super) async fn look(
    connection: &mut AnyConnection,
    backend: Backend,
) -> Result<(i64, i64), StoreError> {
    let table = match backend {
        Backend::Sqlite => "SELECT 1 FROM sqlite_master WHERE name = 'schema_migrations'",
        Backend::Postgres => "SELECT 1 WHERE to_regclass('schema_migrations') IS NOT NULL",
    };
    let there = sqlx::query(table).fetch_optional(&mut *connection).await;
    let there = there.map_err(|error| match error.as_database_error().and_then(|e| e.code()) {
        Some(code) if code == "26" => StoreError::NotTowline("it is no SQLite database".into()),
        _ => error.into(),
    })?;
    if there.is_none() {
        return Err(StoreError::NotTowline("its tables are not there".into()));
    }
    let (known, applied) = (migrations(backend), applied(connection).await?);
    check(&applied, known)?;
    let missing = known.iter().find(|m| applied.iter().all(|(version, _)| *version != m.version));
    let needed = known.last().map_or(0, |migration| migration.version);
    let found = applied.last().map_or(0, |(version, _)| *version);
    // One that is missing below the newest is as good as an older schema.
    let found = missing.map_or(found, |missing| found.min(missing.version - 1));
    Ok((found, needed))
}

async fn applied(connection: &mut AnyConnection) -> Result<Vec<(i64, String)>, StoreError> {
    let rows = sqlx::query("SELECT version, sha256 FROM schema_migrations ORDER BY version")
        .fetch_all(connection)
        .await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}

fn check(applied: &[(i64, String)], known: &[Migration]) -> Result<(), StoreError> {
    let newest = known.last().map_or(0, |migration| migration.version);
    for (version, sha256) in applied {
        let Some(migration) = known.iter().find(|migration| migration.version == *version) else {
            return Err(StoreError::SchemaNewer { found: *version, known: newest });
        };
        if checksum(migration.sql) != *sha256 {
            return Err(StoreError::SchemaDiffers { version: *version });
        }
    }
    Ok(())
}

/// Line ends do not count: a checkout may change them.
fn checksum(sql: &str) -> String {
    let mut sha = Sha256::new();
    for line in sql.lines() {
        sha.update(line.trim_end());
        sha.update("\n");
    }
    sha.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_databases_have_the_same_versions_and_names() {
        let list = |backend| migrations(backend).iter().map(|m| (m.version, m.name));
        assert!(list(Backend::Sqlite).eq(list(Backend::Postgres)));
        let versions: Vec<i64> = list(Backend::Sqlite).map(|(version, _)| version).collect();
        assert!(
            versions.is_sorted_by(|a, b| a < b) && versions.first() == Some(&1),
            "{versions:?}"
        );
    }

    #[test]
    fn migrations_use_only_types_that_both_databases_read_alike() {
        for migration in SQLITE.iter().chain(POSTGRES) {
            let statements = migration.sql.lines().filter_map(|line| line.split("--").next());
            for line in statements {
                for word in line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
                    let banned = ["BOOLEAN", "TIMESTAMP", "TIMESTAMPTZ", "UUID", "JSON", "JSONB"];
                    let upper = word.to_ascii_uppercase();
                    assert!(!banned.contains(&upper.as_str()), "{}: {line}", migration.name);
                }
            }
        }
    }
}
