//! How long it takes to get to a job: by air with a learnt pace, or by the roads.

mod air;
mod pace;

pub use air::Air;
pub use pace::{
    LEAST_METRES, MAX_BRANCHES, MAX_SAMPLES, Pace, Paces, STANDARD_PACE, Sample, WEEK_HOURS,
};

use crate::place::Place;

/// A way from one place to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leg {
    /// How long it takes, seconds.
    pub seconds: u32,
    /// How long it is, metres.
    pub metres: u32,
    /// How well that is known.
    pub known: Known,
}

/// How a travel time is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Known {
    /// By the roads.
    Roads,
    /// From the straight line: say *about*.
    About,
}

/// Travel times from many places to one.
pub trait TravelTimes {
    /// The leg from each of `from` to `to`, in their order; none where there is no way.
    fn to_one(&self, from: &[Place], to: Place) -> Vec<Option<Leg>>;
}

/// No journey counts for longer than a day.
pub(crate) const LONGEST: f64 = 86_400.0;

/// Seconds within what a leg can say.
pub(crate) fn seconds(value: f64) -> u32 {
    // A cast saturates, and makes zero of what is not a number.
    value.min(LONGEST).round() as u32
}
