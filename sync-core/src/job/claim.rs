//! Claims that a job came to nothing, what was decided about them, and work the decision had not seen.

use super::access::text;
use super::amount_lines::amount_lines;
use super::decision::{Cause, Decisions, Settled};
use super::span::{Span, Spans};
use super::{ExceptionKind, State, Step};
use crate::document::{Document, Fact};
use crate::schema::key;

/// What one technician claimed, with what was decided.
pub(super) struct Claim<'a> {
    /// Which claim.
    pub about: ExceptionKind,
    /// The claims. Once confirmed also the completions and what a phone adds to the amount: the
    /// confirmation covers those it had seen, and the others ask again.
    pub cause: Cause<'a>,
    /// What was decided about all of it.
    pub settled: Settled<'a>,
    /// The state of the job while the confirmation stands.
    ended: State,
}

impl Claim<'_> {
    /// The state the claim brings about. A completion that the confirmation had not seen stands
    /// until a person decides.
    pub fn state(&self) -> Option<State> {
        let completes = |fact: &&Fact| text(fact, &key::KIND) == Some(Step::Completed.as_str());
        let is_contradicted = self.settled.uncovered.iter().any(completes);
        (self.settled.chose("confirm") && !is_contradicted).then_some(self.ended)
    }
}

/// The claims of a span that count: all while it is not completed, then those that were confirmed.
pub(super) fn claims<'a>(
    document: &'a Document,
    spans: &Spans<'a>,
    span: &Span<'a>,
    decisions: &Decisions<'_>,
) -> Vec<Claim<'a>> {
    let completed = span.steps.get(&Step::Completed).cloned().unwrap_or_default();
    let mut claims = Vec::new();
    for (step, about, ended) in [
        (Step::Goa, ExceptionKind::GoaClaimed, State::Goa),
        (Step::Unsuccessful, ExceptionKind::UnsuccessfulClaimed, State::Unsuccessful),
    ] {
        let Some(claimed) = span.steps.get(&step) else { continue };
        let mut cause = Cause::of(claimed.clone());
        let mut settled = decisions.about(about, &cause);
        if settled.chose("confirm") {
            let lines = amount_lines(document, spans, span).into_iter();
            cause.facts.extend(completed.iter().copied());
            cause.facts.extend(lines.filter(|line| line.device.is_some()));
            settled = decisions.about(about, &cause);
        } else if !completed.is_empty() {
            continue;
        }
        claims.push(Claim { about, cause, settled, ended });
    }
    claims
}
