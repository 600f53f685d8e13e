//! A store that is damaged at any page: what is whole is found, checked and signed, and the file stays as it is.

#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mobile_ffi::Engine;
use mobile_ffi::rescue::{Found, Rescued};
use support::{Enroller, Folder, note_somewhere, with_job};
use sync_core::sync::{Sent, decode_request};

const PAGE: usize = 4096;
const NOTES: usize = 120;

/// Numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap()
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| u8::try_from(self.next() & 0xff).unwrap()).collect()
    }
}

/// A store with work on several jobs that nobody has sent, closed in good order.
fn store(folder: &Folder, long: bool) -> PathBuf {
    let path = folder.file("phone.db");
    let (engine, job) = with_job(&path, Enroller::of_technician(1).options());
    let mut jobs = vec![job];
    for n in 0..NOTES {
        let text = if long && n % 9 == 0 { "long ".repeat(2000) } else { format!("note {n}") };
        note_somewhere(&engine, &mut jobs, &text).unwrap();
        if n % 15 == 14 {
            jobs.push(engine.walk_up(mobile_ffi::WalkUp::default()).unwrap());
        }
    }
    drop(engine);
    path
}

/// Changes that were found and that nobody has sent.
fn found(rescued: &Rescued) -> u64 {
    rescued.documents.values().map(|found| found.saved + found.unchecked).sum()
}

fn read(bytes: &[u8], folder: &Folder) -> Rescued {
    let path = folder.file("damaged.db");
    std::fs::write(&path, bytes).unwrap();
    let rescued = Rescued::read(&path).unwrap();
    assert!(std::fs::read(&path).unwrap() == bytes, "the file is only read");
    rescued
}

/// The changes of a submission, each by its document, writer and number.
fn signed(rescued: &Rescued, secret: &Path, unchecked: bool) -> BTreeSet<String> {
    let submission = rescued.submission(&std::fs::read(secret).unwrap(), unchecked).unwrap();
    let json: serde_json::Value = serde_json::from_str(&submission.to_json()).unwrap();
    let mut changes = BTreeSet::new();
    for frame in json["frames"].as_array().unwrap() {
        let frame = URL_SAFE_NO_PAD.decode(frame.as_str().unwrap()).unwrap();
        let request = decode_request(&frame).unwrap();
        assert!(request.signature.is_some());
        for run in request.runs.iter().map(Sent::run) {
            changes.extend(run.changes.iter().map(|change| format!("{:?} {change:?}", run.doc)));
        }
    }
    changes
}

#[test]
fn a_page_that_is_destroyed_takes_the_rows_on_it_and_no_other() {
    let folder = Folder::new("rescue");
    let path = store(&folder, false);
    let whole = std::fs::read(&path).unwrap();
    let all = found(&read(&whole, &folder));
    assert_eq!(
        all,
        signed(&read(&whole, &folder), &folder.file("phone.db.secret"), false).len() as u64
    );
    assert!(all > NOTES as u64);
    let mut dice = Dice(1);
    let pages = whole.len() / PAGE;
    assert!(pages > 10, "{pages}");
    for zeroed in [true, false] {
        let mut lost = 0;
        for page in 0..pages {
            let mut damaged = whole.clone();
            let fill = if zeroed { vec![0; PAGE] } else { dice.bytes(PAGE) };
            damaged[page * PAGE..(page + 1) * PAGE].copy_from_slice(&fill);
            lost += all - found(&read(&damaged, &folder));
        }
        // Each row stands on one page.
        assert_eq!(lost, all, "zeroed: {zeroed}");
    }
}

#[test]
fn long_work_that_goes_over_several_pages_is_found_whole() {
    let folder = Folder::new("rescue-long");
    let path = store(&folder, true);
    let whole = std::fs::read(&path).unwrap();
    let before = read(&whole, &folder);
    let mut damaged = whole.clone();
    damaged[..PAGE].fill(0);
    let after = read(&damaged, &folder);
    assert!(after.damaged_pages.contains(&1));
    let secret = folder.file("phone.db.secret");
    assert_eq!(signed(&after, &secret, false), signed(&before, &secret, false));
    damaged = whole.clone();
    damaged[..100].fill(0);
    assert_eq!(signed(&read(&damaged, &folder), &secret, false), signed(&before, &secret, false));
}

