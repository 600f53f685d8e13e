//! What the targets share: bounds of time and memory, and the sources of others that they attack.
//!
//! Tokens and CSV belong to crates that bring a database along. Their files are compiled in here
//! as they stand, so that what is fuzzed is what is shipped and builds in a minute.

pub mod auth;
pub mod bounds;
#[path = "../../src/calls/mod.rs"]
pub mod calls;
#[path = "../../src/input.rs"]
pub mod input;
pub mod tokens;
