//! One technician's tour with the times that make an insertion a constant-time question.

use super::problem::Problem;

/// No visit: the start and the end of a tour.
pub(super) const NONE: u32 = u32::MAX;

/// One stop of a tour.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stop {
    /// The visit.
    pub visit: u32,
    /// Its place.
    pub place: u32,
    /// When they leave it, if everything is done as early as can be.
    pub leaves: i32,
    /// When the work has to begin at the latest, so that everything after it is in time.
    pub latest: i32,
    /// The cost of the way to it.
    pub leg: i32,
}

/// A tour: start, visits, end.
#[derive(Debug, Clone, Default)]
pub(super) struct Tour {
    pub stops: Vec<Stop>,
    /// Parts that are left in the van, by column.
    pub left: Vec<i32>,
    /// Cost of the ways and of moves.
    pub cost: i64,
    /// How many stops from the beginning never move: the start, and what is under way.
    pub fixed: usize,
}

/// Where a visit goes, and what that adds to the cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Insertion {
    pub shift: usize,
    /// After this stop.
    pub after: usize,
    pub added: i32,
}

impl Tour {
    /// The tour of a shift that does only what is under way.
    pub fn new(problem: &Problem, shift: usize) -> Self {
        let stop =
            |place: usize| Stop { visit: NONE, place: place as u32, leaves: 0, latest: 0, leg: 0 };
        let ends = [stop(problem.shifts[shift].start), stop(problem.end(shift))];
        let left = problem.stock[shift].clone();
        let mut tour = Self { stops: ends.to_vec(), left, cost: 0, fixed: 1 };
        if let Some(first) = problem.first[shift] {
            tour.put(problem, first, 0);
            tour.fixed = 2;
        }
        tour.update(problem, shift);
        tour
    }

    /// How many visits may be taken out.
    pub fn movable(&self) -> usize {
        self.stops.len() - 1 - self.fixed
    }

    /// Whether the van still has what a visit uses.
    pub fn has_parts(&self, problem: &Problem, visit: usize) -> bool {
        problem.uses[visit].iter().all(|(part, number)| self.left[*part] >= *number)
    }

    /// Puts a visit after a stop; [`Tour::update`] makes the times right.
    pub fn put(&mut self, problem: &Problem, visit: usize, after: usize) {
        let place = problem.visits[visit].place as u32;
        let stop = Stop { visit: visit as u32, place, leaves: 0, latest: 0, leg: 0 };
        self.stops.insert(after + 1, stop);
        for (part, number) in &problem.uses[visit] {
            self.left[*part] -= number;
        }
    }

    /// Takes the visit at a stop out; [`Tour::update`] makes the times right.
    pub fn take(&mut self, problem: &Problem, at: usize) -> usize {
        let visit = self.stops.remove(at).visit as usize;
        for (part, number) in &problem.uses[visit] {
            self.left[*part] += number;
        }
        visit
    }

    /// Computes times and costs again.
    pub fn update(&mut self, problem: &Problem, shift: usize) {
        let last = self.stops.len() - 1;
        self.stops[0].leaves = problem.shifts[shift].from;
        let mut cost = 0;
        for at in 1..=last {
            let before = self.stops[at - 1];
            let stop = &mut self.stops[at];
            let way = problem.way(before.place as usize, stop.place as usize);
            stop.leg = way.cost;
            cost += i64::from(way.cost);
            stop.leaves = before.leaves.saturating_add(way.time);
            if stop.visit != NONE {
                let visit = &problem.visits[stop.visit as usize];
                stop.leaves = stop.leaves.max(visit.opens).saturating_add(visit.service);
                cost += i64::from(problem.price(stop.visit as usize, shift));
            }
        }
        self.cost = cost;
        self.stops[last].latest = problem.until[shift];
        for at in (1..last).rev() {
            let next = self.stops[at + 1];
            let stop = &mut self.stops[at];
            let visit = stop.visit as usize;
            let way = problem.way(stop.place as usize, next.place as usize);
            let after = next.latest.saturating_sub(way.time);
            let done = after.saturating_sub(problem.visits[visit].service);
            stop.latest = done.min(problem.closes[visit]);
        }
    }
}
