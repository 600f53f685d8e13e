//! Where phones meet the server: one exchange over HTTP, or many over a WebSocket.

pub mod budget;
pub mod countersign;
mod exchange;
mod post;
pub mod revoked;
mod socket;
mod sockets;

pub use exchange::{Exchanged, Phone, admit, exchange};
pub use post::*;
pub use socket::*;
pub use sockets::{Sockets, keep_looking, look_at_all};

/// Media type of the frames.
pub const MEDIA_TYPE: &str = "application/vnd.towline.sync";
