//! The technician: details, certificates in date, and shifts.

mod eligibility;

use std::collections::BTreeSet;

pub use eligibility::{Duty, Ineligible, plain_name};
use serde::{Deserialize, Serialize};

use crate::check::{self, Region, Unverified};
use crate::document::Document;
use crate::id::{BranchId, FactId, UserId};
use crate::job::{Note, families, text, time_of};
use crate::schema::{Key, Section, key, section};
use crate::value::Value;

/// A technician, as their document says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Technician {
    /// Who.
    pub id: UserId,
    /// Their name.
    pub name: Option<String>,
    /// Their number, E.164; else as said.
    pub phone: Option<String>,
    /// Their language, BCP 47.
    pub language: Option<String>,
    /// The branch they work for.
    pub branch: Option<BranchId>,
    /// The outsourced company they work for, if any.
    pub provider: Option<String>,
    /// Whether they work at all; a technician nobody said otherwise about does.
    pub active: bool,
    /// Values that are kept as they were said, because no rule knows them.
    #[serde(default)]
    pub findings: Vec<Unverified>,
    /// Skills and certificates, oldest id first.
    pub certificates: Vec<Certificate>,
    /// Shifts and absences, oldest id first.
    pub shifts: Vec<Shift>,
    /// Remarks.
    pub notes: Vec<Note>,
}

/// A skill, and the paper for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Certificate {
    /// The fact.
    pub id: FactId,
    /// What it is for.
    pub skill: String,
    /// Number of the paper.
    pub serial: Option<String>,
    /// From when, Unix milliseconds.
    #[serde(rename = "starts_at")]
    pub starts: Option<i64>,
    /// Until when, Unix milliseconds; absent when it does not end.
    #[serde(rename = "expires_at")]
    pub expires: Option<i64>,
}

/// A time of work or of absence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Shift {
    /// The fact.
    pub id: FactId,
    /// `absence` for an absence; anything else is work.
    pub kind: Option<String>,
    /// From, Unix milliseconds.
    #[serde(rename = "starts_at")]
    pub starts: i64,
    /// Until, Unix milliseconds, not included.
    #[serde(rename = "ends_at")]
    pub ends: i64,
}

impl Certificate {
    /// Whether it counts at `now` (Unix milliseconds).
    pub fn is_in_date(&self, now: i64) -> bool {
        self.starts.is_none_or(|starts| starts <= now)
            && self.expires.is_none_or(|expires| now < expires)
    }
}

impl Shift {
    fn covers(&self, now: i64) -> bool {
        (self.starts..self.ends).contains(&now)
    }

    /// Whether they are away in this time, instead of at work.
    pub fn is_absence(&self) -> bool {
        self.kind.as_deref() == Some("absence")
    }
}

impl Technician {
    /// The technician a document describes.
    pub fn of(document: &Document) -> Self {
        let field = |key: Key| document.field(&section::DETAILS, &key);
        let text = |key: Key| field(key).and_then(Value::as_text).map(str::to_owned);
        let branch = field(key::BRANCH).and_then(Value::as_bytes);
        let phone = text(key::PHONE);
        let finding = check::finding(phone.as_deref(), |text| check::phone(text, None));
        Self {
            id: document.id().technician().unwrap_or(UserId::new(0, [0; 10])),
            name: text(key::NAME),
            phone,
            findings: finding.into_iter().collect(),
            language: text(key::LANGUAGE),
            branch: branch.and_then(|id| BranchId::from_slice(id).ok()),
            provider: text(key::PROVIDER),
            active: field(key::ACTIVE).and_then(Value::as_bool).unwrap_or(true),
            certificates: certificates(document),
            shifts: shifts(document),
            notes: crate::job::notes(document),
        }
    }

    /// The skills that count at `now` (Unix milliseconds).
    pub fn skills_at(&self, now: i64) -> BTreeSet<&str> {
        let in_date = self.certificates.iter().filter(|certificate| certificate.is_in_date(now));
        in_date.map(|certificate| certificate.skill.as_str()).collect()
    }

    /// Whether they work at `now` (Unix milliseconds): in a shift, and in no absence.
    pub fn is_on_shift(&self, now: i64) -> bool {
        let mut covering = self.shifts.iter().filter(|shift| shift.covers(now)).peekable();
        covering.peek().is_some() && !covering.any(Shift::is_absence)
    }
}

/// The key under which a technician's details say in which country they dial numbers without `+`. It
/// is spelled out on the wire: phones of older versions read on.
pub fn region_key() -> Option<Key> {
    Key::parse("region")
}

/// Where a technician dials numbers without `+`, as the office copied it from their branch.
pub fn region(document: &Document) -> Option<Region> {
    let value = document.field(&section::DETAILS, &region_key()?)?;
    Region::parse(value.as_text()?).ok()
}

fn certificates(document: &Document) -> Vec<Certificate> {
    let certificate = |(id, fact): (FactId, &crate::document::Fact)| {
        Some(Certificate {
            id,
            skill: text(fact, &key::SKILL)?.to_owned(),
            serial: text(fact, &key::SERIAL).map(str::to_owned),
            starts: time_of(fact, &key::STARTS),
            expires: time_of(fact, &key::EXPIRES).or(time_of(fact, &key::ENDS)),
        })
    };
    standing(document, &section::CERTIFICATES).filter_map(certificate).collect()
}

fn shifts(document: &Document) -> Vec<Shift> {
    let shift = |(id, fact): (FactId, &crate::document::Fact)| {
        Some(Shift {
            id,
            kind: text(fact, &key::KIND).map(str::to_owned),
            starts: time_of(fact, &key::STARTS)?,
            ends: time_of(fact, &key::ENDS)?,
        })
    };
    standing(document, &section::SHIFTS).filter_map(shift).collect()
}

fn standing<'a>(
    document: &'a Document,
    section: &Section,
) -> impl Iterator<Item = (FactId, &'a crate::document::Fact)> {
    let families = families(document, section).into_iter();
    families.filter(|f| f.voided_by.is_none()).map(|family| (family.root, family.current))
}
