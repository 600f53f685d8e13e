//! The table of costs: whole numbers within bounds, or forbidden.

use crate::error::{Refused, at_most, within};

/// Greatest cost of a pair, and of leaving a job without anybody.
pub const MAX_COST: i64 = 1 << 40;
/// Greatest number of pairs.
pub const MAX_ENTRIES: usize = 1_000_000;

/// Costs of jobs (rows) with technicians (columns). The two may be of different number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Costs {
    columns: usize,
    /// What it costs to leave each job without anybody.
    alone: Vec<i64>,
    table: Vec<i64>,
}

/// A pair that may not be.
pub(super) const FORBIDDEN: i64 = i64::MAX;

impl Costs {
    /// A table in which every pair is forbidden, and what it costs to leave each row alone.
    ///
    /// # Errors
    /// More pairs than [`MAX_ENTRIES`], or a cost outside `0..=MAX_COST`.
    pub fn new(alone: Vec<i64>, columns: usize) -> Result<Self, Refused> {
        at_most("columns", columns, MAX_ENTRIES)?;
        at_most("rows", alone.len(), MAX_ENTRIES)?;
        let entries = alone.len().saturating_mul(columns);
        at_most("pairs", entries, MAX_ENTRIES)?;
        alone.iter().try_for_each(|cost| within("the cost of nobody", *cost, 0, MAX_COST))?;
        Ok(Self { columns, alone, table: vec![FORBIDDEN; entries] })
    }

    /// Allows a pair at a cost.
    ///
    /// # Errors
    /// A cost outside `0..=MAX_COST`, or a pair that is not in the table.
    pub fn allow(&mut self, row: usize, column: usize, cost: i64) -> Result<(), Refused> {
        within("the cost of a pair", cost, 0, MAX_COST)?;
        crate::error::exists("row", row, self.rows())?;
        crate::error::exists("column", column, self.columns)?;
        self.table[row * self.columns + column] = cost;
        Ok(())
    }

    /// How many jobs.
    pub fn rows(&self) -> usize {
        self.alone.len()
    }

    /// How many technicians.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// What a pair costs; nothing if it is forbidden or not in the table.
    pub fn cost(&self, row: usize, column: usize) -> Option<i64> {
        let inside = row < self.rows() && column < self.columns;
        inside.then(|| self.row(row)[column]).filter(|cost| *cost != FORBIDDEN)
    }

    /// What it costs to leave a row alone.
    pub(super) fn alone(&self, row: usize) -> i64 {
        self.alone[row]
    }

    /// The costs of a row, [`FORBIDDEN`] among them.
    pub(super) fn row(&self, row: usize) -> &[i64] {
        &self.table[row * self.columns..(row + 1) * self.columns]
    }
}
