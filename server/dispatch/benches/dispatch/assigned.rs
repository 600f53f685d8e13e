//! How long it takes to assign: the table alone, and a proposal with everything.

use dispatch::assign::{Costs, Hold, OpenJob, propose, solve, solve_fast};
use dispatch::travel::{Air, Pace};

use crate::time;
use crate::world::{NOW, Numbers, job, technicians};

/// Assignments of several sizes.
pub fn tables() {
    println!(
        "\n## One job each\n\n| jobs × technicians | pairs | with all gaps | second best is worse by |\n|---|---|---|---|"
    );
    for (rows, columns) in [(20, 60), (50, 200), (200, 500), (500, 200), (500, 1_000)] {
        let costs = table(rows, columns);
        let fast = time(|| solve_fast(&costs));
        let took = time(|| solve(&costs));
        let second = solve(&costs).second_best().unwrap_or_default();
        let [fast, took] = [fast, took].map(|it| it.as_secs_f64() * 1e6);
        println!("| {rows} × {columns} | {fast:.0} µs | {took:.0} µs | {second} |");
    }
    println!("\n| proposal: jobs × technicians | everything |\n|---|---|");
    let air = Air { pace: Pace::default() };
    for (rows, columns) in [(50, 200), (200, 200), (200, 2_000)] {
        let mut numbers = Numbers(3);
        let all = technicians(columns, &mut numbers);
        let open = |_| OpenJob {
            job: job(&mut numbers),
            eligible: (0..columns).collect(),
            hold: Hold::Nobody,
            weight: 1,
        };
        let jobs: Vec<OpenJob> = (0..rows).map(open).collect();
        let took = time(|| propose(&jobs, &all, NOW, 900, &air, None).expect("within limits"));
        println!("| {rows} × {columns} | {:.1} ms |", took.as_secs_f64() * 1e3);
    }
}

/// Points in a square with 3 of 10 pairs forbidden.
fn table(rows: usize, columns: usize) -> Costs {
    let mut numbers = Numbers(2);
    let mut point = || (numbers.below(10_000) as i64, numbers.below(10_000) as i64);
    let jobs: Vec<_> = (0..rows).map(|_| point()).collect();
    let technicians: Vec<_> = (0..columns).map(|_| point()).collect();
    let mut costs = Costs::new(vec![1_000_000; rows], columns).expect("within limits");
    for (row, job) in jobs.iter().enumerate() {
        for (column, technician) in technicians.iter().enumerate() {
            let far = (job.0 - technician.0).abs() + (job.1 - technician.1).abs();
            if numbers.below(10) >= 3 {
                costs.allow(row, column, far).expect("within limits");
            }
        }
    }
    costs
}
