//! From a typed change to the one Automerge change it stands for, and so to its hash.
//!
//! This is the only place that makes Automerge changes, for the oracle; on the path of a request
//! [`super::chunk`] writes their bytes. What either is given is bounded and checked, so none of
//! the inputs that make automerge 0.12 abort or poison a document can be expressed.

use std::fmt;
use std::num::NonZeroU64;

use automerge::legacy::{Key as AmKey, ObjectId, Op, OpId as AmOpId, OpType};
use automerge::{ActorId as AmActor, ChangeHash, ExpandedChange, ObjType, ScalarValue};

use super::graph::Meta;
use super::{Document, Owner, chunk, genesis};
use crate::change::{Change, ChangeRef, Entry, OpId};
use crate::codes::{self, Code};
use crate::id::{ActorId, FactId};
use crate::limits;
use crate::schema::{DocKind, Section};
use crate::value::Value;

/// Why a change cannot join a document. Each has a stable code in [`Refusal::code`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// It follows changes that are not here.
    Missing(Vec<ChangeRef>),
    /// The actor wrote something else under this number.
    Fork,
    /// The changes do not give the hash their sender signed.
    HashMismatch,
    /// A fact with this id is here and says something else.
    FactExists(FactId),
    /// It replaces a field value that was never set.
    UnknownReplaced,
    /// It writes to a section the document does not have.
    UnknownSection(Section),
    /// It passes a limit of documents.
    Limit(&'static str),
    /// It uses the reserved actor or makes sections.
    Reserved,
    /// It would leave more heads than one change can follow.
    Crowded,
    /// Phones of its author wrote here without having seen each other, too many of them.
    Unmerged,
    /// Its author's share of the document is used up.
    Full {
        /// What the document is about.
        kind: DocKind,
        /// Whose share.
        owner: Owner,
    },
    /// What its technician's share of a job has for words is used up; the rest is kept for steps,
    /// checklist, parts and seals.
    Words,
    /// As many technicians as can have a share have or had the document.
    People(DocKind),
}

fn full(kind: DocKind, owner: Owner) -> &'static str {
    match (kind, owner) {
        (DocKind::Van, Owner::Technician(_)) => {
            "Your part of this van's record is full; sync, and ask the office to start a new \
             record for the van."
        }
        (DocKind::Van, _) => "The record of this van is full; start a new record for the van.",
        (DocKind::Technician, _) => {
            "The record of this technician is full; ask whoever runs the server."
        }
        (DocKind::Job | DocKind::Other(_), Owner::Technician(_)) => {
            "Your part of this job's record is full; end the job with a step, and ask the office for \
             a follow-up job."
        }
        (DocKind::Job | DocKind::Other(_), _) => {
            "The record of this job is full; make a follow-up job. It can still be assigned, \
             ended and decided."
        }
    }
}

fn too_many(kind: DocKind) -> &'static str {
    match kind {
        DocKind::Van => {
            "Six drivers have had this van since its record began; start a new record for the van."
        }
        DocKind::Job | DocKind::Technician | DocKind::Other(_) => {
            "Twelve technicians have had this job; give it to one of them, or make a follow-up job."
        }
    }
}

impl Refusal {
    fn listed(&self) -> Code {
        match self {
            Self::Missing(_) => codes::MISSING_DEPENDENCIES,
            Self::Fork => codes::ACTOR_FORK,
            Self::HashMismatch => codes::HASH_MISMATCH,
            Self::FactExists(_) => codes::FACT_EXISTS,
            Self::UnknownReplaced => codes::UNKNOWN_REPLACED_VALUE,
            Self::UnknownSection(_) => codes::SECTION_UNKNOWN,
            Self::Limit(_) => codes::LIMIT,
            Self::Reserved => codes::RESERVED,
            Self::Crowded => codes::MANY_HEADS,
            Self::Unmerged => codes::REAUTHOR,
            Self::Full { .. } | Self::Words => codes::DOCUMENT_FULL,
            Self::People(_) => codes::MANY_PEOPLE,
        }
    }

    /// The stable code, the same in every version and language.
    pub fn code(&self) -> &'static str {
        self.listed().word
    }

    /// The reason as a sentence for a person.
    pub fn sentence(&self) -> String {
        self.to_string()
    }
}

