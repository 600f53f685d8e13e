//! What goes into a phone's machine, what comes out of it, and the pages between it and its store.

use std::collections::BTreeSet;

use crate::admission::{Attested, Verdict};
use crate::change::ChangeRef;
use crate::document::Digest;
use crate::schema::DocId;
use crate::sync::frame::{Fault, Inventory, Sent};

/// What happens to the phone's machine.
#[derive(Debug)]
pub enum PhoneEvent<'a> {
    /// There is a reason to sync: new work, coverage, foreground, a notification, a timer.
    Wake,
    /// The store has read what [`PhoneEffect::Read`] asked for.
    Outbox(Outbox),
    /// A frame came in.
    Frame(&'a [u8]),
    /// The inbox is stored and on disk.
    Stored {
        /// Sum of the fingerprints of the documents in scope, as they are now without changes
        /// that wait for a verdict.
        digest: Digest,
        /// Whether changes wait that should be sent at once.
        waiting: bool,
        /// Documents into which what came did not fit ([`crate::sync::Taken::left`]).
        left: Vec<DocId>,
    },
    /// The exchange did not come to an end.
    Failed(Failure),
}

/// Why an exchange did not come to an end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// No coverage, no route, cut off, timed out.
    Unreachable,
    /// Something answered that is not the server, such as a captive portal's page.
    NotTheServer,
    /// The server asks to come back later, after so many milliseconds.
    Busy(u64),
    /// The device's login was refused; a person has to act.
    Unauthorised,
    /// Something on the way takes no request as large as this one. The page is cut smaller and sent
    /// again; it ends the sync only where no smaller one helps.
    TooLarge,
    /// The driver ended the sync: it took too long, or someone asked.
    Stopped,
}

/// What the driver must do next.
#[derive(Debug)]
pub enum PhoneEffect {
    /// Read changes without a verdict, oldest first, up to so many bytes; then `Outbox`.
    Read {
        /// Encoded bytes of one page.
        page_bytes: usize,
        /// Also the fingerprints of every document held.
        inventory: bool,
        /// Documents of which the page has nothing: the server takes them later, and what is behind
        /// them need not wait for that.
        pass_over: BTreeSet<DocId>,
    },
    /// Send this frame; then `Frame` or `Failed`.
    Send(Vec<u8>),
    /// Store this in one transaction, on disk; then `Stored`.
    Store(Inbox),
    /// Come back with `Wake` after so many milliseconds, or earlier if there is a reason.
    WakeAfter(u64),
    /// What the server said last agrees with what is stored: drop what was kept long enough.
    Tidy,
    /// The sync is over.
    Finished(SyncOutcome),
}

/// How a sync ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SyncOutcome {
    /// Both sides hold the same.
    UpToDate,
    /// Something waits for a person or another version; the rest went through.
    Waiting,
    /// The two do not agree after repair; it is tried again later.
    Diverged,
    /// It failed; it is tried again later.
    Failed(Failure),
    /// The server refused the message as a whole.
    Fault(Fault),
}

/// One page of what the phone has to say.
#[derive(Debug, Clone, Default)]
pub struct Outbox {
    /// Epoch the phone last heard; 0 for never.
    pub epoch: u64,
    /// Stored up to here.
    pub cursor: u64,
    /// Changes without a verdict, each after everything it follows.
    pub runs: Vec<Sent>,
    /// Fingerprints, if asked for.
    pub inventory: Option<Inventory>,
    /// There is another page.
    pub more: bool,
}

/// The verdict for one change that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushedVerdict {
    /// The document.
    pub doc: DocId,
    /// The change.
    pub change: ChangeRef,
    /// Whether it was sent as [`Sent::Orphaned`]: then other work may stand under its number in the
    /// document, and the verdict is not about that.
    pub orphaned: bool,
    /// The result.
    pub verdict: Verdict,
}

/// What an answer brings, to be stored in one transaction.
#[derive(Debug, Clone, Default)]
pub struct Inbox {
    /// Epoch of the server's log.
    pub epoch: u64,
    /// Stored up to here once this is stored; 0 until a repair is complete, so that a repair that
    /// is cut off starts again.
    pub cursor: u64,
    /// The epoch is another than before (the server was restored, or this is the first contact):
    /// take a fresh actor and write what waits again ([`crate::sync::Replica::renew`]). Another copy of this installation, also unaware of the
    /// restore, could otherwise use the same numbers for other work.
    pub renew: bool,
    /// The server's wall clock when it answered, Unix milliseconds.
    pub server_time: i64,
    /// Verdicts, in the order in which the changes were sent.
    pub verdicts: Vec<PushedVerdict>,
    /// New runs, in the order of the log.
    pub runs: Vec<Attested>,
    /// Documents of which `runs` holds everything the server has: what the phone holds beyond
    /// that, the server has lost, and the next outbox brings it back.
    pub whole: Vec<DocId>,
    /// Documents the server does not have as this phone does, and that are not in its scope.
    pub unknown: Vec<DocId>,
    /// Of those the ones of which the next outbox brings everything back.
    pub lost: Vec<DocId>,
    /// Documents to drop once nothing of them waits.
    pub released: Vec<DocId>,
    /// Whether this answers an inventory: every document held that is neither released nor
    /// unknown is in scope.
    pub repair: bool,
}
