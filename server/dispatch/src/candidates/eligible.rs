//! Whether a technician may be sent at all: the same rule that the assignment applies.

use super::model::{Code, Job, Technician};

/// Why a technician is ineligible for a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ineligible {
    /// They no longer work here.
    Inactive,
    /// They are absent.
    Absent {
        /// Until when, Unix milliseconds.
        until: i64,
    },
    /// The time is outside their shifts.
    OffShift {
        /// When the next one begins, Unix milliseconds.
        next: Option<i64>,
    },
    /// They do not have this skill.
    SkillMissing(Code),
    /// No certificate for this skill is valid now.
    SkillOutOfDate {
        /// The skill.
        skill: Code,
        /// When the last certificate expired, Unix milliseconds; none if one starts later.
        since: Option<i64>,
    },
    /// Their van is not equipped with this.
    EquipmentMissing(Code),
    /// The job needs this equipment, and they drive no van.
    NoVan(Code),
}

/// All reasons against sending them at `now`.
pub fn ineligible(job: &Job, technician: &Technician, now: i64) -> Vec<Ineligible> {
    let mut why = Vec::new();
    why.extend(technician.inactive.then_some(Ineligible::Inactive));
    why.extend(away(technician, now));
    why.extend(job.skills.iter().filter_map(|skill| skill_lacks(technician, *skill, now)));
    why.extend(job.equipment.iter().filter_map(|what| match &technician.van {
        None => Some(Ineligible::NoVan(*what)),
        Some(van) if van.equipment.contains(what) => None,
        Some(_) => Some(Ineligible::EquipmentMissing(*what)),
    }));
    why
}

/// Whether there is no reason against them; without making the list.
pub(crate) fn is_eligible(job: &Job, technician: &Technician, now: i64) -> bool {
    !technician.inactive
        && away(technician, now).is_none()
        && job.skills.iter().all(|skill| skill_lacks(technician, *skill, now).is_none())
        && job
            .equipment
            .iter()
            .all(|what| technician.van.as_ref().is_some_and(|van| van.equipment.contains(what)))
}

fn away(technician: &Technician, now: i64) -> Option<Ineligible> {
    let absences = technician.absences.iter().filter(|absence| absence.covers(now));
    if let Some(until) = absences.map(|absence| absence.until).max() {
        return Some(Ineligible::Absent { until });
    }
    let shifts = &technician.shifts;
    if shifts.is_empty() || shifts.iter().any(|shift| shift.covers(now)) {
        return None;
    }
    let coming = shifts.iter().filter(|shift| shift.from > now && shift.until > shift.from);
    Some(Ineligible::OffShift { next: coming.map(|shift| shift.from).min() })
}

fn skill_lacks(technician: &Technician, skill: Code, now: i64) -> Option<Ineligible> {
    let papers = technician.certificates.iter().filter(|paper| paper.skill == skill);
    let (mut any, mut since) = (false, None);
    for paper in papers {
        if paper.counts(now) {
            return None;
        }
        any = true;
        since = since.max(paper.until.filter(|until| *until <= now));
    }
    Some(if any {
        Ineligible::SkillOutOfDate { skill, since }
    } else {
        Ineligible::SkillMissing(skill)
    })
}
