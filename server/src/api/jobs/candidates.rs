//! Who could go to a job: ranked, with what speaks for and against each, and who does not meet its requirements.
//!
//! Eligibility is the rule that assigning asks ([`Technician::ineligible`]); the order and the arrival are
//! those of the `dispatch` crate. Nothing here keeps a dispatcher from sending someone else.

mod read;
mod view;

use std::collections::BTreeMap;

use axum::extract::State;
use dispatch::candidates::{self as rank, Fix, Reason, Span};
use dispatch::travel::{Air, Known, Pace};
use sync_core::document::Document;
use sync_core::id::{JobId, UserId};
use sync_core::job::{Intake, Job};
use sync_core::technician::{Ineligible, Technician, plain_name};

use self::read::{Roster, on_earth};
use self::view::{
    Arrival, Candidate, CandidateReason, Candidates, IneligibleCandidate, LastPosition, Unmet,
};
use super::find;
use crate::api::bounded::fold;
use crate::app::App;
use crate::auth::Staff;
use crate::http::{Id, Json, Problem};

/// Shifts and absences of one technician that count, those that begin first.
const SHIFTS: usize = 500;

/// Technicians for a job, best first, with what speaks for and against each.
///
/// Eligibility is decided as for assigning. The arrival carries the age of the position: the longer nothing
/// was heard, the wider its range. Staff of one branch see its own technicians, and those without one.
#[utoipa::path(
    get, path = "/v1/jobs/{id}/candidates", tag = "jobs", operation_id = "list_candidates",
    params(("id" = inline(JobId), Path, description = "The job.")),
    responses((status = 200, body = Candidates)),
)]
pub async fn candidates(
    State(app): State<App>,
    caller: Staff,
    Id(id): Id<JobId>,
) -> Result<Json<Candidates>, Problem> {
    let (document, _) = find(&app, &caller, id).await?;
    let job = fold(Box::new(document), Job::of).await?;
    let known = Roster::read(&app, &caller, &job).await?;
    let answer = tokio::task::spawn_blocking(move || known.answer(&job));
    answer.await.map_err(Problem::internal)?.map(Json)
}

impl Roster {
    fn answer(mut self, job: &Job) -> Result<Candidates, Problem> {
        let now = self.now;
        let mut names = Names::of(&job.intake);
        let (mut fit, mut technicians) = (Vec::new(), Vec::new());
        let mut ineligible = Vec::new();
        for user in std::mem::take(&mut self.people) {
            let record = self.records.remove(&user.id);
            let record = record.unwrap_or_else(|| Technician::of(&Document::new(user.id.into())));
            let record = Technician { active: user.active, ..record };
            let equipment = self.equipment.get(&user.id).map_or(&[][..], Vec::as_slice);
            let mut unmet = record.ineligible(&job.intake, equipment, now);
            let mut unknown = Vec::new();
            if self.unread_vans.contains(&user.id) {
                // What a van that was not read carries is not missing.
                let before = unmet.len();
                unmet.retain(|it| !matches!(it, Ineligible::EquipmentMissing(_)));
                unknown.extend((unmet.len() < before).then_some("equipment"));
            }
            unknown.extend(self.unread_jobs.contains(&user.id).then_some("jobs"));
            let provider = record.provider.clone();
            if unmet.is_empty() {
                technicians.push(self.technician(user.id, &record, &mut names));
                fit.push((user, provider, unknown));
                continue;
            }
            let position = self.positions.get(&user.id).map(|seen| seen.point.place);
            let metres = job.intake.place.zip(position).map(|(to, from)| to.distance_m(&from));
            ineligible.push(IneligibleCandidate {
                technician: user.id,
                name: user.name,
                provider,
                unmet: unmet.iter().map(Unmet::of).collect(),
                metres: metres.map(|metres| metres.round() as u32),
            });
        }
        let considered = fit.len() + ineligible.len();
        ineligible.sort_by_key(|one| (one.metres.unwrap_or(u32::MAX), one.technician));
        ineligible.truncate(rank::NEAREST);
        let air = Air { pace: Pace::default() };
        let wanted = names.job(job);
        let found =
            rank::rank(&wanted, &technicians, now, &air, None).map_err(Problem::internal)?;
        let ranked = found.ranked.into_iter().map(|one| {
            let (user, provider, unknown) = &fit[one.technician];
            let seen = self.positions.get(&user.id);
            Candidate {
                technician: user.id,
                name: user.name.clone(),
                provider: provider.clone(),
                arrival: one.eta.zip(one.leg).map(|(eta, leg)| Arrival {
                    earliest_at: eta.early,
                    likely_at: eta.likely,
                    latest_at: eta.late,
                    sets_off_at: eta.sets_off,
                    travel_seconds: leg.seconds,
                    metres: leg.metres,
                    by_road: leg.known == Known::Roads,
                    radius_metres: eta.radius,
                }),
                position: seen
                    .map(|seen| LastPosition { place: seen.point.place, at: seen.fixed_at }),
                reasons: one
                    .reasons
                    .iter()
                    .filter_map(|reason| names.reason(reason))
                    .chain(unknown.iter().map(|&which| CandidateReason::Unknown { which }))
                    .collect(),
            }
        });
        let more = self.more;
        Ok(Candidates { at: now, ranked: ranked.collect(), ineligible, considered, more })
    }

