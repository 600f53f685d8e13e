//! A real phone engine after thirty days without coverage, over a narrow link.

use std::time::{Duration, Instant};

use mobile_ffi::{Engine, EngineError, Options, StepDetails, WalkUp};
use serde_json::json;
use sync_core::job::Step;
use tests::rest::Rest;

use crate::narrow::Narrow;
use crate::process::Child;
use crate::server::{ADMIN, PASSWORD, TENANT};

/// Notes on each job besides its five steps.
const NOTES: u64 = 21;

/// Works, syncs, prints.
pub fn run(jobs: u64) {
    let mut server = Child::start(1, 0);
    let folder = std::env::temp_dir().join(format!("towline-long-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for the phone");
    let link = Narrow { bits_per_second: 1_000_000, round_trip: Duration::from_millis(300) };
    let narrow = link.before(server.address);
    let outcome = offline_and_back(&server, &folder.join("phone.db"), narrow.to_string(), jobs);
    server.stop();
    let _ = std::fs::remove_dir_all(&folder);
    outcome.expect("the phone works and syncs");
}

fn offline_and_back(
    server: &Child,
    path: &std::path::Path,
    narrow: String,
    jobs: u64,
) -> Result<(), Box<dyn std::error::Error>> {
    let url = format!("http://{}", server.address);
    let admin = Rest::log_in(&url, TENANT, ADMIN, PASSWORD)?;
    let made = json!({"login": "valley", "name": "Valley", "role": "technician"});
    let user = admin.post("/v1/users", &made)?.text("id")?;
    let code = admin.post("/v1/devices/codes", &json!({"user": user}))?.text("code")?;
    let engine = Engine::open(path, Options { walk_ups_a_day: usize::MAX, ..Options::default() })?;
    let enrolled = engine.enrol(&format!("http://{narrow}"), &code, "long")?;
    let confirm = format!("/v1/devices/{}/confirm", enrolled.device);
    admin.post(&confirm, &json!({"digits": enrolled.digits}))?;
    engine.sync_now()?;
    let worked = Instant::now();
    for job in 0..jobs {
        work(&engine, job)?;
    }
    let waiting = engine.status()?.waiting;
    println!(
        "{waiting} changes on {jobs} jobs saved offline in {:.1} s",
        worked.elapsed().as_secs_f64()
    );
    let began = Instant::now();
    let report = engine.sync_now()?;
    let took = began.elapsed();
    println!("synced over 1 Mbit/s and 300 ms: {:?}", report.end);
    println!("  durable verdicts         {:>10} of {waiting}", report.durable);
    println!("  time                     {:>10.1} s", took.as_secs_f64());
    println!("  round trips              {:>10}", report.round_trips);
    println!(
        "  bytes of frames          {:>10} up {} down {}",
        report.bytes_up + report.bytes_down,
        report.bytes_up,
        report.bytes_down
    );
    let line = (report.bytes_up * 8) as f64 / 1e6 + 0.3 * report.round_trips as f64;
    println!("  the line alone takes     {line:>10.1} s");
    Ok(())
}

fn work(engine: &Engine, job: u64) -> Result<(), EngineError> {
    let seen = WalkUp { plate: Some(format!("AB-{job:04}")), ..WalkUp::default() };
    let id = engine.walk_up(seen)?;
    for step in [Step::EnRoute, Step::OnScene, Step::Working, Step::Completed] {
        engine.step(id, step, StepDetails::default())?;
    }
    for note in 0..NOTES {
        engine
            .note(id, &format!("wheel {note} of job {job} tightened to {} Nm", 90 + note % 40))?;
    }
    Ok(())
}
