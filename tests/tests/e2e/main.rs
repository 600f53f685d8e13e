//! End to end over real sockets: real servers, real phones, and what goes wrong between them.

#![allow(clippy::unwrap_used)]

mod crossings;
mod killed_phone;
mod killed_server;
mod news;
mod office;
mod offline_day;
mod positions;
mod rescued;
mod restored;
mod revoked;
mod sealed;
mod stopped;
mod submissions;
