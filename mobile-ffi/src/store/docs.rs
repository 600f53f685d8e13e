//! One row a document: what it looks like in a list, and what the server holds of it.

use rusqlite::Connection;
use sync_core::document::Digest;
use sync_core::schema::{DocId, DocKind};

use super::runs::doc_id;
use super::standing::{OWED, WAITING};
use crate::error::EngineError;

/// What changes about a document when something was saved or stored.
#[derive(Debug, Clone)]
pub(crate) struct DocRow {
    /// Which document.
    pub doc: DocId,
    /// Fingerprint of what has a durable verdict; absent without any.
    pub fingerprint: Option<u64>,
    /// How it looks in a list, JSON.
    pub summary: Option<String>,
}

/// Writes a document's row; a new one is in scope.
pub(crate) fn put(db: &Connection, row: &DocRow) -> Result<(), EngineError> {
    let mut write = db.prepare_cached(
        "INSERT INTO docs (kind, id, fingerprint, in_scope, summary) VALUES (?1, ?2, ?3, 1, ?4)
         ON CONFLICT (kind, id) DO UPDATE
         SET fingerprint = excluded.fingerprint, summary = excluded.summary",
    )?;
    // SQLite integers are signed; the bits are what matters.
    let fingerprint = row.fingerprint.map(|f| f as i64);
    write.execute((row.doc.kind.code(), row.doc.as_bytes(), fingerprint, &row.summary))?;
    Ok(())
}

/// Writes how a document looks in a list.
pub(crate) fn set_summary(
    db: &Connection,
    doc: DocId,
    summary: Option<&str>,
) -> Result<(), EngineError> {
    let mut write =
        db.prepare_cached("UPDATE docs SET summary = ?3 WHERE kind = ?1 AND id = ?2")?;
    write.execute((doc.kind.code(), doc.as_bytes(), summary))?;
    Ok(())
}

/// Takes a document into scope or out of it. `now`, the server's time, is kept for who reads the
/// file; how long it is kept after that is counted by [`sync_core::sync::Retention`].
pub(crate) fn set_scope(
    db: &Connection,
    doc: DocId,
    in_scope: bool,
    now: i64,
) -> Result<(), EngineError> {
    let mut write = db.prepare_cached(
        "UPDATE docs SET in_scope = ?3,
           released_at = CASE WHEN ?3 THEN NULL ELSE COALESCE(released_at, ?4) END,
           kept_from = CASE WHEN ?3 THEN NULL ELSE kept_from END
         WHERE kind = ?1 AND id = ?2",
    )?;
    write.execute((doc.kind.code(), doc.as_bytes(), in_scope, now))?;
    Ok(())
}

/// After a repair: everything held is in scope but what the server released or does not know.
pub(crate) fn rescope(db: &Connection, out: &[DocId]) -> Result<(), EngineError> {
    let mut read = db.prepare_cached("SELECT kind, id FROM docs WHERE in_scope = 0")?;
    let mut rows = read.query(())?;
    let mut back = Vec::new();
    while let Some(row) = rows.next()? {
        back.push(doc_id(row.get(0)?, row.get(1)?)?);
    }
    back.iter().filter(|doc| !out.contains(doc)).try_for_each(|doc| set_scope(db, *doc, true, 0))
}

/// The rows of a kind that are in scope or hold work that waits: id and summary.
pub(crate) fn of_kind(
    db: &Connection,
    kind: DocKind,
) -> Result<Vec<(DocId, Option<String>)>, EngineError> {
    let sql = format!(
        "SELECT kind, id, summary FROM docs WHERE kind = ?1 AND (in_scope = 1 OR EXISTS
           (SELECT 1 FROM runs WHERE runs.kind = docs.kind AND doc = id AND {WAITING}))
         ORDER BY id"
    );
    let mut read = db.prepare_cached(&sql)?;
    let mut rows = read.query([kind.code()])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push((doc_id(row.get(0)?, row.get(1)?)?, row.get(2)?));
    }
    Ok(found)
}

