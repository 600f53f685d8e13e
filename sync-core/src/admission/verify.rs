//! From a decoded run to one whose author is proven.
//!
//! A push is signed once, by the device's Ed25519 key (RFC 8032), over the document and last
//! hash of each of its runs; the hash chain covers the rest. A run that went through this server
//! before carries the server's own receipt instead, so any phone can bring it back.

use ed25519_dalek::{Signature, VerifyingKey};

use super::seals::Sealers;
use crate::change::Run;
use crate::codes;
use crate::document::Author;
use crate::id::{ActorId, DeviceId, UserId};

/// What tells whether a device signed something: the public half of its key.
///
/// A device's key is an Ed25519 key. Whoever plays thousands of fleets may let most of them sign in
/// a cheaper way, and whoever keeps keys elsewhere may ask there.
pub trait DeviceKey {
    /// Whether this is the device's signature over the message.
    fn verifies(&self, message: &[u8], signature: &[u8; 64]) -> bool;

    /// Whether this is the device's signature over the message of a seal.
    fn verifies_seal(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        self.verifies(message, signature)
    }
}

impl DeviceKey for VerifyingKey {
    /// Strictly: neither weak keys nor a second form of the same signature.
    fn verifies(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        self.verify_strict(message, &Signature::from_bytes(signature)).is_ok()
    }
}

/// A run that was decoded within limits; nothing is known of who made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received(pub Run);

/// A run whose author is proven, by the device's signature or the server's receipt.
#[derive(Debug, Clone)]
pub struct Verified {
    run: Run,
    author: Author,
    relayed: bool,
    sealers: Sealers,
}

/// A run as the server keeps and sends it: with its author and the server's receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attested {
    /// The changes.
    pub run: Run,
    /// Who made them, as the server attests.
    pub author: Author,
    /// Message authentication code of the server over document, actor, last hash and author.
    /// Only the server that gave it can check it; it lets a phone bring back what a server
    /// restored from a backup has lost.
    pub receipt: [u8; 16],
}

/// Why a push as a whole is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PushError {
    /// The signature is not of this device's key over these runs.
    #[error("the signature does not match the device's key")]
    BadSignature,
}

impl PushError {
    /// The stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::BadSignature => codes::BAD_SIGNATURE.word,
        }
    }
}

impl Received {
    /// Checks one signature over a whole push.
    pub fn verify(
        push: Vec<Self>,
        signature: &[u8; 64],
        key: &impl DeviceKey,
        user: UserId,
        device: DeviceId,
    ) -> Result<Vec<Verified>, PushError> {
        let message = push_message(device, push.iter().map(|received| &received.0));
        if !key.verifies(&message, signature) {
            return Err(PushError::BadSignature);
        }
        let author = Author::phone(user, device);
        let verified = |Self(run)| {
            let sealers = Sealers::of(&run, device, key);
            Verified { run, author, relayed: false, sealers }
        };
        Ok(push.into_iter().map(verified).collect())
    }
}

impl Verified {
    /// Believes a run that carries this server's receipt, which `is_genuine` checks.
    pub fn relayed(attested: Attested, is_genuine: impl FnOnce(&Attested) -> bool) -> Option<Self> {
        let genuine = is_genuine(&attested);
        let Attested { run, author, .. } = attested;
        genuine.then_some(Self { run, author, relayed: true, sealers: Sealers::default() })
    }

    /// Says which phones its author ever had: a seal in it is of one of these.
    #[must_use]
    pub fn of_devices(mut self, devices: &[DeviceId]) -> Self {
        self.sealers.had(devices.to_vec());
        self
    }

    /// The run.
    pub fn run(&self) -> &Run {
        &self.run
    }

    /// Who made it.
    pub fn author(&self) -> Author {
        self.author
    }

    /// Whether it comes back with a receipt: it was admitted before and is not judged again.
    pub fn is_relayed(&self) -> bool {
        self.relayed
    }

    /// The actor; whoever drives the admission checks that it belongs to the author's device.
    pub fn actor(&self) -> ActorId {
        self.run.actor()
    }

    pub(super) fn into_parts(self) -> (Run, Author, bool, Sealers) {
        (self.run, self.author, self.relayed, self.sealers)
    }
}

/// The message a device signs for a push: a label, the device, then each document and last hash.
pub fn push_message<'a>(device: DeviceId, runs: impl Iterator<Item = &'a Run>) -> Vec<u8> {
    let mut message = b"towline push 1\n".to_vec();
    message.extend_from_slice(device.as_bytes());
    for run in runs {
        message.push(run.doc.kind.code());
        message.extend_from_slice(run.doc.as_bytes());
        message.extend_from_slice(&run.last_hash.0);
    }
    message
}
