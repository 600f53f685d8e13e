//! What the writer can be asked for, and what it answers.

use std::sync::Arc;

use sync_core::admission::{RecordError, Verdict};
use sync_core::change::Entry;
use sync_core::document::{Author, Document};
use sync_core::id::{DeviceId, TenantId, UserId};
use sync_core::policy::{Principal, Role};
use sync_core::schema::DocId;
use sync_core::sync::Submitted;
use tokio::sync::oneshot;

use crate::StoreError;
use crate::rows::audit::Note;

/// One verdict for each change, one list for each run, in the order in which they were sent.
pub type RunVerdicts = Vec<Vec<Verdict>>;

/// Changes of a phone.
#[derive(Debug, Clone)]
pub struct PushRequest {
    /// The tenant of the device.
    pub tenant: TenantId,
    /// The person with the role the server knows now.
    pub caller: Principal,
    /// The phone.
    pub device: DeviceId,
    /// Every phone this person ever had: what was written on an earlier one is theirs to bring.
    pub devices: Vec<DeviceId>,
    /// The runs, each after everything it follows.
    pub runs: Vec<Submitted>,
    /// What the device signed, to be kept; absent when nothing of it was signed.
    pub evidence: Option<Evidence>,
    /// The server's wall clock, Unix milliseconds.
    pub now: i64,
}

/// A device's signature over a push.
#[derive(Debug, Clone)]
pub struct Evidence {
    /// [`sync_core::admission::push_message`] of the signed runs.
    pub message: Vec<u8>,
    /// Ed25519 signature of the message.
    pub signature: [u8; 64],
}

/// Work of the office, or of the server itself, on one document.
#[derive(Debug, Clone)]
pub struct EditRequest {
    /// The tenant of the caller.
    pub tenant: TenantId,
    /// Who does it.
    pub caller: Principal,
    /// The document.
    pub doc: DocId,
    /// Whether the document has to be there.
    pub expect: Expect,
    /// The server's wall clock, Unix milliseconds.
    pub now: i64,
    /// What the audit list says of it, written in the same transaction if anything is changed.
    pub note: Option<Note>,
}

impl EditRequest {
    /// The author who is attested for this work.
    pub(crate) fn author(&self) -> Author {
        match self.caller.role {
            Role::System => Author::default(),
            Role::Technician | Role::Dispatcher | Role::Manager | Role::Administrator => {
                Author::desk(self.caller.user)
            }
        }
    }
}

/// What an edit expects of its document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// Nobody wrote to it yet.
    New,
    /// Someone did.
    Existing,
    /// It stands exactly at this position (the ETag the caller saw).
    At(i64),
    /// Either.
    Any,
}

/// An edit that is on the disk.
#[derive(Debug, Clone)]
pub struct Edited {
    /// The document with the edit.
    pub document: Arc<Document>,
    /// Its position, which is its ETag.
    pub pos: i64,
}

/// Why an edit was not made.
#[derive(Debug, thiserror::Error)]
pub enum EditError<E> {
    /// There is no such document.
    #[error("there is nothing with this id")]
    NotFound,
    /// There is one already.
    #[error("something with this id exists already")]
    Exists,
    /// It changed since the caller looked.
    #[error("it was changed in the meantime")]
    Changed {
        /// Where it stands now.
        pos: i64,
    },
    /// The caller's closure said no.
    #[error("the edit was turned down")]
    Rejected(E),
    /// Policy or the document's rules said no.
    #[error(transparent)]
    Record(RecordError),
}

/// Said to whoever listens after each commit that changed documents.
#[derive(Debug, Clone)]
pub struct Committed {
    /// The tenant.
    pub tenant: TenantId,
    /// Position of the last change.
    pub pos: i64,
    /// The documents that changed.
    pub docs: Arc<[DocId]>,
    /// Technicians who have or had one of them in scope.
    pub users: Arc<[UserId]>,
}

