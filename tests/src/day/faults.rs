//! What goes wrong with phones: coverage lost for hours, crashes, clocks that are off.

use super::{HOUR, MINUTE, Phone, Restart, Wishes};
use crate::links::Outages;
use crate::random::Random;

const YEAR: i64 = 365 * 24 * HOUR;

/// What is going to happen to each phone.
pub(super) struct Faults {
    pub(super) phones: Vec<Phone>,
}

impl Faults {
    /// Draws one long outage and a few short ones a phone, crashes in and out of them, and clocks.
    pub(super) fn draw(wishes: &Wishes, start_ms: i64, random: &Random) -> Self {
        let length = (wishes.hours * HOUR as f64) as i64;
        let phones = (0..wishes.technicians)
            .map(|index| {
                let mut random = random.fork(&format!("faults {index}"));
                let outages = outages(wishes, start_ms, length, &mut random);
                Phone {
                    clock_off_ms: clock_off(index, &mut random),
                    restarts: restarts(&outages, start_ms, length, &mut random),
                    outages,
                    steps: Vec::new(),
                }
            })
            .collect();
        Self { phones }
    }
}

fn outages(wishes: &Wishes, start_ms: i64, length: i64, random: &mut Random) -> Outages {
    let total = ((wishes.outage_hours * HOUR as f64) as i64).min(length * 3 / 4);
    let long = total * random.between(75, 95) / 100;
    let from = length / 10;
    let to = (length - long - length / 10).max(from + 1);
    let begin = start_ms + random.between(from, to);
    let mut spans = vec![(begin, begin + long)];
    let mut left = total - long;
    while left > 0 {
        let short = random.between(MINUTE, 8 * MINUTE).min(left);
        let begin = start_ms + random.between(from, length - short);
        spans.push((begin, begin + short));
        left -= short;
    }
    Outages::new(spans)
}

fn restarts(outages: &Outages, start: i64, length: i64, random: &mut Random) -> Vec<Restart> {
    let mut restarts: Vec<Restart> = Vec::new();
    for _ in 0..random.between(0, 4) {
        let within = match outages.spans() {
            [] => (start + length / 20, start + length),
            spans if random.percent(60) => *random.pick(spans),
            _ => (start + length / 20, start + length),
        };
        let at_ms = random.between(within.0, within.1);
        let reboot = random.percent(30);
        let away = if reboot { (40_000, 6 * MINUTE) } else { (3_000, 60_000) };
        restarts.push(Restart { at_ms, back_ms: at_ms + random.between(away.0, away.1), reboot });
    }
    restarts.sort_by_key(|restart| restart.at_ms);
    restarts.dedup_by(|next, before| next.at_ms <= before.back_ms);
    restarts
}

/// Mostly seconds, sometimes minutes or hours; every seventeenth phone thinks it is years ago.
fn clock_off(index: usize, random: &mut Random) -> i64 {
    let sign = if random.percent(50) { 1 } else { -1 };
    match random.between(0, 10) {
        _ if index % 17 == 5 => -10 * YEAR,
        0 => sign * random.between(HOUR, 9 * HOUR),
        1 | 2 => sign * random.between(2 * MINUTE, 12 * MINUTE),
        _ => sign * random.between(0, 20_000),
    }
}
