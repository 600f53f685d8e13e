//! Where the phone was, until the server knows: a queue that is bounded in number and in age.

use rusqlite::Connection;
use sync_core::limits::POSITIONS_QUEUED;
use sync_core::position;

use crate::error::EngineError;

/// One position that waits. It is told apart by its time: what is measured twice in a millisecond is
/// one position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Row {
    /// When, by the server's clock as well as the phone knew it, Unix milliseconds.
    pub at: i64,
    /// 1e-7 degrees north.
    pub lat: i64,
    /// 1e-7 degrees east.
    pub lon: i64,
    /// Radius of 68 % confidence, decimetres.
    pub accuracy: Option<i64>,
    /// Centimetres a second.
    pub speed: Option<i64>,
    /// Degrees from north.
    pub heading: Option<i64>,
    /// On the way for which job.
    pub job: Option<[u8; 16]>,
}

/// Adds positions, drops those from before a moment, and thins out the older half of too many.
pub(crate) fn add(db: &Connection, rows: &[Row], before: i64) -> Result<(), EngineError> {
    let mut write = db.prepare_cached(
        "INSERT INTO positions (at, lat, lon, accuracy, speed, heading, job)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (at) DO NOTHING",
    )?;
    for row in rows {
        let Row { at, lat, lon, accuracy, speed, heading, job } = row;
        write.execute((at, lat, lon, accuracy, speed, heading, job))?;
    }
    db.prepare_cached("DELETE FROM positions WHERE at < ?1")?.execute([before])?;
    loop {
        let waiting = usize::try_from(count(db)?).unwrap_or(usize::MAX);
        if waiting <= POSITIONS_QUEUED {
            return Ok(());
        }
        let older = oldest(db, waiting / 2)?;
        let dropped = position::thinned(waiting).filter_map(|place| older.get(place));
        let dropped: Vec<Row> = dropped.copied().collect();
        delete(db, &dropped)?;
    }
}

/// So many of them, the oldest first.
pub(crate) fn oldest(db: &Connection, most: usize) -> Result<Vec<Row>, EngineError> {
    let mut read = db.prepare_cached(
        "SELECT at, lat, lon, accuracy, speed, heading, job FROM positions ORDER BY at LIMIT ?1",
    )?;
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let rows = read.query_map([most], |row| {
        Ok(Row {
            at: row.get(0)?,
            lat: row.get(1)?,
            lon: row.get(2)?,
            accuracy: row.get(3)?,
            speed: row.get(4)?,
            heading: row.get(5)?,
            job: row.get(6)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Takes these out.
pub(crate) fn delete(db: &Connection, rows: &[Row]) -> Result<(), EngineError> {
    let mut write = db.prepare_cached("DELETE FROM positions WHERE at = ?1")?;
    rows.iter().try_for_each(|row| write.execute([row.at]).map(drop))?;
    Ok(())
}

/// How many wait.
pub(crate) fn count(db: &Connection) -> Result<u64, EngineError> {
    let count: i64 = db.query_row("SELECT COUNT(*) FROM positions", [], |row| row.get(0))?;
    Ok(count.unsigned_abs())
}
