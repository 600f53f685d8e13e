//! Plays fleets in virtual time, as many worlds as one likes, and says what broke.

mod args;
mod report;
mod watch;

use std::process::ExitCode;

use clap::Parser as _;
use tests::fleet::{Plan, run, shrink};

use args::Args;
use report::Report;

/// Worlds are made of small things that come and go; the system's allocator took a fifth of the time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Runs a shrinking may take.
const SHRINKS: usize = 10_000;

fn main() -> ExitCode {
    let args = Args::parse();
    // A panic is caught and reported with its plan; its own message would come between.
    std::panic::set_hook(Box::new(|_| {}));
    let done = match (&args.write_plan, &args.plan) {
        (Some(file), _) => std::fs::write(file, Plan::of(args.first).to_string())
            .map(|()| true)
            .map_err(|error| format!("{}: {error}", file.display())),
        (None, Some(file)) => one(&args, file),
        (None, None) => many(&args),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

/// Plays one saved plan.
fn one(args: &Args, file: &std::path::Path) -> Result<bool, String> {
    let text = std::fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))?;
    let plan: Plan = text.parse().map_err(|e| format!("{}: {e}", file.display()))?;
    println!("world {}, {} steps", plan.seed, plan.steps.len());
    match run(&plan) {
        Ok(played) => {
            println!("every invariant held; healed in {} ms", played.healed_in);
            println!("trace {:016x}", played.trace);
            Ok(true)
        }
        Err(failure) => {
            println!("BROKEN {failure}");
            if args.shrink {
                println!("\n{}", shrink(&plan, failure.invariant, SHRINKS));
            }
            Ok(false)
        }
    }
}

/// Plays worlds from seeds.
fn many(args: &Args) -> Result<bool, String> {
    let played = watch::play(args);
    let report = Report::of(args, &played);
    report.print();
    if let Some(file) = &args.json {
        let text = serde_json::to_string_pretty(&report).map_err(|e| e.to_string())?;
        std::fs::write(file, text).map_err(|e| format!("{}: {e}", file.display()))?;
    }
    if let Some((seed, failure)) = played.broken.first_key_value()
        && args.shrink
    {
        println!("\nshrinking the plan of seed {seed} …");
        let plan = shrink(&Plan::of(*seed), failure.invariant, SHRINKS);
        println!(
            "{} steps are enough; save them as tests/regressions/NAME.plan:\n",
            plan.steps.len()
        );
        println!("# {failure}\n{plan}");
    }
    Ok(report.is_green())
}
