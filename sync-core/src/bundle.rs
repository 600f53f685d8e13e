//! Evidence bundles: a seal with everything needed to check it offline, in one JSON file.
//!
//! The file holds the document's changes; the seal and the server's countersignature are read
//! from the document that the changes give, so nothing is believed that the hash chain does not
//! cover.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::VerifyingKey;
use serde::{Deserialize, Serialize};

use crate::admission::replay;
use crate::change::{Change, ChangeRef, Run, decode_run, encode_run};
use crate::document::{Author, ChangeHash, Document};
use crate::id::{DeviceId, FactId, JobId, UserId};
use crate::job::{Job, Past};
use crate::limits;
use crate::schema::section;
use crate::seal::{Completeness, Countersignature, Difference, Seal, SealError, Statement};
use crate::wire::{Reader, Writer};

/// Largest bundle that is read, bytes: a whole document in base64, and as much again.
pub const BUNDLE_BYTES: usize = 4 * limits::DOCUMENT_BYTES;
const FORMAT: &str = "towline-evidence-1";

/// The file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Bundle {
    /// `towline-evidence-1`.
    pub format: String,
    /// The job.
    pub job: JobId,
    /// The seal's fact.
    pub seal: FactId,
    /// The rendering that was signed, for people to read.
    pub shown: String,
    /// Every change of the document, in an order in which each follows what it depends on.
    pub runs: Vec<BundleRun>,
    /// What the server says of the document as a whole; absent in bundles of old versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement: Option<Statement>,
}

/// One run of changes with its author.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BundleRun {
    /// Who made the changes, as the server attested it.
    pub user: Option<UserId>,
    /// On which phone.
    pub device: Option<DeviceId>,
    /// The run in the wire encoding, base64.
    pub run: String,
}

/// What a bundle proves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// The job.
    pub job: JobId,
    /// The seal's fact.
    pub seal: FactId,
    /// Name of who signed.
    pub name: String,
    /// In which role.
    pub role: String,
    /// In which language.
    pub language: String,
    /// The sentence they signed.
    pub statement: String,
    /// When, in server time, Unix milliseconds.
    pub signed_at: i64,
    /// Uncertainty of that, milliseconds.
    pub uncertainty: Option<i64>,
    /// When the server received it, Unix milliseconds.
    pub received_at: i64,
    /// The phone.
    pub device: DeviceId,
    /// Name of the server key that vouches for the phone's key.
    pub kid: String,
    /// The rendering follows from the document at the heads it names, with this version's rules.
    /// Also false when those heads are not in the document: a phone that was put back from a copy,
    /// or met a restored server, re-authored its changes after the customer had signed.
    pub rendering_matches: bool,
    /// Points of the pen.
    pub points: usize,
    /// Changes in the document.
    pub changes: usize,
    /// What was changed since it was signed, the first [`crate::seal::LISTED`] places.
    pub changed_since_signed: Vec<Difference>,
    /// How many places were changed since it was signed.
    pub places_changed: usize,
    /// Whether everything that the server had is in the bundle.
    pub completeness: Completeness,
}

/// The bundle of one seal without a statement of its server, as bytes of JSON. It proves the seal, and
/// not that nothing was cut off.
pub fn bundle(document: &Document, seal: FactId) -> Result<Vec<u8>, SealError> {
    write(document, seal, None)
}

/// The bundle of one seal with the server's statement of the document, as bytes of JSON.
pub fn export(
    document: &Document,
    seal: FactId,
    statement: Statement,
) -> Result<Vec<u8>, SealError> {
    write(document, seal, Some(statement))
}

fn write(
    document: &Document,
    seal: FactId,
    statement: Option<Statement>,
) -> Result<Vec<u8>, SealError> {
    let job = document.id().job().ok_or(SealError::Malformed("job"))?;
    let fact = document.fact(&section::SIGNATURES, &seal).ok_or(SealError::Malformed("seal"))?;
    let shown = Seal::of(job, fact)?.shown;
    let mut runs: Vec<BundleRun> = Vec::new();
    for (changes, author) in stretches(document.changes()) {
        let last = changes.last().map(|c| ChangeRef { actor: c.actor, seq: c.seq });
        let last_hash = last.and_then(|last| document.hash_of(&last));
        let last_hash = last_hash.ok_or_else(|| SealError::BadDocument("no hash".to_owned()))?;
        let mut writer = Writer::new();
        encode_run(&mut writer, &Run { doc: document.id(), changes, last_hash });
        let run = STANDARD.encode(writer.into_bytes());
        runs.push(BundleRun { user: author.user, device: author.device, run });
    }
    let bundle = Bundle { format: FORMAT.to_owned(), job, seal, shown, runs, statement };
    let bytes = serde_json::to_vec(&bundle).map_err(|_| SealError::Malformed("bundle"))?;
    if bytes.len() > BUNDLE_BYTES { Err(SealError::TooLarge("bundle")) } else { Ok(bytes) }
}

