//! What a step changed about a document, into the store: its rows, its refusals, its own row.

use rusqlite::Connection;
use sync_core::change::Run;
use sync_core::document::{ChangeHash, Refusal};
use sync_core::sync::{Delta, Replica, SyncStatus};

use super::summary;
use crate::error::EngineError;
use crate::store::docs::{self, DocRow};
use crate::store::{refused, runs};

/// Stores a delta and the document's row as it is after it.
///
/// Own work carries the time at which it was first saved, also when it is re-authored.
pub(super) fn store(
    db: &Connection,
    replica: &Replica,
    delta: &Delta,
    now: i64,
) -> Result<(), EngineError> {
    delta.dropped.iter().try_for_each(|n| runs::delete(db, *n))?;
    for held in &delta.put {
        let first = held.run.changes.first().filter(|_| held.status == SyncStatus::Waiting);
        runs::put(db, held, first.map_or(now, |change| change.time))?;
    }
    let doc = replica.document().id();
    for work in &delta.refused {
        // The hash is of the chain the change stood in and means nothing outside of it.
        let last_hash = ChangeHash([0; 32]);
        let run = Run { doc, changes: vec![work.change.clone()], last_hash };
        refused::insert(db, &run, &work.code, &work.sentence, now)?;
    }
    let row = DocRow {
        doc,
        fingerprint: fingerprint(replica).map_err(damaged)?,
        summary: summary::of(replica.document()),
    };
    docs::put(db, &row)
}

/// A document whose rows do not make a document any more.
pub(super) fn damaged(refusal: Refusal) -> EngineError {
    EngineError::StoreDamaged(refusal.to_string())
}

/// Fingerprint of what the server should hold; absent if that is nothing.
fn fingerprint(replica: &Replica) -> Result<Option<u64>, Refusal> {
    let settled = replica.held().iter().any(|row| row.status.is_settled());
    settled.then(|| replica.settled_fingerprint()).transpose()
}
