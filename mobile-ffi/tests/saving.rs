//! What *saved* promises: it is there after a restart, in a copy, and on a full disk.

#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use mobile_ffi::{
    Engine, EngineError, EnrolmentStatus, Event, Listener, Options, SpaceLimits, StepDetails,
};
use support::{CODE, Enroller, Folder, with_job};
use sync_core::id::{ActorId, JobId};
use sync_core::job::{State, Step};

#[test]
fn work_is_there_after_reopening_and_waits() {
    let folder = Folder::new("reopen");
    let path = folder.file("phone.db");
    let server = Enroller::of_technician(1);
    let (engine, job) = with_job(&path, server.options());
    engine.step(job, Step::OnScene, StepDetails::default()).unwrap();
    let note = engine.note(job, "the bolt is rusted").unwrap();
    let before = engine.job(job).unwrap();
    drop(engine);

    let engine = Engine::open(&path, server.options()).unwrap();
    assert_eq!(engine.job(job).unwrap(), before);
    assert_eq!(engine.status().unwrap().waiting, 3);
    assert!(engine.saved_facts().unwrap().contains(&(job.into(), note)));
    let jobs = engine.jobs().unwrap();
    assert_eq!(jobs.len(), 1);
    assert_eq!((jobs[0].0, jobs[0].1.state), (job, State::OnScene));
    assert_eq!(jobs[0].1.plate.as_deref(), Some("ABC-1234"));
}

#[test]
fn nothing_is_recorded_before_enrolment() {
    let folder = Folder::new("stranger");
    let engine = Engine::open(folder.file("phone.db"), Options::default()).unwrap();
    assert_eq!(engine.enrolment(), EnrolmentStatus::Never);
    let refused = engine.walk_up(mobile_ffi::WalkUp::default()).unwrap_err();
    assert!(matches!(refused, EngineError::NotEnrolled));
    assert!(matches!(engine.ready_to_record(), Err(EngineError::NotEnrolled)));
    assert!(matches!(engine.sync_now(), Err(EngineError::NotEnrolled)));
}

#[test]
fn bad_input_is_refused_with_the_field_and_leaves_nothing() {
    let folder = Folder::new("input");
    let (engine, job) = with_job(&folder.file("phone.db"), Enroller::of_technician(1).options());
    let code = |error: EngineError| match error {
        EngineError::Invalid { code, field, .. } => (code, field),
        other => (other.code().to_owned(), ""),
    };
    let field = |result: Result<_, EngineError>| code(result.unwrap_err());
    assert_eq!(field(engine.vin(job, "IOQ")), ("vin_letter".to_owned(), "vin"));
    assert_eq!(field(engine.note(job, "  ")), ("missing".to_owned(), "text"));
    assert_eq!(field(engine.odometer(job, -1)), ("negative".to_owned(), "odometer"));
    let seen = mobile_ffi::WalkUp { phone: Some("110".to_owned()), ..Default::default() };
    assert_eq!(code(engine.walk_up(seen).unwrap_err()), ("phone_malformed".to_owned(), "phone"));
    let off_earth = mobile_ffi::Place::from_degrees(f64::NAN, 500.0, None);
    let details = StepDetails { place: Some(off_earth), ..StepDetails::default() };
    let refused = field(engine.step(job, Step::EnRoute, details));
    assert_eq!(refused, ("place_out_of_range".to_owned(), "place"));
    let unknown = JobId::new(1, [9; 10]);
    assert_eq!(field(engine.note(unknown, "lost")).0, "not_found");
    let refused = field(engine.step(job, Step::Unsuccessful, StepDetails::default()));
    assert_eq!(refused.0, "reason_missing");
    assert_eq!(engine.status().unwrap().waiting, 1);
}

#[test]
fn a_vin_is_taken_and_refused_by_the_rule_of_the_desk() {
    let folder = Folder::new("vin");
    let (engine, job) = with_job(&folder.file("phone.db"), Enroller::of_technician(1).options());
    let refused = |vin| match engine.vin(job, vin).unwrap_err() {
        EngineError::Invalid { code, sentence, field } => (code, sentence, field),
        other => panic!("{other:?}"),
    };
    let (code, _, field) = refused("1M8GDM9A1KP042788");
    assert_eq!((code.as_str(), field), ("vin_check_digit", "vin"));
    for vin in ["1M8GDM9A1KP042788", "1M8GDM9AXKPO42788", "1M8GDM9AXKP04278", "", "１２３"] {
        let error = sync_core::check::vin(vin).unwrap_err();
        assert_eq!(refused(vin), (error.code.to_owned(), error.sentence, error.field));
    }
    assert_eq!(engine.status().unwrap().waiting, 1, "nothing of it is saved");
    // As scanners write it, and from where the ninth position is the maker's own.
    for (typed, read) in [
        ("1M8GDM9AXKP042788", "1M8GDM9AXKP042788"),
        (" 1m8gdm9a xkp-042788 ", "1M8GDM9AXKP042788"),
        ("WVWZZZ1JZXW000001", "WVWZZZ1JZXW000001"),
    ] {
        engine.vin(job, typed).unwrap();
        assert_eq!(engine.job(job).unwrap().observed.vin.as_deref(), Some(read));
    }
}

