//! Brings the schema to the version this program knows, and refuses one it does not.

use sha2::{Digest, Sha256};
use sqlx::{AnyConnection, Connection, Row};

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

/// Applies what is missing, each step in its own transaction.
///
/// # Errors
/// [`StoreError::SchemaNewer`] if the database knows more versions than this program, and
/// [`StoreError::SchemaDiffers`] if an applied migration had other statements.
pub async fn migrate(connection: &mut AnyConnection, backend: Backend) -> Result<(), StoreError> {
    let known = migrations(backend);
    loop {
        let mut tx = connection.begin_with(backend.begin()).await?;
        if backend == Backend::Postgres {
            // Two nodes that start together take turns; the lock ends with the transaction.
            sqlx::query("SELECT pg_advisory_xact_lock(7310514207)").execute(&mut *tx).await?;
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
            return Ok(());
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
    }
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
        assert!(list(Backend::Sqlite).map(|(version, _)| version).eq(1..=SQLITE.len() as i64));
    }

    #[test]
    fn migrations_use_only_types_that_both_databases_read_alike() {
        for migration in SQLITE.iter().chain(POSTGRES) {
            let statements = migration.sql.lines().filter(|line| !line.trim().starts_with("--"));
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
