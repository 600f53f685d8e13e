//! The changes a phone holds, as runs in the order in which they were saved.

use std::collections::BTreeSet;

use rusqlite::{Connection, Row};
use sync_core::change::{Run, decode_run, encode_run};
use sync_core::document::Author;
use sync_core::id::{DeviceId, UserId};
use sync_core::schema::{DocId, DocKind};
use sync_core::sync::StoredRun;
use sync_core::wire::{Reader, Writer};

use super::standing::{self, OWED, WAITING};
use crate::error::EngineError;

const COLUMNS: &str =
    "n, kind, doc, payload, author_user, author_device, receipt, standing, saved_at";

/// Writes a new row, or how a row stands now, whose time of saving it keeps. Fails where the number
/// belongs to other work: another engine has written to the file.
pub(crate) fn put(db: &Connection, held: &StoredRun, saved_at: i64) -> Result<(), EngineError> {
    let (standing, receipt) = standing::code(held.status);
    let mut write = db.prepare_cached(
        "INSERT INTO runs (n, kind, doc, author_user, author_device, receipt, standing, saved_at,
                           payload)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
         ON CONFLICT (n) DO UPDATE SET receipt = excluded.receipt, standing = excluded.standing
         -- A run ends with the hash of its last change.
         WHERE kind = excluded.kind AND doc = excluded.doc
             AND substr(payload, -32) = substr(excluded.payload, -32)",
    )?;
    let written = write.execute(rusqlite::params![
        number(held.n)?,
        held.run.doc.kind.code(),
        held.run.doc.as_bytes(),
        held.author.user.map(|user| *user.as_bytes()),
        held.author.device.map(|device| *device.as_bytes()),
        receipt,
        standing,
        saved_at,
        encode(&held.run),
    ])?;
    if written == 1 { Ok(()) } else { Err(EngineError::StoreInUse) }
}

/// Takes a row out.
pub(crate) fn delete(db: &Connection, n: u64) -> Result<(), EngineError> {
    db.prepare_cached("DELETE FROM runs WHERE n = ?1")?.execute([number(n)?])?;
    Ok(())
}

/// The number the next row takes.
pub(crate) fn next_n(db: &Connection) -> Result<u64, EngineError> {
    let greatest: i64 = db.query_row("SELECT COALESCE(MAX(n), 0) FROM runs", [], |r| r.get(0))?;
    Ok(greatest.unsigned_abs() + 1)
}

/// All rows of a document, in order.
pub(crate) fn of_doc(db: &Connection, doc: DocId) -> Result<Vec<StoredRun>, EngineError> {
    let sql = format!("SELECT {COLUMNS} FROM runs WHERE kind = ?1 AND doc = ?2 ORDER BY n");
    let mut read = db.prepare_cached(&sql)?;
    let mut rows = read.query((doc.kind.code(), doc.as_bytes()))?;
    let mut held = Vec::new();
    while let Some(row) = rows.next()? {
        held.push(self::held(row)?);
    }
    Ok(held)
}

/// Rows after the one numbered `after` that the server does not hold, oldest first, until their
/// payloads pass `bytes`; and whether more are left. Documents in `pass_over` have no part in it.
pub(crate) fn unsettled(
    db: &Connection,
    after: u64,
    bytes: usize,
    pass_over: &BTreeSet<DocId>,
) -> Result<(Vec<StoredRun>, bool), EngineError> {
    let sql = format!("SELECT {COLUMNS} FROM runs WHERE {OWED} AND n > ?1 ORDER BY n");
    let mut read = db.prepare_cached(&sql)?;
    let mut rows = read.query([number(after)?])?;
    let (mut found, mut size) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        if !pass_over.is_empty() && pass_over.contains(&doc_id(row.get("kind")?, row.get("doc")?)?)
        {
            continue;
        }
        let payload = row.get_ref("payload")?.as_blob().map_err(|e| damaged(&e))?;
        if !found.is_empty() && size + payload.len() > bytes {
            return Ok((found, true));
        }
        size += payload.len();
        found.push(held(row)?);
    }
    Ok((found, false))
}

