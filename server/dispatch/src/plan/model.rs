//! What a day plan is made from: visits, shifts, travel between places, and the rules of practice.

use crate::error::Refused;

/// A skill, a tool or a part, as the caller numbers them.
pub type Code = u32;

/// Every time and every cost is below this, so that sums of three stay within 32 bits. Travel of
/// exactly this length says that there is no way.
pub const NO_WAY: i32 = 500_000_000;

/// One job that can be planned. Times are in one unit of the caller's choice (seconds), from a
/// moment of the caller's choice.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Visit {
    /// Where: an index of the places of [`Travel`].
    pub place: usize,
    /// How long the work takes.
    pub service: i32,
    /// Before this the work does not begin; whoever is early waits.
    pub opens: i32,
    /// After this the work does not begin.
    pub closes: i32,
    /// Skills and tools it needs, all of them.
    pub needs: Vec<Code>,
    /// Parts it uses up, with how many.
    pub parts: Vec<(Code, u32)>,
    /// How much it weighs to leave it undone, from 1. Weights are compared before any cost.
    pub weight: u32,
    /// Who has it now.
    pub hold: Hold,
}

/// Who has a job when the plan is made, and whether it may move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Hold {
    /// Nobody.
    #[default]
    Nobody,
    /// Given to the technician of this shift, who has not set off: it may move, for the price of a move.
    Given(usize),
    /// Just offered to the technician of this shift: it stays, or is left undone.
    Offered(usize),
    /// The technician of this shift is on the way, or further: it is their first, whatever else.
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
    /// Where they start: an index of the places.
    pub start: usize,
    /// Where they have to be at the end; anywhere if not given.
    pub end: Option<usize>,
    /// When they can set off.
    pub from: i32,
    /// When they have to be done, the way to `end` included.
    pub until: i32,
    /// Skills and tools they have.
    pub has: Vec<Code>,
    /// Parts in the van, with how many.
    pub stock: Vec<(Code, u32)>,
}

/// Times and costs between all places, rows before columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Travel {
    /// How many places.
    pub places: usize,
    /// How long it takes, [`NO_WAY`] where there is none: `places * places`.
    pub times: Vec<i32>,
    /// What it costs, in any unit (metres, seconds): `places * places`.
    pub costs: Vec<i32>,
}

/// What practice adds to the shortest way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rules {
    /// What it costs to take a given job from its technician, in the unit of the costs.
    pub move_price: i32,
}

/// Greatest numbers of a problem. At all of them at once, a round of the search takes about a
/// millisecond.
pub const MAX_VISITS: usize = 2_000;
/// Shifts of a problem.
pub const MAX_SHIFTS: usize = 1_000;
/// Places of a problem.
pub const MAX_PLACES: usize = 4_000;
/// Skills and tools, or kinds of parts, of one visit or shift.
pub const MAX_CODES: usize = 256;
/// Greatest weight of a visit.
pub const MAX_WEIGHT: u32 = 1_000_000;
/// Greatest number of one part.
pub const MAX_PARTS: u32 = 1_000_000;

impl Travel {
    /// Refuses tables of a wrong size, and negative or too large entries.
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
