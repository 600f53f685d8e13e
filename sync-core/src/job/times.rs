//! When each step of the rescue was: the first fact of each kind, gaps filled from later steps.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Step;
use super::access::{int, text};
use super::span::Span;
use crate::document::Fact;
use crate::id::FactId;
use crate::place::Place;
use crate::schema::key;
use crate::time::{Corrected, Stamp};

/// When and where one step was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct StepTime {
    /// In server time, with its uncertainty.
    #[serde(flatten)]
    pub time: Corrected,
    /// The step itself was never recorded; it was at this time at the latest.
    pub inferred: bool,
    /// The fact the time comes from.
    pub fact: FactId,
    /// Where the phone was.
    pub place: Option<Place>,
    /// Radius of 68 % confidence of the place, decimetres.
    pub accuracy: Option<i64>,
    /// Metres from the job's pin; informs, never blocks.
    pub from_pin_m: Option<i64>,
    /// The office entered it, as it was told; no phone recorded it.
    #[serde(default)]
    pub by_office: bool,
    /// Who told the office.
    #[serde(default)]
    pub told_by: Option<String>,
}

/// The time of a fact in server terms.
pub(crate) fn corrected(fact: &Fact) -> Corrected {
    Stamp::read(&fact.record, fact.time).corrected()
}

/// Whether someone at a desk wrote it.
pub(super) fn is_by_office(fact: &Fact) -> bool {
    fact.author.is_some() && fact.device.is_none()
}

/// The steps every rescue passes, in order.
const PATH: [Step; 5] =
    [Step::Accepted, Step::EnRoute, Step::OnScene, Step::Working, Step::Completed];

/// Times of the steps of one span.
pub(super) fn of(span: &Span<'_>, pin: Option<Place>) -> BTreeMap<Step, StepTime> {
    let mut times = BTreeMap::new();
    for (step, facts) in &span.steps {
        if let Some(fact) = facts.iter().min_by_key(|fact| (corrected(fact).at, fact.id)) {
            times.insert(*step, step_time(fact, pin));
        }
    }
    // A step that was never recorded was at the latest when the nearest later one was.
    let known = times.clone();
    for step in PATH {
        let later = known.iter().filter(|(known, _)| is_later(**known, step));
        let nearest = later.map(|(_, time)| time).min_by_key(|time| (time.time.at, time.fact));
        if let (false, Some(nearest)) = (known.contains_key(&step), nearest) {
            let filled = StepTime {
                inferred: true,
                place: None,
                accuracy: None,
                from_pin_m: None,
                ..nearest.clone()
            };
            times.insert(step, filled);
        }
    }
    times
}

/// Whether a recorded step shows that an earlier one must have been: claims and refusals end a
/// rescue anywhere, and show only that someone was there or not.
fn is_later(recorded: Step, missing: Step) -> bool {
    match recorded {
        Step::Goa | Step::Unsuccessful => missing <= Step::OnScene,
        Step::Accepted
        | Step::EnRoute
        | Step::OnScene
        | Step::Diagnosed
        | Step::Working
        | Step::InTow
        | Step::AtDestination
        | Step::Completed => missing < recorded,
        Step::WalkUp | Step::Declined | Step::Cancelled | Step::Reopened => false,
    }
}

fn step_time(fact: &Fact, pin: Option<Place>) -> StepTime {
    let place = Place::read(&fact.record);
    let metres = place.zip(pin).map(|(place, pin)| place.distance_m(&pin).round() as i64);
    StepTime {
        time: corrected(fact),
        inferred: false,
        fact: fact.id,
        place,
        accuracy: int(fact, &key::ACCURACY),
        from_pin_m: metres,
        by_office: is_by_office(fact),
        told_by: text(fact, &key::NAME).map(str::to_owned),
    }
}
