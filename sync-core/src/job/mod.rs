//! The job: what one rescue's facts and fields mean, computed the same on phone, server and console.

mod access;
mod assignment;
mod step;

pub use access::{WALK_UP_EPOCH, epochs_of, is_or_was_theirs, walk_up_author};
pub use assignment::{Assignment, AssignmentKind};
pub(crate) use assignment::{present_technician, technicians};
pub use step::Step;
