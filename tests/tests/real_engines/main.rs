//! Real device engines on real files against a server in memory, over a link that loses answers:
//! phones lose power, are put back from old images, and the server from an old backup.
//!
//! Each seed is a world. After healing, everything saved on a phone that is alive stands on the
//! server once and as it was saved.

#![allow(clippy::unwrap_used)]

mod handset;
mod world;

use std::collections::BTreeMap;

use world::World;

const ACTIONS: u64 = 60;

#[test]
fn after_healing_the_server_holds_all_that_real_engines_saved() {
    let seeds = std::env::var("TOWLINE_SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(12);
    let first = std::env::var("TOWLINE_SEED").ok().and_then(|n| n.parse().ok()).unwrap_or(0);
    let mut counts: BTreeMap<&'static str, u64> = BTreeMap::new();
    for seed in first..first + seeds {
        println!("seed {seed}: TOWLINE_SEED={seed} TOWLINE_SEEDS=1 plays it alone");
        let mut world = World::new(seed);
        for _ in 0..ACTIONS {
            world.step();
        }
        world.heal();
        world.check();
        for (what, times) in &world.counts {
            *counts.entry(what).or_default() += times;
        }
    }
    println!("{counts:#?}");
    if seeds >= 12 {
        for what in ["power lost", "image put back", "server restored", "sync failed", "walk-up"] {
            assert!(counts.contains_key(what), "{what} never happened");
        }
    }
}
