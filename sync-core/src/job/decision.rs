//! What the office decided about exceptions, and which facts a decision covers.

use serde::{Deserialize, Serialize};

use super::access::{id_of, text};
use super::causal::Past;
use crate::document::{Document, Fact};
use crate::id::{FactId, UserId};
use crate::schema::{key, section};

/// One choice of a person about an exception.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The fact.
    pub id: FactId,
    /// Which kind of exception, by its word.
    pub about: String,
    /// What was chosen, by its word.
    pub choice: String,
    /// The fact the exception came from.
    pub reference: Option<FactId>,
    /// Why, in words.
    pub note: Option<String>,
    /// Who decided.
    pub by: Option<UserId>,
    /// When, by the office's clock, Unix milliseconds.
    pub time: i64,
}

impl Decision {
    fn of(fact: &Fact) -> Option<Self> {
        Some(Self {
            id: fact.id,
            about: text(fact, &key::ABOUT)?.to_owned(),
            choice: text(fact, &key::CHOICE)?.to_owned(),
            reference: id_of(fact, &key::REF),
            note: text(fact, &key::NOTE).map(str::to_owned),
            by: fact.author,
            time: fact.time,
        })
    }
}

/// All decisions of a job, least id first, each with what the person could see.
#[derive(Debug, Clone, Default)]
pub(crate) struct Decisions(Vec<(Decision, Past)>);

impl Decisions {
    pub fn of(document: &Document) -> Self {
        let facts = document.facts(&section::DECISIONS);
        let decided =
            facts.filter_map(|fact| Some((Decision::of(fact)?, Past::of(document, fact.change))));
        Self(decided.collect())
    }

    /// The decision in force about an exception that comes from these facts: of several the one
    /// with the greatest id.
    pub fn on(&self, about: &str, cause: &Cause<'_>) -> Option<&Decision> {
        let mut applying = self.applying(about, cause).into_iter().rev();
        let covering = applying
            .find(|(decision, past)| cause.facts.iter().any(|fact| covers(decision, past, fact)));
        covering.map(|(decision, _)| decision)
    }

    /// The facts of the cause that no decision covers yet.
    pub fn uncovered<'a>(&self, about: &str, cause: &Cause<'a>) -> Vec<&'a Fact> {
        let applying = self.applying(about, cause);
        let covered = |fact: &Fact| applying.iter().any(|(d, past)| covers(d, past, fact));
        cause.facts.iter().filter(|fact| !covered(fact)).copied().collect()
    }

    /// The decisions about this very exception: they name a fact of its cause, or none.
    fn applying(&self, about: &str, cause: &Cause<'_>) -> Vec<&(Decision, Past)> {
        let names = |id: FactId| cause.also == Some(id) || cause.facts.iter().any(|f| f.id == id);
        let of_kind = self.0.iter().filter(|(decision, _)| decision.about == about);
        of_kind.filter(|(decision, _)| decision.reference.is_none_or(names)).collect()
    }
}

/// A decision covers the fact it names, and every fact that was in the document when it was taken.
fn covers(decision: &Decision, past: &Past, fact: &Fact) -> bool {
    decision.reference == Some(fact.id) || past.contains(&fact.change)
}

/// The facts an exception comes from.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cause<'a> {
    pub facts: Vec<&'a Fact>,
    /// A fact that also names the exception, such as the cancellation the work crossed.
    pub also: Option<FactId>,
}

impl<'a> Cause<'a> {
    pub fn of(facts: Vec<&'a Fact>) -> Self {
        Self { facts, also: None }
    }
}
