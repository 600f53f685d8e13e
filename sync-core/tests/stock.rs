//! Van stock: every part counts once, and what was taken but never there is shown, not refused.
#![allow(clippy::expect_used)]

mod scene;

use proptest::prelude::*;
use scene::{Hand, assigned, id, meet, user};
use sync_core::change::Entry;
use sync_core::id::{FactId, JobId, VanId};
use sync_core::policy::Role;
use sync_core::schema::{DocId, Key, key, section};
use sync_core::technician::Technician;
use sync_core::value::Value;
use sync_core::van::{Question, Stock, Taken, Usage, Van, usages};

fn van_id() -> VanId {
    VanId::new(scene::NOON, [4; 10])
}

/// A manager's desk and a driver's phone, both with the van.
fn van() -> (Hand, Hand) {
    let doc = DocId::from(van_id());
    let mut desk = Hand::new(doc, 100, Role::Manager);
    let mut phone = Hand::phone(doc, 1);
    desk.set(section::DETAILS, key::TECHNICIAN, id(user(1)));
    meet(&mut desk, &mut phone);
    (desk, phone)
}

fn moved(kind: &str, quantity: i64, bin: &str) -> Vec<(Key, Value)> {
    vec![
        (key::KIND, kind.into()),
        (key::PART_NO, "H7".into()),
        (key::QUANTITY, quantity.into()),
        (key::BIN, bin.into()),
    ]
}

fn quantity(hand: &Hand, job: Option<&Hand>) -> i64 {
    let usages = job.map(|job| usages(&job.document)).unwrap_or_default();
    Stock::of(&hand.document, &usages).quantity("H7")
}

/// A part used on a job, recorded in the job and, with the same id, in the van.
fn use_part(job: &mut Hand, van: Option<&mut Hand>, thousandths: i64) -> FactId {
    let record = [
        (key::PART_NO, "H7".into()),
        (key::QUANTITY, thousandths.into()),
        (key::VAN, Value::Bytes(van_id().as_bytes().to_vec())),
        (key::BIN, "A1".into()),
    ];
    let id = job.fact(section::PARTS, &record);
    if let Some(van) = van {
        let mut movement = moved("use", thousandths, "A1");
        let job = Value::Bytes(job.job().id.as_bytes().to_vec());
        movement.push((key::JOB, job));
        let record = movement.into_iter().collect();
        let entry = sync_core::change::Entry::Fact { section: section::MOVEMENTS, id, record };
        van.write(vec![entry]);
    }
    id
}

#[test]
fn a_part_used_on_a_job_and_its_movement_count_once() {
    let (mut desk, mut van) = van();
    let (_, mut job) = assigned();
    desk.fact(section::MOVEMENTS, &moved("load", 5_000, "A1"));
    van.hear(&desk);
    use_part(&mut job, Some(&mut van), 1_000);
    use_part(&mut job, None, 1_500);
    assert_eq!(quantity(&van, None), 4_000);
    assert_eq!(quantity(&van, Some(&job)), 2_500);
    let twice: Vec<_> = [usages(&job.document), usages(&job.document)].concat();
    assert_eq!(Stock::of(&van.document, &twice).quantity("H7"), 2_500);
}

#[test]
fn a_usage_taken_back_or_corrected_on_the_job_is_so_in_the_van() {
    let (mut desk, mut van) = van();
    let (_, mut job) = assigned();
    desk.fact(section::MOVEMENTS, &moved("load", 5_000, "A1"));
    van.hear(&desk);
    let first = use_part(&mut job, Some(&mut van), 1_000);
    let second = use_part(&mut job, Some(&mut van), 1_000);
    let named = |id: FactId| Value::Bytes(id.as_bytes().to_vec());
    job.fact(section::PARTS, &[(key::VOIDS, named(first))]);
    assert_eq!(quantity(&van, Some(&job)), 4_000);
    let corrected = [
        (key::CORRECTS, named(second)),
        (key::PART_NO, "H7".into()),
        (key::QUANTITY, 3_000.into()),
        (key::VAN, Value::Bytes(van_id().as_bytes().to_vec())),
        (key::BIN, "A1".into()),
    ];
    job.fact(section::PARTS, &corrected);
    assert_eq!(quantity(&van, Some(&job)), 2_000);
    assert_eq!(job.job().parts.len(), 2);
}

