//! The customer signatures of a job, each with what was changed since.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Job;
use super::access::text;
use super::causal::in_order;
use super::evidence::hex;
use super::family::is_by;
use super::rendering::Renderings;
use super::times::corrected;
use crate::document::{Document, Fact};
use crate::id::{DeviceId, FactId, JobId, UserId};
use crate::place::Place;
use crate::schema::{key, section};
use crate::seal::{Changes, Difference, LISTED, Seal, countersigned, is_seal};
use crate::time::Corrected;

/// One signature. Whether the device really made it, its verification says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SealView {
    /// The fact.
    pub id: FactId,
    /// It counts: it is well formed, its digest is that of what was shown, it is of its author's
    /// phone or countersigned, and its author is not a technician whose job it is not.
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
    /// What was changed since it was signed: the first [`LISTED`] places, and of all seals of the
    /// job together the first [`LISTED_OF_JOB`], the last seal's before those of earlier ones.
    pub changed_since_signed: Vec<Difference>,
    /// How many places were changed since it was signed.
    #[serde(default)]
    pub changes: usize,
    /// Whether any of them touches what is to be paid.
    #[serde(default)]
    pub changes_money: bool,
}

/// Differences that are listed of all seals of a job.
pub const LISTED_OF_JOB: usize = 200;

/// One signature as it was recorded.
pub(super) struct Signature<'d> {
    fact: &'d Fact,
    seal: Option<Seal>,
    /// When the server countersigned it.
    countersigned_at: Option<i64>,
    /// It is a customer's: for completing, and for what changed since.
    pub counts: bool,
}

/// The signatures of a job without the server's countersignatures, the first first. One that a
/// stranger to the job recorded does not count.
pub(super) fn read<'d>(document: &'d Document, strangers: &BTreeSet<UserId>) -> Vec<Signature<'d>> {
    let Some(job) = document.id().job() else { return Vec::new() };
    let facts = document.facts(&section::SIGNATURES);
    let facts = facts.filter(|fact| text(fact, &key::KIND) != Some("countersigned"));
    let facts = in_order(facts);
    if facts.is_empty() {
        return Vec::new();
    }
    let words = countersigned(document);
    let mut signatures = Vec::with_capacity(facts.len());
    for fact in facts {
        let seal = is_seal(&fact.record).then(|| Seal::of(job, fact).ok()).flatten();
        let countersigned_at = words.get(&fact.id).copied();
        // Its phone's key was asked when it was admitted; for another phone's, and where an old log
        // does not say whose it is, the server answers.
        let own = |seal: &Seal| fact.device == Some(seal.device);
        let counts = seal.as_ref().is_some_and(|seal| countersigned_at.is_some() || own(seal))
            && !is_by(fact, strangers);
        signatures.push(Signature { fact, seal, countersigned_at, counts });
    }
    signatures
}

/// The seals, the first first, against the job as it stands.
pub(super) fn seals(job: &Job, signatures: Vec<Signature<'_>>) -> Vec<SealView> {
    if signatures.is_empty() {
        return Vec::new();
    }
    let renderings = Renderings::of(job);
    let standing = renderings.standing();
    let mut room = LISTED_OF_JOB;
    let mut views = Vec::new();
    for signature in signatures.into_iter().rev() {
        let seal = signature.seal.as_ref().filter(|_| signature.counts);
        let changes = seal.map(|seal| seal.changes(&standing, room.min(LISTED)));
        let changes = changes.unwrap_or_default();
        room -= changes.listed.len();
        views.push(view(signature, changes));
    }
    views.reverse();
    views
}

fn view(signature: Signature<'_>, changes: Changes) -> SealView {
    let Signature { fact, seal, countersigned_at, counts } = signature;
    SealView {
        id: fact.id,
        sound: counts,
        by: fact.author,
        time: corrected(fact),
        place: Place::read(&fact.record),
        countersigned_at,
        changed_since_signed: changes.listed,
        changes: changes.count,
        changes_money: changes.about_money,
        digest: seal.as_ref().map(|seal| hex(&seal.digest)),
        device: seal.as_ref().map(|seal| seal.device),
        name: seal.as_ref().map(|seal| seal.signer.name.clone()),
        role: seal.as_ref().map(|seal| seal.signer.role.clone()),
        language: seal.as_ref().map(|seal| seal.signer.language.clone()),
        statement: seal.map(|seal| seal.signer.statement),
    }
}

/// The last seal, if no seal shows what is to be paid now: the new amount needs a new one. Any seal of
/// the amount will do.
pub(super) fn outdated<'a>(document: &'a Document, seals: &[SealView]) -> Option<&'a Fact> {
    let mut sound = seals.iter().filter(|seal| seal.sound);
    if sound.clone().any(|seal| !seal.changes_money) {
        return None;
    }
    document.fact(&section::SIGNATURES, &sound.next_back()?.id)
}

/// The seal of a signature fact, if it is well formed.
pub fn seal_of(document: &Document, id: FactId) -> Option<Seal> {
    let job: JobId = document.id().job()?;
    Seal::of(job, document.fact(&section::SIGNATURES, &id)?).ok()
}
