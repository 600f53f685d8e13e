//! A person's own work into the document in front of them: at a desk, or on a phone.

use super::allow::Allowed;
use crate::change::{Entry, Run};
use crate::document::{Author, Document, Refusal};
use crate::id::ActorId;
use crate::policy::{Caller, Denied};

/// Why work was not recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// This person may not do this here.
    #[error("{}", .0.sentence)]
    Denied(#[from] Denied),
    /// The document cannot take it.
    #[error(transparent)]
    Refusal(#[from] Refusal),
}

impl RecordError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Denied(denied) => denied.code,
            Self::Refusal(refusal) => refusal.code(),
        }
    }
}

/// Writes `entries` as the next change of `actor` and applies it.
///
/// Asks the policy first, on phones too, so that what is saved offline is what the server will
/// take. `time` is the writer's wall clock in Unix milliseconds.
pub fn record(
    document: &mut Document,
    actor: ActorId,
    time: i64,
    caller: &Caller,
    author: Author,
    entries: Vec<Entry>,
) -> Result<Run, RecordError> {
    let change = document.next_of(actor, time, entries);
    let allowed = Allowed::by_policy(document, caller, change, author).map_err(|not| not.why)?;
    let (change, last_hash) = allowed.join_next(document)?;
    Ok(Run { doc: document.id(), changes: vec![change], last_hash })
}
