//! Work that arrives after the office decided about a job or someone else took it over: it never
//! changes the amount, the end or the record of the job without a question.
#![allow(clippy::expect_used)]

mod scene;

use scene::{Hand, assigned, evidence};
use sync_core::id::FactId;
use sync_core::job::{ExceptionKind, State};
use sync_core::schema::{key, section};
use sync_core::value::Value;

const WORKED: [&str; 4] = ["accepted", "en_route", "on_scene", "working"];

fn open(hand: &Hand) -> Vec<ExceptionKind> {
    hand.job().exceptions.iter().map(|exception| exception.about).collect()
}

fn question(hand: &Hand) -> Option<FactId> {
    hand.job().exceptions.first().and_then(|exception| exception.reference)
}

fn part(hand: &mut Hand, number: &str, price: i64) -> FactId {
    let part = [(key::PART_NO, number.into()), (key::UNIT_PRICE, price.into())];
    hand.fact(section::PARTS, &part)
}

fn completed(hand: &mut Hand, reason: Option<&str>) -> FactId {
    let mut end = vec![(key::KIND, "completed".into()), (key::EPOCH, 1.into())];
    end.extend(reason.map(|reason| (key::REASON, reason.into())));
    hand.fact(section::STATUS, &end)
}

fn total(hand: &Hand) -> i64 {
    hand.job().totals.first().and_then(|total| total.total).unwrap_or_default()
}

fn named(id: FactId) -> Value {
    Value::Bytes(id.as_bytes().to_vec())
}

#[test]
fn a_completion_after_a_confirmed_claim_asks_and_the_decision_stays_in_view() {
    for (claim, about, ended) in [
        ("goa", ExceptionKind::GoaClaimed, State::Goa),
        ("unsuccessful", ExceptionKind::UnsuccessfulClaimed, State::Unsuccessful),
    ] {
        let (mut desk, mut phone) = assigned();
        phone.steps(&WORKED, 1);
        evidence(&mut phone);
        let mut claimed = vec![(key::KIND, claim.into()), (key::EPOCH, 1.into())];
        claimed.push(match claim {
            "goa" => (key::ATTEMPTS, 2.into()),
            _ => (key::REASON, "other".into()),
        });
        phone.fact(section::STATUS, &claimed);
        desk.hear(&phone);
        desk.decide(about.as_str(), "confirm", question(&desk));
        assert_eq!((desk.job().state, open(&desk)), (ended, vec![]));
        let end = completed(&mut phone, Some("customer_absent"));
        desk.hear(&phone);
        assert_eq!((desk.job().state, open(&desk)), (State::Completed, vec![about]));
        assert_eq!(question(&desk), Some(end));
        let mut other = desk.clone();
        other.decide(about.as_str(), "reject", Some(end));
        assert_eq!((other.job().state, open(&other)), (State::Completed, vec![]));
        desk.decide(about.as_str(), "confirm", Some(end));
        assert_eq!((desk.job().state, open(&desk)), (ended, vec![]));
        for hand in [&desk, &other] {
            assert!(hand.job().decided.iter().any(|decided| decided.about == about));
        }
    }
}

#[test]
fn a_part_after_a_confirmed_claim_asks_and_a_fee_of_the_office_does_not() {
    let (mut desk, mut phone) = assigned();
    phone.steps(&["accepted", "en_route", "on_scene", "goa"], 1);
    desk.hear(&phone);
    desk.decide("goa_claimed", "confirm", question(&desk));
    desk.fact(section::CHARGES, &[(key::AMOUNT, 1_000.into())]);
    assert_eq!(open(&desk), []);
    let gold = part(&mut phone, "GOLD", 900_000);
    desk.hear(&phone);
    assert_eq!((desk.job().state, open(&desk)), (State::Goa, vec![ExceptionKind::GoaClaimed]));
    assert_eq!(question(&desk), Some(gold));
    desk.decide("goa_claimed", "confirm", Some(gold));
    assert_eq!(open(&desk), []);
}

#[test]
fn accepted_work_covers_only_the_amount_that_the_decision_had_seen() {
    let (mut desk, mut phone) = assigned();
    phone.steps(&WORKED, 1);
    part(&mut phone, "H7", 900);
    let cancelled = desk.cancel();
    desk.hear(&phone);
    let about = ExceptionKind::CancelledWithFieldWork;
    desk.decide(about.as_str(), "accept_completed", Some(cancelled));
    let finding = [(key::KIND, "cause".into()), (key::TEXT, "a nail".into())];
    phone.fact(section::WORK, &finding);
    desk.hear(&phone);
    assert_eq!((desk.job().state, open(&desk)), (State::Completed, vec![]));
    let gold = part(&mut phone, "GOLD", 900_000);
    desk.hear(&phone);
    assert_eq!((total(&desk), open(&desk)), (900_900, vec![about]));
    assert_eq!(question(&desk), Some(gold));
    desk.decide(about.as_str(), "accept_completed", Some(gold));
    assert_eq!((desk.job().state, open(&desk)), (State::Completed, vec![]));
}

