//! Everything that was called saved or durable, and so must not be lost or changed.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use sync_core::admission::{ACTOR_NOT_YOURS, Verdict};
use sync_core::change::{Change, Entry, Run, encode_run};
use sync_core::document::ChangeHash;
use sync_core::id::{ActorId, FactId};
use sync_core::policy::SECTION_UNKNOWN;
use sync_core::schema::{DocId, Section};
use sync_core::value::Record;
use sync_core::wire::Writer;

/// Names a fact: tenant, document, id.
pub type Name = (u8, DocId, FactId);

/// Who saved something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// Someone at a desk.
    Desk,
    /// A technician on a phone.
    Phone,
}

/// A fact that someone was told is saved.
#[derive(Debug, Clone)]
pub struct Saved {
    /// Where it stands.
    pub section: Section,
    /// What it says.
    pub record: Record,
    /// By whom.
    pub by: By,
}

/// What a server's life has promised; a restore from a backup brings back an earlier one.
#[derive(Debug, Clone, Default)]
pub struct Promised {
    /// Facts that were answered durable.
    pub facts: BTreeSet<Name>,
    /// The last change of each actor in each document that was answered durable.
    pub changes: BTreeMap<(u8, DocId, ActorId), u64>,
    /// Final verdicts by change. A restored server keeps those that its backup has.
    verdicts: BTreeMap<u64, Verdict>,
}

/// The ledger of a world.
#[derive(Debug, Default)]
pub struct Ledger {
    /// Facts that must be somewhere.
    pub saved: BTreeMap<Name, Saved>,
    /// Promises of the server as it is now.
    pub promised: Promised,
    /// Changes, by tenant, that a server refused or may have refused when it was cut off.
    refused: [BTreeSet<u64>; 2],
}

impl Ledger {
    /// Writes down what was saved.
    pub fn note(&mut self, tenant: u8, doc: DocId, entries: &[Entry], by: By) {
        for entry in entries {
            if let Entry::Fact { section, id, record } = entry {
                let saved = Saved { section: section.clone(), record: record.clone(), by };
                self.saved.entry((tenant, doc, *id)).or_insert(saved);
            }
        }
    }

    /// Writes down the verdicts of a run that are on their way to a phone; gives what is wrong
    /// with them.
    pub fn answered(&mut self, tenant: u8, run: &Run, verdicts: &[Verdict]) -> Option<String> {
        if verdicts.len() != run.changes.len() {
            return Some(format!("{} verdicts for {} changes", verdicts.len(), run.changes.len()));
        }
        let mut wrong = None;
        for (change, says) in run.changes.iter().zip(verdicts) {
            if says.is_durable() {
                self.durable(tenant, run.doc, change);
            }
            let name = name(tenant, run.doc, change);
            match self.promised.verdicts.get(&name) {
                Some(said) if !self.may_follow(tenant, run.doc, change, said, says) => {
                    let (doc, actor, seq) = (run.doc, change.actor, change.seq);
                    wrong = Some(format!("{doc:?} {actor} {seq}: {said:?}, then {says:?}"));
                }
                Some(_) => {}
                None if is_final(says) => {
                    self.promised.verdicts.insert(name, says.clone());
                }
                None => {}
            }
        }
        wrong
    }

    /// Writes down the verdicts of a run whose changes the server re-authors: their facts are
    /// promised, their numbers are not.
    pub fn reauthored(&mut self, tenant: u8, run: &Run, verdicts: &[Verdict]) {
        let durable = run.changes.iter().zip(verdicts).filter(|(_, verdict)| verdict.is_durable());
        for entry in durable.flat_map(|(change, _)| &change.entries) {
            if let Entry::Fact { id, .. } = entry {
                self.promised.facts.insert((tenant, run.doc, *id));
            }
        }
    }

    /// Whether a server that gave a final verdict may ever give this one of the same change.
    fn may_follow(
        &self,
        tenant: u8,
        doc: DocId,
        change: &Change,
        said: &Verdict,
        says: &Verdict,
    ) -> bool {
        match (said, says) {
            (Verdict::Refused { code: said, .. }, Verdict::Refused { code: says, .. }) => {
                said == says || says == ACTOR_NOT_YOURS
            }
            // What followed the refused change was re-authored under its number. A copy of the
            // phone, or a message on its way for long, still has the refused one there.
            (Verdict::Refused { .. }, Verdict::Fork) => {
                let last = self.promised.changes.get(&(tenant, doc, change.actor));
                last.is_some_and(|last| *last >= change.seq)
            }
            // A server of the version before cannot read the run in which it now stands.
            (Verdict::Refused { .. }, Verdict::Later { code }) => code == SECTION_UNKNOWN,
            _ => said == says,
        }
    }

    /// Writes down what a server may keep of refusals: of a run that it answered, or, without
    /// verdicts, could not say whether it was committed.
    pub fn may_keep(&mut self, tenant: u8, run: &Run, verdicts: Option<&[Verdict]>) {
        for (index, change) in run.changes.iter().enumerate() {
            let verdict = verdicts.and_then(|all| all.get(index));
            if verdict.is_none_or(|verdict| matches!(verdict, Verdict::Refused { .. })) {
                self.refused[usize::from(tenant)].insert(name(tenant, run.doc, change));
            }
        }
    }

    /// How many refusals a tenant's server may keep.
    pub fn refusals(&self, tenant: u8) -> usize {
        self.refused[usize::from(tenant)].len()
    }

    /// A change was answered durable.
    pub fn durable(&mut self, tenant: u8, doc: DocId, change: &Change) {
        let last = self.promised.changes.entry((tenant, doc, change.actor)).or_default();
        *last = (*last).max(change.seq);
        for entry in &change.entries {
            if let Entry::Fact { id, .. } = entry {
                self.promised.facts.insert((tenant, doc, *id));
            }
        }
    }
}

/// Whether a verdict is of the change for good, and not of who sends it, or of what is here yet.
fn is_final(verdict: &Verdict) -> bool {
    match verdict {
        Verdict::Durable => true,
        Verdict::Refused { code, .. } => code != ACTOR_NOT_YOURS,
        Verdict::Reauthor | Verdict::Fork | Verdict::Missing(_) | Verdict::Later { .. } => false,
    }
}

/// A change by its content.
fn name(tenant: u8, doc: DocId, change: &Change) -> u64 {
    let mut writer = Writer::new();
    let last_hash = ChangeHash([0; 32]);
    encode_run(&mut writer, &Run { doc, changes: vec![change.clone()], last_hash });
    let mut hasher = DefaultHasher::new();
    (tenant, writer.into_bytes()).hash(&mut hasher);
    hasher.finish()
}
