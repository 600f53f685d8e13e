//! Which technician takes which job now, one each, at the least total cost.
//!
//! [`Costs`] is a table of whole numbers with forbidden pairs. [`solve`] finds the pairs by shortest
//! augmenting paths (Jonker and Volgenant 1987) and states for each pair the extra cost of the best answer
//! without it. [`propose`] makes the table from open jobs and technicians and applies practical rules.

mod costs;
mod gap;
mod path;
mod propose;

pub use costs::{Costs, MAX_COST, MAX_ENTRIES};
pub use path::{Pairs, solve, solve_fast};
pub use propose::{
    Hold, MAX_JOBS, MAX_TECHNICIANS, OpenJob, Proposal, ProposedRow, UNASSIGNED_SECONDS, What,
    propose,
};
