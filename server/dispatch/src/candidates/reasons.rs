//! What speaks for and against a technician, what is not known, and what each is worth in the rank.

use super::eta::{Eta, USUAL_WORK_SECONDS};
use super::model::{Code, Job, Technician};

/// One reason, for whoever shows it to translate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// They have this skill.
    Skill {
        /// The skill.
        skill: Code,
        /// Until when its paper counts, Unix milliseconds; it does not end if not given.
        until: Option<i64>,
    },
    /// Their paper for this skill runs out before the work is likely to be done.
    SkillEndsFirst {
        /// The skill.
        skill: Code,
        /// When, Unix milliseconds.
        until: i64,
    },
    /// Their van carries this part.
    Carries {
        /// The part.
        part: Code,
        /// How many.
        count: i64,
    },
    /// Their van does not carry enough of this part.
    Lacks {
        /// The part.
        part: Code,
        /// How many it has.
        count: i64,
        /// How many are wanted.
        wanted: u32,
    },
    /// Their shift ends.
    ShiftEnds {
        /// When, Unix milliseconds.
        at: i64,
        /// Seconds from when the work is likely to be done until then; negative for overtime.
        spare: Option<i64>,
    },
    /// They have to do something else first.
    Busy {
        /// When they can set off, Unix milliseconds.
        until: i64,
        /// Jobs that wait, the one under way not counted.
        waiting: u16,
    },
    /// Their phone has said nothing for longer than [`SILENT_SECONDS`].
    SilentSince {
        /// When it was last heard, Unix milliseconds.
        at: i64,
    },
    /// They declined this job.
    Declined {
        /// When, Unix milliseconds.
        at: i64,
    },
    /// They will be there before or after what was promised.
    Promise {
        /// Seconds from the likely arrival to the promise; negative if it will be broken.
        spare: i64,
    },
    /// Something is not known, and the rank is worse for it or blind to it.
    Unknown(Datum),
}

/// A datum that is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Datum {
    /// Where the job is.
    JobPlace,
    /// Where the technician is.
    Position,
    /// A way by the roads, although they are known: the travel time is by air.
    Way,
    /// Their shifts.
    Shifts,
    /// What they drive.
    Van,
    /// What their van carries.
    Stock,
    /// When the job under way will be done.
    EndOfCurrentJob,
    /// When their phone was last heard.
    LastHeard,
}

/// A phone that says nothing for so long is called silent, seconds.
pub const SILENT_SECONDS: i64 = 600;
/// What it is worth that a part has to be fetched, seconds.
const FETCH: i64 = 30 * 60;
/// What it is worth that a paper runs out before the work is done, seconds.
const PAPER: i64 = 60 * 60;
/// What it is worth that someone has already declined, seconds.
const DECLINED: i64 = 2 * 60 * 60;
/// Nothing that is not known is worth more, seconds.
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

/// What the rank comes from, seconds.
pub(crate) fn cost(reasons: &[Reason], eta: Option<&Eta>, now: i64) -> i64 {
    arrival(eta, now) + reasons.iter().map(worth).sum::<i64>()
}

/// What the reasons against someone are worth, without making the list: never less than nothing.
pub(crate) fn against(job: &Job, technician: &Technician, eta: Option<&Eta>, now: i64) -> i64 {
    let mut sum = 0;
    each(job, technician, eta, now, |reason| sum += worth(&reason));
    sum
}

/// The likely arrival and half of what it may be later.
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
        // The paper that lasts longest counts; none without an end is beaten.
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
