//! Seals on their way into a document: what can never become right is refused.
//!
//! A refusal keeps the work on the phone, and the customer is still there to sign again. Work that was
//! admitted once, or comes with a receipt, is not checked: a seal in it that does not hold counts
//! for nothing.

use std::collections::BTreeSet;

use super::verify::DeviceKey;
use crate::change::{Change, Entry, Run};
use crate::codes::{self, Code};
use crate::document::{Author, Document};
use crate::id::{DeviceId, FactId, JobId};
use crate::limits;
use crate::policy::Denied;
use crate::schema::section;
use crate::seal::{Seal, SealError, is_seal};
use crate::value::Record;

/// What is known of the keys behind the seals of a run.
#[derive(Debug, Clone, Default)]
pub(super) struct Sealers {
    /// Seals that name the author's phone, and its key did not sign them.
    forged: BTreeSet<FactId>,
    /// The phones that the author ever had, where that is known; the one that speaks is among them.
    devices: Option<Vec<DeviceId>>,
}

impl Sealers {
    /// Checks the seals of a run that name the phone whose key this is.
    pub fn of(run: &Run, device: DeviceId, key: &impl DeviceKey) -> Self {
        let Some(job) = run.doc.job() else { return Self::default() };
        let entries = run.changes.iter().flat_map(|change| &change.entries);
        let seals = entries.filter_map(seal).filter_map(|(id, record)| read(job, id, record).ok());
        let own = seals.filter(|seal| seal.device == device);
        let forged = own.filter(|seal| !key.verifies_seal(&seal.message(), seal.signature()));
        Self { forged: forged.map(|seal| seal.fact).collect(), devices: None }
    }

    /// The phone that records now: it seals with no other's key, and its own it has at hand.
    pub fn recording(author: Author) -> Self {
        Self { forged: BTreeSet::new(), devices: Some(author.device.into_iter().collect()) }
    }

    /// The phones that the author ever had.
    pub fn had(&mut self, devices: Vec<DeviceId>) {
        self.devices = Some(devices);
    }

    /// Checks every seal of a change that is to join a document.
    ///
    /// # Errors
    /// The code of the first seal that can never hold, or of one too many.
    pub fn check(
        &self,
        document: &Document,
        change: &Change,
        author: Author,
    ) -> Result<(), Denied> {
        let Some(job) = document.id().job() else { return Ok(()) };
        let mut held = None;
        for (id, record) in change.entries.iter().filter_map(seal) {
            let known = document.fact(&section::SIGNATURES, &id);
            if known.is_some_and(|it| it.author == author.user && it.record == *record) {
                continue;
            }
            let held = held.get_or_insert_with(|| count(document, job, author));
            if *held >= limits::SEALS_OF_ONE {
                return Err(denied(codes::MANY_SEALS));
            }
            *held += 1;
            self.check_one(job, id, record, author).map_err(denied)?;
        }
        Ok(())
    }

    fn check_one(
        &self,
        job: JobId,
        id: FactId,
        record: &Record,
        author: Author,
    ) -> Result<(), Code> {
        let seal = read(job, id, record).and_then(|seal| seal.check().map(|()| seal));
        let seal = seal.map_err(|error| match error {
            SealError::DigestMismatch => codes::SEAL_DIGEST_MISMATCH,
            _ => codes::SEAL_MALFORMED,
        })?;
        let had = |devices: &Vec<DeviceId>| devices.contains(&seal.device);
        if author.device != Some(seal.device) && !self.devices.as_ref().is_none_or(had) {
            return Err(codes::SEAL_NOT_YOURS);
        }
        if self.forged.contains(&id) { Err(codes::SEAL_BAD_SIGNATURE) } else { Ok(()) }
    }
}

fn seal(entry: &Entry) -> Option<(FactId, &Record)> {
    match entry {
        Entry::Fact { section, id, record } if *section == section::SIGNATURES => {
            is_seal(record).then_some((*id, record))
        }
        Entry::Fact { .. } | Entry::Field { .. } | Entry::Section { .. } => None,
    }
}

fn read(job: JobId, id: FactId, record: &Record) -> Result<Seal, SealError> {
    Seal::of_record(job, id, record, 0)
}

/// Seals of this author that are well formed; those of old logs that are not count for nothing.
fn count(document: &Document, job: JobId, author: Author) -> usize {
    let facts = document.facts(&section::SIGNATURES);
    let own = facts.filter(|it| it.author == author.user && is_seal(&it.record));
    own.filter(|it| Seal::of(job, it).is_ok()).count()
}

fn denied(code: Code) -> Denied {
    let field = Some(section::SIGNATURES.to_string());
    Denied { code: code.word, sentence: code.sentence, field }
}
