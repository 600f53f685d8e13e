//! What a process really holds in memory, counted from the documents and not from what the cache
//! noted down about them.

use std::collections::{BTreeMap, BTreeSet};

use sync_core::change::{Change, Entry};
use sync_core::document::{Author, Document, Fact};
use sync_core::id::TenantId;
use sync_core::schema::{DocId, Key};
use sync_core::value::{Record, Value};

use super::node::Node;
use crate::writer::group::{Group, Needs};

impl Node {
    /// Bytes that the documents of these names take in memory, where they are there; a lower
    /// bound, without the graph and what maps take. The process ends with it.
    pub fn weigh(mut self, names: BTreeMap<TenantId, BTreeSet<DocId>>) -> usize {
        let meta = self.kept.meta.clone();
        let mut group = Group::new(&meta, self.kept.actor);
        for (tenant, docs) in names {
            let needs = Needs { docs, ..Needs::default() };
            self.kept.begin(&mut group, tenant, &needs, 0, 0);
        }
        group.docs.values().map(|held| weight(held.document())).sum()
    }
}

fn weight(document: &Document) -> usize {
    let changes = document.changes().iter();
    let entries = changes.clone().flat_map(|(change, _)| &change.entries);
    let entry = |entry: &Entry| {
        size_of::<Entry>()
            + match entry {
                // It stands in its change and again as a fact.
                Entry::Fact { record, .. } => size_of::<Fact>() + 2 * record_weight(record),
                Entry::Field { value, .. } => 2 * value_weight(value),
                Entry::Section { .. } => 0,
            }
    };
    changes.len() * size_of::<(Change, Author)>() + entries.map(entry).sum::<usize>()
}

fn record_weight(record: &Record) -> usize {
    record.values().map(|value| size_of::<Key>() + value_weight(value)).sum()
}

fn value_weight(value: &Value) -> usize {
    size_of::<Value>() + value.bytes()
}