/// The technician's own walk-up.
fn walk_up(who: u8) -> Hand {
    let mut hand = Hand::phone(JobId::new(scene::NOON, [9; 10]).into(), who);
    hand.fact(section::STATUS, &[(key::KIND, "walk_up".into()), (key::EPOCH, 0.into())]);
    hand
}

#[test]
fn only_who_drives_or_drove_a_van_takes_from_it() {
    let (mut desk, mut van) = van();
    desk.fact(section::MOVEMENTS, &moved("load", 5_000, "A1"));
    let mut stranger = walk_up(2);
    use_part(&mut stranger, None, 1_000);
    assert_eq!(stranger.job().parts.len(), 1, "the job shows it all the same");
    assert_eq!(quantity(&desk, Some(&stranger)), 5_000);
    let mut driver = walk_up(1);
    van.hear(&desk);
    use_part(&mut driver, None, 1_000);
    assert_eq!(quantity(&desk, Some(&driver)), 4_000);
    // What was used before the van was given to someone else stays used.
    desk.set(section::DETAILS, key::TECHNICIAN, id(user(3)));
    assert_eq!(quantity(&desk, Some(&driver)), 4_000);
}

#[test]
fn a_part_changes_nothing_of_what_a_movement_of_another_kind_says() {
    let (mut desk, _) = van();
    let load = desk.fact(section::MOVEMENTS, &moved("load", 5_000, "A1"));
    let mut job = walk_up(1);
    let record = [
        (key::PART_NO, "H7".into()),
        (key::QUANTITY, 1_000.into()),
        (key::VAN, Value::Bytes(van_id().as_bytes().to_vec())),
        (key::BIN, "A1".into()),
    ];
    let record = record.into_iter().collect();
    job.write(vec![Entry::Fact { section: section::PARTS, id: load, record }]);
    assert_eq!(quantity(&desk, Some(&job)), 4_000);
    let voids = Value::Bytes(load.as_bytes().to_vec());
    job.fact(section::PARTS, &[(key::VOIDS, voids)]);
    assert_eq!(quantity(&desk, Some(&job)), 5_000);
}

#[test]
fn stock_below_zero_is_kept_and_shown_as_oversold_until_counted() {
    let (mut desk, mut van) = van();
    let (_, mut job) = assigned();
    desk.fact(section::MOVEMENTS, &moved("load", 1_000, "A1"));
    van.hear(&desk);
    use_part(&mut job, Some(&mut van), 3_000);
    let stock = Van::of(&van.document, &usages(&job.document)).stock;
    assert!(stock.is_oversold());
    assert_eq!((stock.lines[0].quantity, stock.lines[0].bin.as_str()), (-2_000, "A1"));
    van.fact(section::COUNTS, &moved("count", 2_000, "A1"));
    let stock = Stock::of(&van.document, &usages(&job.document));
    assert!(!stock.is_oversold());
    assert_eq!(stock.quantity("H7"), 2_000);
    assert!(stock.lines[0].counted_at.is_some());
}

