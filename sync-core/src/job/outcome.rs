//! Whose work the job is: the present span's, or an earlier one's that completed it.

use std::collections::{BTreeSet, HashMap};

use super::access::{id_of, text, user};
use super::causal::{Order, Past};
use super::decision::{Cause, Decision, Decisions, Settled};
use super::span::{Span, Spans};
use super::undo::reopenings;
use super::{Assignment, AssignmentKind, ExceptionKind, Step};
use crate::document::{Document, Fact};
use crate::id::UserId;
use crate::schema::{key, section};

/// Who did the job, and how it ended against the technician's own word.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outcome<'a> {
    /// The span whose steps are the job's, as an index.
    pub performer: Option<usize>,
    /// The present span was called back because an earlier one had completed the job.
    pub present_recalled: bool,
    /// For each span its completions that nobody who gave the job on had seen, and what was
    /// decided about them.
    pub completions: Vec<(Cause<'a>, Settled<'a>)>,
    /// Spans with completions that a person must judge, and that complete the job until then.
    pub contested: BTreeSet<usize>,
    /// Spans with completions by someone who knew that the job was no longer theirs: a person must
    /// judge them too, and until then they change nothing.
    pub knowing: BTreeSet<usize>,
    /// The cancellation that stands.
    pub cancelled: Option<&'a Fact>,
    /// Field work the cancelling desk had not seen.
    pub crossed: Cause<'a>,
    /// What was decided about that work.
    pub crossed_decision: Option<Decision>,
}

impl<'a> Outcome<'a> {
    pub fn of(order: &'a Order<'a>, spans: &Spans<'a>, decisions: &Decisions<'a>) -> Self {
        let document = order.document();
        let mut outcome = Self::performer(order, spans, decisions);
        outcome.cancelled = standing_cancellation(order);
        if let Some(cancelled) = outcome.cancelled {
            let seen = Past::of(document, cancelled.change);
            let work = field_work(document).filter(|fact| !seen.contains(&fact.change));
            outcome.crossed = Cause { facts: work.collect(), also: Some(cancelled.id) };
            let settled = decisions.about(ExceptionKind::CancelledWithFieldWork, &outcome.crossed);
            outcome.crossed_decision = settled.on;
        }
        outcome
    }

    fn performer(order: &'a Order<'a>, spans: &Spans<'a>, decisions: &Decisions<'a>) -> Self {
        let present = spans.present();
        let causes = unseen_completions(order, spans);
        let knowing = knowing(order, spans, &causes);
        let settled = decisions.about_each(ExceptionKind::SupersededCompleted, &causes);
        let mut outcome = Self { performer: spans.present, ..Self::default() };
        let mut billed = Vec::new();
        for (index, (cause, settled)) in causes.iter().zip(&settled).enumerate() {
            match &settled.on {
                _ if cause.facts.is_empty() => {}
                Some(decision) if decision.choice == "bill_this" => {
                    billed.push((settled.place, index));
                }
                Some(_) => {}
                None if knowing.contains(&index) => drop(outcome.knowing.insert(index)),
                None => drop(outcome.contested.insert(index)),
            }
        }
        outcome.completions = causes.into_iter().zip(settled).collect();
        if let Some((_, index)) = billed.into_iter().max() {
            outcome.present_recalled = present.is_some_and(|span| !span.has(Step::Completed));
            outcome.performer = Some(index);
        } else if !present.is_some_and(Span::has_set_off)
            && let Some(index) = outcome.contested.pop_last()
        {
            outcome.present_recalled = present.is_some();
            outcome.performer = Some(index);
        }
        outcome
    }
}

