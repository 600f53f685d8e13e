//! Which times that phones claim cannot be: a phone may leave out or invent what it knew of the server's.
//!
//! The office and the server write by the server's clock. What a phone had seen of them came before
//! its work, and what of them had seen its work came after it; no phone can change either.

use super::causal::Order;
use super::times::corrected;
use crate::change::ChangeRef;
use crate::document::{Document, Fact};
use crate::id::ActorId;
use crate::limits::{CLAIM_EARLY_MS, CLAIM_LATE_MS, TIME_RANGE};
use crate::schema::key;

/// Between which times of the server's clock each change of a document was made.
pub(super) struct ClaimedTimes<'d> {
    document: &'d Document,
    /// By the place of the change: the latest act of the office or the server that it had seen.
    after: Vec<Option<i64>>,
    /// By the place of the change: the first act of theirs that had seen it.
    before: Vec<Option<i64>>,
}

impl<'d> ClaimedTimes<'d> {
    /// Two walks over the changes.
    pub fn of(order: &Order<'d>) -> Self {
        let document = order.document();
        let known = || {
            let changes = document.changes().iter();
            // A change of the schema has no time.
            let of_server = changes.filter(|(change, author)| {
                let dated = TIME_RANGE.contains(&change.time) && change.actor != ActorId::GENESIS;
                author.device.is_none() && dated
            });
            of_server.map(|(change, _)| {
                (ChangeRef { actor: change.actor, seq: change.seq }, change.time)
            })
        };
        Self { document, after: order.greatest_seen(known()), before: order.least_to_see(known()) }
    }

    /// How far the clock of a fact was off, milliseconds, if a person should know: against the server
    /// time its phone knew, else against what the office and the server wrote before and after it.
    pub fn skew(&self, fact: &Fact) -> Option<i64> {
        let time = corrected(fact);
        let anchored = fact.record.contains_key(&key::SRV) && time.is_skewed();
        if anchored { Some(time.skew) } else { self.impossible_by(fact) }
    }

    /// By how much a phone's time of a fact cannot be, milliseconds: below zero when it is before
    /// everything the phone had seen of the office and the server.
    pub fn impossible_by(&self, fact: &Fact) -> Option<i64> {
        fact.device?;
        let place = self.document.place_of(&fact.change)?;
        let bound = |bounds: &[Option<i64>]| bounds.get(place).copied().flatten();
        let time = corrected(fact).at;
        let early = bound(&self.after).filter(|after| time < after - CLAIM_EARLY_MS);
        let late = bound(&self.before).filter(|before| time > before + CLAIM_LATE_MS);
        early.or(late).map(|known| time - known)
    }
}
