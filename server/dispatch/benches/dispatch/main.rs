//! Figures of the dispatch crate: `cargo bench -p dispatch -- --instances DIR`.
//!
//! Without a folder of instances the day plans are left out, and it is said.

// A benchmark reads the clock and files; what it measures does not.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

mod assigned;
mod planned;
mod ranked;
mod trsp;
mod world;

use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

fn main() {
    let mut args = std::env::args().skip(1);
    let mut instances = None;
    let mut rounds = planned::ROUNDS;
    while let Some(arg) = args.next() {
        let mut value = || args.next().unwrap_or_else(|| usage(&arg));
        match arg.as_str() {
            "--instances" => instances = Some(PathBuf::from(value())),
            "--rounds" => rounds = value().parse().unwrap_or_else(|_| usage(&arg)),
            "--bench" => {}
            _ => usage(&arg),
        }
    }
    ranked::table();
    assigned::tables();
    planned::bounds();
    match instances {
        Some(folder) => planned::table(&folder, rounds),
        None => println!("\nNo day plans: give --instances DIR, a folder with trsp-pillac in it."),
    }
}

fn usage(arg: &str) -> ! {
    eprintln!("{arg}: use --instances DIR and --rounds NUMBER");
    std::process::exit(2);
}

/// The processor time of one run, of as many as take a tenth of a second. Other work on the machine
/// does not count.
fn time<T>(mut run: impl FnMut() -> T) -> Duration {
    std::hint::black_box(run());
    let (begins, mut runs) = (processor(), 0);
    loop {
        std::hint::black_box(run());
        runs += 1;
        let took = processor() - begins;
        if took > Duration::from_millis(100) {
            return took / runs;
        }
    }
}

/// Processor time of this thread since some moment; the clock on the wall where the system does not
/// tell.
fn processor() -> Duration {
    static BEGAN: OnceLock<Instant> = OnceLock::new();
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanos = told.and_then(|text| text.split(' ').next()?.parse().ok());
    nanos.map_or_else(|| BEGAN.get_or_init(Instant::now).elapsed(), Duration::from_nanos)
}