/// Own changes without a durable verdict: how many, and when the oldest was saved.
pub(crate) fn count_waiting(db: &Connection) -> Result<(u64, Option<i64>), EngineError> {
    // Both conditions: by the first SQLite finds the few rows of the index.
    let sql = format!("SELECT COUNT(*), MIN(saved_at) FROM runs WHERE {OWED} AND {WAITING}");
    let (count, oldest) = db.query_row(&sql, [], |row| Ok((row.get::<_, i64>(0)?, row.get(1)?)))?;
    Ok((count.unsigned_abs(), oldest))
}

/// Whether anything has to be sent.
pub(crate) fn any_unsettled(db: &Connection) -> Result<bool, EngineError> {
    let sql = format!("SELECT EXISTS (SELECT 1 FROM runs WHERE {OWED})");
    Ok(db.prepare_cached(&sql)?.query_row([], |row| row.get(0))?)
}

/// The last row that has to be sent; absent if there is none.
pub(crate) fn last_unsettled(db: &Connection) -> Result<Option<u64>, EngineError> {
    let sql = format!("SELECT MAX(n) FROM runs WHERE {OWED}");
    let last: Option<i64> = db.query_row(&sql, [], |row| row.get(0))?;
    Ok(last.map(i64::unsigned_abs))
}

/// Documents with own work that waits.
pub(crate) fn docs_waiting(db: &Connection) -> Result<Vec<DocId>, EngineError> {
    let sql = format!("SELECT DISTINCT kind, doc FROM runs WHERE {OWED} AND {WAITING}");
    let mut read = db.prepare_cached(&sql)?;
    let mut rows = read.query(())?;
    let mut docs = Vec::new();
    while let Some(row) = rows.next()? {
        docs.push(doc_id(row.get(0)?, row.get(1)?)?);
    }
    Ok(docs)
}

/// The bytes of a run as the store keeps it.
pub(crate) fn encode(run: &Run) -> Vec<u8> {
    let mut writer = Writer::new();
    encode_run(&mut writer, run);
    writer.into_bytes()
}

/// A run from the store's bytes.
pub(crate) fn decode(payload: &[u8]) -> Result<Run, EngineError> {
    let mut reader = Reader::new(payload);
    let run = decode_run(&mut reader).map_err(|e| damaged(&e))?;
    reader.finish().map_err(|e| damaged(&e))?;
    Ok(run)
}

/// A document id from its columns.
pub(crate) fn doc_id(kind: u8, id: [u8; 16]) -> Result<DocId, EngineError> {
    DocId::new(DocKind::from_code(kind), id).map_err(|e| damaged(&e))
}

fn held(row: &Row<'_>) -> Result<StoredRun, EngineError> {
    let payload = row.get_ref("payload")?.as_blob().map_err(|e| damaged(&e))?;
    let user: Option<[u8; 16]> = row.get("author_user")?;
    let device: Option<[u8; 16]> = row.get("author_device")?;
    let author = Author {
        user: user.map(UserId::from_bytes).transpose().map_err(|e| damaged(&e))?,
        device: device.map(DeviceId::from_bytes).transpose().map_err(|e| damaged(&e))?,
    };
    let receipt: Option<[u8; 16]> = row.get("receipt")?;
    let standing: i64 = row.get("standing")?;
    let status = standing::from_code(standing, receipt);
    let status = status.ok_or_else(|| damaged(&format!("standing {standing}")))?;
    let n = row.get::<_, i64>("n")?.unsigned_abs();
    Ok(StoredRun { n, run: decode(payload)?, author, status })
}

fn number(n: u64) -> Result<i64, EngineError> {
    i64::try_from(n).map_err(|e| damaged(&e))
}

fn damaged(error: &dyn std::fmt::Display) -> EngineError {
    EngineError::StoreDamaged(error.to_string())
}
