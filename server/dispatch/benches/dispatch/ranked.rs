//! How long it takes to rank technicians, road times apart.

use dispatch::candidates::rank;
use dispatch::travel::{Air, Pace};

use crate::time;
use crate::world::{NOW, Numbers, job, technicians};

/// Candidates among fleets of several sizes.
pub fn table() {
    println!("\n## Candidates\n\n| technicians | time |\n|---|---|");
    let air = Air { pace: Pace::default() };
    for count in [100, 1_000, 10_000] {
        let mut numbers = Numbers(1);
        let all = technicians(count, &mut numbers);
        let job = job(&mut numbers);
        let rank = || rank(&job, &all, NOW, &air, None).expect("it is within limits");
        println!("| {count} | {:.0} µs |", time(rank).as_secs_f64() * 1e6);
    }
}
