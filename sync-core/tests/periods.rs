//! A van's record rolls over: nothing is lost or counted twice, however late it comes.

#![allow(clippy::expect_used, clippy::unwrap_used)]

mod scene;

use scene::{Hand, NOON, id, user};
use sync_core::admission::record;
use sync_core::change::Entry;
use sync_core::document::{Author, Document, Owner};
use sync_core::id::{ActorId, VanId};
use sync_core::policy::{Principal, Role};
use sync_core::schema::{DocId, Key, key, section};
use sync_core::value::Value;
use sync_core::van::{Stock, carry, lines_beyond, period};

const DAY: i64 = 24 * 3600 * 1000;

fn van() -> VanId {
    VanId::new(NOON, [5; 10])
}

fn server(document: &mut Document, entries: Vec<Entry>) {
    if !entries.is_empty() {
        let (actor, caller) = (ActorId::new(NOON, [99; 10]), Principal::system());
        record(document, actor, NOON, &caller, Author::default(), entries).expect("it fits");
    }
}

/// Closes one record and opens the next, or states in it what came late.
fn roll(closing: &mut Document, next: &mut Document, number: u32, now: i64) {
    let entries = period::open(next, closing, van(), number);
    server(next, entries);
    loop {
        let carried = carry(next, closing, &Stock::of(closing, &[]), now);
        if carried.entries.is_empty() {
            assert_eq!(carried.missing, 0, "a record is closed once its balance is stated");
            break;
        }
        server(next, carried.entries);
    }
    let entries = period::hand_over(next, closing);
    server(next, entries);
    let entries = period::close(closing, period::record_id(van(), number));
    server(closing, entries);
}

fn next_record(number: u32) -> Document {
    Document::new(DocId::from(period::record_id(van(), number)))
}

fn moved(kind: &str, quantity: i64) -> Vec<(Key, Value)> {
    let bin = (key::BIN, "A1".into());
    vec![
        (key::KIND, kind.into()),
        (key::PART_NO, "BATT".into()),
        (key::QUANTITY, quantity.into()),
        bin,
    ]
}

fn counted(quantity: i64) -> Vec<(Key, Value)> {
    moved("", quantity).into_iter().skip(1).collect()
}

/// A manager's desk with a van, ten batteries in it, and the driver's phone.
fn scene() -> (Hand, Hand) {
    let mut desk = Hand::new(van().into(), 100, Role::Manager);
    desk.set(section::DETAILS, key::TECHNICIAN, id(user(1)));
    desk.set(section::DETAILS, key::NAME, "Van 7");
    desk.fact(section::MOVEMENTS, &moved("load", 10_000));
    let mut phone = Hand::phone(van().into(), 1);
    phone.hear(&desk);
    (desk, phone)
}

#[test]
fn the_next_record_goes_on_from_the_balance_with_the_same_driver() {
    let (mut desk, _) = scene();
    let mut next = next_record(1);
    roll(&mut desk.document, &mut next, 1, NOON + DAY);
    assert_eq!(Stock::of(&next, &[]).quantity("BATT"), 10_000);
    assert_eq!(next.field(&section::DETAILS, &key::NAME), Some(&"Van 7".into()));
    assert_eq!(next.field(&section::DETAILS, &key::TECHNICIAN), Some(&id(user(1))));
    assert_eq!(desk.document.field(&section::DETAILS, &key::TECHNICIAN), None);
    assert_eq!((period::van(&next), period::number(&next)), (Some(van()), 1));
    assert!(period::is_closed(&desk.document) && !period::is_closed(&next));
    let before = next.changes().len();
    roll(&mut desk.document, &mut next, 1, NOON + 2 * DAY);
    assert_eq!(next.changes().len(), before, "closing again says nothing new");
}

#[test]
fn what_a_phone_recorded_offline_for_thirty_days_is_counted_once_in_the_next_record() {
    let (mut desk, mut phone) = scene();
    let mut next = next_record(1);
    roll(&mut desk.document, &mut next, 1, NOON + DAY);
    // It knows nothing of the next record, and goes on in the one it has.
    phone.now += 30 * DAY;
    phone.fact(section::MOVEMENTS, &moved("use", 3_000));
    desk.hear(&phone);
    for day in 31..33 {
        roll(&mut desk.document, &mut next, 1, NOON + day * DAY);
        assert_eq!(Stock::of(&next, &[]).quantity("BATT"), 7_000);
    }
    // What is taken back late comes back.
    let late = phone.document.facts(&section::MOVEMENTS).last().unwrap().id;
    phone.fact(section::MOVEMENTS, &[(key::VOIDS, Value::Bytes(late.as_bytes().to_vec()))]);
    desk.hear(&phone);
    // A server whose clock is behind states it all the same.
    roll(&mut desk.document, &mut next, 1, NOON);
    assert_eq!(Stock::of(&next, &[]).quantity("BATT"), 10_000);
}

