//! The only doors into a document, and the proofs a change must carry through each.
//!
//! ```text
//! frame ─decode→ Received ─signature→ Verified ─policy, schema→ Allowed ─hash chain, limits→ Admitted
//!                  server's receipt ─────┴───────receipt───────┘
//!
//! admit()    runs as they came, each change under its own number       server, from phones
//! reauthor()    what they say, in their authors' names, under new numbers  server, submissions
//! record()   entries of a person, as their next change                  desk and phone, own work
//! replay()   attested runs of the server's own log; policy was asked    phone, and server at load
//! ```
//!
//! Each step takes one type and returns the next, so a step cannot be left out by mistake.

mod admit;
mod allow;
mod people;
mod reauthor;
mod record;
mod replay;
mod seals;
mod verdict;
mod verify;

pub use admit::{ACTOR_NOT_YOURS, Admission, Admitted, RefusedBefore, RefusedChange, admit};
pub use reauthor::reauthor;
pub use record::{RecordError, record};
pub use replay::{Replayed, replay};
pub use verdict::Verdict;
pub use verify::{Attested, DeviceKey, PushError, Received, Verified, push_message};
