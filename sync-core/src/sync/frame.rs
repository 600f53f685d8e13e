//! The messages of sync, as values.

use ed25519_dalek::{Signature, Signer};

use crate::admission::{Attested, Verdict, push_message};
use crate::change::Run;
use crate::document::Digest;
use crate::id::DeviceId;
use crate::schema::DocId;

/// The first byte of every frame.
pub const VERSION: u8 = 1;

/// What a phone sends.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Request {
    /// Epoch of the server's log as the phone last heard it; 0 for never.
    pub epoch: u64,
    /// Up to where in the log the phone has stored everything.
    pub cursor: u64,
    /// Changes the server lacks, each after everything it follows.
    pub runs: Vec<Sent>,
    /// Ed25519 over [`crate::admission::push_message`] of the signed runs; present
    /// exactly if there are any.
    pub signature: Option<[u8; 64]>,
    /// What the phone holds, sent when the two no longer agree.
    pub inventory: Option<Inventory>,
    /// More pages of changes follow at once.
    pub more: bool,
}

/// A run on its way to the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// This device's own work, covered by the signature of the request.
    Signed(Run),
    /// Work the server had before, brought back with the receipt it gave.
    Relayed(Attested),
    /// The same, where other work stands now under the numbers of what it follows: the server
    /// re-authors it.
    Orphaned(Attested),
}

impl Sent {
    /// The run itself.
    pub fn run(&self) -> &Run {
        match self {
            Self::Signed(run)
            | Self::Relayed(Attested { run, .. })
            | Self::Orphaned(Attested { run, .. }) => run,
        }
    }

    /// The run, if it is the phone's own and so covered by its signature.
    pub fn own(&self) -> Option<&Run> {
        match self {
            Self::Signed(run) => Some(run),
            Self::Relayed(_) | Self::Orphaned(_) => None,
        }
    }

    /// The device's signature over its own runs of a page, if there are any.
    pub fn sign(page: &[Self], device: DeviceId, key: &impl Signer<Signature>) -> Option<[u8; 64]> {
        let mut own = page.iter().filter_map(Self::own).peekable();
        own.peek()?;
        Some(key.sign(&push_message(device, own)).to_bytes())
    }
}

/// Fingerprints of every document a phone holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Inventory(pub Vec<(DocId, u64)>);

/// What the server answers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Response {
    /// Epoch of the log; another than the phone's means the cursor is void.
    pub epoch: u64,
    /// Up to where in the log the phone has everything once it has stored this.
    pub cursor: u64,
    /// Sum of the fingerprints of the documents in the phone's scope at that point.
    pub digest: Digest,
    /// The server's wall clock, Unix milliseconds.
    pub server_time: i64,
    /// Do not come back before this many milliseconds; 0 for whenever there is something.
    pub retry_after_ms: u64,
    /// One verdict for each change of the request, in order.
    pub verdicts: Vec<Verdict>,
    /// What is new, in the order of the log.
    pub runs: Vec<Attested>,
    /// Documents of which `runs` holds every change the server has.
    pub whole: Vec<DocId>,
    /// Documents that left the phone's scope.
    pub released: Vec<DocId>,
    /// Documents of the inventory that this server does not have at all.
    pub unknown: Vec<DocId>,
    /// More follows after this cursor: ask again at once.
    pub more: bool,
    /// The phone's cursor is void (the server was restored): send an inventory.
    pub resync: bool,
}

/// A refusal of a whole frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Stable code, snake case.
    pub code: String,
    /// One plain sentence.
    pub sentence: String,
    /// Do not come back before this many milliseconds.
    pub retry_after_ms: u64,
}

/// Any frame a phone may receive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// The answer to a request.
    Response(Box<Response>),
    /// The request was not taken.
    Fault(Fault),
    /// There is something new: sync when convenient. Only on a WebSocket.
    Notification,
}
