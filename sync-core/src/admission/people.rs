//! Whether there is a share left for everybody to whom a change gives a job or a van.

use std::collections::BTreeSet;

use crate::change::{Change, Entry};
use crate::document::{Document, Refusal, people};
use crate::id::UserId;
use crate::job;
use crate::schema::{DocKind, key, section};
use crate::value::Value;

/// Checks that everybody to whom the change gives the document has a share of it.
pub(super) fn takes_people(document: &Document, change: &Change) -> Result<(), Refusal> {
    let kind = document.id().kind;
    let given: Vec<UserId> = change.entries.iter().filter_map(|it| given(kind, it)).collect();
    if given.is_empty() {
        return Ok(());
    }
    let mut had: BTreeSet<UserId> = match kind {
        DocKind::Job => job::holders(document).0.into_iter().collect(),
        DocKind::Van => {
            let drivers = document.field_history(&section::DETAILS, &key::TECHNICIAN).iter();
            drivers.filter_map(|value| user(&value.value)).collect()
        }
        DocKind::Technician | DocKind::Other(_) => return Ok(()),
    };
    let before = had.len();
    had.extend(given);
    let fits = had.len() == before || had.len() <= people(kind);
    if fits { Ok(()) } else { Err(Refusal::People(kind)) }
}

/// To whom an entry gives a job or a van.
fn given(kind: DocKind, entry: &Entry) -> Option<UserId> {
    match (kind, entry) {
        (DocKind::Job, Entry::Fact { section: name, record, .. })
            if *name == section::ASSIGNMENT =>
        {
            user(record.get(&key::TECHNICIAN)?)
        }
        (DocKind::Van, Entry::Field { section: name, key: field, value, .. })
            if *name == section::DETAILS && *field == key::TECHNICIAN =>
        {
            user(value)
        }
        _ => None,
    }
}

fn user(value: &Value) -> Option<UserId> {
    UserId::from_slice(value.as_bytes()?).ok()
}
