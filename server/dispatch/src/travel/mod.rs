//! Travel times to a job: straight line at a learned pace, or by road.

mod air;
mod pace;

pub use air::Air;
pub use pace::{
    LEAST_METRES, MAX_BRANCHES, MAX_SAMPLES, Pace, Paces, STANDARD_PACE, Sample, WEEK_HOURS,
};

use crate::place::Place;

/// The way from one place to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leg {
    /// Travel time, seconds.
    pub seconds: u32,
    /// Length, metres.
    pub metres: u32,
    /// The source of the travel time.
    pub known: Known,
}

/// The source of a travel time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Known {
    /// By road.
    Roads,
    /// From the straight line: display it as *about*.
    About,
}

/// Travel times from many places to one.
pub trait TravelTimes {
    /// The leg from each of `from` to `to`, in their order; none if there is no way.
    fn to_one(&self, from: &[Place], to: Place) -> Vec<Option<Leg>>;
}

/// The longest travel time, seconds: a day.
pub(crate) const LONGEST: f64 = 86_400.0;

/// Clamps seconds to the range of a leg.
pub(crate) fn seconds(value: f64) -> u32 {
    // A cast saturates, and turns NaN into zero.
    value.min(LONGEST).round() as u32
}
