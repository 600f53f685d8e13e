//! From a change whose author is proven to one that this author may make, here and now.
//!
//! An [`Allowed`] is made by the policy, or by the receipt of a server that asked the policy before;
//! there is no third way, and nothing else that people write can join a document.

use super::people::takes_people;
use super::seals::Sealers;
use super::{RecordError, Verdict};
use crate::change::{Change, Entry};
use crate::document::{Asked, Author, Built, ChangeHash, Document, Rebuilt, Refusal};
use crate::id::{ActorId, FactId};
use crate::policy::{self, Principal};

/// A change that its author may make in the document it was allowed for, as it was then.
#[derive(Debug)]
pub(super) struct Allowed {
    change: Change,
    author: Author,
    receipted: bool,
}

/// A change that may not join, and why.
#[derive(Debug)]
pub(super) struct NotAllowed {
    pub change: Change,
    pub why: RecordError,
}

impl Allowed {
    /// Asks the policy, then checks what the change says against the schema, and its seals. `principal` is
    /// the author with the role they have now.
    pub fn by_policy(
        document: &Document,
        principal: &Principal,
        change: Change,
        author: Author,
        sealers: &Sealers,
    ) -> Result<Self, Box<NotAllowed>> {
        if let Err(denied) = policy::decide_change(principal, document, &change.entries) {
            return Err(not(change, denied));
        }
        // What was admitted once comes by its receipt and is not checked again, whatever it says.
        let kind = document.id().kind;
        if let Err(misshapen) = change.entries.iter().try_for_each(|it| it.check(kind)) {
            return Err(not(change, misshapen));
        }
        if let Err(denied) = sealers.check(document, &change, author) {
            return Err(not(change, denied));
        }
        Self { change, author, receipted: false }.own(document)
    }

    /// A change of a run with this server's receipt: the policy was asked when it was given.
    pub fn by_receipt(
        document: &Document,
        change: Change,
        author: Author,
    ) -> Result<Self, Box<NotAllowed>> {
        Self { change, author, receipted: true }.own(document)
    }

    /// Joins the document under its own number. `built` is the change as it was built for this
    /// document.
    pub fn join(self, document: &mut Document, built: Built) -> Result<(), Box<NotAllowed>> {
        let Self { change, author, receipted } = self;
        if !receipted && document.is_unmerged(&change, &built, author) {
            return Err(not(change, Refusal::Unmerged));
        }
        if document.is_crowded_by(&built) {
            return Err(not(change, Refusal::Crowded));
        }
        // What is wrong with the change itself comes before what the document has no room for.
        if let Err(refusal) = document.may_join(&change, receipted) {
            return Err(not(change, refusal));
        }
        let asked = if receipted { Asked::WithReceipt } else { Asked::ByServer };
        if let Err(full) = document.has_room(&change, author, asked) {
            return Err(not(change, full));
        }
        document.apply(Rebuilt::checked(change, built), author);
        Ok(())
    }

    /// Joins the document it was just written for. Returns it as it joined, with its hash.
    pub fn join_next(self, document: &mut Document) -> Result<(Change, ChangeHash), Refusal> {
        let asked = match self.author.device {
            Some(_) => Asked::ByPhone,
            None => Asked::ByServer,
        };
        takes_people(document, &self.change)?;
        let rebuilt = document.check(self.change)?;
        document.has_room(rebuilt.change(), self.author, asked)?;
        let joined = (rebuilt.change().clone(), rebuilt.hash());
        document.apply(rebuilt, self.author);
        Ok(joined)
    }

    /// Joins the document as the next change of `actor`, whatever its own number was. Returns the
    /// number and the hash it has now.
    pub fn join_reauthored(
        self,
        document: &mut Document,
        actor: ActorId,
    ) -> Result<(u64, ChangeHash), Refusal> {
        let rebuilt = document.reauthored(actor, self.change)?;
        let asked = if self.receipted { Asked::WithReceipt } else { Asked::ByServer };
        document.has_room(rebuilt.change(), self.author, asked)?;
        let joined = (rebuilt.change().seq, rebuilt.hash());
        document.apply(rebuilt, self.author);
        Ok(joined)
    }

    /// A change may not repeat someone else's fact, word for word, as its own.
    fn own(self, document: &Document) -> Result<Self, Box<NotAllowed>> {
        match takes_anothers_fact(document, &self.change, self.author) {
            Some(id) => Err(not(self.change, Refusal::FactExists(id))),
            None => Ok(self),
        }
    }
}

impl From<RecordError> for Verdict {
    fn from(error: RecordError) -> Self {
        match error {
            RecordError::Denied(denied) if denied.is_for_newer_version() => {
                Self::Later { code: denied.code.to_owned() }
            }
            RecordError::Denied(denied) => Self::refused(denied.code, denied.sentence),
            RecordError::Shape(it) => Self::refused(it.code(), it.to_string()),
            RecordError::Refusal(refusal) => refusal.into(),
        }
    }
}

impl From<Refusal> for Verdict {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Missing(missing) => Self::Missing(missing),
            Refusal::Fork => Self::Fork,
            Refusal::Unmerged => Self::Reauthor,
            Refusal::UnknownSection(_) | Refusal::Crowded => {
                Self::Later { code: refusal.code().to_owned() }
            }
            other => Self::refused(other.code(), other.sentence()),
        }
    }
}

fn not(change: Change, why: impl Into<RecordError>) -> Box<NotAllowed> {
    Box::new(NotAllowed { change, why: why.into() })
}

fn takes_anothers_fact(document: &Document, change: &Change, author: Author) -> Option<FactId> {
    change.entries.iter().find_map(|entry| match entry {
        Entry::Fact { section, id, .. } => {
            let known = document.fact(section, id)?;
            (known.author != author.user).then_some(*id)
        }
        Entry::Field { .. } | Entry::Section { .. } => None,
    })
}