impl std::error::Error for Refusal {}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Limit(what) => {
                let (first, rest) = what.split_at_checked(1).unwrap_or_default();
                write!(f, "{}{rest} would pass its limit.", first.to_ascii_uppercase())
            }
            Self::Full { kind, owner } => f.write_str(full(*kind, *owner)),
            Self::Words => f.write_str(
                "Your notes, findings and photos fill their part of this job's record; the rest is \
                 kept for steps, checklist, parts and signatures. Write less, or ask the office for \
                 a follow-up job.",
            ),
            Self::People(kind) => f.write_str(too_many(*kind)),
            other => f.write_str(other.listed().sentence),
        }
    }
}

/// What the graph must know of the Automerge change.
#[derive(Debug, Clone)]
pub(crate) struct Built {
    pub(super) meta: Meta,
    pub(super) start_op: u64,
    pub(super) deps: Vec<ChangeHash>,
}

impl Built {
    /// The Automerge hash of the change.
    pub(crate) fn hash(&self) -> ChangeHash {
        self.meta.hash
    }
}

impl Document {
    /// Works out the Automerge change: its hash, operations and dependencies. `before` are the
    /// same actor's changes that come right before this one and are not in the document yet.
    pub(super) fn build(&self, change: &Change, before: &[Built]) -> Result<Built, Refusal> {
        let mut deps = Vec::with_capacity(change.after.len() + 1);
        let mut missing = Vec::new();
        let mut start_op = 1;
        // The run's own changes count before what is here under their numbers: of two histories
        // of one actor, each has to be hashed on its own past to tell them apart.
        let own = |r: &ChangeRef| -> Option<Meta> {
            let first = change.seq.checked_sub(before.len() as u64)?;
            let index = r.seq.checked_sub(first).filter(|_| r.actor == change.actor);
            let in_run = index.and_then(|i| before.get(usize::try_from(i).ok()?));
            in_run.map(|built| &built.meta).or_else(|| self.graph.meta(r)).copied()
        };
        for dep in followed(change) {
            match own(&dep) {
                Some(meta) => {
                    deps.push(meta.hash);
                    start_op = start_op.max(1 + meta.max_op);
                }
                None => missing.push(dep),
            }
        }
        if !missing.is_empty() {
            return Err(Refusal::Missing(missing));
        }
        deps.sort();
        deps.dedup();
        let max_op = start_op + chunk::operations(&change.entries) - 1;
        if max_op > limits::MAX_OP {
            return Err(Refusal::Limit("operations of a document"));
        }
        let hash = match self.section_counters(change)? {
            Some(sections) => chunk::hash(change, start_op, &sections, &deps),
            None => {
                let operations = self.operations(change, start_op)?;
                automerge_change(change, start_op, deps.clone(), operations).hash()
            }
        };
        Ok(Built { meta: Meta { hash, max_op }, start_op, deps })
    }

    /// The Automerge change itself, for the oracle: made by Automerge, not by us.
    pub(super) fn automerge_change(&self, change: &Change) -> Result<automerge::Change, Refusal> {
        let built = self.build(change, &[])?;
        let operations = self.operations(change, built.start_op)?;
        Ok(automerge_change(change, built.start_op, built.deps, operations))
    }

    /// For each entry the operation that made its section. `None` for a change that makes
    /// sections itself, as only those of the schema may.
    pub(super) fn section_counters(&self, change: &Change) -> Result<Option<Vec<u64>>, Refusal> {
        let mut counters = Vec::with_capacity(change.entries.len());
        for entry in &change.entries {
            match entry {
                Entry::Fact { section, .. } | Entry::Field { section, .. } => {
                    let counter = self.sections.get(section).copied();
                    counters.push(counter.ok_or_else(|| Refusal::UnknownSection(section.clone()))?);
                }
                Entry::Section { .. } => return Ok(None),
            }
        }
        Ok(Some(counters))
    }

    pub(super) fn operations(&self, change: &Change, start_op: u64) -> Result<Vec<Op>, Refusal> {
        let mut operations = Vec::with_capacity(change.entries.len() * 8);
        let own_actor = am_actor(&change.actor);
        let genesis = am_actor(&ActorId::GENESIS);
        for entry in &change.entries {
            match entry {
                Entry::Fact { section, id, record } => {
                    let map = AmOpId::new(start_op + operations.len() as u64, &own_actor);
                    let parent = self.section_object(section, &genesis)?;
                    let key = uuid::Uuid::from_bytes(*id.as_bytes()).simple().to_string();
                    operations.push(op(OpType::Make(ObjType::Map), parent, &key, &[]));
                    let object = ObjectId::Id(map);
                    for (key, value) in record {
                        let put = OpType::Put(scalar(value));
                        operations.push(op(put, object.clone(), key.as_str(), &[]));
                    }
                }
                Entry::Field { section, key, value, replaces } => {
                    let parent = self.section_object(section, &genesis)?;
                    let put = OpType::Put(scalar(value));
                    operations.push(op(put, parent, key.as_str(), replaces));
                }
                Entry::Section { name } => {
                    let make = OpType::Make(ObjType::Map);
                    operations.push(op(make, ObjectId::Root, name.as_str(), &[]));
                }
            }
        }
        Ok(operations)
    }

