//! What every request and answer has in common: problems, bodies, versions, repeats, cursors.

pub mod body;
pub mod code;
pub mod csrf;
pub mod cursor;
pub mod etag;
pub mod headers;
pub mod idempotency;
pub mod path;
pub mod plain;
pub mod problem;
pub mod query;
pub mod request_id;

pub use body::{Json, JsonOrNothing};
pub use code::Code;
pub use cursor::{Cursor, List};
pub use etag::{ETag, IfMatch, MaybeIfMatch, Tagged, Tags};
pub use idempotency::Operation;
pub use path::{Id, Two, created};
pub use problem::{Problem, ProblemBody};
pub use query::Query;
