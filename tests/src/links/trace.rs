//! One direction of a recorded link: the moments at which a packet may cross, repeating.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use crate::input::{self, InputError};
use crate::random::Random;

/// Bytes read from one trace, unpacked.
const FILE_BYTES: u64 = 64 << 20;
/// Opportunities kept from one trace; four bytes each.
const OPPORTUNITIES: usize = 4_000_000;

/// Delivery opportunities in milliseconds since the start of the recording, never falling.
#[derive(Debug)]
pub struct Trace {
    at_ms: Vec<u32>,
}

impl Trace {
    /// Reads a trace file, packed or not.
    ///
    /// # Errors
    /// The file cannot be read, or is not a list of milliseconds in order (with the line).
    pub fn read(path: &Path) -> Result<Self, InputError> {
        Self::parse(input::open(path, FILE_BYTES)?).map_err(|why| InputError::unusable(path, why))
    }

    /// Reads one number a line.
    ///
    /// # Errors
    /// A sentence that names the line.
    pub fn parse(source: impl Read) -> Result<Self, String> {
        let mut source = BufReader::new(source);
        let mut at_ms: Vec<u32> = Vec::new();
        let mut line = Vec::new();
        for number in 1usize.. {
            line.clear();
            let read = (&mut source).take(64).read_until(b'\n', &mut line);
            if read.map_err(|e| format!("line {number}: {e}"))? == 0 {
                break;
            }
            let text = std::str::from_utf8(&line).map_or("", str::trim);
            let Ok(ms) = text.parse() else {
                return Err(format!("line {number} is not a number of milliseconds"));
            };
            if at_ms.last().is_some_and(|last| ms < *last) {
                return Err(format!("line {number} goes back in time"));
            }
            if at_ms.len() == OPPORTUNITIES {
                return Err(format!("it has more than {OPPORTUNITIES} lines"));
            }
            at_ms.push(ms);
        }
        Self::checked(at_ms).ok_or_else(|| "it lasts for no time at all".into())
    }

    /// Three minutes whose rate changes every few seconds; `slow` stretches it.
    pub(super) fn made_up(random: &mut Random, slow: i64) -> Self {
        let mut at_ms = Vec::new();
        let mut now = 0;
        while now < 180_000 {
            let until = now + random.between(2_000, 12_000);
            let apart = match random.between(0, 20) {
                0 => 4_000,
                1..6 => random.between(30, 120) * slow / 2,
                _ => random.between(1, 12) * slow / 2,
            };
            while now < until {
                at_ms.push(now as u32);
                now += apart.max(1);
            }
        }
        Self::checked(at_ms).unwrap_or(Self { at_ms: vec![1] })
    }

    fn checked(at_ms: Vec<u32>) -> Option<Self> {
        at_ms.last().is_some_and(|last| *last > 0).then_some(Self { at_ms })
    }

    /// After how long it repeats, milliseconds.
    pub fn period_ms(&self) -> i64 {
        self.at_ms.last().map_or(1, |last| i64::from(*last))
    }

    /// The moment of the `nth` opportunity (from 1) at or after `from_ms`.
    pub fn after(&self, from_ms: i64, nth: u64) -> i64 {
        let index = self.index(from_ms) + i64::try_from(nth.max(1)).unwrap_or(i64::MAX / 4) - 1;
        let length = self.at_ms.len() as i64;
        let at = i64::from(self.at_ms[index.rem_euclid(length) as usize]);
        index.div_euclid(length) * self.period_ms() + at
    }

    /// How many opportunities lie in `from_ms..to_ms`.
    pub fn count(&self, from_ms: i64, to_ms: i64) -> u64 {
        u64::try_from(self.index(to_ms) - self.index(from_ms)).unwrap_or(0)
    }

    /// Number of the first opportunity at or after a moment, counted from the first round.
    fn index(&self, ms: i64) -> i64 {
        let period = self.period_ms();
        let (mut round, within) = (ms.div_euclid(period), ms.rem_euclid(period));
        let length = self.at_ms.len() as i64;
        // The last opportunity of a round falls on the first moment of the next.
        if within == 0 {
            let at_end = self.at_ms.partition_point(|at| i64::from(*at) < period);
            round -= 1;
            return round * length + at_end as i64;
        }
        round * length + self.at_ms.partition_point(|at| i64::from(*at) < within) as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_computed_schedule_equals_one_written_out() {
        for text in ["0\n5\n5\n9\n", "3\n3\n3\n", "1\n2\n3\n10\n10\n"] {
            let trace = Trace::parse(text.as_bytes()).expect("a trace");
            let period = trace.period_ms();
            let written: Vec<i64> = (0..6)
                .flat_map(|round| trace.at_ms.iter().map(move |at| round * period + i64::from(*at)))
                .collect();
            for from in 1..3 * period {
                let rest: Vec<i64> = written.iter().copied().filter(|at| *at >= from).collect();
                for nth in 1..=7 {
                    assert_eq!(trace.after(from, nth as u64), rest[nth - 1], "{text:?} {from}");
                }
                let within = rest.iter().filter(|at| **at < 3 * period).count() as u64;
                assert_eq!(trace.count(from, 3 * period), within, "{text:?} {from}");
            }
        }
    }

    #[test]
    fn what_is_not_a_trace_is_named_by_its_line() {
        let refusal = |text: &str| Trace::parse(text.as_bytes()).map(|_| ()).expect_err("no trace");
        assert!(refusal("1\nx\n").contains("line 2"));
        assert!(refusal("5\n4\n").contains("line 2"));
        assert!(refusal("0\n").contains("no time"));
        assert!(refusal("").contains("no time"));
    }
}
