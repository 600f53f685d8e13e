//! What one technician's phones have stored, and their share of what the tenant may.

use sqlx::Row as _;
use sqlx::any::AnyRow;
use sync_core::id::UserId;

use super::usage::Bounds;
use crate::StoreError;
use crate::sql::id;

const DAY_MS: i64 = 86_400_000;

/// Reads the shares of these technicians.
pub(super) const OF_USERS: &str = "SELECT user_id, bytes, day, day_bytes, extra \
    FROM storage_shares WHERE tenant = $1 AND user_id IN ({keys})";

/// What one technician's phones have stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Share {
    bytes: i64,
    day: i64,
    day_bytes: i64,
    /// What an operator allows on top.
    extra: i64,
}

impl Share {
    pub(super) fn read(row: &AnyRow) -> Result<(UserId, Self), StoreError> {
        let (bytes, day) = (row.try_get(1)?, row.try_get(2)?);
        let (day_bytes, extra) = (row.try_get(3)?, row.try_get(4)?);
        Ok((id(row, 0, UserId::from_slice)?, Self { bytes, day, day_bytes, extra }))
    }

    /// Whether there is room for more where the tenant takes up `used` bytes in all.
    pub(super) fn has_room(&self, bounds: &Bounds, used: i64, now: i64) -> bool {
        let today = if self.day == day(now) { self.day_bytes } else { 0 };
        let day_bytes = bounds.technician_day_bytes;
        let others = used.saturating_sub(self.bytes).max(0);
        let left = i128::from(bounds.storage_bytes.saturating_sub(others).max(0));
        let part = left * i128::from(bounds.technician_percent) / 100;
        let most = part.max(i128::from(day_bytes)) + i128::from(self.extra);
        today < day_bytes.saturating_add(self.extra) && i128::from(self.bytes) < most
    }

    pub(super) fn add(&mut self, bytes: i64, now: i64) {
        let today = day(now);
        self.bytes = self.bytes.saturating_add(bytes);
        self.day_bytes = if self.day == today { self.day_bytes } else { 0 };
        self.day_bytes = self.day_bytes.saturating_add(bytes);
        self.day = today;
    }
}

/// The day of a time in UTC, days since 1970.
pub(super) fn day(now: i64) -> i64 {
    now.div_euclid(DAY_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds {
        storage_bytes: 10_000,
        technician_day_bytes: 1000,
        technician_percent: 25,
        quarantine_per_phone: 1,
        quarantine_per_tenant: 1,
        walk_ups_a_day: 0,
        open_of_one: 0,
    };

    #[test]
    fn a_technician_stores_a_days_worth_and_the_next_day_more() {
        let mut share = Share::default();
        share.add(999, 5);
        assert!(share.has_room(&BOUNDS, 999, 5));
        share.add(1, 5);
        assert!(!share.has_room(&BOUNDS, 1000, 5));
        assert!(share.has_room(&BOUNDS, 1000, DAY_MS + 5));
    }

    #[test]
    fn one_technician_never_has_more_than_a_part_of_what_others_leave() {
        let mut share = Share::default();
        let days = (0..100).take_while(|day| {
            let has_room = share.has_room(&BOUNDS, share.bytes, day * DAY_MS);
            share.add(1000, day * DAY_MS);
            has_room
        });
        assert_eq!(days.count(), 3, "a quarter of ten days' worth, and what was under way");
        let some = Share { bytes: 500, ..Share::default() };
        assert!(
            some.has_room(&BOUNDS, 9999, 0),
            "a day's worth is everybody's while there is room"
        );
        assert!(Share { extra: 5000, ..share }.has_room(&BOUNDS, share.bytes, 0));
    }
}
