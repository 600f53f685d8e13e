//! The store's promises over plain memory, on a disk that can fail: for simulations.
//!
//! [`Node`] is the real writer without a database: it groups, admits, refuses, projects and pages
//! with the very code that [`crate::writer`] and [`crate`] use over SQL, and keeps the rows
//! in a [`Database`] made of maps. The same conformance suite runs on both. Everything is
//! synchronous and a function of what it is given: no clock, no randomness, no thread.
//!
//! Underneath is a [`Disk`] of bytes with an unsynced tail. It can be full, refuse to sync, and
//! crash with any part of the tail lost or torn; [`Journal`] is the log on it that tells whole
//! records from torn ones. Several nodes may share a database, as servers share PostgreSQL.

mod check;
mod database;
mod disk;
mod journal;
mod node;
mod read;
mod table;
mod weigh;

pub use check::Sampled;
pub use database::{Backup, Database};
pub use disk::{Disk, DiskError};
pub use journal::Journal;
pub use node::{Done, Node};
pub use read::{InScope, Line, Refused};
