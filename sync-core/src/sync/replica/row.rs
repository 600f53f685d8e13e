//! The rows of a phone's store: runs with where they stand, and what a step changes about them.

use std::collections::BTreeSet;

use crate::change::{Change, Run};
use crate::document::Author;
use crate::id::{ActorId, DeviceId};

/// Where a run stands with the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncStatus {
    /// Own work without a durable verdict: to be sent.
    Waiting,
    /// Own work the server has.
    Durable,
    /// Own work the server had and has lost: to be sent again, unchanged.
    Resend,
    /// Came from the server, with its receipt.
    Attested([u8; 16]),
    /// Came from the server with this receipt, and the server has lost it: to be brought back.
    Lost([u8; 16]),
    /// The same, and other work stands there now under the numbers of what it follows. It is kept
    /// beside the document until the server has re-authored it in its author's name.
    Orphaned([u8; 16]),
}

impl SyncStatus {
    /// Whether the run is part of the document.
    pub fn is_in_document(self) -> bool {
        !matches!(self, Self::Orphaned(_))
    }

    /// Whether the server holds it, or did when the phone last heard.
    pub fn is_settled(self) -> bool {
        self != Self::Waiting && self.is_in_document()
    }

    /// Whether it has to be sent.
    pub fn is_owed(self) -> bool {
        match self {
            Self::Waiting | Self::Resend | Self::Lost(_) | Self::Orphaned(_) => true,
            Self::Durable | Self::Attested(_) => false,
        }
    }
}

/// One row of a phone's store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRun {
    /// Local order over all documents; a run comes after everything it follows.
    pub n: u64,
    /// The changes; own work is one change a run.
    pub run: Run,
    /// Who made them.
    pub author: Author,
    /// Where it stands.
    pub status: SyncStatus,
}

impl StoredRun {
    /// Whether it ends with this number or an earlier one.
    pub(super) fn is_up_to(&self, last: u64) -> bool {
        crate::cost::step();
        self.run.last_seq() <= last
    }
}

/// Own work the server refused: taken out of the document, kept and shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedWork {
    /// What it was.
    pub change: Change,
    /// Stable code.
    pub code: String,
    /// One plain sentence.
    pub sentence: String,
}

/// What a step changed, to be stored in one transaction.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delta {
    /// Rows that are new or changed.
    pub put: Vec<StoredRun>,
    /// Rows to delete, by `n`.
    pub dropped: Vec<u64>,
    /// Work to move to the refused list.
    pub refused: Vec<RefusedWork>,
    /// The installation must use the fresh actor from now on: another copy of it writes too.
    pub rotated: bool,
}

impl Delta {
    /// Of each row the last state alone, and none that is dropped.
    pub(super) fn settle(&mut self) {
        let mut seen: BTreeSet<u64> = self.dropped.iter().copied().collect();
        self.put.reverse();
        self.put.retain(|row| seen.insert(row.n));
        self.put.reverse();
    }
}

/// What the engine lends a step.
#[derive(Debug)]
pub struct LocalWriter<'a> {
    /// The next local number; counted up.
    pub next_n: &'a mut u64,
    /// The installation's actor.
    pub actor: ActorId,
    /// An actor nobody has used, taken when the installation's own has a double.
    pub fresh_actor: ActorId,
    /// The phone as it is enrolled now; absent while it is not. What is written again is its work,
    /// also where it was first written under an earlier enrolment.
    pub device: Option<DeviceId>,
}

impl LocalWriter<'_> {
    pub(super) fn number(&mut self) -> u64 {
        let n = *self.next_n;
        *self.next_n += 1;
        n
    }
}
