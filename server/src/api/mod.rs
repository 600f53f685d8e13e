//! What is served over REST, by resource: jobs, people, vans, parts, phones, positions, sessions.

pub(crate) mod account;
pub mod again;
pub mod audit;
pub mod billing;
mod bounded;
pub mod branches;
pub mod check;
pub mod devices;
pub mod edit;
pub mod events;
pub mod findings;
pub mod import;
pub mod jobs;
pub mod links;
pub mod parts;
pub mod positions;
pub mod proposal;
mod roster;
pub mod session;
pub(crate) mod take_back;
pub mod technicians;
pub mod timeline;
pub mod tokens;
pub mod users;
pub mod vans;
mod words;
