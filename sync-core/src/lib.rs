//! The rules of Towline: what a document is, who may change it, how replicas agree.

pub mod change;
pub mod document;
pub mod enrol;
pub mod id;
pub mod limits;
pub mod schema;
pub mod value;
pub mod wire;
