//! The tables of people and phones, and the doors through which they come in.

pub mod audit;
pub mod branches;
pub mod code;
pub mod devices;
pub mod enrol;
pub mod login;
pub mod parts;
pub mod sql;
pub mod tenants;
pub mod token;
pub mod users;
