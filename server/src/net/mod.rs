//! Sockets: who may connect, for how long, and how it all ends in good order.

mod accept;
pub mod bodies;
pub mod files;
pub mod lanes;
mod linger;
pub mod meter;
mod seats;
pub mod shed;
mod stall;

pub use accept::{Listening, listen};

/// Where a request came from, believing as many proxies as the settings say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub std::net::IpAddr);
