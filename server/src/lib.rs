//! The Towline server: accounts, REST for the desk, sync for phones, one store on SQLite or PostgreSQL.
//!
//! A tour, in the order in which a request travels:
//!
//! 1. [`config`] says where to listen and what is allowed; [`Server::start`] turns it into a
//!    [`Running`] server.
//! 2. [`net`] takes connections, bounds what they may cost, and ends them in good order.
//! 3. [`router`] has every route on one page; [`http`] is what all of them share: problems,
//!    bodies, versions, repeats, cursors.
//! 4. [`auth`] finds out who asks; its `Caller` is the only proof a handler accepts.
//! 5. [`accounts`] keeps people and phones; [`desk`] is the office's view of jobs, vans and parts;
//!    [`phone_sync`] carries the frames of phones.
//! 6. [`writer`] is the one place where anything is written, [`store`] the one where it is read;
//!    [`verify`] rebuilds what can be rebuilt and compares. [`memory`] keeps the same promises
//!    without a database, for simulations.
//! 7. [`telemetry`] tells how it goes; [`admin`] does from the command line what needs no server.
//!
//! What has much below it and is awaited by other programs ([`Server::start`], opening a [`store`],
//! [`verify`]) gives a boxed future: it is compiled once, here, where an `async fn` would be again,
//! with all it calls, in every test, tool and benchmark that awaits it.

pub mod accounts;
pub mod admin;
pub mod app;
pub mod auth;
pub mod clock;
pub mod config;
pub mod desk;
pub mod http;
pub mod memory;
pub mod net;
pub mod phone_sync;
pub mod router;
mod server;
pub mod store;
pub mod telemetry;
pub mod verify;
pub mod writer;

pub use app::{App, StartError};
pub use clock::Clock;
pub use config::Config;
pub use server::{Running, Server};
