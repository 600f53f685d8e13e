//! A server and phones in memory and virtual time: the real rules, no sockets, no clock.
//!
//! What runs here is `sync-core` itself: the same machines, admission, policy, scope and replica
//! that the server and the device engine drive. Only storage and transport are played.

mod phone;
mod server;

pub use phone::SimPhone;
pub use server::{Backup, SimServer};
