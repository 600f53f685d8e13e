//! Who goes to a job best: ranked, with reasons and missing data.
//!
//! The caller passes only technicians who meet the job's requirements; which those are is no rule of this crate.
//! [`rank`] orders technicians by straight-line arrival. It requests road travel times only for the most
//! promising, and ranks those by arrival. The age of a position counts: a technician whose phone was last
//! heard twenty minutes ago may be seventeen kilometres away from there. Reasons are values, not sentences;
//! the user interface translates them.

mod eta;
mod model;
mod reasons;

pub use eta::{Eta, MAX_RADIUS_METRES, SILENT_METRES_A_SECOND, USUAL_WORK_SECONDS};
pub use model::{Certificate, Code, Fix, Job, Load, Span, Technician, UnderWay, Van};
pub use reasons::{Datum, Reason, SILENT_SECONDS};

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::error::{Refused, at_most};
use crate::place::Place;
use crate::travel::{Air, Leg, TravelTimes};

/// Greatest number of technicians.
pub const MAX_TECHNICIANS: usize = 100_000;
/// How many technicians get road travel times.
pub const NEAREST: usize = 50;
/// Greatest number of requirements of a job, and of rows of a technician, of each kind.
pub const MAX_ROWS: usize = 10_000;

/// A technician in the ranking.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// The index of the technician.
    pub technician: usize,
    /// The way to the job.
    pub leg: Option<Leg>,
    /// When they will arrive; none if the place of the job or of the technician is unknown.
    pub eta: Option<Eta>,
    /// Reasons for and against them, and missing data.
    pub reasons: Vec<Reason>,
    /// The rank, seconds: the likely arrival, half of its uncertainty, and the penalty of each reason
    /// against them. Only for comparison.
    pub cost: i64,
}

/// Ranks technicians for a job at `now` (Unix milliseconds), best first: at most [`NEAREST`].
///
/// # Errors
/// More technicians, or more rows of one, than the limits allow.
pub fn rank(
    job: &Job,
    technicians: &[Technician],
    now: i64,
    air: &Air,
    roads: Option<&dyn TravelTimes>,
) -> Result<Vec<Candidate>, Refused> {
    at_most("technicians", technicians.len(), MAX_TECHNICIANS)?;
    job.check()?;
    technicians.iter().try_for_each(Technician::check)?;
    let nearest = nearest(job, technicians, now, air);
    let ways = ways(job, technicians, &nearest, air, roads);
    let ranked = nearest.into_iter().zip(ways);
    let ranked = ranked.map(|(index, way)| candidate(job, technicians, index, way, now, air));
    let mut ranked: Vec<Candidate> = ranked.collect();
    ranked.sort_by_key(|it| (it.eta.is_none(), it.cost, it.technician));
    Ok(ranked)
}

/// The best technicians by straight line.
///
/// A reason only adds to the cost of the arrival. So technicians are examined in the order of their arrival
/// cost. The search ends when enough of them cost less than the arrival of the next.
fn nearest(job: &Job, technicians: &[Technician], now: i64, air: &Air) -> Vec<usize> {
    let arrival = |(index, technician): (usize, &Technician)| {
        let eta = by_air(job, technician, now, air);
        Reverse((eta.is_none(), reasons::arrival(eta.as_ref(), now), index))
    };
    let mut ahead: BinaryHeap<_> = technicians.iter().enumerate().map(arrival).collect();
    // The worst of the best is on top.
    let mut best = BinaryHeap::new();
    while let Some(Reverse(next)) = ahead.pop() {
        if best.len() == NEAREST && best.peek().is_some_and(|worst| *worst <= next) {
            break;
        }
        let (is_nowhere, arrival, index) = next;
        let technician = &technicians[index];
        let eta = by_air(job, technician, now, air);
        let against = reasons::against(job, technician, eta.as_ref(), now);
        best.push((is_nowhere, arrival + against, index));
        if best.len() > NEAREST {
            best.pop();
        }
    }
    best.into_iter().map(|(_, _, index)| index).collect()
}

/// One technician for one job.
pub(crate) fn candidate(
    job: &Job,
    technicians: &[Technician],
    index: usize,
    way: WayToJob,
    now: i64,
    air: &Air,
) -> Candidate {
    let technician = &technicians[index];
    let leg = way.leg;
    let eta = leg.map(|leg| eta::eta(technician, leg, now, air));
    let mut reasons = reasons::reasons(job, technician, eta.as_ref(), now);
    reasons.extend(way.off_road.then_some(Reason::Unknown(Datum::Way)));
    let cost = reasons::cost(&reasons, eta.as_ref(), now);
    Candidate { technician: index, leg, eta, reasons, cost }
}

fn by_air(job: &Job, technician: &Technician, now: i64, air: &Air) -> Option<Eta> {
    let (to, from) = job.place.zip(technician.starts_from())?;
    Some(eta::eta(technician, air.leg(&from, &to), now, air))
}

/// The cost of a pair, seconds: the cost of the rank, plus `late` for each second after the promised time.
pub(crate) fn pair_cost(
    job: &Job,
    technician: &Technician,
    way: WayToJob,
    late: i64,
    now: i64,
    air: &Air,
) -> i64 {
    let eta = way.leg.map(|leg| eta::eta(technician, leg, now, air));
    let spare = job.promised.zip(eta).map(|(by, eta)| by.saturating_sub(eta.likely) / 1_000);
    let broken = spare.map_or(0, |spare| spare.saturating_neg().clamp(0, 86_400));
    let eta = eta.as_ref();
    reasons::arrival(eta, now) + reasons::against(job, technician, eta, now) + late * broken
}

/// The way of one technician to a job.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct WayToJob {
    leg: Option<Leg>,
    /// The road travel times are known, and there is no way: the leg is a straight line.
    off_road: bool,
}

/// The ways of some technicians to a job, in their order.
pub(crate) fn ways(
    job: &Job,
    technicians: &[Technician],
    indexes: &[usize],
    air: &Air,
    roads: Option<&dyn TravelTimes>,
) -> Vec<WayToJob> {
    let Some(to) = job.place else { return vec![WayToJob::default(); indexes.len()] };
    let starts = indexes.iter().map(|index| technicians[*index].starts_from());
    let starts: Vec<Option<Place>> = starts.collect();
    let known: Vec<Place> = starts.iter().flatten().copied().collect();
    let mut by_road = roads.map(|roads| roads.to_one(&known, to).into_iter());
    let way = |start: Option<Place>| {
        let Some(start) = start else { return WayToJob::default() };
        match by_road.as_mut().map(|legs| legs.next().flatten()) {
            Some(Some(leg)) => WayToJob { leg: Some(leg), off_road: false },
            none => WayToJob { leg: Some(air.leg(&start, &to)), off_road: none.is_some() },
        }
    };
    starts.into_iter().map(way).collect()
}
