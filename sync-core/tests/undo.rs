//! What a person takes back, and lets stand again: in both directions, and the same everywhere.
#![allow(clippy::expect_used)]

mod scene;

use scene::{Hand, NOON, assigned, meet, user};
use sync_core::admission::RecordError;
use sync_core::document::Document;
use sync_core::id::{FactId, VanId};
use sync_core::job::{State, Step, reopened_by, voids};
use sync_core::policy::Role;
use sync_core::schema::{DocId, Key, Section, key, section};
use sync_core::value::Value;
use sync_core::van::Stock;

fn raw(fact: FactId) -> Value {
    Value::Bytes(fact.as_bytes().to_vec())
}

fn void(hand: &mut Hand, section: Section, fact: FactId) -> FactId {
    hand.fact(section, &[(key::VOIDS, raw(fact)), (key::REASON, "mistake".into())])
}

fn reopen(hand: &mut Hand, fact: FactId) -> FactId {
    let record = [(key::KIND, "reopened".into()), (key::VOIDS, raw(fact))];
    hand.fact(section::STATUS, &record)
}

#[test]
fn a_part_that_the_office_took_back_stands_again_once_that_is_taken_back() {
    let (mut desk, mut phone) = assigned();
    let part = phone.fact(section::PARTS, &[(key::PART_NO, "H7".into())]);
    desk.hear(&phone);
    let first = void(&mut desk, section::PARTS, part);
    assert!(desk.job().parts[0].voided);
    let again = void(&mut desk, section::PARTS, first);
    assert!(!desk.job().parts[0].voided && desk.job().parts[0].billed);
    void(&mut desk, section::PARTS, again);
    assert!(desk.job().parts[0].voided, "and gone once more");
    assert_eq!(voids(&desk.document, &section::PARTS).len(), 2);
    phone.hear(&desk);
    assert_eq!(phone.job(), desk.job());
}

#[test]
fn a_technician_does_not_let_stand_again_what_the_office_took_back() {
    let (mut desk, mut phone) = assigned();
    let part = phone.fact(section::PARTS, &[(key::PART_NO, "H7".into())]);
    desk.hear(&phone);
    let taken = void(&mut desk, section::PARTS, part);
    phone.hear(&desk);
    let denied = phone.attempt_fact(section::PARTS, &[(key::VOIDS, raw(taken))]);
    let RecordError::Denied(denied) = denied.expect_err("refused") else { panic!("by the policy") };
    assert_eq!(denied.code, "fact_not_yours");
}

#[test]
fn a_completion_is_taken_back_and_a_mistaken_reopening_too() {
    let (mut desk, mut phone) = assigned();
    phone.steps(&["accepted", "en_route", "on_scene", "working"], 1);
    let completed = phone.step("completed", 1);
    desk.hear(&phone);
    assert_eq!(desk.job().state, State::Completed);
    let reopened = reopen(&mut desk, completed);
    assert_eq!(desk.job().state, State::Working);
    assert_eq!(reopened_by(&desk.document, fact(&desk.document, completed)), vec![reopened]);
    reopen(&mut desk, reopened);
    assert_eq!(desk.job().state, State::Completed);
    assert!(reopened_by(&desk.document, fact(&desk.document, completed)).is_empty());
}

#[test]
fn a_cancellation_stands_again_once_its_reopening_is_taken_back() {
    let (mut desk, _) = assigned();
    let cancelled = desk.cancel();
    let reopened = desk.fact(section::STATUS, &[(key::KIND, "reopened".into())]);
    assert_ne!(desk.job().state, State::Cancelled);
    assert_eq!(reopened_by(&desk.document, fact(&desk.document, cancelled)), vec![reopened]);
    reopen(&mut desk, reopened);
    let job = desk.job();
    assert_eq!(job.state, State::Cancelled);
    assert_eq!(job.cancelled.map(|it| it.id), Some(cancelled));
}

