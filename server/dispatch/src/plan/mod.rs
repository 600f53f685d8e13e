//! A plan for a day: who does which jobs in which order, with skills, tools, parts and time windows.
//!
//! [`Problem::new`] checks the input. [`plan`] searches. [`check`] checks, independently of the search,
//! whether a plan keeps every rule. [`changes`] states for each job what changes and why. Plans are
//! compared first by the weight of undone visits, then by the cost of travel and of moves.
//!
//! Rules from practice: a job whose technician is under way never moves. An offer stays for as long as it
//! is open. Taking a given job from its technician has a price. There is no restocking: a used part is gone
//! for the day.

mod changes;
mod check;
mod insert;
mod model;
mod outcome;
mod problem;
mod ruin;
mod search;
mod state;
mod tour;

pub use changes::{Change, Row, Why, changes};
pub use check::{Fault, check};
pub use model::{
    Code, Hold, MAX_CODES, MAX_PARTS, MAX_PLACES, MAX_SHIFTS, MAX_VISITS, MAX_WEIGHT, NO_WAY,
    Rules, Shift, Travel, Visit,
};
pub use outcome::{Plan, Planned, Undone, WhyUndone};
pub use problem::Problem;
pub use search::{Effort, plan};
