//! Where phones meet the server: one exchange over HTTP, or many over a WebSocket.

mod hub;

pub use hub::Hub;
