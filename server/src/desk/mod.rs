//! The office's view over REST: jobs, people, vans, parts, phones.

pub mod audit;
pub mod branches;
pub mod check;
pub mod devices;
pub mod edit;
pub mod handed_in;
pub mod jobs;
pub mod parts;
pub mod positions;
pub mod technicians;
pub mod users;
pub mod vans;
