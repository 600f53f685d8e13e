//! A document: facts that are only ever added, fields the office sets, and the graph of changes.
//!
//! Automerge defines the change format, the hashes and the merge; this is the same state held in
//! the shape our rules read. `oracle` rebuilds a document in Automerge itself and compares.

mod apply;
mod author;
mod check;
mod chunk;
mod claims;
mod digest;
mod genesis;
mod graph;
mod oracle;
mod rank;
mod rebuild;
mod share;
mod slot;

use std::collections::BTreeMap;
use std::sync::Arc;

pub(crate) use apply::Rebuilt;
pub use author::Author;
pub use automerge::ChangeHash;
pub use digest::{Digest, fingerprint};
pub use oracle::{Disagreement, OracleError};
pub use rank::Rank;
pub use rebuild::Refusal;
pub(crate) use rebuild::{Built, followed};
pub(crate) use share::Asked;
pub use share::{Owner, people};

use crate::change::{Change, ChangeRef, OpId};
use crate::id::{ActorId, DeviceId, FactId, UserId};
use crate::schema::{DocId, Key, Section};
use crate::value::{Record, Value};
use claims::Claims;
use graph::Graph;
use slot::Slot;

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
    /// The operation that added it; see [`Fact::rank`].
    pub op: OpId,
    /// The person who added it, as the server attests; absent where nobody has said so.
    pub author: Option<UserId>,
    /// The phone it was recorded on, as the server attests; absent for a desk and for the server.
    pub device: Option<DeviceId>,
    /// Wall clock of its change, Unix milliseconds.
    pub time: i64,
}

/// One value a field was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldValue {
    /// The operation that set it; orders concurrent values.
    pub op: OpId,
    /// Number of its change among those of the operation's actor.
    pub seq: u64,
    /// The value.
    pub value: Value,
    /// The person who set it.
    pub author: Option<UserId>,
    /// Wall clock of its change, Unix milliseconds.
    pub time: i64,
    /// Whether someone who saw this value set another.
    pub superseded: bool,
}

impl FieldValue {
    /// The change that set it.
    pub fn change(&self) -> ChangeRef {
        ChangeRef { actor: self.op.actor, seq: self.seq }
    }
}

/// The state of one document and the graph of the changes that made it.
#[derive(Debug, Clone)]
pub struct Document {
    id: DocId,
    graph: Graph,
    /// Counter of the operation that made each section's map.
    sections: Arc<BTreeMap<Section, u64>>,
    facts: BTreeMap<Section, BTreeMap<FactId, Fact>>,
    fields: BTreeMap<Section, BTreeMap<Key, Slot>>,
    claims: Claims,
    changes: Vec<(Change, Author)>,
    /// What the changes count against [`crate::limits::DOCUMENT_VALUES`].
    values: usize,
    shares: share::Shares,
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
            claims: Claims::default(),
            changes: Vec::new(),
            values: 0,
            shares: share::Shares::default(),
        }
    }

    /// Which document this is.
    pub fn id(&self) -> DocId {
        self.id
    }

    /// The facts of a section, oldest id first.
    pub fn facts(&self, section: &Section) -> impl DoubleEndedIterator<Item = &Fact> + use<'_> {
        let facts = self.facts.get(section).into_iter().flat_map(BTreeMap::values);
        facts.inspect(|_| crate::cost::step())
    }

    /// One fact by section and id.
    pub fn fact(&self, section: &Section, id: &FactId) -> Option<&Fact> {
        crate::cost::step();
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
        let winner = self.slot(section, key)?.winner()?;
        (winner.value != Value::Null).then_some(&winner.value)
    }

    /// All standing values of a field, the winner last; more than one is a conflict to decide.
    pub fn field_values(&self, section: &Section, key: &Key) -> Vec<&FieldValue> {
        self.slot(section, key).map(Slot::standing).unwrap_or_default()
    }

    /// Every value a field was ever given, in the order in which they came here.
    pub fn field_history(&self, section: &Section, key: &Key) -> &[FieldValue] {
        self.slot(section, key).map_or(&[], Slot::history)
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
        slots.filter(|(section, key)| self.slot(section, key).is_some_and(Slot::is_contested))
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

    /// What the policy asks of every entry.
    pub(crate) fn claims(&self) -> &Claims {
        &self.claims
    }

    /// Where a change stands in [`Document::changes`]; absent for the genesis.
    pub(crate) fn place_of(&self, change: &ChangeRef) -> Option<usize> {
        self.graph.place_of(change)?.checked_sub(1)
    }

    fn slot(&self, section: &Section, key: &Key) -> Option<&Slot> {
        self.fields.get(section)?.get(key)
    }
}
