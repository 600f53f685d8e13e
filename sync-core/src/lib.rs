//! The rules of Towline: what a document is, who may change it, how replicas agree.
//!
//! A tour, in reading order:
//!
//! 1. [`schema`]: the one table of sections, fields, kinds of facts and their keys, and the
//!    dictionaries of their numbers. [`value`], [`id`], [`time`] and [`place`] are what facts are made of.
//! 2. [`change`]: what one writer says at once, and its bytes ([`wire`]). [`limits`] has every bound.
//! 3. [`document`]: changes in their order, their hashes as Automerge defines them, the state they give.
//! 4. [`policy`]: who may write what. [`admission`]: the only doors into a document, for which a
//!    change needs policy, schema and limits, or a receipt. [`codes`]: every answer with its sentence.
//! 5. [`job`], [`van`], [`technician`]: folds, from facts to meaning. [`scope`]: who holds what.
//! 6. [`seal`]: a customer's signature bound to what was shown. [`check`]: VINs, phone numbers, plates.
//! 7. [`sync`]: one state machine for each side, and what a verdict does to a phone's document.
//!    [`enrol`]: how a phone is let in.
//!
//! Nothing here reads a clock, draws randomness, or does I/O. A driver hands events to a machine,
//! carries out the effects that `handle` returns, in their order, and gives back what they bring as
//! the next event. [`sync::Phone::handle`] takes a random number besides, [`sync::Session::handle`]
//! the wall clock of the server. The same events give the same effects.

pub mod admission;
pub mod change;
pub mod check;
pub mod codes;
mod cost;
pub mod document;
pub mod enrol;
pub mod id;
pub mod job;
pub mod limits;
pub mod place;
pub mod policy;
pub mod position;
pub mod schema;
pub mod scope;
pub mod seal;
pub mod search;
pub mod sync;
pub mod technician;
pub mod time;
pub mod value;
pub mod van;
pub mod wire;
