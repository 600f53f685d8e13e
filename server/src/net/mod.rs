//! Sockets: who may connect, for how long, and how it all ends in good order.

mod accept;
pub mod bodies;
pub mod body_budget;
pub mod class;
pub mod coming;
pub mod concurrency;
pub mod files;
mod idle;
mod linger;
pub mod pace;
mod per_address;
pub mod shares;
pub mod shed;
mod stream;
pub mod writes;

pub use accept::{Listening, listen};
pub use class::{Access, Class, Pool};
pub use per_address::{AddressPermit, Source};

/// Where a request came from, believing as many proxies as the settings say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub std::net::IpAddr);
