//! What a document is made of: its kind, its sections, and what each fact and field must say.
//!
//! One table says it (`table`, in the files `job`, `van` and `technician`): a kind of document has
//! sections, a section holds fields or kinds of facts, each with its keys, and both say who may
//! write them. The sections of the genesis, the policy, the check of every fact ([`check_record`]) and the
//! pages `docs/facts.md` and `docs/policy.md` are read off it. To add a kind of fact, add it to the
//! table; a new name first gets a number in the dictionary (`words`).

mod currency;
mod facts;
mod form;
mod job;
pub mod lists;
mod notes;
mod shape;
mod table;
mod technician;
mod van;

use std::fmt;

pub use crate::dictionary::{Key, NUMBERED_SECTIONS, Section, key, section};
pub use currency::{CURRENCIES, currency, minor_units};
pub use facts::page;
pub use form::{Form, Need, Sample};
pub use shape::{Misshapen, check_field, check_record, example};
pub use table::{
    COMMON, FactKind, Holds, KeySpec, KindSpec, May, SectionSpec, TAKES_BACK, Writers,
};
pub use table::{PRICE_MOST, TAX_MOST};
pub use table::{find_kind, find_section, sections};

use crate::id::{BadId, JobId, UserId, VanId};

/// What a document is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DocKind {
    /// One rescue.
    Job,
    /// One vehicle with its stock.
    Van,
    /// One technician: skills, certificates, shifts.
    Technician,
    /// A kind a newer version knows. It survives a codec; a document of it has no sections here, so
    /// work on it waits for a newer version.
    Other(u8),
}

impl DocKind {
    /// The number on the wire and in the store.
    pub fn code(self) -> u8 {
        match self {
            Self::Job => 1,
            Self::Van => 2,
            Self::Technician => 3,
            Self::Other(code) => code,
        }
    }

    /// The kind with this number; numbers not known here are [`DocKind::Other`].
    pub fn from_code(code: u8) -> Self {
        match code {
            1 => Self::Job,
            2 => Self::Van,
            3 => Self::Technician,
            other => Self::Other(other),
        }
    }

    /// Sections of the genesis change, in the fixed order in which it makes them.
    ///
    /// The order is part of every change hash: append only, in a new schema version.
    pub fn genesis_sections(self) -> &'static [&'static str] {
        match self {
            Self::Job => job::GENESIS,
            Self::Van => van::GENESIS,
            Self::Technician => technician::GENESIS,
            Self::Other(_) => &[],
        }
    }

    /// Every kind this version knows.
    pub const ALL: [Self; 3] = [Self::Job, Self::Van, Self::Technician];

    /// The word in documents and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Job => "job",
            Self::Van => "van",
            Self::Technician => "technician",
            Self::Other(_) => "document",
        }
    }
}

/// Names one document: its kind and the UUIDv7 of the thing it is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DocId {
    /// What the document is about.
    pub kind: DocKind,
    id: [u8; 16],
}

impl DocId {
    /// Checks that the bytes are a version 7 UUID.
    pub fn new(kind: DocKind, id: [u8; 16]) -> Result<Self, BadId> {
        JobId::from_bytes(id)?;
        Ok(Self { kind, id })
    }

    /// The sixteen bytes of the id, without the kind.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.id
    }

    /// The job this document is about, if it is about one.
    pub fn job(&self) -> Option<JobId> {
        (self.kind == DocKind::Job).then(|| JobId::from_bytes(self.id).ok()).flatten()
    }

    /// The van this document is about, if it is about one.
    pub fn van(&self) -> Option<VanId> {
        (self.kind == DocKind::Van).then(|| VanId::from_bytes(self.id).ok()).flatten()
    }

    /// The technician this document is about, if it is about one.
    pub fn technician(&self) -> Option<UserId> {
        (self.kind == DocKind::Technician).then(|| UserId::from_bytes(self.id).ok()).flatten()
    }
}

impl From<JobId> for DocId {
    fn from(id: JobId) -> Self {
        Self { kind: DocKind::Job, id: *id.as_bytes() }
    }
}

impl From<VanId> for DocId {
    fn from(id: VanId) -> Self {
        Self { kind: DocKind::Van, id: *id.as_bytes() }
    }
}

impl From<UserId> for DocId {
    fn from(id: UserId) -> Self {
        Self { kind: DocKind::Technician, id: *id.as_bytes() }
    }
}

impl fmt::Debug for DocId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}({})", self.kind, uuid::Uuid::from_bytes(self.id).hyphenated())
    }
}
