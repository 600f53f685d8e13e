//! What can be asked for on the command line.

use std::path::PathBuf;

use clap::Parser;

/// Plays fleets of phones, servers and desks in virtual time, from seeds.
///
/// Each seed is a world: up to 30 days, at least 500 actions, every fault there is, and invariants
/// that must hold. The same seed plays the same world on every machine. The program ends with 1
/// if an invariant broke, or if a run of 100 or more seeds never met a fault or a rare branch.
#[derive(Debug, Parser)]
#[command(name = "simulate", after_help = AFTER)]
pub struct Args {
    /// How many worlds.
    #[arg(long, default_value_t = 1000)]
    pub seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    pub first: u64,
    /// Threads; all cores if not said.
    #[arg(long)]
    pub threads: Option<usize>,
    /// Plays this saved plan instead of seeds.
    #[arg(long, value_name = "FILE")]
    pub plan: Option<PathBuf>,
    /// Writes the plan of the first seed to a file, and plays nothing.
    #[arg(long, value_name = "FILE")]
    pub write_plan: Option<PathBuf>,
    /// Writes counters and figures as JSON.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Plays on after a world broke, and names every one that did.
    #[arg(long)]
    pub keep_going: bool,
    /// Leaves a failing plan as long as it is.
    #[arg(long = "no-shrink", action = clap::ArgAction::SetFalse)]
    pub shrink: bool,
}

const AFTER: &str = "\
Examples:
  cargo simulate                                  a thousand worlds
  cargo simulate --seeds 200000                   as long as one likes
  cargo simulate --first 4711 --seeds 1           one world again
  cargo simulate --plan tests/regressions/x.plan  a saved plan

A failing world is shrunk to the few steps it needs. Save those under tests/regressions: every file
there is played by `cargo test -p tests --test fleet`.";
