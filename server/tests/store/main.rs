//! The promises of a store, asked of SQLite, PostgreSQL and the memory that simulations use.

#![allow(clippy::unwrap_used)]

mod any;
mod countersign;
mod log;
mod memory;
mod newer;
mod open;
mod people;
mod place;
mod read;
mod verify;
