//! What ends something has room in a full store: dismissals, cancellations, recalls, what takes a fact
//! back, and jobs that leave the phones.
//!
//! Each thing ends once: an entry counts only while what it ends still stands, and what begins something
//! again does not count. So endings grow no faster than what there is to end.

use sync_core::change::Entry;
use sync_core::document::{Document, Fact};
use sync_core::id::FactId;
use sync_core::job::{AssignmentKind, Job, RELEASED, Step, reopened_by, voids_of};
use sync_core::schema::{DocKind, Section, key, section};
use sync_core::scope;
use sync_core::value::{Record, Value};

/// Whether these entries do nothing but end what stands in the document.
pub(super) fn only_ends(document: &Document, entries: &[Entry]) -> bool {
    if document.id().kind != DocKind::Job && dismisses(entries) {
        return true;
    }
    let ends = |entry: &Entry| match entry {
        Entry::Fact { section, record, .. } => ends(document, section, record),
        Entry::Field { .. } | Entry::Section { .. } => false,
    };
    !entries.is_empty() && entries.iter().all(ends)
}

/// Whether a technician, or a van, is no longer active; with what else their account says of them.
fn dismisses(entries: &[Entry]) -> bool {
    let mut inactive = false;
    let all_details = entries.iter().all(|entry| match entry {
        Entry::Field { section, key, value, .. } => {
            inactive |= *key == key::ACTIVE && *value == Value::Bool(false);
            *section == section::DETAILS
        }
        Entry::Fact { .. } | Entry::Section { .. } => false,
    });
    all_details && inactive
}

fn ends(document: &Document, of: &Section, record: &Record) -> bool {
    let kind = record.get(&key::KIND).and_then(Value::as_text);
    let named = record.get(&key::VOIDS);
    let is_job = document.id().kind == DocKind::Job;
    if is_job && *of == section::STATUS {
        return match kind.and_then(Step::parse) {
            Some(Step::Cancelled) => !Job::of(document).state.is_over(),
            Some(Step::Reopened) => {
                named.and_then(|id| found(document, of, id)).is_some_and(|step| {
                    // A cancellation that is taken back begins the job again.
                    let word = step.record.get(&key::KIND).and_then(Value::as_text);
                    let step_kind = word.and_then(Step::parse);
                    !matches!(step_kind, None | Some(Step::Cancelled | Step::Reopened))
                        && reopened_by(document, step).is_empty()
                })
            }
            _ => false,
        };
    }
    if is_job && *of == section::ASSIGNMENT {
        return kind == Some(AssignmentKind::Recall.as_str())
            && Job::of(document).assignment.is_some();
    }
    if is_job && *of == section::SETTLEMENT {
        return kind == Some(RELEASED) && scope::may_be_released(document);
    }
    named.and_then(|id| found(document, of, id)).is_some_and(|fact| {
        !fact.record.contains_key(&key::VOIDS) && voids_of(document, of, fact.id).is_empty()
    })
}

/// The fact that a value names.
fn found<'d>(document: &'d Document, of: &Section, named: &Value) -> Option<&'d Fact> {
    let Value::Bytes(bytes) = named else { return None };
    document.fact(of, &FactId::from_slice(bytes).ok()?)
}
