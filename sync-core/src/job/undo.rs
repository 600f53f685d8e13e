//! What takes something back, and what takes that back again: of facts that name one another the last
//! counts.

use std::collections::BTreeSet;

use super::Step;
use super::access::{id_of, text};
use super::causal::in_order;
use crate::document::{Document, Fact};
use crate::id::FactId;
use crate::schema::{Section, key, section};

/// Of facts in order those that no later one of them names which stands itself; in order. Every
/// fact may only take back what comes before it, so that a circle ends.
pub(super) fn standing(mut facts: Vec<&Fact>) -> Vec<&Fact> {
    let mut undone = BTreeSet::new();
    let mut standing = Vec::with_capacity(facts.len());
    while let Some(fact) = facts.pop() {
        if !undone.contains(&fact.id) {
            undone.extend(id_of(fact, &key::VOIDS));
            standing.push(fact);
        }
    }
    standing.reverse();
    standing
}

/// The facts of a section that take others back and stand, in order.
pub fn voids<'d>(document: &'d Document, section: &Section) -> Vec<&'d Fact> {
    voids_among(document, section, |_| true)
}

/// The same as if only some facts could take others back.
pub(super) fn voids_among<'d>(
    document: &'d Document,
    section: &Section,
    may: impl Fn(&Fact) -> bool,
) -> Vec<&'d Fact> {
    let facts = document.facts(section).filter(|fact| id_of(fact, &key::VOIDS).is_some());
    standing(in_order(facts.filter(|fact| may(fact))))
}

/// The facts of a section that others take back by naming them.
pub fn taken_back(document: &Document, section: &Section) -> BTreeSet<FactId> {
    voids(document, section).into_iter().filter_map(|fact| id_of(fact, &key::VOIDS)).collect()
}

/// The reopenings of a job that stand, in order.
pub(super) fn reopenings(document: &Document) -> Vec<&Fact> {
    let facts = document.facts(&section::STATUS);
    let reopened = |fact: &&Fact| text(fact, &key::KIND) == Some(Step::Reopened.as_str());
    standing(in_order(facts.filter(reopened)))
}
