//! Who may write what: one decision, the same on phone and server, and the table of all of them.
//!
//! Technicians only add facts, and only about work that is or was theirs; the office sets fields
//! and adds its own facts; the server adds what it learns itself. Which role may write which kind
//! of fact stands in the schema's table; here is what only the document can decide. A refusal never
//! depends on a clock, so the same entry against the same document is decided the same way
//! everywhere.

mod check;
mod markdown;
mod rule;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

pub use markdown::table;

use crate::change::Entry;
use crate::codes;
use crate::document::{Document, Fact};
use crate::id::{FactId, UserId};
use crate::schema::May;
use rule::rule;

/// What someone is in the tenant. A greater one may do at a desk what a smaller one may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Works from a phone.
    Technician,
    /// Takes calls and assigns.
    Dispatcher,
    /// Answers for promises, parts and people.
    Manager,
    /// Runs branches, users, devices and connectors.
    Administrator,
    /// The server itself, for what follows from others' work. No person has it, and nobody sends it.
    #[serde(skip)]
    System,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 5] =
        [Self::Technician, Self::Dispatcher, Self::Manager, Self::Administrator, Self::System];

    /// The role's word in the API and the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Technician => "technician",
            Self::Dispatcher => "dispatcher",
            Self::Manager => "manager",
            Self::Administrator => "administrator",
            Self::System => "system",
        }
    }

    /// The role a person has by this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| *role != Self::System && role.as_str() == word)
    }
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Principal {
    /// The person.
    pub user: UserId,
    /// In which role.
    pub role: Role,
}

impl Principal {
    /// The server on its own account; its user id belongs to nobody.
    pub fn system() -> Self {
        Self { user: UserId::new(0, [0; 10]), role: Role::System }
    }
}

/// Why an entry is not allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize)]
#[error("{sentence}")]
pub struct Denied {
    /// Stable code, the same in every version and language.
    pub code: &'static str,
    /// One plain sentence.
    pub sentence: &'static str,
    /// The section, or section and key, concerned.
    pub field: Option<String>,
}

/// Code of an entry in a section this version does not know: the writer may be newer than the
/// reader, so the reader keeps the entry aside rather than losing it.
pub const SECTION_UNKNOWN: &str = codes::SECTION_UNKNOWN.word;
/// Code of a status fact of a kind this version does not know; as [`SECTION_UNKNOWN`].
pub const KIND_UNKNOWN: &str = codes::KIND_UNKNOWN.word;

impl Denied {
    /// Whether a newer version might allow it.
    pub fn is_for_newer_version(&self) -> bool {
        self.code == SECTION_UNKNOWN || self.code == KIND_UNKNOWN
    }
}

/// Decides one entry against the document as it is before the entry.
pub fn decide(principal: &Principal, document: &Document, entry: &Entry) -> Result<(), Denied> {
    decide_change(principal, document, std::slice::from_ref(entry))
}

/// Decides all entries of one change against the document as it is before the change; a walk-up
/// fact opens a new job for the entries that come after it.
pub fn decide_change(
    principal: &Principal,
    document: &Document,
    entries: &[Entry],
) -> Result<(), Denied> {
    let mut context =
        Context { principal, document, opens_walk_up: false, earlier: BTreeSet::new() };
    for entry in entries {
        if stands_already(document, principal, entry) {
            continue;
        }
        let rule = rule(principal.role, document.id().kind, entry)
            .map_err(|code| check::denied(code, entry, None))?;
        rule.check(&context, entry)?;
        context.earlier.extend(match entry {
            Entry::Fact { id, .. } => Some(*id),
            Entry::Field { .. } | Entry::Section { .. } => None,
        });
        context.opens_walk_up |= rule.may == May::OpenAJob;
    }
    Ok(())
}

/// Whether this person recorded the very same fact before: a phone put back from an old image
/// says again what it once said, and repeating it does nothing.
fn stands_already(document: &Document, principal: &Principal, entry: &Entry) -> bool {
    let Entry::Fact { section, id, record } = entry else { return false };
    let same = |fact: &Fact| fact.record == *record && fact.author == Some(principal.user);
    document.fact(section, id).is_some_and(same)
}

/// What a rule may look at besides the entry.
struct Context<'a> {
    principal: &'a Principal,
    document: &'a Document,
    /// An earlier entry of the same change opened this job as a walk-up.
    opens_walk_up: bool,
    /// Facts added by earlier entries of the same change.
    earlier: BTreeSet<FactId>,
}
