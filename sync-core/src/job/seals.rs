//! The customer signatures of a job, each with what was changed since.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Job;
use super::access::text;
use super::evidence::hex;
use super::times::corrected;
use crate::document::{Document, Fact};
use crate::id::{DeviceId, FactId, JobId, UserId};
use crate::place::Place;
use crate::schema::{key, section};
use crate::seal::{Countersignature, Difference, Seal, Standing};
use crate::time::Corrected;

/// One signature. Whether the device really made it, its verification says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealView {
    /// The fact.
    pub id: FactId,
    /// It is well formed and its digest is that of what was shown.
    pub sound: bool,
    /// Name of who signed.
    pub name: Option<String>,
    /// In which role.
    pub role: Option<String>,
    /// In which language.
    pub language: Option<String>,
    /// The sentence they signed.
    pub statement: Option<String>,
    /// SHA-256 of what was shown, lower-case hex.
    pub digest: Option<String>,
    /// The phone.
    pub device: Option<DeviceId>,
    /// Whose phone it was.
    pub by: Option<UserId>,
    /// When.
    pub time: Corrected,
    /// Where.
    pub place: Option<Place>,
    /// When the server countersigned it, Unix milliseconds.
    pub countersigned_at: Option<i64>,
    /// What was changed since it was signed.
    pub changed_since_signed: Vec<Difference>,
}

/// The facts of a job's signatures, without the server's words for them.
pub(super) fn signatures(document: &Document) -> impl DoubleEndedIterator<Item = &Fact> {
    let facts = document.facts(&section::SIGNATURES);
    facts.filter(|fact| text(fact, &key::KIND) != Some("countersigned"))
}

/// The seals, oldest id first, against the job as it stands.
pub(super) fn seals(document: &Document, job: &Job) -> Vec<SealView> {
    let standing = signatures(document).next().map(|_| Standing::of(job));
    let standing = standing.iter().cycle();
    let words = words(document);
    let views = signatures(document).zip(standing);
    views.map(|(fact, standing)| view(job.id, fact, standing, &words)).collect()
}

/// When each seal was first countersigned.
fn words(document: &Document) -> BTreeMap<FactId, i64> {
    let mut words = BTreeMap::new();
    for word in document.facts(&section::SIGNATURES).filter_map(Countersignature::read) {
        let first = words.entry(word.seal).or_insert(word.received_at);
        *first = word.received_at.min(*first);
    }
    words
}

fn view(job: JobId, fact: &Fact, standing: &Standing, words: &BTreeMap<FactId, i64>) -> SealView {
    let seal = Seal::of(job, fact).ok();
    let signer = seal.as_ref().map(|seal| &seal.signer);
    SealView {
        id: fact.id,
        sound: seal.is_some(),
        name: signer.map(|signer| signer.name.clone()),
        role: signer.map(|signer| signer.role.clone()),
        language: signer.map(|signer| signer.language.clone()),
        statement: signer.map(|signer| signer.statement.clone()),
        digest: seal.as_ref().map(|seal| hex(&seal.digest)),
        device: seal.as_ref().map(|seal| seal.device),
        by: fact.author,
        time: corrected(fact),
        place: Place::read(&fact.record),
        countersigned_at: words.get(&fact.id).copied(),
        changed_since_signed: seal.map(|seal| seal.changed_from(standing)).unwrap_or_default(),
    }
}

/// The last signature, if what is to be paid was changed after it: the new amount needs a new
/// one. Of several the one with the greatest id is the last.
pub(super) fn outdated<'a>(document: &'a Document, seals: &[SealView]) -> Option<&'a Fact> {
    let last = seals.last()?;
    let is_outdated = last.changed_since_signed.iter().any(Difference::is_about_money);
    document.fact(&section::SIGNATURES, &last.id).filter(|_| is_outdated)
}

/// The seal of a signature fact, if it is well formed.
pub fn seal_of(document: &Document, id: FactId) -> Option<Seal> {
    let job: JobId = document.id().job()?;
    Seal::of(job, document.fact(&section::SIGNATURES, &id)?).ok()
}
