//! The store: the change log, what is computed from it, and everything read from both.
//!
//! All writing goes through the one [`Writer`]; reading uses pools of its own. Nothing here knows HTTP.
//!
//! Modules know each other in one direction, from the bottom: `sql`, `error`, `connect`, `readers`; `log` with
//! `snapshot` and `page`; `rows`; [`writer`]; the handle [`Store`] and its reads; [`verify`]; opening,
//! [`backup`]. [`in_memory`] stands beside them on the writer's rules.

mod alike;
pub mod backup;
mod changes;
mod connect;
mod error;
mod held;
pub mod in_memory;
mod inspect;
mod jobs;
pub mod log;
mod meta;
pub mod migrate;
mod open;
pub(crate) mod page;
#[cfg(test)]
mod paging;
mod parts_taken;
mod passed;
#[cfg(test)]
mod plans;
mod pooler;
mod private;
mod pull;
mod random;
mod read;
mod readers;
mod renew;
pub mod retention;
pub mod rows;
mod seals;
pub mod sql;
mod store;
mod time_mark;
mod upkeep;
mod vans;
pub mod verify;
pub mod writer;

pub use alike::Likeness;
pub use changes::JobChanges;
pub use connect::Backend;
pub use error::StoreError;
pub(crate) use error::{Reach, noticing_conflicts};
pub use held::{Held, OpenJob};
pub use inspect::Inspected;
pub use jobs::{JobFilter, JobOrder, JobPage, JobPlace, JobRow};
pub use log::Logged;
pub(crate) use meta::Meta;
pub use passed::{STEADY_MS, passed};
pub use random::random;
pub use read::StoredDocument;
pub use readers::{Reader, reading};
pub use renew::{Renewal, Renewed};
pub use seals::SealCursor;
pub use store::Store;
pub use time_mark::Mark;
pub use upkeep::{TakenUp, in_turn};
pub use writer::Writer;
