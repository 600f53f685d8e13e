//! Who goes: candidates with reasons, an assignment for now, a plan for the day.
//!
//! A tour, in reading order:
//!
//! 1. [`candidates`]: one job, all technicians. Who fits, when they will be there and how well that is
//!    known, what speaks for and against each, and which datum is missing.
//! 2. [`travel`]: how long the way takes, behind a trait; by air with a pace that is learnt from
//!    journeys.
//! 3. [`assign`]: all open jobs, one for each technician, at the least sum; and for each pair how much
//!    worse the best answer without it is.
//! 4. [`plan`]: a whole day with skills, tools, parts and time windows, for the rest of it whenever
//!    something changes; and a check of plans that shares nothing with the search.
//!
//! Nothing here reads a clock, draws randomness but from a seed that is given, or does I/O. Every input
//! is bounded, and what is beyond is [`Refused`]. Nothing here changes anything: it proposes, and a
//! person or a rule elsewhere decides. Codes of skills, parts and equipment are numbers of the caller;
//! technicians and jobs are indexes.

pub mod assign;
pub mod candidates;
mod error;
mod place;
pub mod plan;
mod rng;
pub mod travel;

pub use error::Refused;
pub use place::Place;
