//! The rows of a phone's store: runs with where they stand, and what a step changes about them.

use crate::change::{Change, ChangeRef, Run};
use crate::document::Author;
use crate::id::ActorId;

/// Where a run stands with the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
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
    /// beside the document until the server has written it anew in its author's name.
    Stranded([u8; 16]),
}

impl Standing {
    /// Whether the run is part of the document.
    pub fn is_in_document(self) -> bool {
        !matches!(self, Self::Stranded(_))
    }

    /// Whether the server holds it, or did when the phone last heard.
    pub fn is_settled(self) -> bool {
        self != Self::Waiting && self.is_in_document()
    }

    /// Whether it has to be sent.
    pub fn is_owed(self) -> bool {
        match self {
            Self::Waiting | Self::Resend | Self::Lost(_) | Self::Stranded(_) => true,
            Self::Durable | Self::Attested(_) => false,
        }
    }
}

/// One row of a phone's store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Local order over all documents; a run comes after everything it follows.
    pub n: u64,
    /// The changes; own work is one change a run.
    pub run: Run,
    /// Who made them.
    pub author: Author,
    /// Where it stands.
    pub standing: Standing,
}

impl Held {
    /// Whether the change is one of this row's, by its number.
    pub(super) fn is_of(&self, change: &ChangeRef) -> bool {
        let seqs = self.run.first_seq()..=self.run.last_seq();
        self.run.actor() == change.actor && seqs.contains(&change.seq)
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
    pub put: Vec<Held>,
    /// Rows to delete, by `n`.
    pub dropped: Vec<u64>,
    /// Work to move to the refused list.
    pub refused: Vec<RefusedWork>,
    /// The installation must use the fresh actor from now on: another copy of it writes too.
    pub rotated: bool,
}

/// What the engine lends a step.
#[derive(Debug)]
pub struct Writer<'a> {
    /// The next local number; counted up.
    pub next_n: &'a mut u64,
    /// The installation's actor.
    pub actor: ActorId,
    /// An actor nobody has used, taken when the installation's own has a double.
    pub fresh_actor: ActorId,
}

impl Writer<'_> {
    pub(super) fn number(&mut self) -> u64 {
        let n = *self.next_n;
        *self.next_n += 1;
        n
    }
}
