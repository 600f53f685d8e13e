//! Opens the pools: one writing connection and a few readers, with the settings durability needs.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{AnyConnection, AnyPool, ConnectOptions};

use super::{StoreError, pooler, private};

/// How long a request waits for a connection before it is told to come back.
const POOL_WAIT: Duration = Duration::from_secs(2);

/// Which database is behind the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// One file beside the server.
    Sqlite,
    /// A PostgreSQL server, shared by any number of nodes.
    Postgres,
}

impl Backend {
    /// How a writing transaction begins. A SQLite one must take the write lock at once: one that
    /// starts as a reader fails when it turns into a writer.
    pub(crate) fn begin(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN IMMEDIATE",
            Self::Postgres => "BEGIN",
        }
    }
}

/// Where a store is.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub backend: Backend,
    url: String,
}

impl FromStr for Place {
    type Err = StoreError;

    fn from_str(url: &str) -> Result<Self, StoreError> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Self { backend: Backend::Postgres, url: url.to_owned() });
        }
        // A password may stand in an address, so a wrong one is named only by its scheme.
        let scheme = url.split(':').next().unwrap_or_default().to_owned();
        let path = url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:"));
        let path = path.ok_or(StoreError::BadUrl(scheme))?;
        let path = path.split('?').next().unwrap_or_default();
        if path.is_empty() || path.starts_with(':') {
            return Err(StoreError::BadUrl("sqlite needs the path of a file".to_owned()));
        }
        let path = std::path::absolute(path).map_err(|e| StoreError::BadUrl(e.to_string()))?;
        Ok(Self { backend: Backend::Sqlite, url: sqlite_url(&path)? })
    }
}

impl Place {
    /// The file of a SQLite store.
    pub fn file(&self) -> Option<PathBuf> {
        let path = self.url.strip_prefix("sqlite://")?.split('?').next()?;
        Some(PathBuf::from(percent_decode(path)))
    }

    /// The address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The single writing connection; the file and its folder are made if they are not there.
    ///
    /// # Errors
    /// [`StoreError::Pooled`] and others of [`pooler::refuse`], or the database does not answer.
    pub async fn writer(&self) -> Result<AnyPool, StoreError> {
        if self.backend == Backend::Postgres {
            pooler::refuse(&self.options()?, pooler::For::Writing).await?;
        }
        if let Some(file) = self.file() {
            let folder = file.parent().unwrap_or(Path::new("/"));
            private::folder(folder)
                .map_err(|e| StoreError::BadUrl(format!("{}: {e}", folder.display())))?;
            private::database(&file)
                .map_err(|e| StoreError::BadUrl(format!("{}: {e}", file.display())))?;
        }
        let backend = self.backend;
        let pool = AnyPoolOptions::new()
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .acquire_timeout(POOL_WAIT)
            .after_connect(move |connection, _| Box::pin(set_up(connection, backend, true)));
        Ok(pool.connect_with(self.options()?).await?)
    }

    /// A pool of so many readers.
    pub async fn readers(&self, size: u32) -> Result<AnyPool, StoreError> {
        let backend = self.backend;
        let pool = AnyPoolOptions::new()
            .max_connections(size)
            .acquire_timeout(POOL_WAIT)
            .test_before_acquire(backend == Backend::Postgres)
            .after_connect(move |connection, _| Box::pin(set_up(connection, backend, false)));
        Ok(pool.connect_with(self.options()?).await?)
    }

    /// One connection that changes nothing, not even the schema. The database must be there.
    pub async fn looker(&self) -> Result<AnyPool, StoreError> {
        let backend = self.backend;
        if backend == Backend::Postgres {
            pooler::refuse(&self.options()?, pooler::For::Looking).await?;
        }
        let pool = AnyPoolOptions::new()
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .acquire_timeout(POOL_WAIT)
            .after_connect(move |connection, _| Box::pin(set_up(connection, backend, false)));
        Ok(pool.connect_with(self.looking()?).await?)
    }

    /// Options of a connection that only looks.
    pub fn looking(&self) -> Result<AnyConnectOptions, StoreError> {
        let url = self.url.replace("?mode=rwc", "?mode=ro");
        let url = if self.backend == Backend::Sqlite { url } else { self.url.clone() };
        Self { url, ..*self }.options()
    }

    pub fn options(&self) -> Result<AnyConnectOptions, StoreError> {
        let options = AnyConnectOptions::from_str(&self.url);
        let options = options.map_err(|_| StoreError::BadUrl("it does not parse".to_owned()))?;
        Ok(options.disable_statement_logging())
    }
}

async fn set_up(
    connection: &mut AnyConnection,
    backend: Backend,
    writes: bool,
) -> Result<(), sqlx::Error> {
    let statements = match (backend, writes) {
        // The log is committed only when it is on the disk: synchronous=FULL.
        (Backend::Sqlite, true) => {
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000; \
             PRAGMA foreign_keys = ON; PRAGMA cache_size = -32768; PRAGMA temp_store = MEMORY; \
             PRAGMA wal_autocheckpoint = 4000; PRAGMA journal_size_limit = 33554432;"
        }
        (Backend::Sqlite, false) => {
            "PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = ON; PRAGMA cache_size = -2048; \
             PRAGMA query_only = ON;"
        }
        (Backend::Postgres, true) => {
            "SET statement_timeout = '15s'; SET idle_in_transaction_session_timeout = '15s'; \
             SET default_transaction_read_only = off; SELECT set_config('synchronous_commit', 'on', false) \
             WHERE current_setting('synchronous_commit') IN ('off', 'local');"
        }
        (Backend::Postgres, false) => {
            "SET statement_timeout = '15s'; SET idle_in_transaction_session_timeout = '15s'; \
             SET default_transaction_read_only = on;"
        }
    };
    sqlx::raw_sql(statements).execute(connection).await?;
    Ok(())
}

/// An address of a file, whatever characters its path has.
fn sqlite_url(path: &Path) -> Result<String, StoreError> {
    let path = path.to_str().ok_or_else(|| StoreError::BadUrl("the path is not UTF-8".into()))?;
    let mut url = String::from("sqlite://");
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'_' | b'-' | b'~' => {
                url.push(char::from(byte));
            }
            other => url.push_str(&format!("%{other:02X}")),
        }
    }
    url.push_str("?mode=rwc");
    Ok(url)
}

fn percent_decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let hex = tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        let code = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()).filter(|_| *first == b'%');
        match code {
            Some(code) => {
                bytes.push(code);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_any_characters_survives_the_address() {
        let place: Place = "sqlite:///tmp/東 風/a%b.db".parse().expect("parses");
        assert_eq!(place.file(), Some(PathBuf::from("/tmp/東 風/a%b.db")));
    }

    #[test]
    fn a_wrong_address_is_named_without_its_password() {
        let error = "mysql://me:secret@host/db".parse::<Place>().expect_err("refused");
        assert_eq!(error.code(), "bad_database_url");
        assert!(!error.to_string().contains("secret"));
    }
}
