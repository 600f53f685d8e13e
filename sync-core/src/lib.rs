//! The rules of Towline: what a document is, who may change it, how replicas agree.

pub mod admission;
pub mod change;
pub mod check;
pub mod document;
pub mod enrol;
pub mod id;
pub mod job;
pub mod limits;
pub mod place;
pub mod policy;
pub mod schema;
pub mod scope;
pub mod seal;
pub mod sync;
pub mod technician;
pub mod time;
pub mod value;
pub mod van;
pub mod wire;
