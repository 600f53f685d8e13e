//! Reasons for and against a technician, missing data, and the penalty of each in the rank.

use super::eta::{Eta, USUAL_WORK_SECONDS};
use super::model::{Code, Job, Technician};

/// One reason; the user interface translates it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// They have this skill.
    Skill {
        /// The skill.
        skill: Code,
        /// When its certificate expires, Unix milliseconds; none if it does not expire.
        until: Option<i64>,
    },
    /// Their certificate for this skill expires before the work is likely to be done.
    SkillEndsFirst {
        /// The skill.
        skill: Code,
        /// When it expires, Unix milliseconds.
        until: i64,
    },
    /// Their van carries this part.
    Carries {
        /// The part.
        part: Code,
        /// The count.
        count: i64,
    },
    /// Their van does not carry enough of this part.
    Lacks {
        /// The part.
        part: Code,
        /// The count in the van.
        count: i64,
        /// The count needed.
        wanted: u32,
    },
    /// Their shift ends.
    ShiftEnds {
        /// When, Unix milliseconds.
        at: i64,
        /// Seconds from the likely end of the work to the end of the shift; negative for overtime.
        spare: Option<i64>,
    },
    /// They have other work first.
    Busy {
        /// When they can set off, Unix milliseconds.
        until: i64,
        /// Waiting jobs, without the one under way.
        waiting: u16,
    },
    /// Their phone has sent nothing for longer than [`SILENT_SECONDS`].
    SilentSince {
        /// When it last sent something, Unix milliseconds.
        at: i64,
    },
    /// They declined this job.
    Declined {
        /// When, Unix milliseconds.
        at: i64,
    },
    /// The promised arrival time, and whether they will meet it.
    Promise {
        /// Seconds from the likely arrival to the promised time; negative if the promise will be broken.
        spare: i64,
    },
    /// A datum is missing; the rank is worse for it, or ignores it.
    Unknown(Datum),
}

/// A datum that is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Datum {
    /// The place of the job.
    JobPlace,
    /// The position of the technician.
    Position,
    /// A way by road, although road data is available: the travel time is a straight line.
    Way,
    /// Their shifts.
    Shifts,
    /// The van they drive.
    Van,
    /// The parts in their van.
    Stock,
    /// The end of the job under way.
    EndOfCurrentJob,
    /// When their phone last sent something.
    LastHeard,
}

impl Datum {
    /// The stable word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::JobPlace => "job_place",
            Self::Position => "position",
            Self::Way => "way",
            Self::Shifts => "shifts",
            Self::Van => "van",
            Self::Stock => "stock",
            Self::EndOfCurrentJob => "end_of_current_job",
            Self::LastHeard => "last_heard",
        }
    }
}

/// A phone that sends nothing for this long counts as silent, seconds.
pub const SILENT_SECONDS: i64 = 600;
/// Penalty for a part that has to be fetched, seconds.
const FETCH: i64 = 30 * 60;
/// Penalty for a certificate that expires before the work is done, seconds.
const PAPER: i64 = 60 * 60;
/// Penalty for having declined this job, seconds.
const DECLINED: i64 = 2 * 60 * 60;
/// The cost of an unknown arrival, seconds.
const UNKNOWN_ETA: i64 = 7 * 86_400;

/// All reasons, in a fixed order.
pub(crate) fn reasons(
    job: &Job,
    technician: &Technician,
    eta: Option<&Eta>,
    now: i64,
) -> Vec<Reason> {
    let mut all = Vec::new();
    each(job, technician, eta, now, |reason| all.push(reason));
    all
}

/// The cost that decides the rank, seconds.
pub(crate) fn cost(reasons: &[Reason], eta: Option<&Eta>, now: i64) -> i64 {
    arrival(eta, now) + reasons.iter().map(worth).sum::<i64>()
}

/// The sum of the penalties against a technician, without making the list; never negative.
pub(crate) fn against(job: &Job, technician: &Technician, eta: Option<&Eta>, now: i64) -> i64 {
    let mut sum = 0;
    each(job, technician, eta, now, |reason| sum += worth(&reason));
    sum
}

/// The likely arrival, plus half of its possible delay.
pub(crate) fn arrival(eta: Option<&Eta>, now: i64) -> i64 {
    eta.map_or(UNKNOWN_ETA, |eta| {
        let likely = eta.likely.saturating_sub(now) / 1_000;
        likely + eta.late.saturating_sub(eta.likely) / 2_000
    })
}

