//! What one technician of a roster lacks for a job, and how an answer tells of them.

use dispatch::candidates as rank;
use dispatch::travel::Known;
use sync_core::job::Intake;
use sync_core::technician::Ineligible;

use super::view::{Arrival, Candidate, CandidateReason, LastPosition};
use super::{Names, Person};

impl Person {
    /// The requirements of a job that they do not meet: the rule of assigning. What a van that was not read
    /// carries is not missing.
    pub fn ineligible(&self, job: &Intake, now: i64) -> Vec<Ineligible> {
        let mut unmet = self.record.ineligible(job, &self.equipment, now);
        if self.has_unread_vans {
            unmet.retain(|it| !is_of_equipment(it));
        }
        unmet
    }

    /// What was not read of them and would count for a job.
    fn unread(&self, job: &Intake, now: i64) -> impl Iterator<Item = &'static str> + use<> {
        let unmet = self.record.ineligible(job, &self.equipment, now);
        let is_lacking = self.has_unread_vans && unmet.iter().any(is_of_equipment);
        let jobs = self.has_unread_jobs.then_some("jobs");
        is_lacking.then_some("equipment").into_iter().chain(jobs)
    }

    /// As an answer says it.
    pub fn candidate(
        &self,
        ranked: &rank::Candidate,
        names: &Names,
        job: &Intake,
        now: i64,
    ) -> Candidate {
        Candidate {
            technician: self.user.id,
            name: self.user.name.clone(),
            provider: self.provider.clone(),
            arrival: ranked.eta.zip(ranked.leg).map(|(eta, leg)| Arrival {
                earliest_at: eta.early,
                likely_at: eta.likely,
                latest_at: eta.late,
                sets_off_at: eta.sets_off,
                travel_seconds: leg.seconds,
                metres: leg.metres,
                by_road: leg.known == Known::Roads,
                radius_metres: eta.radius,
            }),
            position: self
                .seen
                .as_ref()
                .map(|seen| LastPosition { place: seen.point.place, at: seen.fixed_at }),
            reasons: ranked
                .reasons
                .iter()
                .filter_map(|reason| names.reason(reason))
                .chain(self.unread(job, now).map(|which| CandidateReason::Unknown { which }))
                .collect(),
        }
    }
}

fn is_of_equipment(unmet: &Ineligible) -> bool {
    matches!(unmet, Ineligible::EquipmentMissing(_))
}