    fn section_object(&self, section: &Section, genesis: &AmActor) -> Result<ObjectId, Refusal> {
        let counter = self.sections.get(section).copied();
        let counter = counter.ok_or_else(|| Refusal::UnknownSection(section.clone()))?;
        Ok(ObjectId::Id(AmOpId::new(counter, genesis)))
    }
}

/// Everything a change follows: the actor's one before it, and what it names.
pub(crate) fn followed(change: &Change) -> impl Iterator<Item = ChangeRef> + '_ {
    let implied = if change.seq > 1 {
        Some(ChangeRef { actor: change.actor, seq: change.seq - 1 })
    } else if change.after.is_empty() {
        Some(ChangeRef { actor: ActorId::GENESIS, seq: 1 })
    } else {
        None
    };
    implied.into_iter().chain(change.after.iter().copied())
}

/// The Automerge form of a genesis change: sections only, no dependencies.
pub(super) fn genesis_change(change: &Change) -> automerge::Change {
    let sections = change.entries.iter().filter_map(|entry| match entry {
        Entry::Section { name } => Some(name),
        Entry::Fact { .. } | Entry::Field { .. } => None,
    });
    let make = |name: &Section| op(OpType::Make(ObjType::Map), ObjectId::Root, name.as_str(), &[]);
    automerge_change(change, 1, Vec::new(), sections.map(make).collect())
}

/// The genesis change of a kind, for Automerge.
pub(super) fn automerge_genesis(kind: DocKind) -> automerge::Change {
    genesis::automerge_change(kind)
}

pub(super) fn automerge_change(
    change: &Change,
    start_op: u64,
    deps: Vec<ChangeHash>,
    operations: Vec<Op>,
) -> automerge::Change {
    automerge::Change::from(ExpandedChange {
        operations,
        actor_id: am_actor(&change.actor),
        hash: None,
        seq: change.seq,
        start_op: NonZeroU64::new(start_op).unwrap_or(NonZeroU64::MIN),
        time: change.time,
        message: None,
        deps,
        extra_bytes: Vec::new(),
        author: None,
    })
}

fn op(action: OpType, obj: ObjectId, key: &str, pred: &[OpId]) -> Op {
    let pred = pred.iter().map(|id| AmOpId::new(id.counter, &am_actor(&id.actor))).collect();
    Op { action, obj, key: AmKey::Map(key.into()), pred, insert: false }
}

fn am_actor(actor: &ActorId) -> AmActor {
    AmActor::from(actor.as_bytes().as_slice())
}

fn scalar(value: &Value) -> ScalarValue {
    match value {
        Value::Null => ScalarValue::Null,
        Value::Bool(b) => ScalarValue::Boolean(*b),
        Value::Int(i) => ScalarValue::Int(*i),
        Value::Text(t) => ScalarValue::Str(t.as_str().into()),
        Value::Bytes(b) => ScalarValue::Bytes(b.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::UserId;

    #[test]
    fn a_refusal_for_want_of_room_says_what_to_do() {
        let owners = [Owner::Server, Owner::Office, Owner::Technician(UserId::new(1, [1; 10]))];
        let kinds = [DocKind::Job, DocKind::Van, DocKind::Technician];
        let full = kinds.iter().flat_map(|kind| {
            owners.iter().map(|owner| Refusal::Full { kind: *kind, owner: *owner })
        });
        let people = kinds.iter().map(|kind| Refusal::People(*kind));
        for refusal in full.chain(people).chain([Refusal::Words]) {
            let sentence = refusal.sentence();
            let deeds = ["ask ", "make a ", "start a ", "give it ", "end the ", "Write less"];
            assert!(deeds.iter().any(|deed| sentence.contains(deed)), "{sentence}");
            let listed = codes::find(refusal.code()).map(|code| code.sentence);
            assert!(listed.is_some_and(|it| it.contains("; ")), "{listed:?}");
        }
    }
}