#[test]
fn a_count_in_the_next_record_stands_and_what_comes_late_is_on_top_as_in_one_record() {
    let (mut desk, mut phone) = scene();
    let mut next = Hand::new(period::record_id(van(), 1).into(), 100, Role::Manager);
    roll(&mut desk.document, &mut next.document, 1, NOON + DAY);
    next.fact(section::COUNTS, &counted(8_000));
    assert_eq!(Stock::of(&next.document, &[]).quantity("BATT"), 8_000);
    phone.fact(section::MOVEMENTS, &moved("use", 1_000));
    desk.hear(&phone);
    roll(&mut desk.document, &mut next.document, 1, NOON + 2 * DAY);
    assert_eq!(Stock::of(&next.document, &[]).quantity("BATT"), 7_000);
}

/// A van that the first technician drove until its record was closed and the next one counted anew,
/// with the phone of the first, which knows neither.
fn closed_and_given_away() -> (Hand, Hand, Hand, sync_core::id::FactId) {
    let (mut desk, mut phone) = scene();
    let known = phone.fact(section::COUNTS, &counted(9_000));
    desk.hear(&phone);
    let mut next = Hand::new(period::record_id(van(), 1).into(), 100, Role::Manager);
    roll(&mut desk.document, &mut next.document, 1, NOON + DAY);
    next.set(section::DETAILS, key::TECHNICIAN, id(user(2)));
    let mut second = Hand::phone(next.document.id(), 2);
    second.hear(&next);
    second.fact(section::COUNTS, &counted(4_000));
    next.hear(&second);
    phone.now += 30 * DAY;
    (desk, next, phone, known)
}

#[test]
fn a_former_drivers_late_count_in_a_closed_record_is_kept_and_sets_nothing() {
    let names =
        |key: Key, fact: sync_core::id::FactId| (key, Value::Bytes(fact.as_bytes().to_vec()));
    for what in ["count", "correction", "taking back", "after the closing"] {
        let (mut desk, mut next, mut phone, known) = closed_and_given_away();
        let record = match what {
            "correction" => [counted(1_000), vec![names(key::CORRECTS, known)]].concat(),
            "taking back" => vec![names(key::VOIDS, known)],
            _ => counted(1_000),
        };
        if what == "after the closing" {
            phone.hear(&desk);
        }
        let fact = phone.fact(section::COUNTS, &record);
        desk.hear(&phone);
        let balance = Stock::of(&desk.document, &[]);
        assert_eq!(balance.quantity("BATT"), 9_000, "{what}");
        let late: Vec<_> = balance.late_counts.iter().map(|it| (it.id, it.quantity)).collect();
        let shown = if what == "taking back" { vec![] } else { vec![(fact, 1_000)] };
        assert_eq!(late, shown, "{what}");
        roll(&mut desk.document, &mut next.document, 1, NOON + 31 * DAY);
        assert_eq!(Stock::of(&next.document, &[]).quantity("BATT"), 4_000, "{what}");
    }
}

#[test]
fn a_former_drivers_late_movement_and_use_still_count_in_the_next_record() {
    let (mut desk, mut next, mut phone, _) = closed_and_given_away();
    phone.fact(section::MOVEMENTS, &moved("unload", 1_000));
    phone.fact(section::MOVEMENTS, &moved("use", 500));
    desk.hear(&phone);
    roll(&mut desk.document, &mut next.document, 1, NOON + 31 * DAY);
    assert_eq!(Stock::of(&next.document, &[]).quantity("BATT"), 2_500);
}

#[test]
fn a_count_stays_in_time_that_one_of_two_closings_of_a_restored_server_knew() {
    let (mut desk, mut phone) = scene();
    let mut restored = desk.clone();
    phone.fact(section::COUNTS, &counted(7_000));
    desk.hear(&phone);
    roll(&mut desk.document, &mut next_record(1), 1, NOON + DAY);
    let entries = period::close(&restored.document, period::record_id(van(), 1));
    let (actor, caller) = (ActorId::new(NOON, [98; 10]), Principal::system());
    record(&mut restored.document, actor, NOON, &caller, Author::default(), entries).unwrap();
    desk.hear(&restored);
    let balance = Stock::of(&desk.document, &[]);
    assert_eq!((balance.quantity("BATT"), balance.late_counts.len()), (7_000, 0));
}