#[test]
fn a_step_is_not_recorded_twice_nor_after_the_end_nor_for_two_jobs_at_once() {
    let folder = Folder::new("steps");
    let (engine, job) = with_job(&folder.file("phone.db"), Enroller::of_technician(1).options());
    let other = engine.walk_up(mobile_ffi::WalkUp::default()).unwrap();
    let step = |job, step| engine.step(job, step, StepDetails::default());
    let code = |result: Result<_, EngineError>| result.unwrap_err().code().to_owned();
    step(job, Step::EnRoute).unwrap();
    assert_eq!(code(step(job, Step::EnRoute)), "step_recorded");
    assert_eq!(code(step(other, Step::EnRoute)), "another_job_active");
    step(job, Step::Completed).unwrap();
    assert_eq!(code(step(job, Step::OnScene)), "job_over");
    step(other, Step::EnRoute).unwrap();
}

#[test]
fn who_found_nobody_sets_off_for_the_next_job_before_the_office_decides() {
    let folder = Folder::new("claim");
    let (engine, job) = with_job(&folder.file("phone.db"), Enroller::of_technician(1).options());
    let other = engine.walk_up(mobile_ffi::WalkUp::default()).unwrap();
    let step = |job, step| engine.step(job, step, StepDetails::default());
    step(job, Step::EnRoute).unwrap();
    step(job, Step::OnScene).unwrap();
    step(job, Step::Goa).unwrap();
    step(other, Step::EnRoute).unwrap();
}

#[test]
fn a_copy_without_its_secret_writes_the_same_facts_under_a_fresh_actor() {
    let folder = Folder::new("copy");
    let (path, copy) = (folder.file("phone.db"), folder.file("restored.db"));
    let server = Enroller::of_technician(1);
    let (engine, job) = with_job(&path, server.options());
    engine.note(job, "before the backup").unwrap();
    let facts = engine.saved_facts().unwrap();
    let actors = actors(&engine, job);
    drop(engine);
    std::fs::copy(&path, &copy).unwrap();

    let restored = Engine::open(&copy, server.options()).unwrap();
    assert_eq!(restored.saved_facts().unwrap(), facts);
    assert!(self::actors(&restored, job).is_disjoint(&actors));
    assert!(matches!(restored.enrolment(), EnrolmentStatus::KeyMissing { .. }));
    restored.note(job, "work goes on").unwrap();
    assert!(matches!(restored.sync_now(), Err(EngineError::NotEnrolled)));

    restored.enrol("http://towline.example", CODE, "new phone").unwrap();
    assert_eq!(restored.status().unwrap().waiting, 3);
    assert!(!restored.status().unwrap().needs_enrolment);
    let original = Engine::open(&path, server.options()).unwrap();
    assert_eq!(self::actors(&original, job), actors, "the original keeps its actor");
}

#[test]
fn a_phone_with_unsent_work_is_not_given_to_another_technician() {
    let folder = Folder::new("other-user");
    let path = folder.file("phone.db");
    let (engine, job) = with_job(&path, Enroller::of_technician(1).options());
    drop(engine);
    let engine = Engine::open(&path, Enroller::of_technician(2).options()).unwrap();
    let refused = engine.enrol("http://towline.example", CODE, "phone").unwrap_err();
    assert!(matches!(refused, EngineError::OtherUser));
    assert!(engine.job(job).is_ok());
}

#[test]
fn a_full_disk_is_said_and_keeps_everything_that_was_called_saved() {
    let folder = Folder::new("full");
    let path = folder.file("phone.db");
    let server = Enroller::of_technician(1);
    let limited = |max| Options {
        space: SpaceLimits { max_store_bytes: max, ..SpaceLimits::default() },
        ..server.options()
    };
    let (engine, job) = with_job(&path, limited(Some(400 * 1024)));
    assert!(engine.ready_to_record().is_ok());
    let text = "x".repeat(8 * 1024);
    let mut saved = BTreeSet::new();
    let error = loop {
        match engine.note(job, &text) {
            Ok(fact) => saved.insert(fact),
            Err(error) => break error,
        };
    };
    assert!(matches!(error, EngineError::DiskFull), "{error}");
    assert!(saved.len() > 10);
    let status = engine.status().unwrap();
    assert!(status.disk_full && status.disk_low);
    assert!(matches!(engine.ready_to_record(), Err(EngineError::DiskFull)));
    assert_eq!(engine.job(job).unwrap().notes.len(), saved.len(), "the failed note left no trace");
    drop(engine);

    let engine = Engine::open(&path, limited(None)).unwrap();
    let there: BTreeSet<_> = engine.saved_facts().unwrap().into_iter().map(|(_, f)| f).collect();
    assert!(there.is_superset(&saved));
    engine.note(job, "there is room again").unwrap();
}

#[test]
fn a_watcher_hears_of_saved_work_until_it_is_dropped_and_may_call_the_engine() {
    struct Heard(Engine, Mutex<Vec<(Event, u64)>>);
    impl Listener for Heard {
        fn changed(&self, event: Event) {
            let waiting = self.0.status().unwrap().waiting;
            self.1.lock().unwrap().push((event, waiting));
        }
    }
    let folder = Folder::new("watch");
    let (engine, job) = with_job(&folder.file("phone.db"), Enroller::of_technician(1).options());
    let heard = Arc::new(Heard(engine.clone(), Mutex::default()));
    let watch = engine.watch(heard.clone());
    engine.note(job, "one").unwrap();
    drop(watch);
    engine.note(job, "two").unwrap();
    let heard = heard.1.lock().unwrap();
    assert_eq!(heard.len(), 1);
    assert_eq!((heard[0].0.jobs.as_slice(), heard[0].1), ([job].as_slice(), 2));
}

fn actors(engine: &Engine, job: JobId) -> BTreeSet<ActorId> {
    let document = engine.document(job.into()).unwrap();
    document.changes().iter().map(|(change, _)| change.actor).collect()
}
