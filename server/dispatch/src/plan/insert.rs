//! Greedy insertion with blinks: each visit goes to its cheapest position. Some positions are skipped at
//! random, so that the same gaps are filled differently (Christiaens and Vanden Berghe 2020).

use super::problem::Problem;
use super::state::State;
use super::tour::{Insertion, Tour};
use crate::rng::Rng;

/// Positions skipped, per 1,000.
const BLINKS: u64 = 10;

/// Inserts all visits that fit, in their order; the others stay undone.
pub(super) fn insert_all(problem: &Problem, state: &mut State, rng: &mut Rng) {
    let mut kept = 0;
    for next in 0..state.undone.len() {
        let visit = state.undone[next];
        match cheapest(problem, state, visit, rng) {
            Some(found) => state.put(problem, visit, found),
            None => {
                state.undone[kept] = visit;
                kept += 1;
            }
        }
    }
    state.undone.truncate(kept);
}

fn cheapest(problem: &Problem, state: &State, visit: usize, rng: &mut Rng) -> Option<Insertion> {
    let mut best: Option<Insertion> = None;
    for shift in &problem.allowed[visit] {
        let shift = usize::from(*shift);
        let tour = &state.tours[shift];
        if tour.has_parts(problem, visit) {
            let bound = best.map_or(i32::MAX, |best| best.added);
            best = in_tour(problem, tour, shift, visit, bound, rng).or(best);
        }
    }
    best
}

/// The cheapest position in one tour that costs less than `bound`.
fn in_tour(
    problem: &Problem,
    tour: &Tour,
    shift: usize,
    visit: usize,
    mut bound: i32,
    rng: &mut Rng,
) -> Option<Insertion> {
    let it = &problem.visits[visit];
    let (to, from) = (problem.ways_to(it.place), problem.ways_from(it.place));
    let price = problem.price(visit, shift);
    let closes = problem.closes[visit];
    let mut best = None;
    for after in tour.fixed - 1..tour.stops.len() - 1 {
        let (before, next) = (&tour.stops[after], &tour.stops[after + 1]);
        if before.leaves > closes {
            break;
        }
        let (there, on) = (to[before.place as usize], from[next.place as usize]);
        // Each is below 2^29, so the sum fits into 32 bits.
        let added = there.cost + on.cost - next.leg + price;
        if added >= bound {
            continue;
        }
        let begins = (before.leaves + there.time).max(it.opens);
        if begins > closes || begins + it.service + on.time > next.latest || rng.chance(BLINKS) {
            continue;
        }
        bound = added;
        best = Some(Insertion { shift, after, added });
    }
    best
}
