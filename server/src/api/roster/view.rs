//! What is answered about a technician who may be sent: when they would arrive, and what speaks for and against them.

use serde::Serialize;
use sync_core::id::UserId;
use sync_core::place::Place;
use sync_core::technician::Ineligible;
use utoipa::ToSchema;

/// A technician who meets the requirements.
#[derive(Debug, Serialize, ToSchema)]
pub struct Candidate {
    /// Who.
    pub technician: UserId,
    /// Their name.
    pub name: String,
    /// The outsourced company they work for.
    pub provider: Option<String>,
    /// When they would arrive; absent where the place of the job or theirs is not known.
    pub arrival: Option<Arrival>,
    /// Their last position; absent where none is known or it is older than a day.
    pub position: Option<LastPosition>,
    /// What speaks for and against them, and what is not known.
    pub reasons: Vec<CandidateReason>,
}

/// When someone would arrive. The less is known of where they are, the wider the range.
#[derive(Debug, Serialize, ToSchema)]
pub struct Arrival {
    /// The earliest, Unix milliseconds.
    pub earliest_at: i64,
    /// The likely one, Unix milliseconds.
    pub likely_at: i64,
    /// The latest, Unix milliseconds.
    pub latest_at: i64,
    /// When they can set off, Unix milliseconds: now, or once their earlier work is done.
    pub sets_off_at: i64,
    /// Travel time, seconds.
    pub travel_seconds: u32,
    /// Length of the way, metres.
    pub metres: u32,
    /// Whether way and travel time are by road; else they are of the straight line.
    pub by_road: bool,
    /// How far they may be from the position that was assumed, metres.
    pub radius_metres: u32,
}

/// Where someone was last.
#[derive(Debug, Serialize, ToSchema)]
pub struct LastPosition {
    /// Where.
    pub place: Place,
    /// When, by the server's clock, Unix milliseconds.
    pub at: i64,
}

/// A requirement that someone does not meet.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UnmetRequirement)]
pub struct Unmet {
    /// Stable word, as `reason` of `technician_ineligible`: `inactive`, `absent`, `off_shift`,
    /// `skill_missing`, `skill_out_of_date`, `equipment_missing`.
    pub what: &'static str,
    /// The skill or the equipment.
    pub which: Option<String>,
    /// The same as a sentence.
    pub detail: String,
}

/// What speaks for or against someone.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum CandidateReason {
    /// They have this skill.
    Skill {
        /// The skill.
        skill: String,
        /// When its certificate expires, Unix milliseconds.
        expires_at: Option<i64>,
    },
    /// Their certificate expires before the work is likely to be done.
    SkillEndsFirst {
        /// The skill.
        skill: String,
        /// When it expires, Unix milliseconds.
        expires_at: i64,
    },
    /// Their shift ends.
    ShiftEnds {
        /// When, Unix milliseconds.
        at: i64,
        /// Seconds from the likely end of the work to the end of the shift; below zero is overtime.
        spare_seconds: Option<i64>,
    },
    /// They have other work first.
    Busy {
        /// When they can set off, Unix milliseconds.
        sets_off_at: i64,
        /// Jobs that wait, without the one under way.
        waiting: u16,
    },
    /// Nothing was heard of their phone for ten minutes.
    SilentSince {
        /// When it was last heard, Unix milliseconds.
        at: i64,
    },
    /// They would arrive before the promised time, or after it.
    Promise {
        /// Seconds from the likely arrival to the promised time; below zero it is broken.
        spare_seconds: i64,
    },
    /// Something is not known, and the rank is a guess for it.
    Unknown {
        /// `job_place`, `position`, `way`, `shifts`, `end_of_current_job`, `last_heard`. `equipment`: they
        /// drive more vans than are looked at, and those that were lack some of it. `jobs`: they have more
        /// open jobs than are counted.
        which: &'static str,
    },
}

impl Unmet {
    /// One as an answer says it.
    pub fn of(ineligible: &Ineligible) -> Self {
        let which = match ineligible {
            Ineligible::Inactive | Ineligible::Absent | Ineligible::OffShift => None,
            Ineligible::SkillMissing(which)
            | Ineligible::SkillOutOfDate(which)
            | Ineligible::EquipmentMissing(which) => Some(which.clone()),
        };
        Self { what: ineligible.code(), which, detail: ineligible.sentence() }
    }
}
