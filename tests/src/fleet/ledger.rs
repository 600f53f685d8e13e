//! Everything that was called saved or durable, and so must not be lost or changed.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use sync_core::admission::Verdict;
use sync_core::change::{Change, Entry, Run, encode_run};
use sync_core::document::ChangeHash;
use sync_core::id::{ActorId, FactId};
use sync_core::schema::{DocId, Section};
use sync_core::value::Record;
use sync_core::wire::Writer;

/// Names a fact: tenant, document, id.
pub type Name = (u8, DocId, FactId);

/// A fact that somebody was told is saved.
#[derive(Debug, Clone)]
pub struct Saved {
    /// Where it stands.
    pub section: Section,
    /// What it says.
    pub record: Record,
}

/// What a server's life has promised; a restore from a backup brings back an earlier one.
#[derive(Debug, Clone, Default)]
pub struct Promised {
    /// Facts that were answered durable.
    pub facts: BTreeSet<Name>,
    /// The last change of each actor in each document that was answered durable.
    pub changes: BTreeMap<(u8, DocId, ActorId), u64>,
    /// Final verdicts by change.
    verdicts: BTreeMap<u64, String>,
}

impl Promised {
    /// A restored server may judge anew.
    pub fn forget_verdicts(&mut self) {
        self.verdicts.clear();
    }
}

/// The ledger of a world.
#[derive(Debug, Default)]
pub struct Ledger {
    /// Facts that must be somewhere.
    pub saved: BTreeMap<Name, Saved>,
    /// Promises of the server as it is now.
    pub promised: Promised,
}

impl Ledger {
    /// Writes down what was saved.
    pub fn note(&mut self, tenant: u8, doc: DocId, entries: &[Entry]) {
        for entry in entries {
            if let Entry::Fact { section, id, record } = entry {
                let saved = Saved { section: section.clone(), record: record.clone() };
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
        for (change, verdict) in run.changes.iter().zip(verdicts) {
            let says = match verdict {
                Verdict::Durable => "durable".to_owned(),
                Verdict::Refused { code, .. } => format!("refused {code}"),
                _ => continue,
            };
            if verdict.is_durable() {
                self.durable(tenant, run.doc, change);
            }
            let said = self.promised.verdicts.entry(name(tenant, run.doc, change));
            let said = said.or_insert_with(|| says.clone());
            if *said != says {
                let (actor, seq) = (change.actor, change.seq);
                return Some(format!("{:?} {actor} {seq}: {said}, then {says}", run.doc));
            }
        }
        None
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

/// A change by its content.
fn name(tenant: u8, doc: DocId, change: &Change) -> u64 {
    let mut writer = Writer::new();
    let last_hash = ChangeHash([0; 32]);
    encode_run(&mut writer, &Run { doc, changes: vec![change.clone()], last_hash });
    let mut hasher = DefaultHasher::new();
    (tenant, writer.into_bytes()).hash(&mut hasher);
    hasher.finish()
}
