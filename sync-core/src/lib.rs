//! The rules of Towline: what a document is, who may change it, how replicas agree.
//!
//! A tour, in reading order, from the bottom up: no module knows one that comes after it
//! (`tests/direction.rs`).
//!
//! 1. [`limits`] has every bound, [`codes`] every answer with its sentence. [`dictionary`]: the names of
//!    sections, keys and words with their numbers. [`value`] and [`id`] are what facts are made of.
//! 2. [`schema`]: the one table of sections, fields, kinds of facts and their keys. [`time`] and
//!    [`place`]: what several keys of a fact mean together.
//! 3. [`change`]: what one writer says at once, and its bytes ([`wire`]).
//! 4. [`document`]: changes in their order, their hashes as Automerge defines them, the state they give.
//! 5. [`seal`]: a customer's signature bound to what was shown. [`check`]: VINs, phone numbers, plates.
//!    [`search`]: the form in which texts are looked for.
//! 6. [`job`], [`technician`], [`van`]: folds, from facts to meaning. [`scope`]: who holds what.
//! 7. [`policy`]: who may write what. [`admission`]: the only doors into a document, for which a
//!    change needs policy, schema and limits, or a receipt. [`bundle`]: a seal with its document, for
//!    whoever checks it without a server.
//! 8. [`sync`]: one state machine for each side, and what a verdict does to a phone's document.
//!    [`enrol`]: how a phone is let in. [`position`]: where phones are, which are no facts.
//!
//! Nothing here reads a clock, draws randomness, or does I/O. A driver hands events to a machine,
//! carries out the effects that `handle` returns, in their order, and gives back what they bring as
//! the next event. [`sync::Phone::handle`] takes a random number besides, [`sync::Session::handle`]
//! the wall clock of the server. The same events give the same effects.

pub mod admission;
pub mod bundle;
pub mod change;
pub mod check;
pub mod codes;
mod cost;
pub mod dictionary;
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
