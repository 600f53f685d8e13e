//! `cargo demo`: plays a working day against a real server and real phones, and proves the end.
//!
//! The day is planned first, from a seed ([`tests::day`]). Then a server is started in this
//! process on a fresh database, and every technician gets a phone: the device engine with its own
//! database file, behind a link that is slow and breaks as the traces and the plan say. Time is
//! simulated, everything else is the product. At the end a ledger kept beside the phones is
//! compared, fact by fact and by hash, with the server's own log.

mod args;
mod conductor;
mod crash;
mod desk;
mod findings;
mod handset;
mod inputs;
mod progress;
mod reconcile;
mod report;
mod shaped;
mod simtime;
mod work;
mod world;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let args = args::Args::parse();
    match play(&args) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("demo: {error}");
            ExitCode::from(2)
        }
    }
}

/// Plays the day; whether everything that was saved is there, once and unbroken.
fn play(args: &args::Args) -> Result<bool, world::DemoError> {
    let inputs = inputs::Inputs::read(args)?;
    let plan = inputs.plan(args);
    report::announce(args, &inputs, &plan);

    let mut world = world::World::open(args, &inputs, &plan)?;
    let day = conductor::play(args, &plan, &mut world)?;
    world.settle()?;
    let outcome = reconcile::reconcile(&mut world, &inputs, &plan, &day)?;
    outcome.print();
    if let Some(path) = &args.json {
        outcome.write_json(path)?;
    }
    let whole = outcome.invariants_broken.is_empty();
    world.finish(args, &plan)?;
    Ok(whole)
}
