//! How many writes one person at a desk, or one API token, may make in an hour.
//!
//! A bucket for each in the memory of each node, as phones have for their frames. It is asked before the body
//! of a request is read.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use sync_core::id::UserId;

use crate::sync::budget::{HOUR_MS, UsedUp, share, wait_ms};

/// People and tokens remembered before those with a full bucket are forgotten.
const REMEMBERED: usize = 20_000;

/// The buckets of all people and tokens.
#[derive(Debug)]
pub struct WriteBudgets {
    hour: i64,
    left: Mutex<HashMap<UserId, Left>>,
}

/// Writes that someone has left.
#[derive(Debug, Clone, Copy)]
struct Left {
    writes: i64,
    /// As of when, Unix milliseconds.
    at: i64,
}

impl Left {
    fn refill(&mut self, hour: i64, now: i64) {
        // A clock that was put back gives nothing, and part of a write is not lost by asking often.
        let passed = now.saturating_sub(self.at).clamp(0, 2 * HOUR_MS);
        let more = share(hour, passed);
        if more > 0 || now < self.at {
            self.at = now;
        }
        self.writes = self.writes.saturating_add(more).min(hour);
    }
}

impl WriteBudgets {
    /// Full buckets of so many writes.
    pub fn new(hour: i64) -> Self {
        Self { hour, left: Mutex::default() }
    }

    /// Takes one write of a person's or token's hour, `now` being Unix milliseconds.
    ///
    /// # Errors
    /// [`UsedUp`] with the time to wait; nothing is taken then.
    pub fn take(&self, who: UserId, now: i64) -> Result<(), UsedUp> {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        if left.len() >= REMEMBERED && !left.contains_key(&who) {
            left.retain(|_, one| {
                one.refill(self.hour, now);
                one.writes < self.hour
            });
        }
        let one = left.entry(who).or_insert(Left { writes: self.hour, at: now });
        one.refill(self.hour, now);
        if one.writes <= 0 {
            let retry_after_ms = wait_ms(one.writes, self.hour).unsigned_abs();
            return Err(UsedUp { retry_after_ms, first: false });
        }
        one.writes -= 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(n: u8) -> UserId {
        UserId::new(1, [n; 10])
    }

    #[test]
    fn who_used_up_an_hour_waits_and_others_do_not() {
        let budgets = WriteBudgets::new(60);
        for _ in 0..60 {
            assert_eq!(budgets.take(person(1), 0), Ok(()));
        }
        let used_up = budgets.take(person(1), 0).expect_err("nothing is left");
        assert_eq!(used_up.retry_after_ms, 60_000);
        assert_eq!(budgets.take(person(2), 0), Ok(()));
        assert!(budgets.take(person(1), 59_999).is_err());
        assert_eq!(budgets.take(person(1), 60_000), Ok(()), "one comes back a minute");
        assert!(budgets.take(person(1), 60_001).is_err());
        assert!(budgets.take(person(1), 0).is_err(), "a clock that was put back gives nothing");
    }

    #[test]
    fn asking_often_loses_no_part_of_a_write() {
        let budgets = WriteBudgets::new(1);
        assert_eq!(budgets.take(person(1), 0), Ok(()));
        let early = (1..60).filter(|minute| budgets.take(person(1), minute * 60_000).is_ok());
        assert_eq!(early.count(), 0);
        assert_eq!(budgets.take(person(1), HOUR_MS), Ok(()));
    }
}