#[test]
fn two_servers_that_open_the_same_record_after_a_restore_agree_once_merged() {
    let (mut desk, mut phone) = scene();
    let mut restored = desk.document.clone();
    phone.fact(section::MOVEMENTS, &moved("use", 2_000));
    desk.hear(&phone);
    let mut next = Hand::new(period::record_id(van(), 1).into(), 100, Role::System);
    roll(&mut desk.document, &mut next.document, 1, NOON + DAY);
    // The restored one has not heard of the use when it closes the record again.
    let mut other = Hand::new(period::record_id(van(), 1).into(), 101, Role::System);
    let actor = ActorId::new(NOON, [98; 10]);
    for entries in [
        period::open(&other.document, &restored, van(), 1),
        carry(&other.document, &restored, &Stock::of(&restored, &[]), NOON + 2 * DAY).entries,
        period::hand_over(&other.document, &restored),
    ] {
        let (document, caller) = (&mut other.document, Principal::system());
        record(document, actor, NOON, &caller, Author::default(), entries).unwrap();
    }
    other.hear(&next);
    next.hear(&other);
    assert_eq!(Stock::of(&other.document, &[]), Stock::of(&next.document, &[]));
    let mut hand = Hand::new(van().into(), 100, Role::Manager);
    hand.document = restored.clone();
    hand.hear(&phone);
    restored = hand.document;
    roll(&mut restored, &mut other.document, 1, NOON + 3 * DAY);
    assert_eq!(Stock::of(&other.document, &[]).quantity("BATT"), 8_000);
}

#[test]
fn ten_years_of_honest_use_never_end_in_a_refusal() {
    const USES_A_DAY: usize = 12;
    const DAYS: usize = 10 * 300;
    let (mut desk, _) = scene();
    let (mut number, mut used, mut first_period) = (0, 0i64, 0);
    let mut bytes = 0;
    let mut document = std::mem::replace(&mut desk.document, Document::new(van().into()));
    let phone = ActorId::new(NOON, [1; 10]);
    let caller = Principal { user: user(1), role: Role::Technician };
    let author = Author::phone(user(1), sync_core::id::DeviceId::new(NOON, [1; 10]));
    for day in 0..DAYS {
        for n in 0..USES_A_DAY {
            let now = NOON + day as i64 * DAY + n as i64;
            let mut record_of_it = moved("use", 1_000);
            record_of_it.push((key::JOB, Value::Bytes(van().as_bytes().to_vec())));
            let times = [key::AT, key::SRV].map(|key| (key, Value::Int(now)));
            let ups = [key::UP, key::SRV_UP].map(|key| (key, Value::Int(now % DAY)));
            record_of_it.extend(times.into_iter().chain(ups));
            let id = sync_core::id::FactId::new(now, [1; 10]);
            let fact = Entry::Fact {
                section: section::MOVEMENTS,
                id,
                record: record_of_it.into_iter().collect(),
            };
            let before = document.weight();
            record(&mut document, phone, now, &caller, author, vec![fact]).expect("it is saved");
            bytes = document.weight() - before;
            used += 1;
        }
        if period::is_due(&document) {
            if number == 0 {
                first_period = used;
            }
            number += 1;
            let mut next = next_record(number);
            roll(&mut document, &mut next, number, NOON + day as i64 * DAY + 100);
            document = next;
        }
    }
    assert_eq!(Stock::of(&document, &[]).quantity("BATT"), 10_000 - 1_000 * used);
    let left = sync_core::limits::Share::of(document.id().kind, Owner::Technician(user(1)));
    println!(
        "{used} uses of {bytes} bytes, {number} records closed, the first after {first_period} uses; \
         {} uses fit into what is left for a phone offline",
        left.bytes / 2 / bytes
    );
    assert!(first_period > 350 && number < 120, "{first_period} uses, {number} records");
}

fn part(name: &str, bin: &str) -> Vec<(Key, Value)> {
    vec![
        (key::KIND, "load".into()),
        (key::PART_NO, name.into()),
        (key::QUANTITY, 1_000.into()),
        (key::BIN, bin.into()),
    ]
}

/// Loads many parts in changes that fit, without a share in the way.
fn load(hand: &mut Hand, names: impl Iterator<Item = String>, author: Author) {
    let names: Vec<String> = names.collect();
    for (n, some) in names.chunks(40).enumerate() {
        let facts = some.iter().enumerate().map(|(m, name)| {
            let mut random = [author.device.map_or(7, |_| 8); 10];
            random[..8].copy_from_slice(&((n * 1000 + m) as u64).to_be_bytes());
            let record = part(name, "A1").into_iter().collect();
            let id = sync_core::id::FactId::new(NOON, random);
            Entry::Fact { section: section::MOVEMENTS, id, record }
        });
        let caller = match author.device {
            Some(_) => Principal { user: user(1), role: Role::Technician },
            None => Principal { user: user(100), role: Role::Manager },
        };
        let actor = ActorId::new(NOON, [if author.device.is_some() { 61 } else { 62 }; 10]);
        let entries = facts.collect();
        record(&mut hand.document, actor, NOON, &caller, author, entries).expect("it is saved");
    }
}