#[test]
fn what_a_count_had_not_seen_comes_on_top_of_it() {
    let (mut desk, mut van) = van();
    desk.fact(section::MOVEMENTS, &moved("load", 5_000, "A1"));
    van.hear(&desk);
    desk.fact(section::MOVEMENTS, &moved("load", 2_000, "A1"));
    van.fact(section::COUNTS, &moved("count", 4_000, "A1"));
    van.fact(section::MOVEMENTS, &moved("unload", 1_000, "A1"));
    meet(&mut desk, &mut van);
    assert_eq!(quantity(&desk, None), 5_000);
    assert_eq!(quantity(&van, None), 5_000);
    // Of two counts that did not see each other one stands, the same everywhere.
    desk.fact(section::COUNTS, &moved("count", 7_000, "A1"));
    van.fact(section::COUNTS, &moved("count", 9_000, "A1"));
    meet(&mut desk, &mut van);
    assert_eq!(quantity(&desk, None), quantity(&van, None));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn stock_is_the_same_wherever_and_in_whatever_order_it_is_folded(
        deeds in proptest::collection::vec((0..2usize, 0..6u8, 1..9i64), 1..40),
        keys in proptest::collection::vec(any::<u32>(), 1..20),
    ) {
        let (desk, phone) = van();
        let mut hands = [desk, phone];
        let (_, mut job) = assigned();
        // Ids in the two documents are made in different hours, so they meet only where meant.
        job.now += 3_600_000;
        for (who, what, units) in deeds {
            let [desk, phone] = &mut hands;
            let hand = if who == 0 { &mut *desk } else { &mut *phone };
            match what {
                0 => drop(hand.fact(section::MOVEMENTS, &moved("load", units * 1_000, "A1"))),
                1 => drop(hand.fact(section::MOVEMENTS, &moved("unload", units * 500, "A1"))),
                2 => drop(hand.fact(section::COUNTS, &moved("count", units * 1_000, "A1"))),
                3 => drop(use_part(&mut job, Some(phone), units * 250)),
                4 => drop(use_part(&mut job, None, units * 250)),
                _ => meet(desk, phone),
            }
        }
        let [mut desk, mut phone] = hands;
        meet(&mut desk, &mut phone);
        let taken = usages(&job.document);
        let mut shuffled = taken.clone();
        shuffled.sort_by_key(|u| keys[u.quantity.unsigned_abs() as usize % keys.len()]);
        let here = Stock::of(&desk.document, &taken);
        prop_assert_eq!(&here, &Stock::of(&phone.document, &shuffled));
        // What a store adds up by part and bin gives the same as every use one by one.
        let question = Question::of(&desk.document);
        let mut used = Taken::default();
        for usage in &taken {
            if usage.by.is_some_and(|user| !question.drivers.contains(&user)) {
                continue;
            }
            if question.moved.contains(&(usage.id, usage.job)) {
                used.each.push(usage.clone());
            }
            let place = (usage.part_no.clone(), usage.bin.clone().unwrap_or_default());
            let seen = question.counted.get(&place).is_some_and(|at| usage.at <= *at);
            if !seen && !usage.voided {
                *used.sums.entry(place).or_default() += usage.quantity;
            }
        }
        let there = Stock::of_taken(&desk.document, &used);
        let lines = |stock: &Stock| -> Vec<_> {
            let lines = stock.lines.iter().filter(|line| line.quantity != 0);
            lines.map(|line| (line.part_no.clone(), line.bin.clone(), line.quantity)).collect()
        };
        prop_assert_eq!(lines(&there), lines(&here));
        prop_assert_eq!(here.is_oversold(), here.lines.iter().any(|line| line.quantity < 0));
    }
}

#[test]
fn a_transfer_moves_between_bins_and_an_unknown_kind_moves_nothing() {
    let (mut desk, _) = van();
    desk.fact(section::MOVEMENTS, &moved("load", 5_000, "A1"));
    let mut transfer = moved("transfer", 2_000, "");
    transfer.extend([(key::FROM, "A1".into()), (key::TO, "B2".into())]);
    desk.fact(section::MOVEMENTS, &transfer);
    desk.fact(section::MOVEMENTS, &moved("teleport", 9_000, "A1"));
    let stock = Stock::of(&desk.document, &[]);
    let lines: Vec<_> = stock.lines.iter().map(|l| (l.bin.as_str(), l.quantity)).collect();
    assert_eq!(lines, [("A1", 3_000), ("B2", 2_000)]);
}

