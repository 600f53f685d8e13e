//! How sure a pair is: what the best answer without it costs more.
//!
//! Think of a spare row for each column that is free: then every column has a row, and another answer
//! differs from the best by rings of changes. The cheapest ring that breaks a pair is a shortest way,
//! on reduced costs, from its row back to its column. A way that reaches any free column, or a row
//! that gives its column up, may go on through a spare row to any column, or to a row that is alone.

use super::costs::{Costs, FORBIDDEN};
use super::path::{Matching, Pairs};

/// For each row the gap to the best answer in which it does something else.
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
    /// Columns that have a row and were not reached yet.
    open: Vec<usize>,
    /// Columns that have none.
    free: &'a [usize],
    /// The nearest end from which a spare row goes on.
    spare: i64,
}

impl Search<'_> {
    /// The cheapest ring through a row.
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
                // The ring of a row that is alone closes here: nothing else leads back to it.
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
            // Only columns that have a row are open.
            let row = matching.row_of[column]?;
            self.gives_up(row, distance);
            nearest = self.relax(row, distance, None);
        }
    }

    fn gives_up(&mut self, row: usize, base: i64) {
        let end = base + self.costs.alone(row) - self.matching.row_potential[row];
        self.spare = self.spare.min(end);
    }

    /// Brings the columns nearer that a row reaches; the nearest that is open, with its slot.
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

    /// Through a spare row to every column, and to every row that is alone.
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
    /// How much more the second best answer costs; none if there is only one.
    pub fn second_best(&self) -> Option<i64> {
        self.gap.iter().flatten().min().copied()
    }
}
