//! When a technician will be there, and how well that is known.

use super::model::Technician;
use crate::travel::{Air, Known, Leg};

/// How fast someone may have gone since they were last heard: 50 km/h, metres a second.
pub const SILENT_METRES_A_SECOND: f64 = 50.0 / 3.6;
/// Further than this nobody is looked for, metres: four hours of silence.
pub const MAX_RADIUS_METRES: f64 = 200_000.0;
/// How long a job takes when nobody knows, seconds.
pub const USUAL_WORK_SECONDS: i64 = 45 * 60;
/// More jobs than this before the next do not count.
const MAX_WAITING: u16 = 50;

/// When someone will be there, Unix milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Eta {
    /// At the earliest.
    pub early: i64,
    /// Probably.
    pub likely: i64,
    /// At the latest.
    pub late: i64,
    /// How far they may be from where they are thought to be, metres.
    pub radius: u32,
    /// When they can set off, Unix milliseconds: now, or when what they do before is done.
    pub sets_off: i64,
    /// Whether the travel time is by the roads.
    pub known: Known,
}

/// The arrival over a leg.
pub(crate) fn eta(technician: &Technician, leg: Leg, now: i64, air: &Air) -> Eta {
    let radius = radius(technician, now);
    let (wait, wait_doubt) = wait(technician, now);
    let travel = i64::from(leg.seconds);
    let far = (radius * air.pace.seconds_a_metre()).round() as i64;
    // By the roads a journey still differs from day to day, but less.
    let spread = air.pace.spread() * if leg.known == Known::Roads { 0.5 } else { 1.0 };
    let differs = (travel as f64 * spread).round() as i64;
    let doubt = far + differs;
    let at = |seconds: i64| now.saturating_add(seconds.saturating_mul(1_000));
    Eta {
        early: at((wait - wait_doubt).max(0) + (travel - doubt).max(0)),
        likely: at(wait + travel),
        late: at(wait + wait_doubt + travel + doubt),
        radius: radius.round() as u32,
        sets_off: at(wait),
        known: leg.known,
    }
}

/// How far they may be from where they are thought to set off, metres.
fn radius(technician: &Technician, now: i64) -> f64 {
    if technician.load.under_way.is_some_and(|it| it.place.is_some()) {
        return 0.0;
    }
    let Some(fix) = technician.last else { return MAX_RADIUS_METRES };
    // A phone whose clock is ahead was heard now.
    let silent = now.saturating_sub(fix.at).max(0) as f64 / 1_000.0;
    let accuracy = if fix.accuracy.is_finite() { fix.accuracy.max(0.0) } else { MAX_RADIUS_METRES };
    (accuracy + silent * SILENT_METRES_A_SECOND).min(MAX_RADIUS_METRES)
}

/// How long until they can set off, and how much that may be off, seconds.
fn wait(technician: &Technician, now: i64) -> (i64, i64) {
    let load = &technician.load;
    let (current, doubt) = match load.under_way {
        None => (0, 0),
        Some(it) => match it.done {
            Some(done) => {
                let left = (done.saturating_sub(now) / 1_000).clamp(0, 7 * 86_400);
                (left, left / 4)
            }
            None => (USUAL_WORK_SECONDS, USUAL_WORK_SECONDS / 2),
        },
    };
    let waiting = i64::from(load.waiting.min(MAX_WAITING)) * USUAL_WORK_SECONDS;
    (current + waiting, doubt + waiting / 2)
}
