//! A person's own work into the document in front of them: at a desk, or on a phone.

use super::allow::Allowed;
use super::seals::Sealers;
use crate::change::{Entry, Run};
use crate::document::{Author, Document, Refusal};
use crate::id::ActorId;
use crate::policy::{Denied, Principal};
use crate::schema::Misshapen;

/// Why work was not recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// This person may not do this here.
    #[error("{}", .0.sentence)]
    Denied(#[from] Denied),
    /// A fact or field is not as the schema's table says.
    #[error(transparent)]
    Shape(#[from] Misshapen),
    /// The document cannot take it.
    #[error(transparent)]
    Refusal(#[from] Refusal),
}

impl RecordError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Denied(denied) => denied.code,
            Self::Shape(misshapen) => misshapen.code(),
            Self::Refusal(refusal) => refusal.code(),
        }
    }
}

/// Writes `entries` as the next change of `actor` and applies it.
///
/// Asks the policy and checks every fact against the schema first, on phones too, so that what is
/// saved offline is what the server will take. `time` is the writer's wall clock in Unix milliseconds.
pub fn record(
    document: &mut Document,
    actor: ActorId,
    time: i64,
    principal: &Principal,
    author: Author,
    entries: Vec<Entry>,
) -> Result<Run, RecordError> {
    let change = document.next_of(actor, time, entries);
    let sealers = Sealers::recording(author);
    let allowed = Allowed::by_policy(document, principal, change, author, &sealers);
    let allowed = allowed.map_err(|not| not.why)?;
    let (change, last_hash) = allowed.join_next(document)?;
    Ok(Run { doc: document.id(), changes: vec![change], last_hash })
}
