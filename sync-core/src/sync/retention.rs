//! How long the phone has kept things: a count that goes only as fast as both clocks say. It only counts;
//! what is dropped, the phone's engine decides (`mobile-ffi/src/engine/tidy.rs`).

use serde::{Deserialize, Serialize};

/// How far the count may run ahead of what is stored, milliseconds: an hour. Storing it at every
/// sync would be a write to the disk for nothing.
const STEP_MS: i64 = 60 * 60 * 1000;

/// The last server time a phone heard, and where its own clocks stood then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// Server time, Unix milliseconds.
    pub server_ms: i64,
    /// Since-boot time when it was heard, milliseconds.
    pub up_ms: i64,
    /// Wall clock when it was heard, Unix milliseconds.
    pub wall_ms: i64,
    /// Which boot that was.
    pub boot: String,
}

/// Time for which things are kept, counted over the whole life of the store.
///
/// The server's clock may be years ahead for a minute, and so may the phone's; both go right
/// again, but what was dropped meanwhile is gone. So from one answer of the server to the next
/// only as much counts as passed by the server's clock *and* by the phone's own, which is its
/// time since boot within one boot and its wall clock over a restart. Of every stretch the
/// smaller is counted, never less than nothing, so the count is ahead of the truth only if both
/// clocks jumped ahead within the same stretch. A clock that is wrong alone can make the phone
/// keep something longer, never shorter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retention {
    /// The count, milliseconds.
    pub ms: i64,
    /// Where both clocks stood at that count.
    pub heard: Anchor,
}

impl Retention {
    /// The count when the server was heard last, from the one that is stored.
    pub fn until(stored: Option<&Self>, heard: &Anchor) -> Self {
        let counted = stored.map_or(0, |it| it.ms.saturating_add(it.passed(heard).max(0)));
        Self { ms: counted, heard: heard.clone() }
    }

    /// Whether it should take the place of the stored one: enough has passed, or a clock went
    /// back, after which nothing would count until it has come as far again.
    pub fn is_due_after(&self, stored: &Self) -> bool {
        let passed = stored.passed(&self.heard);
        !(0..STEP_MS).contains(&passed)
    }

    /// What passed by the slower clock; below zero if one went back.
    fn passed(&self, heard: &Anchor) -> i64 {
        let server = heard.server_ms.saturating_sub(self.heard.server_ms);
        let own = match heard.boot == self.heard.boot {
            true => heard.up_ms.saturating_sub(self.heard.up_ms),
            false => heard.wall_ms.saturating_sub(self.heard.wall_ms),
        };
        server.min(own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 24 * 60 * 60 * 1000;
    const DECADE: i64 = 3653 * DAY;

    /// Both clocks right, so many days after the first sync; each day is a boot of its own.
    fn day(day: i64) -> Anchor {
        let now = 1_790_000_000_000 + day * DAY;
        Anchor { server_ms: now, up_ms: 60_000, wall_ms: now, boot: format!("boot {day}") }
    }

    /// What is counted from the first of these to the last, each of them stored.
    fn counted(heard: &[Anchor]) -> i64 {
        let count = |kept: Option<Retention>, heard| Some(Retention::until(kept.as_ref(), heard));
        heard.iter().fold(None, count).map_or(0, |kept| kept.ms)
    }

    #[test]
    fn right_clocks_count_every_day_however_rarely_they_are_read() {
        assert_eq!(counted(&[day(0), day(1), day(2), day(40)]), 40 * DAY);
        assert_eq!(counted(&[day(0), day(40)]), 40 * DAY);
    }

    #[test]
    fn a_server_that_is_years_ahead_for_a_day_counts_as_no_more_than_that_day() {
        let ahead = Anchor { server_ms: day(1).server_ms + DECADE, ..day(1) };
        assert_eq!(counted(&[day(0), ahead.clone()]), DAY);
        // Going back counts as nothing, then it goes on.
        assert_eq!(counted(&[day(0), ahead, day(2), day(3)]), 2 * DAY);
    }

    #[test]
    fn a_phone_that_wakes_up_in_another_decade_counts_as_no_more_than_the_server_says() {
        let ahead = Anchor { wall_ms: day(1).wall_ms + DECADE, ..day(1) };
        assert_eq!(counted(&[day(0), ahead, day(2), day(3)]), 2 * DAY);
        // In 1970 at first: the jump to today is none of the server's.
        let at_first = Anchor { wall_ms: 60_000, ..day(0) };
        assert_eq!(counted(&[at_first, day(1)]), DAY);
    }

    #[test]
    fn both_clocks_may_jump_one_after_the_other() {
        let server = Anchor { server_ms: day(1).server_ms + DECADE, ..day(1) };
        let phone = Anchor { wall_ms: day(2).wall_ms + DECADE, ..day(2) };
        assert!(counted(&[day(0), server, phone, day(3)]) <= 3 * DAY);
    }

    #[test]
    fn within_a_boot_the_wall_clock_is_not_asked() {
        let first = day(0);
        let later = Anchor {
            server_ms: first.server_ms + DECADE,
            up_ms: first.up_ms + DAY,
            wall_ms: first.wall_ms + DECADE,
            boot: first.boot.clone(),
        };
        assert_eq!(counted(&[first, later]), DAY);
    }

    #[test]
    fn it_is_stored_every_hour_and_when_a_clock_went_back() {
        let stored = Retention::until(None, &day(2));
        let at = |ms: i64| {
            let server_ms = day(2).server_ms + ms;
            Retention::until(
                Some(&stored),
                &Anchor { server_ms, up_ms: 60_000 + ms.abs(), ..day(2) },
            )
        };
        assert!(!at(0).is_due_after(&stored));
        assert!(!at(STEP_MS - 1).is_due_after(&stored));
        assert!(at(STEP_MS).is_due_after(&stored));
        assert!(at(-1).is_due_after(&stored));
    }
}
