//! The data about a job and a technician. Everything that may be unknown is an option.

use super::MAX_ROWS;
use crate::error::{Refused, at_most};
use crate::place::Place;

/// A skill or a part; the caller chooses the numbers.
pub type Code = u32;

/// The job that needs a technician.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Job {
    /// Where.
    pub place: Option<Place>,
    /// Skills it needs, all of them.
    pub skills: Vec<Code>,
    /// Parts it will probably use, with their count. A technician without them ranks lower.
    pub parts: Vec<(Code, u32)>,
    /// The arrival time promised to the customer, Unix milliseconds.
    pub promised: Option<i64>,
    /// How long the work takes, seconds; the usual time if unknown.
    pub work_seconds: Option<u32>,
}

/// One technician.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Technician {
    /// Their last position.
    pub last: Option<Fix>,
    /// The assumed position if nothing else is known: the branch.
    pub base: Option<Place>,
    /// Skills with their certificates.
    pub certificates: Vec<Certificate>,
    /// When they work. Empty means unknown.
    pub shifts: Vec<Span>,
    /// When they are absent.
    pub absences: Vec<Span>,
    /// The van they drive.
    pub van: Option<Van>,
    /// Their workload.
    pub load: Load,
    /// When their phone last sent anything, Unix milliseconds.
    pub heard: Option<i64>,
    /// When they declined this very job, Unix milliseconds.
    pub declined: Option<i64>,
}

/// A position of a phone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fix {
    /// Where.
    pub place: Place,
    /// When, Unix milliseconds.
    pub at: i64,
    /// Radius of confidence, metres.
    pub accuracy: f64,
}

/// A skill and its certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Certificate {
    /// The skill.
    pub skill: Code,
    /// Valid from, Unix milliseconds.
    pub from: Option<i64>,
    /// Valid until, Unix milliseconds, exclusive; absent if it does not expire.
    pub until: Option<i64>,
}

/// A period, Unix milliseconds, its end exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// From.
    pub from: i64,
    /// Until, exclusive.
    pub until: i64,
}

/// A technician's van.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Van {
    /// Parts in it, with their count; none if nobody counted.
    pub stock: Option<Vec<(Code, i64)>>,
}

/// A technician's workload.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Load {
    /// The job they are on the way to, or at.
    pub under_way: Option<UnderWay>,
    /// Further jobs that they have not begun.
    pub waiting: u16,
}

/// A job in progress.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct UnderWay {
    /// Where it ends.
    pub place: Option<Place>,
    /// When it will be done, Unix milliseconds, if known.
    pub done: Option<i64>,
}

impl Span {
    /// Whether it covers a moment.
    pub fn covers(&self, at: i64) -> bool {
        (self.from..self.until).contains(&at)
    }
}

impl Certificate {
    /// Whether it is valid at a moment.
    pub fn counts(&self, at: i64) -> bool {
        self.from.is_none_or(|from| from <= at) && self.until.is_none_or(|until| at < until)
    }
}

impl Technician {
    /// Where they will set off: where the job under way ends, else their last position, else the base.
    pub fn starts_from(&self) -> Option<Place> {
        self.load.under_way.and_then(|it| it.place).or(self.whereabouts())
    }

    /// Where they are, if known.
    pub fn whereabouts(&self) -> Option<Place> {
        self.last.map(|fix| fix.place).or(self.base)
    }

    pub(crate) fn check(&self) -> Result<(), Refused> {
        let stock = self.van.as_ref().and_then(|van| van.stock.as_ref()).map_or(0, Vec::len);
        let rows = [self.certificates.len(), self.shifts.len(), self.absences.len(), stock];
        let rows = rows.into_iter().sum();
        at_most("rows of a technician", rows, MAX_ROWS)
    }
}

impl Job {
    pub(crate) fn check(&self) -> Result<(), Refused> {
        let asked = self.skills.len() + self.parts.len();
        at_most("things a job asks for", asked, 100)
    }
}
