//! The link of a phone: recorded cellular traces that say when each packet may cross.
//!
//! A trace is a list of delivery opportunities, as mahimahi records them: each lets one packet
//! of 1500 bytes cross in one direction, and the list repeats for ever. Given a number of bytes
//! and a moment, the model computes when the last of them arrives; nothing waits and nothing is
//! drawn, so the same link gives the same times. Outages of hours, which no trace contains, are
//! scheduled on top: opportunities inside them are lost.

mod outages;
mod trace;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

pub use outages::Outages;
pub use trace::Trace;

use crate::input::{self, InputError};
use crate::random::Random;

/// Bytes of one packet, with its headers.
pub const PACKET_BYTES: u64 = 1500;
/// Bytes that TCP, TLS and IP add to the packets of one request in one direction.
const OVERHEAD_BYTES: u64 = 200;

/// Traces for both directions, shared by every phone that uses them.
#[derive(Debug, Clone)]
pub struct Pair {
    /// What the files were called, without direction and ending.
    pub name: String,
    /// From the phone to the server.
    pub up: Arc<Trace>,
    /// From the server to the phone.
    pub down: Arc<Trace>,
}

/// What a folder of traces holds.
#[derive(Debug)]
pub struct Traces {
    /// The pairs, by name.
    pub pairs: Vec<Pair>,
    /// Files that are no traces, by name.
    pub skipped: Vec<String>,
}

/// Reads every trace of a folder: `NAME.up` and `NAME.down`, or `NAME-up` and `NAME-down`, each
/// with or without `.pps` and `.gz`. A direction that is missing is played by the other one.
///
/// # Errors
/// The folder cannot be read, a trace is not one, or there is none.
pub fn read_folder(folder: &Path) -> Result<Traces, InputError> {
    let mut named: BTreeMap<String, [Option<Arc<Trace>>; 2]> = BTreeMap::new();
    let mut skipped = Vec::new();
    for path in input::files_in(folder)? {
        let file = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let Some((name, up)) = direction(&file) else {
            skipped.push(file);
            continue;
        };
        let trace = Arc::new(Trace::read(&path)?);
        named.entry(name).or_default()[usize::from(!up)] = Some(trace);
    }
    let pairs: Vec<Pair> = named
        .into_iter()
        .filter_map(|(name, [up, down])| {
            let (first, second) = (up.clone().or(down.clone())?, down.or(up)?);
            Some(Pair { name, up: first, down: second })
        })
        .collect();
    if pairs.is_empty() {
        let wanted = "no traces here; files named like drive.up.gz and drive.down.gz are wanted";
        return Err(InputError::unusable(folder, wanted));
    }
    Ok(Traces { pairs, skipped })
}

/// Traces made up from a seed: a few minutes that swing between good, poor and nothing.
pub fn made_up(seed: u64) -> Vec<Pair> {
    let random = Random::new(seed);
    (0..4)
        .map(|i| Pair {
            name: format!("made-up-{i}"),
            up: Arc::new(Trace::made_up(&mut random.fork(&format!("up {i}")), 6)),
            down: Arc::new(Trace::made_up(&mut random.fork(&format!("down {i}")), 2)),
        })
        .collect()
}

/// The name of a trace file and whether it is the upward direction.
fn direction(file: &str) -> Option<(String, bool)> {
    let stem = file.strip_suffix(".gz").unwrap_or(file);
    let stem = stem.strip_suffix(".pps").unwrap_or(stem);
    let cut = |end: &str| stem.strip_suffix(end).filter(|name| !name.is_empty());
    let up = cut(".up").or(cut("-up")).map(|name| (name.to_owned(), true));
    up.or_else(|| cut(".down").or(cut("-down")).map(|name| (name.to_owned(), false)))
}

/// A request that did not get through in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lost {
    /// When the phone gives up, milliseconds.
    pub at_ms: i64,
}

/// One phone's link: traces entered at its own point, a delay, and its outages.
#[derive(Debug, Clone)]
pub struct Link {
    pair: Pair,
    /// Where in the traces this phone's day begins, milliseconds.
    shift_ms: i64,
    /// One way, milliseconds.
    delay_ms: i64,
    /// How long the phone waits for a request to get through, milliseconds.
    patience_ms: i64,
    outages: Outages,
}

