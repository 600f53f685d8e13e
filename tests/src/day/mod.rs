//! A working day planned in virtual time: everything that will happen, from a seed.
//!
//! The plan says who is called out where and when, who loses coverage, what is recorded on each
//! phone at which moment, which phones crash, and which jobs the office takes away from a
//! technician who cannot know it yet. The same seed and the same calls give the same plan, and
//! [`Plan::hash`] proves it. Nothing here touches a phone or a server: that is the demo's part.

mod crew;
mod dispatch;
mod faults;
mod invented;
mod pen;
mod visit;
mod words;

use serde::Serialize;
use sha2::{Digest, Sha256};

pub use crew::{Branch, Language, Part, Technician};
pub use pen::{Point, Stroke};
pub use visit::{Act, Step};

use crate::calls::Call;
use crate::links::Outages;
use crate::random::Random;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

/// What a day is made from.
#[derive(Debug, Clone)]
pub struct Wishes {
    /// Everything that is left open is drawn from this.
    pub seed: u64,
    /// How many technicians are on duty, 1 to 500.
    pub technicians: usize,
    /// How long the day is, hours; at least a quarter.
    pub hours: f64,
    /// How long each phone is without coverage, hours in all.
    pub outage_hours: f64,
}

/// A whole day.
#[derive(Debug, Clone, Serialize)]
pub struct Plan {
    /// From which seed.
    pub seed: u64,
    /// When it begins, Unix milliseconds.
    pub start_ms: i64,
    /// When the last planned thing has happened and every phone is back, Unix milliseconds.
    pub end_ms: i64,
    /// The stores of the dealership group.
    pub branches: Vec<Branch>,
    /// Who is on duty; everybody has one phone and one van.
    pub technicians: Vec<Technician>,
    /// What the vans carry.
    pub parts: Vec<Part>,
    /// Every rescue, walk-up jobs among them; other parts of the plan name them by position.
    pub jobs: Vec<Job>,
    /// What the office does, in order of time.
    pub desk: Vec<DeskEvent>,
    /// What happens on each phone, by technician.
    pub phones: Vec<Phone>,
}

/// One rescue.
#[derive(Debug, Clone, Serialize)]
pub struct Job {
    /// The call, with everything an imported one lacks made up.
    pub call: Call,
    /// The store it belongs to.
    pub branch: usize,
    /// The customer's vehicle in words.
    pub vehicle: String,
    /// Whether a technician meets it on the road and opens it on the phone.
    pub walk_up: bool,
}

/// Something the office does.
#[derive(Debug, Clone, Serialize)]
pub struct DeskEvent {
    /// When, Unix milliseconds.
    pub at_ms: i64,
    /// What.
    pub action: DeskAction,
}

/// What the office can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum DeskAction {
    /// Takes the call and promises an arrival.
    Take {
        /// The rescue.
        job: usize,
        /// Within how many minutes someone will be there.
        promise_minutes: i64,
    },
    /// Gives it to a technician; also to another one than before.
    Assign {
        /// The rescue.
        job: usize,
        /// Who.
        technician: usize,
    },
    /// Cancels it for the customer.
    Cancel {
        /// The rescue.
        job: usize,
        /// A word of the dictionary.
        reason: &'static str,
    },
}

/// The day of one phone.
#[derive(Debug, Clone, Serialize)]
pub struct Phone {
    /// When it has no coverage.
    pub outages: Outages,
    /// How far its clock is ahead of the true time, milliseconds.
    pub clock_off_ms: i64,
    /// When it crashes and comes back.
    pub restarts: Vec<Restart>,
    /// What is recorded on it, in order of time.
    pub steps: Vec<Step>,
}

/// A crash of a phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Restart {
    /// When it stops, Unix milliseconds.
    pub at_ms: i64,
    /// When the app runs again, Unix milliseconds.
    pub back_ms: i64,
    /// Whether the whole phone went down, so that it counts its time since boot again.
    pub reboot: bool,
}

impl Plan {
    /// Plans a day with these calls, or with made-up ones when there are none.
    ///
    /// From a longer list the busiest stretch of the wished length is taken, and from it as many
    /// calls as the technicians could attend to.
    pub fn new(wishes: &Wishes, calls: &[Call]) -> Self {
        let wishes = &Wishes {
            technicians: wishes.technicians.clamp(1, 500),
            hours: wishes.hours.clamp(0.25, 48.0),
            outage_hours: wishes.outage_hours.clamp(0.0, 47.0),
            ..wishes.clone()
        };
        let random = Random::new(wishes.seed);
        let (start_ms, calls) = invented::day(wishes, calls, &random);
        let places: Vec<_> = calls.iter().filter_map(|call| call.place).collect();
        let crew = crew::crew(wishes, &places, &random);
        let jobs = calls.into_iter().map(|call| invented::job(call, &crew, &random)).collect();
        let faults = faults::Faults::draw(wishes, start_ms, &random);
        dispatch::dispatch(wishes, start_ms, crew, jobs, faults, &random)
    }

