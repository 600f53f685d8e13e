//! The device engine: a technician's phone over one SQLite file, and its face for other languages.
//!
//! In reading order:
//!
//! 1. [`Engine`] is opened on a file, enrolled once, and then only told what happened. Every verb
//!    that records something returns after the work is committed and on disk: that is *saved*.
//! 2. [`Engine::sync_now`] drives the phone's machine of `sync_core::sync` over a [`Transport`].
//!    What the server answers is stored in one transaction, then the next step is taken.
//! 3. Whatever the server refuses is kept with its reason ([`Engine::refused`]) and blocks nothing.
//! 4. [`rescue`] reads what is left of a store that is damaged, and hands it in.
//! 5. [`ffi`] gives the same verbs to Kotlin, Swift and Python as records and enums.
//!
//! Beside the store `phone.db` (with SQLite's own `-wal` and `-shm`) lie `phone.db.lock`, held by the
//! one engine that has it open; `phone.db.reserve`, given up when the disk is full; and
//! `phone.db.secret`, the device's key and the installation's nonce, unless a [`Vault`] keeps them.
//! The secret does not belong in a backup: a store that is restored without it knows that it is
//! a copy, takes a fresh actor and asks to be enrolled again, and nothing is typed twice.
//!
//! Rules (policy, folds, sync, seals) live in `sync_core`; here are files, sockets and locks.

mod engine;
mod error;
pub mod ffi;
mod net;
mod platform;
pub mod rescue;
mod store;

pub use engine::*;
pub use error::EngineError;
pub use net::{
    CleartextConnector, Connector, HttpConnector, HttpTransport, NetError, Post, Reply,
    SYNC_MEDIA_TYPE, SocketConnector, SocketTransport, Transport,
};
pub use platform::{Clock, Random, SystemClock, SystemRandom};
pub use store::space::SpaceLimits;
pub use store::{FileVault, Vault};

uniffi::setup_scaffolding!();
