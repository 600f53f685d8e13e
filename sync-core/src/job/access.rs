//! Whose job it is or was: the part of a job's facts that permission and scope rest on.

use crate::document::{Document, Fact};
use crate::id::{FactId, UserId};
use crate::schema::{Key, key, section};
use crate::value::Value;

use super::Step;

/// Epoch of a walk-up job's own technician, before the office assigns anybody.
pub const WALK_UP_EPOCH: i64 = 0;

/// The technician who opened the job at the roadside, if it was opened so: the author of its
/// walk-up fact (of several, the one with the least id).
pub fn walk_up_author(document: &Document) -> Option<UserId> {
    walk_up(document)?.author
}

/// The epochs under which this technician was offered or assigned the job; 0 for the
/// technician who opened it as a walk-up.
pub fn epochs_of(document: &Document, technician: UserId) -> Vec<i64> {
    let walk_up = walk_up_author(document) == Some(technician);
    let mut epochs: Vec<_> = walk_up.then_some(WALK_UP_EPOCH).into_iter().collect();
    for fact in document.facts(&section::ASSIGNMENT) {
        let gives = matches!(text(fact, &key::KIND), Some("offer" | "assign"));
        if gives && user(fact, &key::TECHNICIAN) == Some(technician) {
            epochs.extend(fact.record.get(&key::EPOCH).and_then(Value::as_int));
        }
    }
    epochs
}

/// Whether the job is this technician's now or was at any time.
pub fn is_or_was_theirs(document: &Document, technician: UserId) -> bool {
    !epochs_of(document, technician).is_empty()
}

/// The fact that opened the job at the roadside.
pub(crate) fn walk_up(document: &Document) -> Option<&Fact> {
    let mut facts = document.facts(&section::STATUS);
    facts.find(|fact| text(fact, &key::KIND) == Some(Step::WalkUp.word()))
}

pub(crate) fn text<'a>(fact: &'a Fact, key: &Key) -> Option<&'a str> {
    fact.record.get(key).and_then(Value::as_text)
}

/// The names a field lists, one a line.
pub(crate) fn lines(value: Option<&Value>) -> Vec<String> {
    let text = value.and_then(Value::as_text).unwrap_or_default();
    text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

pub(crate) fn int(fact: &Fact, key: &Key) -> Option<i64> {
    fact.record.get(key).and_then(Value::as_int)
}

pub(crate) fn user(fact: &Fact, key: &Key) -> Option<UserId> {
    UserId::from_slice(fact.record.get(key).and_then(Value::as_bytes)?).ok()
}

pub(crate) fn id_of(fact: &Fact, key: &Key) -> Option<FactId> {
    match fact.record.get(key)? {
        Value::Bytes(bytes) => FactId::from_slice(bytes).ok(),
        Value::Text(text) => text.parse().ok(),
        Value::Null | Value::Bool(_) | Value::Int(_) => None,
    }
}
