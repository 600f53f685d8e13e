//! What is saved stays saved: beside listeners that panic, other engines, and input that is no number.

#![allow(clippy::unwrap_used)]

mod support;

use std::sync::Arc;

use mobile_ffi::{Engine, EngineError, Event, Listener, Options, Place, WalkUp};
use support::{Enroller, Folder, with_job};

struct Panics;

impl Listener for Panics {
    fn changed(&self, _: Event) {
        panic!("a fault of the app");
    }
}

#[test]
fn a_listener_that_panics_makes_no_verb_fail() {
    let folder = Folder::new("listener");
    let (engine, job) = with_job(&folder.file("p.db"), Enroller::of_technician(1).options());
    let _watch = engine.watch(Arc::new(Panics));
    let note = engine.note(job, "paid 50 in cash").unwrap();
    assert!(engine.saved_facts().unwrap().contains(&(job.into(), note)));
    assert!(engine.sync_now().is_ok());
}

#[test]
fn a_second_engine_is_refused_also_when_the_lock_file_was_deleted() {
    let folder = Folder::new("lock");
    let path = folder.file("p.db");
    let (engine, job) = with_job(&path, Enroller::of_technician(1).options());
    std::fs::remove_file(folder.file("p.db.lock")).unwrap();
    let second = Engine::open(&path, Enroller::of_technician(1).options());
    assert!(matches!(second.err(), Some(EngineError::StoreInUse)));
    let note = engine.note(job, "still at work").unwrap();
    drop(engine);
    let engine = Engine::open(&path, Options::default()).unwrap();
    assert!(engine.saved_facts().unwrap().contains(&(job.into(), note)));
}

#[test]
fn walk_ups_that_were_not_saved_do_not_use_up_the_day() {
    let folder = Folder::new("day");
    let options = Options { walk_ups_a_day: 2, ..Enroller::of_technician(1).options() };
    let (engine, _) = with_job(&folder.file("p.db"), options);
    for _ in 0..5 {
        let seen = WalkUp { phone: Some("1".repeat(65)), ..WalkUp::default() };
        assert_ne!(engine.walk_up(seen).unwrap_err().code(), "quota");
    }
    engine.walk_up(WalkUp::default()).unwrap();
    assert_eq!(engine.walk_up(WalkUp::default()).unwrap_err().code(), "quota");
}

#[test]
fn a_place_that_is_no_number_is_refused() {
    let folder = Folder::new("nan");
    let (engine, _) = with_job(&folder.file("p.db"), Enroller::of_technician(1).options());
    let bad = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
    for place in bad
        .iter()
        .map(|bad| Place::from_degrees(*bad, 121.5, None))
        .chain(bad.iter().map(|bad| Place::from_degrees(25.0, *bad, None)))
        .chain(bad.iter().map(|bad| Place::from_degrees(25.0, 121.5, Some(*bad))))
    {
        let seen = WalkUp { place: Some(place), ..WalkUp::default() };
        assert_eq!(engine.walk_up(seen).unwrap_err().code(), "place_out_of_range", "{place:?}");
    }
}