    /// A technician as the ranking knows one. Their van is not: what it must carry was asked before.
    fn technician(&self, user: UserId, record: &Technician, names: &mut Names) -> rank::Technician {
        let seen = self.positions.get(&user);
        let to_come = record.shifts.iter().filter(|shift| shift.ends > self.now).take(SHIFTS);
        let (absences, shifts): (Vec<_>, Vec<_>) = to_come.partition(|shift| shift.is_absence());
        let spans = |of: Vec<&sync_core::technician::Shift>| {
            of.into_iter().map(|it| Span { from: it.starts, until: it.ends }).collect()
        };
        let certificates = record.certificates.iter().filter_map(|paper| {
            let skill = names.code(&paper.skill)?;
            Some(rank::Certificate { skill, from: paper.starts, until: paper.expires })
        });
        rank::Technician {
            last: seen.and_then(|seen| {
                let accuracy = seen.point.accuracy.unwrap_or(0) as f64 / 10.0;
                Some(Fix { place: on_earth(seen.point.place)?, at: seen.fixed_at, accuracy })
            }),
            certificates: certificates.collect(),
            shifts: spans(shifts),
            absences: spans(absences),
            load: self.loads.get(&user).copied().unwrap_or_default(),
            heard: seen.map(|seen| seen.received_at),
            ..rank::Technician::default()
        }
    }
}

/// Skills that the job asks for, by the number that stands for each in the ranking.
struct Names {
    skills: Vec<String>,
    codes: BTreeMap<String, u32>,
}

impl Names {
    fn of(job: &Intake) -> Self {
        let plain = job.skills.iter().map(|skill| plain_name(skill));
        Self { codes: plain.zip(0..).collect(), skills: job.skills.clone() }
    }

    /// The number of a skill that is asked for, however it is written.
    fn code(&self, skill: &str) -> Option<u32> {
        self.codes.get(&plain_name(skill)).copied()
    }

    fn job(&self, job: &Job) -> rank::Job {
        rank::Job {
            place: job.intake.place.and_then(on_earth),
            skills: self.codes.values().copied().collect(),
            promised: job.promise.eta_by,
            ..rank::Job::default()
        }
    }

    fn reason(&self, reason: &Reason) -> Option<CandidateReason> {
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

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use store::rows::users::User;
    use sync_core::id::FactId;
    use sync_core::technician::{Certificate, Shift};

    use super::read::relevant;
    use super::*;
    use crate::auth::Role;

    const NOW: i64 = 1_790_000_000_000;
    const HOUR: i64 = 3_600_000;

    fn user(number: u8) -> User {
        User {
            id: UserId::new(NOW, [number; 10]),
            login: format!("t{number}"),
            name: format!("{number}"),
            role: Role::Technician,
            branch: None,
            language: "en".to_owned(),
            active: !number.is_multiple_of(11),
            deactivated_at: None,
            has_password: false,
            version: 1,
            created_at: NOW,
        }
    }

    /// Papers, shifts and absences of every kind, by the number of the technician.
    fn record(number: u8) -> Technician {
        let mut record = Technician::of(&Document::new(user(number).id.into()));
        let id = FactId::new(NOW, [number; 10]);
        let paper = |skill: &str, starts, expires| Certificate {
            id,
            skill: skill.to_owned(),
            serial: None,
            starts,
            expires,
        };
        record.certificates = match number % 5 {
            0 => vec![],
            1 => vec![paper("TOWING", None, None)],
            2 => vec![paper("towing", None, Some(NOW))],
            3 => vec![paper("towing", Some(NOW + 1), None)],
            _ => vec![paper("to-wing", Some(NOW), Some(NOW + 1)), paper("tires", None, None)],
        };
        let shift =
            |kind: &str, starts, ends| Shift { id, kind: Some(kind.to_owned()), starts, ends };
        record.shifts = match number / 5 % 6 {
            0 => vec![],
            1 => vec![shift("shift", NOW - HOUR, NOW + HOUR)],
            2 => vec![shift("shift", NOW - HOUR, NOW)],
            3 => vec![shift("absence", NOW - HOUR, NOW + HOUR)],
            4 => vec![shift("shift", NOW - HOUR, NOW + HOUR), shift("absence", NOW, NOW + 1)],
            _ => vec![shift("shift", NOW + HOUR, NOW + 2 * HOUR)],
        };
        record
    }

    #[test]
    fn the_ranking_has_everybody_whom_the_rule_of_assigning_lets_go_and_nobody_else() {
        for number in 0..=255 {
            let job = JobId::new(NOW, [1; 10]);
            let mut job = Job::of(&Document::new(job.into()));
            job.intake.skills = vec!["Towing".to_owned()];
            let roster = Roster {
                now: NOW,
                records: HashMap::from([(user(number).id, relevant(record(number)))]),
                people: vec![user(number)],
                ..Roster::default()
            };
            let found = roster.answer(&job).expect("it is one technician");
            let active = user(number).active;
            let unmet = Technician { active, ..record(number) }.ineligible(&job.intake, &[], NOW);
            assert_eq!(found.ranked.is_empty(), !unmet.is_empty(), "{number}");
            assert_eq!(found.ineligible.len() + found.ranked.len(), 1, "{number}");
        }
    }
}