#[test]
fn a_mistaken_decline_is_taken_back_and_the_job_is_theirs_again() {
    let (mut desk, mut phone) = assigned();
    let declined = phone.step("declined", 1);
    desk.hear(&phone);
    assert_eq!(desk.job().assignment, None);
    reopen(&mut desk, declined);
    assert_eq!(desk.job().assignment.and_then(|it| it.technician), Some(user(1)));
}

#[test]
fn a_step_that_the_office_entered_is_marked_with_who_told_it_and_when() {
    let (mut desk, mut phone) = assigned();
    phone.step("en_route", 1);
    desk.hear(&phone);
    let told = [
        (key::KIND, "completed".into()),
        (key::EPOCH, 1.into()),
        (key::REASON, "no_device".into()),
        (key::NAME, "Hsu of Rescue Co".into()),
        (key::AT, (NOON - 5).into()),
    ];
    desk.fact(section::STATUS, &told);
    let job = desk.job();
    let completed = &job.times[&Step::Completed];
    assert_eq!((completed.by_office, completed.time.at), (true, NOON - 5));
    assert_eq!(completed.told_by.as_deref(), Some("Hsu of Rescue Co"));
    assert!(!job.times[&Step::EnRoute].by_office);
    assert!(!job.missing.contains(&sync_core::job::Missing::Signature), "the reason says why");
}

fn fact(document: &Document, id: FactId) -> &sync_core::document::Fact {
    document.fact(&section::STATUS, &id).expect("it is there")
}

/// A manager's desk, and the phones of two technicians, with a van that the first drives.
fn van() -> (Hand, Hand, Hand) {
    let doc = DocId::from(VanId::new(NOON, [4; 10]));
    let (mut desk, mut first) = (Hand::new(doc, 100, Role::Manager), Hand::phone(doc, 1));
    desk.set(section::DETAILS, key::TECHNICIAN, scene::id(user(1)));
    meet(&mut desk, &mut first);
    (desk, first, Hand::phone(doc, 2))
}

fn counted(quantity: i64) -> [(Key, Value); 2] {
    [(key::PART_NO, "H7".into()), (key::QUANTITY, quantity.into())]
}

fn stock(hand: &Hand) -> (i64, usize) {
    let stock = Stock::of(&hand.document, &[]);
    (stock.quantity("H7"), stock.late_counts.len())
}

#[test]
fn a_former_drivers_late_count_is_kept_and_sets_nothing() {
    let (mut desk, mut first, mut second) = van();
    first.fact(section::COUNTS, &counted(3_000));
    desk.hear(&first);
    assert_eq!(stock(&desk), (3_000, 0), "in his time");
    desk.set(section::DETAILS, key::TECHNICIAN, scene::id(user(2)));
    second.hear(&desk);
    second.fact(section::COUNTS, &counted(8_000));
    first.now += 3_600_000;
    first.fact(section::COUNTS, &counted(1_000));
    desk.hear(&first);
    assert_eq!(stock(&desk), (3_000, 1), "what was counted in time stands");
    desk.hear(&second);
    assert_eq!(stock(&desk), (8_000, 1));
    desk.set(section::DETAILS, key::TECHNICIAN, scene::id(user(3)));
    assert_eq!(stock(&desk), (8_000, 1), "whoever drives it next");
    first.hear(&desk);
    first.fact(section::COUNTS, &counted(500));
    assert_eq!(stock(&first), (8_000, 2), "nor what he counts though he knows");
    first.hear(&desk);
    desk.hear(&first);
    assert_eq!(stock(&desk), stock(&first));
}

#[test]
fn a_driver_who_gets_the_van_again_counts_again() {
    let (mut desk, mut first, _) = van();
    desk.set(section::DETAILS, key::TECHNICIAN, scene::id(user(2)));
    desk.set(section::DETAILS, key::TECHNICIAN, scene::id(user(1)));
    first.hear(&desk);
    first.fact(section::COUNTS, &counted(2_000));
    assert_eq!(stock(&first), (2_000, 0));
    desk.hear(&first);
    desk.fact(section::COUNTS, &counted(1_000));
    assert_eq!(stock(&desk), (1_000, 0), "a desk may count at any time");
}
