//! What was seen and said on the job: findings, photos, notes, survey answers, the DMS's word.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::access::{int, text};
use super::family::{Family, after_strangers, families, is_by};
use super::parts::owned;
use super::times::corrected;
use crate::document::{Document, Fact};
use crate::id::{FactId, UserId};
use crate::place::Place;
use crate::schema::{Section, key, section};
use crate::time::Corrected;
use crate::value::Value;

/// Kind of the server's fact that a job that is over and decided leaves the phones.
pub const RELEASED: &str = "released";

/// A photo or file; its bytes travel apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Attachment {
    /// The fact.
    pub id: FactId,
    /// SHA-256 of the bytes, lower-case hex.
    pub sha256: Option<String>,
    /// Media type.
    pub media_type: Option<String>,
    /// Size in bytes.
    pub size: Option<i64>,
    /// before, after, damage, drop_off, document.
    pub stage: Option<String>,
    /// Beside it, in words.
    pub note: Option<String>,
    /// Where it was taken.
    pub place: Option<Place>,
    /// Who took it.
    pub by: Option<UserId>,
    /// When.
    pub time: Corrected,
}

/// A remark.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Note {
    /// The fact.
    pub id: FactId,
    /// What it says.
    pub text: String,
    /// Who wrote it.
    pub by: Option<UserId>,
    /// When.
    pub time: Corrected,
}

/// Something found or done: diagnosis, cause, correction, odometer, vin_read, measurement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Finding {
    /// The fact that stands.
    pub id: FactId,
    /// Which kind.
    pub kind: Option<String>,
    /// In words.
    pub text: Option<String>,
    /// A reading: of an odometer in kilometres.
    pub value: Option<i64>,
    /// Who found it.
    pub by: Option<UserId>,
    /// When.
    pub time: Corrected,
}

/// What the technician read off the vehicle; stands beside what the office took in.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Observed {
    /// Kilometres.
    pub odometer: Option<i64>,
    /// Vehicle identification number as read.
    pub vin: Option<String>,
    /// Licence plate as read.
    pub plate: Option<String>,
}

/// An answer of the customer, or their complaint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Feedback {
    /// The fact.
    pub id: FactId,
    /// survey, complaint and the like.
    pub kind: Option<String>,
    /// Survey score.
    pub score: Option<i64>,
    /// In words.
    pub text: Option<String>,
    /// When.
    pub time: Corrected,
}

/// The last word of the dealership system about the job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Settlement {
    /// The fact.
    pub id: FactId,
    /// accepted, rejected and the like.
    pub kind: Option<String>,
    /// The dealership's own number.
    pub reference: Option<String>,
    /// When, Unix milliseconds.
    #[serde(rename = "at")]
    pub time: i64,
}

/// Bytes in lower-case hex.
pub(super) fn hex(bytes: &[u8]) -> String {
    let digits =
        |byte: &u8| [byte >> 4, byte & 15].map(|nibble| b"0123456789abcdef"[usize::from(nibble)]);
    bytes.iter().flat_map(digits).map(char::from).collect()
}

fn standing<'a>(document: &'a Document, section: &Section) -> impl Iterator<Item = Family<'a>> {
    families(document, section).into_iter().filter(|family| family.voided_by.is_none())
}

/// Photos and files that were not taken back, the first first.
pub(super) fn attachments(document: &Document) -> Vec<Attachment> {
    let of = |family: Family<'_>| {
        let fact = family.current;
        // Without the hash of a content there is no file; old logs hold such facts.
        let hash = fact.record.get(&key::SHA256).and_then(Value::as_bytes);
        let hash = hash.filter(|hash| hash.len() == 32)?;
        Some(Attachment {
            id: fact.id,
            sha256: Some(hex(hash)),
            media_type: owned(fact, &key::MEDIA_TYPE),
            size: int(fact, &key::SIZE),
            stage: owned(fact, &key::STAGE),
            note: owned(fact, &key::NOTE),
            place: Place::read(&fact.record),
            by: fact.author,
            time: corrected(fact),
        })
    };
    standing(document, &section::ATTACHMENTS).filter_map(of).collect()
}

/// Remarks, the first first.
pub(crate) fn notes(document: &Document) -> Vec<Note> {
    let of = |family: Family<'_>| {
        let fact = family.current;
        let text = text(fact, &key::TEXT).or(text(fact, &key::NOTE))?.to_owned();
        Some(Note { id: fact.id, text, by: fact.author, time: corrected(fact) })
    };
    standing(document, &section::NOTES).filter_map(of).collect()
}

/// Findings, the first first.
pub(super) fn findings(document: &Document) -> Vec<Finding> {
    let of = |family: Family<'_>| {
        let fact = family.current;
        let text_of = |key| text(fact, &key);
        let words = text_of(key::TEXT).or(text_of(key::VIN)).or(text_of(key::PLATE));
        let words = words.or(text_of(key::VALUE)).or(text_of(key::NOTE));
        Finding {
            id: fact.id,
            kind: owned(fact, &key::KIND),
            text: words.map(str::to_owned),
            value: int(fact, &key::VALUE).or(int(fact, &key::ODOMETER)),
            by: fact.author,
            time: corrected(fact),
        }
    };
    standing(document, &section::WORK).map(of).collect()
}

/// What was read off the vehicle: of several readings the last, and one of `strangers` only where
/// nobody else read any.
pub(super) fn observed(document: &Document, strangers: &BTreeSet<UserId>) -> Observed {
    let mut observed = Observed::default();
    for family in after_strangers(standing(document, &section::WORK), strangers) {
        let fact = family.current;
        let kind = text(fact, &key::KIND);
        let reading = int(fact, &key::VALUE).filter(|_| kind == Some("odometer"));
        observed.odometer = int(fact, &key::ODOMETER).or(reading).or(observed.odometer);
        let read = text(fact, &key::VALUE).filter(|_| kind == Some("vin_read"));
        observed.vin = text(fact, &key::VIN).or(read).map(str::to_owned).or(observed.vin);
        observed.plate = owned(fact, &key::PLATE).or(observed.plate);
    }
    // A reading may also stand beside a step, such as completing.
    let steps = document.facts(&section::STATUS).filter_map(|fact| {
        let reading = int(fact, &key::ODOMETER)?;
        Some((!is_by(fact, strangers), fact.rank(), reading))
    });
    observed.odometer = observed.odometer.or_else(|| steps.max().map(|(_, _, reading)| reading));
    observed
}

/// Survey answers and complaints, the first first.
pub(super) fn feedback(document: &Document) -> Vec<Feedback> {
    let of = |family: Family<'_>| {
        let fact = family.current;
        Feedback {
            id: fact.id,
            kind: owned(fact, &key::KIND),
            score: int(fact, &key::SCORE),
            text: text(fact, &key::TEXT).or(text(fact, &key::NOTE)).map(str::to_owned),
            time: corrected(fact),
        }
    };
    standing(document, &section::FEEDBACK).map(of).collect()
}

/// What the dealership system said last.
pub(super) fn settlement(document: &Document) -> Option<Settlement> {
    // What the server found by itself is no answer of the dealership system.
    let own = [RELEASED, super::ALIKE];
    let found = |fact: &&Fact| text(fact, &key::KIND).is_some_and(|kind| own.contains(&kind));
    let answers = document.facts(&section::SETTLEMENT).filter(|fact| !found(fact));
    let fact = answers.max_by_key(|fact| fact.rank())?;
    Some(Settlement {
        id: fact.id,
        kind: owned(fact, &key::KIND),
        reference: owned(fact, &key::REF),
        time: fact.time,
    })
}
