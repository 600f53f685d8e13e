//! Who must hold a document on their phone, and who held it before.

use std::collections::BTreeMap;

use crate::change::Entry;
use crate::document::{Document, Fact};
use crate::id::{FactId, UserId};
use crate::job::{self, Job, Past, RELEASED, State};
use crate::schema::{DocKind, key, section};
use crate::value::Value;

/// One person with a claim on a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Member {
    /// The technician.
    pub user: UserId,
    /// Whether they must have the document now; otherwise they had it and it is released.
    pub current: bool,
}

/// The members of a document, each once, sorted by user.
///
/// A job belongs to the technician it is assigned to until it is closed or released, a van to the
/// technician who drives it, a technician's document to the technician. Whoever had it before stays a member that is not
/// current, because their late work is still taken in.
pub fn members(document: &Document) -> Vec<Member> {
    let mut members = BTreeMap::new();
    match document.id().kind {
        DocKind::Job => {
            let (all, holder) = job::holders(document);
            members.extend(all.into_iter().map(|user| (user, false)));
            // A job that is over for the dealership too leaves the phone.
            let leaves = is_closed(document) || is_released(document);
            members.extend(holder.map(|user| (user, !leaves)));
        }
        DocKind::Van => {
            for value in document.field_history(&section::DETAILS, &key::TECHNICIAN) {
                members.extend(user(&value.value).map(|user| (user, false)));
            }
            let driver = document.field(&section::DETAILS, &key::TECHNICIAN);
            members.extend(driver.and_then(user).map(|user| (user, true)));
        }
        DocKind::Technician => {
            members.extend(document.id().technician().map(|user| (user, true)));
        }
        DocKind::Other(_) => {}
    }
    members.into_iter().map(|(user, current)| Member { user, current }).collect()
}

fn is_closed(document: &Document) -> bool {
    let settled = document.facts(&section::SETTLEMENT).next().is_some();
    settled && Job::of(document).state == State::Closed
}

/// Whether a job is over, nothing waits for a decision, and a phone still has to hold it: once
/// nobody has changed it for a while, [`release`] lets it go.
pub fn may_be_released(document: &Document) -> bool {
    if document.id().kind != DocKind::Job || !members(document).iter().any(|it| it.current) {
        return false;
    }
    let job = Job::of(document);
    job.state.is_over() && job.exceptions.is_empty()
}

/// The fact that releases a job; `now` is Unix milliseconds.
pub fn release(id: FactId, now: i64) -> Entry {
    let record = [(key::KIND, RELEASED.into()), (key::AT, now.into())].into_iter().collect();
    Entry::Fact { section: section::SETTLEMENT, id, record }
}

/// Whether the server released the job, and had seen everything by which the job would go on: who
/// was given it, and every step.
fn is_released(document: &Document) -> bool {
    let released = |fact: &&Fact| {
        fact.author.is_none()
            && fact.record.get(&key::KIND).and_then(Value::as_text) == Some(RELEASED)
    };
    document.facts(&section::SETTLEMENT).filter(released).any(|fact| {
        let past = Past::of(document, fact.change);
        let going_on = [section::ASSIGNMENT, section::STATUS];
        going_on.iter().all(|name| document.facts(name).all(|it| past.contains(&it.change)))
    })
}

fn user(value: &Value) -> Option<UserId> {
    UserId::from_slice(value.as_bytes()?).ok()
}
