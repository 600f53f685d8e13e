//! What a person must look at: crossings of phone and office, claims, and missing evidence.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::access::text;
use super::amount_lines::{amount_lines, changes_amount};
use super::billing::Foreign;
use super::causal::{Order, Past};
use super::claim::claims;
use super::claimed_times::ClaimedTimes;
use super::decision::{Cause, Decisions, Settled};
use super::outcome::Outcome;
use super::possible_duplicate::{job_of, said};
use super::span::{Span, Spans};
use super::times::corrected;
use super::{Decision, ExceptionKind, Missing, State, Step};
use crate::document::{Document, Fact};
use crate::id::{FactId, JobId, UserId};
use crate::schema::{key, lists, section};

/// One thing for the inbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Exception {
    /// What it is about.
    pub about: ExceptionKind,
    /// The fact to name in the decision's `ref`; absent for a field conflict.
    pub reference: Option<FactId>,
    /// The field concerned, as `section.key`.
    pub field: Option<String>,
    /// The technician whose work it is about.
    pub technician: Option<UserId>,
    /// For a possible duplicate: the other job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<JobId>,
    /// For a clock: the greatest difference found, milliseconds, wall clock less server time; for a
    /// claimed time that cannot be, less the nearest time the office or the server knows.
    pub skew: Option<i64>,
    /// For a clock: the uncertainty of that difference, milliseconds; absent where it is unknown,
    /// because the phone named no server time.
    pub uncertainty: Option<i64>,
    /// When it arose, Unix milliseconds of server time as well as it is known.
    #[serde(rename = "raised_at")]
    pub since: i64,
    /// The decision that settled it; absent while it waits.
    pub decision: Option<Decision>,
}

/// Open exceptions first, then those decided; each part in the order of [`ExceptionKind`].
pub(super) struct Exceptions {
    pub open: Vec<Exception>,
    pub decided: Vec<Exception>,
}

/// What the fold has found before the exceptions.
pub(super) struct ExceptionInputs<'a, 'd> {
    pub document: &'d Document,
    pub order: &'a Order<'d>,
    pub claimed: &'a ClaimedTimes<'d>,
    pub spans: &'a Spans<'d>,
    pub outcome: &'a Outcome<'d>,
    pub decisions: &'a Decisions<'d>,
    pub state: State,
    pub missing: &'a [Missing],
    /// A customer's signature counts.
    pub is_sealed: bool,
    /// The last signature, when what is to be paid was changed after it.
    pub outdated_seal: Option<&'d Fact>,
    /// Lines in another currency than the job's.
    pub foreign: &'a Foreign<'d>,
}

impl Exceptions {
    pub fn of(found: &ExceptionInputs<'_, '_>) -> Self {
        let mut all = Self { open: Vec::new(), decided: Vec::new() };
        let outcome = found.outcome;
        if !outcome.crossed.facts.is_empty() {
            let mut settled =
                found.decisions.about(ExceptionKind::CancelledWithFieldWork, &outcome.crossed);
            // Once accepted, more of the same work asks only where it changes what is to be paid.
            if settled.chose("accept_completed") {
                let is_part = |id| found.document.fact(&section::PARTS, id).is_some();
                settled.uncovered.retain(|fact| is_part(&fact.id) && changes_amount(fact));
            }
            all.raise(ExceptionKind::CancelledWithFieldWork, &outcome.crossed, &settled, false);
        }
        for (index, (cause, settled)) in outcome.completions.iter().enumerate() {
            let is_judged = outcome.contested.contains(&index) || outcome.knowing.contains(&index);
            if is_judged || settled.on.is_some() {
                all.raise(ExceptionKind::SupersededCompleted, cause, settled, false);
            }
        }
        if let Some(span) = outcome.performer.and_then(|index| found.spans.list.get(index)) {
            all.of_performer(span, found);
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
            all.open
                .push(Exception { field, ..Exception::new(ExceptionKind::FieldConflict, since) });
        }
        if found.state.is_over() && found.state != State::Cancelled {
            all.look(ExceptionKind::ChangedSinceSigned, &outdated(found), found);
        }
        if found.state != State::Cancelled {
            let Foreign { cause, settled } = found.foreign;
            all.raise(ExceptionKind::OtherCurrency, cause, settled, false);
        }
        all.alike(found);
        // Those of a kind stay as they were found, which no clock decides.
        all.open.sort_by_key(|exception| exception.about);
        all.decided.sort_by_key(|exception| exception.about);
        all
    }

