//! Whose job it is or was: the part of a job's facts that permission and scope rest on.

use super::Step;
use crate::change::{Entry, Run};
use crate::document::{Document, Fact};
use crate::id::{FactId, UserId};
use crate::schema::{DocKind, Key, key, section};
use crate::time::clamped;
use crate::value::Value;

/// Assignment number of a walk-up job's own technician, before the office assigns anybody.
pub const WALK_UP_EPOCH: i64 = 0;

/// The technician who opened the job at the roadside, if it was opened so: the author of its
/// walk-up fact (of several, the first).
pub fn walk_up_author(document: &Document) -> Option<UserId> {
    walk_up(document)?.author
}

/// The assignment numbers under which this technician was offered or assigned the job, each once; 0 is among
/// them for the technician who opened it as a walk-up.
pub fn epochs_of(document: &Document, technician: UserId) -> Vec<i64> {
    let walk_up = walk_up_author(document) == Some(technician);
    let walk_up = walk_up.then_some(WALK_UP_EPOCH).into_iter();
    walk_up.chain(document.claims().epochs(technician)).collect()
}

/// Whether the job was given to this technician under this assignment number.
pub(crate) fn has_epoch(document: &Document, technician: UserId, epoch: i64) -> bool {
    let opened = epoch == WALK_UP_EPOCH && walk_up_author(document) == Some(technician);
    opened || document.claims().has_epoch(technician, epoch)
}

/// Whether the job is this technician's now or was at any time.
pub fn is_or_was_theirs(document: &Document, technician: UserId) -> bool {
    document.claims().epochs(technician).next().is_some()
        || walk_up_author(document) == Some(technician)
}

/// Whether a run begins with a technician's walk-up.
pub fn opens_a_job(run: &Run) -> bool {
    let first = run.changes.first().filter(|_| run.doc.kind == DocKind::Job);
    first.is_some_and(|change| {
        change.entries.iter().any(|entry| match entry {
            Entry::Fact { section: name, record, .. } if *name == section::STATUS => {
                let kind = record.get(&key::KIND).and_then(Value::as_text);
                kind == Some(Step::WalkUp.as_str())
            }
            Entry::Fact { .. } | Entry::Field { .. } | Entry::Section { .. } => false,
        })
    })
}

/// The fact that opened the job at the roadside.
pub(crate) fn walk_up(document: &Document) -> Option<&Fact> {
    document.fact(&section::STATUS, &document.claims().walk_up()?)
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

/// The time under this key, as a fact may name one.
pub(crate) fn time_of(fact: &Fact, key: &Key) -> Option<i64> {
    int(fact, key).map(clamped)
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
