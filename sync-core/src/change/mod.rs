//! Typed changes: the only form in which anybody's work crosses a boundary.
//!
//! A change adds facts and sets fields, and can express nothing else. The receiver builds the
//! Automerge change from it and compares hashes, so no foreign Automerge byte is ever parsed.

mod codec;

use automerge::ChangeHash;

pub use codec::{decode_run, encode_run};

pub use crate::dictionary::NUMBERED_SECTIONS;

use crate::id::{ActorId, FactId};
use crate::limits;
use crate::schema::{DocId, DocKind, Key, Misshapen, Section, check_field, check_record};
use crate::value::{Record, Value};

/// Names a change within its document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChangeRef {
    /// Who wrote it.
    pub actor: ActorId,
    /// Which of the actor's changes to this document, from 1.
    pub seq: u64,
}

/// Names an operation, as Automerge does: ordered by counter, then actor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OpId {
    /// Lamport counter of the operation.
    pub counter: u64,
    /// Who wrote it.
    pub actor: ActorId,
}

/// One thing a change does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// Adds an immutable record.
    Fact {
        /// Where it belongs.
        section: Section,
        /// Its own fresh id.
        id: FactId,
        /// What it says.
        record: Record,
    },
    /// Sets a value the office owns.
    Field {
        /// Where it belongs.
        section: Section,
        /// Which field.
        key: Key,
        /// The new value; [`Value::Null`] clears it.
        value: Value,
        /// The values the writer had before its eyes, sorted; others stay beside the new one.
        replaces: Vec<OpId>,
    },
    /// Adds a section; only the fixed schema changes of the genesis actor may.
    Section {
        /// The new section.
        name: Section,
    },
}

impl Entry {
    /// Checks it against the table of its kind of document, before it is saved or admitted.
    ///
    /// # Errors
    /// The first key that is missing or wrong.
    pub fn check(&self, kind: DocKind) -> Result<(), Misshapen> {
        match self {
            Self::Fact { section, record, .. } => check_record(kind, section, record),
            Self::Field { section, key, value, .. } => check_field(kind, section, key, value),
            Self::Section { .. } => Ok(()),
        }
    }

    /// What it counts against limits of values: itself, its keys, the values it replaces.
    pub fn values(&self) -> usize {
        match self {
            Self::Fact { record, .. } => 1 + record.len(),
            Self::Field { replaces, .. } => 1 + replaces.len(),
            Self::Section { .. } => 1,
        }
    }

    /// Bytes of its texts and byte strings.
    fn bytes(&self) -> usize {
        match self {
            Self::Fact { record, .. } => record.values().map(Value::bytes).sum(),
            Self::Field { value, .. } => value.bytes(),
            Self::Section { .. } => 0,
        }
    }
}

/// One change of one document by one actor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Who wrote it.
    pub actor: ActorId,
    /// Which of the actor's changes to this document, from 1.
    pub seq: u64,
    /// Changes it follows besides the actor's own previous one, sorted. A first change that
    /// names none follows the genesis.
    pub after: Vec<ChangeRef>,
    /// The writer's wall clock, Unix milliseconds. Informs; decides nothing.
    pub time: i64,
    /// What it does, in order.
    pub entries: Vec<Entry>,
}

impl Change {
    /// What it counts against limits of values: itself, each dependency, each entry with its keys
    /// or the values it replaces.
    pub fn values(&self) -> usize {
        let entries = self.entries.iter().map(Entry::values);
        1 + self.after.len() + entries.sum::<usize>()
    }

    /// What it counts against the share of its author, bytes: its encoding alone in a run, the
    /// actors it names, and [`limits::CHANGE_OVERHEAD`].
    pub fn weight(&self) -> usize {
        const ACTOR: usize = 16;
        let replaced = |entry: &Entry| match entry {
            Entry::Field { replaces, .. } => replaces.len(),
            Entry::Fact { .. } | Entry::Section { .. } => 0,
        };
        let named = self.after.len() + self.entries.iter().map(replaced).sum::<usize>();
        limits::CHANGE_OVERHEAD + codec::change_len(self) + ACTOR * named
    }

    /// Whether it encodes to at most [`limits::CHANGE_BYTES`] when it is alone in a run. What does
    /// not could be stored and never be read again.
    pub fn fits(&self) -> bool {
        /// More than any value takes besides the bytes of its text: two names, an id, numbers.
        const VALUE: usize = 2 * (limits::NAME_BYTES + 2) + 48;
        let most = VALUE * self.values() + self.entries.iter().map(Entry::bytes).sum::<usize>();
        most <= limits::CHANGE_BYTES || codec::change_len(self) <= limits::CHANGE_BYTES
    }
}

/// Consecutive changes of one actor to one document, with the hash of the last.
///
/// The hash chain makes that one hash cover every change of the run and all they follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The document.
    pub doc: DocId,
    /// The changes, at least one, of one actor, with consecutive `seq`.
    pub changes: Vec<Change>,
    /// Automerge hash of the last change.
    pub last_hash: ChangeHash,
}

impl Run {
    /// The actor of every change in the run.
    pub fn actor(&self) -> ActorId {
        self.changes.first().map_or(ActorId::GENESIS, |c| c.actor)
    }

    /// What its changes count against limits of values.
    pub fn values(&self) -> usize {
        self.changes.iter().map(Change::values).sum()
    }

    /// Sequence number of the first change.
    pub fn first_seq(&self) -> u64 {
        self.changes.first().map_or(0, |c| c.seq)
    }

    /// Sequence number of the last change.
    pub fn last_seq(&self) -> u64 {
        self.changes.last().map_or(0, |c| c.seq)
    }
}
