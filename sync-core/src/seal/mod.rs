//! Seals: a customer's signature bound to exactly what the customer saw, on which device and when.
//!
//! A phone renders the job ([`Shown`]), takes the strokes, and has its device key sign over the
//! digest of the rendering, the document heads, the strokes, place and time ([`Draft::sign`]).
//! The result is one fact in `signatures`. The server checks it and countersigns; anybody can
//! check both later from an evidence bundle, without a server.

mod countersign;
mod difference;
mod lines;
mod message;
mod shown;
mod statement;
mod strokes;

use ed25519_dalek::{Signature, VerifyingKey};

pub use countersign::{Countersignature, awaiting, countersigned, countersigned_of_each};
pub(crate) use difference::CurrentRendering;
pub use difference::{Changes, DIFFERENCE_BYTES, Difference};
pub(crate) use lines::{ShownJob, ShownLine, ShownTotal, ShownWork};
pub(crate) use shown::{FINDINGS, VERSION, WITHOUT_MODE, Whole, cut};
pub use shown::{SHEET_LINES, Shown, Signer, digest};
pub use statement::{Completeness, Statement};
pub use strokes::{MAX_POINTS, MAX_STROKES, Point, Stroke, decode_strokes, encode_strokes};

use crate::change::Entry;
use crate::document::{ChangeHash, Fact};
use crate::id::{DeviceId, FactId, JobId};
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
    /// Changes that the server had are not in the bundle, or others are.
    #[error("changes are missing: the document is not the one that the server exported")]
    Incomplete,
    /// The server's key did not sign the statement of the document.
    #[error("the statement of the document is not signed by the key it names")]
    BadStatement,
    /// More parts and charges than a customer can sign for.
    #[error(
        "the sheet has {0} parts and charges, and a customer can sign for {SHEET_LINES}: record what is \
         alike as one line with its quantity and take the others back, or ask the office to"
    )]
    TooManyLines(usize),
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
            Self::Incomplete => "bundle_incomplete",
            Self::BadStatement => "bundle_bad_statement",
            Self::TooManyLines(_) => "seal_too_many_lines",
            Self::TooLarge(_) => "seal_too_large",
        }
    }
}

/// Differences that are listed of one seal; more are counted.
pub const LISTED: usize = 50;

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
        self.shown.fits()?;
        let shown = self.shown.canonical();
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
    /// Version of the rendering.
    version: u64,
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
        // All of them are read where a seal is admitted or countersigned, not at every fold.
        bytes(key::STROKES)
            .filter(|strokes| strokes::is_known_form(strokes))
            .ok_or(SealError::Malformed("strokes"))?;
        let parsed: ShownSigner =
            serde_json::from_str(shown).map_err(|_| SealError::Malformed("shown"))?;
        let beside = |key| record.get(&key).and_then(Value::as_text);
        let same_signer = beside(key::NAME) == Some(&parsed.signer.name)
            && beside(key::ROLE) == Some(&parsed.signer.role);
        let digest = digest(shown);
        if claimed != digest || parsed.job.id != job || !same_signer {
            return Err(SealError::DigestMismatch);
        }
        Ok(Self {
            job,
            fact,
            device: device.ok_or(SealError::Malformed("device"))?,
            signer: parsed.signer,
            version: parsed.version.unwrap_or(1),
            shown: shown.to_owned(),
            digest,
            heads: heads.collect(),
            stamp: Stamp::read(record, time),
            place: Place::read(record),
            signature: signature.ok_or(SealError::Malformed("signature"))?,
            record: record.clone(),
        })
    }

    /// Checks what can be checked without a key and is not checked at every reading: the rendering is
    /// in canonical form, and someone moved the pen.
    ///
    /// # Errors
    /// Malformed where it is not so.
    pub fn check(&self) -> Result<(), SealError> {
        if self.strokes()?.iter().all(Vec::is_empty) {
            return Err(SealError::Malformed("strokes"));
        }
        if shown::is_canonical(&self.shown) { Ok(()) } else { Err(SealError::Malformed("shown")) }
    }

    /// The version of the rendering that was signed.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    pub(crate) fn signature(&self) -> &[u8; 64] {
        &self.signature
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

    /// How the job as it stands, rendered once for several seals, differs from what was signed; the
    /// first `room` places listed.
    pub(crate) fn changes(
        &self,
        [first, second, latest]: &[CurrentRendering<'_>; 3],
        room: usize,
    ) -> Changes {
        let mut signed: serde_json::Value = serde_json::from_str(&self.shown).unwrap_or_default();
        if let Some(keys) = signed.as_object_mut() {
            keys.remove("signer");
        }
        let standing = match self.version {
            0 | 1 => first,
            2 => second,
            _ => latest,
        };
        standing.changes(&signed, room)
    }

    /// The message the device signed.
    pub(crate) fn message(&self) -> Vec<u8> {
        message::seal(self.job, self.fact, &self.record)
    }
}

/// Whether a fact of `signatures` is a customer's seal.
pub fn is_seal(record: &Record) -> bool {
    record.get(&key::KIND).and_then(Value::as_text) == Some("seal")
}

/// The parts of a rendering that every version has.
#[derive(serde::Deserialize)]
struct ShownSigner {
    version: Option<u64>,
    job: ShownJobId,
    signer: Signer,
}

#[derive(serde::Deserialize)]
struct ShownJobId {
    id: JobId,
}
