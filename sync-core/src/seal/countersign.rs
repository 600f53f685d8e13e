//! The server's countersignature: which key a device had when its seal came in, and when that was.

use std::collections::BTreeMap;

use ed25519_dalek::{Signature, VerifyingKey};

use super::{Seal, SealError, is_seal, message};
use crate::change::Entry;
use crate::document::{Document, Fact};
use crate::id::{FactId, TenantId, UserId};
use crate::schema::{key, section};
use crate::value::{Record, Value};

/// A server's countersignature for a seal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Countersignature {
    /// The dealership group.
    pub tenant: TenantId,
    /// The seal's fact.
    pub seal: FactId,
    /// The device's public key, as the server had it.
    pub device_key: [u8; 32],
    /// When the seal came in, Unix milliseconds.
    pub received_at: i64,
    /// Name of the server's key.
    pub kid: String,
    signature: [u8; 64],
}

impl Countersignature {
    /// Checks a seal with `device_key` and countersigns it. `sign` signs with the server's Ed25519 key
    /// named `kid`.
    pub fn of(
        seal: &Seal,
        tenant: TenantId,
        device_key: &VerifyingKey,
        received_at: i64,
        kid: &str,
        sign: impl FnOnce(&[u8]) -> [u8; 64],
    ) -> Result<Self, SealError> {
        seal.check()?;
        seal.verify(device_key)?;
        let device_key = device_key.to_bytes();
        let own = seal.message();
        let text = message::countersign(tenant, &own, &seal.signature, &device_key, received_at);
        let signature = sign(&text);
        Ok(Self {
            tenant,
            seal: seal.fact,
            device_key,
            received_at,
            kid: kid.to_owned(),
            signature,
        })
    }

    /// The fact the server records in `signatures`.
    pub fn entry(&self, id: FactId) -> Entry {
        let record = Record::from([
            (key::KIND, "countersigned".into()),
            (key::REF, Value::Bytes(self.seal.as_bytes().to_vec())),
            (key::TENANT, Value::Bytes(self.tenant.as_bytes().to_vec())),
            (key::PUBLIC_KEY, Value::Bytes(self.device_key.to_vec())),
            (key::AT, Value::Int(self.received_at)),
            (key::KID, Value::Text(self.kid.clone())),
            (key::SIGNATURE, Value::Bytes(self.signature.to_vec())),
        ]);
        Entry::Fact { section: section::SIGNATURES, id, record }
    }

    /// The countersignature a fact holds.
    pub fn read(fact: &Fact) -> Option<Self> {
        let bytes = |key| fact.record.get(&key).and_then(Value::as_bytes);
        let text = |key| fact.record.get(&key).and_then(Value::as_text);
        (text(key::KIND)? == "countersigned").then_some(())?;
        Some(Self {
            tenant: TenantId::from_slice(bytes(key::TENANT)?).ok()?,
            seal: FactId::from_slice(bytes(key::REF)?).ok()?,
            device_key: bytes(key::PUBLIC_KEY)?.try_into().ok()?,
            received_at: fact.record.get(&key::AT).and_then(Value::as_int)?,
            kid: text(key::KID)?.to_owned(),
            signature: bytes(key::SIGNATURE)?.try_into().ok()?,
        })
    }

    /// The countersignatures of a seal in its document, none checked yet.
    pub fn all_of(document: &Document, seal: FactId) -> impl Iterator<Item = Self> {
        let facts = document.facts(&section::SIGNATURES).filter_map(Self::read);
        facts.filter(move |countersigned| countersigned.seal == seal)
    }

    /// Checks that the server's key signed this for this seal, and that the device's key it
    /// names signed the seal.
    pub fn verify(&self, seal: &Seal, server: &VerifyingKey) -> Result<(), SealError> {
        let text = message::countersign(
            self.tenant,
            &seal.message(),
            &seal.signature,
            &self.device_key,
            self.received_at,
        );
        let signature = Signature::from_bytes(&self.signature);
        server.verify_strict(&text, &signature).map_err(|_| SealError::NotCountersigned)?;
        let device = VerifyingKey::from_bytes(&self.device_key);
        seal.verify(&device.map_err(|_| SealError::Malformed("public_key"))?)
    }
}

/// The well-formed seals of a job that no server has countersigned yet, each with its fact, oldest id
/// first. Their device signatures are not checked here.
pub fn awaiting(document: &Document) -> impl Iterator<Item = (&Fact, Seal)> {
    let job = document.id().job();
    let countersigned = countersigned(document);
    let facts = document.facts(&section::SIGNATURES).filter(|fact| is_seal(&fact.record));
    let waiting = facts.filter(move |fact| !countersigned.contains_key(&fact.id));
    waiting.filter_map(move |fact| Some((fact, Seal::of(job?, fact).ok()?)))
}

/// How many seals of each author a server has countersigned in a job. It countersigns
/// [`crate::limits::SEALS_OF_ONE`] of each, so that nobody uses up the room for the seals of others.
pub fn countersigned_of_each(document: &Document) -> BTreeMap<Option<UserId>, usize> {
    let mut counts = BTreeMap::new();
    for seal in countersigned(document).into_keys() {
        let Some(fact) = document.fact(&section::SIGNATURES, &seal) else { continue };
        *counts.entry(fact.author).or_default() += 1;
    }
    counts
}

/// The seals of a job that have a countersignature, and when the first was given, Unix
/// milliseconds. None is checked yet.
pub fn countersigned(document: &Document) -> BTreeMap<FactId, i64> {
    let mut seals = BTreeMap::new();
    for word in document.facts(&section::SIGNATURES).filter_map(Countersignature::read) {
        let first = seals.entry(word.seal).or_insert(word.received_at);
        *first = word.received_at.min(*first);
    }
    seals
}
