//! A phone killed with -9 while it saves: what it called saved is there, and reaches the server.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use mobile_ffi::{Engine, Options, SyncEnd, WalkUp};
use sync_core::id::JobId;
use sync_core::schema::section;

use crate::office::{Office, Wire, over_both};

/// Set for the process that plays the phone: path of its store.
const STORE: &str = "TOWLINE_E2E_PHONE_STORE";
const KILLS: usize = 5;

over_both!(what_a_killed_phone_called_saved_reaches_the_server_once);

fn what_a_killed_phone_called_saved_reaches_the_server_once(wire: Wire) {
    let office = Office::open();
    let user = office.technician("bo");
    let phone = office.phone(user, wire);
    let path = phone.engine.path().to_owned();
    drop(phone);
    let mut said: Vec<(JobId, String)> = Vec::new();
    for kill in 0..KILLS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["killed_phone::the_phone_as_a_process", "--exact", "--nocapture"])
            .env(STORE, &path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // A different number each time, so that the kill falls on different moments of saving.
        let wanted = 7 + 5 * kill;
        let mut seen = 0;
        for line in lines {
            let line = line.unwrap();
            let Some(saved) = line.strip_prefix("saved ") else { continue };
            let (job, fact) = saved.split_once(' ').unwrap();
            said.push((job.parse().unwrap(), fact.to_owned()));
            seen += 1;
            if seen == wanted {
                // It goes on saving meanwhile; what it still says is read until its end.
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        assert!(seen >= wanted, "the phone saved only {seen} facts");
    }

    let options = Options { connector: wire.connector(), ..Options::default() };
    let engine = Engine::open(&path, options).unwrap();
    assert_eq!(engine.sync_now().unwrap().end, SyncEnd::UpToDate);
    let log = office.log();
    for (job, fact) in &said {
        let standing = log.facts.iter().filter(|(key, _)| key.id.to_string() == *fact);
        let standing: Vec<_> = standing.collect();
        assert_eq!(standing.len(), 1, "fact {fact}");
        assert_eq!(standing[0].0.doc.job(), Some(*job));
        assert_eq!(standing[0].1.len(), 1, "fact {fact} was taken twice");
    }
}

/// Not a test of its own: the process that is killed. Saves notes until someone ends it.
#[test]
fn the_phone_as_a_process() {
    let Some(path) = std::env::var_os(STORE) else { return };
    let engine = Engine::open(path, Options::default()).unwrap();
    let job = engine.walk_up(WalkUp::default()).unwrap();
    let opened = engine.document(job.into()).unwrap();
    let opened = opened.facts(&section::STATUS).next().unwrap().id;
    println!("saved {job} {opened}");
    loop {
        let fact = engine.note(job, "Written while someone pulls the battery.").unwrap();
        println!("saved {job} {fact}");
    }
}
