//! A document: facts that are only ever added, fields the office sets, and the graph of changes.
//!
//! Automerge defines the change format, the hashes and the merge; this is the same state held in
//! the shape our rules read. `judge` rebuilds a document in Automerge itself and compares.

mod apply;
mod author;
mod check;
mod chunk;
mod digest;
mod genesis;
mod graph;
mod judge;
mod rebuild;

use std::collections::BTreeMap;
use std::sync::Arc;

pub(crate) use apply::Rebuilt;
pub use author::Author;
pub use automerge::ChangeHash;
pub use digest::{Digest, fingerprint};
pub use judge::{Disagreement, JudgeError};
pub(crate) use rebuild::Built;
pub use rebuild::Refusal;

use crate::change::{Change, ChangeRef, OpId};
use crate::id::{ActorId, FactId, UserId};
use crate::schema::{DocId, Key, Section};
use crate::value::{Record, Value};
use graph::Graph;

/// One immutable record of something that happened or was observed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// Its own id.
    pub id: FactId,
    /// The section it stands in.
    pub section: Section,
    /// What it says.
    pub record: Record,
    /// Which change added it.
    pub change: ChangeRef,
    /// The person who added it, as the server attests; absent where nobody has said so.
    pub author: Option<UserId>,
    /// Wall clock of its change, Unix milliseconds.
    pub time: i64,
}

/// One value a field was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldValue {
    /// The operation that set it; orders concurrent values.
    pub op: OpId,
    /// The value.
    pub value: Value,
    /// The person who set it.
    pub author: Option<UserId>,
    /// Wall clock of its change, Unix milliseconds.
    pub time: i64,
    /// Whether somebody who saw this value set another.
    pub superseded: bool,
}

/// The state of one document and the graph of the changes that made it.
#[derive(Debug, Clone)]
pub struct Document {
    id: DocId,
    graph: Graph,
    /// Counter of the operation that made each section's map.
    sections: Arc<BTreeMap<Section, u64>>,
    facts: BTreeMap<Section, BTreeMap<FactId, Fact>>,
    fields: BTreeMap<Section, BTreeMap<Key, Vec<FieldValue>>>,
    changes: Vec<(Change, Author)>,
    /// What the changes count against [`crate::limits::DOCUMENT_VALUES`].
    values: usize,
}

impl Document {
    /// A document of this kind with nothing but its genesis.
    pub fn new(id: DocId) -> Self {
        let genesis = genesis::genesis(id.kind);
        Self {
            id,
            graph: Graph::new(genesis),
            sections: genesis::sections(id.kind),
            facts: BTreeMap::new(),
            fields: BTreeMap::new(),
            changes: Vec::new(),
            values: 0,
        }
    }

    /// Which document this is.
    pub fn id(&self) -> DocId {
        self.id
    }

    /// The facts of a section, oldest id first.
    pub fn facts(&self, section: &Section) -> impl DoubleEndedIterator<Item = &Fact> + use<'_> {
        self.facts.get(section).into_iter().flat_map(BTreeMap::values)
    }

    /// One fact by section and id.
    pub fn fact(&self, section: &Section, id: &FactId) -> Option<&Fact> {
        self.facts.get(section)?.get(id)
    }

    /// Version of the schema this document has: 1 with its genesis alone, one more with each
    /// change of a newer version that gave it further sections.
    pub fn schema_version(&self) -> u64 {
        self.graph.seq_of(&ActorId::GENESIS)
    }

    /// Sections that hold facts, with unknown ones among them.
    pub fn fact_sections(&self) -> impl Iterator<Item = &Section> {
        self.facts.keys()
    }

    /// Sections that hold fields, with unknown ones among them.
    pub fn field_sections(&self) -> impl Iterator<Item = &Section> {
        self.fields.keys()
    }

    /// The value of a field: of several concurrent ones the greatest operation, the same
    /// everywhere. Absent when never set or cleared.
    pub fn field(&self, section: &Section, key: &Key) -> Option<&Value> {
        let winner = self.standing(section, key).max_by_key(|value| value.op)?;
        (winner.value != Value::Null).then_some(&winner.value)
    }

    /// All standing values of a field, the winner last; more than one is a conflict to decide.
    pub fn field_values(&self, section: &Section, key: &Key) -> Vec<&FieldValue> {
        let mut standing: Vec<_> = self.standing(section, key).collect();
        standing.sort_by_key(|value| value.op);
        standing
    }

    /// Every value a field was ever given, in the order in which they came here.
    pub fn field_history(&self, section: &Section, key: &Key) -> &[FieldValue] {
        let slot = self.fields.get(section).and_then(|fields| fields.get(key));
        slot.map_or(&[], Vec::as_slice)
    }

    /// The keys of a section's fields that were ever set.
    pub fn field_keys(&self, section: &Section) -> impl Iterator<Item = &Key> + use<'_> {
        self.fields.get(section).into_iter().flat_map(BTreeMap::keys)
    }

    /// The fields of a section with their winning values; cleared ones are left out.
    pub fn fields(&self, section: &Section) -> impl Iterator<Item = (&Key, &Value)> {
        let keys = self.fields.get(section).into_iter().flat_map(BTreeMap::keys);
        keys.filter_map(|key| Some((key, self.field(section, key)?)))
    }

    /// Fields that several people set without having seen each other.
    pub fn conflicts(&self) -> impl Iterator<Item = (&Section, &Key)> {
        let slots = self.fields.iter().flat_map(|(s, fields)| fields.keys().map(move |k| (s, k)));
        slots.filter(|(section, key)| self.standing(section, key).nth(1).is_some())
    }

    /// The changes nothing follows yet, sorted.
    pub fn heads(&self) -> Vec<ChangeHash> {
        self.graph.heads().map(|(hash, _)| *hash).collect()
    }

    /// How many changes of an actor are here: the greatest `seq`, 0 for none.
    pub fn seq_of(&self, actor: &ActorId) -> u64 {
        self.graph.seq_of(actor)
    }

    /// Hash of a change that is here.
    pub fn hash_of(&self, change: &ChangeRef) -> Option<ChangeHash> {
        self.graph.meta(change).map(|meta| meta.hash)
    }

    /// Whether a change with this hash is here.
    pub fn contains(&self, hash: &ChangeHash) -> bool {
        self.graph.contains(hash)
    }

    /// Every change with who made it, in an order in which each follows what it depends on.
    pub fn changes(&self) -> &[(Change, Author)] {
        &self.changes
    }

    /// What its changes count against limits of values.
    pub fn values(&self) -> usize {
        self.values
    }

    /// Whether anything was ever written beyond the genesis.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// The values of a field that nobody who saw them replaced.
    fn standing(&self, section: &Section, key: &Key) -> impl Iterator<Item = &FieldValue> {
        self.field_history(section, key).iter().filter(|value| !value.superseded)
    }
}