/// Result of an edit before it is known whether it is on the disk.
pub(crate) enum EditOutcome {
    Edited(Edited),
    NotFound,
    Exists,
    Changed {
        pos: i64,
    },
    Refused(RecordError),
    /// The closure said no; it keeps its reason.
    Rejected,
    Panicked,
}

/// What an edit does to a document, asked once it is in front of it.
pub(crate) trait Ask: Send {
    /// Asks the caller's closure; `None` if it said no.
    fn entries(&mut self, document: &Document) -> Option<Vec<Entry>>;
}

/// An edit whose error type is known only to its caller. It may be asked several times: when the
/// work of others beside it could not be stored, it is worked out once more without them.
pub(super) trait Edit: Ask {
    /// Tells the caller.
    fn answer(self: Box<Self>, outcome: Result<EditOutcome, StoreError>);
}

/// Answer to an edit.
pub(crate) type EditAnswer<E> = Result<Result<Edited, EditError<E>>, StoreError>;

/// Wraps a caller's closure and its answer.
pub(super) fn edit<E, F>(work: F, answer: oneshot::Sender<EditAnswer<E>>) -> Box<dyn Edit>
where
    E: Send + 'static,
    F: FnOnce(&Document) -> Result<Vec<Entry>, E> + Clone + Send + 'static,
{
    Box::new(Queued { work, said: None, answer })
}

/// A caller's closure that is asked once, and the reason if it said no.
pub(crate) struct EditOnce<E, F> {
    work: Option<F>,
    said: Option<E>,
}

impl<E, F> EditOnce<E, F> {
    pub fn new(work: F) -> Self {
        Self { work: Some(work), said: None }
    }

    /// What the caller is told.
    pub fn told(self, outcome: Result<EditOutcome, StoreError>) -> EditAnswer<E> {
        told(self.said, outcome)
    }
}

fn told<E>(said: Option<E>, outcome: Result<EditOutcome, StoreError>) -> EditAnswer<E> {
    match outcome? {
        EditOutcome::Edited(edited) => Ok(Ok(edited)),
        EditOutcome::NotFound => Ok(Err(EditError::NotFound)),
        EditOutcome::Exists => Ok(Err(EditError::Exists)),
        EditOutcome::Changed { pos } => Ok(Err(EditError::Changed { pos })),
        EditOutcome::Refused(error) => Ok(Err(EditError::Record(error))),
        EditOutcome::Rejected => match said {
            Some(error) => Ok(Err(EditError::Rejected(error))),
            None => Err(StoreError::Panicked),
        },
        EditOutcome::Panicked => Err(StoreError::Panicked),
    }
}

impl<E, F> Ask for EditOnce<E, F>
where
    E: Send,
    F: FnOnce(&Document) -> Result<Vec<Entry>, E> + Send,
{
    fn entries(&mut self, document: &Document) -> Option<Vec<Entry>> {
        self.work.take()?(document).map_err(|error| self.said = Some(error)).ok()
    }
}

/// An edit in the queue, and where its answer goes.
struct Queued<E, F> {
    work: F,
    said: Option<E>,
    answer: oneshot::Sender<EditAnswer<E>>,
}

impl<E, F> Ask for Queued<E, F>
where
    E: Send,
    F: FnOnce(&Document) -> Result<Vec<Entry>, E> + Clone + Send,
{
    fn entries(&mut self, document: &Document) -> Option<Vec<Entry>> {
        self.said = None;
        (self.work.clone())(document).map_err(|error| self.said = Some(error)).ok()
    }
}

impl<E, F> Edit for Queued<E, F>
where
    E: Send + 'static,
    F: FnOnce(&Document) -> Result<Vec<Entry>, E> + Clone + Send + 'static,
{
    fn answer(self: Box<Self>, outcome: Result<EditOutcome, StoreError>) {
        let Self { said, answer, .. } = *self;
        // Nobody may be waiting any more; the edit stands all the same.
        let _ = answer.send(told(said, outcome));
    }
}
