//! What stands between a phone or a desk and the server, and between the server and its database: real
//! proxies and poolers, as they are installed. Says loudly what is not there; `.ci/run` demands it.

#![allow(clippy::unwrap_used)]

mod nginx;
#[allow(dead_code, unused_macros, unused_imports)]
#[path = "../e2e/office.rs"]
mod office;
mod pgbouncer;
mod tools;
