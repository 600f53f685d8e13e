//! Sync: what phone and server say to each other, and what each does next, without any I/O.
//!
//! One exchange is one request and one response, over HTTP or as WebSocket messages alike. Up go
//! all changes without a verdict; down come a verdict for each, and everything new in scope.
//!
//! The contract of a driver, in one sentence: *hand every event to the machine, carry out the
//! effects it returns in order, and give it back what they bring; nothing else is remembered.*
//!
//! 1. Something happened (work saved, coverage back, a timer, bytes): make it an event.
//! 2. Call `handle(now, event)`; `now` is any clock that does not go back.
//! 3. Carry out the effects in order. Storing is one transaction, on disk before the next event.
//! 4. What an effect brings (a page, a reply, "stored") is the next event: go to 1.

mod codec;
mod frame;
mod intake;
mod kept;
mod phone;
mod repair;
mod replica;
mod server;

pub use codec::{decode_request, decode_response, encode_request, encode_response};
pub use frame::{Fault, Frame, Inventory, Request, Response, Sent};
pub use intake::{Shelf, Taken, join, take_in};
pub use kept::{Anchor, Kept};
pub use phone::{Failure, Inbox, Outbox, Outcome, Phone, PhoneEffect, PhoneEvent, PushedVerdict};
pub use repair::Repair;
pub use replica::{Delta, Held, RefusedWork, Replica, Standing, Writer};
pub use server::{Pull, Pulled, PushedRange, ServerEffect, ServerEvent, Session, Submitted};
