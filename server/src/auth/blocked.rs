//! Who the stored counters block now, remembered for a moment: a blocked source that goes on is turned
//! away without a look at the database. The stored counters stay the truth.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::throttle::Counter;

/// How long it is remembered at most, milliseconds: another node may have taken a block back.
const LONGEST_MS: i64 = 5_000;
/// Counters remembered.
const MOST: usize = 10_000;

/// The counters known to block, and until when that is believed, Unix milliseconds.
#[derive(Debug, Default)]
pub struct Blocked(Mutex<HashMap<(&'static str, i64), Block>>);

#[derive(Debug, Clone, Copy)]
struct Block {
    /// When it was read.
    since: i64,
    /// Until when the counter blocks.
    until: i64,
}

impl Blocked {
    /// The seconds after which an attempt may be made, and the counter that says so, if one of these
    /// is known to block.
    pub fn wait(&self, counters: &[Counter], now: i64) -> Option<(u64, Counter)> {
        let blocks = self.lock();
        let waits = counters.iter().filter_map(|counter| {
            let block = blocks.get(&name(counter))?;
            let believed = (block.since..block.since + LONGEST_MS).contains(&now);
            (believed && block.until > now).then(|| (seconds(block.until - now), *counter))
        });
        waits.max_by_key(|(seconds, _)| *seconds)
    }

    /// One of these blocks for so many seconds from now on.
    pub fn learn(&self, counter: &Counter, wait_s: u64, now: i64) {
        let until = now + i64::try_from(wait_s).unwrap_or(0).saturating_mul(1000);
        let mut blocks = self.lock();
        if blocks.len() >= MOST {
            blocks.retain(|_, block| (block.since..block.since + LONGEST_MS).contains(&now));
        }
        if blocks.len() < MOST {
            blocks.insert(name(counter), Block { since: now, until });
        }
    }

    /// Forgets everything: some counter was taken back.
    pub fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(&'static str, i64), Block>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn name(counter: &Counter) -> (&'static str, i64) {
    (counter.rule.scope, counter.slot)
}

fn seconds(ms: i64) -> u64 {
    u64::try_from((ms + 999) / 1000).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::super::throttle::{ADDRESS, PAIR};
    use super::*;

    fn wait(blocked: &Blocked, counters: &[Counter], now: i64) -> Option<u64> {
        blocked.wait(counters, now).map(|(seconds, _)| seconds)
    }

    fn counter(slot: i64) -> Counter {
        Counter { rule: ADDRESS, slot, account: None }
    }

    #[test]
    fn a_block_is_believed_while_it_lasts_and_for_five_seconds_at_most() {
        let blocked = Blocked::default();
        blocked.learn(&counter(1), 2, 1_000_000);
        blocked.learn(&counter(2), 600, 1_000_000);
        let both = [counter(1), counter(3)];
        assert_eq!(wait(&blocked, &both, 1_000_500), Some(2));
        assert_eq!(wait(&blocked, &both, 1_002_000), None, "it is over");
        assert_eq!(wait(&blocked, &[counter(2)], 1_004_999), Some(596));
        assert_eq!(
            wait(&blocked, &[counter(2)], 1_005_000),
            None,
            "the stored counter is asked again"
        );
        assert_eq!(wait(&blocked, &[counter(2)], 999_999), None, "a clock put back says nothing");
        let pair = Counter { rule: PAIR, ..counter(2) };
        assert_eq!(wait(&blocked, &[pair], 1_000_500), None, "another kind of counter");
    }

    #[test]
    fn however_many_are_blocked_a_bounded_number_is_remembered_and_old_ones_make_room() {
        let blocked = Blocked::default();
        for slot in 0..20_000 {
            blocked.learn(&counter(slot), 600, 1_000_000);
        }
        assert_eq!(blocked.lock().len(), MOST);
        blocked.learn(&counter(50_000), 600, 1_005_000);
        assert_eq!(blocked.lock().len(), 1);
        blocked.clear();
        assert_eq!(wait(&blocked, &[counter(50_000)], 1_005_001), None);
    }
}