fn phone() -> Author {
    Author::phone(user(1), sync_core::id::DeviceId::new(NOON, [1; 10]))
}

fn office() -> Author {
    Author { user: Some(user(100)), ..Author::default() }
}

#[test]
fn openings_of_long_names_fit_into_changes_and_none_is_lost() {
    let (mut desk, _) = scene();
    let names = (0..100).map(|n| format!("{n:03}{}", "x".repeat(900)));
    load(&mut desk, names, phone());
    let mut next = next_record(1);
    roll(&mut desk.document, &mut next, 1, NOON + DAY);
    assert!(Stock::of(&next, &[]) == Stock::of(&desk.document, &[]));
    assert_eq!(Stock::of(&next, &[]).lines.len(), 101);
    let name = format!("007{}", "x".repeat(900));
    assert_eq!(Stock::of(&next, &[]).quantity(&name), 1_000, "by its long name");
}

#[test]
fn a_record_that_was_only_opened_is_never_due() {
    let (mut desk, _) = scene();
    for number in 1..6 {
        let lines = 1_000 * number;
        load(&mut desk, (lines - 1_000..lines).map(|n| format!("PART-{n:05}")), office());
        let mut next = next_record(number);
        roll(&mut desk.document, &mut next, number, NOON + i64::from(number) * DAY);
        assert!(!period::is_due(&next), "{lines} lines");
        let balance = Stock::of(&next, &[]);
        println!("{} lines: {:?}", balance.lines.len(), next.used(Owner::Server));
        assert!(balance == Stock::of(&desk.document, &[]));
        desk.document = next;
    }
}

#[test]
fn a_driver_who_invents_lines_crowds_out_none_that_the_desk_knows() {
    let (mut desk, _) = scene();
    load(&mut desk, (0..1_000).map(|n| format!("PART-{n:05}")), office());
    load(&mut desk, (0..2_000).map(|n| format!("!{n:06}")), phone());
    let mut next = next_record(1);
    roll(&mut desk.document, &mut next, 1, NOON + DAY);
    let carried = Stock::of(&next, &[]);
    assert_eq!(carried.quantity("BATT"), 10_000);
    assert!((0..1_000).all(|n| carried.quantity(&format!("PART-{n:05}")) == 1_000));
    let invented = carried.lines.iter().filter(|line| line.part_no.starts_with('!')).count();
    assert!((1..1_000).contains(&invented), "{invented} of the driver's");
    let notes = sync_core::van::Van::of(&next, &[]).notes;
    assert_eq!(notes.len(), 1, "the desk is told: {notes:?}");
    let before = next.changes().len();
    roll(&mut desk.document, &mut next, 1, NOON + 2 * DAY);
    assert_eq!(next.changes().len(), before, "closing again says nothing new");
}

/// A page of lines with the longest names that a desk may write.
fn page_of_lines(page: u32) -> Vec<Entry> {
    let line = |line: u32| {
        let number = page * 100 + line;
        let random = [[7; 6].as_slice(), &number.to_be_bytes()].concat();
        let record = [
            (key::KIND, "load".into()),
            (key::PART_NO, format!("{number:060}").into()),
            (key::QUANTITY, 1_000.into()),
            (key::BIN, "B".repeat(40).into()),
        ];
        let id = sync_core::id::FactId::new(NOON, random.try_into().unwrap());
        Entry::Fact { section: section::MOVEMENTS, id, record: record.into_iter().collect() }
    };
    (0..100).map(line).collect()
}

#[test]
fn lines_beyond_the_next_records_room_are_told_exactly_when_it_cannot_open() {
    let mut desk = Hand::new(DocId::from(van()), 100, Role::Manager);
    let (mut told, mut number) = (0, 1);
    for page in 0..60 {
        if desk.attempt(page_of_lines(page)).is_err() {
            // The desk's share of this record is used up: the next one goes on.
            let mut next = next_record(number);
            roll(&mut desk.document, &mut next, number, NOON);
            desk.document = next;
            number += 1;
            desk.write(page_of_lines(page));
        }
        let balance = Stock::of(&desk.document, &[]);
        told = lines_beyond(&desk.document, &balance);
        let mut next = next_record(number);
        let opened = period::open(&next, &desk.document, van(), number);
        server(&mut next, opened);
        let carried = carry(&next, &desk.document, &balance, NOON);
        let is_refused = carried.entries.is_empty() && carried.missing > 0;
        assert_eq!(told > 0, is_refused, "{told} on page {page}");
        if told > 0 {
            assert_eq!(told, carried.missing);
            break;
        }
    }
    assert!(told > 0, "it was filled");
}
