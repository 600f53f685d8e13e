//! How much a server may make this phone keep, and what of an answer is left because of it.

use std::borrow::Cow;
use std::collections::BTreeSet;

use rusqlite::Connection;
use sync_core::limits;
use sync_core::schema::DocId;
use sync_core::sync::Inbox;

use crate::error::EngineError;

/// How much a server may make a phone keep. Own work is saved whatever this says, as long as the disk
/// has room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeepLimits {
    /// Documents.
    pub documents: u64,
    /// Bytes of the store.
    pub bytes: u64,
}

impl Default for KeepLimits {
    fn default() -> Self {
        Self { documents: limits::PHONE_DOCUMENTS, bytes: limits::PHONE_BYTES }
    }
}

/// Whether the store has come to one of the limits.
pub(super) fn is_used_up(db: &Connection, limits: &KeepLimits) -> Result<bool, EngineError> {
    Ok(documents(db)? >= limits.documents || bytes(db)? >= limits.bytes)
}

/// The part of an answer that may be stored, and the documents of which its runs are left out. What
/// they bring comes again once there is room, because phone and server then differ.
pub(super) fn within<'a>(
    db: &Connection,
    limits: &KeepLimits,
    inbox: &'a Inbox,
) -> Result<(Cow<'a, Inbox>, Vec<DocId>), EngineError> {
    let coming: BTreeSet<DocId> = inbox.runs.iter().map(|it| it.run.doc).collect();
    if coming.is_empty() {
        return Ok((Cow::Borrowed(inbox), Vec::new()));
    }
    let full = bytes(db)? >= limits.bytes;
    let mut room = limits.documents.saturating_sub(documents(db)?);
    let mut left = BTreeSet::new();
    for doc in coming {
        let known = !full && is_known(db, doc)?;
        if full || (!known && room == 0) {
            left.insert(doc);
        } else if !known {
            room -= 1;
        }
    }
    if left.is_empty() {
        return Ok((Cow::Borrowed(inbox), Vec::new()));
    }
    let mut inbox = inbox.clone();
    inbox.runs.retain(|it| !left.contains(&it.run.doc));
    inbox.whole.retain(|doc| !left.contains(doc));
    Ok((Cow::Owned(inbox), left.into_iter().collect()))
}

fn documents(db: &Connection) -> Result<u64, EngineError> {
    let count: i64 = db.query_row("SELECT COUNT(*) FROM docs", [], |row| row.get(0))?;
    Ok(count.unsigned_abs())
}

/// Bytes of the store that are in use.
fn bytes(db: &Connection) -> Result<u64, EngineError> {
    let number = |name: &str| {
        let read: Result<i64, _> = db.query_row(&format!("PRAGMA {name}"), [], |row| row.get(0));
        read.map(i64::unsigned_abs)
    };
    let used = number("page_count")?.saturating_sub(number("freelist_count")?);
    Ok(used.saturating_mul(number("page_size")?))
}

fn is_known(db: &Connection, doc: DocId) -> Result<bool, EngineError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM docs WHERE kind = ?1 AND id = ?2)";
    Ok(db.prepare_cached(sql)?.query_row((doc.kind.code(), doc.as_bytes()), |row| row.get(0))?)
}