#[test]
fn the_header_of_a_page_takes_no_row_with_it() {
    let folder = Folder::new("rescue-head");
    let path = store(&folder, false);
    let whole = std::fs::read(&path).unwrap();
    let all = found(&read(&whole, &folder));
    for page in 1..whole.len() / PAGE {
        let mut damaged = whole.clone();
        damaged[page * PAGE..page * PAGE + 64].fill(0);
        assert_eq!(found(&read(&damaged, &folder)), all, "page {}", page + 1);
    }
}

#[test]
fn of_a_truncated_file_what_is_left_is_found() {
    let folder = Folder::new("rescue-short");
    let path = store(&folder, true);
    let whole = std::fs::read(&path).unwrap();
    let mut dice = Dice(2);
    let mut cuts: Vec<usize> = (0..40).map(|_| dice.next() % whole.len()).collect();
    cuts.extend([0, 1, 99, 100, PAGE, whole.len()]);
    cuts.sort_unstable();
    let counts: Vec<u64> = cuts.iter().map(|cut| found(&read(&whole[..*cut], &folder))).collect();
    assert!(counts.is_sorted(), "more of the file holds no less: {counts:?}");
    assert_eq!(counts.last().copied(), Some(found(&read(&whole, &folder))));
}

#[test]
fn what_was_changed_by_damage_is_never_signed_as_checked() {
    let folder = Folder::new("rescue-flips");
    let path = store(&folder, true);
    let whole = std::fs::read(&path).unwrap();
    let secret = folder.file("phone.db.secret");
    let real = signed(&read(&whole, &folder), &secret, false);
    let mut dice = Dice(3);
    for round in 0..300 {
        let mut damaged = whole.clone();
        for _ in 0..1 + round % 60 {
            let at = dice.next() % damaged.len();
            damaged[at] = u8::try_from(dice.next() & 0xff).unwrap();
        }
        let rescued = read(&damaged, &folder);
        // Where the identity is damaged too nothing is signed.
        let key = std::fs::read(&secret).unwrap();
        if rescued.submission(&key, false).is_ok() {
            assert!(signed(&rescued, &secret, false).is_subset(&real), "round {round}");
        }
    }
}

#[test]
fn what_a_phone_that_died_had_in_its_log_is_found_also_where_that_is_damaged() {
    let folder = Folder::new("rescue-log");
    let path = folder.file("phone.db");
    let (engine, job) = with_job(&path, Enroller::of_technician(1).options());
    for n in 0..20 {
        engine.note(job, &format!("note {n}")).unwrap();
    }
    let at = folder.file("dead.db");
    let log = folder.file("dead.db-wal");
    std::fs::copy(&path, &at).unwrap();
    std::fs::copy(folder.file("phone.db-wal"), &log).unwrap();
    drop(engine);
    let rescued = Rescued::read(&at).unwrap();
    assert_eq!(found(&rescued), 21);
    assert!(rescued.damaged_pages.is_empty());
    let whole = std::fs::read(&log).unwrap();
    // The last frame is torn off, as when power is lost: what was committed before is there.
    std::fs::write(&log, &whole[..whole.len() - 100]).unwrap();
    assert!(found(&Rescued::read(&at).unwrap()) >= 20);
    // Without the file itself the log alone still says it.
    std::fs::write(&log, &whole).unwrap();
    std::fs::write(&at, []).unwrap();
    assert_eq!(found(&Rescued::read(&at).unwrap()), 21);
    // A log whose beginning is gone says nothing for certain, and its pages still hold the rows.
    let mut spoilt = whole.clone();
    spoilt[..32].fill(0);
    std::fs::write(&log, &spoilt).unwrap();
    assert_eq!(found(&Rescued::read(&at).unwrap()), 21);
    assert!(std::fs::read(&log).unwrap() == spoilt, "it is only read");
    std::fs::remove_file(&log).unwrap();
    assert!(Rescued::read(&at).unwrap().is_empty());
    assert!(Rescued::read(&folder.file("nothing.db")).is_err());
}

