//! What is said at the end: every counter, what was never met, how fast it went, what broke.

use std::collections::BTreeMap;

use serde::Serialize;
use tests::fleet::Failure;

use crate::args::Args;
use crate::watch::Played;

/// From so many seeds on a counter at 0 is a failure.
const ENOUGH: u64 = 100;

/// The end of a run.
#[derive(Debug, Serialize)]
pub struct Report {
    first: u64,
    worlds: u64,
    seconds: f64,
    worlds_a_minute: f64,
    slowest_heal_ms: i64,
    counters: BTreeMap<&'static str, u64>,
    never_met: Vec<&'static str>,
    broken: Vec<Broken>,
}

#[derive(Debug, Serialize)]
struct Broken {
    seed: u64,
    invariant: &'static str,
    detail: String,
    replay: String,
}

impl Broken {
    fn of((seed, failure): (&u64, &Failure)) -> Self {
        Self {
            seed: *seed,
            invariant: failure.invariant,
            detail: failure.to_string(),
            replay: format!("cargo simulate --first {seed} --seeds 1"),
        }
    }
}

impl Report {
    /// The report of a run.
    pub fn of(args: &Args, played: &Played) -> Self {
        let seconds = played.took.as_secs_f64();
        let never = played.counts.never();
        Self {
            first: args.first,
            worlds: played.seeds,
            seconds,
            worlds_a_minute: played.seeds as f64 / seconds * 60.0,
            slowest_heal_ms: played.slowest_heal,
            counters: played.counts.all().collect(),
            never_met: if args.seeds >= ENOUGH && played.broken.is_empty() {
                never
            } else {
                Vec::new()
            },
            broken: played.broken.iter().map(Broken::of).collect(),
        }
    }

    /// Whether everything held and everything was met.
    pub fn is_green(&self) -> bool {
        self.broken.is_empty() && self.never_met.is_empty()
    }

    /// Prints it.
    pub fn print(&self) {
        for (what, times) in &self.counters {
            println!("{times:>12}  {what}");
        }
        println!();
        println!(
            "{} worlds from seed {}, {:.0} s, {:.0} a minute; slowest healing {} ms of 60,000",
            self.worlds, self.first, self.seconds, self.worlds_a_minute, self.slowest_heal_ms
        );
        for what in &self.never_met {
            println!("NEVER MET: {what}");
        }
        if self.broken.is_empty() {
            println!("every invariant held");
        }
        for broken in &self.broken {
            println!("BROKEN in seed {}: {}", broken.seed, broken.detail);
            println!("replay: {}", broken.replay);
        }
    }
}
