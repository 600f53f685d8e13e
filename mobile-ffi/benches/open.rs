//! Opening a phone's store of 200 jobs and listing them; prints milliseconds.
//!
//! `cargo bench -p mobile-ffi --bench open`

#[path = "../tests/support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use mobile_ffi::{Engine, EngineError, StepDetails, WalkUp};
use support::{CODE, Enroller, Folder};
use sync_core::job::Step;

const JOBS: usize = 200;
const NOTES: usize = 10;
const OPENINGS: usize = 20;

fn main() -> Result<(), EngineError> {
    let folder = Folder::new("bench-open");
    let path = folder.file("phone.db");
    // One morning's jobs here are those of many days elsewhere.
    let mut options = Enroller::of_technician(1).options();
    options.walk_ups_a_day = JOBS;
    let engine = Engine::open(&path, options.clone())?;
    engine.enrol("http://towline.example", CODE, "bench")?;
    let started = Instant::now();
    let mut saves = 1u32;
    for n in 0..JOBS {
        let seen = WalkUp { plate: Some(format!("AB-{n:04}")), ..WalkUp::default() };
        let job = engine.walk_up(seen)?;
        for step in [Step::EnRoute, Step::OnScene, Step::Working, Step::Completed] {
            engine.step(job, step, StepDetails::default())?;
        }
        for note in 0..NOTES {
            engine.note(job, &format!("note {note} of a working day"))?;
        }
        saves += 5 + NOTES as u32;
    }
    let save = started.elapsed() / saves;
    drop(engine);
    let mut opened = Vec::with_capacity(OPENINGS);
    let mut listed = Vec::with_capacity(OPENINGS);
    for _ in 0..OPENINGS {
        let started = Instant::now();
        let engine = Engine::open(&path, options.clone())?;
        opened.push(started.elapsed());
        let jobs = engine.jobs()?.len();
        listed.push(started.elapsed());
        assert_eq!(jobs, JOBS);
    }
    let size = std::fs::metadata(&path)?.len() / 1024;
    println!("store of {JOBS} jobs, {saves} changes: {size} KiB");
    println!("save, committed and on disk: {:.2} ms each", millis(save));
    println!("open: {:.2} ms (median of {OPENINGS})", millis(median(opened)));
    println!("open and list every job: {:.2} ms (median of {OPENINGS})", millis(median(listed)));
    Ok(())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
