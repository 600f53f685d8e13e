//! A disk that really fills up: warned of before work is typed, survived, and left again.
//!
//! The disk is two megabytes of memory, mounted in a name space of the child's own. Where that
//! is not allowed the test says so loudly; `saving.rs` fills a store by its own limit anywhere.

#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;

use mobile_ffi::{Engine, EngineError, Options, SpaceLimits};
use support::{Enroller, Folder, note_somewhere, with_job};

const DISK: &str = "TOWLINE_TEST_DISK";
const KIB: u64 = 1024;

/// Runs on the small disk. Does nothing unless it is asked to.
#[test]
fn child_that_fills_its_disk() {
    let Ok(disk) = std::env::var(DISK) else { return };
    let disk = PathBuf::from(disk);
    let ballast = disk.join("ballast");
    std::fs::write(&ballast, vec![1; 512 * KIB as usize]).unwrap();
    let options = Options {
        space: SpaceLimits {
            low_bytes: 800 * KIB,
            full_bytes: 400 * KIB,
            reserve_bytes: 128 * KIB,
            max_store_bytes: None,
        },
        ..Enroller::of_technician(1).options()
    };
    let path = disk.join("phone.db");
    let (engine, job) = with_job(&path, options.clone());
    let text = "x".repeat(4 * KIB as usize);
    let (mut saved, mut jobs) = (BTreeSet::new(), vec![job]);
    let (mut low, mut full) = (None, None);
    let error = loop {
        let status = engine.status().unwrap();
        let now = saved.len();
        low = low.or(status.disk_low.then_some(now));
        full = full.or(engine.ready_to_record().is_err().then_some(now));
        match note_somewhere(&engine, &mut jobs, &text) {
            Ok(fact) => saved.insert(fact),
            Err(error) => break error,
        };
    };
    assert!(matches!(error, EngineError::DiskFull), "{error}");
    let (low, full) = (low.unwrap(), full.unwrap());
    assert!(0 < low && low < full, "warned of at {low}, closed at {full}");
    assert!(full < saved.len(), "what was typed by then still found its place");
    let noted = jobs.iter().map(|job| engine.job(*job).unwrap().notes.len());
    assert_eq!(noted.sum::<usize>(), saved.len());

    std::fs::remove_file(&ballast).unwrap();
    saved.insert(note_somewhere(&engine, &mut jobs, "there is room again").unwrap());
    assert!(engine.ready_to_record().is_ok());
    drop(engine);
    let engine = Engine::open(&path, options.clone()).unwrap();
    let there: BTreeSet<_> = engine.saved_facts().unwrap().into_iter().map(|(_, f)| f).collect();
    assert!(there.is_superset(&saved));
    drop(engine);

    // The app starts again on a disk that has filled up: what was saved can be read.
    let fill = std::fs::File::create(disk.join("fill"));
    while fill.as_ref().unwrap().write_all(&[1; 1024]).is_ok() {}
    let engine = Engine::open(&path, options).unwrap();
    let there: BTreeSet<_> = engine.saved_facts().unwrap().into_iter().map(|(_, f)| f).collect();
    assert!(there.is_superset(&saved));
    note_somewhere(&engine, &mut jobs, "typed by the technician").unwrap();
}

#[test]
fn a_disk_that_fills_up_is_warned_of_and_loses_nothing_that_was_called_saved() {
    let folder = Folder::new("disk");
    let disk = folder.file("disk");
    std::fs::create_dir(&disk).unwrap();
    let mount = "mount -t tmpfs -o size=2m towline \"$1\" || exit 77; shift; exec \"$@\"";
    let child = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", mount, "sh"])
        .arg(&disk)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "child_that_fills_its_disk", "--nocapture"])
        .env(DISK, &disk)
        .output();
    let said = |output: &std::process::Output| {
        String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr)
    };
    match child {
        Ok(output) if output.status.success() => assert!(said(&output).contains("1 passed")),
        Ok(output) if output.status.code() == Some(101) => panic!("{}", said(&output)),
        Ok(output) => skipped(&said(&output)),
        Err(error) => skipped(&error.to_string()),
    }
}

/// Straight to the terminal: what a passing test prints is otherwise kept from it.
fn skipped(why: &str) {
    let _ = writeln!(std::io::stderr(), "SKIPPED: no small disk can be mounted here: {why}");
}
