//! Whose document it is or was, kept while facts join: the policy asks it of every entry.

use std::collections::{BTreeMap, BTreeSet};

use super::{Fact, Rank};
use crate::id::{FactId, UserId};
use crate::schema::{key, lists, section};
use crate::value::Value;

/// What gives technicians a claim on a job, by its facts; on a van, by who drove it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Claims {
    /// Of the facts that opened the job at the roadside the first.
    walk_up: Option<(Rank, FactId)>,
    /// The numbers under which each technician was offered or assigned the job.
    epochs: BTreeMap<UserId, BTreeSet<i64>>,
    /// Whoever drove the van.
    drivers: BTreeSet<UserId>,
}

impl Claims {
    /// Takes in a fact. One that comes twice says the same both times.
    pub(super) fn add(&mut self, fact: &Fact) {
        let kind = || fact.record.get(&key::KIND).and_then(Value::as_text);
        if fact.section == section::STATUS && kind() == Some("walk_up") {
            let opened = (fact.rank(), fact.id);
            self.walk_up = Some(self.walk_up.map_or(opened, |first| first.min(opened)));
        }
        let gives = || kind().is_some_and(|kind| lists::GIVING.contains(&kind));
        if fact.section == section::ASSIGNMENT && gives() {
            let technician = fact.record.get(&key::TECHNICIAN).and_then(user);
            let epoch = fact.record.get(&key::EPOCH).and_then(Value::as_int);
            if let (Some(technician), Some(epoch)) = (technician, epoch) {
                self.epochs.entry(technician).or_default().insert(epoch);
            }
        }
    }

    /// Takes in who drives the van.
    pub(super) fn drives(&mut self, value: &Value) {
        self.drivers.extend(user(value));
    }

    /// The fact that opened the job at the roadside.
    pub fn walk_up(&self) -> Option<FactId> {
        self.walk_up.map(|(_, id)| id)
    }

    /// The numbers of this technician's offers and assignments, least first.
    pub fn epochs(&self, technician: UserId) -> impl Iterator<Item = i64> + use<'_> {
        self.epochs.get(&technician).into_iter().flatten().copied()
    }

    /// Whether the technician was offered or assigned the job under this number.
    pub fn has_epoch(&self, technician: UserId, epoch: i64) -> bool {
        self.epochs.get(&technician).is_some_and(|epochs| epochs.contains(&epoch))
    }

    /// Every technician who has, or had, a claim by an assignment, an offer or as a driver.
    pub fn people(&self) -> impl Iterator<Item = UserId> + use<'_> {
        self.epochs.keys().chain(&self.drivers).copied()
    }

    /// Whether the technician drives the van, or drove it.
    pub fn drove(&self, technician: UserId) -> bool {
        self.drivers.contains(&technician)
    }
}

fn user(value: &Value) -> Option<UserId> {
    UserId::from_slice(value.as_bytes()?).ok()
}
