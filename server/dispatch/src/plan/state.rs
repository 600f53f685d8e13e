//! A plan during the search: tours, undone visits, and the undo of a rejected round.

use super::problem::Problem;
use super::tour::{Insertion, NONE, Tour};

/// The shift of a visit that no tour has.
pub(super) const NOWHERE: u16 = u16::MAX;

/// All tours and undone visits.
#[derive(Debug, Clone)]
pub(super) struct State {
    pub tours: Vec<Tour>,
    /// For each visit the shift that does it.
    pub shift_of: Vec<u16>,
    /// Undone visits, except those that no technician can do.
    pub undone: Vec<usize>,
    /// Sum of the costs of all tours.
    pub cost: i64,
    /// The tours that the present round changed, before the change.
    touched: Vec<(usize, Tour)>,
    undone_before: Vec<usize>,
    /// Tours kept for their memory.
    spare: Vec<Tour>,
}

impl State {
    /// Only the visits under way are assigned.
    pub fn new(problem: &Problem) -> Self {
        let tours: Vec<Tour> =
            (0..problem.shifts.len()).map(|shift| Tour::new(problem, shift)).collect();
        let mut shift_of = vec![NOWHERE; problem.visits.len()];
        for (shift, first) in (0_u16..).zip(&problem.first) {
            if let Some(first) = first {
                shift_of[*first] = shift;
            }
        }
        let open = (0..shift_of.len())
            .filter(|visit| shift_of[*visit] == NOWHERE && !problem.allowed[*visit].is_empty());
        let undone: Vec<usize> = open.collect();
        let cost = tours.iter().map(|tour| tour.cost).sum();
        let empty = Vec::new;
        Self {
            tours,
            shift_of,
            undone,
            cost,
            touched: empty(),
            undone_before: vec![],
            spare: vec![],
        }
    }

    /// Begins a round that [`State::undo`] can undo.
    pub fn begin(&mut self) {
        self.spare.extend(self.touched.drain(..).map(|(_, tour)| tour));
        self.undone_before.clone_from(&self.undone);
    }

    /// Whether the present round changed this tour.
    pub fn is_touched(&self, shift: usize) -> bool {
        self.touched.iter().any(|(touched, _)| *touched == shift)
    }

    /// Saves a tour before its first change in this round.
    pub fn touch(&mut self, shift: usize) {
        if !self.is_touched(shift) {
            let mut copy = self.spare.pop().unwrap_or_default();
            copy.clone_from(&self.tours[shift]);
            self.touched.push((shift, copy));
        }
    }

    /// Inserts a visit; the caller removes it from the undone visits.
    pub fn put(&mut self, problem: &Problem, visit: usize, into: Insertion) {
        self.touch(into.shift);
        let tour = &mut self.tours[into.shift];
        let before = tour.cost;
        tour.put(problem, visit, into.after);
        tour.update(problem, into.shift);
        self.cost += tour.cost - before;
        self.shift_of[visit] = into.shift as u16;
    }

    /// Removes the visits at these `stops`, in ascending order, from a tour.
    pub fn take(&mut self, problem: &Problem, shift: usize, stops: &[usize]) {
        self.touch(shift);
        let tour = &mut self.tours[shift];
        let before = tour.cost;
        for at in stops.iter().rev() {
            let visit = tour.take(problem, *at);
            self.shift_of[visit] = NOWHERE;
            self.undone.push(visit);
        }
        tour.update(problem, shift);
        self.cost += tour.cost - before;
    }

    /// Restores the state at the begin of the round.
    pub fn undo(&mut self) {
        for (shift, before) in &mut self.touched {
            let tour = &mut self.tours[*shift];
            self.cost += before.cost - tour.cost;
            std::mem::swap(tour, before);
        }
        // First clear the visits that the round inserted, then restore the earlier ones.
        for visit in &self.undone_before {
            self.shift_of[*visit] = NOWHERE;
        }
        for (shift, _) in &self.touched {
            for stop in self.tours[*shift].stops.iter().filter(|stop| stop.visit != NONE) {
                self.shift_of[stop.visit as usize] = *shift as u16;
            }
        }
        std::mem::swap(&mut self.undone, &mut self.undone_before);
    }

    /// The total weight of the undone visits.
    pub fn weight(&self, problem: &Problem) -> i64 {
        self.undone.iter().map(|visit| i64::from(problem.visits[*visit].weight)).sum()
    }
}
