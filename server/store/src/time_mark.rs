//! The time an installation has come to, as a row that all nodes share, and the database's own clock.
//!
//! Nothing is judged here: `server::sweep` says what may be written.

use sqlx::Row as _;

use super::{Backend, Store, StoreError};

/// How far the installation has come in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// The time up to which a clock was followed no faster than time passed, Unix milliseconds.
    pub judged: i64,
    /// How long it was followed without a step, milliseconds; counted up to a day.
    pub confirmed: i64,
}

impl Store {
    /// The mark; none before the first was made.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn time_mark(&self) -> Result<Option<Mark>, StoreError> {
        let sql = "SELECT judged, confirmed FROM time_mark WHERE id = 1";
        let row = sqlx::query(sql).fetch_optional(self.readers()).await?;
        let mark = |row: sqlx::any::AnyRow| {
            Ok(Mark { judged: row.try_get(0)?, confirmed: row.try_get(1)? })
        };
        row.map(mark).transpose()
    }

    /// Writes a mark in the place of `seen`, which is what its writer judged by. What another node
    /// has written meanwhile stays.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn put_time_mark(&self, seen: Option<Mark>, mark: Mark) -> Result<(), StoreError> {
        let seen = seen.unwrap_or(mark);
        self.write(move |tx| {
            Box::pin(async move {
                let sql = "INSERT INTO time_mark (id, judged, confirmed) VALUES (1, $1, $2) \
                           ON CONFLICT (id) DO UPDATE \
                           SET judged = excluded.judged, confirmed = excluded.confirmed \
                           WHERE time_mark.judged = $3 AND time_mark.confirmed = $4";
                sqlx::query(sql)
                    .bind(mark.judged)
                    .bind(mark.confirmed)
                    .bind(seen.judged)
                    .bind(seen.confirmed)
                    .execute(tx)
                    .await?;
                Ok(())
            })
        })
        .await
    }

    /// What the clock of the database's own machine says, Unix milliseconds; none where the database
    /// is a file beside the server.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn database_time(&self) -> Result<Option<i64>, StoreError> {
        if self.backend() == Backend::Sqlite {
            return Ok(None);
        }
        let sql = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)";
        Ok(Some(sqlx::query(sql).fetch_one(self.readers()).await?.try_get(0)?))
    }
}
