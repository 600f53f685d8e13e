//! Documents from the log of the store, loaded when they are needed and kept for a while.

use std::collections::HashMap;

use rusqlite::Connection;
use sync_core::schema::DocId;
use sync_core::sync::Replica;

use crate::error::EngineError;
use crate::store::runs;

/// Documents kept in memory; the least recently used is dropped first.
const KEPT: usize = 64;

/// The documents in memory.
#[derive(Default)]
pub(super) struct Cache {
    docs: HashMap<DocId, (u64, Replica)>,
    clock: u64,
}

impl Cache {
    /// The document, loaded from the log if it is not in memory. A document nobody has written
    /// to is empty.
    pub fn get(&mut self, db: &Connection, doc: DocId) -> Result<&Replica, EngineError> {
        if !self.docs.contains_key(&doc) {
            let loaded = load(db, doc)?;
            self.put(loaded);
        }
        self.clock += 1;
        let clock = self.clock;
        let slot = self.docs.get_mut(&doc);
        let slot = slot.ok_or_else(|| EngineError::Internal("document cache".to_owned()))?;
        slot.0 = clock;
        Ok(&slot.1)
    }

    /// Takes the document out to be changed. What is not put back after the commit is loaded
    /// again, so a failed save leaves no trace.
    pub fn take(&mut self, db: &Connection, doc: DocId) -> Result<Replica, EngineError> {
        match self.docs.remove(&doc) {
            Some((_, replica)) => Ok(replica),
            None => load(db, doc),
        }
    }

    /// Keeps a document that is as the store has it.
    pub fn put(&mut self, replica: Replica) {
        if self.docs.len() >= KEPT
            && let Some(oldest) = self.docs.iter().min_by_key(|(_, (used, _))| *used)
        {
            let oldest = *oldest.0;
            self.docs.remove(&oldest);
        }
        self.clock += 1;
        self.docs.insert(replica.document().id(), (self.clock, replica));
    }

    /// Drops a document that changed in the store.
    pub fn forget(&mut self, doc: &DocId) {
        self.docs.remove(doc);
    }
}

/// The document as everything that is stored makes it.
pub(super) fn load(db: &Connection, doc: DocId) -> Result<Replica, EngineError> {
    Replica::load(doc, runs::of_doc(db, doc)?)
        .map_err(|refusal| EngineError::StoreDamaged(format!("{doc:?}: {refusal}")))
}
