//! Whether a technician fits a job: at work, with the skills and the equipment it asks for.
//!
//! It never stops work that is done: a dispatcher is told before they send someone, and may send
//! them all the same.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::Technician;
use crate::job::Intake;

/// Whether a technician is at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Duty {
    /// In a shift.
    OnShift,
    /// In an absence.
    Absent,
    /// Outside their shifts.
    OffShift,
    /// They have no shift at all, so nobody knows.
    Unknown,
}

/// One requirement that a technician does not meet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "what", content = "which")]
pub enum Ineligible {
    /// They do not work any more.
    Inactive,
    /// They are absent.
    Absent,
    /// It is outside their shifts. Of technicians without any shift nobody knows, so it is not said.
    OffShift,
    /// They do not have this skill.
    SkillMissing(String),
    /// They had this skill, and its certificate has run out, or starts later.
    SkillOutOfDate(String),
    /// The van they drive does not carry this, or they drive none.
    EquipmentMissing(String),
}

impl Ineligible {
    /// The stable word.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Inactive => "inactive",
            Self::Absent => "absent",
            Self::OffShift => "off_shift",
            Self::SkillMissing(_) => "skill_missing",
            Self::SkillOutOfDate(_) => "skill_out_of_date",
            Self::EquipmentMissing(_) => "equipment_missing",
        }
    }

    /// It as a sentence.
    pub fn sentence(&self) -> String {
        match self {
            Self::Inactive => "The technician is deactivated.".to_owned(),
            Self::Absent => "The technician is absent.".to_owned(),
            Self::OffShift => "The technician is off shift.".to_owned(),
            Self::SkillMissing(skill) => format!("The technician lacks the skill {skill}."),
            Self::SkillOutOfDate(skill) => {
                format!("The technician's certificate for {skill} is not valid now.")
            }
            Self::EquipmentMissing(what) => format!("The technician's van does not carry {what}."),
        }
    }
}

impl Technician {
    /// Whether they are at work at `now` (Unix milliseconds).
    pub fn duty(&self, now: i64) -> Duty {
        if self.shifts.iter().any(|shift| shift.is_absence() && shift.covers(now)) {
            Duty::Absent
        } else if self.is_on_shift(now) {
            Duty::OnShift
        } else if self.shifts.iter().any(|shift| !shift.is_absence()) {
            Duty::OffShift
        } else {
            Duty::Unknown
        }
    }

    /// The requirements of this job that they do not meet at `now` (Unix milliseconds). `equipment` is
    /// what the vans they drive carry.
    pub fn ineligible(&self, job: &Intake, equipment: &[String], now: i64) -> Vec<Ineligible> {
        let mut ineligible = Vec::new();
        ineligible.extend((!self.active).then_some(Ineligible::Inactive));
        match self.duty(now) {
            Duty::Absent => ineligible.push(Ineligible::Absent),
            Duty::OffShift => ineligible.push(Ineligible::OffShift),
            Duty::OnShift | Duty::Unknown => {}
        }
        // Each skill with whether any paper for it is in date.
        let mut papers: HashMap<String, bool> = HashMap::new();
        for paper in self.certificates.iter().filter(|_| !job.skills.is_empty()) {
            *papers.entry(plain_name(&paper.skill)).or_default() |= paper.is_in_date(now);
        }
        for wanted in &job.skills {
            ineligible.extend(match papers.get(&plain_name(wanted)) {
                Some(true) => None,
                Some(false) => Some(Ineligible::SkillOutOfDate(wanted.clone())),
                None => Some(Ineligible::SkillMissing(wanted.clone())),
            });
        }
        let carried: HashSet<String> = equipment.iter().map(|it| plain_name(it)).collect();
        let missing = job.equipment.iter().filter(|wanted| !carried.contains(&plain_name(wanted)));
        ineligible.extend(missing.cloned().map(Ineligible::EquipmentMissing));
        ineligible
    }
}

