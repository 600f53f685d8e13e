//! What a person must look at: crossings of phone and office, claims, and missing evidence.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::access::text;
use super::causal::Past;
use super::decision::{Cause, Decisions};
use super::outcome::{Outcome, unseen_completions};
use super::stint::{Stint, Stints};
use super::times::corrected;
use super::{About, Decision, Missing, State, Step};
use crate::document::{Document, Fact};
use crate::id::{FactId, UserId};
use crate::schema::{key, section};

/// One thing for the inbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exception {
    /// What it is about.
    pub about: About,
    /// The fact to name in the decision's `ref`; absent for a field conflict.
    pub reference: Option<FactId>,
    /// The field concerned, as `section.key`.
    pub field: Option<String>,
    /// The technician whose work it is about.
    pub technician: Option<UserId>,
    /// For a clock: the greatest difference found, milliseconds, wall clock less server time.
    pub skew: Option<i64>,
    /// For a clock: the uncertainty of that difference, milliseconds.
    pub uncertainty: Option<i64>,
    /// When it arose, Unix milliseconds of server time as well as it is known.
    pub since: i64,
    /// The decision that settled it; absent while it waits.
    pub decision: Option<Decision>,
}

/// Open exceptions first, then those decided; each part in the order of [`About`].
pub(super) struct Exceptions {
    pub open: Vec<Exception>,
    pub decided: Vec<Exception>,
}

/// What the fold has found before the exceptions.
pub(super) struct Found<'a, 'd> {
    pub document: &'d Document,
    pub stints: &'a Stints<'d>,
    pub outcome: &'a Outcome<'d>,
    pub decisions: &'a Decisions,
    pub state: State,
    pub missing: &'a [Missing],
    /// The last signature, when what is to be paid was changed after it.
    pub outdated_seal: Option<&'d Fact>,
}

impl Exceptions {
    pub fn of(found: &Found<'_, '_>) -> Self {
        let mut all = Self { open: Vec::new(), decided: Vec::new() };
        let outcome = found.outcome;
        if !outcome.crossed.facts.is_empty() {
            // Once accepted, more of the same work needs no new decision.
            let accepted = found.outcome.crossed_decision.as_ref();
            let accepted = accepted.filter(|d| d.choice == "accept_completed");
            all.raise_or(About::CancelledWithFieldWork, &outcome.crossed, found, accepted);
        }
        for (index, stint) in found.stints.list.iter().enumerate() {
            let cause = unseen_completions(found.document, found.stints, index, stint);
            let contested = outcome.contested.iter().any(|(open, _)| *open == index);
            let decided = found.decisions.on(About::SupersededCompleted.word(), &cause);
            if contested || decided.is_some() {
                all.raise(About::SupersededCompleted, &cause, found);
            }
        }
        if let Some(stint) = outcome.performer.and_then(|index| found.stints.list.get(index)) {
            all.of_performer(stint, found);
        }
        all.concurrent(found);
        all.skewed(found);
        for (section, key) in found.document.conflicts() {
            let values = found.document.field_values(section, key);
            if values.windows(2).all(|pair| pair[0].value == pair[1].value) {
                continue;
            }
            let since = values.iter().map(|value| value.time).max().unwrap_or_default();
            let field = Some(format!("{section}.{key}"));
            all.open.push(Exception { field, ..Exception::new(About::FieldConflict, since) });
        }
        if found.state.is_over() && found.state != State::Cancelled {
            all.raise(About::ChangedSinceSigned, &outdated(found), found);
        }
        all.open.sort_by_key(|e| (e.about, e.reference, e.field.clone()));
        all.decided.sort_by_key(|e| (e.about, e.reference));
        all
    }

    fn of_performer(&mut self, stint: &Stint<'_>, found: &Found<'_, '_>) {
        let completed = cause(stint, Step::Completed);
        if completed.facts.is_empty() {
            self.raise(About::GoaClaimed, &cause(stint, Step::Goa), found);
            self.raise(About::UnsuccessfulClaimed, &cause(stint, Step::Unsuccessful), found);
        }
        if found.state == State::Cancelled {
            return;
        }
        if found.missing.iter().any(|missing| *missing != Missing::Signature) {
            self.raise(About::ChecklistIncomplete, &completed, found);
        }
        if found.missing.contains(&Missing::Signature) {
            self.raise(About::SignatureMissing, &completed, found);
        }
    }