#[test]
fn a_second_completion_does_not_hide_an_amount_added_after_the_first() {
    let (mut desk, mut phone) = assigned();
    phone.steps(&WORKED, 1);
    evidence(&mut phone);
    part(&mut phone, "H7", 35_000);
    let mut other = desk.clone();
    completed(&mut other, Some("customer_absent"));
    completed(&mut phone, Some("customer_absent"));
    desk.hear(&other);
    desk.hear(&phone);
    assert_eq!(open(&desk), [], "a part that one of two concurrent completions saw");
    phone.hear(&desk);
    let gold = part(&mut phone, "GOLD", 900_000);
    completed(&mut phone, Some("customer_absent"));
    desk.hear(&phone);
    assert_eq!(open(&desk), [ExceptionKind::SignatureMissing]);
    assert_eq!(question(&desk), Some(gold));
}

#[test]
fn a_correction_of_the_office_bills_no_part_of_who_lost_the_job() {
    let (mut desk, mut phone) = assigned();
    phone.steps(&["accepted", "en_route"], 1);
    let h7 = part(&mut phone, "H7", 35_000);
    desk.hear(&phone);
    desk.assign(2, 2);
    assert_eq!(total(&desk), 0);
    let correction = [
        (key::PART_NO, "H7".into()),
        (key::UNIT_PRICE, 35_000.into()),
        (key::SERIAL, "S1".into()),
        (key::CORRECTS, named(h7)),
    ];
    desk.fact(section::PARTS, &correction);
    assert_eq!(total(&desk), 0);
    assert!(!desk.job().parts[0].billed);
    assert_eq!(desk.job().parts[0].serial.as_deref(), Some("S1"));
}

#[test]
fn a_former_technician_writes_over_no_check_and_no_reading_of_the_next_one() {
    let (mut desk, mut former) = assigned();
    let mut next = Hand::phone(desk.document.id(), 2);
    let check = |hand: &mut Hand, result: &str| {
        let check = [(key::STEP, "area_safe".into()), (key::RESULT, result.into())];
        hand.fact(section::CHECKLIST, &check);
    };
    let read = |hand: &mut Hand, vin: &str, odometer: i64| {
        hand.fact(section::WORK, &[(key::KIND, "vin_read".into()), (key::VIN, vin.into())]);
        let odometer = [(key::KIND, "odometer".into()), (key::ODOMETER, odometer.into())];
        hand.fact(section::WORK, &odometer);
    };
    let result = |hand: &Hand| hand.job().checklist["area_safe"].result.clone();
    check(&mut former, "fail");
    read(&mut former, "WVWZZZ1JZXW000001", 1);
    desk.hear(&former);
    desk.assign(2, 2);
    assert_eq!(result(&desk).as_deref(), Some("fail"), "nobody else has checked it");
    assert_eq!(desk.job().vin(), Some("WVWZZZ1JZXW000001"));
    next.hear(&desk);
    check(&mut next, "pass");
    read(&mut next, "WVWZZZ1JZXW000002", 2);
    desk.hear(&next);
    former.hear(&desk);
    check(&mut former, "fail");
    read(&mut former, "WVWZZZ1JZXW000003", 3);
    desk.hear(&former);
    assert_eq!(result(&desk).as_deref(), Some("pass"));
    assert_eq!(desk.job().vin(), Some("WVWZZZ1JZXW000002"));
    assert_eq!(desk.job().observed.odometer, Some(2));
}

#[test]
fn a_signature_recorded_by_a_former_technician_signs_nothing_for_the_next_one() {
    let (mut desk, mut former) = assigned();
    let mut next = Hand::phone(desk.document.id(), 2);
    desk.assign(2, 2);
    next.hear(&desk);
    next.steps(&WORKED, 2);
    evidence(&mut next);
    next.steps(&["completed"], 2);
    desk.hear(&next);
    assert_eq!(open(&desk), [ExceptionKind::SignatureMissing]);
    former.hear(&desk);
    former.seal();
    desk.hear(&former);
    assert_eq!(open(&desk), [ExceptionKind::SignatureMissing]);
    assert!(!desk.job().seals[0].sound);
    next.hear(&desk);
    next.seal();
    desk.hear(&next);
    assert_eq!(open(&desk), []);
}
