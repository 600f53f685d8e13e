//! Whether a technician fits a job: at work, with the skills and the equipment it asks for.
//!
//! It never stops work that is done: a dispatcher is told before they send somebody, and may send
//! them all the same.

use serde::{Deserialize, Serialize};

use super::Technician;
use crate::job::Intake;

/// One thing that speaks against sending somebody.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "what", content = "which")]
pub enum Unfit {
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

impl Unfit {
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
            Self::Inactive => "They do not work any more.".to_owned(),
            Self::Absent => "They are absent.".to_owned(),
            Self::OffShift => "It is outside their shifts.".to_owned(),
            Self::SkillMissing(skill) => format!("They do not have the skill {skill}."),
            Self::SkillOutOfDate(skill) => format!("Their certificate for {skill} is not in date."),
            Self::EquipmentMissing(what) => format!("Their van does not carry {what}."),
        }
    }
}

impl Technician {
    /// What speaks against sending them to this job at `now` (Unix milliseconds). `equipment` is
    /// what the vans they drive carry.
    pub fn unfit(&self, job: &Intake, equipment: &[String], now: i64) -> Vec<Unfit> {
        let mut unfit = Vec::new();
        unfit.extend((!self.active).then_some(Unfit::Inactive));
        if self.shifts.iter().any(|shift| shift.is_absence() && shift.covers(now)) {
            unfit.push(Unfit::Absent);
        } else if self.shifts.iter().any(|shift| !shift.is_absence()) && !self.is_on_shift(now) {
            unfit.push(Unfit::OffShift);
        }
        let in_date = self.skills_at(now);
        for wanted in &job.skills {
            let ever = self.certificates.iter().any(|it| is_same(&it.skill, wanted));
            if in_date.iter().any(|skill| is_same(skill, wanted)) {
                continue;
            }
            let wanted = wanted.clone();
            unfit.push(match ever {
                true => Unfit::SkillOutOfDate(wanted),
                false => Unfit::SkillMissing(wanted),
            });
        }
        let carried = |wanted: &&String| !equipment.iter().any(|it| is_same(it, wanted));
        unfit.extend(job.equipment.iter().filter(carried).cloned().map(Unfit::EquipmentMissing));
        unfit
    }
}

/// People write the same name in many ways: case, and what stands between words, do not count.
fn is_same(one: &str, other: &str) -> bool {
    let plain = |text: &str| -> String {
        let letters = text.chars().filter(|c| c.is_alphanumeric());
        letters.flat_map(char::to_lowercase).collect()
    };
    plain(one) == plain(other)
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
        assert_eq!(technician().unfit(&job(&[], &[]), &[], NOW), []);
    }

    #[test]
    fn skills_count_while_their_certificate_is_in_date_however_they_are_written() {
        let mut one = technician();
        let wants = job(&["High-voltage", "towing"], &[]);
        let missing = |skill: &str| Unfit::SkillMissing(skill.to_owned());
        assert_eq!(one.unfit(&wants, &[], NOW), [missing("High-voltage"), missing("towing")]);
        one.certificates = vec![skilled("high voltage", Some(NOW)), skilled("Towing", None)];
        let late = Unfit::SkillOutOfDate("High-voltage".to_owned());
        assert_eq!(one.unfit(&wants, &[], NOW), [late]);
        assert_eq!(one.unfit(&wants, &[], NOW - 1), []);
        // Renewed: the old paper does not count against the new one.
        one.certificates.push(skilled("high_voltage", Some(NOW + HOUR)));
        assert_eq!(one.unfit(&wants, &[], NOW), []);
    }

    #[test]
    fn shifts_and_absences_count_where_somebody_keeps_them() {
        let mut one = technician();
        one.shifts = vec![shift("shift", NOW + HOUR, NOW + 9 * HOUR)];
        assert_eq!(one.unfit(&job(&[], &[]), &[], NOW), [Unfit::OffShift]);
        assert_eq!(one.unfit(&job(&[], &[]), &[], NOW + HOUR), []);
        one.shifts.push(shift("absence", NOW, NOW + 2 * HOUR));
        assert_eq!(one.unfit(&job(&[], &[]), &[], NOW + HOUR), [Unfit::Absent]);
        one.shifts = vec![shift("absence", NOW + HOUR, NOW + 2 * HOUR)];
        assert_eq!(one.unfit(&job(&[], &[]), &[], NOW), [], "no shifts are kept of them");
        one.active = false;
        assert_eq!(one.unfit(&job(&[], &[]), &[], NOW), [Unfit::Inactive]);
    }

    #[test]
    fn equipment_is_what_their_van_carries() {
        let wants = job(&[], &["winch", "wheel lift"]);
        let lacks = technician().unfit(&wants, &["Wheel-lift".to_owned()], NOW);
        assert_eq!(lacks, [Unfit::EquipmentMissing("winch".to_owned())]);
    }
}
