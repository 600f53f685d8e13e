//! The storm and the idle reconnect on Towline itself.

use std::time::{Duration, Instant};

use crate::client::{Device, Traffic};
use crate::compare::Figures;
use crate::process::Child;

/// Every device did its work offline; all connect at once.
pub fn storm(devices: u64, jobs: u64) -> Figures {
    let mut server = Child::start(devices, jobs);
    let runtime = runtime();
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
    let traffic = runtime.block_on(async {
        let mut tasks = Vec::new();
        for device in fleet.drain(..) {
            tasks.push(tokio::task::spawn(device.reconnect()));
        }
        let mut traffic = Traffic::default();
        for task in tasks {
            traffic = traffic.and(task.await.expect("a device is done"));
        }
        traffic
    });
    let wall = clock.elapsed();
    let after = server.usage();
    server.stop();
    let total = (devices * jobs) as f64;
    Figures {
        engine: "towline",
        size: (devices, jobs),
        durable: true,
        jobs_per_second: total / wall.as_secs_f64(),
        cpu_ms_per_job: millis(after.cpu - before.cpu) / total,
        bytes_per_job: traffic.bytes() as f64 / total,
        messages_per_job: traffic.messages as f64 / total,
        peak_mb: after.peak_mb,
    }
}

/// A phone with 200 jobs comes back and nothing has changed.
pub fn idle() {
    let mut server = Child::start(1, 200);
    let traffic = runtime().block_on(async {
        let mut device = Device::log_in(server.address, &server.audience, 0).await;
        device.first_sync().await;
        device.idle().await
    });
    server.stop();
    println!("\nidle reconnect of 200 unchanged jobs");
    let Traffic { messages, up, down } = traffic;
    println!("  round trips              {:>10}", messages / 2);
    println!("  bytes of body            {:>10} up {up} down {down}", traffic.bytes());
}

/// The devices live on one thread: the server needs the machine more.
pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// Milliseconds with their fraction.
pub fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