    fn concurrent(&mut self, found: &Found<'_, '_>) {
        if found.stints.rivals.is_empty() || found.state.is_over() {
            return;
        }
        let Some(present) = found.stints.present() else { return };
        let ids = found.stints.rivals.iter().chain([&present.assignment]).map(|a| a.id);
        let fact = |id| found.document.fact(&section::ASSIGNMENT, &id);
        self.raise(About::ConcurrentAssignment, &Cause::of(ids.filter_map(fact).collect()), found);
    }

    /// One exception for each person whose phone was off: once looked at, not raised again.
    fn skewed(&mut self, found: &Found<'_, '_>) {
        let mut by_author: BTreeMap<Option<UserId>, Vec<&Fact>> = BTreeMap::new();
        for name in found.document.fact_sections() {
            // Without a server time known to the phone nothing can be said of its clock.
            let anchored = found.document.facts(name).filter(|f| f.record.contains_key(&key::SRV));
            for fact in anchored.filter(|fact| corrected(fact).is_skewed()) {
                by_author.entry(fact.author).or_default().push(fact);
            }
        }
        for facts in by_author.into_values() {
            let worst = facts.iter().map(|fact| (corrected(fact), fact.id));
            let worst = worst.max_by_key(|(time, id)| (time.skew.saturating_abs(), *id));
            let cause = Cause::of(facts);
            let looked_at = found.decisions.on(About::ClockSkew.word(), &cause);
            self.raise_or(About::ClockSkew, &cause, found, looked_at);
            let raised = self.open.iter_mut().chain(&mut self.decided);
            let mut own = raised.filter(|e| e.about == About::ClockSkew);
            let own = own.find(|e| cause.facts.iter().any(|f| Some(f.id) == e.reference));
            if let (Some(exception), Some((time, _))) = (own, worst) {
                exception.skew = Some(time.skew);
                exception.uncertainty = time.uncertainty;
            }
        }
    }

    fn raise(&mut self, about: About, cause: &Cause<'_>, found: &Found<'_, '_>) {
        self.raise_or(about, cause, found, None);
    }

    /// Adds the exception to the open ones, or to the decided ones when every fact of its cause
    /// is covered by a decision, or `settled` settles all of them.
    fn raise_or(
        &mut self,
        about: About,
        cause: &Cause<'_>,
        found: &Found<'_, '_>,
        settled: Option<&Decision>,
    ) {
        if cause.facts.is_empty() {
            return;
        }
        let uncovered = match settled {
            Some(_) => Vec::new(),
            None => found.decisions.uncovered(about.word(), cause),
        };
        let is_open = !uncovered.is_empty();
        let facts = if is_open { &uncovered } else { &cause.facts };
        let first = facts.iter().min_by_key(|fact| fact.id);
        let since = facts.iter().map(|fact| corrected(fact).at).min().unwrap_or_default();
        let exception = Exception {
            reference: first.map(|fact| fact.id),
            technician: first.and_then(|fact| fact.author),
            decision: found.decisions.on(about.word(), cause).filter(|_| !is_open).cloned(),
            ..Exception::new(about, since)
        };
        if is_open { &mut self.open } else { &mut self.decided }.push(exception);
    }
}

impl Exception {
    fn new(about: About, since: i64) -> Self {
        Self {
            about,
            reference: None,
            field: None,
            technician: None,
            skew: None,
            uncertainty: None,
            since,
            decision: None,
        }
    }
}

fn cause<'a>(stint: &Stint<'a>, step: Step) -> Cause<'a> {
    Cause::of(stint.steps.get(&step).cloned().unwrap_or_default())
}

/// The last signature and every line it had not shown: a later line asks anew.
fn outdated<'d>(found: &Found<'_, 'd>) -> Cause<'d> {
    let Some(seal) = found.outdated_seal else { return Cause::default() };
    let seen = Past::of(found.document, seal.change);
    let lines = [section::PARTS, section::CHARGES].into_iter();
    let lines = lines.flat_map(|section| found.document.facts(&section));
    let unseen = lines.filter(|line| !seen.contains(&line.change));
    Cause { facts: [seal].into_iter().chain(unseen).collect(), also: Some(seal.id) }
}

/// Whether a completion says why nobody signed.
pub(super) fn says_why_unsigned(fact: &Fact) -> bool {
    let reasons = ["customer_refused", "customer_absent", "unable_to_sign", "device_broken"];
    text(fact, &key::REASON).is_some_and(|reason| reasons.contains(&reason))
}
