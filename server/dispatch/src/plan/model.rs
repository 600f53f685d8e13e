//! The input of a day plan: visits, shifts, travel between places, and practical rules.

use crate::error::Refused;

/// A skill, a tool or a part; the caller chooses the numbers.
pub type Code = u32;

/// Every time and every cost is below this, so that sums of three fit into 32 bits. A travel time of
/// exactly this value means that there is no way.
pub const NO_WAY: i32 = 500_000_000;

/// One job that can be planned. Times are in a unit that the caller chooses (seconds), from a moment that
/// the caller chooses.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Visit {
    /// An index into the places of [`Travel`].
    pub place: usize,
    /// How long the work takes.
    pub service: i32,
    /// The work does not begin before this; a technician who is early waits.
    pub opens: i32,
    /// The work does not begin after this.
    pub closes: i32,
    /// Skills and tools it needs, all of them.
    pub needs: Vec<Code>,
    /// Parts it uses up, with how many.
    pub parts: Vec<(Code, u32)>,
    /// The penalty of leaving it undone, from 1. Weights are compared before any cost.
    pub weight: u32,
    /// Its present technician.
    pub hold: Hold,
}

/// The present technician of a job, and whether the job may move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Hold {
    /// Nobody.
    #[default]
    Nobody,
    /// Given to the technician of this shift, who has not set off. It may move, for the price of a move.
    Given(usize),
    /// Offered to the technician of this shift. It stays with them, or is left undone.
    Offered(usize),
    /// The technician of this shift is on the way or already there. It is always their first visit.
    UnderWay(usize),
}

impl Hold {
    /// The shift that has it.
    pub fn shift(self) -> Option<usize> {
        match self {
            Self::Nobody => None,
            Self::Given(shift) | Self::Offered(shift) | Self::UnderWay(shift) => Some(shift),
        }
    }
}

/// One technician's day.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Shift {
    /// Where they start: an index into the places.
    pub start: usize,
    /// Where they have to end; anywhere if absent.
    pub end: Option<usize>,
    /// The earliest time they can set off.
    pub from: i32,
    /// When they have to be done, including the way to `end`.
    pub until: i32,
    /// Skills and tools they have.
    pub has: Vec<Code>,
    /// Parts in the van, with how many.
    pub stock: Vec<(Code, u32)>,
}

/// Times and costs between all places, row by row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Travel {
    /// The number of places.
    pub places: usize,
    /// Travel times, [`NO_WAY`] if there is no way: `places * places`.
    pub times: Vec<i32>,
    /// Travel costs, in any unit (metres, seconds): `places * places`.
    pub costs: Vec<i32>,
}

/// Practical rules beyond the shortest way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rules {
    /// The price of taking a given job from its technician, in the unit of the costs.
    pub move_price: i32,
}

/// Greatest number of visits of a problem. With all limits reached at once, a round of the search takes
/// about a millisecond.
pub const MAX_VISITS: usize = 2_000;
/// Greatest number of shifts of a problem.
pub const MAX_SHIFTS: usize = 1_000;
/// Greatest number of places of a problem.
pub const MAX_PLACES: usize = 4_000;
/// Greatest number of skills and tools, or of kinds of parts, of one visit or shift.
pub const MAX_CODES: usize = 256;
/// Greatest weight of a visit.
pub const MAX_WEIGHT: u32 = 1_000_000;
/// Greatest count of one part.
pub const MAX_PARTS: u32 = 1_000_000;

impl Travel {
    /// Refuses tables of a wrong size, and entries that are negative or too large.
    pub(super) fn check(&self) -> Result<(), Refused> {
        use crate::error::{at_most, within};
        at_most("places", self.places, MAX_PLACES)?;
        let expected = self.places * self.places;
        for (what, table) in [("travel times", &self.times), ("travel costs", &self.costs)] {
            if table.len() != expected {
                return Err(Refused::Size { what, count: table.len(), expected });
            }
            if let Some(entry) = table.iter().find(|entry| !(0..=NO_WAY).contains(*entry)) {
                within(what, i64::from(*entry), 0, i64::from(NO_WAY))?;
            }
        }
        Ok(())
    }
}
