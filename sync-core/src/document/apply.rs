//! How a change joins a document: rebuilt and checked against it first, then applied.
//!
//! A [`Rebuilt`] exists only for a change that passed every check against this document, and
//! applying it cannot fail, so a document is never half changed.

use std::sync::Arc;

use super::rebuild::{Built, Refusal};
use super::{Author, Document, Fact, FieldValue};
use crate::change::{Change, ChangeRef, Entry, OpId, Run};
use crate::document::ChangeHash;
use crate::id::ActorId;
use crate::limits;
use crate::schema::{key, section};
use crate::value::Value;

/// A change that was rebuilt, checked and may be applied to the document it was checked against.
#[derive(Debug, Clone)]
pub(crate) struct Rebuilt {
    change: Change,
    built: Built,
}

impl Rebuilt {
    /// A change of a chain that [`Document::may_join`] allowed just now.
    pub(crate) fn checked(change: Change, built: Built) -> Self {
        Self { change, built }
    }

    /// The Automerge hash of the change.
    pub(crate) fn hash(&self) -> ChangeHash {
        self.built.meta.hash
    }

    /// The typed change.
    pub(crate) fn change(&self) -> &Change {
        &self.change
    }
}

impl Document {
    /// Rebuilds every change of a run on top of what is here and checks the last hash against
    /// the run's own. Says nothing yet of whether the changes may join.
    pub(crate) fn chain(&self, run: &Run) -> Result<Vec<Built>, Refusal> {
        let chain = self.built(&run.changes)?;
        let last = chain.last().map(Built::hash);
        if last == Some(run.last_hash) { Ok(chain) } else { Err(Refusal::HashMismatch) }
    }

    /// These changes as a run, with the hash it ends with on top of this document; none if they
    /// cannot be hashed here. Says nothing of whether they may join.
    pub fn run(&self, changes: Vec<Change>) -> Option<Run> {
        let last_hash = self.built(&changes).ok()?.last()?.hash();
        Some(Run { doc: self.id, changes, last_hash })
    }

    fn built(&self, changes: &[Change]) -> Result<Vec<Built>, Refusal> {
        let mut chain = Vec::with_capacity(changes.len());
        for change in changes {
            chain.push(self.build(change, &chain)?);
        }
        Ok(chain)
    }

    /// Whether exactly this change is here (`Some(true)`), another under its number
    /// (`Some(false)`), or none yet.
    pub(crate) fn holds(&self, change: &Change, hash: &ChangeHash) -> Option<bool> {
        let held = self.hash_of(&ChangeRef { actor: change.actor, seq: change.seq })?;
        Some(held == *hash)
    }

    /// Rebuilds the actor's next change and checks it against everything that is here.
    pub(crate) fn check(&self, change: Change) -> Result<Rebuilt, Refusal> {
        self.check_place(&change)?;
        let built = self.build(&change, &[])?;
        self.may_join(&change, false)?;
        Ok(Rebuilt { change, built })
    }

    /// Applies a change that was checked against this document as it is now.
    pub(crate) fn apply(&mut self, rebuilt: Rebuilt, author: Author) {
        let Rebuilt { change, built } = rebuilt;
        let reference = ChangeRef { actor: change.actor, seq: change.seq };
        debug_assert_eq!(change.seq, self.graph.seq_of(&change.actor) + 1);
        let mut counter = built.start_op;
        for entry in &change.entries {
            counter += match entry {
                Entry::Fact { section, id, record } => {
                    let fact = Fact {
                        id: *id,
                        section: section.clone(),
                        record: record.clone(),
                        change: reference,
                        op: OpId { counter, actor: change.actor },
                        author: author.user,
                        device: author.device,
                        time: change.time,
                    };
                    self.claims.add(&fact);
                    let facts = self.facts.entry(section.clone()).or_default();
                    // Of the same fact in two changes the earlier is shown, whichever came first.
                    match facts.get(id) {
                        Some(known) if known.rank() <= fact.rank() => {}
                        _ => drop(facts.insert(*id, fact)),
                    }
                    1 + record.len() as u64
                }
                Entry::Field { section, key, value, replaces } => {
                    if *section == section::DETAILS && *key == key::TECHNICIAN {
                        self.claims.drives(value);
                    }
                    let slot = self.fields.entry(section.clone()).or_default();
                    let slot = slot.entry(key.clone()).or_default();
                    let value = FieldValue {
                        op: OpId { counter, actor: change.actor },
                        seq: change.seq,
                        value: value.clone(),
                        author: author.user,
                        time: change.time,
                        superseded: false,
                    };
                    slot.set(value, replaces);
                    1
                }
                Entry::Section { name } => {
                    Arc::make_mut(&mut self.sections).insert(name.clone(), counter);
                    1
                }
            };
        }
        self.graph.add(change.actor, built.meta, &built.deps);
        self.values += change.values();
        self.shares.add(&change, author);
        self.changes.push((change, author));
    }

    /// Writes the next change of `actor` on top of everything that is here, and checks it.
    pub(crate) fn author(
        &self,
        actor: ActorId,
        time: i64,
        entries: Vec<Entry>,
    ) -> Result<Rebuilt, Refusal> {
        self.check(self.next_of(actor, time, entries))
    }

    /// The next change of `actor` on top of everything that is here, not checked yet.
    pub(crate) fn next_of(&self, actor: ActorId, time: i64, entries: Vec<Entry>) -> Change {
        let seq = self.graph.seq_of(&actor) + 1;
        let own = ChangeRef { actor, seq: seq - 1 };
        let heads = self.graph.heads().map(|(_, head)| *head);
        let genesis = ChangeRef { actor: ActorId::GENESIS, seq: 1 };
        let mut after: Vec<_> = heads.filter(|head| *head != own && *head != genesis).collect();
        after.sort();
        Change { actor, seq, after, time, entries }
    }

    /// Writes a change of other numbers again, same entries and time, as the next of `actor` on top
    /// of everything that is here. Field values it replaced that are not here are left out.
    pub(crate) fn reauthored(&self, actor: ActorId, change: Change) -> Result<Rebuilt, Refusal> {
        let Change { time, mut entries, .. } = change;
        for entry in &mut entries {
            if let Entry::Field { section, key, replaces, .. } = entry {
                let slot = self.slot(section, key);
                replaces.retain(|op| slot.is_some_and(|slot| slot.knows(op)));
            }
        }
        self.author(actor, time, entries)
    }

    /// Whether everything the change says stands here already, said by the same person.
    pub(crate) fn says(&self, change: &Change, author: Author) -> bool {
        change.entries.iter().all(|entry| match entry {
            Entry::Fact { section, id, record } => self
                .fact(section, id)
                .is_some_and(|fact| fact.author == author.user && fact.record == *record),
            Entry::Field { section, key, value, .. } => {
                let said = (change.time, author.user, value);
                self.slot(section, key).is_some_and(|slot| slot.says(said))
            }
            Entry::Section { .. } => false,
        })
    }

    /// An entry that sets a field and replaces every value standing now.
    pub fn set(
        &self,
        section: crate::schema::Section,
        key: crate::schema::Key,
        value: Value,
    ) -> Entry {
        let standing = self.field_values(&section, &key);
        let mut replaces: Vec<_> = standing.iter().map(|value| value.op).collect();
        replaces.sort();
        // What one change cannot replace stays beside the new value, for the next to replace.
        replaces.truncate(limits::FIELD_REPLACES);
        Entry::Field { section, key, value, replaces }
    }
}
