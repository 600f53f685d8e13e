//! Dispatch: ranked candidates with reasons, an assignment for now, a plan for the day.
//!
//! Modules, in reading order:
//!
//! 1. [`candidates`]: one job, all technicians who meet its requirements. When each will arrive and how
//!    certain that is, the reasons for and against each, and the missing data.
//! 2. [`travel`]: travel times, behind a trait; the straight-line pace is learned from journeys.
//! 3. [`assign`]: all open jobs, one for each technician, at the least total cost. Each pair states the
//!    extra cost of the best answer without it.
//! 4. [`plan`]: a whole day with skills, tools, parts and time windows. The rest of the day can be planned
//!    again whenever something changes. A checker shares no code with the search.
//!
//! This crate reads no clock and does no I/O. It draws randomness only from a given seed. Every input is
//! bounded; larger inputs are [`Refused`]. The crate changes nothing: it proposes, and a person or a rule
//! elsewhere decides. Codes of skills, parts and equipment are numbers that the caller chooses; technicians
//! and jobs are indexes.

pub mod assign;
pub mod candidates;
mod error;
mod place;
pub mod plan;
mod rng;
pub mod travel;

pub use error::Refused;
pub use place::Place;
