//! Skills by the numbers that stand for them in the ranking, and its reasons by their names.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use dispatch::candidates::{self as rank, Reason};
use sync_core::job::Intake;
use sync_core::technician::{Certificate, Technician, plain_name};

use super::on_earth;
use super::view::CandidateReason;

/// Skills that jobs ask for, by the number that stands for each in the ranking.
#[derive(Debug, Default)]
pub struct Names {
    skills: Vec<String>,
    codes: BTreeMap<String, u32>,
}

impl Names {
    /// The skills of these jobs.
    pub fn of<'a>(jobs: impl IntoIterator<Item = &'a Intake>) -> Self {
        let mut names = Self::default();
        for skill in jobs.into_iter().flat_map(|job| &job.skills) {
            let code = names.skills.len() as u32;
            if *names.codes.entry(plain_name(skill)).or_insert(code) == code {
                names.skills.push(skill.clone());
            }
        }
        names
    }

    /// The number of a skill that is asked for, however it is written.
    pub(super) fn code(&self, skill: &str) -> Option<u32> {
        self.codes.get(&plain_name(skill)).copied()
    }

    /// For each skill that is asked for the paper that counts longest, else one that does not count now.
    pub(super) fn best_papers(&self, record: &Technician, now: i64) -> Vec<Certificate> {
        let asked = record.certificates.iter().filter_map(|it| Some((self.code(&it.skill)?, it)));
        let mut papers: Vec<_> = asked.collect();
        papers.sort_by_key(|(code, it)| {
            (*code, !it.is_in_date(now), Reverse(it.expires.unwrap_or(i64::MAX)))
        });
        papers.dedup_by_key(|(code, _)| *code);
        papers.into_iter().map(|(_, paper)| paper.clone()).collect()
    }

    /// A job as the ranking knows it.
    pub fn job(&self, job: &Intake, promised: Option<i64>) -> rank::Job {
        rank::Job {
            place: job.place.and_then(on_earth),
            skills: job.skills.iter().filter_map(|skill| self.code(skill)).collect(),
            promised,
            ..rank::Job::default()
        }
    }

    pub(super) fn reason(&self, reason: &Reason) -> Option<CandidateReason> {
        let named = |code: u32| self.skills.get(code as usize).cloned();
        Some(match *reason {
            Reason::Skill { skill, until } => {
                CandidateReason::Skill { skill: named(skill)?, expires_at: until }
            }
            Reason::SkillEndsFirst { skill, until } => {
                CandidateReason::SkillEndsFirst { skill: named(skill)?, expires_at: until }
            }
            Reason::ShiftEnds { at, spare } => {
                CandidateReason::ShiftEnds { at, spare_seconds: spare }
            }
            Reason::Busy { until, waiting } => {
                CandidateReason::Busy { sets_off_at: until, waiting }
            }
            Reason::SilentSince { at } => CandidateReason::SilentSince { at },
            Reason::Promise { spare } => CandidateReason::Promise { spare_seconds: spare },
            Reason::Unknown(datum) => CandidateReason::Unknown { which: datum.as_str() },
            // Nothing is said yet of what a job will use, and of who declined it.
            Reason::Carries { .. } | Reason::Lacks { .. } | Reason::Declined { .. } => return None,
        })
    }
}
