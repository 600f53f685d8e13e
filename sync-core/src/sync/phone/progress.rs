//! What a sync remembers from exchange to exchange, and what of an answer decides how it goes on.

use std::collections::{BTreeMap, BTreeSet};

use crate::change::ChangeRef;
use crate::document::Digest;
use crate::schema::DocId;

/// A change that was sent: its document, itself, and whether it is orphaned.
pub type Pushed = (DocId, ChangeRef, bool);

/// What one sync remembers from exchange to exchange.
#[derive(Debug, Default)]
pub struct Progress {
    /// Documents that are being brought back. They are marked once a sync: marked at each page
    /// again, what the server has just taken would be sent for ever, and nothing after it.
    pub lost: BTreeSet<DocId>,
    /// Documents the server sent whole, with the fingerprint they have there. The next inventory says
    /// that: what did not fit here, or has more here than there until it is sent, would come again
    /// before all others.
    pub told_whole: BTreeMap<DocId, u64>,
    pub inventories: u32,
    pub fruitless: u32,
    /// What was sent last. Sent again, its verdicts have moved nothing.
    pub sent: Vec<Pushed>,
    pub exchanges: u32,
    /// Documents of which the server takes something later, as it said in this sync.
    pub told: BTreeSet<DocId>,
    /// Whether what was told *later* in earlier syncs has its page now, and whether it had it.
    pub trying: bool,
    pub had_page: bool,
    /// The server has more to say, or the two have to be compared.
    pub has_to_ask: bool,
    /// Whether what was stored last is what the server has, as far as it has a verdict.
    pub agrees: bool,
    /// How long what is told *later* has to wait, milliseconds.
    pub retry_after_ms: u64,
    pub epoch: u64,
    pub cursor: u64,
    pub wants_inventory: bool,
}

/// What of the answer decides how to go on.
#[derive(Debug)]
pub struct Answer {
    pub digest: Digest,
    pub more: bool,
    pub resync: bool,
    pub fruitful: bool,
    pub retry_after_ms: u64,
    pub outbox_more: bool,
    /// Documents of which the server takes something later.
    pub later: BTreeSet<DocId>,
    /// Documents of which it has decided something.
    pub decided: BTreeSet<DocId>,
    /// Fingerprints of the documents it holds whole.
    pub whole: BTreeMap<DocId, u64>,
}
