//! When a technician will arrive, and how certain that is.

use super::model::Technician;
use crate::travel::{Air, Known, Leg};

/// The assumed speed of a technician since the last contact: 50 km/h, in metres a second.
pub const SILENT_METRES_A_SECOND: f64 = 50.0 / 3.6;
/// The greatest radius of uncertainty, metres: four hours of silence.
pub const MAX_RADIUS_METRES: f64 = 200_000.0;
/// How long a job takes if its duration is unknown, seconds.
pub const USUAL_WORK_SECONDS: i64 = 45 * 60;
/// More waiting jobs than this do not count.
const MAX_WAITING: u16 = 50;

/// An arrival time, Unix milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Eta {
    /// The earliest arrival.
    pub early: i64,
    /// The likely arrival.
    pub likely: i64,
    /// The latest arrival.
    pub late: i64,
    /// How far the technician may be from the assumed position, metres.
    pub radius: u32,
    /// When they can set off, Unix milliseconds: now, or when their earlier work is done.
    pub sets_off: i64,
    /// Whether the travel time is by road.
    pub known: Known,
}

/// The arrival over a leg.
pub(crate) fn eta(technician: &Technician, leg: Leg, now: i64, air: &Air) -> Eta {
    let radius = radius(technician, now);
    let (wait, wait_doubt) = wait(technician, now);
    let travel = i64::from(leg.seconds);
    let far = (radius * air.pace.seconds_a_metre()).round() as i64;
    // Journeys by road also differ from day to day, but less.
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

/// How far they may be from the assumed start, metres.
fn radius(technician: &Technician, now: i64) -> f64 {
    if technician.load.under_way.is_some_and(|it| it.place.is_some()) {
        return 0.0;
    }
    let Some(fix) = technician.last else { return MAX_RADIUS_METRES };
    // If the phone's clock is ahead, the contact counts as now.
    let silent = now.saturating_sub(fix.at).max(0) as f64 / 1_000.0;
    let accuracy = if fix.accuracy.is_finite() { fix.accuracy.max(0.0) } else { MAX_RADIUS_METRES };
    (accuracy + silent * SILENT_METRES_A_SECOND).min(MAX_RADIUS_METRES)
}

/// The time until they can set off, and its uncertainty, seconds.
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
