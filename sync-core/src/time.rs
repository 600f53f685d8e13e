//! When something happened: what a phone's clocks said, and what that means in server time.
//!
//! A wall clock may be wrong by years, so a stamp also carries the time since boot and the last
//! server time the phone knew. Times inform people; they never decide an order or a conflict.

use serde::{Deserialize, Serialize};

use crate::limits::{CLOCK_SKEW_FLAG_MS, NAMED_TIMES, SINCE_BOOT_MS};
use crate::schema::key;
use crate::value::{Record, Value};

/// What a phone knew of the time when something happened. All in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Stamp {
    /// Wall clock, Unix.
    pub at: i64,
    /// Time since the phone's boot.
    pub up: Option<i64>,
    /// Last server time the phone had learnt, Unix.
    pub srv: Option<i64>,
    /// Time since boot when `srv` was learnt; absent once the phone was restarted since.
    pub srv_up: Option<i64>,
}

/// A time in the server's terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Corrected {
    /// Unix milliseconds.
    pub at: i64,
    /// The true time lies within this many milliseconds of `at`; absent when nothing but the
    /// wall clock is known.
    pub uncertainty: Option<i64>,
    /// Wall clock less corrected time, milliseconds: positive when the phone is ahead.
    pub skew: i64,
}

/// Of a server time as a phone learns it: half a slow round trip.
const ANCHOR_UNCERTAINTY_MS: i64 = 1_000;
/// A crystal drifts less than one part in this (100 ppm).
const DRIFT: i64 = 10_000;

/// The nearest time that a fact may name. Logs of before have any number as a time; what is computed
/// from them stays one that calendars and sums can take.
pub fn clamped(ms: i64) -> i64 {
    ms.clamp(*NAMED_TIMES.start(), *NAMED_TIMES.end())
}

impl Stamp {
    /// A stamp of nothing but a wall clock, as an office has it.
    pub fn wall(at: i64) -> Self {
        Self { at, ..Self::default() }
    }

    /// The time in the server's terms.
    ///
    /// With an anchor of this boot: the anchor plus the time since it. After a restart only the
    /// wall clock is left, and the anchor as the earliest it can have been. Numbers that a fact may not
    /// name, in a log of before, are taken for the nearest it may.
    pub fn corrected(&self) -> Corrected {
        let Self { at: wall, up, srv, srv_up } = self.clamped();
        let anchored = match (srv, srv_up, up) {
            (Some(srv), Some(srv_up), Some(up)) if up >= srv_up => {
                let since = up - srv_up;
                Some((clamped(srv + since), ANCHOR_UNCERTAINTY_MS + since / DRIFT))
            }
            _ => None,
        };
        let (at, uncertainty) = match (anchored, srv) {
            (Some((at, uncertainty)), _) => (at, Some(uncertainty)),
            (None, Some(srv)) => (wall.max(srv), Some((wall - srv).abs())),
            (None, None) => (wall, None),
        };
        Corrected { at, uncertainty, skew: wall - at }
    }

    /// The stamp with every number one that a fact may name.
    #[must_use]
    pub fn clamped(&self) -> Self {
        let since_boot = |ms: i64| ms.clamp(0, SINCE_BOOT_MS);
        Self {
            at: clamped(self.at),
            up: self.up.map(since_boot),
            srv: self.srv.map(clamped),
            srv_up: self.srv_up.map(since_boot),
        }
    }

    /// Puts the stamp into a fact.
    pub fn write(&self, record: &mut Record) {
        record.insert(key::AT, Value::Int(self.at));
        for (key, value) in [(key::UP, self.up), (key::SRV, self.srv), (key::SRV_UP, self.srv_up)] {
            if let Some(value) = value {
                record.insert(key, Value::Int(value));
            }
        }
    }

    /// The stamp of a fact; `time` is its change's, for facts that carry none of their own.
    pub fn read(record: &Record, time: i64) -> Self {
        let int = |key| record.get(&key).and_then(Value::as_int);
        Self {
            at: int(key::AT).unwrap_or(time),
            up: int(key::UP),
            srv: int(key::SRV),
            srv_up: int(key::SRV_UP),
        }
    }
}

impl Corrected {
    /// Whether the phone's clock is so far off that a person should know.
    pub fn is_skewed(&self) -> bool {
        self.skew.saturating_abs() > CLOCK_SKEW_FLAG_MS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_790_000_000_000;
    const HOUR: i64 = 3_600_000;

    #[test]
    fn a_clock_ten_years_off_is_corrected_by_the_anchor_and_flagged() {
        let stamp = Stamp {
            at: NOW - 10 * 365 * 24 * HOUR,
            up: Some(5 * HOUR),
            srv: Some(NOW),
            srv_up: Some(2 * HOUR),
        };
        let corrected = stamp.corrected();
        assert_eq!(corrected.at, NOW + 3 * HOUR);
        assert_eq!(corrected.uncertainty, Some(1_000 + 1_080));
        assert!(corrected.is_skewed());
    }

    #[test]
    fn after_a_restart_the_last_server_time_is_the_earliest_possible() {
        let stamp = Stamp { at: NOW - HOUR, up: Some(10), srv: Some(NOW), srv_up: None };
        let corrected = stamp.corrected();
        assert_eq!((corrected.at, corrected.skew), (NOW, -HOUR));
        assert_eq!(corrected.uncertainty, Some(HOUR));
        let stamp = Stamp { at: NOW + HOUR, ..stamp };
        assert_eq!(stamp.corrected().at, NOW + HOUR);
        assert!(!stamp.corrected().is_skewed());
    }

    #[test]
    fn a_time_since_boot_that_runs_backwards_is_not_used_as_an_anchor() {
        let stamp = Stamp { at: NOW, up: Some(1), srv: Some(NOW - HOUR), srv_up: Some(9) };
        assert_eq!(stamp.corrected().at, NOW);
    }

    #[test]
    fn the_wall_clock_alone_has_no_known_uncertainty() {
        let corrected = Stamp::wall(NOW).corrected();
        assert_eq!(corrected, Corrected { at: NOW, uncertainty: None, skew: 0 });
    }

    #[test]
    fn extreme_clocks_give_a_time_of_the_calendar() {
        for at in [i64::MIN, i64::MAX] {
            for other in [i64::MIN, i64::MAX] {
                let stamp = Stamp { at, up: Some(other), srv: Some(at), srv_up: Some(at) };
                let restarted = Stamp { srv: Some(other), srv_up: None, ..stamp };
                for corrected in [stamp, restarted, Stamp::wall(at)].map(|it| it.corrected()) {
                    assert!(NAMED_TIMES.contains(&corrected.at), "{corrected:?}");
                    assert!(corrected.skew.abs() <= *NAMED_TIMES.end(), "{corrected:?}");
                }
            }
        }
    }

    #[test]
    fn a_stamp_survives_a_record() {
        let stamp = Stamp { at: NOW, up: Some(1), srv: Some(2), srv_up: Some(3) };
        let mut record = Record::new();
        stamp.write(&mut record);
        assert_eq!(Stamp::read(&record, 0), stamp);
        assert_eq!(Stamp::read(&Record::new(), 7), Stamp::wall(7));
    }
}
