//! Travel times from the straight line and a pace.

use super::{Known, Leg, Pace, TravelTimes, seconds};
use crate::place::Place;

/// Straight lines at one pace.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Air {
    /// The pace at that branch and hour.
    pub pace: Pace,
}

impl Air {
    /// The leg between two places.
    pub fn leg(&self, from: &Place, to: &Place) -> Leg {
        let metres = from.metres_to(to);
        let taken = metres * self.pace.seconds_a_metre();
        Leg { seconds: seconds(taken), metres: metres.round() as u32, known: Known::About }
    }
}

impl TravelTimes for Air {
    fn to_one(&self, from: &[Place], to: Place) -> Vec<Option<Leg>> {
        from.iter().map(|from| Some(self.leg(from, &to))).collect()
    }
}
