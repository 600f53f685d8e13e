//! The promises of a store, asked of SQLite, PostgreSQL and the memory that simulations use.

#![allow(clippy::unwrap_used)]

mod alike;
mod any;
mod bounds;
mod countersign;
mod flood;
mod forgotten;
mod isolation;
mod log;
mod memory;
mod misshapen;
mod newer;
mod open;
mod people;
mod place;
mod projections;
mod read;
mod rebuild;
mod renew;
mod schema;
mod sweep;
mod verify;
