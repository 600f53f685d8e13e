//! A server in memory and virtual time, for real engines: the real rules, no sockets, no clock.
//!
//! What runs here is `sync-core` itself: the session, admission, policy and scope that the server
//! drives. Only storage and transport are played.

mod server;

pub use server::{Backup, SimServer};
