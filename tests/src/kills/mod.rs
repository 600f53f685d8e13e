//! `kill -9` again and again against real processes, and what must be there afterwards.
//!
//! [`server`] kills `towline serve` while phones push and a dispatcher writes; [`phone`] kills a
//! process that holds the device engine and saves as fast as it can. A run is a list of *points*:
//! at each the process is killed at a random moment, started again, and everything it ever called
//! durable or saved is looked for. A database lives for a while and is then begun again, so that
//! looking stays cheap however long a run is.

pub(crate) mod child;
pub(crate) mod desk;
pub(crate) mod log_tail;
pub mod phone;
pub mod place;
pub mod server;
pub(crate) mod technician;
pub(crate) mod witness;

use std::collections::BTreeMap;
use std::error::Error;
use std::time::{Duration, Instant};

pub use child::{Child, play_if_asked};

/// Why a run ended early: something is missing, or it could not be run.
pub type Trouble = Box<dyn Error + Send + Sync>;

/// How long a run goes on.
#[derive(Debug, Clone, Copy)]
pub struct Length {
    /// Kills.
    pub points: u64,
    /// Not beyond this moment.
    pub until: Option<Instant>,
}

/// What a run came to.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Kills after which everything was there.
    pub points: u64,
    /// Kills by the moment at which they fell.
    pub moments: BTreeMap<&'static str, u64>,
    /// What was acknowledged or said to be saved, by kind, and found again.
    pub kept: BTreeMap<&'static str, u64>,
    /// Times everything was looked at, `towline verify` among it.
    pub verified: u64,
    /// Databases begun again.
    pub lives: u64,
    /// How long it took.
    pub took: Duration,
}

impl Length {
    /// So many kills, however long they take.
    pub fn points(points: u64) -> Self {
        Self { points, until: None }
    }

    fn goes_on(&self, tally: &Tally) -> bool {
        tally.points < self.points && self.until.is_none_or(|until| Instant::now() < until)
    }
}

impl Tally {
    fn point(&mut self, moment: &'static str) {
        self.points += 1;
        *self.moments.entry(moment).or_default() += 1;
    }

    fn kept(&mut self, what: &'static str, times: usize) {
        *self.kept.entry(what).or_default() += times as u64;
    }
}

/// A promise that was broken, with all that is needed to look into it.
pub(crate) fn broken<T>(what: impl Into<String>) -> Result<T, Trouble> {
    Err(format!("BROKEN: {}", what.into()).into())
}
