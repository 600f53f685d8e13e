//! Plays the day through once in the head: who gets which call, when he can start, and what the
//! office changes meanwhile. Everything happens in order of time, from a queue of what is due.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::crew::{Crew, Language};
use super::faults::Faults;
use super::visit::{self, Act, Step};
use super::{DeskAction, DeskEvent, HOUR, Job, MINUTE, Phone, Plan, Wishes, words};
use crate::calls::{Call, metres};
use crate::random::Random;

/// How long until a phone with coverage has surely heard of an assignment.
const HEARD: i64 = 5 * MINUTE;

/// What is due at a moment. The order of the variants breaks ties.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Call { job: usize },
    Assign { job: usize, not: Option<usize> },
    TakeAway { job: usize, from: usize },
    Cancel { job: usize },
    Roadside { technician: usize },
}

struct Dispatch<'a> {
    end_ms: i64,
    crew: Crew,
    jobs: Vec<Job>,
    phones: Vec<Phone>,
    desk: Vec<DeskEvent>,
    /// From when each technician has nothing more to do, and where he is then.
    free: Vec<(i64, (i64, i64))>,
    due: BinaryHeap<Reverse<(i64, Due)>>,
    random: &'a Random,
}

/// Makes the plan.
pub(super) fn dispatch(
    wishes: &Wishes,
    start_ms: i64,
    crew: Crew,
    jobs: Vec<Job>,
    faults: Faults,
    random: &Random,
) -> Plan {
    let end_ms = start_ms + (wishes.hours * HOUR as f64) as i64;
    let home = |t: &super::Technician| (start_ms, crew.branches[t.branch].place);
    let free = crew.technicians.iter().map(home).collect();
    let mut day = Dispatch {
        end_ms,
        due: BinaryHeap::new(),
        phones: faults.phones,
        desk: Vec::new(),
        free,
        crew,
        jobs,
        random,
    };
    day.play();
    let Dispatch { crew, jobs, mut phones, mut desk, .. } = day;
    desk.sort_by_key(|event| event.at_ms);
    phones.iter_mut().for_each(settle);
    let last = phones.iter().filter_map(|phone| phone.steps.last()).map(|step| step.at_ms).max();
    let back = phones.iter().filter_map(|p| p.outages.spans().last()).map(|span| span.1).max();
    let up = phones.iter().filter_map(|p| p.restarts.last()).map(|restart| restart.back_ms).max();
    let end_ms = [last, back, up].into_iter().flatten().fold(end_ms, i64::max) + 5 * MINUTE;
    Plan {
        seed: wishes.seed,
        start_ms,
        end_ms,
        branches: crew.branches,
        technicians: crew.technicians,
        parts: crew.parts,
        jobs,
        desk,
        phones,
    }
}

