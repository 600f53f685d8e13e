//! Whose work the job is: the present stint's, or an earlier one's that completed it.

use super::access::{id_of, text};
use super::causal::Past;
use super::decision::{Cause, Decision, Decisions};
use super::stint::{Stint, Stints};
use super::{About, Step};
use crate::document::{Document, Fact};
use crate::schema::{key, section};

/// Who did the job, and how it ended against the technician's own word.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outcome<'a> {
    /// The stint whose steps are the job's, as an index.
    pub performer: Option<usize>,
    /// The present stint was called back because an earlier one had completed the job.
    pub present_recalled: bool,
    /// Completions under superseded stints that a person must judge, by stint.
    pub contested: Vec<(usize, Cause<'a>)>,
    /// The cancellation that stands.
    pub cancelled: Option<&'a Fact>,
    /// Field work the cancelling desk had not seen.
    pub crossed: Cause<'a>,
    /// What was decided about that work.
    pub crossed_decision: Option<Decision>,
}

impl<'a> Outcome<'a> {
    pub fn of(document: &'a Document, stints: &Stints<'a>, decisions: &Decisions) -> Self {
        let mut outcome = Self::performer(document, stints, decisions);
        outcome.cancelled = standing_cancellation(document);
        if let Some(cancelled) = outcome.cancelled {
            let seen = Past::of(document, cancelled.change);
            let work = field_work(document).filter(|fact| !seen.contains(&fact.change));
            outcome.crossed = Cause { facts: work.collect(), also: Some(cancelled.id) };
            let about = About::CancelledWithFieldWork.word();
            outcome.crossed_decision = decisions.on(about, &outcome.crossed).cloned();
        }
        outcome
    }

    fn performer(document: &Document, stints: &Stints<'a>, decisions: &Decisions) -> Self {
        let about = About::SupersededCompleted.word();
        let present = stints.present();
        let mut open = Vec::new();
        let mut billed = Vec::new();
        for (index, stint) in stints.list.iter().enumerate() {
            let cause = unseen_completions(document, stints, index, stint);
            if cause.facts.is_empty() {
                continue;
            }
            match decisions.on(about, &cause) {
                Some(decision) if decision.choice == "bill_this" => {
                    billed.push((decision.id, index));
                }
                Some(_) => {}
                None => open.push((index, cause)),
            }
        }
        if let Some((_, index)) = billed.into_iter().max() {
            let present_recalled = present.is_some_and(|stint| !stint.has(Step::Completed));
            let performer = Some(index);
            return Self { performer, present_recalled, contested: open, ..Self::default() };
        }
        if !present.is_some_and(Stint::has_set_off)
            && let Some((index, _)) = open.pop()
        {
            let present_recalled = present.is_some();
            let performer = Some(index);
            return Self { performer, present_recalled, contested: open, ..Self::default() };
        }
        let performer = stints.present;
        Self { performer, contested: open, ..Self::default() }
    }
}

/// Completions under a superseded stint that nobody who gave the job on had seen. Whoever saw one
/// and gave the job on all the same has decided.
pub(super) fn unseen_completions<'a>(
    document: &Document,
    stints: &Stints<'a>,
    index: usize,
    stint: &Stint<'a>,
) -> Cause<'a> {
    let completed = match stint.steps.get(&Step::Completed) {
        Some(facts) if stints.present != Some(index) => facts.clone(),
        _ => return Cause::default(),
    };
    let later = stints.given.iter().filter(|(epoch, _)| *epoch > stint.assignment.epoch);
    let later = later.filter_map(|(_, id)| document.fact(&section::ASSIGNMENT, id));
    let seen: Vec<_> = later.map(|fact| Past::of(document, fact.change)).collect();
    let unseen = |fact: &&Fact| !seen.iter().any(|past| past.contains(&fact.change));
    Cause::of(completed.into_iter().filter(unseen).collect())
}

/// The cancellation in force: one that no reopening names, nor follows without naming any.
fn standing_cancellation(document: &Document) -> Option<&Fact> {
    let of = |step: Step| {
        let facts = document.facts(&section::STATUS);
        facts.filter(move |fact| text(fact, &key::KIND) == Some(step.word()))
    };
    let taken_back = |cancelled: &&Fact| {
        of(Step::Reopened).any(|reopened| match id_of(reopened, &key::VOIDS) {
            Some(named) => named == cancelled.id,
            None => reopened.id > cancelled.id,
        })
    };
    of(Step::Cancelled).rfind(|cancelled| !taken_back(cancelled))
}

/// What shows that somebody worked: steps from setting off, parts, findings, signatures.
fn field_work(document: &Document) -> impl Iterator<Item = &Fact> {
    let steps = document.facts(&section::STATUS).filter(|fact| {
        let step = text(fact, &key::KIND).and_then(Step::parse);
        step.is_some_and(Step::is_field_work)
    });
    let others = [section::WORK, section::PARTS, section::SIGNATURES];
    steps.chain(others.into_iter().flat_map(|section| document.facts(&section)))
}
