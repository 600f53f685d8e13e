//! Seals: a customer's signature bound to exactly what the customer saw, on which device and when.
//!
//! A phone renders the job ([`Shown`]), takes the strokes, and has its device key sign over the
//! digest of the rendering, the document heads, the strokes, place and time ([`Draft::sign`]).
//! The result is one fact in `signatures`. The server checks it and countersigns; anybody can
//! check both later from an evidence bundle, without a server.

mod bundle;
mod countersign;
mod difference;
mod message;
mod shown;
mod strokes;

use ed25519_dalek::{Signature, VerifyingKey};

pub use bundle::{Bundle, BundleRun, Evidence, bundle, verify_bundle};
pub use countersign::Countersignature;
pub use difference::Difference;
pub use shown::{Shown, Signer, digest};
pub use strokes::{MAX_POINTS, MAX_STROKES, Point, Stroke, decode_strokes, encode_strokes};

use crate::change::Entry;
use crate::document::{ChangeHash, Document, Fact};
use crate::id::{DeviceId, FactId, JobId};
use crate::job::Job;
use crate::limits;
use crate::place::Place;
use crate::schema::{key, section};
use crate::time::Stamp;
use crate::value::{Record, Value};

/// Why a seal or a bundle does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Something is absent or of the wrong form.
    #[error("the seal has no valid {0}")]
    Malformed(&'static str),
    /// The rendering is not the one the digest is of.
    #[error("what is shown is not what was signed")]
    DigestMismatch,
    /// The device's key did not sign this.
    #[error("the signature is not by this device over this seal")]
    BadSignature,
    /// No trusted server vouches for the device's key.
    #[error("no trusted server countersigned this seal")]
    NotCountersigned,
    /// The document in the bundle does not hold together, or does not hold the seal.
    #[error("the document in the bundle is not sound: {0}")]
    BadDocument(String),
    /// Larger than any honest one.
    #[error("{0} is above its limit")]
    TooLarge(&'static str),
}

impl SealError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "seal_malformed",
            Self::DigestMismatch => "seal_digest_mismatch",
            Self::BadSignature => "seal_bad_signature",
            Self::NotCountersigned => "seal_not_countersigned",
            Self::BadDocument(_) => "bundle_document_unsound",
            Self::TooLarge(_) => "seal_too_large",
        }
    }
}

/// A seal before its device has signed.
#[derive(Debug, Clone)]
pub struct Draft {
    /// The job.
    pub job: JobId,
    /// The id the fact will have.
    pub fact: FactId,
    /// The phone.
    pub device: DeviceId,
    /// What is on the screen.
    pub shown: Shown,
    /// The document's heads when it was shown.
    pub heads: Vec<ChangeHash>,
    /// What the pen did.
    pub strokes: Vec<Stroke>,
    /// Where, with the radius of 68 % confidence in decimetres.
    pub place: Option<(Place, Option<i64>)>,
    /// When.
    pub stamp: Stamp,
}

impl Draft {
    /// The fact to record. `sign` signs a message with the device's Ed25519 key, which may live
    /// in hardware.
    pub fn sign(self, sign: impl FnOnce(&[u8]) -> [u8; 64]) -> Result<Entry, SealError> {
        let shown = self.shown.canonical();
        if shown.is_empty() || shown.len() > limits::VALUE_BYTES {
            return Err(SealError::TooLarge("what is shown"));
        }
        let strokes = encode_strokes(&self.strokes).map_err(|_| SealError::TooLarge("strokes"))?;
        if strokes.len() > limits::VALUE_BYTES {
            return Err(SealError::TooLarge("strokes"));
        }
        let mut heads = self.heads;
        heads.sort();
        let mut record = Record::new();
        record.insert(key::KIND, "seal".into());
        // Beside the rendering, so that a list can show them without reading it.
        record.insert(key::NAME, Value::Text(self.shown.signer().name.clone()));
        record.insert(key::ROLE, Value::Text(self.shown.signer().role.clone()));
        record.insert(key::DIGEST, Value::Bytes(digest(&shown).to_vec()));
        record.insert(key::SHOWN, Value::Text(shown));
        record.insert(key::HEADS, Value::Bytes(heads.iter().flat_map(|head| head.0).collect()));
        record.insert(key::STROKES, Value::Bytes(strokes));
        record.insert(key::DEVICE, Value::Bytes(self.device.as_bytes().to_vec()));
        if let Some((place, accuracy)) = self.place {
            place.write(&mut record);
            record.extend(accuracy.map(|accuracy| (key::ACCURACY, Value::Int(accuracy))));
        }
        self.stamp.write(&mut record);
        let message = message::seal(self.job, self.fact, &record);
        record.insert(key::SIGNATURE, Value::Bytes(sign(&message).to_vec()));
        Ok(Entry::Fact { section: section::SIGNATURES, id: self.fact, record })
    }
}

