//! What one phone may send and fetch in an hour, so that none costs more than its share.
//!
//! A bucket for each phone, in the memory of each node: a restart or another node gives a phone at
//! most one more hour's worth. A frame is taken while the bucket is not empty, and its bytes are
//! charged at once, so nothing of it need be read before it is turned away. Its changes and the
//! answer are charged when they are known: a bucket is overdrawn by what is under way at most. What a phone leaves behind for good is bounded by its tenant's
//! storage, which the writer checks.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use sync_core::id::DeviceId;

pub(crate) const HOUR_MS: i64 = 3600 * 1000;
/// What the smallest exchange costs, bytes: looking at it costs more than its bytes.
const LEAST_BYTES: usize = 1024;
/// What looking at one document for a pull costs, bytes.
pub const ROW_BYTES: usize = 64;
/// Exchanges of one phone at a time: one at work, and one behind it whose connection took over.
const AT_A_TIME: usize = 2;
/// Points of where a technician was that one phone may send in a day: one a second.
const DAY_POINTS: i64 = 86_400;
/// Phones remembered before those with a full bucket are forgotten.
const PHONES: usize = 20_000;

/// What a phone may use in an hour; twice as much in the first one, as a bucket begins full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HourBudget {
    /// Bytes of frames, up and down.
    pub bytes: i64,
    /// Changes sent.
    pub changes: i64,
}

/// The buckets of all phones.
#[derive(Debug)]
pub struct Budgets {
    hour: HourBudget,
    left: Mutex<HashMap<DeviceId, Left>>,
    turns: Arc<Mutex<HashMap<DeviceId, Queue>>>,
}

/// The exchanges of a phone that are at work or wait.
#[derive(Debug, Default)]
struct Queue {
    here: usize,
    work: Arc<tokio::sync::Mutex<()>>,
}

/// One exchange's place among those of its phone, given back when it is dropped.
#[derive(Debug)]
pub struct Turn {
    turns: Arc<Mutex<HashMap<DeviceId, Queue>>>,
    device: DeviceId,
    work: Arc<tokio::sync::Mutex<()>>,
}

impl Turn {
    /// Waits until the exchange before is over, and keeps others waiting until the end of this one.
    pub async fn begin(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.work.lock().await
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        match turns.get_mut(&self.device) {
            Some(queue) if queue.here > 1 => queue.here -= 1,
            _ => drop(turns.remove(&self.device)),
        }
    }
}

/// What a phone has left; below zero after an exchange that cost more.
#[derive(Debug, Clone, Copy)]
struct Left {
    bytes: i64,
    changes: i64,
    points: i64,
    /// As of when, Unix milliseconds.
    at: i64,
    /// Whether the log has been told since there was last room.
    told: bool,
}

/// A phone that has used up what it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsedUp {
    /// Milliseconds until there is room again.
    pub retry_after_ms: u64,
    /// Whether this is the first time since there was room.
    pub first: bool,
}

impl Budgets {
    /// Full buckets for everybody.
    pub fn new(hour: HourBudget) -> Self {
        Self { hour, left: Mutex::default(), turns: Arc::default() }
    }

    /// Whether a phone may send so many bytes now (Unix milliseconds). If so they are charged: what
    /// it sends at the same time over other connections finds them gone.
    ///
    /// # Errors
    /// [`UsedUp`] with the time to wait; nothing is charged then.
    pub fn ask(&self, device: DeviceId, now: i64, bytes: usize) -> Result<(), UsedUp> {
        self.with(device, now, |left, hour| {
            left.check(hour)?;
            left.take(bytes.max(LEAST_BYTES), 0);
            Ok(())
        })
    }

    /// Whether a phone has anything left of its hour; nothing is charged.
    ///
    /// # Errors
    /// [`UsedUp`] with the time to wait.
    pub fn left(&self, device: DeviceId, now: i64) -> Result<(), UsedUp> {
        self.with(device, now, |left, hour| left.check(hour))
    }

