//! For each job: what a plan changes, why, and the cost of leaving it unchanged.

use super::model::Hold;
use super::outcome::{Plan, WhyUndone};
use super::problem::Problem;
use super::tour::Tour;

/// One job: before and after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// The visit.
    pub visit: usize,
    /// The shift that has it now.
    pub before: Option<usize>,
    /// The shift that does it in the plan.
    pub after: Option<usize>,
    /// When the work begins in the plan.
    pub begins: Option<i32>,
    /// The change.
    pub change: Change,
}

/// The change for a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Nothing.
    Keeps,
    /// It had no technician and now has one.
    New,
    /// Another technician does it.
    Moves(Why),
    /// Its technician no longer does it, and nobody else does.
    Drops(WhyUndone),
    /// It had no technician and still has none.
    StaysUndone(WhyUndone),
}

/// Why a job goes to another technician.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The present technician lacks the skills or tools.
    NotQualified,
    /// The present technician's van lacks the parts, given the rest of its plan.
    NoParts,
    /// The present technician has no time for it, given the rest of their plan.
    NoTime,
    /// The present technician could do it, at this extra travel cost.
    Costs(i64),
}

/// One row for each visit, in their order.
pub fn changes(problem: &Problem, plan: &Plan) -> Vec<Row> {
    let shift_of = plan.shift_of(problem);
    let mut begins = vec![None; shift_of.len()];
    for planned in plan.tours.iter().flatten() {
        begins[planned.visit] = Some(planned.begins);
    }
    let mut undone = vec![None; shift_of.len()];
    for it in &plan.undone {
        undone[it.visit] = Some(it.why);
    }
    let row = |visit: usize| {
        let before = problem.visits()[visit].hold.shift();
        let after = shift_of[visit];
        let why = || undone[visit].unwrap_or(WhyUndone::Full);
        let change = match (before, after) {
            (Some(before), Some(after)) if before != after => {
                Change::Moves(why_moved(problem, plan, visit, before, after))
            }
            (Some(_), Some(_)) => Change::Keeps,
            (None, Some(_)) => Change::New,
            (Some(_), None) => Change::Drops(why()),
            (None, None) => Change::StaysUndone(why()),
        };
        Row { visit, before, after, begins: begins[visit], change }
    };
    (0..shift_of.len()).map(row).collect()
}

/// Why a visit cannot stay with its present technician, with everything else as planned.
fn why_moved(problem: &Problem, plan: &Plan, visit: usize, before: usize, after: usize) -> Why {
    if !problem.allowed[visit].iter().any(|shift| usize::from(*shift) == before) {
        return Why::NotQualified;
    }
    let holder = tour_of(problem, plan, before, None);
    if !holder.has_parts(problem, visit) {
        return Why::NoParts;
    }
    let saved =
        tour_of(problem, plan, after, None).cost - tour_of(problem, plan, after, Some(visit)).cost;
    match cheapest(problem, &holder, before, visit) {
        None => Why::NoTime,
        Some(added) => {
            let moved = if problem.visits()[visit].hold == Hold::Given(before) {
                i64::from(problem.rules.move_price)
            } else {
                0
            };
            Why::Costs(added - (saved - moved))
        }
    }
}

fn tour_of(problem: &Problem, plan: &Plan, shift: usize, without: Option<usize>) -> Tour {
    let mut tour = Tour::new(problem, shift);
    for planned in plan.tours[shift].iter().skip(tour.fixed - 1) {
        if Some(planned.visit) != without {
            let after = tour.stops.len() - 2;
            tour.put(problem, planned.visit, after);
        }
    }
    tour.update(problem, shift);
    tour
}

/// The cost of adding a visit to a tour.
fn cheapest(problem: &Problem, tour: &Tour, shift: usize, visit: usize) -> Option<i64> {
    let it = &problem.visits[visit];
    let fits = |after: usize| {
        let (before, next) = (&tour.stops[after], &tour.stops[after + 1]);
        let there = problem.way(before.place as usize, it.place);
        let on = problem.way(it.place, next.place as usize);
        let begins = before.leaves.saturating_add(there.time).max(it.opens);
        let done = begins.saturating_add(it.service).saturating_add(on.time);
        let added = i64::from(there.cost) + i64::from(on.cost) - i64::from(next.leg);
        let price = i64::from(problem.price(visit, shift));
        (begins <= problem.closes[visit] && done <= next.latest).then_some(added + price)
    };
    (tour.fixed - 1..tour.stops.len() - 1).filter_map(fits).min()
}
