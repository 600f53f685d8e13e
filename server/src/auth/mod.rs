//! Who is asking: passwords, sessions, signed assertions of phones, and the one check of tokens.

pub mod access;
pub mod caller;
pub mod gate;
pub mod keys;
pub mod password;
mod provider;
pub mod role;
pub mod session;
pub mod throttle;
pub mod token;

pub use caller::{Caller, Staff};
pub use keys::Keys;
pub use role::Role;
