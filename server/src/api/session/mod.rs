//! Logging in: staff with a password, phones with an assertion they signed.

pub mod login;
pub mod token;