    /// SHA-256 over the whole plan.
    pub fn hash(&self) -> [u8; 32] {
        // A plan holds no map and no float, so its JSON is the same everywhere.
        Sha256::digest(serde_json::to_vec(self).unwrap_or_default()).into()
    }

    /// How many facts the phones are going to save if nothing keeps them from it.
    pub fn steps(&self) -> usize {
        self.phones.iter().map(|phone| phone.steps.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn plan(seed: u64) -> Plan {
        let wishes = Wishes { seed, technicians: 8, hours: 8.0, outage_hours: 2.0 };
        Plan::new(&wishes, &[])
    }

    #[test]
    fn the_same_seed_gives_the_same_day_and_another_seed_another() {
        assert_eq!(plan(1).hash(), plan(1).hash());
        assert_ne!(plan(1).hash(), plan(2).hash());
    }

    #[test]
    fn a_day_has_everything_the_demo_is_to_show() {
        for seed in 1..6 {
            let plan = plan(seed);
            let steps = || plan.phones.iter().flat_map(|phone| &phone.steps);
            let count = |wanted: fn(&Act) -> bool| steps().filter(|s| wanted(&s.act)).count();
            assert!(plan.jobs.len() >= 40, "{}", plan.jobs.len());
            assert!(count(|act| matches!(act, Act::Completed { .. })) >= 20, "seed {seed}");
            assert!(count(|act| matches!(act, Act::Sign { .. })) >= 15, "seed {seed}");
            assert!(count(|act| matches!(act, Act::UsePart { .. })) >= 15, "seed {seed}");
            assert!(count(|act| matches!(act, Act::Check { .. })) >= 60, "seed {seed}");
            assert!(count(|act| matches!(act, Act::WalkUp)) >= 1, "seed {seed}");
            assert!(plan.phones.iter().all(|phone| !phone.outages.spans().is_empty()));
            assert!(plan.phones.iter().any(|phone| !phone.restarts.is_empty()));
            let offline = plan.phones.iter().flat_map(|phone| {
                phone.steps.iter().filter(|step| phone.outages.contains(step.at_ms))
            });
            assert!(offline.count() * 10 > plan.steps(), "little is done offline, seed {seed}");
        }
    }

    #[test]
    fn the_office_takes_jobs_away_from_technicians_who_cannot_know_it() {
        let mut crossed = BTreeSet::new();
        for seed in 1..6 {
            let plan = plan(seed);
            let mut holder = vec![None; plan.jobs.len()];
            for event in &plan.desk {
                let away = |job: usize| {
                    let technician: Option<usize> = holder[job];
                    technician.is_some_and(|t| plan.phones[t].outages.contains(event.at_ms))
                };
                match event.action {
                    DeskAction::Assign { job, technician } => {
                        if away(job) {
                            crossed.insert("reassigned");
                        }
                        holder[job] = Some(technician);
                    }
                    DeskAction::Cancel { job, .. } if away(job) => {
                        crossed.insert("cancelled");
                    }
                    _ => {}
                }
            }
        }
        assert_eq!(crossed.into_iter().collect::<Vec<_>>(), ["cancelled", "reassigned"]);
    }

    #[test]
    fn nothing_is_recorded_on_a_phone_while_it_is_down_and_all_is_in_order() {
        let plan = plan(3);
        assert!(plan.desk.is_sorted_by_key(|event| event.at_ms));
        for phone in &plan.phones {
            assert!(phone.steps.is_sorted_by_key(|step| step.at_ms));
            for restart in &phone.restarts {
                let down = restart.at_ms..restart.back_ms;
                assert!(phone.steps.iter().all(|step| !down.contains(&step.at_ms)));
            }
        }
    }

    #[test]
    fn calls_from_a_file_keep_their_time_place_and_words() {
        let call = |minute: i64| Call {
            line: minute as u64,
            called_ms: 1_500_000_000_000 + minute * MINUTE,
            reported_ms: 1_500_000_000_000 + minute * MINUTE,
            place: (minute % 3 != 0).then_some((400_000_000 + minute, -750_000_000)),
            caller: None,
            phone: None,
            plate: None,
            problem: "accident",
            remarks: "Traffic: VEHICLE ACCIDENT".into(),
            address: "MAIN ST".into(),
        };
        let calls: Vec<_> = (0..600).map(call).collect();
        let wishes = Wishes { seed: 1, technicians: 4, hours: 2.0, outage_hours: 0.5 };
        let plan = Plan::new(&wishes, &calls);
        let taken: Vec<_> = plan.jobs.iter().filter(|job| !job.walk_up).collect();
        assert!(!taken.is_empty() && taken.len() <= 12);
        for job in taken {
            let from = &calls[job.call.line as usize];
            assert_eq!(
                (job.call.reported_ms, &job.call.address),
                (from.reported_ms, &from.address)
            );
            assert_eq!(job.call.place, from.place);
            assert!(job.call.phone.is_some() && job.call.plate.is_some());
        }
    }
}
