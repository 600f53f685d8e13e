//! What a page of a pull holds: decided from the scope and the sizes of the runs, without reading.
//!
//! Each run has the position at which the phone has to hear of it: its own, or, for a document
//! that came into scope later, the position where it did. A page is cut between two such
//! positions, so nothing is left out and nothing is sent twice.

use std::collections::{BTreeMap, HashSet};

use sync_core::document::Digest;
use sync_core::id::ActorId;
use sync_core::limits;
use sync_core::schema::DocId;
use sync_core::sync::{Inventory, Pull, Pulled, PushedRange};

/// One document in a technician's scope.
#[derive(Debug, Clone, Copy)]
pub(crate) struct InScope {
    /// Whether the technician must have it now; otherwise it was released.
    pub current: bool,
    /// Where that began.
    pub since: i64,
    /// Its last run.
    pub pos: i64,
    /// The document's fingerprint.
    pub fingerprint: u64,
}

/// Where and how large a run is.
#[derive(Debug, Clone)]
pub(crate) struct Size {
    pub doc: DocId,
    pub pos: i64,
    pub actor: ActorId,
    /// First and last number.
    pub seqs: (u64, u64),
    /// Encoded bytes.
    pub bytes: usize,
}

/// A pull, from its question to the page that answers it.
#[derive(Debug)]
pub(crate) struct Plan<'p> {
    pull: &'p Pull,
    cursor: i64,
    upto: i64,
    pulled: Pulled,
    /// Documents to be sent, or of which the new part is.
    wanted: BTreeMap<DocId, InScope>,
    /// Documents that left the scope, and where.
    released: BTreeMap<DocId, i64>,
}

/// The digest of a whole scope.
pub(crate) fn digest(scope: &BTreeMap<DocId, InScope>) -> Digest {
    scope.values().filter(|it| it.current).map(|it| it.fingerprint).collect()
}

/// The position after which a pull reads; an inventory is compared with everything.
pub(crate) fn cursor(pull: &Pull) -> i64 {
    match &pull.inventory {
        Some(_) => 0,
        None => i64::try_from(pull.cursor).unwrap_or(i64::MAX),
    }
}

/// Documents of an inventory that are not in the technician's scope: their fingerprints have to
/// be read before the plan is made.
pub(crate) fn elsewhere(inventory: &Inventory, scope: &BTreeMap<DocId, InScope>) -> Vec<DocId> {
    let held = inventory.0.iter().map(|(doc, _)| *doc);
    held.filter(|doc| !scope.get(doc).is_some_and(|found| found.current)).collect()
}

impl<'p> Plan<'p> {
    /// Decides which documents have something to say. `upto` is the last position of the log,
    /// `digest` that of the technician's whole scope, `scope` what changed in it or left it after
    /// the cursor (against an inventory all of it), `elsewhere` the fingerprints that [`elsewhere`]
    /// asked for.
    pub fn new(
        pull: &'p Pull,
        upto: i64,
        digest: Digest,
        scope: &BTreeMap<DocId, InScope>,
        elsewhere: &BTreeMap<DocId, u64>,
    ) -> Self {
        let cursor = cursor(pull);
        let current = scope.iter().filter(|(_, document)| document.current);
        let mut pulled = Pulled { cursor: upto.unsigned_abs(), digest, ..Pulled::default() };
        let in_scope = |(doc, found): (&DocId, &InScope)| (*doc, *found);
        let (wanted, released) = match &pull.inventory {
            Some(inventory) => {
                let prints = current.clone().map(|(doc, found)| (*doc, found.fingerprint));
                let repair = inventory.compare(&prints.collect(), elsewhere);
                pulled.unknown = repair.unknown;
                let whole = scope.iter().filter(|(doc, _)| repair.whole.binary_search(doc).is_ok());
                // A phone that compares everything hears at once of what is not its any more.
                let released = repair.released.into_iter().map(|doc| (doc, 0));
                (whole.map(in_scope).collect(), released.collect())
            }
            None => {
                let news = current.filter(|(_, it)| it.pos > cursor || it.since > cursor);
                let released = scope.iter().filter(|(_, found)| !found.current);
                let released = released.map(|(doc, found)| (*doc, found.since));
                (news.map(in_scope).collect(), released.collect())
            }
        };
        Self { pull, cursor, upto, pulled, wanted, released }
    }

