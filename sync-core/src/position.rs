//! Where a phone says it was: one rule of what is a position, for phones and for the server.

use crate::limits;
use crate::place::Place;

/// Greatest radius, decimetres: more is no position.
pub const ACCURACY_MAX: i64 = 100_000_000;
/// Greatest speed, centimetres a second.
pub const SPEED_MAX: i64 = 100_000;

/// One position as a phone measured it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// When, Unix milliseconds.
    pub at: i64,
    /// Where.
    pub place: Place,
    /// Radius of 68 % confidence, decimetres.
    pub accuracy: Option<i64>,
    /// Centimetres a second.
    pub speed: Option<i64>,
    /// Degrees from north.
    pub heading: Option<i64>,
}

/// Why a reading is no position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadReading {
    /// Its time cannot be right.
    #[error("The time is not of this or the next century. Send Unix milliseconds.")]
    Time,
    /// Latitude and longitude are both zero.
    #[error("0/0 is what a receiver says that has no position. Leave the point out.")]
    Nowhere,
    /// The platform says that it is not valid, or the radius is beyond any use.
    #[error(
        "The accuracy is no radius. Leave the point out, or send decimetres from 0 to 100000000."
    )]
    Accuracy,
    /// Faster than anything on the road.
    #[error("The speed is too high. Send centimetres a second up to 100000, or leave it out.")]
    Speed,
    /// Beyond a full turn.
    #[error("The heading is beyond 360 degrees. Send 0 to 360, or leave it out.")]
    Heading,
}

impl BadReading {
    /// The stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Time => "time_out_of_range",
            Self::Nowhere => "no_place",
            Self::Accuracy => "accuracy_out_of_range",
            Self::Speed => "speed_out_of_range",
            Self::Heading => "heading_out_of_range",
        }
    }

    /// The field concerned.
    pub fn field(self) -> &'static str {
        match self {
            Self::Time => "at",
            Self::Nowhere => "place",
            Self::Accuracy => "accuracy",
            Self::Speed => "speed",
            Self::Heading => "heading",
        }
    }
}

impl Reading {
    /// The reading as it is kept. A negative speed or heading is how iOS says that it does not know
    /// it, and is left out.
    ///
    /// # Errors
    /// Why it is no position.
    pub fn checked(self) -> Result<Self, BadReading> {
        let known = |value: Option<i64>| value.filter(|value| *value >= 0);
        let (speed, heading) = (known(self.speed), known(self.heading));
        if !limits::TIME_RANGE.contains(&self.at) {
            return Err(BadReading::Time);
        }
        if (self.place.lat(), self.place.lon()) == (0, 0) {
            return Err(BadReading::Nowhere);
        }
        if self.accuracy.is_some_and(|radius| !(0..=ACCURACY_MAX).contains(&radius)) {
            return Err(BadReading::Accuracy);
        }
        if speed > Some(SPEED_MAX) {
            return Err(BadReading::Speed);
        }
        if heading > Some(360) {
            return Err(BadReading::Heading);
        }
        Ok(Self { speed, heading, ..self })
    }
}

/// Every second one of the older half of a trail, so that it gets coarser and keeps its beginning.
///
/// Gives the places of those to drop, of `count` positions in the order of their times.
pub fn thinned(count: usize) -> impl Iterator<Item = usize> {
    (1..count / 2).step_by(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading() -> Reading {
        let place = Place::new(250_330_000, 1_215_654_000).expect("on Earth");
        let at = limits::TIME_RANGE.start;
        Reading { at, place, accuracy: None, speed: None, heading: None }
    }

    #[test]
    fn what_a_platform_does_not_know_is_left_out_and_what_is_no_position_is_named() {
        let unknown = Reading { speed: Some(-1), heading: Some(-1), ..reading() };
        assert_eq!(unknown.checked(), Ok(reading()));
        let nowhere = Place::new(0, 0).expect("on Earth");
        for (odd, why) in [
            (Reading { at: 1000, ..reading() }, BadReading::Time),
            (Reading { place: nowhere, ..reading() }, BadReading::Nowhere),
            (Reading { accuracy: Some(-1), ..reading() }, BadReading::Accuracy),
            (Reading { speed: Some(SPEED_MAX + 1), ..reading() }, BadReading::Speed),
            (Reading { heading: Some(361), ..reading() }, BadReading::Heading),
        ] {
            assert_eq!(odd.checked(), Err(why), "{}", why.field());
        }
    }

    #[test]
    fn thinning_keeps_the_first_and_the_newer_half_of_a_trail() {
        assert_eq!(thinned(10).collect::<Vec<_>>(), [1, 3]);
        assert_eq!(thinned(0).count() + thinned(3).count(), 0);
        assert_eq!(thinned(10_000).count(), 2500);
    }
}