/// A seal as it was recorded: well formed, its digest checked, its signature not yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seal {
    /// The job.
    pub job: JobId,
    /// The fact.
    pub fact: FactId,
    /// The phone that signed.
    pub device: DeviceId,
    /// Who signed and what they were told.
    pub signer: Signer,
    /// The canonical rendering.
    pub shown: String,
    /// SHA-256 of the rendering.
    pub digest: [u8; 32],
    /// The document's heads when it was shown.
    pub heads: Vec<ChangeHash>,
    /// When, as the phone's clocks had it.
    pub stamp: Stamp,
    /// Where.
    pub place: Option<Place>,
    record: Record,
    signature: [u8; 64],
}

impl Seal {
    /// Reads the seal of a `signatures` fact and checks that the digest is the rendering's.
    pub fn of(job: JobId, fact: &Fact) -> Result<Self, SealError> {
        Self::of_record(job, fact.id, &fact.record, fact.time)
    }

    pub(crate) fn of_record(
        job: JobId,
        fact: FactId,
        record: &Record,
        time: i64,
    ) -> Result<Self, SealError> {
        let bytes = |key| record.get(&key).and_then(Value::as_bytes);
        let shown = record.get(&key::SHOWN).and_then(Value::as_text);
        let shown = shown.ok_or(SealError::Malformed("shown"))?;
        let heads = bytes(key::HEADS).filter(|heads| heads.len() % 32 == 0);
        let heads = heads.ok_or(SealError::Malformed("heads"))?.chunks_exact(32);
        let heads = heads.filter_map(|head| Some(ChangeHash(head.try_into().ok()?)));
        let device = bytes(key::DEVICE).and_then(|id| DeviceId::from_slice(id).ok());
        let signature = bytes(key::SIGNATURE).and_then(|signature| signature.try_into().ok());
        let claimed = bytes(key::DIGEST).ok_or(SealError::Malformed("digest"))?;
        bytes(key::STROKES).ok_or(SealError::Malformed("strokes"))?;
        let parsed: ShownSigner =
            serde_json::from_str(shown).map_err(|_| SealError::Malformed("shown"))?;
        let beside = |key| record.get(&key).and_then(Value::as_text);
        let same_signer = beside(key::NAME) == Some(&parsed.signer.name)
            && beside(key::ROLE) == Some(&parsed.signer.role);
        if claimed != digest(shown) || parsed.job.id != job || !same_signer {
            return Err(SealError::DigestMismatch);
        }
        Ok(Self {
            job,
            fact,
            device: device.ok_or(SealError::Malformed("device"))?,
            signer: parsed.signer,
            shown: shown.to_owned(),
            digest: digest(shown),
            heads: heads.collect(),
            stamp: Stamp::read(record, time),
            place: Place::read(record),
            signature: signature.ok_or(SealError::Malformed("signature"))?,
            record: record.clone(),
        })
    }

    /// Checks the device's signature.
    pub fn verify(&self, key: &VerifyingKey) -> Result<(), SealError> {
        let signature = Signature::from_bytes(&self.signature);
        key.verify_strict(&self.message(), &signature).map_err(|_| SealError::BadSignature)
    }

    /// What the pen did.
    pub fn strokes(&self) -> Result<Vec<Stroke>, SealError> {
        let bytes = self.record.get(&key::STROKES).and_then(Value::as_bytes).unwrap_or_default();
        decode_strokes(bytes).map_err(|_| SealError::Malformed("strokes"))
    }

    /// How the job as it stands differs from what was signed; nothing when nothing does.
    pub fn changed_since(&self, job: &Job) -> Vec<Difference> {
        self.changed_from(&Standing::of(job))
    }

    /// As [`Seal::changed_since`], with the job rendered once for several seals.
    pub(crate) fn changed_from(&self, standing: &Standing) -> Vec<Difference> {
        let mut signed: serde_json::Value = serde_json::from_str(&self.shown).unwrap_or_default();
        if let Some(keys) = signed.as_object_mut() {
            keys.remove("signer");
        }
        difference::differences(&signed, &standing.0)
    }

    /// The message the device signed.
    pub(crate) fn message(&self) -> Vec<u8> {
        message::seal(self.job, self.fact, &self.record)
    }
}

/// A job as it would be shown now, whoever signs.
pub(crate) struct Standing(serde_json::Value);

impl Standing {
    pub(crate) fn of(job: &Job) -> Self {
        let nobody = Signer {
            name: String::new(),
            role: String::new(),
            language: String::new(),
            statement: String::new(),
        };
        let mut shown = serde_json::to_value(Shown::of(job, nobody)).unwrap_or_default();
        if let Some(keys) = shown.as_object_mut() {
            keys.remove("signer");
        }
        Self(shown)
    }
}

/// The well-formed seals of a job that no server has countersigned yet, oldest id first. Their
/// device signatures are not checked here.
pub fn awaiting(document: &Document) -> impl Iterator<Item = Seal> {
    let job = document.id().job();
    let facts = document.facts(&section::SIGNATURES);
    let seals = facts.filter_map(move |fact| Seal::of(job?, fact).ok());
    seals.filter(|seal| Countersignature::all_of(document, seal.fact).next().is_none())
}

/// The parts of a rendering that every version has.
#[derive(serde::Deserialize)]
struct ShownSigner {
    job: ShownJobId,
    signer: Signer,
}

#[derive(serde::Deserialize)]
struct ShownJobId {
    id: JobId,
}