impl Dispatch<'_> {
    fn play(&mut self) {
        for (job, planned) in self.jobs.iter().enumerate() {
            self.due.push(Reverse((planned.call.reported_ms, Due::Call { job })));
        }
        for (technician, phone) in self.phones.iter().enumerate() {
            for (start, end) in phone.outages.spans() {
                if end - start > HOUR / 2 {
                    let at = start + 5 * MINUTE;
                    self.due.push(Reverse((at, Due::Roadside { technician })));
                }
            }
        }
        while let Some(Reverse((now, due))) = self.due.pop() {
            let mut random = self.random.fork(&format!("{now} {due:?}"));
            match due {
                Due::Call { job } => self.take(now, job, &mut random),
                Due::Assign { job, not } => self.assign(now, job, not, &mut random),
                Due::TakeAway { job, from } => self.take_away(now, job, from, &mut random),
                Due::Cancel { job } => {
                    self.act(now, DeskAction::Cancel { job, reason: "customer_cancelled" });
                }
                Due::Roadside { technician } => self.roadside(now, technician, &mut random),
            }
        }
    }

    fn act(&mut self, at_ms: i64, action: DeskAction) {
        self.desk.push(DeskEvent { at_ms, action });
    }

    fn later(&mut self, at_ms: i64, due: Due) {
        self.due.push(Reverse((at_ms, due)));
    }

    fn take(&mut self, now: i64, job: usize, random: &mut Random) {
        let promise_minutes = *random.pick(&[30, 45, 60, 90]);
        self.act(now, DeskAction::Take { job, promise_minutes });
        self.later(now + random.between(40_000, 4 * MINUTE), Due::Assign { job, not: None });
    }

    fn assign(&mut self, now: i64, job: usize, not: Option<usize>, random: &mut Random) {
        let Some((technician, ready, drive)) = self.best(now, job, not, false) else { return };
        if ready + drive > self.end_ms {
            return; // nobody can be there today; it stays on the board
        }
        self.act(now, DeskAction::Assign { job, technician });
        let steps = self.steps(job, technician, ready, drive, random);
        let Some(last) = steps.last().cloned() else { return };
        if matches!(last.act, Act::Declined { .. }) {
            // The office hears of it once the phone has coverage.
            let phone = &self.phones[technician];
            let heard = phone.outages.end_of(last.at_ms).unwrap_or(last.at_ms) + 2 * MINUTE;
            self.later(heard, Due::Assign { job, not: Some(technician) });
            return self.schedule(technician, steps, now, job);
        }
        let away = self.phones[technician].outages.spans().iter().copied().find(|(start, end)| {
            steps.iter().any(|step| (*start..*end).contains(&step.at_ms)) && end - start > HOUR / 4
        });
        if let Some((start, end)) = away {
            // In the middle of it, when the technician cannot know.
            let (from, to) = (start.max(now) + MINUTE, end.min(last.at_ms) - MINUTE);
            match random.between(0, 100) {
                _ if to <= from => {}
                0..30 => {
                    let at = random.between(from, to);
                    self.later(at, Due::TakeAway { job, from: technician });
                }
                30..50 => self.later(random.between(from, to), Due::Cancel { job }),
                _ => {}
            }
        } else if random.percent(4) {
            // Cancelled while everybody can hear of it: the technician turns round.
            let at = random.between(now + MINUTE, steps[0].at_ms.max(now + 2 * MINUTE) + 1);
            self.later(at, Due::Cancel { job });
            let heard: Vec<_> = steps.into_iter().filter(|s| s.at_ms < at + HEARD).collect();
            return self.schedule(technician, heard, now, job);
        }
        self.schedule(technician, steps, now, job);
    }

    /// Gives a job to someone else while the first technician works on it out of coverage.
    fn take_away(&mut self, now: i64, job: usize, from: usize, random: &mut Random) {
        let Some((technician, ready, drive)) = self.best(now, job, Some(from), true) else {
            return;
        };
        self.act(now, DeskAction::Assign { job, technician });
        // Once the first one is back everybody learns what he did, and the second one stops.
        let back = self.phones[from].outages.end_of(now).unwrap_or(now) + HEARD;
        let steps = self.steps(job, technician, ready, drive, random);
        let mut steps: Vec<_> = steps.into_iter().filter(|step| step.at_ms < back).collect();
        let (set_off, ended) = (|act: &Act| *act == Act::EnRoute, Act::ends);
        if steps.iter().any(|step| set_off(&step.act)) && !steps.iter().any(|s| ended(&s.act)) {
            let act = Act::Unsuccessful { reason: "other_provider" };
            steps.push(Step { at_ms: back, job, act });
        }
        self.schedule(technician, steps, now, job);
    }

    /// Someone waves at the roadside while the phone has no coverage.
    fn roadside(&mut self, now: i64, technician: usize, random: &mut Random) {
        if !random.percent(45) {
            return;
        }
        let (free, place) = self.free[technician];
        let from = free.max(now) + random.between(2 * MINUTE, 15 * MINUTE);
        if !self.phones[technician].outages.contains(from) {
            return;
        }
        let language = *random.pick(&[Language::Traditional, Language::Simplified]);
        let mut off = || random.between(-60_000, 60_000);
        let call = Call {
            line: 0,
            called_ms: from,
            reported_ms: from,
            place: Some((place.0 + off(), place.1 + off())),
            caller: Some(words::person(language, random)),
            phone: Some(words::phone(language, random)),
            plate: Some(words::plate(random)),
            problem: random.pick::<&str>(&["flat_tyre", "battery", "fuel", "overheating"]),
            remarks: String::new(),
            address: words::address(language, random),
        };
        let branch = self.crew.technicians[technician].branch;
        let vehicle = words::vehicle(language, random);
        self.jobs.push(Job { call, branch, vehicle, walk_up: true });
        let job = self.jobs.len() - 1;
        let steps = self.steps(job, technician, from, 0, random);
        self.schedule(technician, steps, from, job);
    }

    /// Who can be there first, from when he can start and how long he drives.
    fn best(
        &self,
        now: i64,
        job: usize,
        not: Option<usize>,
        must_hear: bool,
    ) -> Option<(usize, i64, i64)> {
        let place = self.place(job);
        (0..self.free.len())
            .filter(|technician| Some(*technician) != not)
            .filter_map(|technician| {
                let outages = &self.phones[technician].outages;
                // An assignment is heard at once, or when coverage is back.
                let soon = |at| outages.contains(at);
                let heard = match [now, now + HEARD].into_iter().find(|at| soon(*at)) {
                    Some(_) if must_hear => return None,
                    Some(at) => outages.end_of(at)? + HEARD,
                    None => now + HEARD,
                };
                let (free, from) = self.free[technician];
                let drive = drive_ms(from, place);
                Some((technician, free.max(heard), drive))
            })
            .min_by_key(|(technician, ready, drive)| (ready + drive, *technician))
    }

    fn steps(&self, job: usize, who: usize, from: i64, drive: i64, r: &mut Random) -> Vec<Step> {
        let (crew, planned) = (&self.crew, &self.jobs[job]);
        visit::steps((job, planned), &crew.technicians[who], &crew.parts, from, drive, r)
    }

    fn schedule(&mut self, technician: usize, steps: Vec<Step>, now: i64, job: usize) {
        let until = steps.last().map_or(now, |step| step.at_ms) + MINUTE;
        let free = self.free[technician].0.max(until);
        self.free[technician] = (free, self.place(job));
        self.phones[technician].steps.extend(steps);
    }

    /// Where a rescue is; one without a place is near its branch.
    fn place(&self, job: usize) -> (i64, i64) {
        let job = &self.jobs[job];
        job.call.place.unwrap_or(self.crew.branches[job.branch].place)
    }
}

/// At 36 km/h along streets a third longer than the straight line, 3 to 60 minutes.
fn drive_ms(from: (i64, i64), to: (i64, i64)) -> i64 {
    ((metres(from, to) * 1.33 / 10.0 * 1_000.0) as i64).clamp(3 * MINUTE, HOUR)
}

/// Puts the steps in order and moves those that fall into a crash behind it.
fn settle(phone: &mut Phone) {
    phone.steps.sort_by_key(|step| step.at_ms);
    for restart in &phone.restarts {
        let mut next = restart.back_ms + 5_000;
        for step in &mut phone.steps {
            if (restart.at_ms..next).contains(&step.at_ms) {
                step.at_ms = next;
                next += 1;
            }
        }
    }
}
