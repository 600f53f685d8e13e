//! Fleets in virtual time: some worlds from seeds, and every plan that ever broke one.
//!
//! `TOWLINE_SEEDS` and `TOWLINE_SEED` say how many worlds and from which; `cargo simulate` plays as
//! many as one likes, faster, and shrinks what breaks.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use tests::fleet::{Counts, Plan, run};

/// As in `cargo simulate`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Worlds of a plain `cargo test`.
const WORLDS: u64 = 250;
/// From so many worlds on, a fault or a rare branch that was never met is a failure.
const ENOUGH: u64 = 100;

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

#[test]
fn in_every_world_everything_holds_and_every_fault_is_met() {
    let (first, worlds) = (number("TOWLINE_SEED", 0), number("TOWLINE_SEEDS", WORLDS));
    let threads = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let counts = std::thread::scope(|scope| {
        let play = |thread: u64| {
            move || {
                let mut counts = Counts::default();
                for seed in (first + thread..first + worlds).step_by(threads as usize) {
                    match run(&Plan::of(seed)) {
                        Ok(played) => counts.merge(&played.counts),
                        Err(failure) => panic!(
                            "seed {seed}: {failure}\nreplay and shrink it with: \
                             cargo simulate --first {seed} --seeds 1"
                        ),
                    }
                }
                counts
            }
        };
        let running: Vec<_> = (0..threads).map(|thread| scope.spawn(play(thread))).collect();
        let mut counts = Counts::default();
        for thread in running {
            match thread.join() {
                Ok(of_thread) => counts.merge(&of_thread),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        counts
    });
    for (what, times) in counts.all() {
        println!("{times:>10}  {what}");
    }
    if worlds >= ENOUGH {
        assert_eq!(counts.never(), Vec::<&str>::new(), "these were never met");
    }
}

#[test]
fn the_same_seed_twice_leaves_the_same_trace() {
    for seed in [0, 7] {
        let traces = [0, 1].map(|_| run(&Plan::of(seed)).map(|played| played.trace));
        assert_eq!(traces[0], traces[1], "seed {seed}");
    }
}

#[test]
fn every_plan_that_ever_broke_a_world_holds_now() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions");
    let mut files: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()).collect();
    files.sort();
    for file in files.iter().filter(|file| file.extension().is_some_and(|it| it == "plan")) {
        let plan: Plan = std::fs::read_to_string(file).unwrap().parse().unwrap();
        if let Err(failure) = run(&plan) {
            let name = file.display();
            panic!("{name}: {failure}\nreplay it with: cargo simulate --plan {name}");
        }
    }
}
