//! Figures of the roads crate: `cargo bench -p roads -- --map FILE.osm.pbf`.

// A benchmark reads the clock and files; what it measures does not.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

use std::fs::File;
use std::io::BufReader;
use std::time::Instant;

use dispatch::Place;
use dispatch::travel::{Air, Pace, TravelTimes};
use roads::Roads;

fn main() {
    let mut args = std::env::args().skip_while(|arg| arg != "--map").skip(1);
    let Some(path) = args.next() else {
        println!("No figures: give --map FILE.osm.pbf.");
        return;
    };
    let begins = Instant::now();
    let mut map = BufReader::new(File::open(&path).expect("the map can be opened"));
    let roads = Roads::prepare(&mut map).expect("the map can be read");
    println!("prepared in {:.0} ms: {:?}", begins.elapsed().as_secs_f64() * 1e3, roads.size());
    let mut bytes = Vec::new();
    roads.write(&mut bytes).expect("memory takes everything");
    let begins = Instant::now();
    let again = Roads::read(&mut bytes.as_slice()).expect("what was written is read");
    let took = begins.elapsed().as_secs_f64() * 1e3;
    println!("{} bytes, read back in {took:.1} ms: {}", bytes.len(), again.size() == roads.size());
    fifty(&roads);
}

/// Fifty starts to one job, and how good the straight line is.
fn fifty(roads: &Roads) {
    let points = roads.points();
    let mut state = 1_u64;
    let mut any = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        points[(state >> 33) as usize % points.len()]
    };
    let cases: Vec<(Vec<Place>, Place)> =
        (0..300).map(|_| ((0..50).map(|_| any()).collect(), any())).collect();
    let mut times = Vec::new();
    let (mut same, mut lost, mut ratios) = (0, Vec::new(), Vec::new());
    for (from, to) in &cases {
        let begins = Instant::now();
        let legs = roads.to_one(from, *to);
        times.push(begins.elapsed());
        let by_air = Air { pace: Pace::default() }.to_one(from, *to);
        let seconds =
            |legs: &[Option<dispatch::travel::Leg>], at: usize| legs[at].map(|leg| leg.seconds);
        let first = |legs: &[Option<dispatch::travel::Leg>]| {
            (0..legs.len()).min_by_key(|at| seconds(legs, *at).unwrap_or(u32::MAX)).unwrap_or(0)
        };
        let (road, air) = (first(&legs), first(&by_air));
        same += usize::from(road == air);
        if let (Some(best), Some(taken)) = (seconds(&legs, road), seconds(&legs, air)) {
            lost.push(taken - best);
        }
        for (leg, start) in legs.iter().zip(from) {
            if let Some(leg) = leg.filter(|_| start.metres_to(to) > 500.0) {
                ratios.push(f64::from(leg.seconds) / start.metres_to(to));
            }
        }
    }
    times.sort_unstable();
    lost.sort_unstable();
    ratios.sort_unstable_by(f64::total_cmp);
    let median = ratios[ratios.len() / 2];
    let mut errors: Vec<f64> = ratios.iter().map(|ratio| (median / ratio - 1.0).abs()).collect();
    errors.sort_unstable_by(f64::total_cmp);
    println!(
        "50 to one: median {:?}, p99 {:?}",
        times[times.len() / 2],
        times[times.len() * 99 / 100]
    );
    println!("nearest by air is nearest by road: {same} of {}", cases.len());
    println!("lost by that: p90 {} s, most {} s", lost[lost.len() * 9 / 10], lost[lost.len() - 1]);
    println!(
        "straight line at {median:.3} s/m: off by {:.0} % (median), {:.0} % (p90)",
        errors[errors.len() / 2] * 100.0,
        errors[errors.len() * 9 / 10] * 100.0
    );
}
