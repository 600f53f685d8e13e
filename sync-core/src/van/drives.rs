//! Who drove a van when, told by what had seen what and never by a clock.

use crate::change::ChangeRef;
use crate::document::{Document, Fact};
use crate::id::UserId;
use crate::job::Order;
use crate::schema::{key, section};

/// The settings of a van's driver, the first first, and what had seen them. Where nobody drives it,
/// as in a record that was closed, it still is the last one's.
pub(super) struct Drives<'o> {
    document: &'o Document,
    drivers: Vec<UserId>,
    /// For each change, by its place, the last setting that it follows.
    known: Vec<Option<i64>>,
    /// For each setting the first after it of someone else.
    next_other: Vec<usize>,
    /// For each change, by its place, the first setting that follows it.
    handed_on: Vec<Option<usize>>,
}

impl<'o> Drives<'o> {
    pub fn of(order: &'o Order<'_>) -> Self {
        let document = order.document();
        let history = document.field_history(&section::DETAILS, &key::TECHNICIAN).iter();
        let driver = |bytes: &[u8]| UserId::from_slice(bytes).ok();
        let mut settings: Vec<_> =
            history.filter_map(|it| Some((it, it.value.as_bytes().and_then(driver)?))).collect();
        // What had seen another comes after it.
        settings.sort_by_key(|(setting, _)| setting.op);
        let drivers: Vec<_> = settings.iter().map(|(_, driver)| *driver).collect();
        let mut next_other = vec![drivers.len(); drivers.len()];
        for at in (0..drivers.len().saturating_sub(1)).rev() {
            next_other[at] =
                if drivers[at] == drivers[at + 1] { next_other[at + 1] } else { at + 1 };
        }
        // With one driver nobody can come late.
        if next_other.first().is_none_or(|next| *next == drivers.len()) {
            let (known, handed_on) = (Vec::new(), Vec::new());
            return Self { document, drivers, known, next_other, handed_on };
        }
        let known = order.greatest_seen(settings.iter().map(|(it, _)| it.change()).zip(0..));
        let mut seen = order.seen();
        settings.iter().enumerate().for_each(|(at, (it, _))| seen.add(&it.change(), at));
        let handed_on =
            document.changes().iter().map(|(it, _)| ChangeRef { actor: it.actor, seq: it.seq });
        let handed_on = handed_on.map(|change| seen.first(&change)).collect();
        Self { document, drivers, known, next_other, handed_on }
    }

    /// Whether a count was known before the van went to someone else than who counted. What a desk
    /// counts always is.
    pub fn counted_in_time(&self, count: &Fact) -> bool {
        let (Some(author), Some(_)) = (count.author, count.device) else { return true };
        let Some(place) = self.document.place_of(&count.change).filter(|_| !self.known.is_empty())
        else {
            return true;
        };
        // The setting under which it was counted. Whoever knew of none counts under the first.
        let under = self.known.get(place).copied().flatten().unwrap_or(0);
        let under = usize::try_from(under).unwrap_or(0);
        if self.drivers.get(under) != Some(&author) {
            return false;
        }
        let next = self.next_other.get(under).copied().unwrap_or(self.drivers.len());
        let known_to = self.handed_on.get(place).copied().flatten();
        next == self.drivers.len() || known_to.is_some_and(|known_to| known_to <= next)
    }
}
