//! What every request and answer has in common: problems, bodies, versions, repeats, cursors.

pub mod body;
pub mod code;
pub mod csrf;
pub mod cursor;
pub mod etag;
pub mod headers;
pub mod idempotency;
pub mod path;
pub mod problem;
pub mod request_id;

pub use body::Json;
pub use code::Code;
pub use cursor::Cursor;
pub use etag::{ETag, IfMatch};
pub use idempotency::Operation;
pub use path::{Id, Query};
pub use problem::{Problem, ProblemBody};
