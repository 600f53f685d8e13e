//! The Towline server: accounts, REST for the desk, sync for phones, one store on SQLite or PostgreSQL.

pub mod store;
pub mod writer;
