//! Whether a change may join a document: its place, its size, and what its entries say.

use std::collections::BTreeSet;

use super::rebuild::{Built, Refusal};
use super::{Author, Document};
use crate::change::{Change, ChangeRef, Entry, OpId};
use crate::id::ActorId;
use crate::limits;
use crate::value::Value;

impl Document {
    /// Whether a change that [`Document::chain`] has rebuilt may join. Changes of the schema come
    /// only from the server, that is from its log or with its receipt.
    pub(crate) fn may_join(&self, change: &Change, from_server: bool) -> Result<(), Refusal> {
        self.check_place(change)?;
        if change.actor == ActorId::GENESIS {
            return if from_server { self.check_schema(change) } else { Err(Refusal::Reserved) };
        }
        self.check_entries(change)
    }

    /// Whether a change that [`Document::chain`] has rebuilt would leave more heads than a document
    /// on the server may have: nobody could follow them all any more.
    pub(crate) fn is_crowded_by(&self, built: &Built) -> bool {
        self.graph.heads_with(&built.deps) > limits::DOCUMENT_HEADS
    }

    /// Whether it would leave more heads of its author alone than one person may have.
    pub(crate) fn is_unmerged(&self, change: &Change, built: &Built, author: Author) -> bool {
        self.is_crowded_by_one(change, author, &built.deps)
    }

    /// Whether this is the actor's next change and the actor may write here at all.
    pub(super) fn check_place(&self, change: &Change) -> Result<(), Refusal> {
        let expected = self.graph.seq_of(&change.actor) + 1;
        if change.seq < expected {
            return Err(Refusal::Fork);
        }
        if change.seq > expected {
            let gap = ChangeRef { actor: change.actor, seq: change.seq - 1 };
            return Err(Refusal::Missing(vec![gap]));
        }
        let newcomer = !self.graph.knows(&change.actor);
        if newcomer && self.graph.actor_count() >= limits::DOCUMENT_ACTORS {
            return Err(Refusal::Limit("actors of a document"));
        }
        Ok(())
    }

    /// A further change of the schema, by a newer version: new sections, at no time, after the one
    /// before it and nothing else, so that it is the same on every replica.
    fn check_schema(&self, change: &Change) -> Result<(), Refusal> {
        let mut names = BTreeSet::new();
        let new = |entry: &Entry| match entry {
            Entry::Section { name } => {
                !self.sections.contains_key(name) && names.insert(name.clone())
            }
            Entry::Fact { .. } | Entry::Field { .. } => false,
        };
        let plain = change.time == 0 && change.after.is_empty() && !change.entries.is_empty();
        if !plain || !change.entries.iter().all(new) {
            return Err(Refusal::Reserved);
        }
        if self.sections.len() + change.entries.len() > limits::DOCUMENT_SECTIONS {
            return Err(Refusal::Limit("sections of a document"));
        }
        Ok(())
    }

    fn check_entries(&self, change: &Change) -> Result<(), Refusal> {
        if change.entries.is_empty() || change.entries.len() > limits::CHANGE_ENTRIES {
            return Err(Refusal::Limit("entries of a change"));
        }
        if !limits::TIME_RANGE.contains(&change.time) {
            return Err(Refusal::Limit("time of a change"));
        }
        if change.after.len() > limits::CHANGE_DEPS {
            return Err(Refusal::Limit("dependencies of a change"));
        }
        if !change.fits() {
            return Err(Refusal::Limit("size of a change"));
        }
        let mut ids = BTreeSet::new();
        let mut keys = BTreeSet::new();
        for entry in &change.entries {
            match entry {
                Entry::Fact { section, id, record } => {
                    // The very same fact may come twice, from a restored copy of a phone; another
                    // under its id may not.
                    let same = self.fact(section, id).is_none_or(|fact| fact.record == *record);
                    if !ids.insert(id) || !same {
                        return Err(Refusal::FactExists(*id));
                    }
                    if record.len() > limits::RECORD_KEYS {
                        return Err(Refusal::Limit("keys of a fact"));
                    }
                    record.values().try_for_each(check_value)?;
                }
                Entry::Field { section, key, value, replaces } => {
                    check_value(value)?;
                    if !keys.insert((section, key)) {
                        return Err(Refusal::Limit("values of one field in one change"));
                    }
                    let slot = self.slot(section, key);
                    let known = |op: &OpId| slot.is_some_and(|slot| slot.knows(op));
                    if replaces.len() > limits::FIELD_REPLACES || !replaces.iter().all(known) {
                        return Err(Refusal::UnknownReplaced);
                    }
                }
                Entry::Section { .. } => return Err(Refusal::Reserved),
            }
        }
        Ok(())
    }
}

fn check_value(value: &Value) -> Result<(), Refusal> {
    let large = value.bytes() > limits::VALUE_BYTES;
    if large { Err(Refusal::Limit("size of a value")) } else { Ok(()) }
}
