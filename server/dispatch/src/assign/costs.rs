//! The cost table: bounded whole numbers, or forbidden.

use crate::error::{Refused, at_most, within};

/// Greatest cost of a pair, and of leaving a job unassigned.
pub const MAX_COST: i64 = 1 << 40;
/// Greatest number of pairs.
pub const MAX_ENTRIES: usize = 1_000_000;

/// Costs of jobs (rows) with technicians (columns). Their numbers may differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Costs {
    columns: usize,
    /// The cost of leaving each job unassigned.
    alone: Vec<i64>,
    table: Vec<i64>,
}

/// A forbidden pair.
pub(super) const FORBIDDEN: i64 = i64::MAX;

impl Costs {
    /// A table in which every pair is forbidden, with the cost of leaving each row unassigned.
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

    /// The number of jobs.
    pub fn rows(&self) -> usize {
        self.alone.len()
    }

    /// The number of technicians.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The cost of a pair; none if it is forbidden or outside the table.
    pub fn cost(&self, row: usize, column: usize) -> Option<i64> {
        let inside = row < self.rows() && column < self.columns;
        inside.then(|| self.row(row)[column]).filter(|cost| *cost != FORBIDDEN)
    }

    /// The cost of leaving a row unassigned.
    pub(super) fn alone(&self, row: usize) -> i64 {
        self.alone[row]
    }

    /// The costs of a row; [`FORBIDDEN`] where a pair is not allowed.
    pub(super) fn row(&self, row: usize) -> &[i64] {
        &self.table[row * self.columns..(row + 1) * self.columns]
    }
}
