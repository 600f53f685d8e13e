//! What a record of a van knew when it was closed, told by what had seen what and never by a clock.

use crate::document::{Document, Fact};
use crate::job::{Marks, Order, QUESTIONS};
use crate::schema::{key, section};

/// The changes that closed a record. There are several where a restored server closed it again.
pub(super) struct Closings<'o> {
    seen: Option<Marks<'o>>,
    /// The bit of each in `seen`.
    bits: Vec<usize>,
}

impl<'o> Closings<'o> {
    pub fn of(order: &'o Order<'_>) -> Self {
        let document: &Document = order.document();
        let mut settings: Vec<_> =
            document.field_history(&section::DETAILS, &key::FOLLOW_UP).iter().collect();
        if settings.is_empty() {
            return Self { seen: None, bits: Vec::new() };
        }
        // What had seen another comes after it.
        settings.sort_by_key(|setting| setting.op);
        settings.truncate(QUESTIONS);
        let changes: Vec<_> = settings.iter().map(|setting| setting.change()).collect();
        let seen = order.seen_by(changes.iter().copied().zip(0..));
        // The first record of a van is told of each further one: whoever says so knows it is closed.
        let mut bits: Vec<usize> = Vec::new();
        for bit in 0..changes.len() {
            if !bits.iter().any(|closed| seen.has(&changes[*closed], bit)) {
                bits.push(bit);
            }
        }
        Self { seen: Some(seen), bits }
    }

    /// Whether a phone's fact was known when the record was closed, or the record is not closed. What
    /// a desk writes always is.
    pub fn knew(&self, fact: &Fact) -> bool {
        let Some(seen) = self.seen.as_ref().filter(|_| fact.device.is_some()) else { return true };
        self.bits.iter().any(|bit| seen.has(&fact.change, *bit))
    }
}
