//! Kills real processes with -9, thousands of times, and looks for everything they acknowledged.
//!
//! A line says every few seconds how far it is; at the end a table says what was killed and what
//! was found again.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use tests::kills::{Child, Length, Tally, Trouble, phone, play_if_asked, server};

/// Kills `towline serve` and a process that holds the device engine, at random moments under load,
/// and looks after each kill for everything that was ever acknowledged or called saved.
#[derive(Debug, Parser)]
#[command(
    name = "kills",
    arg_required_else_help = true,
    after_help = "Examples:\n  \
        cargo run --release -p tests --example kills -- --phone 5000\n  \
        cargo run --release -p tests --example kills -- --server-sqlite 20000 --seed 7\n  \
        cargo run --release -p tests --example kills -- --server-postgres 2000 --minutes 30\n\n\
        Exit status: 0 all was there; 1 something was missing (its files are kept and named); \
        2 the run could not be made."
)]
struct Args {
    /// Kills of a server on SQLite
    #[arg(long, value_name = "N", default_value_t = 0)]
    server_sqlite: u64,

    /// Kills of a server on PostgreSQL
    #[arg(long, value_name = "N", default_value_t = 0)]
    server_postgres: u64,

    /// Kills of a phone
    #[arg(long, value_name = "N", default_value_t = 0)]
    phone: u64,

    /// The moments and the work are drawn from it; what the system does meanwhile is not
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// Each kind of kill ends after so many minutes, however many there were
    #[arg(long, value_name = "M")]
    minutes: Option<u64>,

    /// PostgreSQL, in which databases of the run's own are made and dropped
    #[arg(
        long,
        value_name = "URL",
        env = "TOWLINE_TEST_POSTGRES",
        default_value = "postgres://postgres@127.0.0.1:5432/postgres",
        hide_env_values = true
    )]
    postgres: String,
}

fn main() -> ExitCode {
    if play_if_asked() {
        return ExitCode::SUCCESS;
    }
    let args = Args::parse();
    let mut rows = Vec::new();
    let seed = args.seed;
    let ran = kind(&args, "server on SQLite", args.server_sqlite, &mut rows, |length, told| {
        server::run(None, length, seed, told)
    })
    .and_then(|()| {
        kind(&args, "server on PostgreSQL", args.server_postgres, &mut rows, |length, told| {
            server::run(Some(&args.postgres), length, seed, told)
        })
    })
    .and_then(|()| {
        kind(&args, "phone", args.phone, &mut rows, |length, told| {
            phone::run(&Child { arguments: Vec::new() }, length, seed, told)
        })
    });
    println!("\nseed {seed}");
    rows.iter().for_each(|(what, tally)| print_row(what, tally));
    match ran {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("kills: {error}");
            ExitCode::from(if error.to_string().starts_with("BROKEN") { 1 } else { 2 })
        }
    }
}

type Told<'a> = &'a mut dyn FnMut(&Tally);

fn kind(
    args: &Args,
    what: &'static str,
    points: u64,
    rows: &mut Vec<(&'static str, Tally)>,
    run: impl FnOnce(Length, Told<'_>) -> Result<Tally, Trouble>,
) -> Result<(), Trouble> {
    if points == 0 {
        return Ok(());
    }
    let until = args.minutes.map(|minutes| Instant::now() + Duration::from_secs(60 * minutes));
    let began = Instant::now();
    let mut last = began;
    let mut told = |tally: &Tally| {
        if last.elapsed() > Duration::from_secs(5) {
            last = Instant::now();
            let rate = tally.points as f64 / began.elapsed().as_secs_f64();
            eprintln!("{what}: {} of {points} kills, {rate:.1} a second", tally.points);
        }
    };
    let tally = run(Length { points, until }, &mut told)?;
    rows.push((what, tally));
    Ok(())
}

fn print_row(what: &str, tally: &Tally) {
    let seconds = tally.took.as_secs_f64();
    println!("{what}: {} kills in {seconds:.0} s, nothing missing", tally.points);
    for (moment, times) in &tally.moments {
        println!("  {times:>8}  {moment}");
    }
    for (kind, times) in &tally.kept {
        println!("  {times:>8}  {kind}, each found again");
    }
    println!("  {:>8}  times everything was verified, {} databases", tally.verified, tally.lives);
}
