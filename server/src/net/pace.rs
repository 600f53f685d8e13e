//! How slowly a body or message may come before the room it takes is given to others.

use std::time::Duration;

use tokio::time::Instant;

/// Time before anything is asked of the pace: a phone may have just lost coverage.
const GRACE: Duration = Duration::from_secs(20);
/// Bytes a second, on average after [`GRACE`]: a tenth of what GPRS carries.
const BYTES_PER_SECOND: u64 = 1024;
/// Time in which something has to come, however much came before.
const SILENCE: Duration = Duration::from_secs(60);

/// What has come, and until when more has to.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    start: Instant,
    last: Instant,
    bytes: u64,
}

impl Pace {
    /// Of a body that begins now.
    pub fn begin(now: Instant) -> Self {
        Self { start: now, last: now, bytes: 0 }
    }

    /// So many bytes have come now.
    pub fn came(&mut self, bytes: usize, now: Instant) {
        self.bytes = self.bytes.saturating_add(bytes as u64);
        if bytes > 0 {
            self.last = now;
        }
    }

    /// When it is too slow, unless more comes before.
    pub fn end(&self) -> Instant {
        let earned = Duration::from_millis(self.bytes.saturating_mul(1000) / BYTES_PER_SECOND);
        (self.start + GRACE + earned).min(self.last + SILENCE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_kibibyte_a_second_is_enough_however_long_it_takes() {
        let start = Instant::now();
        let mut pace = Pace::begin(start);
        for second in 1..=240 {
            let now = start + seconds(second);
            assert!(now < pace.end(), "after {second} s");
            pace.came(1024, now);
        }
    }

    #[test]
    fn less_is_too_slow_after_twenty_seconds_and_silence_after_a_minute() {
        let start = Instant::now();
        let mut pace = Pace::begin(start);
        assert_eq!(pace.end(), start + seconds(20));
        pace.came(5 * 1024, start + seconds(10));
        assert_eq!(pace.end(), start + seconds(25));
        pace.came(2 * 1024 * 1024 - 1, start + seconds(11));
        assert_eq!(pace.end(), start + seconds(71), "all but one byte is held for a minute");
        pace.came(0, start + seconds(30));
        assert_eq!(pace.end(), start + seconds(71), "nothing is nothing");
    }
}
