//! One technician's tour, with the times that let an insertion be checked in constant time.

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
    /// When the technician leaves, with everything done as early as possible.
    pub leaves: i32,
    /// The latest begin of the work that keeps everything after it in time.
    pub latest: i32,
    /// The travel cost to it.
    pub leg: i32,
}

/// A tour: start, visits, end.
#[derive(Debug, Clone, Default)]
pub(super) struct Tour {
    pub stops: Vec<Stop>,
    /// Parts left in the van, by column.
    pub left: Vec<i32>,
    /// Cost of travel and of moves.
    pub cost: i64,
    /// How many first stops never move: the start, and the visit under way.
    pub fixed: usize,
}

/// The position of an insertion and its added cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Insertion {
    pub shift: usize,
    /// After this stop.
    pub after: usize,
    pub added: i32,
}

impl Tour {
    /// The tour of a shift with only the visit under way.
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

    /// How many visits can be removed.
    pub fn movable(&self) -> usize {
        self.stops.len() - 1 - self.fixed
    }

    /// Whether the van still has the parts of a visit.
    pub fn has_parts(&self, problem: &Problem, visit: usize) -> bool {
        problem.uses[visit].iter().all(|(part, number)| self.left[*part] >= *number)
    }

    /// Inserts a visit after a stop; [`Tour::update`] then computes the times.
    pub fn put(&mut self, problem: &Problem, visit: usize, after: usize) {
        let place = problem.visits[visit].place as u32;
        let stop = Stop { visit: visit as u32, place, leaves: 0, latest: 0, leg: 0 };
        self.stops.insert(after + 1, stop);
        for (part, number) in &problem.uses[visit] {
            self.left[*part] -= number;
        }
    }

    /// Removes the visit at a stop; [`Tour::update`] then computes the times.
    pub fn take(&mut self, problem: &Problem, at: usize) -> usize {
        let visit = self.stops.remove(at).visit as usize;
        for (part, number) in &problem.uses[visit] {
            self.left[*part] += number;
        }
        visit
    }

    /// Recomputes times and costs.
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
