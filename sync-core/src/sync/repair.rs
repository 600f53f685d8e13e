//! What an inventory tells the server: the same answer whatever the store.

use std::collections::{BTreeMap, BTreeSet};

use super::frame::Inventory;
use crate::admission::Attested;
use crate::change::ChangeRef;
use crate::document::{ChangeHash, fingerprint};
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

/// The fingerprints that documents sent whole have at the server, read off the runs: the heads
/// are the last changes of runs that nothing follows.
pub(super) fn told_fingerprints(whole: &[DocId], runs: &[Attested]) -> BTreeMap<DocId, u64> {
    let mut ends: BTreeMap<DocId, BTreeMap<ChangeRef, ChangeHash>> =
        whole.iter().map(|doc| (*doc, BTreeMap::new())).collect();
    let mut followed: BTreeSet<(DocId, ChangeRef)> = BTreeSet::new();
    for Attested { run, .. } in runs {
        let Some(ends) = ends.get_mut(&run.doc) else { continue };
        ends.insert(ChangeRef { actor: run.actor(), seq: run.last_seq() }, run.last_hash);
        let before = ChangeRef { actor: run.actor(), seq: run.first_seq().saturating_sub(1) };
        let after = run.changes.iter().flat_map(|change| change.after.iter().copied());
        followed.extend(after.chain([before]).map(|change| (run.doc, change)));
    }
    let heads = ends.into_iter().map(|(doc, ends)| {
        let ends = ends.into_iter().filter(|(change, _)| !followed.contains(&(doc, *change)));
        let mut heads: Vec<ChangeHash> = ends.map(|(_, hash)| hash).collect();
        heads.sort();
        (doc, fingerprint(doc, &heads))
    });
    heads.collect()
}

impl Inventory {
    /// Says of these documents that they are held as the server has them, though they are not:
    /// it would send them again, and nothing behind them.
    pub(super) fn set_aside(&mut self, docs: &BTreeMap<DocId, u64>) {
        self.0.retain(|(doc, _)| !docs.contains_key(doc));
        self.0.extend(docs.iter().map(|(doc, print)| (*doc, *print)));
        self.0.sort_unstable();
    }

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