/// Sum of the fingerprints of the documents in scope.
pub(crate) fn digest(db: &Connection) -> Result<Digest, EngineError> {
    let sql = "SELECT fingerprint FROM docs WHERE in_scope = 1 AND fingerprint IS NOT NULL";
    let mut read = db.prepare_cached(sql)?;
    let rows = read.query_map((), |row| row.get::<_, i64>(0))?;
    let mut digest = Digest::default();
    for row in rows {
        digest.add(row? as u64);
    }
    Ok(digest)
}

/// Fingerprints of every document of which the server holds something, by id.
pub(crate) fn inventory(db: &Connection) -> Result<Vec<(DocId, u64)>, EngineError> {
    let sql = "SELECT kind, id, fingerprint FROM docs WHERE fingerprint IS NOT NULL
               ORDER BY kind, id";
    let mut read = db.prepare_cached(sql)?;
    let mut rows = read.query(())?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push((doc_id(row.get(0)?, row.get(1)?)?, row.get::<_, i64>(2)? as u64));
    }
    Ok(found)
}

/// Whether a released document is not counted yet, or may be dropped because it is kept from
/// before the count `before`.
pub(crate) fn any_due(db: &Connection, before: i64) -> Result<bool, EngineError> {
    let sql = format!(
        "SELECT EXISTS (SELECT 1 FROM docs WHERE in_scope = 0
           AND (kept_from IS NULL OR kept_from < ?1 AND NOT EXISTS
             (SELECT 1 FROM runs WHERE runs.kind = docs.kind AND doc = id AND {OWED})))"
    );
    Ok(db.query_row(&sql, [before], |row| row.get(0))?)
}

/// Counts every released document that is not counted yet from `now` on.
pub(crate) fn count_from(db: &Connection, now: i64) -> Result<(), EngineError> {
    let sql = "UPDATE docs SET kept_from = ?1 WHERE in_scope = 0 AND kept_from IS NULL";
    db.execute(sql, [now])?;
    Ok(())
}

/// Drops released documents kept from before the count `before`, of which nothing waits; gives
/// their ids.
pub(crate) fn drop_released(db: &Connection, before: i64) -> Result<Vec<DocId>, EngineError> {
    let sql = format!(
        "SELECT kind, id FROM docs WHERE in_scope = 0 AND kept_from < ?1 AND NOT EXISTS
           (SELECT 1 FROM runs WHERE runs.kind = docs.kind AND doc = id AND {OWED})"
    );
    let mut read = db.prepare_cached(&sql)?;
    let mut rows = read.query([before])?;
    let mut docs = Vec::new();
    while let Some(row) = rows.next()? {
        docs.push(doc_id(row.get(0)?, row.get(1)?)?);
    }
    for doc in &docs {
        let key = (doc.kind.code(), doc.as_bytes());
        db.execute("DELETE FROM runs WHERE kind = ?1 AND doc = ?2", key)?;
        db.execute("DELETE FROM docs WHERE kind = ?1 AND id = ?2", key)?;
    }
    Ok(docs)
}

/// Forgets everything but what was refused: another technician takes over the phone, and nothing of
/// the last waits. Refused work is nowhere else, and goes when its time is over.
pub(crate) fn wipe(db: &Connection) -> Result<(), EngineError> {
    db.execute_batch(
        "DELETE FROM runs; DELETE FROM docs; DELETE FROM positions;
         DELETE FROM meta WHERE key IN ('position', 'last_synced', 'walk_ups', 'exported');",
    )?;
    Ok(())
}

/// Every document that is here.
pub(crate) fn all(db: &Connection) -> Result<Vec<DocId>, EngineError> {
    let mut read = db.prepare_cached("SELECT kind, id FROM docs ORDER BY kind, id")?;
    let mut rows = read.query(())?;
    let mut docs = Vec::new();
    while let Some(row) = rows.next()? {
        docs.push(doc_id(row.get(0)?, row.get(1)?)?);
    }
    Ok(docs)
}
