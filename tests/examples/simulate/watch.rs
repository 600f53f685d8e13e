//! Plays worlds on several threads, and says how far it is.

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tests::fleet::{Counts, Failure, Plan, run};

use crate::args::Args;

/// The results of all worlds.
pub struct Played {
    /// Worlds in which everything held.
    pub seeds: u64,
    /// Seeds whose worlds broke, and how.
    pub broken: BTreeMap<u64, Failure>,
    /// What was met.
    pub counts: Counts,
    /// Longest time from healing to quiet, virtual milliseconds.
    pub slowest_heal: i64,
    /// How long it took.
    pub took: Duration,
}

/// Plays every seed that was asked for, until one breaks.
pub fn play(args: &Args) -> Played {
    let next = AtomicU64::new(args.first);
    let end = args.first.saturating_add(args.seeds);
    let done = AtomicU64::new(0);
    let stop = AtomicBool::new(false);
    let shared = Mutex::new((Counts::default(), 0_i64, BTreeMap::new()));
    let began = Instant::now();
    let threads = args.threads.or_else(|| Some(std::thread::available_parallelism().ok()?.get()));
    std::thread::scope(|scope| {
        for _ in 0..threads.unwrap_or(1).max(1) {
            scope.spawn(|| {
                let (mut counts, mut slowest) = (Counts::default(), 0);
                while !stop.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        break;
                    }
                    match run(&Plan::of(seed)) {
                        Ok(played) => {
                            counts.merge(&played.counts);
                            slowest = slowest.max(played.healed_in);
                            done.fetch_add(1, Ordering::Relaxed);
                        }
                        Err(failure) => {
                            stop.store(!args.keep_going, Ordering::Relaxed);
                            let mut shared = shared.lock().unwrap_or_else(|p| p.into_inner());
                            shared.2.insert(seed, failure);
                        }
                    }
                }
                let mut shared = shared.lock().unwrap_or_else(|p| p.into_inner());
                shared.0.merge(&counts);
                shared.1 = shared.1.max(slowest);
            });
        }
        let told = std::io::stderr().is_terminal();
        while !stop.load(Ordering::Relaxed) && next.load(Ordering::Relaxed) < end {
            std::thread::sleep(Duration::from_millis(200));
            let so_far = done.load(Ordering::Relaxed);
            if told {
                let rate = so_far as f64 / began.elapsed().as_secs_f64() * 60.0;
                eprint!("\r{so_far} of {} worlds, {rate:.0} a minute   ", args.seeds);
                std::io::stderr().flush().unwrap_or_default();
            }
        }
        if told {
            eprintln!();
        }
    });
    let (counts, slowest_heal, broken) = shared.into_inner().unwrap_or_else(|p| p.into_inner());
    Played { seeds: done.into_inner(), broken, counts, slowest_heal, took: began.elapsed() }
}
