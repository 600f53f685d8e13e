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
        let covering = self.0.iter().filter(|(decision, past)| {
            let covers = |fact: &&Fact| cause.is_covered(fact, decision, past);
            decision.about == about && cause.facts.iter().any(covers)
        });
        covering.map(|(decision, _)| decision).next_back()
    }

    /// The facts of the cause that no decision covers yet.
    pub fn uncovered<'a>(&self, about: &str, cause: &Cause<'a>) -> Vec<&'a Fact> {
        let covered = |fact: &Fact| {
            let mut about = self.0.iter().filter(|(decision, _)| decision.about == about);
            about.any(|(decision, past)| cause.is_covered(fact, decision, past))
        };
        cause.facts.iter().filter(|fact| !covered(fact)).copied().collect()
    }
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

    /// A decision covers the fact it names, and of the same cause every fact that was in the
    /// document when it was taken.
    fn is_covered(&self, fact: &Fact, decision: &Decision, past: &Past) -> bool {
        let names = |id: FactId| self.also == Some(id) || self.facts.iter().any(|f| f.id == id);
        decision.reference.is_none_or(names)
            && (decision.reference == Some(fact.id) || past.contains(&fact.change))
    }
}