/// For each span the completions under it that nobody who gave the job on had seen, if it is not
/// the present one. Whoever saw one and gave the job on all the same has decided.
fn unseen_completions<'a>(order: &'a Order<'a>, spans: &Spans<'a>) -> Vec<Cause<'a>> {
    let document = order.document();
    let mut causes = vec![Cause::default(); spans.list.len()];
    // The last first: each span asks of those who gave the job on after it.
    let superseded = spans
        .list
        .iter()
        .enumerate()
        .filter(|(index, span)| spans.present != Some(*index) && span.has(Step::Completed));
    let mut superseded: Vec<_> = superseded.collect();
    if superseded.is_empty() {
        return causes;
    }
    superseded.sort_by_key(|(_, span)| std::cmp::Reverse(span.assignment.epoch));
    let mut given = spans.given.iter().rev().peekable();
    let mut seen = order.seen();
    for (index, span) in superseded {
        while let Some((_, id)) = given.next_if(|(epoch, _)| *epoch > span.assignment.epoch) {
            if let Some(fact) = document.fact(&section::ASSIGNMENT, id) {
                seen.add(&fact.change, 0);
            }
        }
        let completed = span.steps.get(&Step::Completed).into_iter().flatten().copied();
        causes[index] = Cause::of(completed.filter(|fact| !seen.contains(&fact.change)).collect());
    }
    causes
}

/// The spans all of whose completions were recorded by someone who knew that they had lost the
/// job: they had seen it given on or recalled, or had declined it.
fn knowing(order: &Order<'_>, spans: &Spans<'_>, causes: &[Cause<'_>]) -> BTreeSet<usize> {
    if causes.iter().all(|cause| cause.facts.is_empty()) {
        return BTreeSet::new();
    }
    let document = order.document();
    let mut epochs: HashMap<Option<UserId>, BTreeSet<i64>> = HashMap::new();
    for Assignment { technician, epoch, .. } in spans.list.iter().map(|span| &span.assignment) {
        epochs.entry(*technician).or_default().insert(*epoch);
    }
    // The number up to which each of them ended the assignments: a recall that of whom it names, one
    // that names nobody its own, and whatever else gives the job on those before.
    let given = spans.given.iter().filter_map(|(epoch, id)| {
        let fact = document.fact(&section::ASSIGNMENT, id)?;
        let is_recall = text(fact, &key::KIND) == Some(AssignmentKind::Recall.as_str());
        let named = user(fact, &key::TECHNICIAN);
        let ends = match named {
            _ if !is_recall => epoch.saturating_sub(1),
            None => *epoch,
            Some(_) => *epochs.get(&named)?.range(..=epoch).next_back()?,
        };
        Some((fact.change, ends))
    });
    let ended = order.greatest_seen(given);
    let knew = |span: &Span<'_>, fact: &Fact| {
        let ended = document.place_of(&fact.change).and_then(|place| *ended.get(place)?);
        span.has(Step::Declined) || ended >= Some(span.assignment.epoch)
    };
    let each = spans.list.iter().zip(causes).enumerate();
    let all = each.filter(|(_, (span, cause))| cause.facts.iter().all(|fact| knew(span, fact)));
    all.map(|(index, _)| index).collect()
}

/// The last cancellation in force: one that no reopening names, and that none had seen that names
/// none.
fn standing_cancellation<'a>(order: &'a Order<'a>) -> Option<&'a Fact> {
    let document = order.document();
    let of = |step: Step| {
        let facts = document.facts(&section::STATUS);
        facts.filter(move |fact| text(fact, &key::KIND) == Some(step.as_str()))
    };
    let mut named = BTreeSet::new();
    let mut unnamed = None;
    for reopened in reopenings(document) {
        match id_of(reopened, &key::VOIDS) {
            Some(cancelled) => drop(named.insert(cancelled)),
            None => unnamed.get_or_insert_with(|| order.seen()).add(&reopened.change, 0),
        }
    }
    let taken_back = |it: &&Fact| {
        named.contains(&it.id) || unnamed.as_ref().is_some_and(|seen| seen.contains(&it.change))
    };
    of(Step::Cancelled).filter(|cancelled| !taken_back(cancelled)).max_by_key(|it| it.rank())
}

/// What shows that someone worked: steps from setting off, parts, findings, signatures.
fn field_work(document: &Document) -> impl Iterator<Item = &Fact> {
    let steps = document.facts(&section::STATUS).filter(|fact| {
        let step = text(fact, &key::KIND).and_then(Step::parse);
        step.is_some_and(Step::is_field_work)
    });
    let others = [section::WORK, section::PARTS, section::SIGNATURES];
    steps.chain(others.into_iter().flat_map(|section| document.facts(&section)))
}
