//! Sync: what phone and server say to each other, and what each does next, without any I/O.
//!
//! One exchange is one request and one response, over HTTP or as WebSocket messages alike. Up go
//! all changes without a verdict; down come a verdict for each, and everything new in scope.
//!
//! The contract of a driver, in one sentence: *hand every event to the machine, carry out the
//! effects it returns in order, and give it back what they bring; nothing else is remembered.*
//!
//! 1. Something happened (work saved, coverage back, a timer, bytes): make it an event.
//! 2. Call `handle`. [`Phone::handle`] also takes a number nobody can guess, which spreads retries and
//!    decides nothing else; [`Session::handle`] the server's wall clock, which only goes into the answer.
//! 3. Carry out the effects in order. Storing is one transaction, on disk before the next event.
//! 4. What an effect brings (a page, a reply, "stored") is the next event: go to 1.

pub mod close;
mod codec;
mod frame;
mod intake;
mod phone;
mod repair;
mod replica;
mod retention;
mod server;

pub use codec::{
    decode_request, decode_response, decode_verdict_list, encode_request, encode_response,
    encode_verdict_list,
};
pub use frame::{Fault, Frame, Inventory, Request, Response, Sent};
pub use intake::{ReplicaStore, Taken, join, take_in};
pub use phone::Phone;
pub use phone::events::{
    Failure, Inbox, Outbox, PhoneEffect, PhoneEvent, PushedVerdict, SyncOutcome,
};
pub use repair::Repair;
pub use replica::{Delta, LocalWriter, RefusedWork, Replica, StoredRun, SyncStatus};
pub use retention::{Anchor, Retention};
pub use server::{Pull, Pulled, PushedRange, ServerEffect, ServerEvent, Session, Submitted};
