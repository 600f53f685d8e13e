//! How certain a pair is: the extra cost of the best answer without it.
//!
//! Imagine a spare row for each free column, so that every column has a row. Another answer then differs
//! from the best by cycles of changes. The cheapest cycle that breaks a pair is a shortest path, on reduced
//! costs, from the pair's row back to its column. A path that reaches a free column, or a row that gives up
//! its column, can continue through a spare row to any column, or to an unassigned row.

use super::costs::{Costs, FORBIDDEN};
use super::path::{Matching, Pairs};

/// For each row the gap to the best answer in which it gets another result.
pub(super) fn gaps(costs: &Costs, matching: &Matching) -> Vec<Option<i64>> {
    let alone = (0..costs.rows()).filter(|row| matching.column_of[*row].is_none());
    let alone: Vec<usize> = alone.collect();
    let free = (0..costs.columns()).filter(|column| matching.row_of[*column].is_none());
    let free: Vec<usize> = free.collect();
    let (distance, open) = (Vec::new(), Vec::new());
    let mut search = Search { costs, matching, distance, open, free: &free, spare: FORBIDDEN };
    (0..costs.rows()).map(|row| search.ring(row, &alone)).collect()
}

struct Search<'a> {
    costs: &'a Costs,
    matching: &'a Matching,
    distance: Vec<i64>,
    /// Matched columns that are not reached yet.
    open: Vec<usize>,
    /// Unmatched columns.
    free: &'a [usize],
    /// The nearest end from which a spare row continues.
    spare: i64,
}

impl Search<'_> {
    /// The cheapest cycle through a row.
    fn ring(&mut self, start: usize, alone: &[usize]) -> Option<i64> {
        let matching = self.matching;
        let target = matching.column_of[start];
        self.distance.clear();
        self.distance.resize(self.costs.columns(), FORBIDDEN);
        self.open.clear();
        self.open.extend(matching.column_of.iter().flatten());
        self.spare = FORBIDDEN;
        let mut is_spare_done = false;
        if target.is_some() {
            self.gives_up(start, 0);
        }
        let mut nearest = self.relax(start, 0, target);
        loop {
            let is_spare_next = self.spare < FORBIDDEN
                && !is_spare_done
                && nearest.is_none_or(|(distance, _)| self.spare <= distance);
            if is_spare_next {
                // The cycle of an unassigned row closes here: nothing else leads back to it.
                if target.is_none() {
                    return Some(self.spare);
                }
                is_spare_done = true;
                nearest = self.go_on(alone);
                continue;
            }
            let (distance, slot) = nearest?;
            let column = self.open.swap_remove(slot);
            if target == Some(column) {
                return Some(distance);
            }
            // Only matched columns are open.
            let row = matching.row_of[column]?;
            self.gives_up(row, distance);
            nearest = self.relax(row, distance, None);
        }
    }

    fn gives_up(&mut self, row: usize, base: i64) {
        let end = base + self.costs.alone(row) - self.matching.row_potential[row];
        self.spare = self.spare.min(end);
    }

    /// Relaxes the columns that a row reaches; returns the nearest open one, with its slot.
    fn relax(&mut self, row: usize, base: i64, but: Option<usize>) -> Option<(i64, usize)> {
        let line = self.costs.row(row);
        let base = base - self.matching.row_potential[row];
        let mut nearest = None;
        let mut least = FORBIDDEN;
        for (slot, column) in self.open.iter().enumerate() {
            let distance = &mut self.distance[*column];
            if line[*column] != FORBIDDEN && but != Some(*column) {
                let through = base + line[*column] - self.matching.column_potential[*column];
                *distance = (*distance).min(through);
            }
            if *distance < least {
                least = *distance;
                nearest = Some((least, slot));
            }
        }
        // The potential of a free column is zero.
        let free = self.free.iter().map(|column| line[*column]).min();
        if let Some(cost) = free.filter(|cost| *cost != FORBIDDEN) {
            self.spare = self.spare.min(base + cost);
        }
        nearest
    }

    /// Continues through a spare row to every column, and to every unassigned row.
    fn go_on(&mut self, alone: &[usize]) -> Option<(i64, usize)> {
        let mut nearest = None;
        for (slot, column) in self.open.iter().enumerate() {
            let through = self.spare - self.matching.column_potential[*column];
            let distance = self.distance[*column].min(through);
            self.distance[*column] = distance;
            if nearest.is_none_or(|(least, _)| distance < least) {
                nearest = Some((distance, slot));
            }
        }
        for row in alone {
            nearest = self.relax(*row, self.spare, None);
        }
        nearest
    }
}

impl Pairs {
    /// The extra cost of the second best answer; none if there is only one.
    pub fn second_best(&self) -> Option<i64> {
        self.gap.iter().flatten().min().copied()
    }
}
