//! Changes the server did not take: kept whole, with the reason, for a person to read.

use rusqlite::Connection;
use sync_core::change::Run;
use sync_core::codes;
use sync_core::schema::DocId;

use super::runs;
use crate::error::EngineError;

/// How long a refusal is kept, milliseconds: 400 days.
pub(crate) const KEPT_MS: i64 = 400 * 24 * 60 * 60 * 1000;

/// One refusal.
#[derive(Debug, Clone)]
pub(crate) struct RefusedRow {
    /// The document.
    pub doc: DocId,
    /// Stable code of the reason.
    pub code: String,
    /// The reason in one plain sentence.
    pub sentence: String,
    /// When the phone learnt of it, Unix milliseconds by the server's clock, as well as the phone
    /// knew it then. For people; how long it is kept is counted by [`sync_core::sync::Retention`].
    pub at: i64,
    /// The work itself.
    pub run: Run,
}

/// Keeps a refusal.
pub(crate) fn insert(
    db: &Connection,
    run: &Run,
    code: &str,
    sentence: &str,
    at: i64,
) -> Result<(), EngineError> {
    let mut write = db.prepare_cached(
        "INSERT INTO refused (kind, doc, code, sentence, at, payload)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    let payload = runs::encode(run);
    write.execute((run.doc.kind.code(), run.doc.as_bytes(), code, sentence, at, payload))?;
    Ok(())
}

/// How many are kept.
pub(crate) fn count(db: &Connection) -> Result<u64, EngineError> {
    let count: i64 = db.query_row("SELECT COUNT(*) FROM refused", [], |row| row.get(0))?;
    Ok(count.unsigned_abs())
}

/// All of them, the newest first.
pub(crate) fn all(db: &Connection) -> Result<Vec<RefusedRow>, EngineError> {
    let sql = "SELECT kind, doc, code, sentence, at, payload FROM refused ORDER BY n DESC";
    let mut read = db.prepare_cached(sql)?;
    let mut rows = read.query(())?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let payload: Vec<u8> = row.get(5)?;
        found.push(RefusedRow {
            doc: runs::doc_id(row.get(0)?, row.get(1)?)?,
            code: today(row.get(2)?),
            sentence: row.get(3)?,
            at: row.get(4)?,
            run: runs::decode(&payload)?,
        });
    }
    Ok(found)
}

/// The word of today for a code that an older version of server or phone wrote.
fn today(code: String) -> String {
    codes::find(&code).map_or(code, |known| known.word.to_owned())
}

/// Whether a refusal is not counted yet, or kept from longer before the count `now` than it must.
pub(crate) fn any_due(db: &Connection, now: i64) -> Result<bool, EngineError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM refused WHERE kept_from IS NULL OR kept_from < ?1)";
    Ok(db.query_row(sql, [now.saturating_sub(KEPT_MS)], |row| row.get(0))?)
}

/// Counts every refusal that is not counted yet from `now` on.
pub(crate) fn count_from(db: &Connection, now: i64) -> Result<(), EngineError> {
    db.execute("UPDATE refused SET kept_from = ?1 WHERE kept_from IS NULL", [now])?;
    Ok(())
}

/// Drops what is kept from longer before the count `now` than it must be.
pub(crate) fn expire(db: &Connection, now: i64) -> Result<(), EngineError> {
    db.execute("DELETE FROM refused WHERE kept_from < ?1", [now.saturating_sub(KEPT_MS)])?;
    Ok(())
}
