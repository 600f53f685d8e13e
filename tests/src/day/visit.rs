//! One technician at one rescue: the steps from accepting it to the customer's signature.

use serde::Serialize;

use super::crew::{Part, Technician};
use super::pen::{self, Stroke};
use super::{Job, MINUTE, words};
use crate::random::Random;

/// One thing recorded on a phone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// When, Unix milliseconds of the true time.
    pub at_ms: i64,
    /// At which rescue.
    pub job: usize,
    /// What.
    pub act: Act,
}

/// What a technician can record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Act {
    /// Opens the rescue on the phone: someone waved at the roadside.
    WalkUp,
    /// Takes the job.
    Accepted,
    /// Does not take it, with a word of the dictionary.
    Declined {
        /// Why.
        reason: &'static str,
    },
    /// Sets off.
    EnRoute,
    /// Is there.
    OnScene,
    /// Begins.
    Working,
    /// Leaves with the vehicle.
    InTow {
        /// Where to.
        destination: String,
    },
    /// Is there with the vehicle.
    AtDestination {
        /// Who takes the vehicle.
        recipient: String,
    },
    /// A photo; its bytes stay on the phone.
    Photo {
        /// before, damage or drop_off.
        stage: &'static str,
    },
    /// A step of the checklist.
    Check {
        /// Which, a word of the dictionary.
        step: &'static str,
        /// How it went, a word of the dictionary.
        result: &'static str,
    },
    /// The odometer, kilometres.
    Odometer {
        /// Reading.
        km: i64,
    },
    /// What was found, caused or done.
    Finding {
        /// `diagnosis`, `cause` or `correction`.
        kind: &'static str,
        /// In words.
        text: &'static str,
    },
    /// A part out of the van.
    UsePart {
        /// Which of the catalogue.
        part: usize,
        /// How much, thousandths.
        quantity: i64,
    },
    /// A remark.
    Note {
        /// In words.
        text: String,
    },
    /// The customer signs for what is on the screen.
    Sign {
        /// Who.
        name: String,
        /// In which role, a word of the dictionary.
        role: &'static str,
        /// The pen.
        strokes: Vec<Stroke>,
    },
    /// Done.
    Completed {
        /// Why nobody signed, if nobody did.
        unsigned: Option<&'static str>,
    },
    /// Nobody there.
    Goa {
        /// How often the caller was called.
        attempts: i64,
    },
    /// It could not be done.
    Unsuccessful {
        /// Why, a word of the dictionary.
        reason: &'static str,
    },
}

impl Act {
    /// Whether the technician has done with the rescue after this.
    pub fn ends(&self) -> bool {
        matches!(
            self,
            Self::Declined { .. }
                | Self::Completed { .. }
                | Self::Goa { .. }
                | Self::Unsuccessful { .. }
        )
    }
}

const SAFETY: [&str; 6] =
    ["hi_vis", "hazard_lights", "cones", "area_safe", "engine_off", "handbrake"];
const AFTER: [&str; 2] = ["torque_checked", "tools_cleared"];

/// The steps of a visit that begins at `from`, `drive_ms` away; the last one ends it.
pub(super) fn steps(
    (number, job): (usize, &Job),
    who: &Technician,
    parts: &[Part],
    from: i64,
    drive_ms: i64,
    random: &mut Random,
) -> Vec<Step> {
    let mut visit = Visit { job: number, now: from, steps: Vec::new() };
    if job.walk_up {
        visit.add(0, Act::WalkUp);
    } else {
        visit.add(random.between(10_000, 3 * MINUTE), Act::Accepted);
        if random.percent(3) {
            // A mind changed before setting off; the office finds someone else.
            visit.steps.pop();
            let reason = random.pick(&["too_far", "out_of_shift", "vehicle_unsafe"]);
            visit.add(20_000, Act::Declined { reason });
            return visit.steps;
        }
        visit.add(random.between(20_000, 4 * MINUTE), Act::EnRoute);
        visit.add(drive_ms, Act::OnScene);
    }
    if !job.walk_up && random.percent(5) {
        visit.add(10 * MINUTE, Act::Note { text: words::remark(who.language, random) });
        visit.add(MINUTE, Act::Goa { attempts: random.between(2, 5) });
        return visit.steps;
    }
    for step in SAFETY {
        let result = if random.percent(94) { "pass" } else { "not_applicable" };
        visit.add(random.between(3_000, 25_000), Act::Check { step, result });
    }
    if random.percent(95) {
        visit.add(random.between(5_000, 30_000), Act::Photo { stage: "before" });
    }
    visit.add(random.between(30_000, 2 * MINUTE), Act::Working);
    visit.add(20_000, Act::Odometer { km: random.between(1_000, 280_000) });
    let [diagnosis, cause, correction] = words::findings(job.call.problem);
    visit.add(random.between(1, 6) * MINUTE, Act::Finding { kind: "diagnosis", text: diagnosis });
    if random.percent(4) {
        visit.add(8 * MINUTE, Act::Unsuccessful { reason: "no_part" });
        return visit.steps;
    }
    visit.add(random.between(1, 5) * MINUTE, Act::Finding { kind: "cause", text: cause });
    for (part, quantity) in chosen(job, parts, random) {
        visit.add(random.between(20_000, 4 * MINUTE), Act::UsePart { part, quantity });
    }
    if random.percent(60) {
        visit.add(MINUTE, Act::Note { text: words::remark(who.language, random) });
    }
    visit
        .add(random.between(3, 15) * MINUTE, Act::Finding { kind: "correction", text: correction });
    for step in AFTER {
        visit.add(random.between(5_000, 40_000), Act::Check { step, result: "pass" });
    }
    if matches!(job.call.problem, "accident" | "tow" | "brakes" | "stuck") && random.percent(70) {
        let destination = words::address(who.language, random);
        visit.add(random.between(5_000, 30_000), Act::Photo { stage: "damage" });
        visit.add(random.between(4, 12) * MINUTE, Act::InTow { destination });
        let recipient = "workshop reception".to_owned();
        visit.add(random.between(10, 30) * MINUTE, Act::AtDestination { recipient });
        if random.percent(90) {
            visit.add(random.between(5_000, 30_000), Act::Photo { stage: "drop_off" });
        }
    }
    let unsigned = match random.between(0, 100) {
        0..7 => Some("customer_absent"),
        7..11 => Some("customer_refused"),
        _ => None,
    };
    if unsigned.is_none() {
        let name = job.call.caller.clone().unwrap_or_default();
        let role = *random.pick(&["owner", "driver", "customer"]);
        let strokes = pen::signature(random);
        visit.add(random.between(MINUTE, 4 * MINUTE), Act::Sign { name, role, strokes });
    }
    visit.add(random.between(10_000, 90_000), Act::Completed { unsigned });
    visit.steps
}

struct Visit {
    job: usize,
    now: i64,
    steps: Vec<Step>,
}

impl Visit {
    fn add(&mut self, after: i64, act: Act) {
        self.now += after;
        self.steps.push(Step { at_ms: self.now, job: self.job, act });
    }
}

fn chosen(job: &Job, parts: &[Part], random: &mut Random) -> Vec<(usize, i64)> {
    let fits = |part: &Part| part.against.is_empty() || part.against.contains(&job.call.problem);
    let fitting: Vec<_> = (0..parts.len()).filter(|part| fits(&parts[*part])).collect();
    fitting
        .into_iter()
        .filter_map(|part| {
            let quantity = match parts[part].unit {
                "litre" => random.between(500, 10_000),
                _ => 1_000,
            };
            random.percent(65).then_some((part, quantity))
        })
        .collect()
}