/// Size of a log's head, and of what stands before each of its pages.
const LOG: (usize, usize) = (32, 24);

/// The first bytes of each frame of a log that ends a transaction.
fn ends(log: &[u8]) -> Vec<usize> {
    let frames = (LOG.0..log.len()).step_by(LOG.1 + PAGE);
    frames.filter(|at| log[at + 4..at + 8] != [0; 4]).collect()
}

#[test]
fn work_behind_a_damaged_place_of_the_log_is_found() {
    let folder = Folder::new("rescue-behind");
    let path = folder.file("phone.db");
    let (engine, job) = with_job(&path, Enroller::of_technician(1).options());
    // Closed in good order, the tables are whole without the log.
    drop(engine);
    let engine = Engine::open(&path, Enroller::of_technician(1).options()).unwrap();
    for n in 0..20 {
        engine.note(job, &format!("note {n}")).unwrap();
    }
    let (at, log) = (folder.file("dead.db"), folder.file("dead.db-wal"));
    std::fs::copy(&path, &at).unwrap();
    let whole = std::fs::read(folder.file("phone.db-wal")).unwrap();
    let found_in = |bytes: &[u8]| {
        std::fs::write(&log, bytes).unwrap();
        found(&Rescued::read(&at).unwrap())
    };
    assert_eq!(found_in(&whole), 21);
    let ends = ends(&whole);
    assert!(ends.len() >= 20, "{}", ends.len());
    for end in &ends[..ends.len() - 1] {
        // In what stands before the page: the sum, or all of it.
        for (from, to) in [(16, 24), (0, 24)] {
            let mut damaged = whole.clone();
            damaged[end + from..end + to].fill(0x55);
            assert_eq!(found_in(&damaged), 21, "at {end}");
        }
    }
    let mut headless = whole.clone();
    headless[24..32].fill(0);
    assert_eq!(found_in(&headless), 21);
}

#[test]
fn a_last_transaction_that_was_not_written_to_its_end_never_was() {
    let folder = Folder::new("rescue-torn");
    let path = folder.file("phone.db");
    let (engine, job) = with_job(&path, Enroller::of_technician(1).options());
    engine.note(job, "saved").unwrap();
    let before = std::fs::read(folder.file("phone.db-wal")).unwrap().len();
    engine.note(job, "never said to be saved").unwrap();
    let (at, log) = (folder.file("dead.db"), folder.file("dead.db-wal"));
    std::fs::copy(&path, &at).unwrap();
    let mut torn = std::fs::read(folder.file("phone.db-wal")).unwrap();
    assert!(torn.len() > before && ends(&torn[..before]).len() + 1 == ends(&torn).len());
    // Its first frame is not what its sum says: the phone goes on from what was before, and so does this.
    torn[before + LOG.1..before + LOG.1 + 512].fill(0);
    std::fs::write(&log, &torn).unwrap();
    assert_eq!(found(&Rescued::read(&at).unwrap()), 2);
}

#[test]
fn of_each_document_it_says_what_is_saved_and_what_is_missing() {
    let folder = Folder::new("rescue-tell");
    let path = folder.file("phone.db");
    let (engine, job) = with_job(&path, Enroller::of_technician(1).options());
    for n in 0..5 {
        engine.note(job, &format!("note {n}")).unwrap();
    }
    drop(engine);
    let db = rusqlite::Connection::open(&path).unwrap();
    // As if the row in the middle had stood on a page of its own.
    db.execute("DELETE FROM runs WHERE n = (SELECT MIN(n) + 2 FROM runs)", []).unwrap();
    drop(db);
    let rescued = Rescued::read(&path).unwrap();
    let told = rescued.documents[&job.into()].clone();
    assert_eq!(told, Found { saved: 2, unchecked: 3, missing: 1, ..Found::default() });
    let secret = folder.file("phone.db.secret");
    assert_eq!(signed(&rescued, &secret, false).len(), 2);
    assert_eq!(signed(&rescued, &secret, true).len(), 5);
    let strange = rescued.submission(&[7; 48], false).unwrap_err();
    assert!(strange.to_string().contains("another phone"), "{strange}");
    assert!(rescued.submission(b"", false).is_err());
}
