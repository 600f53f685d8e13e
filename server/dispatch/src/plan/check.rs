//! Checks whether a plan keeps every rule, from the input alone and without any code of the search.

use super::model::{Code, Hold, Shift, Visit};
use super::outcome::Plan;
use super::problem::Problem;

/// A violated rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The number of tours differs from the number of shifts.
    #[error("there are not as many tours as shifts")]
    Tours,
    /// A visit is missing, is there twice, or does not exist.
    #[error("visit {0} is not there exactly once")]
    NotOnce(usize),
    /// The technician lacks a skill or a tool.
    #[error("visit {0} is done without the skills and tools")]
    NotQualified(usize),
    /// The van does not have the parts for all its visits.
    #[error("shift {0} uses more parts than its van has")]
    Parts(usize),
    /// The times of a visit do not follow from the visits before it.
    #[error("visit {0} has wrong times")]
    Times(usize),
    /// The work begins outside the window.
    #[error("visit {0} begins outside its window")]
    Window(usize),
    /// The shift ends before all its work is done.
    #[error("shift {0} is not done in time")]
    ShiftEnds(usize),
    /// A job under way was moved, or an offered job is done by another technician.
    #[error("visit {0} is taken from who has it")]
    Taken(usize),
    /// The cost is not the sum of travel and moves.
    #[error("the cost is {0}")]
    Cost(i64),
}

/// Checks a plan.
///
/// # Errors
/// The first violated rule.
pub fn check(problem: &Problem, plan: &Plan) -> Result<(), Fault> {
    if plan.tours.len() != problem.shifts().len() {
        return Err(Fault::Tours);
    }
    once_each(problem, plan)?;
    let mut cost = 0;
    for shift in 0..plan.tours.len() {
        cost += tour(problem, plan, shift)?;
    }
    if cost == plan.cost { Ok(()) } else { Err(Fault::Cost(cost)) }
}

fn once_each(problem: &Problem, plan: &Plan) -> Result<(), Fault> {
    let mut seen = vec![false; problem.visits().len()];
    let done = plan.tours.iter().flatten().map(|planned| planned.visit);
    for visit in done.chain(plan.undone.iter().map(|undone| undone.visit)) {
        match seen.get_mut(visit) {
            Some(seen) if !*seen => *seen = true,
            _ => return Err(Fault::NotOnce(visit)),
        }
    }
    seen.iter().position(|seen| !seen).map_or(Ok(()), |visit| Err(Fault::NotOnce(visit)))?;
    let held = plan
        .undone
        .iter()
        .find(|undone| matches!(problem.visits()[undone.visit].hold, Hold::UnderWay(_)));
    held.map_or(Ok(()), |undone| Err(Fault::Taken(undone.visit)))
}

/// Checks one tour and returns its cost.
fn tour(problem: &Problem, plan: &Plan, index: usize) -> Result<i64, Fault> {
    let shift = &problem.shifts()[index];
    let tour = &plan.tours[index];
    let visits: Vec<&Visit> = tour.iter().map(|planned| &problem.visits()[planned.visit]).collect();
    let mut cost = 0_i64;
    let (mut place, mut time) = (shift.start, i64::from(shift.from));
    // A visit under way may end after the shift, and so may the way home.
    let mut excused = i64::from(shift.until);
    for (at, (planned, visit)) in tour.iter().zip(&visits).enumerate() {
        let way = problem.way(place, visit.place);
        let arrives = time + i64::from(way.time);
        let begins = arrives.max(visit.opens.into());
        let leaves = begins + i64::from(visit.service);
        let said = [planned.arrives, planned.begins, planned.leaves].map(i64::from);
        if said != [arrives, begins, leaves] {
            return Err(Fault::Times(planned.visit));
        }
        let under_way = visit.hold == Hold::UnderWay(index);
        held(visit, planned.visit, index, at)?;
        if !under_way && begins > i64::from(visit.closes) {
            return Err(Fault::Window(planned.visit));
        }
        if !under_way && !visit.needs.iter().all(|need| shift.has.contains(need)) {
            return Err(Fault::NotQualified(planned.visit));
        }
        cost += i64::from(way.cost);
        if matches!(visit.hold, Hold::Given(now) if now != index) {
            cost += i64::from(problem.rules.move_price);
        }
        (place, time) = (visit.place, leaves);
        if under_way {
            excused = excused.max(leaves + i64::from(problem.way(place, problem.end(index)).time));
        }
    }
    let home = problem.way(place, problem.end(index));
    let ends = time + i64::from(home.time);
    if ends > excused && !tour.is_empty() {
        return Err(Fault::ShiftEnds(index));
    }
    parts(shift, &visits, index)?;
    Ok(cost + i64::from(home.cost))
}

/// Whether the visit may be at its position.
fn held(visit: &Visit, number: usize, shift: usize, at: usize) -> Result<(), Fault> {
    let stays = match visit.hold {
        Hold::Nobody | Hold::Given(_) => true,
        Hold::Offered(holder) => holder == shift,
        Hold::UnderWay(holder) => holder == shift && at == 0,
    };
    if stays { Ok(()) } else { Err(Fault::Taken(number)) }
}

/// Whether the van has the parts for its visits. A visit under way may use parts that are not there; later
/// visits may not.
fn parts(shift: &Shift, visits: &[&Visit], index: usize) -> Result<(), Fault> {
    let of = |parts: &[(Code, u32)], code: Code| -> i64 {
        parts.iter().filter(|(other, _)| *other == code).map(|(_, number)| i64::from(*number)).sum()
    };
    let free = visits.iter().filter(|visit| !matches!(visit.hold, Hold::UnderWay(_)));
    for (code, number) in free.flat_map(|visit| &visit.parts) {
        let used: i64 = visits.iter().map(|visit| of(&visit.parts, *code)).sum();
        if *number > 0 && used > of(&shift.stock, *code) {
            return Err(Fault::Parts(index));
        }
    }
    Ok(())
}
