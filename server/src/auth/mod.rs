//! Who is asking: passwords, sessions, signed assertions of phones, and the one check of tokens.

pub mod access;
pub mod api_token;
pub mod attempt;
pub mod blocked;
pub mod browser;
pub mod caller;
pub mod cookie;
pub mod deadlines;
pub mod gate;
pub mod installation;
pub mod keys;
pub mod password;
pub mod person;
pub mod proven;
mod provider;
pub mod reach;
pub mod scope;
pub mod session;
pub mod throttle;
pub mod token;

pub use caller::{Caller, Staff, still_open};
pub use keys::Keys;
pub use reach::Reach;
pub use scope::Scope;
pub use sync_core::policy::Role;
