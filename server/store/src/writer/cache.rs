//! Documents the writer keeps in memory, bounded by their size.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use sync_core::admission::RefusedBefore;
use sync_core::document::Document;
use sync_core::id::TenantId;
use sync_core::schema::DocId;
use sync_core::scope::Member;

use super::group::guard;
use super::project::Shown;
use crate::StoreError;
use crate::log::{self, Loaded, Logged};

/// Estimated memory of all documents kept, bytes.
pub(super) const BYTES: usize = 32 * 1024 * 1024;
/// A change in memory beyond its encoded bytes: its record twice, its place in the graph.
const CHANGE_BYTES: usize = 1400;
/// What one refusal given before takes: its hash, code and sentence, and their place in a tree.
const REFUSAL_BYTES: usize = 320;

/// What is remembered of one row of a document.
const ROW_BYTES: usize = 40;

/// A document as the writer knows it.
#[derive(Debug)]
pub(crate) struct CachedDocument {
    document: Arc<Document>,
    /// What the tables show of it; absent until it is changed for the first time.
    shown: Option<Shown>,
    /// Position of its first run, if it was written here; else 0, and the tables have it.
    pub first: i64,
    /// Position of its last run; 0 for a document nobody wrote to.
    pub pos: i64,
    /// Everything up to here was looked at.
    pub as_of: i64,
    /// Encoded size of its runs.
    pub bytes: usize,
    /// Runs since the last snapshot.
    pub runs: usize,
    /// Refusals given before.
    pub refused: RefusedBefore,
    /// Who has it in scope, as the table says; absent when the table was not looked at.
    pub members: Option<Vec<Member>>,
}

impl CachedDocument {
    /// A document that was read, with everything up to position `upto` looked at.
    pub fn new(loaded: Loaded, upto: i64, refused: RefusedBefore) -> Self {
        Self {
            document: Arc::new(loaded.document),
            shown: None,
            first: 0,
            pos: loaded.pos,
            as_of: upto,
            bytes: loaded.bytes,
            runs: loaded.runs,
            refused,
            members: None,
        }
    }

    /// The document as it stands.
    pub fn document(&self) -> &Arc<Document> {
        &self.document
    }

    /// The document to be changed, and the refusals given before. What the tables show is noted
    /// first, so that it is known afterwards what they do not.
    pub fn open(&mut self) -> Result<(&mut Document, &RefusedBefore), StoreError> {
        if self.shown.is_none() {
            self.shown = Some(guard(|| Shown::of(&self.document))?);
        }
        Ok((Arc::make_mut(&mut self.document), &self.refused))
    }

    /// Takes a run of another node, whose rows that node has written.
    pub fn take(&mut self, logged: &Logged) -> Result<(), StoreError> {
        self.shown = None;
        log::take(Arc::make_mut(&mut self.document), logged)?;
        self.pos = logged.pos;
        self.bytes += logged.bytes;
        self.runs += 1;
        self.members = None;
        Ok(())
    }

    /// What the tables showed before the changes made since; what they show then has to be told.
    pub fn take_shown(&mut self) -> Shown {
        self.shown.take().unwrap_or_default()
    }

    /// What the tables show now.
    pub fn show(&mut self, shown: Shown) {
        self.shown = Some(shown);
    }

    fn weight(&self) -> usize {
        let changes = CHANGE_BYTES * self.document.changes().len();
        let shown = ROW_BYTES * self.shown.as_ref().map_or(0, Shown::len);
        2048 + 2 * self.bytes + changes + shown + REFUSAL_BYTES * self.refused.len()
    }
}

type Name = (TenantId, DocId);

/// Documents by name, the least recently used dropped first.
#[derive(Debug)]
pub(crate) struct Cache {
    held: HashMap<Name, (u64, usize, CachedDocument)>,
    order: BTreeMap<u64, Name>,
    tick: u64,
    bytes: usize,
    limit: usize,
    evicted: u64,
}

impl Cache {
    /// An empty cache that keeps so many bytes.
    pub fn new(limit: usize) -> Self {
        let (held, order) = Default::default();
        Self { held, order, tick: 0, bytes: 0, limit, evicted: 0 }
    }

    /// Estimated bytes held, and how many documents were dropped to make room.
    pub fn memory(&self) -> (usize, u64) {
        (self.bytes, self.evicted)
    }

    /// Takes a document out. Whoever takes it puts it back after the commit, or loses it: what
    /// a failed group touched is never used again.
    pub fn take(&mut self, tenant: TenantId, doc: DocId) -> Option<CachedDocument> {
        let (tick, weight, held) = self.held.remove(&(tenant, doc))?;
        self.order.remove(&tick);
        self.bytes -= weight;
        Some(held)
    }

    /// Drops every document.
    pub fn clear(&mut self) {
        self.held.clear();
        self.order.clear();
        self.bytes = 0;
    }

    /// Puts a document in, and drops others if it is too much.
    pub fn put(&mut self, tenant: TenantId, held: CachedDocument) {
        let name = (tenant, held.document.id());
        self.take(name.0, name.1);
        let weight = held.weight();
        self.tick += 1;
        self.bytes += weight;
        self.order.insert(self.tick, name);
        self.held.insert(name, (self.tick, weight, held));
        while self.bytes > self.limit {
            let Some((_, (tenant, doc))) = self.order.first_key_value() else { break };
            let (tenant, doc) = (*tenant, *doc);
            self.take(tenant, doc);
            self.evicted += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sync_core::id::JobId;

    fn held(who: u8, bytes: usize) -> CachedDocument {
        let loaded = Loaded { bytes, ..Loaded::new(JobId::new(1, [who; 10]).into()) };
        CachedDocument::new(loaded, 0, RefusedBefore::new())
    }

    #[test]
    fn the_least_recently_used_documents_make_room() {
        let tenant = TenantId::new(1, [1; 10]);
        let mut cache = Cache::new(BYTES);
        for who in 0..4 {
            cache.put(tenant, held(who, 5 * 1024 * 1024));
        }
        let doc = |who: u8| JobId::new(1, [who; 10]).into();
        assert!(cache.take(tenant, doc(0)).is_none(), "it was the oldest");
        assert!(cache.take(tenant, doc(1)).is_some());
        assert!(cache.bytes <= BYTES);
        for who in 0..4 {
            cache.take(tenant, doc(who));
        }
        assert_eq!((cache.bytes, cache.order.len()), (0, 0));
    }
}
