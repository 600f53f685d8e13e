//! Disks that fill up or break, at each of the first calls of a phone or a server to its disk.
//!
//! At every point: nothing is acknowledged that is not there, the error is clear, what can be
//! read stays readable, and once the disk is well again work goes on without a restart.

mod phone;
mod server;

use std::collections::BTreeMap;

use super::shim::Failure;
use crate::random::Random;

pub use phone::{play_if_asked, run as phone};
pub use server::run as server;

/// At which calls the disk fails, and how.
#[derive(Debug, Clone)]
pub struct Points {
    /// Numbers of calls from the start of the process, or of the phone's store.
    pub at: Vec<u64>,
    /// What fails there.
    pub failure: Failure,
}

/// The result of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Failures {
    /// Failures by what was being done.
    pub met: BTreeMap<String, u64>,
    /// Acknowledgements that were looked for afterwards.
    pub looked_for: u64,
}

impl Points {
    /// Every call of the first `among`, or so many drawn from them.
    pub fn of(number: u64, among: u64, failure: Failure, seed: u64) -> Self {
        if number >= among {
            return Self { at: (1..=among).collect(), failure };
        }
        let mut random = Random::new(seed);
        // Half of them early, where everything is done for the first time.
        let at = (0..number).map(|n| 1 + random.below(if n % 2 == 0 { among / 8 } else { among }));
        Self { at: at.collect(), failure }
    }
}

impl Failures {
    fn met(&mut self, what: &str) {
        *self.met.entry(what.to_owned()).or_default() += 1;
    }
}
