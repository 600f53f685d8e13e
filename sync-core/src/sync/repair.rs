//! What an inventory tells the server: the same answer whatever the store.

use std::collections::BTreeMap;

use super::frame::Inventory;
use crate::schema::DocId;

/// What to answer to an inventory.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Repair {
    /// Documents in scope that the phone lacks or holds in another state: send them whole.
    pub whole: Vec<DocId>,
    /// Documents the phone holds that are here and not in its scope.
    pub released: Vec<DocId>,
    /// Documents the phone holds that are not here, or here in another state and not in its
    /// scope. The phone brings back all it has of them: an earlier life of this server may have
    /// sent what this one has lost, and its receipts prove it. Nothing is given away by asking.
    pub unknown: Vec<DocId>,
}

impl Inventory {
    /// Compares with the fingerprints of the documents in scope, and of those of the inventory
    /// that are here but not in scope.
    pub fn compare(
        &self,
        in_scope: &BTreeMap<DocId, u64>,
        elsewhere: &BTreeMap<DocId, u64>,
    ) -> Repair {
        let held: BTreeMap<DocId, u64> = self.0.iter().copied().collect();
        let mut repair = Repair::default();
        for (doc, fingerprint) in in_scope {
            if held.get(doc) != Some(fingerprint) {
                repair.whole.push(*doc);
            }
        }
        for (doc, fingerprint) in held.iter().filter(|(doc, _)| !in_scope.contains_key(doc)) {
            let here = elsewhere.get(doc);
            if here != Some(fingerprint) {
                repair.unknown.push(*doc);
            }
            if here.is_some() {
                repair.released.push(*doc);
            }
        }
        repair
    }
}
