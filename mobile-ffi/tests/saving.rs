//! What *saved* promises: it is there after a restart, in a copy, and on a full disk.

#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use mobile_ffi::{
    Clock, Engine, EngineError, EnrolmentStatus, Event, Listener, Options, SpaceLimits,
    StepDetails, Vault,
};
use support::{CODE, Enroller, Folder, note_somewhere, with_job};
use sync_core::id::{ActorId, JobId};
use sync_core::job::{State, Step};
use sync_core::limits::NAMED_TIMES;
use sync_core::schema::{key, section};
use sync_core::value::Record;

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

/// A phone whose wall clock says this.
struct Says(i64);

impl Clock for Says {
    fn wall_ms(&self) -> i64 {
        self.0
    }

    fn up_ms(&self) -> i64 {
        60_000
    }

    fn boot(&self) -> String {
        "one".to_owned()
    }
}

#[test]
fn a_phone_whose_clock_shows_no_time_of_the_calendar_still_saves() {
    for (ms, nearest) in [(-1, 0), (i64::MAX, *NAMED_TIMES.end())] {
        let folder = Folder::new("no-calendar");
        let options = Enroller::of_technician(1).options();
        let options = Options { clock: Arc::new(Says(ms)), ..options };
        let (engine, job) = with_job(&folder.file("phone.db"), options);
        let note = engine.note(job, "the bolt is rusted").unwrap();
        let document = engine.document(job.into()).unwrap();
        let fact = document.fact(&section::NOTES, &note).unwrap();
        assert_eq!(fact.record.get(&key::AT), Some(&nearest.into()));
        // The server time it heard says when it was all the same.
        assert_eq!(engine.job(job).unwrap().notes[0].time.at, 1_790_000_000_000);
    }
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
    assert_eq!(field(engine.vin(job, "1M8\0")), ("control_character".to_owned(), "vin"));
    assert_eq!(field(engine.note(job, "a\u{7}")), ("control_character".to_owned(), "text"));
    assert_eq!(field(engine.note(job, "  ")), ("missing".to_owned(), "text"));
    assert_eq!(field(engine.odometer(job, -1)), ("negative".to_owned(), "odometer"));
    let seen = mobile_ffi::WalkUp { phone: Some("1".repeat(65)), ..Default::default() };
    assert_eq!(code(engine.walk_up(seen).unwrap_err()), ("too_long".to_owned(), "phone"));
    let seen = mobile_ffi::WalkUp { caller: Some("林".repeat(101)), ..Default::default() };
    assert_eq!(code(engine.walk_up(seen).unwrap_err()), ("too_long".to_owned(), "caller"));
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
fn a_vin_no_rule_knows_is_kept_as_said_and_the_job_says_so() {
    let folder = Folder::new("vin");
    let (engine, job) = with_job(&folder.file("phone.db"), Enroller::of_technician(1).options());
    for (typed, read, reason) in [
        ("1M8GDM9AXKP042788", "1M8GDM9AXKP042788", None),
        (" 1m8gdm9a xkp-042788 ", "1M8GDM9AXKP042788", None),
        ("WVWZZZ1JZXW000001", "WVWZZZ1JZXW000001", None),
        ("nze121-3012345", "NZE121-3012345", Some("chassis_number")),
        ("1M8GDM9A1KP042788", "1M8GDM9A1KP042788", Some("vin_check_digit")),
        ("1M8GDM9AXKPO42788", "1M8GDM9AXKPO42788", Some("vin_letter")),
    ] {
        engine.vin(job, typed).unwrap();
        let seen = engine.job(job).unwrap();
        assert_eq!(seen.observed.vin.as_deref(), Some(read));
        let findings: Vec<_> = seen.findings.iter().map(|it| (&*it.field, &*it.reason)).collect();
        assert_eq!(
            findings,
            reason.map(|reason| ("observed.vin", reason)).into_iter().collect::<Vec<_>>()
        );
        assert!(
            seen.findings.iter().all(|it| it.code == "unverified" && it.sentence.contains(read))
        );
    }
}

#[test]
fn what_a_walk_up_says_is_judged_by_the_rules_of_the_desk() {
    let folder = Folder::new("said");
    let (engine, _) = with_job(&folder.file("phone.db"), Enroller::of_technician(1).options());
    let seen = mobile_ffi::WalkUp {
        phone: Some("\u{202a}+39 02 1234 5678\u{202c}".to_owned()),
        plate: Some("b 1234/xyz".to_owned()),
        address: Some("Highway 5\r\nkm\u{a0}12".to_owned()),
        ..Default::default()
    };
    let job = engine.job(engine.walk_up(seen).unwrap()).unwrap();
    assert_eq!(job.intake.phone.as_deref(), Some("+390212345678"));
    assert_eq!(job.intake.plate.as_deref(), Some("b 1234/xyz"));
    assert_eq!(job.intake.address.as_deref(), Some("Highway 5\nkm 12"));
    let findings: Vec<_> = job.findings.iter().map(|it| (&*it.field, &*it.reason)).collect();
    assert_eq!(findings, [("intake.plate", "plate_character")]);
}

#[test]
fn an_unlikely_place_is_taken_once_it_is_confirmed() {
    let folder = Folder::new("place");
    let (engine, _) = with_job(&folder.file("phone.db"), Enroller::of_technician(1).options());
    let walk_up =
        |place| engine.walk_up(mobile_ffi::WalkUp { place: Some(place), ..Default::default() });
    let zero = mobile_ffi::Place::from_degrees(0.0, 0.0, None);
    assert_eq!(walk_up(zero).unwrap_err().code(), "place_zero");
    let job = walk_up(mobile_ffi::Place { as_said: true, ..zero }).unwrap();
    assert_eq!(engine.job(job).unwrap().findings[0].reason, "place_zero");
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

/// Everything a vault was given to keep, the last of which it holds.
#[derive(Default)]
struct Kept(Mutex<Vec<Vec<u8>>>);

impl Vault for Kept {
    fn load(&self) -> std::io::Result<Option<Vec<u8>>> {
        Ok(self.0.lock().unwrap().last().cloned())
    }

    fn keep(&self, secret: &[u8]) -> std::io::Result<()> {
        self.0.lock().unwrap().push(secret.to_vec());
        Ok(())
    }
}

#[test]
fn power_lost_while_a_phone_is_enrolled_again_leaves_the_key_of_its_enrolment() {
    let folder = Folder::new("two-keys");
    let path = folder.file("phone.db");
    let vault = Arc::new(Kept::default());
    let options = |vault: &Arc<Kept>| Options {
        vault: Some(vault.clone()),
        ..Enroller::of_technician(1).options()
    };
    let (engine, _) = with_job(&path, options(&vault));
    drop(engine);
    let key = |vault: &Kept| vault.load().unwrap().unwrap()[16..].to_vec();
    let (before, image) = (key(&vault), std::fs::read(&path).unwrap());
    let had = vault.0.lock().unwrap().len();
    let engine = Engine::open(&path, options(&vault)).unwrap();
    engine.enrol("http://towline.example", CODE, "again").unwrap();
    drop(engine);
    let (after, stored) = (key(&vault), std::fs::read(&path).unwrap());
    assert!(before.len() == 32 && after.len() == 32 && before != after);
    // The first thing kept is what the vault holds before and after the enrolment is stored.
    let between = vault.0.lock().unwrap()[had].clone();
    for (name, store, expected) in [("old", image, before), ("new", stored, after)] {
        let path = folder.file(name);
        std::fs::write(&path, store).unwrap();
        let vault = Arc::new(Kept(Mutex::new(vec![between.clone()])));
        let engine = Engine::open(&path, options(&vault)).unwrap();
        assert!(!engine.status().unwrap().needs_enrolment, "{name}");
        assert!(key(&vault) == expected, "the key of the {name} enrolment");
    }
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
    let (mut saved, mut jobs) = (BTreeSet::new(), vec![job]);
    let error = loop {
        match note_somewhere(&engine, &mut jobs, &text) {
            Ok(fact) => saved.insert(fact),
            Err(error) => break error,
        };
    };
    assert!(matches!(error, EngineError::DiskFull), "{error}");
    assert!(saved.len() > 10);
    let status = engine.status().unwrap();
    assert!(status.disk_full && status.disk_low);
    assert!(matches!(engine.ready_to_record(), Err(EngineError::DiskFull)));
    let noted = jobs.iter().map(|job| engine.job(*job).unwrap().notes.len());
    assert_eq!(noted.sum::<usize>(), saved.len(), "the failed note left no trace");
    drop(engine);

    let engine = Engine::open(&path, limited(None)).unwrap();
    let there: BTreeSet<_> = engine.saved_facts().unwrap().into_iter().map(|(_, f)| f).collect();
    assert!(there.is_superset(&saved));
    note_somewhere(&engine, &mut jobs, "there is room again").unwrap();
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

#[test]
fn a_part_the_catalogue_of_facts_does_not_allow_is_refused_before_it_is_saved() {
    let folder = Folder::new("shape");
    let (engine, job) = with_job(&folder.file("phone.db"), Enroller::of_technician(1).options());
    let part = |currency: &str, tax_rate| mobile_ffi::PartUsed {
        part_no: "A".to_owned(),
        quantity: 1000,
        unit_price: Some(100_000),
        currency: Some(currency.to_owned()),
        tax_rate: Some(tax_rate),
        ..Default::default()
    };
    let taxed = |milli| mobile_ffi::PartUsed {
        tax_rate: None,
        tax_millipercent: Some(milli),
        ..part("USD", 0)
    };
    for (part, code) in [
        (part("USD", 200_000), "tax_out_of_range"),
        (taxed(100_001), "tax_out_of_range"),
        (taxed(-1), "tax_out_of_range"),
        (mobile_ffi::PartUsed { tax_rate: Some(0), ..taxed(0) }, "tax_twice"),
        (mobile_ffi::PartUsed { unit_price: Some(-1), ..part("USD", 0) }, "negative"),
    ] {
        assert_eq!(engine.use_part(job, part).unwrap_err().code(), code);
    }
    for (part, key) in [
        (mobile_ffi::PartUsed { unit_price: Some(i64::MAX), ..part("USD", 500) }, "unit_price"),
        (part("dollars", 500), "currency"),
        (mobile_ffi::PartUsed { quantity: i64::MAX, ..part("USD", 500) }, "quantity"),
    ] {
        match engine.use_part(job, part).unwrap_err() {
            EngineError::Invalid { code, sentence, field } => {
                assert_eq!((code.as_str(), field), ("shape", key));
                assert!(sentence.contains(key), "{sentence}");
            }
            other => panic!("{other:?}"),
        }
    }
    let empty = engine.add_fact(job, section::NOTES, Record::new()).unwrap_err();
    assert_eq!(empty.code(), "shape");
    assert_eq!(engine.status().unwrap().waiting, 1, "nothing of it is saved");
    for currency in ["USD", "usd"] {
        engine.use_part(job, part(currency, 1_000)).unwrap();
    }
    let totals = engine.job(job).unwrap().totals;
    assert_eq!(totals.len(), 1);
    assert_eq!(totals[0].currency, "USD");
    let dear = engine.use_part(job, part("TWD", 1_000)).unwrap_err();
    assert_eq!(dear.code(), "other_currency");
    assert!(dear.to_string().contains("billed in USD"), "{dear}");
    engine.use_part(job, mobile_ffi::PartUsed { unit_price: None, ..part("TWD", 0) }).unwrap();
    engine.use_part(job, taxed(8_875)).unwrap();
    let parts = engine.job(job).unwrap().parts;
    assert_eq!(parts.last().and_then(|part| part.tax_millipercent), Some(8_875));
}

#[test]
fn a_sheet_that_does_not_fit_is_refused_before_the_customer_reads_it() {
    let folder = Folder::new("sheet");
    let (engine, job) = with_job(&folder.file("phone.db"), Enroller::of_technician(1).options());
    let signer = || sync_core::seal::Signer {
        name: "Lin".to_owned(),
        role: "customer".to_owned(),
        language: "en".to_owned(),
        statement: "I agree.".to_owned(),
    };
    let part = || mobile_ffi::PartUsed {
        part_no: "BOLT".to_owned(),
        quantity: 1000,
        ..Default::default()
    };
    for _ in 0..sync_core::seal::SHEET_LINES {
        engine.use_part(job, part()).unwrap();
    }
    engine.seal_prompt(job, signer()).unwrap();
    engine.use_part(job, part()).unwrap();
    let refused = engine.seal_prompt(job, signer()).unwrap_err();
    assert_eq!(refused.code(), "seal_too_many_lines");
    assert!(refused.to_string().contains("one line with its quantity"), "{refused}");
}

#[test]
fn a_photo_of_no_stage_is_saved_as_another() {
    let folder = Folder::new("stage");
    let (engine, job) = with_job(&folder.file("phone.db"), Enroller::of_technician(1).options());
    let media_type = "image/jpeg".to_owned();
    let photo = mobile_ffi::Attachment {
        sha256: [7; 32],
        media_type,
        size: 1,
        stage: Some(" ".to_owned()),
        note: None,
    };
    engine.attach(job, photo).unwrap();
    assert_eq!(engine.job(job).unwrap().attachments[0].stage.as_deref(), Some("other"));
}
