//! The server over real sockets: what a desk and a phone are answered.

#![allow(clippy::unwrap_used)]

mod bounds;
mod branches;
mod candidates;
mod changes;
mod console;
mod contract;
mod desk;
mod devices;
mod early;
mod events;
mod fair;
mod flood;
mod hostile;
mod import;
mod isolation;
mod jobs;
mod keyed;
mod links;
mod login;
mod money;
mod numbers;
mod positions;
mod proposal;
mod restored;
mod rounds;
mod said;
mod search;
mod sending;
mod sockets;
mod surroundings;
mod sync;
mod timeline;
mod tokens;
mod vans;
mod world;
