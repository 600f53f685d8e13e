//! A connection pooler between this server and PostgreSQL that does not keep sessions: found and refused.
//!
//! What a session keeps is what the store's promises stand on: `synchronous_commit` (no verdict before its
//! commit is on the disk), readers that cannot write, timeouts, prepared statements, LISTEN. A pooler that
//! gives each transaction whatever connection is free (PgBouncer's pool_mode transaction or statement) mixes
//! them up, silently for the most part, and one server's read-only session becomes another one's. A second,
//! direct address would mend listening alone. A node has a fixed, small number of connections, so there is
//! nothing for such a pooler to save.

use std::time::Duration;

use sqlx::any::AnyConnectOptions;
use sqlx::{AnyConnection, ConnectOptions as _, Connection as _, Row as _};
use tokio::time::timeout;

use crate::error::StoreError;

/// Times two sessions are compared. Other programs take connections in between, and a pooler may hand
/// them out in turn.
const ROUNDS: usize = 8;
/// Time for all of them.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the connections are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum For {
    /// A server, which writes.
    Writing,
    /// `verify` and others that only read; a standby will do.
    Looking,
}

/// Makes sure that each connection is a session of its own, before any is given settings. Nothing but
/// simple queries is sent: a pooler that mixes sessions up must not be left with our statements.
///
/// # Errors
/// [`StoreError::Pooled`], [`StoreError::PoolerFull`]; [`StoreError::Standby`] for a server that only follows another one; or the
/// database does not answer.
pub(crate) async fn refuse(options: &AnyConnectOptions, purpose: For) -> Result<(), StoreError> {
    let mut one = options.connect().await.map_err(named)?;
    let mut other = options.connect().await.map_err(named)?;
    // A pooler without a free connection keeps the second one waiting for minutes.
    let sessions = timeout(PATIENCE, are_sessions(&mut one, &mut other)).await;
    let sessions = sessions.unwrap_or(Err(StoreError::PoolerFull));
    let standby = match &sessions {
        Ok(true) if purpose == For::Writing => is_standby(&mut one).await,
        _ => Ok(false),
    };
    // Whether the pooler hears of the end in good order is not what was asked.
    let _ = timeout(PATIENCE, one.close()).await;
    let _ = timeout(PATIENCE, other.close()).await;
    if !sessions? {
        return Err(StoreError::Pooled);
    }
    if standby? { Err(StoreError::Standby) } else { Ok(()) }
}

/// Two connections that are open at once have two processes of the database, and each keeps its own.
async fn are_sessions(
    one: &mut AnyConnection,
    other: &mut AnyConnection,
) -> Result<bool, StoreError> {
    let first = process(one).await?;
    for _ in 0..ROUNDS {
        // Held by a transaction, the process is not free for the other connection.
        if let Err(error) = sqlx::raw_sql("BEGIN").execute(&mut *other).await {
            return if is_statement_mode(&error) { Ok(false) } else { Err(error.into()) };
        }
        let held = process(other).await;
        // Where the pooler has no further process, the first connection would wait for this very one.
        let taken = matches!(held, Ok(held) if held == first);
        let again = if taken { Ok(first) } else { process(one).await };
        sqlx::raw_sql("ROLLBACK").execute(&mut *other).await?;
        if held? == first || again? != first {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn process(connection: &mut AnyConnection) -> Result<i64, StoreError> {
    let sql = "SELECT CAST(pg_backend_pid() AS BIGINT)";
    Ok(sqlx::raw_sql(sql).fetch_one(connection).await?.try_get(0)?)
}

async fn is_standby(connection: &mut AnyConnection) -> Result<bool, StoreError> {
    let sql = "SELECT CAST(CASE WHEN pg_is_in_recovery() THEN 1 ELSE 0 END AS BIGINT)";
    let standby: i64 = sqlx::raw_sql(sql).fetch_one(connection).await?.try_get(0)?;
    Ok(standby != 0)
}

/// PgBouncer takes no transaction in statement mode.
fn is_statement_mode(error: &sqlx::Error) -> bool {
    let message = error.as_database_error().map(|error| error.message().to_ascii_lowercase());
    message.is_some_and(|message| message.contains("transaction blocks not allowed"))
}

/// PgBouncer refuses a parameter of the start that it was not told to pass over.
fn named(error: sqlx::Error) -> StoreError {
    let message = error.as_database_error().map(|error| error.message().to_owned());
    let parameter = message
        .as_deref()
        .and_then(|text| text.split_once("unsupported startup parameter").map(|(_, rest)| rest));
    match parameter {
        Some(rest) => StoreError::PoolerParameter(
            rest.trim_start_matches(" in options").trim_matches([':', ' ']).to_owned(),
        ),
        None => error.into(),
    }
}