    /// Whether a phone may say so many times where it was. If so they are charged.
    ///
    /// # Errors
    /// [`UsedUp`] with the time to wait; nothing is charged then.
    pub fn ask_points(&self, device: DeviceId, now: i64, points: usize) -> Result<(), UsedUp> {
        self.with(device, now, |left, _| {
            if left.points <= 0 {
                let ms = wait_ms(left.points, DAY_POINTS / 24);
                return Err(UsedUp { retry_after_ms: ms.unsigned_abs(), first: false });
            }
            left.points = left.points.saturating_sub(i64::try_from(points).unwrap_or(i64::MAX));
            Ok(())
        })
    }

    /// Charges what an exchange turned out to cost beyond its own bytes.
    pub fn charge(&self, device: DeviceId, now: i64, bytes: usize, changes: usize) {
        self.with(device, now, |left, _| left.take(bytes, changes));
    }

    /// A place for one more exchange of a phone, unless it has one at work and one waiting: a phone
    /// alone never holds more than one connection of the database.
    pub fn turn(&self, device: DeviceId) -> Option<Turn> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        let queue = turns.entry(device).or_default();
        if queue.here >= AT_A_TIME {
            return None;
        }
        queue.here += 1;
        let work = Arc::clone(&queue.work);
        drop(turns);
        Some(Turn { turns: Arc::clone(&self.turns), device, work })
    }

    fn with<T>(
        &self,
        device: DeviceId,
        now: i64,
        work: impl FnOnce(&mut Left, &HourBudget) -> T,
    ) -> T {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        if left.len() >= PHONES && !left.contains_key(&device) {
            left.retain(|_, phone| {
                phone.refill(&self.hour, now);
                !phone.is_full(&self.hour)
            });
        }
        let HourBudget { bytes, changes } = self.hour;
        let full = Left { bytes, changes, points: DAY_POINTS, at: now, told: false };
        let found = left.entry(device).or_insert(full);
        found.refill(&self.hour, now);
        work(found, &self.hour)
    }
}

impl Left {
    fn refill(&mut self, hour: &HourBudget, now: i64) {
        // A clock that was put back gives nothing and takes nothing.
        let passed = (now - self.at).clamp(0, 2 * HOUR_MS);
        self.at = now;
        let more = |hour: i64| share(hour, passed);
        self.bytes = self.bytes.saturating_add(more(hour.bytes)).min(hour.bytes);
        self.changes = self.changes.saturating_add(more(hour.changes)).min(hour.changes);
        self.points = self.points.saturating_add(more(DAY_POINTS / 24)).min(DAY_POINTS);
    }

    /// Whether anything is left.
    fn check(&mut self, hour: &HourBudget) -> Result<(), UsedUp> {
        if self.bytes <= 0 || self.changes <= 0 {
            let first = !std::mem::replace(&mut self.told, true);
            let wait = |left, hour| if left > 0 { 0 } else { wait_ms(left, hour) };
            let ms = wait(self.bytes, hour.bytes).max(wait(self.changes, hour.changes));
            return Err(UsedUp { retry_after_ms: ms.unsigned_abs(), first });
        }
        self.told = false;
        Ok(())
    }

    fn take(&mut self, bytes: usize, changes: usize) {
        let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.bytes = self.bytes.saturating_sub(count(bytes));
        self.changes = self.changes.saturating_sub(count(changes));
    }

    fn is_full(&self, hour: &HourBudget) -> bool {
        self.bytes >= hour.bytes && self.changes >= hour.changes && self.points >= DAY_POINTS
    }
}

/// What comes in so many milliseconds.
pub(crate) fn share(hour: i64, ms: i64) -> i64 {
    let part = i128::from(hour) * i128::from(ms) / i128::from(HOUR_MS);
    i64::try_from(part).unwrap_or(i64::MAX)
}

