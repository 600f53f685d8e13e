//! Rows that are not computed from the log: people, phones, branches, parts, and who did what.

pub mod access;
pub mod assertions;
pub mod audit;
pub mod branches;
pub mod codes;
pub mod columns;
pub mod devices;
pub mod links;
mod list;
pub mod numbers;
pub mod parts;
pub mod positions;
pub mod room;
pub mod shares;
pub mod submissions;
pub mod tenants;
pub mod tokens;
pub mod users;
