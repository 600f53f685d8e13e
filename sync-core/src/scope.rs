//! Who must hold a document on their phone, and who held it before.

use std::collections::BTreeMap;

use crate::document::Document;
use crate::id::UserId;
use crate::job::{self, Job, State};
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
/// A job belongs to the technician it is assigned to until it is closed, a van to the technician who drives it, a
/// technician's document to the technician. Whoever had it before stays a member that is not
/// current, because their late work is still taken in.
pub fn members(document: &Document) -> Vec<Member> {
    let mut members = BTreeMap::new();
    match document.id().kind {
        DocKind::Job => {
            let (all, holder) = job::holders(document);
            members.extend(all.into_iter().map(|user| (user, false)));
            // A job that is over for the dealership too leaves the phone.
            members.extend(holder.map(|user| (user, !is_closed(document))));
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

fn user(value: &Value) -> Option<UserId> {
    UserId::from_slice(value.as_bytes()?).ok()
}