impl Link {
    /// A link over these traces, entered `shift_ms` into them.
    pub fn new(pair: Pair, shift_ms: i64, delay_ms: i64, outages: Outages) -> Self {
        Self { pair, shift_ms, delay_ms, patience_ms: 30_000, outages }
    }

    /// Whether the phone has coverage at all at this moment.
    pub fn covered(&self, at_ms: i64) -> bool {
        !self.outages.contains(at_ms)
    }

    /// The scheduled outages.
    pub fn outages(&self) -> &Outages {
        &self.outages
    }

    /// When the last of these bytes, sent now, is at the server.
    ///
    /// # Errors
    /// The link is down, or so slow that the phone gives up first.
    pub fn up(&self, start_ms: i64, bytes: u64) -> Result<i64, Lost> {
        self.deliver(&self.pair.up, start_ms, bytes)
    }

    /// When the last of these bytes, sent by the server now, is at the phone.
    ///
    /// # Errors
    /// As [`Link::up`]; the server has then worked for nothing.
    pub fn down(&self, start_ms: i64, bytes: u64) -> Result<i64, Lost> {
        self.deliver(&self.pair.down, start_ms, bytes)
    }

    fn deliver(&self, trace: &Trace, start_ms: i64, bytes: u64) -> Result<i64, Lost> {
        let lost = Lost { at_ms: start_ms + self.patience_ms };
        let mut packets = (bytes + OVERHEAD_BYTES).div_ceil(PACKET_BYTES);
        let mut from = start_ms;
        loop {
            if let Some(end) = self.outages.end_of(from) {
                from = end;
            }
            if from > lost.at_ms {
                return Err(lost);
            }
            // Up to the next outage at most; what has not crossed by then waits for its end.
            let last = trace.after(from + self.shift_ms, packets) - self.shift_ms;
            match self.outages.next_start(from).filter(|start| *start <= last) {
                None if last + self.delay_ms > lost.at_ms => return Err(lost),
                None => return Ok(last + self.delay_ms),
                Some(start) => {
                    let (a, b) = (from + self.shift_ms, start + self.shift_ms);
                    packets = packets.saturating_sub(trace.count(a, b)).max(1);
                    from = start;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(outages: Vec<(i64, i64)>) -> Link {
        let trace = Arc::new(Trace::parse(&b"10\n20\n20\n100\n"[..]).expect("a trace"));
        let pair = Pair { name: "test".into(), up: trace.clone(), down: trace };
        Link::new(pair, 0, 5, Outages::new(outages))
    }

    #[test]
    fn bytes_arrive_with_the_packet_that_carries_the_last_of_them() {
        let link = link(vec![]);
        assert_eq!(link.up(1, 100), Ok(15));
        assert_eq!(link.up(1, 2_000), Ok(25));
        assert_eq!(link.up(1, 4_000), Ok(25));
        assert_eq!(link.up(1, 5_000), Ok(105));
        // The list repeats after 100 ms, and time before the day began is a time like others.
        assert_eq!(link.up(1_001, 100), Ok(1_015));
        assert_eq!(link.up(-989, 100), Ok(-975));
    }

    #[test]
    fn what_does_not_cross_before_an_outage_waits_for_its_end_or_is_given_up() {
        assert_eq!(link(vec![(15, 5_001)]).up(1, 2_000), Ok(5_000 + 15));
        assert_eq!(link(vec![(15, 90_000)]).up(1, 2_000), Err(Lost { at_ms: 30_001 }));
        assert!(!link(vec![(15, 90_000)]).covered(20));
    }

    #[test]
    fn file_names_tell_the_direction() {
        assert_eq!(direction("A-LTE.up.gz"), Some(("A-LTE".into(), true)));
        assert_eq!(direction("A-LTE.down"), Some(("A-LTE".into(), false)));
        assert_eq!(direction("orange-up.pps.gz"), Some(("orange".into(), true)));
        assert_eq!(direction("README"), None);
    }

    #[test]
    fn made_up_links_are_the_same_for_the_same_seed() {
        let times = |seed| {
            let link = Link::new(made_up(seed)[1].clone(), 7, 20, Outages::default());
            (0..50).map(|i| link.down(i * 977, 9_000)).collect::<Vec<_>>()
        };
        assert_eq!(times(3), times(3));
        assert_ne!(times(3), times(4));
    }
}
