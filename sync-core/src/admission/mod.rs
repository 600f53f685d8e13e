//! The only doors into a document, and the proofs a change must carry through each.
//!
//! ```text
//! frame ─decode→ Received ─signature→ Verified ─┬─ policy, hash chain, checks ─→ admit()   server, from phones
//!                 server receipt ───────────────┘
//! work handed in ── signature, policy, checks ─→ adopt()                                    server, in the author's name
//! entries of a person ── policy, checks ─→ record()                                        desk and phone, own work
//! attested runs of the server's own log ── hash chain, checks ─→ replay()                   phone, and server at load
//! ```
//!
//! Each step takes one type and returns the next, so a step cannot be left out by mistake.

mod admit;
mod adopt;
mod record;
mod replay;
mod verdict;
mod verify;

pub use admit::{
    ACTOR_NOT_YOURS, Admission, Admitted, MANY_HEADS, RefusedBefore, RefusedChange, admit,
};
pub use adopt::adopt;
pub use record::{RecordError, record};
pub use replay::{Replayed, replay};
pub use verdict::Verdict;
pub use verify::{Attested, PushError, Received, Verified, push_message};
