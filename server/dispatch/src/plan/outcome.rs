//! A finished plan: tours with times, and undone visits with the reason.

use super::problem::Problem;
use super::state::{NOWHERE, State};
use super::tour::Tour;

/// A plan for a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// For each shift its visits in their order.
    pub tours: Vec<Vec<Planned>>,
    /// Undone visits, in the order of the visits.
    pub undone: Vec<Undone>,
    /// Cost of all travel, including the ways to the ends of the shifts, and of moves.
    pub cost: i64,
}

/// One visit of a tour with its times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Planned {
    /// The visit.
    pub visit: usize,
    /// When the technician arrives.
    pub arrives: i32,
    /// When the work begins: at the arrival, or when the window opens if that is later.
    pub begins: i32,
    /// When the technician leaves.
    pub leaves: i32,
}

/// A visit that nobody does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Undone {
    /// The visit.
    pub visit: usize,
    /// The reason.
    pub why: WhyUndone,
}

/// Why a visit stays undone: the first reason that applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum WhyUndone {
    /// No technician has the skills and tools; for an offered job, the technician it is offered to.
    NotQualified,
    /// No technician with the skills and tools has the parts.
    NoParts,
    /// No technician with skills, tools and parts could arrive in time and finish within the shift, even
    /// with nothing else to do.
    OutOfReach,
    /// Every technician who could do it has no time or no parts left, given the rest of their plan.
    Full,
}

impl Plan {
    pub(super) fn of(problem: &Problem, state: &State) -> Self {
        let tours = state.tours.iter().map(|tour| planned(problem, tour)).collect();
        let open = (0..problem.visits.len()).filter(|visit| state.shift_of[*visit] == NOWHERE);
        let undone = open.map(|visit| Undone { visit, why: why(problem, visit) }).collect();
        Self { tours, undone, cost: state.cost }
    }

    /// For each visit the shift that does it.
    pub fn shift_of(&self, problem: &Problem) -> Vec<Option<usize>> {
        let mut shift_of = vec![None; problem.visits().len()];
        for (shift, tour) in self.tours.iter().enumerate() {
            for planned in tour {
                if let Some(entry) = shift_of.get_mut(planned.visit) {
                    *entry = Some(shift);
                }
            }
        }
        shift_of
    }
}

fn planned(problem: &Problem, tour: &Tour) -> Vec<Planned> {
    let legs = tour.stops.windows(2).map(|pair| (&pair[0], &pair[1]));
    legs.take(tour.stops.len() - 2)
        .map(|(before, stop)| {
            let visit = stop.visit as usize;
            let way = problem.way(before.place as usize, stop.place as usize);
            let arrives = before.leaves + way.time;
            let begins = arrives.max(problem.visits[visit].opens);
            Planned { visit, arrives, begins, leaves: stop.leaves }
        })
        .collect()
}

fn why(problem: &Problem, visit: usize) -> WhyUndone {
    let mut why = WhyUndone::NotQualified;
    for shift in &problem.allowed[visit] {
        let tour = Tour::new(problem, usize::from(*shift));
        let reason = match tour.has_parts(problem, visit) {
            false => WhyUndone::NoParts,
            true if fits_alone(problem, &tour, visit) => WhyUndone::Full,
            true => WhyUndone::OutOfReach,
        };
        why = why.max(reason);
    }
    why
}

/// Whether a visit fits into a tour that has only the visit under way.
fn fits_alone(problem: &Problem, tour: &Tour, visit: usize) -> bool {
    let (before, end) = (&tour.stops[tour.fixed - 1], &tour.stops[tour.fixed]);
    let it = &problem.visits[visit];
    let there = problem.way(before.place as usize, it.place);
    let begins = before.leaves.saturating_add(there.time).max(it.opens);
    let home = problem.way(it.place, end.place as usize);
    begins <= problem.closes[visit]
        && begins.saturating_add(it.service).saturating_add(home.time) <= end.latest
}
