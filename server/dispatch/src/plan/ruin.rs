//! String removal: removes adjacent pieces of neighbouring tours together, so that the insertion can
//! rearrange them (Christiaens and Vanden Berghe 2020, section 5).

use super::problem::Problem;
use super::state::{NOWHERE, State};
use crate::rng::Rng;

/// Average number of visits that a round removes.
const AVERAGE: usize = 10;
/// The longest piece removed from one tour.
const LONGEST: usize = 10;
/// The number of neighbours stored for a visit.
const NEIGHBOURS: usize = 200;

/// For each visit the others sorted by distance, itself first.
#[derive(Debug)]
pub(super) struct Neighbours(Vec<Vec<u16>>);

impl Neighbours {
    /// Sorts all visits around each.
    pub fn new(problem: &Problem) -> Self {
        let around = |visit: usize| {
            let from = problem.ways_from(problem.visits[visit].place);
            let to = problem.ways_to(problem.visits[visit].place);
            let far = |other: &u16| {
                let place = problem.visits[usize::from(*other)].place;
                (usize::from(*other) != visit, from[place].cost.min(to[place].cost), *other)
            };
            let mut others: Vec<u16> = (0..problem.visits.len() as u16).collect();
            if others.len() > NEIGHBOURS {
                others.select_nth_unstable_by_key(NEIGHBOURS - 1, far);
                others.truncate(NEIGHBOURS);
            }
            others.sort_unstable_by_key(far);
            others
        };
        Self((0..problem.visits.len()).map(around).collect())
    }

    /// The average cost of the way to a near neighbour; at least 1.
    pub fn typical_leg(&self, problem: &Problem) -> f64 {
        let leg = |visit: usize| {
            let near = usize::from(*self.0[visit].get(3).or(self.0[visit].last())?);
            Some(problem.way(problem.visits[visit].place, problem.visits[near].place).cost)
        };
        let legs: Vec<i32> = (0..self.0.len()).filter_map(leg).collect();
        let sum: f64 = legs.iter().map(|leg| f64::from(*leg)).sum();
        (sum / legs.len().max(1) as f64).max(1.0)
    }
}

/// Removes pieces around a visit. Half of the rounds use an undone visit, and tours that could do it.
pub(super) fn ruin(problem: &Problem, near: &Neighbours, state: &mut State, rng: &mut Rng) {
    let visits = problem.visits.len();
    let undone = state.undone.len();
    let seed = match undone > 0 && rng.chance(500) {
        true => state.undone[rng.below(undone)],
        false => rng.below(visits),
    };
    let wants = (state.shift_of[seed] == NOWHERE).then(|| &problem.allowed[seed]);
    let done = visits - undone;
    let longest = LONGEST.min(done / state.tours.len().max(1)).max(1);
    let pieces = 1 + rng.below((4 * AVERAGE / (1 + longest)).max(1));
    let mut taken = 0;
    for visit in &near.0[seed] {
        if taken == pieces {
            break;
        }
        let visit = usize::from(*visit);
        let shift = state.shift_of[visit];
        if shift == NOWHERE || state.is_touched(usize::from(shift)) {
            continue;
        }
        if wants.is_some_and(|shifts| shifts.binary_search(&shift).is_err()) {
            continue;
        }
        taken += usize::from(take_piece(problem, state, visit, longest, rng));
    }
}

/// Removes a piece that contains a visit from its tour. In half of the cases, some visits in the middle
/// stay.
fn take_piece(
    problem: &Problem,
    state: &mut State,
    visit: usize,
    longest: usize,
    rng: &mut Rng,
) -> bool {
    let shift = usize::from(state.shift_of[visit]);
    let tour = &state.tours[shift];
    let movable = tour.movable();
    let Some(at) = tour.stops.iter().position(|stop| stop.visit as usize == visit) else {
        return false;
    };
    if at < tour.fixed {
        return false;
    }
    let length = 1 + rng.below(longest.min(movable).max(1));
    // How many in the middle stay: each further one with probability one half.
    let mut spared = 0;
    if length > 1 && rng.chance(500) {
        while length + spared < movable && rng.chance(500) {
            spared += 1;
        }
    }
    let whole = length + spared;
    let (first, last) = (tour.fixed, tour.fixed + movable - 1);
    let earliest = (at + 1).saturating_sub(whole).max(first);
    let latest = at.min(last + 1 - whole);
    let begin = earliest + rng.below(latest + 1 - earliest);
    let spare = begin + if spared > 0 { rng.below(length + 1) } else { 0 };
    let stops = (begin..begin + whole).filter(|stop| !(spare..spare + spared).contains(stop));
    let stops: Vec<usize> = stops.collect();
    state.take(problem, shift, &stops);
    true
}
