//! Ruin and recreate with annealing, for a fixed number of rounds: the same seed gives the same plan.

use super::insert::insert_all;
use super::outcome::Plan;
use super::problem::Problem;
use super::ruin::{Neighbours, ruin};
use super::state::State;
use crate::rng::Rng;

/// The effort of a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effort {
    /// How often a part of the plan is removed and inserted again, at most [`Effort::MOST`].
    pub rounds: u32,
    /// The seed of the random numbers.
    pub seed: u64,
}

impl Effort {
    /// The greatest number of rounds.
    pub const MOST: u32 = 1_000_000;
}

/// The temperature at the beginning, in typical legs. Hot enough to leave a visit undone for a while.
const HOT: f64 = 20.0;
/// The temperature at the end, in typical legs.
const COLD: f64 = 0.3;

/// The best plan found.
pub fn plan(problem: &Problem, effort: Effort) -> Plan {
    let mut rng = Rng::new(effort.seed);
    let mut state = State::new(problem);
    state.undone.sort_by_key(|visit| first_order(problem, *visit));
    insert_all(problem, &mut state, &mut rng);
    if problem.visits.is_empty() {
        return Plan::of(problem, &state);
    }
    let near = Neighbours::new(problem);
    let leg = near.typical_leg(problem);
    let price = undone_price(problem);
    let rounds = effort.rounds.min(Effort::MOST);
    let mut best = (state.weight(problem), state.cost, state.clone());
    let mut score = price * state.weight(problem) + state.cost;
    let cooling = (COLD / HOT).powf(1.0 / f64::from(rounds.max(1)));
    let mut temperature = HOT * leg;
    for _ in 0..rounds {
        state.begin();
        ruin(problem, &near, &mut state, &mut rng);
        reorder(problem, &mut state, &mut rng);
        insert_all(problem, &mut state, &mut rng);
        let weight = state.weight(problem);
        let now = price * weight + state.cost;
        let bound = score as f64 - temperature * (1.0 - rng.unit()).ln();
        if (now as f64) < bound {
            score = now;
            if (weight, state.cost) < (best.0, best.1) {
                best.0 = weight;
                best.1 = state.cost;
                best.2.clone_from(&state);
            }
        } else {
            state.undo();
        }
        temperature *= cooling;
    }
    Plan::of(problem, &best.2)
}

/// Jobs with a technician are inserted first, so that they stay where possible; then the earliest closing.
fn first_order(problem: &Problem, visit: usize) -> (bool, u32, i32) {
    let it = &problem.visits[visit];
    (it.hold.shift().is_none(), u32::MAX - it.weight, it.closes)
}

/// The cost of one unit of weight during the search: more than any way there and back.
fn undone_price(problem: &Problem) -> i64 {
    let mut longest = 0;
    for visit in &problem.visits {
        let legs = problem.ways_from(visit.place).iter().map(|way| way.cost);
        longest = legs.filter(|cost| *cost < super::NO_WAY).fold(longest, i32::max);
    }
    2 * i64::from(longest) + i64::from(problem.rules.move_price) + 1
}

/// The order of insertion: random, or the hardest first by one of several measures.
fn reorder(problem: &Problem, state: &mut State, rng: &mut Rng) {
    let visits = &problem.visits;
    rng.shuffle(&mut state.undone);
    match rng.below(8) {
        0 | 1 => {}
        2 | 3 => state.undone.sort_by_key(|visit| problem.allowed[*visit].len()),
        4 | 5 => state.undone.sort_by_key(|visit| visits[*visit].closes - visits[*visit].opens),
        6 => state.undone.sort_by_key(|visit| visits[*visit].closes),
        _ => state.undone.sort_by_key(|visit| -visits[*visit].opens),
    }
    if visits.iter().any(|visit| visit.weight != visits[0].weight) && rng.chance(500) {
        state.undone.sort_by_key(|visit| u32::MAX - visits[*visit].weight);
    }
}
