//! The server over real sockets: what a desk and a phone are answered.

#![allow(clippy::unwrap_used)]

mod devices;
mod early;
mod hostile;
mod isolation;
mod jobs;
mod login;
mod positions;
mod sending;
mod sockets;
mod sync;
mod world;
