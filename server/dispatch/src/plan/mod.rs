//! A plan for a day: who does which jobs in which order, with skills, tools, parts and time windows.
//!
//! [`Problem::new`] checks the input, [`plan`] searches, [`check`] says independently of the search
//! whether a plan keeps every rule, and [`changes`] says for each job what changes and why. What is
//! compared first is the weight of what stays undone, then the cost of the ways and of moves.
//!
//! Rules from practice: a job whose technician is under way never moves; an offer stays for as long
//! as it is open; to take a given job from its technician has a price. There is no restocking: a
//! part that is used is gone for the day.

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
