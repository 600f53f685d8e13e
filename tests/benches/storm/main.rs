//! The reconnect storm on real processes and sockets, beside the peers where they are installed.
//!
//! `cargo bench -p tests --bench storm` prints the figures of docs/benchmarks.md. Devices and jobs
//! each: `-- 100 5`. With `TOWLINE_PEERS=DIR`, the folder of a built peer measurement (its
//! `automerge-repo-server.mjs` with `node_modules`, its `target/release/storm`), the peers run on
//! the same work in the same minutes.

mod client;
mod peers;
mod process;
mod server;

use std::time::{Duration, Instant};

use client::Device;
use process::Child;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    if args.first().is_some_and(|arg| arg == "serve") {
        return server::serve(&args[1..]);
    }
    let number =
        |at: usize, default: u64| args.get(at).map_or(default, |n| n.parse().unwrap_or(default));
    let (devices, jobs) = (number(0, 100), number(1, 5));
    println!(
        "reconnect storm: {devices} devices x {jobs} jobs x {} changes\n",
        tests::storm::CHANGES_PER_JOB
    );
    let ours = ours(devices, jobs);
    idle();
    match std::env::var_os("TOWLINE_PEERS") {
        Some(folder) => peers::run(folder.as_ref(), devices, jobs, &ours),
        None => println!(
            "\npeers: not measured; set TOWLINE_PEERS to the folder of a built peer measurement"
        ),
    }
}

/// What is compared.
struct Figures {
    jobs_per_second: f64,
    cpu_ms_per_job: f64,
}

fn ours(devices: u64, jobs: u64) -> Figures {
    let mut server = Child::start(devices, jobs);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let mut fleet: Vec<Device> = runtime.block_on(async {
        let mut fleet = Vec::new();
        for index in 0..devices {
            let mut device = Device::log_in(server.address, &server.audience, index).await;
            device.first_sync().await;
            device.work();
            fleet.push(device);
        }
        fleet
    });
    let before = server.usage();
    let clock = Instant::now();
    let sizes = runtime.block_on(async {
        let mut tasks = Vec::new();
        for device in fleet.drain(..) {
            tasks.push(tokio::task::spawn(device.reconnect()));
        }
        let mut sizes = (0, 0);
        for task in tasks {
            let (up, down) = task.await.expect("a device is done");
            sizes = (sizes.0 + up, sizes.1 + down);
        }
        sizes
    });
    let wall = clock.elapsed();
    let after = server.usage();
    server.stop();
    let total = (devices * jobs) as f64;
    let cpu = after.cpu - before.cpu;
    let figures = Figures {
        jobs_per_second: total / wall.as_secs_f64(),
        cpu_ms_per_job: millis(cpu) / total,
    };
    println!("towline, SQLite, every verdict after fsync");
    println!("  jobs per second          {:>10.0}", figures.jobs_per_second);
    println!("  server CPU per job       {:>10.3} ms", figures.cpu_ms_per_job);
    println!(
        "  bytes per job            {:>10.0} up {:.0} down {:.0}",
        (sizes.0 + sizes.1) as f64 / total,
        sizes.0 as f64 / total,
        sizes.1 as f64 / total
    );
    println!("  round trips per device   {:>10}", 1);
    println!(
        "  peak memory              {:>10.1} MB (before the storm {:.1})",
        after.peak_mb, before.peak_mb
    );
    figures
}

/// A phone with 200 jobs comes back and nothing has changed.
fn idle() {
    let mut server = Child::start(1, 200);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let (up, down) = runtime.expect("a runtime").block_on(async {
        let mut device = Device::log_in(server.address, &server.audience, 0).await;
        device.first_sync().await;
        device.idle().await
    });
    server.stop();
    println!("\nidle reconnect of 200 unchanged jobs");
    println!("  round trips              {:>10}", 1);
    println!("  bytes of body            {:>10} up {up} down {down}", up + down);
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
