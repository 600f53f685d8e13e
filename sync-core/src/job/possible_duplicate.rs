//! Another job that may be the same rescue: the server says so, and a person decides.

use super::access::{id_of, text};
use crate::change::Entry;
use crate::document::{Document, Fact};
use crate::id::{FactId, JobId};
use crate::schema::{key, section};
use crate::value::Value;

/// The word of the fact by which the server says that another job may be the same rescue.
pub const ALIKE: &str = "alike";
/// Jobs that one job may be said to be like: a plate that many jobs have says nothing any more.
pub const ALIKE_JOBS: usize = 10;

/// The entry that says of a job that another may be the same rescue; `now` is Unix milliseconds.
/// None if it says so already, or of as many others as it may.
pub fn say_alike(document: &Document, other: JobId, id: FactId, now: i64) -> Option<Entry> {
    let others: Vec<_> = said(document).collect();
    let known = others.iter().any(|fact| job_of(fact) == Some(other));
    let fits = !known && others.len() < ALIKE_JOBS && document.id().job() != Some(other);
    fits.then(|| {
        let other = Value::Bytes(other.as_bytes().to_vec());
        let record = [(key::KIND, ALIKE.into()), (key::JOB, other), (key::AT, now.into())];
        Entry::Fact { section: section::SETTLEMENT, id, record: record.into_iter().collect() }
    })
}

/// What the server said of a job, and no one else.
pub(super) fn said(document: &Document) -> impl Iterator<Item = &Fact> {
    let facts = document.facts(&section::SETTLEMENT);
    facts.filter(|fact| fact.author.is_none() && text(fact, &key::KIND) == Some(ALIKE))
}

/// The job that a fact names.
pub(super) fn job_of(fact: &Fact) -> Option<JobId> {
    let named: FactId = id_of(fact, &key::JOB)?;
    JobId::from_bytes(*named.as_bytes()).ok()
}
