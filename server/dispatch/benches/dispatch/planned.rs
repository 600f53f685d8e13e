//! How good day plans are: least undone first, then the distance, against vrp-core 1.25.0.

use std::path::Path;

use dispatch::plan::{Effort, Problem, Rules, Shift, Travel, Visit, check, plan};

use crate::processor;
use crate::trsp::{self, Instance};
use crate::world::Numbers;

/// Rounds of the table: under 0.2 s for each instance.
pub const ROUNDS: u32 = 12_000;
const SEEDS: u64 = 3;

/// What vrp-core 1.25.0 found in 5 s with its default heuristics: undone, distance. The better of two
/// runs on two shared cores; skills and tools as a constraint of its own, parts as `MultiDimLoad`.
const PEER: &str = include_str!("vrp-core.txt");

/// All instances of a folder.
pub fn table(folder: &Path, rounds: u32) {
    let folder = folder.join("trsp-pillac");
    let Ok(files) = trsp::files(&folder) else {
        println!("\nNo day plans: {} cannot be read.", folder.display());
        return;
    };
    println!("\n## Day plans, {rounds} rounds, seeds 1 to {SEEDS}: undone / distance\n");
    println!("| instance | nearest first | best seed | worst seed | time | vrp-core in 5 s |");
    println!("|---|---|---|---|---|---|");
    let (mut count, mut behind, mut slowest) = (0, 0, 0.0_f64);
    for path in files {
        let Ok(Some(instance)) = trsp::read(&path) else {
            println!("| {}: not an instance | | | | | |", path.display());
            continue;
        };
        let problem = instance.problem();
        let greedy = figures(&instance, &problem, 0, 1);
        let all: Vec<_> =
            (1..=SEEDS).map(|seed| figures(&instance, &problem, rounds, seed)).collect();
        let best = all.iter().copied().min_by(better).unwrap_or(greedy);
        let worst = all.iter().copied().max_by(better).unwrap_or(greedy);
        let took = all.iter().map(|it| it.2).fold(0.0, f64::max);
        let peer = peer(&instance.name);
        if let Some(peer) = peer {
            count += 1;
            behind += usize::from(better(&peer, &worst).is_lt());
        }
        slowest = slowest.max(took);
        let show = |it: (usize, f64, f64)| format!("{} / {:.0}", it.0, it.1);
        let peer = peer.map_or_else(String::new, show);
        let name = &instance.name;
        let (greedy, best, worst) = (show(greedy), show(best), show(worst));
        println!("| {name} | {greedy} | {best} | {worst} | {took:.3} s | {peer} |");
    }
    println!(
        "\nWorse than vrp-core with the worst seed: {behind} of {count}. Slowest: {slowest:.3} s."
    );
}

type Figures = (usize, f64, f64);

fn better(one: &Figures, other: &Figures) -> std::cmp::Ordering {
    one.0.cmp(&other.0).then(one.1.total_cmp(&other.1))
}

fn peer(name: &str) -> Option<Figures> {
    let line = PEER.lines().find(|line| line.split(' ').next() == Some(name))?;
    let mut words = line.split(' ').skip(1);
    Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?, 0.0))
}

/// The figures of a plan, which the exact coordinates confirm.
fn figures(instance: &Instance, problem: &Problem, rounds: u32, seed: u64) -> Figures {
    let begins = processor();
    let plan = plan(problem, Effort { rounds, seed });
    let took = (processor() - begins).as_secs_f64();
    assert_eq!(check(problem, &plan), Ok(()), "{}", instance.name);
    let (undone, distance) = instance.judge(&plan).expect("a checked plan keeps the rules");
    (undone, distance, took)
}

/// What the largest allowed problems cost.
pub fn bounds() {
    println!("\n## Large days\n\n| visits × shifts | 1,000 rounds | undone |\n|---|---|---|");
    for (visits, shifts) in [(200, 40), (500, 100), (2_000, 400)] {
        let problem = town(visits, shifts);
        let begins = processor();
        let plan = plan(&problem, Effort { rounds: 1_000, seed: 1 });
        let took = (processor() - begins).as_secs_f64();
        assert_eq!(check(&problem, &plan), Ok(()));
        println!("| {visits} × {shifts} | {took:.2} s | {} |", plan.undone.len());
    }
}

/// Seconds and metres in a town, with eight hours of work.
fn town(visits: usize, shifts: usize) -> Problem {
    let mut numbers = Numbers(5);
    let places = visits + shifts;
    let points: Vec<_> =
        (0..places).map(|_| (numbers.below(30_000) as i32, numbers.below(30_000) as i32)).collect();
    let far = |pair: usize| {
        let (from, to) = (points[pair / places], points[pair % places]);
        (from.0 - to.0).abs() + (from.1 - to.1).abs()
    };
    let costs: Vec<i32> = (0..places * places).map(far).collect();
    let times = costs.iter().map(|metres| metres / 10).collect();
    let travel = Travel { places, times, costs };
    let visit = |place| {
        let opens = numbers.below(25_000) as i32;
        Visit {
            place,
            service: 1_800,
            opens,
            closes: opens + 3_600,
            needs: vec![numbers.below(5) as u32],
            parts: vec![(numbers.below(5) as u32, 1)],
            weight: 1,
            ..Visit::default()
        }
    };
    let visits = (shifts..places).map(visit).collect();
    let shift = |start| Shift {
        start,
        end: Some(start),
        from: 0,
        until: 28_800,
        has: (0..5).filter(|_| numbers.below(3) > 0).collect(),
        stock: (0..5).map(|part| (part, 2)).collect(),
    };
    let shifts = (0..shifts).map(shift).collect();
    Problem::new(visits, shifts, &travel, Rules::default()).expect("it is within limits")
}
