//! The state of a job: computed from its facts, never stored, never going back on an older fact.

use serde::{Deserialize, Serialize};

use super::claim::{Claim, claims};
use super::decision::Decisions;
use super::outcome::Outcome;
use super::span::{Span, Spans};
use super::{Assignment, AssignmentKind, Step};

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = JobState))]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Taken in, nobody asked yet.
    Received,
    /// A technician or provider was asked and has not answered.
    Offered,
    /// Given to a technician or provider.
    Assigned,
    /// They take it.
    Accepted,
    /// They set off.
    EnRoute,
    /// They arrived.
    OnScene,
    /// They work.
    Working,
    /// The vehicle is being towed.
    InTow,
    /// The vehicle is where it was to go.
    AtDestination,
    /// The work is done.
    Completed,
    /// Nobody was there, as the office confirmed.
    Goa,
    /// It could not be done, as the office confirmed.
    Unsuccessful,
    /// Called off.
    Cancelled,
    /// Done, evidence complete, and the dealership system has it.
    Closed,
}

impl State {
    /// Every state, in the order of a rescue.
    pub const ALL: [Self; 14] = [
        Self::Received,
        Self::Offered,
        Self::Assigned,
        Self::Accepted,
        Self::EnRoute,
        Self::OnScene,
        Self::Working,
        Self::InTow,
        Self::AtDestination,
        Self::Completed,
        Self::Goa,
        Self::Unsuccessful,
        Self::Cancelled,
        Self::Closed,
    ];

    /// The word in the API and the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Offered => "offered",
            Self::Assigned => "assigned",
            Self::Accepted => "accepted",
            Self::EnRoute => "en_route",
            Self::OnScene => "on_scene",
            Self::Working => "working",
            Self::InTow => "in_tow",
            Self::AtDestination => "at_destination",
            Self::Completed => "completed",
            Self::Goa => "goa",
            Self::Unsuccessful => "unsuccessful",
            Self::Cancelled => "cancelled",
            Self::Closed => "closed",
        }
    }

    /// The state of this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// Whether nothing more is expected from the road.
    pub fn is_over(self) -> bool {
        match self {
            Self::Completed | Self::Goa | Self::Unsuccessful | Self::Cancelled | Self::Closed => {
                true
            }
            Self::Received
            | Self::Offered
            | Self::Assigned
            | Self::Accepted
            | Self::EnRoute
            | Self::OnScene
            | Self::Working
            | Self::InTow
            | Self::AtDestination => false,
        }
    }

    /// Whether a technician is out for it: of such jobs a technician has one at a time.
    pub fn is_active(self) -> bool {
        match self {
            Self::EnRoute | Self::OnScene | Self::Working | Self::InTow | Self::AtDestination => {
                true
            }
            Self::Received
            | Self::Offered
            | Self::Assigned
            | Self::Accepted
            | Self::Completed
            | Self::Goa
            | Self::Unsuccessful
            | Self::Cancelled
            | Self::Closed => false,
        }
    }

    /// The state a step alone brings about.
    pub(super) fn after(step: Step) -> Option<Self> {
        match step {
            Step::Accepted => Some(Self::Accepted),
            Step::EnRoute => Some(Self::EnRoute),
            Step::OnScene | Step::Diagnosed => Some(Self::OnScene),
            Step::Working => Some(Self::Working),
            Step::InTow => Some(Self::InTow),
            Step::AtDestination => Some(Self::AtDestination),
            Step::Completed => Some(Self::Completed),
            // Claims: a person decides.
            Step::Goa | Step::Unsuccessful => Some(Self::OnScene),
            Step::WalkUp | Step::Declined | Step::Cancelled | Step::Reopened => None,
        }
    }

    /// The state of a job, but for the dealership's answer.
    pub(super) fn of<'a>(
        spans: &Spans<'a>,
        outcome: &Outcome<'a>,
        decisions: &Decisions<'a>,
    ) -> Self {
        if outcome.cancelled.is_some() {
            let accepted = outcome.crossed_decision.as_ref();
            let accepted = accepted.is_some_and(|d| d.choice == "accept_completed");
            return if accepted { Self::Completed } else { Self::Cancelled };
        }
        // Someone completed it; the open question is only whose work is billed.
        if !outcome.contested.is_empty() {
            return Self::Completed;
        }
        match outcome.performer.and_then(|index| spans.list.get(index)) {
            Some(span) => Self::of_span(spans, span, decisions),
            None => Self::Received,
        }
    }

    fn of_span<'a>(spans: &Spans<'a>, span: &Span<'a>, decisions: &Decisions<'a>) -> Self {
        let claims = claims(decisions.document(), spans, span, decisions);
        claims.iter().find_map(Claim::state).unwrap_or_else(|| Self::reached(span))
    }

    /// How far a span came: its furthest step, or just the offer or assignment.
    pub(super) fn reached(span: &Span<'_>) -> Self {
        let given = Self::given(&span.assignment);
        let steps = span.steps.keys().filter_map(|step| Self::after(*step));
        steps.fold(given, Self::max)
    }

    fn given(assignment: &Assignment) -> Self {
        match assignment.kind {
            AssignmentKind::Offer => Self::Offered,
            AssignmentKind::Assign | AssignmentKind::Recall => Self::Assigned,
        }
    }
}
