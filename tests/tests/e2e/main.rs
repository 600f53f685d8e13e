//! End to end over real sockets: real servers, real phones, and what goes wrong between them.

#![allow(clippy::unwrap_used)]

mod crossings;
mod handed_in;
mod killed_phone;
mod killed_server;
mod news;
mod office;
mod offline_day;
mod restored;
mod revoked;
mod sealed;
mod stopped;
