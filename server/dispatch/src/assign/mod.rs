//! Which technician takes which job now, one each, at the least sum of costs.
//!
//! [`Costs`] is a table of whole numbers with forbidden pairs, [`solve`] finds the pairs by shortest
//! augmenting paths (Jonker and Volgenant 1987) and says for each how much worse the best answer
//! without it is. [`propose`] makes the table from open jobs and technicians and keeps the rules of
//! practice.

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