    fn of_performer<'d>(&mut self, span: &Span<'d>, found: &ExceptionInputs<'_, 'd>) {
        for claim in claims(found.document, found.spans, span, found.decisions) {
            self.raise(claim.about, &claim.cause, &claim.settled, false);
        }
        // Of what came to nothing only the claim asks for more.
        if matches!(found.state, State::Cancelled | State::Goa | State::Unsuccessful) {
            return;
        }
        let completed = Cause::of(span.steps.get(&Step::Completed).cloned().unwrap_or_default());
        if found.missing.iter().any(|missing| *missing != Missing::Signature) {
            self.look(ExceptionKind::ChecklistIncomplete, &completed, found);
        }
        if found.is_sealed {
            return;
        }
        // A reason why nobody signed, and a decision that none is needed, are of the amount there was.
        let later = later_amounts(span, &completed, found);
        let unsigned = found.missing.contains(&Missing::Signature).then_some(completed.facts);
        let facts = unsigned.into_iter().flatten().chain(later).collect();
        self.look(ExceptionKind::SignatureMissing, &Cause::of(facts), found);
    }

    fn concurrent(&mut self, found: &ExceptionInputs<'_, '_>) {
        if found.spans.rivals.is_empty() || found.state.is_over() {
            return;
        }
        let Some(present) = found.spans.present() else { return };
        let ids = found.spans.rivals.iter().chain([&present.assignment]).map(|a| a.id);
        let fact = |id| found.document.fact(&section::ASSIGNMENT, &id);
        self.look(
            ExceptionKind::ConcurrentAssignment,
            &Cause::of(ids.filter_map(fact).collect()),
            found,
        );
    }

    /// One exception for each person whose phone was off: once looked at, not raised again.
    fn skewed(&mut self, found: &ExceptionInputs<'_, '_>) {
        let mut by_author: BTreeMap<Option<UserId>, Vec<(&Fact, i64)>> = BTreeMap::new();
        for name in found.document.fact_sections() {
            for fact in found.document.facts(name) {
                if let Some(skew) = found.claimed.skew(fact) {
                    by_author.entry(fact.author).or_default().push((fact, skew));
                }
            }
        }
        let facts = by_author.values().map(|facts| facts.iter().map(|(fact, _)| *fact).collect());
        let causes: Vec<_> = facts.map(Cause::of).collect();
        let settled = found.decisions.about_each(ExceptionKind::ClockSkew, &causes);
        for ((facts, cause), settled) in by_author.values().zip(&causes).zip(&settled) {
            let worst = facts.iter().max_by_key(|(fact, skew)| (skew.saturating_abs(), fact.id));
            let raised = self.raise(ExceptionKind::ClockSkew, cause, settled, settled.on.is_some());
            if let (Some(exception), Some((fact, skew))) = (raised, worst) {
                exception.skew = Some(*skew);
                exception.uncertainty = corrected(fact).uncertainty;
            }
        }
    }

    /// One exception for each job that may be the same rescue. Nobody is billed for what was
    /// cancelled.
    fn alike(&mut self, found: &ExceptionInputs<'_, '_>) {
        if found.state == State::Cancelled {
            return;
        }
        let causes: Vec<_> = said(found.document).map(|fact| Cause::of(vec![fact])).collect();
        let settled = found.decisions.about_each(ExceptionKind::PossibleDuplicate, &causes);
        for (cause, settled) in causes.iter().zip(&settled) {
            let job = cause.facts.first().and_then(|fact| job_of(fact));
            if let Some(exception) =
                self.raise(ExceptionKind::PossibleDuplicate, cause, settled, false)
            {
                exception.job = job;
            }
        }
    }

    /// Looks what was decided about a cause, and raises it.
    fn look(&mut self, about: ExceptionKind, cause: &Cause<'_>, found: &ExceptionInputs<'_, '_>) {
        if !cause.facts.is_empty() {
            self.raise(about, cause, &found.decisions.about(about, cause), false);
        }
    }

    /// Adds the exception to the open ones, or to the decided ones when every fact of its cause
    /// is covered by a decision, or the one in force settles the `whole` of it.
    fn raise(
        &mut self,
        about: ExceptionKind,
        cause: &Cause<'_>,
        settled: &Settled<'_>,
        whole: bool,
    ) -> Option<&mut Exception> {
        if cause.facts.is_empty() {
            return None;
        }
        let is_open = !whole && !settled.uncovered.is_empty();
        let facts = if is_open { &settled.uncovered } else { &cause.facts };
        let first = facts.iter().min_by_key(|fact| fact.rank());
        let since = facts.iter().map(|fact| corrected(fact).at).min().unwrap_or_default();
        let exception = Exception {
            reference: first.map(|fact| fact.id),
            technician: first.and_then(|fact| fact.author),
            decision: settled.on.clone().filter(|_| !is_open),
            ..Exception::new(about, since)
        };
        let list = if is_open { &mut self.open } else { &mut self.decided };
        list.push(exception);
        list.last_mut()
    }
}

impl Exception {
    fn new(about: ExceptionKind, since: i64) -> Self {
        Self {
            about,
            reference: None,
            field: None,
            technician: None,
            job: None,
            skew: None,
            uncertainty: None,
            since,
            decision: None,
        }
    }
}

/// The last signature and every line it had not shown: a later line asks again.
fn outdated<'d>(found: &ExceptionInputs<'_, 'd>) -> Cause<'d> {
    let Some(seal) = found.outdated_seal else { return Cause::default() };
    let seen = Past::of(found.document, seal.change);
    let lines = [section::PARTS, section::CHARGES].into_iter();
    let lines = lines.flat_map(|section| found.document.facts(&section));
    let unseen = lines.filter(|line| !seen.contains(&line.change));
    Cause { facts: [seal].into_iter().chain(unseen).collect(), also: Some(seal.id) }
}

/// The lines that changed what is to be paid and that the first completion had not seen: a later one
/// shows them to nobody. Of completions that did not see each other all are the first.
fn later_amounts<'d>(
    span: &Span<'_>,
    completed: &Cause<'_>,
    found: &ExceptionInputs<'_, 'd>,
) -> Vec<&'d Fact> {
    if completed.facts.is_empty() {
        return Vec::new();
    }
    let seen = Past::of_all(found.document, &found.order.first_of(&completed.facts));
    let mut later = amount_lines(found.document, found.spans, span);
    later.retain(|line| !seen.contains(&line.change));
    later
}

/// Whether a completion says why nobody signed.
pub(super) fn says_why_unsigned(fact: &Fact) -> bool {
    text(fact, &key::REASON).is_some_and(|reason| lists::UNSIGNED.contains(&reason))
}