#[test]
fn a_certificate_counts_until_its_day_and_an_absence_ends_a_shift() {
    let mut desk = Hand::new(DocId::from(user(1)), 100, Role::Manager);
    let day = 86_400_000;
    let paper = [(key::SKILL, "high_voltage".into()), (key::EXPIRES, (scene::NOON + day).into())];
    let id = desk.fact(section::CERTIFICATES, &paper);
    desk.fact(section::CERTIFICATES, &[(key::SKILL, "tow".into())]);
    let span = |kind: &str, from: i64, to: i64| {
        [
            (key::KIND, kind.into()),
            (key::STARTS, (scene::NOON + from).into()),
            (key::ENDS, (scene::NOON + to).into()),
        ]
    };
    desk.fact(section::SHIFTS, &span("shift", 0, day));
    desk.fact(section::SHIFTS, &span("absence", day / 2, day));
    let technician = Technician::of(&desk.document);
    assert_eq!(technician.skills_at(scene::NOON).len(), 2);
    assert_eq!(technician.skills_at(scene::NOON + day).into_iter().collect::<Vec<_>>(), ["tow"]);
    assert!(technician.is_on_shift(scene::NOON));
    assert!(!technician.is_on_shift(scene::NOON + day / 2));
    assert!(!technician.is_on_shift(scene::NOON + 2 * day));
    let voids = Value::Bytes(id.as_bytes().to_vec());
    desk.fact(section::CERTIFICATES, &[(key::VOIDS, voids)]);
    assert_eq!(Technician::of(&desk.document).certificates.len(), 1);
}

#[test]
fn one_fact_id_on_two_jobs_takes_two_parts() {
    let (mut desk, _) = van();
    desk.fact(section::MOVEMENTS, &moved("load", 5000, "A1"));
    let id = FactId::new(scene::NOON, [9; 10]);
    let usage = |job: u8, quantity| Usage {
        id,
        job: JobId::new(scene::NOON, [job; 10]),
        van: van_id(),
        part_no: "H7".to_owned(),
        quantity,
        bin: Some("A1".to_owned()),
        at: scene::NOON,
        voided: false,
        by: None,
    };
    let both = [usage(1, 1000), usage(2, 2000)];
    let left = |hand: &Hand| Stock::of(&hand.document, &both).quantity("H7");
    assert_eq!(left(&desk), 2000);
    // A movement is about the use on the job it names, and about no other.
    let mut movement = moved("use", 2000, "A1");
    movement.push((key::JOB, Value::Bytes(both[1].job.as_bytes().to_vec())));
    let record = movement.into_iter().collect();
    desk.write(vec![Entry::Fact { section: section::MOVEMENTS, id, record }]);
    assert_eq!(left(&desk), 2000);
}

#[test]
fn what_someone_took_who_never_drove_the_van_is_shown_as_unassigned() {
    let (mut desk, _) = van();
    desk.fact(section::MOVEMENTS, &moved("load", 5_000, "A1"));
    let usage = |by: u8, voided: bool| Usage {
        id: FactId::new(scene::NOON, [by; 10]),
        job: JobId::new(scene::NOON, [1; 10]),
        van: van_id(),
        part_no: "H7".into(),
        quantity: 1_000,
        bin: Some("A1".into()),
        at: scene::NOON,
        voided,
        by: Some(user(by)),
    };
    let stock = Stock::of(&desk.document, &[usage(1, false), usage(2, false), usage(3, true)]);
    assert_eq!(stock.quantity("H7"), 4_000);
    let unassigned: Vec<_> = stock.unassigned.iter().map(|it| it.by).collect();
    assert_eq!(unassigned, vec![Some(user(2))], "not what was taken back");
}