/// Milliseconds until a minute's worth is there: coming back for every byte would help nobody.
pub(crate) fn wait_ms(left: i64, hour: i64) -> i64 {
    let lacking = i128::from(hour / 60) - i128::from(left);
    let ms = lacking * i128::from(HOUR_MS) / i128::from(hour.max(1));
    i64::try_from(ms).unwrap_or(HOUR_MS).clamp(1000, 24 * HOUR_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: HourBudget = HourBudget { bytes: 60_000, changes: 600 };

    fn phone(n: u8) -> DeviceId {
        DeviceId::new(1, [n; 10])
    }

    #[test]
    fn a_phone_that_used_up_its_hour_waits_and_others_do_not() {
        let budgets = Budgets::new(HOUR);
        assert_eq!(budgets.ask(phone(1), 0, 59_999), Ok(()));
        assert_eq!(budgets.ask(phone(1), 0, 2001), Ok(()), "one byte was left");
        let used_up = budgets.ask(phone(1), 0, 1).expect_err("nothing is left");
        assert!(used_up.first);
        // Two thousand bytes too many, and a minute's worth of a thousand.
        assert_eq!(used_up.retry_after_ms, 3 * 60 * 1000);
        assert!(budgets.ask(phone(1), 1, 1).is_err_and(|again| !again.first));
        assert_eq!(budgets.ask(phone(2), 0, 1), Ok(()));
        assert_eq!(
            budgets.ask(phone(1), 3 * 60 * 1000, 1),
            Ok(()),
            "asking too early costs nothing"
        );
    }

    #[test]
    fn changes_answers_and_small_frames_are_counted_too() {
        let budgets = Budgets::new(HOUR);
        budgets.charge(phone(1), 0, 0, 600);
        assert!(budgets.ask(phone(1), 0, 1).is_err());
        budgets.charge(phone(2), 0, 60_000, 0);
        assert!(budgets.ask(phone(2), 0, 1).is_err());
        let taken = (0..100).take_while(|_| budgets.ask(phone(3), 0, 1).is_ok()).count();
        assert_eq!(taken, 59, "frames of a kibibyte at least");
    }

    #[test]
    fn a_phone_says_where_it_was_once_a_second_on_average() {
        let budgets = Budgets::new(HOUR);
        let taken = (0..200).take_while(|_| budgets.ask_points(phone(1), 0, 1000).is_ok()).count();
        assert_eq!(taken, 87, "a day's worth at once, after a day without coverage");
        assert_eq!(budgets.ask_points(phone(2), 0, 1000), Ok(()));
        assert_eq!(budgets.ask_points(phone(1), HOUR_MS, 1000), Ok(()));
    }

    #[test]
    fn of_one_phone_one_exchange_works_and_one_waits_and_a_third_is_sent_away() {
        let budgets = Budgets::new(HOUR);
        let (first, second) = (budgets.turn(phone(1)), budgets.turn(phone(1)));
        assert!(first.is_some() && second.is_some());
        assert!(budgets.turn(phone(1)).is_none());
        assert!(budgets.turn(phone(2)).is_some(), "others are not concerned");
        let working = first.as_ref().and_then(|turn| turn.work.try_lock().ok());
        assert!(working.is_some() && second.as_ref().is_some_and(|it| it.work.try_lock().is_err()));
        drop(working);
        drop(first);
        assert!(budgets.turn(phone(1)).is_some());
        drop(second);
        assert!(budgets.turns.lock().is_ok_and(|turns| turns.is_empty()), "nothing is kept");
    }

    #[test]
    fn a_clock_put_back_gives_nothing() {
        let budgets = Budgets::new(HOUR);
        budgets.charge(phone(1), 5_000_000, 60_000, 0);
        assert!(budgets.ask(phone(1), 0, 1).is_err());
        assert!(budgets.ask(phone(1), 1, 1).is_err());
    }
}
