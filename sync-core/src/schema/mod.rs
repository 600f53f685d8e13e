//! What a document is made of: its kind, its sections, and the names used inside them.

mod name;
mod words;

use std::borrow::Cow;
use std::fmt;

pub use name::Key;
pub use words::{Coding, key, keys, word};

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
            Self::Job => &[
                "intake",
                "promise",
                "assignment",
                "status",
                "work",
                "parts",
                "charges",
                "checklist",
                "attachments",
                "notes",
                "signatures",
                "decisions",
                "settlement",
                "feedback",
            ],
            Self::Van => &["details", "movements", "counts", "notes"],
            Self::Technician => &["details", "certificates", "shifts", "notes"],
            Self::Other(_) => &[],
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

/// Whether a name that came from outside may be one: 1–64 bytes of `a-z`, `0-9` and `_`, the
/// first a letter. Fact ids start with a digit, so the two never meet in one map.
fn is_name(name: &str) -> bool {
    let fits = name.len() <= crate::limits::NAME_BYTES;
    let starts = name.bytes().next().is_some_and(|b| b.is_ascii_lowercase());
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    fits && starts && name.bytes().all(plain)
}

/// The name of a section of a document.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Section(Cow<'static, str>);

impl Section {
    /// A name known when this was compiled.
    pub const fn known(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Checks a name that came from outside: 1–64 bytes of `a-z`, `0-9` and `_`, the first a
    /// letter.
    pub fn parse(name: &str) -> Option<Self> {
        is_name(name).then(|| Self(Cow::Owned(name.to_owned())))
    }
}

impl fmt::Debug for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The sections by name.
pub mod section {
    use super::Section;

    macro_rules! sections {
        ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
            $($(#[$doc])* pub const $name: Section = Section::known($text);)*
        };
    }

    sections! {
        /// Job, fields: who called, where, which vehicle, what is wrong.
        INTAKE = "intake";
        /// Job, fields: what the customer was promised and the price agreed.
        PROMISE = "promise";
        /// Job, facts by the office: each offer or assignment, with its epoch.
        ASSIGNMENT = "assignment";
        /// Job, facts: every step of the rescue, and its cancellation.
        STATUS = "status";
        /// Job, facts: what was observed and done (odometer, VIN read, cause, correction).
        WORK = "work";
        /// Job, facts: parts used.
        PARTS = "parts";
        /// Job, facts by the office: amounts to be paid besides parts.
        CHARGES = "charges";
        /// Job, facts: result of each checklist step.
        CHECKLIST = "checklist";
        /// Job, facts: photos and files by content hash.
        ATTACHMENTS = "attachments";
        /// Any kind, facts: remarks.
        NOTES = "notes";
        /// Job, facts: seals (customer signatures).
        SIGNATURES = "signatures";
        /// Job, facts by the office: what was decided about an exception.
        DECISIONS = "decisions";
        /// Job, facts by the server: what the dealership system answered.
        SETTLEMENT = "settlement";
        /// Job, facts: survey answers and complaints.
        FEEDBACK = "feedback";
        /// Van and technician, fields: name, branch, plate and the like.
        DETAILS = "details";
        /// Van, facts: each change of stock.
        MOVEMENTS = "movements";
        /// Van, facts: stock counted by hand.
        COUNTS = "counts";
        /// Technician, facts: skills and certificates with their expiry.
        CERTIFICATES = "certificates";
        /// Technician, facts: shifts, absences.
        SHIFTS = "shifts";
    }
}
