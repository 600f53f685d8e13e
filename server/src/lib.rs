//! The Towline server: accounts, REST for the desk, sync for phones, over one [`store`].
//!
//! A tour, in the order in which a request travels:
//!
//! 1. [`config`] says where to listen and what is allowed; [`Server::start`] turns it into a
//!    [`Running`] server.
//! 2. [`net`] takes connections, bounds what they may cost, and ends them in good order.
//! 3. [`router`] has every route on one page, each under its class; [`http`] is what all of them
//!    share: problems, bodies, versions, repeats, cursors; [`openapi`] completes the document that
//!    the handlers make of themselves.
//! 4. [`auth`] finds out who asks; its `Caller` is the only proof a handler accepts.
//! 5. [`api`] has a handler for each route, by resource: people, phones, jobs, vans, parts;
//!    [`sync`] carries the frames of phones.
//! 6. `console` serves the pages of the desk, which speak to [`api`] and nothing else.
//! 7. The crate [`store`] is where anything is written and read; it knows nothing of HTTP.
//! 8. [`sweep`] deletes what was kept long enough; [`telemetry`] tells how it goes; [`admin`] does from the command line what needs no server.
//!
//! What has much below it and is awaited by other programs ([`Server::start`], opening a [`store`]) gives a boxed future: it is compiled once, here, where an `async fn` would be again,
//! with all it calls, in every test, tool and benchmark that awaits it.

pub mod admin;
pub mod api;
pub mod app;
pub mod auth;
pub mod clock;
pub mod config;
mod console;
pub mod http;
pub mod import;
pub mod net;
pub mod openapi;

pub mod router;
mod server;
pub mod sweep;
pub mod sync;
pub mod telemetry;
pub mod upkeep;

pub use app::{App, StartError};
pub use clock::Clock;
pub use config::Config;
pub use server::{Running, Server};