    /// The documents whose sizes have to be read: those that came into scope, from the beginning,
    /// and those that were there, after the cursor.
    pub fn wanted(&self) -> [(Vec<DocId>, i64); 2] {
        let (new, old) =
            self.wanted.iter().partition::<Vec<_>, _>(|(_, it)| it.since > self.cursor);
        let docs =
            |found: Vec<(&DocId, &InScope)>| found.into_iter().map(|(doc, _)| *doc).collect();
        [(docs(new), 0), (docs(old), self.cursor)]
    }

    /// Cuts the page: the answer without its runs, and the positions of those. `budget` is in
    /// encoded bytes; a page holds at least one position whatever its size.
    pub fn page(self, sizes: Vec<Size>, budget: usize) -> (Pulled, Vec<i64>) {
        let Self { pull, cursor, upto, mut pulled, wanted, released } = self;
        // Against an inventory documents go out whole, with what this request brought.
        let left_out = |run: &Size| pull.inventory.is_none() && is_pushed(run, &pull.pushed);
        let (brought, sizes): (Vec<_>, Vec<_>) = sizes.into_iter().partition(left_out);
        if pull.inventory.is_some() {
            pulled.released = released.into_keys().collect();
            return whole_documents(pulled, sizes, budget);
        }
        let brought: HashSet<DocId> = brought.iter().map(|run| run.doc).collect();
        let mut events: BTreeMap<i64, (usize, Vec<i64>)> = BTreeMap::new();
        for run in sizes {
            let since = wanted.get(&run.doc).map_or(0, |found| found.since);
            let event = if since > cursor { run.pos.max(since) } else { run.pos };
            let (bytes, positions) = events.entry(event).or_default();
            *bytes += run.bytes;
            positions.push(run.pos);
        }
        let mut bytes = 0;
        let mut runs = 0;
        let mut positions = Vec::new();
        let mut cut = upto;
        let mut before = cursor;
        for (event, (size, at)) in events {
            let full = bytes + size > budget || runs + at.len() > limits::PAGE_RUNS;
            if full && !positions.is_empty() {
                cut = before;
                pulled.more = true;
                break;
            }
            bytes += size;
            runs += at.len();
            positions.extend(at);
            before = event;
        }
        pulled.cursor = cut.unsigned_abs();
        pulled.released =
            released.into_iter().filter(|(_, since)| *since <= cut).map(|(doc, _)| doc).collect();
        let whole = wanted.iter().filter(|(doc, found)| {
            found.since > cursor && found.pos <= cut && !brought.contains(doc)
        });
        pulled.whole = whole.map(|(doc, _)| *doc).collect();
        (pulled, positions)
    }
}

/// A page against an inventory: documents one by one, each whole. The next inventory begins
/// again, so a page that ended inside of a document would come again and again.
fn whole_documents(mut pulled: Pulled, sizes: Vec<Size>, budget: usize) -> (Pulled, Vec<i64>) {
    let mut documents: BTreeMap<DocId, (usize, Vec<i64>)> = BTreeMap::new();
    for run in sizes {
        let (bytes, positions) = documents.entry(run.doc).or_default();
        *bytes += run.bytes;
        positions.push(run.pos);
    }
    let (mut bytes, mut positions) = (0, Vec::new());
    for (doc, (size, at)) in documents {
        let full = bytes + size > budget || positions.len() + at.len() > limits::PAGE_RUNS;
        if full && !positions.is_empty() {
            pulled.more = true;
            break;
        }
        bytes += size;
        positions.extend(at);
        pulled.whole.push(doc);
    }
    (pulled, positions)
}

/// Whether the phone brought this very run in the same exchange.
fn is_pushed(run: &Size, pushed: &[PushedRange]) -> bool {
    pushed.iter().any(|range| {
        range.doc == run.doc
            && range.actor == run.actor
            && range.seqs.contains(&run.seqs.0)
            && range.seqs.contains(&run.seqs.1)
    })
}