fn worth(reason: &Reason) -> i64 {
    match reason {
        Reason::Lacks { .. } => FETCH,
        Reason::Unknown(Datum::Van | Datum::Stock) => FETCH / 2,
        Reason::SkillEndsFirst { .. } => PAPER,
        Reason::Declined { .. } => DECLINED,
        Reason::ShiftEnds { spare: Some(spare), .. } => (-spare).clamp(0, 86_400),
        _ => 0,
    }
}

fn each(
    job: &Job,
    technician: &Technician,
    eta: Option<&Eta>,
    now: i64,
    mut say: impl FnMut(Reason),
) {
    let work = job.work_seconds.map_or(USUAL_WORK_SECONDS, i64::from);
    let done = eta.map(|eta| eta.likely.saturating_add(work * 1_000));
    if let (Some(promised), Some(eta)) = (job.promised, eta) {
        say(Reason::Promise { spare: promised.saturating_sub(eta.likely) / 1_000 });
    }
    for skill in &job.skills {
        let papers =
            technician.certificates.iter().filter(|it| it.skill == *skill && it.counts(now));
        // The certificate that lasts longest counts; one without an end wins.
        let longest = papers.map(|paper| paper.until).max_by_key(|until| until.unwrap_or(i64::MAX));
        let Some(until) = longest else { continue };
        match until.filter(|until| done.is_some_and(|done| *until < done)) {
            Some(until) => say(Reason::SkillEndsFirst { skill: *skill, until }),
            None => say(Reason::Skill { skill: *skill, until }),
        }
    }
    parts(job, technician, &mut say);
    shift(technician, done, now, &mut say);
    let load = &technician.load;
    if load.under_way.is_some() || load.waiting > 0 {
        let until = eta.map_or(now, |eta| eta.sets_off);
        say(Reason::Busy { until, waiting: load.waiting });
    }
    if load.under_way.is_some_and(|it| it.done.is_none()) {
        say(Reason::Unknown(Datum::EndOfCurrentJob));
    }
    match technician.heard.max(technician.last.map(|fix| fix.at)) {
        None => say(Reason::Unknown(Datum::LastHeard)),
        Some(at) if now.saturating_sub(at) > SILENT_SECONDS * 1_000 => {
            say(Reason::SilentSince { at });
        }
        Some(_) => {}
    }
    if let Some(at) = technician.declined {
        say(Reason::Declined { at });
    }
    if job.place.is_none() {
        say(Reason::Unknown(Datum::JobPlace));
    }
    if technician.last.is_none() && load.under_way.is_none_or(|it| it.place.is_none()) {
        say(Reason::Unknown(Datum::Position));
    }
}

fn parts(job: &Job, technician: &Technician, say: &mut impl FnMut(Reason)) {
    if job.parts.is_empty() {
        return;
    }
    let Some(van) = &technician.van else { return say(Reason::Unknown(Datum::Van)) };
    let Some(stock) = &van.stock else { return say(Reason::Unknown(Datum::Stock)) };
    for (part, wanted) in &job.parts {
        let rows = stock.iter().filter(|(other, _)| other == part);
        let count = rows.fold(0_i64, |sum, (_, count)| sum.saturating_add(*count));
        let (part, wanted) = (*part, *wanted);
        match count >= i64::from(wanted) {
            true => say(Reason::Carries { part, count }),
            false => say(Reason::Lacks { part, count, wanted }),
        }
    }
}

fn shift(technician: &Technician, done: Option<i64>, now: i64, say: &mut impl FnMut(Reason)) {
    if technician.shifts.is_empty() {
        return say(Reason::Unknown(Datum::Shifts));
    }
    let running = technician.shifts.iter().filter(|shift| shift.covers(now));
    let ends = running.map(|shift| shift.until).max();
    // An absence that begins before the shift is over ends it.
    let away =
        technician.absences.iter().filter(|away| away.from > now).map(|away| away.from).min();
    if let Some(at) = ends.map(|at| away.map_or(at, |away| away.min(at))) {
        say(Reason::ShiftEnds { at, spare: done.map(|done| at.saturating_sub(done) / 1_000) });
    }
}
