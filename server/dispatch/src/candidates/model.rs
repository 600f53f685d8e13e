//! What is known of a job and of a technician. Everything that may be unknown is an option.

use super::MAX_ROWS;
use crate::error::{Refused, at_most};
use crate::place::Place;

/// A skill, a piece of equipment or a part, as the caller numbers them.
pub type Code = u32;

/// The job someone is looked for.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Job {
    /// Where.
    pub place: Option<Place>,
    /// Skills it asks for, all of them.
    pub skills: Vec<Code>,
    /// Equipment it asks for, all of it.
    pub equipment: Vec<Code>,
    /// Parts it will probably use, with how many. A van without them is sent later, not never.
    pub parts: Vec<(Code, u32)>,
    /// When the customer was promised that someone is there, Unix milliseconds.
    pub promised: Option<i64>,
    /// How long the work takes, seconds; the usual time if nobody knows.
    pub work_seconds: Option<u32>,
}

/// One technician.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Technician {
    /// They do not work here any more.
    pub inactive: bool,
    /// Where they were last.
    pub last: Option<Fix>,
    /// Where they are when nothing else is known: the branch.
    pub base: Option<Place>,
    /// Skills with their papers.
    pub certificates: Vec<Certificate>,
    /// When they work. Of whom no shift is kept, nobody knows.
    pub shifts: Vec<Span>,
    /// When they are away.
    pub absences: Vec<Span>,
    /// What they drive.
    pub van: Option<Van>,
    /// What they have to do.
    pub load: Load,
    /// When their phone was last heard, by whatever it sent, Unix milliseconds.
    pub heard: Option<i64>,
    /// When they declined this very job, Unix milliseconds.
    pub declined: Option<i64>,
}

/// Where a phone was.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fix {
    /// Where.
    pub place: Place,
    /// When, Unix milliseconds.
    pub at: i64,
    /// Radius of confidence, metres.
    pub accuracy: f64,
}

/// A skill and the paper for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Certificate {
    /// The skill.
    pub skill: Code,
    /// From when, Unix milliseconds.
    pub from: Option<i64>,
    /// Until when, Unix milliseconds, not included; absent if it does not end.
    pub until: Option<i64>,
}

/// A time, Unix milliseconds, its end not included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// From.
    pub from: i64,
    /// Until, not included.
    pub until: i64,
}

/// What a technician drives.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Van {
    /// What it is equipped with.
    pub equipment: Vec<Code>,
    /// Parts in it, with how many; nothing if nobody counted.
    pub stock: Option<Vec<(Code, i64)>>,
}

/// What a technician has to do.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Load {
    /// The job they are on the way to, or at.
    pub under_way: Option<UnderWay>,
    /// Jobs they have besides, not begun.
    pub waiting: u16,
}

/// A job that is being done.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct UnderWay {
    /// Where it ends.
    pub place: Option<Place>,
    /// When it will be done, Unix milliseconds, as far as known.
    pub done: Option<i64>,
}

impl Span {
    /// Whether it covers a moment.
    pub fn covers(&self, at: i64) -> bool {
        (self.from..self.until).contains(&at)
    }
}

impl Certificate {
    /// Whether it counts at a moment.
    pub fn counts(&self, at: i64) -> bool {
        self.from.is_none_or(|from| from <= at) && self.until.is_none_or(|until| at < until)
    }
}

impl Technician {
    /// Where they will set off: where the job under way ends, else where they were last, else the base.
    pub fn starts_from(&self) -> Option<Place> {
        self.load.under_way.and_then(|it| it.place).or(self.whereabouts())
    }

    /// Where they are, as far as known.
    pub fn whereabouts(&self) -> Option<Place> {
        self.last.map(|fix| fix.place).or(self.base)
    }

    pub(crate) fn check(&self) -> Result<(), Refused> {
        let (equipment, stock) = self
            .van
            .as_ref()
            .map_or((0, 0), |van| (van.equipment.len(), van.stock.as_ref().map_or(0, Vec::len)));
        let rows = [self.certificates.len(), self.shifts.len(), self.absences.len()];
        let rows = rows.into_iter().chain([equipment, stock]).sum();
        at_most("rows of a technician", rows, MAX_ROWS)
    }
}

impl Job {
    pub(crate) fn check(&self) -> Result<(), Refused> {
        let asked = self.skills.len() + self.equipment.len() + self.parts.len();
        at_most("things a job asks for", asked, 100)
    }
}