/// A name of a skill or of equipment as it is compared. People write the same one in many ways: case,
/// and what stands between words, do not count.
pub fn plain_name(text: &str) -> String {
    let letters = text.chars().filter(|c| c.is_alphanumeric());
    letters.flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{FactId, UserId};
    use crate::technician::{Certificate, Shift};

    const NOW: i64 = 1_790_000_000_000;
    const HOUR: i64 = 3_600_000;

    fn technician() -> Technician {
        Technician {
            id: UserId::new(NOW, [1; 10]),
            name: None,
            phone: None,
            language: None,
            branch: None,
            provider: None,
            active: true,
            findings: Vec::new(),
            certificates: Vec::new(),
            shifts: Vec::new(),
            notes: Vec::new(),
        }
    }

    fn skilled(skill: &str, expires: Option<i64>) -> Certificate {
        let id = FactId::new(NOW, [2; 10]);
        Certificate { id, skill: skill.to_owned(), serial: None, starts: None, expires }
    }

    fn shift(kind: &str, starts: i64, ends: i64) -> Shift {
        Shift { id: FactId::new(NOW, [3; 10]), kind: Some(kind.to_owned()), starts, ends }
    }

    fn job(skills: &[&str], equipment: &[&str]) -> Intake {
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Intake { skills: list(skills), equipment: list(equipment), ..Intake::default() }
    }

    #[test]
    fn a_job_that_asks_for_nothing_is_for_everybody_of_whom_nothing_else_is_known() {
        assert_eq!(technician().ineligible(&job(&[], &[]), &[], NOW), []);
    }

    #[test]
    fn skills_count_while_their_certificate_is_in_date_however_they_are_written() {
        let mut one = technician();
        let wants = job(&["High-voltage", "towing"], &[]);
        let missing = |skill: &str| Ineligible::SkillMissing(skill.to_owned());
        assert_eq!(one.ineligible(&wants, &[], NOW), [missing("High-voltage"), missing("towing")]);
        one.certificates = vec![skilled("high voltage", Some(NOW)), skilled("Towing", None)];
        let late = Ineligible::SkillOutOfDate("High-voltage".to_owned());
        assert_eq!(one.ineligible(&wants, &[], NOW), [late]);
        assert_eq!(one.ineligible(&wants, &[], NOW - 1), []);
        // Renewed: the old paper does not count against the new one.
        one.certificates.push(skilled("high_voltage", Some(NOW + HOUR)));
        assert_eq!(one.ineligible(&wants, &[], NOW), []);
    }

    #[test]
    fn shifts_and_absences_count_where_someone_keeps_them() {
        let mut one = technician();
        one.shifts = vec![shift("shift", NOW + HOUR, NOW + 9 * HOUR)];
        assert_eq!(one.ineligible(&job(&[], &[]), &[], NOW), [Ineligible::OffShift]);
        assert_eq!(one.ineligible(&job(&[], &[]), &[], NOW + HOUR), []);
        one.shifts.push(shift("absence", NOW, NOW + 2 * HOUR));
        assert_eq!(one.ineligible(&job(&[], &[]), &[], NOW + HOUR), [Ineligible::Absent]);
        one.shifts = vec![shift("absence", NOW + HOUR, NOW + 2 * HOUR)];
        assert_eq!(one.ineligible(&job(&[], &[]), &[], NOW), [], "no shifts are kept of them");
        one.active = false;
        assert_eq!(one.ineligible(&job(&[], &[]), &[], NOW), [Ineligible::Inactive]);
    }

    #[test]
    fn equipment_is_what_their_van_carries() {
        let wants = job(&[], &["winch", "wheel lift"]);
        let lacks = technician().ineligible(&wants, &["Wheel-lift".to_owned()], NOW);
        assert_eq!(lacks, [Ineligible::EquipmentMissing("winch".to_owned())]);
    }
}
