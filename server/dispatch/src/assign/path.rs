//! Shortest augmenting paths with potentials.
//!
//! Rows are matched one after the other. From a new row, the search finds the cheapest path that ends at a
//! free column, or at a row that gives up its column and stays unassigned. So no pair is forced, and the
//! numbers of rows and columns may differ. Each search is Dijkstra's on reduced costs; the potentials keep
//! them non-negative.

use super::costs::{Costs, FORBIDDEN};
use super::gap::gaps;

/// Pairs at the least total cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pairs {
    /// For each row its column; none if it is unassigned.
    pub column: Vec<Option<usize>>,
    /// The total cost, including unassigned rows.
    pub sum: i64,
    /// For each row the extra cost of the best answer in which the row gets another result: another column,
    /// or none, or any. None if there is no other answer.
    pub gap: Vec<Option<i64>>,
}

/// The state of a search, with the pairs found so far.
#[derive(Debug)]
pub(super) struct Matching {
    /// The column of each row.
    pub column_of: Vec<Option<usize>>,
    /// The row of each column.
    pub row_of: Vec<Option<usize>>,
    pub row_potential: Vec<i64>,
    pub column_potential: Vec<i64>,
    // For the present search:
    distance: Vec<i64>,
    before: Vec<usize>,
    scanned: Vec<bool>,
    open: Vec<usize>,
}

/// The end of a search, and the reduced cost of the path to it.
#[derive(Debug, Clone, Copy)]
struct SearchEnd {
    end: End,
    cost: i64,
}

/// The end of a path.
#[derive(Debug, Clone, Copy)]
enum End {
    /// A free column.
    Column(usize),
    /// A row that stays unassigned.
    Row(usize),
}

/// The pairs at the least total cost, with their gaps. The answer is a function of the table; of several
/// answers with the same cost it is one.
pub fn solve(costs: &Costs) -> Pairs {
    let matching = matched(costs);
    let gap = gaps(costs, &matching);
    pairs(costs, matching, gap)
}

/// The pairs alone, without gaps.
pub fn solve_fast(costs: &Costs) -> Pairs {
    pairs(costs, matched(costs), vec![None; costs.rows()])
}

fn matched(costs: &Costs) -> Matching {
    let mut matching = Matching::new(costs.rows(), costs.columns());
    for row in 0..costs.rows() {
        let found = matching.search(costs, row);
        matching.augment(row, found);
    }
    matching
}

fn pairs(costs: &Costs, matching: Matching, gap: Vec<Option<i64>>) -> Pairs {
    let sum = |(row, column): (usize, &Option<usize>)| {
        column.map_or(costs.alone(row), |column| costs.row(row)[column])
    };
    let sum = matching.column_of.iter().enumerate().map(sum).sum();
    Pairs { column: matching.column_of, sum, gap }
}

impl Matching {
    fn new(rows: usize, columns: usize) -> Self {
        Self {
            column_of: vec![None; rows],
            row_of: vec![None; columns],
            row_potential: vec![0; rows],
            column_potential: vec![0; columns],
            distance: vec![FORBIDDEN; columns],
            before: vec![usize::MAX; columns],
            scanned: vec![false; columns],
            open: Vec::with_capacity(columns),
        }
    }

    /// The cheapest path from a row that has no column yet.
    fn search(&mut self, costs: &Costs, start: usize) -> SearchEnd {
        self.distance.fill(FORBIDDEN);
        self.scanned.fill(false);
        self.open.clear();
        self.open.extend(0..costs.columns());
        let mut best = SearchEnd { end: End::Row(start), cost: costs.alone(start) };
        let (mut row, mut base) = (start, 0);
        loop {
            let gives_up = base + costs.alone(row) - self.row_potential[row];
            if gives_up < best.cost {
                best = SearchEnd { end: End::Row(row), cost: gives_up };
            }
            let nearest = self.relax(costs.row(row), row, base);
            let Some((distance, slot)) = nearest.filter(|(distance, _)| *distance < best.cost)
            else {
                return best;
            };
            let column = self.open.swap_remove(slot);
            self.scanned[column] = true;
            match self.row_of[column] {
                // The potential of a free column is zero: its reduced distance is its cost.
                None => return SearchEnd { end: End::Column(column), cost: distance },
                Some(next) => (row, base) = (next, distance),
            }
        }
    }

    /// Relaxes the columns that a row reaches; returns the nearest open one, with its slot.
    fn relax(&mut self, line: &[i64], row: usize, base: i64) -> Option<(i64, usize)> {
        let base = base - self.row_potential[row];
        let mut nearest = None;
        let mut least = FORBIDDEN;
        for (slot, column) in self.open.iter().enumerate() {
            let cost = line[*column];
            if cost != FORBIDDEN {
                let distance = base + cost - self.column_potential[*column];
                if distance < self.distance[*column] {
                    self.distance[*column] = distance;
                    self.before[*column] = row;
                }
            }
            if self.distance[*column] < least {
                least = self.distance[*column];
                nearest = Some((least, slot));
            }
        }
        nearest
    }

    /// Flips the pairs along the path found last, and keeps all reduced costs non-negative.
    fn augment(&mut self, start: usize, found: SearchEnd) {
        for column in 0..self.scanned.len() {
            // Scanned columns are at most as far as the end.
            let closer = found.cost - self.distance[column];
            if self.scanned[column] && closer > 0 {
                self.column_potential[column] -= closer;
                if let Some(row) = self.row_of[column] {
                    self.row_potential[row] += closer;
                }
            }
        }
        self.row_potential[start] += found.cost;
        let mut column = match found.end {
            End::Column(column) => column,
            End::Row(row) if row == start => return,
            End::Row(row) => {
                let Some(column) = self.column_of[row].take() else { return };
                column
            }
        };
        loop {
            let row = self.before[column];
            self.row_of[column] = Some(row);
            match self.column_of[row].replace(column) {
                Some(next) if row != start => column = next,
                _ => return,
            }
        }
    }
}
