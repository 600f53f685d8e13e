//! What the demo, the end-to-end tests and the benchmarks share: the world outside the phones.
//!
//! [`calls`] reads real calls from CSV, [`links`] turns cellular traces into a link whose every
//! delivery time is computed, [`drives`] moves technicians along recorded drives, and [`day`]
//! plans a working day in virtual time. All of it is a function of its input: the same files and
//! the same seed give the same day. [`fleet`] plays whole fleets in virtual time with
//! every fault there is, [`sim`] is a server in memory for real engines, and [`storm`] is the work every
//! sync engine is measured on.
//!
//! For whoever judges a run there are a [`ledger`] of what was saved, the server's own log read
//! apart from the server ([`server_log`]), the [`reckoning`] between the two, and a REST client for the desk ([`rest`]).
//!
//! [`process`] runs the `towline` program, and [`kills`] kills it and phones, again and again.
//! [`disk`] records what they do to their disks, cuts the power at every call, and fills them up.

#[cfg(target_os = "linux")]
pub mod attacks;
pub mod calls;
pub mod day;
pub mod disk;
pub mod drives;
pub mod fleet;
pub mod folder;
pub mod input;
pub mod kills;
pub mod ledger;
pub mod links;
pub mod process;
pub mod random;
pub mod reckoning;
pub mod rest;
pub mod server_log;
pub mod sim;
pub mod storm;
