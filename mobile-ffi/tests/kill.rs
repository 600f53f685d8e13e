//! Kill -9 at any point while saving: nothing that was called saved is missing afterwards.

#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use mobile_ffi::{Engine, Options, PartUsed};
use support::{Enroller, Folder, with_job};
use sync_core::id::FactId;

const STORE: &str = "TOWLINE_TEST_STORE";
const ROUNDS: u64 = 25;

/// The process that is killed: saves and says so, for ever. Does nothing unless it is asked to.
#[test]
fn child_that_saves_until_it_is_killed() {
    let Ok(path) = std::env::var(STORE) else { return };
    let engine = Engine::open(path, Options::default()).unwrap();
    let (job, _) = engine.jobs().unwrap()[0].clone();
    let mut out = std::io::stdout();
    for n in 0.. {
        let part = PartUsed { part_no: format!("P-{n}"), quantity: 1000, ..PartUsed::default() };
        let id = match n % 2 {
            0 => engine.note(job, "still here").unwrap(),
            _ => engine.use_part(job, part).unwrap(),
        };
        // One write a line: what the parent reads was saved before.
        out.write_all(format!("saved {id}\n").as_bytes()).unwrap();
        out.flush().unwrap();
    }
}

#[test]
fn what_was_called_saved_survives_kill_nine_at_any_point() {
    let folder = Folder::new("kill");
    let path = folder.file("phone.db");
    let (engine, job) = with_job(&path, Enroller::of_technician(1).options());
    drop(engine);
    let mut said = BTreeSet::new();
    for _ in 0..ROUNDS {
        said.extend(round(&path));
        let engine = Engine::open(&path, Options::default()).unwrap();
        let facts = engine.saved_facts().unwrap();
        let there: BTreeSet<FactId> = facts.iter().map(|(_, fact)| *fact).collect();
        let missing: Vec<_> = said.difference(&there).collect();
        assert!(missing.is_empty(), "called saved and gone: {missing:?}");
        // At most the one save under way when the process died is there unsaid.
        engine.job(job).unwrap();
    }
    assert!(said.len() > ROUNDS as usize, "too little was saved to prove anything");
}

/// Runs the child until it has said a random number of saves, then kills it at once.
fn round(path: &std::path::Path) -> BTreeSet<FactId> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child_that_saves_until_it_is_killed", "--nocapture"])
        .env(STORE, path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let wanted = 1 + support::random() % 12;
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut said = BTreeSet::new();
    let mut take = |line: &str| {
        // The harness may print on the same line before the first save.
        let id: Option<FactId> = line.rsplit_once("saved ").and_then(|(_, id)| id.parse().ok());
        said.extend(id);
        said.len() as u64
    };
    for line in lines.by_ref() {
        if take(&line.unwrap()) >= wanted {
            break;
        }
    }
    child.kill().unwrap();
    for line in lines.map_while(Result::ok) {
        take(&line);
    }
    child.wait().unwrap();
    said
}