/// Checks a bundle without a server: the hash chain, the server's statement of the whole, the device's
/// signature, and that one of the `trusted` server keys, by name, vouches for the device.
pub fn verify_bundle(
    bytes: &[u8],
    trusted: &[(String, VerifyingKey)],
) -> Result<Evidence, SealError> {
    if bytes.len() > BUNDLE_BYTES {
        return Err(SealError::TooLarge("bundle"));
    }
    let bundle: Bundle =
        serde_json::from_slice(bytes).map_err(|_| SealError::Malformed("bundle"))?;
    if bundle.format != FORMAT {
        return Err(SealError::Malformed("format"));
    }
    let document = rebuild(&bundle)?;
    let completeness = match &bundle.statement {
        Some(statement) => statement.check(&document, bundle.job, trusted)?,
        None => Completeness::NotStated,
    };
    let fact = document.fact(&section::SIGNATURES, &bundle.seal);
    let fact = fact.ok_or_else(|| SealError::BadDocument("the seal is not in it".to_owned()))?;
    let seal = Seal::of(bundle.job, fact)?;
    if seal.shown != bundle.shown {
        return Err(SealError::DigestMismatch);
    }
    let countersigned = Countersignature::all_of(&document, bundle.seal).find(|word| {
        let mut servers = trusted.iter().filter(|(kid, _)| *kid == word.kid);
        servers.any(|(_, server)| word.verify(&seal, server).is_ok())
    });
    let countersigned = countersigned.ok_or(SealError::NotCountersigned)?;
    let then = at_heads(&document, &seal.heads)?;
    let time = seal.stamp.corrected();
    let changed = seal.changed_since(&Job::of(&document));
    Ok(Evidence {
        job: seal.job,
        seal: seal.fact,
        rendering_matches: then.is_some_and(|then| seal.shows(&Job::of(&then))),
        points: seal.strokes()?.iter().map(Vec::len).sum(),
        changes: document.changes().len(),
        changed_since_signed: changed.listed,
        places_changed: changed.count,
        completeness,
        name: seal.signer.name,
        role: seal.signer.role,
        language: seal.signer.language,
        statement: seal.signer.statement,
        signed_at: time.at,
        uncertainty: time.uncertainty,
        received_at: countersigned.received_at,
        device: seal.device,
        kid: countersigned.kid,
    })
}

fn rebuild(bundle: &Bundle) -> Result<Document, SealError> {
    let mut document = Document::new(bundle.job.into());
    let mut values = limits::DOCUMENT_VALUES;
    for run in &bundle.runs {
        let bytes = STANDARD.decode(&run.run).map_err(|_| SealError::Malformed("run"))?;
        let mut reader = Reader::bounded(&bytes, values);
        let decoded = decode_run(&mut reader).and_then(|decoded| {
            reader.finish()?;
            Ok(decoded)
        });
        let decoded = decoded.map_err(|_| SealError::Malformed("run"))?;
        values = values.saturating_sub(decoded.values());
        if decoded.doc != document.id() {
            return Err(SealError::BadDocument("a run is of another document".to_owned()));
        }
        let author = Author { user: run.user, device: run.device };
        replay(&mut document, &decoded, author)
            .map_err(|refusal| SealError::BadDocument(refusal.to_string()))?;
    }
    Ok(document)
}

/// The document as it was at earlier heads, if they are in it.
fn at_heads(document: &Document, heads: &[ChangeHash]) -> Result<Option<Document>, SealError> {
    let reference = |change: &Change| ChangeRef { actor: change.actor, seq: change.seq };
    let all = document.changes().iter().map(|(change, author)| (change, reference(change), author));
    let wanted: BTreeSet<&ChangeHash> = heads.iter().collect();
    let is_head = |r: &ChangeRef| document.hash_of(r).is_some_and(|hash| wanted.contains(&hash));
    let found: Vec<_> = all.clone().map(|(_, r, _)| r).filter(is_head).collect();
    let genesis = Document::new(document.id()).heads();
    if found.len() + heads.iter().filter(|head| genesis.contains(head)).count() != heads.len() {
        return Ok(None);
    }
    let past = Past::of_all(document, &found);
    let mut then = Document::new(document.id());
    for (change, reference, author) in all.filter(|(_, r, _)| past.contains(r)) {
        let last_hash = document.hash_of(&reference);
        let last_hash = last_hash.ok_or_else(|| SealError::BadDocument("no hash".to_owned()))?;
        let run = Run { doc: document.id(), changes: vec![change.clone()], last_hash };
        replay(&mut then, &run, *author)
            .map_err(|refusal| SealError::BadDocument(refusal.to_string()))?;
    }
    Ok(Some(then))
}

/// Consecutive changes of one actor and author.
fn stretches(changes: &[(Change, Author)]) -> Vec<(Vec<Change>, Author)> {
    let mut stretches: Vec<(Vec<Change>, Author)> = Vec::new();
    for (change, author) in changes {
        let last = stretches.last_mut().filter(|(stretch, by)| {
            let follows = stretch.last().is_some_and(|c| c.actor == change.actor);
            follows && by == author && stretch.len() < limits::RUN_CHANGES
        });
        match last {
            Some((stretch, _)) => stretch.push(change.clone()),
            None => stretches.push((vec![change.clone()], *author)),
        }
    }
    stretches
}
