//! What happens when facts arrive late or cross an office decision, a named test for each rule that
//! a document alone decides. Stock is in `stock.rs`, prices after a signature in `seals.rs`, revoked
//! and copied phones in `reauthor.rs`, `repair.rs` and the end-to-end tests.
#![allow(clippy::expect_used)]

mod scene;

use scene::{Hand, MINUTE, NOON, a_job, assigned, evidence, meet, user};
use sync_core::job::{ExceptionKind, Missing, State, Step, timeline};
use sync_core::schema::{key, section};

fn open(hand: &Hand) -> Vec<ExceptionKind> {
    hand.job().exceptions.iter().map(|exception| exception.about).collect()
}

fn reference(hand: &Hand, about: ExceptionKind) -> sync_core::id::FactId {
    let job = hand.job();
    let exception = job.exceptions.iter().find(|e| e.about == about).expect("it is open");
    exception.reference.expect("it names a fact")
}

const WORKED: [&str; 4] = ["accepted", "en_route", "on_scene", "working"];

#[test]
fn a_fact_that_arrives_twice_has_no_second_effect() {
    let (mut desk, mut phone) = assigned();
    phone.steps(&WORKED, 1);
    let part = [(key::PART_NO, "H7".into()), (key::UNIT_PRICE, 900.into())];
    phone.fact(section::PARTS, &part);
    desk.hear(&phone);
    let once = desk.job();
    desk.hear(&phone);
    assert_eq!(desk.job(), once);
    assert_eq!(once.totals[0].total, Some(900));
}

#[test]
fn an_older_fact_fills_in_its_time_and_the_state_never_goes_back() {
    let (mut desk, mut phone) = assigned();
    phone.steps(&["en_route"], 1);
    phone.steps(&["on_scene", "working"], 1);
    // Another desk, told by voice, writes down what the phone never recorded.
    let mut other = Hand::new(a_job(), 101, sync_core::policy::Role::Dispatcher);
    other.hear(&desk);
    other.now = NOON + MINUTE / 2;
    other.step("accepted", 1);
    let accepted_at = other.now;
    desk.hear(&phone);
    let job = desk.job();
    assert_eq!(job.state, State::Working);
    assert!(job.times[&Step::Accepted].inferred);
    assert_eq!(job.times[&Step::Accepted].time.at, job.times[&Step::EnRoute].time.at);
    desk.hear(&other);
    let job = desk.job();
    assert_eq!(job.state, State::Working);
    assert!(!job.times[&Step::Accepted].inferred);
    assert!((accepted_at - 1..=accepted_at).contains(&job.times[&Step::Accepted].time.at));
}

#[test]
fn cancelled_while_the_technician_worked_offline_keeps_the_work_and_asks() {
    let (mut desk, mut phone) = assigned();
    phone.steps(&WORKED, 1);
    phone.fact(section::PARTS, &[(key::PART_NO, "H7".into()), (key::UNIT_PRICE, 900.into())]);
    phone.steps(&["completed"], 1);
    let cancelled = desk.cancel();
    meet(&mut desk, &mut phone);
    let job = desk.job();
    assert_eq!(job.state, State::Cancelled);
    assert_eq!(open(&desk), [ExceptionKind::CancelledWithFieldWork]);
    assert_eq!(job.parts.len(), 1);
    assert_eq!(job, phone.job());
    let late = timeline(&desk.document).into_iter().filter(|item| item.late).count();
    assert_eq!(late, 6);

    let word = ExceptionKind::CancelledWithFieldWork.as_str();
    for (choice, state) in [
        ("accept_completed", State::Completed),
        ("pay_fee", State::Cancelled),
        ("void", State::Cancelled),
    ] {
        for reference in [cancelled, reference(&desk, ExceptionKind::CancelledWithFieldWork)] {
            let mut desk = desk.clone();
            desk.decide(word, choice, Some(reference));
            assert_eq!(desk.job().state, state, "{choice}");
            assert!(!open(&desk).contains(&ExceptionKind::CancelledWithFieldWork), "{choice}");
            assert_eq!(desk.job().decided[0].about, ExceptionKind::CancelledWithFieldWork);
        }
    }
    // More work that no desk had seen asks again, unless the work was accepted.
    desk.decide(word, "void", Some(cancelled));
    phone.fact(section::WORK, &[(key::KIND, "cause".into()), (key::TEXT, "a nail".into())]);
    desk.hear(&phone);
    assert_eq!(open(&desk), [ExceptionKind::CancelledWithFieldWork]);
}

#[test]
fn cancelled_with_the_work_before_its_eyes_is_just_cancelled() {
    let (mut desk, mut phone) = assigned();
    phone.steps(&WORKED, 1);
    desk.hear(&phone);
    let cancelled = desk.cancel();
    assert_eq!(desk.job().state, State::Cancelled);
    assert_eq!(open(&desk), []);
    let voids = sync_core::value::Value::Bytes(cancelled.as_bytes().to_vec());
    desk.fact(section::STATUS, &[(key::KIND, "reopened".into()), (key::VOIDS, voids)]);
    assert_eq!(desk.job().state, State::Working);
}

#[test]
fn work_that_came_by_way_of_another_desk_was_before_the_cancelling_desks_eyes_too() {
    let (mut desk, mut phone) = assigned();
    let mut other = Hand::new(a_job(), 101, sync_core::policy::Role::Dispatcher);
    phone.steps(&WORKED, 1);
    other.hear(&phone);
    other.fact(section::NOTES, &[(key::TEXT, "customer called again".into())]);
    desk.hear(&other);
    desk.cancel();
    assert_eq!(open(&desk), []);
}

#[test]
fn reassigned_while_offline_and_completed_by_the_first_recalls_a_second_who_had_not_set_off() {
    let (mut desk, mut first) = assigned();
    first.steps(&WORKED, 1);
    first.steps(&["completed"], 1);
    let mut second = Hand::phone(a_job(), 2);
    desk.assign(2, 2);
    meet(&mut desk, &mut second);
    second.steps(&["accepted"], 2);
    meet(&mut desk, &mut second);
    desk.hear(&first);
    let job = desk.job();
    assert_eq!(job.state, State::Completed);
    assert_eq!(job.assignment.as_ref().and_then(|a| a.technician), Some(user(1)));
    assert!(job.superseded[0].recalled);
    assert!(!open(&desk).contains(&ExceptionKind::SupersededCompleted));
    let members = sync_core::scope::members(&desk.document);
    let current: Vec<_> = members.iter().filter(|m| m.current).map(|m| m.user).collect();
    assert_eq!(current, [user(1)]);
    // The second had set off after all: now a person decides.
    second.steps(&["en_route"], 2);
    desk.hear(&second);
    assert_eq!(desk.job().state, State::Completed);
    assert!(open(&desk).contains(&ExceptionKind::SupersededCompleted));
}

#[test]
fn reassigned_and_completed_by_the_first_while_the_second_drives_asks_who_is_billed() {
    let (mut desk, mut first) = assigned();
    first.steps(&WORKED, 1);
    let part = [(key::PART_NO, "H7".into()), (key::UNIT_PRICE, 900.into())];
    first.fact(section::PARTS, &part);
    first.steps(&["completed"], 1);
    let mut second = Hand::phone(a_job(), 2);
    desk.assign(2, 2);
    second.hear(&desk);
    second.steps(&["accepted", "en_route"], 2);
    desk.hear(&second);
    desk.hear(&first);
    let about = ExceptionKind::SupersededCompleted;
    let question = reference(&desk, about);

    let mut for_first = desk.clone();
    for_first.decide(about.as_str(), "bill_this", Some(question));
    let job = for_first.job();
    assert_eq!(job.assignment.as_ref().and_then(|a| a.technician), Some(user(1)));
    assert!(job.superseded[0].recalled && job.parts[0].billed);

    desk.decide(about.as_str(), "bill_other", Some(question));
    let job = desk.job();
    assert_eq!(job.state, State::EnRoute);
    assert_eq!(job.active_technician, Some(user(2)));
    assert_eq!(job.superseded[0].reached, State::Completed);
    assert!(!job.parts[0].billed && job.totals.is_empty());
    assert_eq!(open(&desk), []);
    assert_eq!(job.decided[0].about, about);
}

#[test]
fn who_knew_that_the_job_was_given_on_and_completes_it_does_not_get_it_back() {
    let (mut desk, mut first) = assigned();
    first.steps(&["accepted"], 1);
    meet(&mut desk, &mut first);
    desk.assign(2, 2);
    let mut second = Hand::phone(a_job(), 2);
    second.hear(&desk);
    second.steps(&["accepted"], 2);
    meet(&mut desk, &mut second);
    first.hear(&desk);
    let part = [(key::PART_NO, "H7".into()), (key::UNIT_PRICE, 900_000.into())];
    first.fact(section::PARTS, &part);
    first.step("completed", 1);
    desk.hear(&first);
    let job = desk.job();
    assert_eq!(job.state, State::Accepted);
    assert_eq!(job.assignment.as_ref().and_then(|a| a.technician), Some(user(2)));
    assert!(!job.parts[0].billed && job.totals.is_empty());
    assert_eq!(open(&desk), [ExceptionKind::SupersededCompleted]);
    let members = sync_core::scope::members(&desk.document);
    let current: Vec<_> = members.iter().filter(|m| m.current).map(|m| m.user).collect();
    assert_eq!(current, [user(2)]);

    let question = reference(&desk, ExceptionKind::SupersededCompleted);
    let mut for_first = desk.clone();
    for_first.decide("superseded_completed", "bill_this", Some(question));
    assert_eq!(for_first.job().state, State::Completed);
    assert!(for_first.job().parts[0].billed);
    desk.decide("superseded_completed", "bill_other", Some(question));
    assert_eq!((desk.job().state, open(&desk)), (State::Accepted, vec![]));
}

#[test]
fn who_declined_or_saw_the_recall_and_completes_all_the_same_leaves_a_decision() {
    for declined in [true, false] {
        let (mut desk, mut phone) = assigned();
        if declined {
            phone.step("declined", 1);
            meet(&mut desk, &mut phone);
            desk.assign(2, 2);
        } else {
            phone.step("accepted", 1);
            meet(&mut desk, &mut phone);
            let recall = [
                (key::KIND, "recall".into()),
                (key::EPOCH, 1.into()),
                (key::TECHNICIAN, scene::id(user(1))),
            ];
            desk.fact(section::ASSIGNMENT, &recall);
        }
        let before = desk.job();
        phone.hear(&desk);
        phone.step("completed", 1);
        desk.hear(&phone);
        assert_eq!(desk.job().state, before.state, "declined: {declined}");
        assert_eq!(desk.job().assignment, before.assignment, "declined: {declined}");
        assert_eq!(open(&desk), [ExceptionKind::SupersededCompleted], "declined: {declined}");
    }
}

#[test]
fn a_desk_that_saw_the_completion_and_gave_the_job_on_has_decided_already() {
    let (mut desk, mut first) = assigned();
    first.steps(&WORKED, 1);
    let completed = first.step("completed", 1);
    desk.hear(&first);
    let mut again = desk.clone();
    desk.assign(2, 2);
    let job = desk.job();
    assert_eq!(job.state, State::Assigned);
    assert_eq!(job.assignment.and_then(|a| a.technician), Some(user(2)));
    assert!(!open(&desk).contains(&ExceptionKind::SupersededCompleted));
    // Reopening sends the same technician back instead.
    let voids = sync_core::value::Value::Bytes(completed.as_bytes().to_vec());
    again.fact(section::STATUS, &[(key::KIND, "reopened".into()), (key::VOIDS, voids)]);
    assert_eq!(again.job().state, State::Working);
}

#[test]
fn an_ending_that_is_taken_back_by_name_leaves_the_job_with_its_technician() {
    for (ending, choice) in [("completed", None), ("goa", Some("goa_claimed"))] {
        let (mut desk, mut phone) = assigned();
        phone.steps(&WORKED, 1);
        assert_eq!(sync_core::job::endings(&phone.document), []);
        phone.step(ending, 1);
        let again = phone.step(ending, 1);
        desk.hear(&phone);
        if let Some(about) = choice {
            desk.decide(about, "confirm", Some(again));
        }
        assert!(desk.job().state.is_over());
        let endings = sync_core::job::endings(&desk.document);
        assert_eq!(endings.len(), 2);
        for id in endings {
            let voids = sync_core::value::Value::Bytes(id.as_bytes().to_vec());
            desk.fact(section::STATUS, &[(key::KIND, "reopened".into()), (key::VOIDS, voids)]);
        }
        let job = desk.job();
        assert_eq!((job.state, job.active_technician), (State::Working, Some(user(1))));
        assert!(!open(&desk).contains(&ExceptionKind::GoaClaimed));
        let member = sync_core::scope::Member { user: user(1), current: true };
        assert_eq!(sync_core::scope::members(&desk.document), [member]);
        phone.hear(&desk);
        phone.step("completed", 1);
        assert_eq!(phone.job().state, State::Completed);
    }
}

#[test]
fn office_edits_of_different_fields_stand_and_of_the_same_field_are_shown_as_a_conflict() {
    let (mut desk, mut phone) = assigned();
    let mut other = Hand::new(a_job(), 101, sync_core::policy::Role::Manager);
    other.hear(&desk);
    desk.set(section::INTAKE, key::ADDRESS, "Zhongxiao E. Rd. 7");
    desk.set(section::INTAKE, key::VIN, "1M8GDM9AXKP042788");
    other.set(section::INTAKE, key::REMARKS, "dog in the car");
    other.set(section::PROMISE, key::AMOUNT, 120_000);
    phone.fact(
        section::WORK,
        &[(key::KIND, "vin_read".into()), (key::VIN, "1M8GDM9AXKP042789".into())],
    );
    meet(&mut desk, &mut other);
    desk.hear(&phone);
    let job = desk.job();
    assert_eq!(job.intake.address.as_deref(), Some("Zhongxiao E. Rd. 7"));
    assert_eq!(job.intake.remarks.as_deref(), Some("dog in the car"));
    assert_eq!(job.observed.vin.as_deref(), Some("1M8GDM9AXKP042789"));
    assert_eq!(open(&desk), []);

    desk.set(section::PROMISE, key::AMOUNT, 90_000);
    other.set(section::PROMISE, key::AMOUNT, 150_000);
    meet(&mut desk, &mut other);
    assert_eq!(open(&desk), [ExceptionKind::FieldConflict]);
    assert_eq!(desk.job(), other.job());
    desk.set(section::PROMISE, key::AMOUNT, 100_000);
    assert_eq!(open(&desk), []);
}

#[test]
fn a_wrong_clock_is_corrected_shown_with_its_uncertainty_and_flagged_once() {
    let (mut desk, mut phone) = assigned();
    let hour = 60 * MINUTE;
    let anchored = |at: i64, up: i64, kind: &str| {
        [
            (key::KIND, kind.into()),
            (key::EPOCH, 1.into()),
            (key::AT, at.into()),
            (key::UP, up.into()),
            (key::SRV, NOON.into()),
            (key::SRV_UP, 0.into()),
        ]
    };
    phone.fact(section::STATUS, &anchored(NOON + 7 * hour, hour, "en_route"));
    desk.hear(&phone);
    let job = desk.job();
    assert_eq!(job.times[&Step::EnRoute].time.at, NOON + hour);
    let skew = &job.exceptions[0];
    assert_eq!(
        (skew.about, skew.skew, skew.uncertainty),
        (ExceptionKind::ClockSkew, Some(6 * hour), Some(1360))
    );
    assert_eq!(skew.technician, Some(user(1)));
    desk.decide(ExceptionKind::ClockSkew.as_str(), "confirm", skew.reference);
    phone.fact(section::STATUS, &anchored(NOON + 8 * hour, 2 * hour, "on_scene"));
    desk.hear(&phone);
    assert_eq!(open(&desk), []);
    assert_eq!(desk.job().state, State::OnScene);
}

/// What the desk hears of the clock of a phone that names no server time, once it has written itself.
fn doubted(at: i64) -> (Vec<ExceptionKind>, Option<i64>, bool) {
    let (mut desk, mut phone) = assigned();
    let step = [(key::KIND, "en_route".into()), (key::EPOCH, 1.into()), (key::AT, at.into())];
    let step = phone.fact(section::STATUS, &step);
    desk.hear(&phone);
    desk.set(section::INTAKE, key::REMARKS, "by the gate");
    meet(&mut desk, &mut phone);
    assert_eq!(phone.job(), desk.job());
    let of_step = timeline(&desk.document).into_iter().find(|item| item.fact == Some(step));
    let of_step = of_step.expect("it is in the story");
    assert_eq!((of_step.time.at, of_step.time.uncertainty), (at, None), "the doubt is unknown");
    let clock = desk.job().exceptions.into_iter().find(|it| it.about == ExceptionKind::ClockSkew);
    assert!(clock.as_ref().is_none_or(|it| it.uncertainty.is_none()));
    (open(&desk), clock.and_then(|it| it.skew), of_step.impossible)
}

#[test]
fn a_claimed_time_that_cannot_be_is_flagged_though_the_phone_named_no_server_time() {
    let hour = 60 * MINUTE;
    for at in [NOON - 23 * hour, NOON, NOON + 9 * MINUTE] {
        assert_eq!(doubted(at), (vec![], None, false), "{at}");
    }
    for at in [NOON - 25 * hour, NOON + 11 * MINUTE, 0, 7_258_118_399_999] {
        let (open, skew, impossible) = doubted(at);
        assert_eq!((open, impossible), (vec![ExceptionKind::ClockSkew], true), "{at}");
        let off = skew.expect("it says by how much") - (at - NOON);
        assert!(off.abs() < 100, "{off}");
    }
}

#[test]
fn a_server_time_that_a_phone_invents_hides_no_time_that_cannot_be() {
    let (mut desk, mut phone) = assigned();
    let ahead = NOON + 24 * 60 * MINUTE;
    let step = [
        (key::KIND, "en_route".into()),
        (key::EPOCH, 1.into()),
        (key::AT, ahead.into()),
        (key::UP, 5.into()),
        (key::SRV, ahead.into()),
        (key::SRV_UP, 5.into()),
    ];
    phone.fact(section::STATUS, &step);
    desk.hear(&phone);
    assert_eq!(open(&desk), [], "nobody has seen it yet but the phone");
    desk.set(section::INTAKE, key::REMARKS, "by the gate");
    assert_eq!(open(&desk), [ExceptionKind::ClockSkew]);
}

#[test]
fn a_missing_checklist_step_opens_a_correction_task_that_goes_when_it_arrives() {
    let (mut desk, mut phone) = assigned();
    phone.steps(&WORKED, 1);
    assert!(phone.job().missing.contains(&Missing::ChecklistStep("area_safe".into())));
    phone.steps(&["completed"], 1);
    desk.hear(&phone);
    assert_eq!(desk.job().state, State::Completed);
    assert_eq!(open(&desk), [ExceptionKind::ChecklistIncomplete, ExceptionKind::SignatureMissing]);
    evidence(&mut phone);
    desk.hear(&phone);
    assert_eq!(open(&desk), [ExceptionKind::SignatureMissing]);
    desk.decide(ExceptionKind::SignatureMissing.as_str(), "confirm", None);
    assert_eq!(open(&desk), []);
}

#[test]
fn an_amount_changed_after_an_unsigned_end_asks_until_decided_or_signed() {
    let price =
        |number: &str, price: i64| [(key::PART_NO, number.into()), (key::UNIT_PRICE, price.into())];
    for reason in [Some("customer_absent"), None] {
        let (mut desk, mut phone) = assigned();
        phone.steps(&WORKED, 1);
        evidence(&mut phone);
        phone.fact(section::PARTS, &price("H7", 35_000));
        let mut end = vec![(key::KIND, "completed".into()), (key::EPOCH, 1.into())];
        end.extend(reason.map(|reason| (key::REASON, reason.into())));
        phone.fact(section::STATUS, &end);
        desk.hear(&phone);
        if reason.is_none() {
            desk.decide("signature_missing", "confirm", None);
        }
        phone.fact(section::PARTS, &price("FREE", 0));
        desk.hear(&phone);
        assert_eq!(open(&desk), [], "{reason:?}");
        let gold = phone.fact(section::PARTS, &price("GOLD", 900_000));
        desk.hear(&phone);
        assert_eq!(open(&desk), [ExceptionKind::SignatureMissing], "{reason:?}");
        assert_eq!(reference(&desk, ExceptionKind::SignatureMissing), gold, "{reason:?}");
        let mut signing = phone.clone();
        signing.seal();
        assert_eq!(open(&signing), [], "{reason:?}");
        desk.decide("signature_missing", "confirm", Some(gold));
        assert_eq!(open(&desk), [], "{reason:?}");
        desk.fact(section::CHARGES, &[(key::AMOUNT, 1_000.into())]);
        assert_eq!(open(&desk), [ExceptionKind::SignatureMissing], "{reason:?}");
    }
}

#[test]
fn nobody_there_is_a_claim_until_the_desk_confirms_it() {
    let (mut desk, mut phone) = assigned();
    phone.steps(&["accepted", "en_route", "on_scene", "goa"], 1);
    desk.hear(&phone);
    assert_eq!(desk.job().state, State::OnScene);
    assert_eq!(open(&desk), [ExceptionKind::GoaClaimed]);
    let question = reference(&desk, ExceptionKind::GoaClaimed);
    let mut rejecting = desk.clone();
    rejecting.decide("goa_claimed", "reject", Some(question));
    assert_eq!((rejecting.job().state, open(&rejecting)), (State::OnScene, vec![]));
    assert_eq!(rejecting.job().active_technician, Some(user(1)), "they have to go on with it");
    phone.hear(&rejecting);
    phone.step("goa", 1);
    assert_eq!(phone.job().active_technician, None, "another claim is another question");
    desk.decide("goa_claimed", "confirm", Some(question));
    assert_eq!((desk.job().state, open(&desk)), (State::Goa, vec![]));
}

#[test]
fn two_desks_that_assign_at_once_are_asked_and_a_later_assignment_settles_it() {
    let (mut desk, _) = assigned();
    let mut other = Hand::new(a_job(), 101, sync_core::policy::Role::Dispatcher);
    other.hear(&desk);
    desk.assign(2, 2);
    other.assign(3, 2);
    meet(&mut desk, &mut other);
    assert_eq!(desk.job(), other.job());
    assert_eq!(open(&desk), [ExceptionKind::ConcurrentAssignment]);
    let next = desk.job().next_epoch;
    desk.assign(2, next);
    assert_eq!(open(&desk), []);
    assert_eq!(desk.job().assignment.and_then(|a| a.technician), Some(user(2)));
}

#[test]
fn of_two_technicians_under_one_epoch_each_ones_steps_are_their_own() {
    let (mut desk, _) = assigned();
    let mut other = Hand::new(a_job(), 101, sync_core::policy::Role::Dispatcher);
    other.hear(&desk);
    desk.assign(2, 2);
    other.assign(3, 2);
    meet(&mut desk, &mut other);
    for who in [2, 3] {
        let mut phone = Hand::phone(a_job(), who);
        phone.hear(&desk);
        phone.steps(if who == 2 { &["accepted"] } else { &["accepted", "en_route"] }, 2);
        desk.hear(&phone);
        let job = desk.job();
        let hands = job.assignment.iter().map(|a| (a.technician, job.state));
        let others = job.superseded.iter().map(|s| (s.assignment.technician, s.reached));
        let reached = if who == 2 { State::Accepted } else { State::EnRoute };
        assert!(hands.chain(others).any(|(t, state)| (t, state) == (Some(user(who)), reached)));
    }
}

#[test]
fn an_offer_expires_for_who_asks_later_and_an_answer_given_in_time_stands() {
    let mut desk = Hand::desk(a_job());
    let mut phone = Hand::phone(a_job(), 1);
    let record = [
        (key::KIND, "offer".into()),
        (key::EPOCH, 1.into()),
        (key::TECHNICIAN, scene::id(user(1))),
        (key::EXPIRES, (NOON + 90_000).into()),
    ];
    desk.fact(section::ASSIGNMENT, &record);
    assert_eq!(desk.job().state_at(NOON + 89_999), State::Offered);
    assert_eq!(desk.job().state_at(NOON + 90_000), State::Received);
    phone.hear(&desk);
    phone.steps(&["accepted"], 1);
    desk.hear(&phone);
    assert_eq!(desk.job().state_at(NOON + 10 * MINUTE), State::Accepted);
}

#[test]
fn a_walk_up_is_worked_from_what_its_technician_saw_until_the_office_says_otherwise() {
    let mut phone = Hand::phone(a_job(), 1);
    phone.fact(
        section::STATUS,
        &[
            (key::KIND, "walk_up".into()),
            (key::PLATE, "ABC-1234".into()),
            (key::PROBLEM, "flat_tyre".into()),
            (key::LAT, 250_000_000.into()),
            (key::LON, 1_215_000_000.into()),
        ],
    );
    phone.steps(&["on_scene", "working"], 0);
    let job = phone.job();
    assert!(job.walk_up && job.state == State::Working);
    assert_eq!(job.intake.plate.as_deref(), Some("ABC-1234"));
    assert_eq!(job.intake.place.map(|place| place.lat()), Some(250_000_000));
    assert!(job.missing.contains(&Missing::ChecklistStep("torque_checked".into())));
    let mut desk = Hand::desk(a_job());
    desk.hear(&phone);
    desk.set(section::INTAKE, key::PLATE, "ABC-1235");
    desk.assign(1, 1);
    assert_eq!(desk.job().intake.plate.as_deref(), Some("ABC-1235"));
    assert_eq!(desk.job().state, State::Working);
}

#[test]
fn totals_are_by_currency_and_absent_when_they_do_not_fit() {
    let (mut desk, mut phone) = assigned();
    desk.set(section::PROMISE, key::CURRENCY, "TWD");
    phone.hear(&desk);
    let part =
        [(key::PART_NO, "H7".into()), (key::QUANTITY, 1_500.into()), (key::UNIT_PRICE, 333.into())];
    phone.fact(section::PARTS, &part);
    desk.hear(&phone);
    desk.fact(section::CHARGES, &[(key::AMOUNT, 1_000.into()), (key::CURRENCY, "USD".into())]);
    // Nobody records such an amount any more; logs of before hold it.
    let fee = sync_core::id::FactId::new(desk.now, [77; 10]);
    let record = [(key::AMOUNT, i64::MAX.into())].into();
    desk.took(vec![sync_core::change::Entry::Fact { section: section::CHARGES, id: fee, record }]);
    let totals = |desk: &Hand| {
        let totals = desk.job().totals.into_iter();
        totals.map(|total| (total.currency, total.total)).collect::<Vec<_>>()
    };
    assert_eq!(totals(&desk), [("TWD".into(), None), ("USD".into(), Some(1_000))]);
    let voids = sync_core::value::Value::Bytes(fee.as_bytes().to_vec());
    desk.fact(section::CHARGES, &[(key::VOIDS, voids)]);
    assert_eq!(totals(&desk), [("TWD".into(), Some(500)), ("USD".into(), Some(1_000))]);
}

#[test]
fn a_job_closes_and_leaves_the_phone_once_the_dealership_has_it_and_nothing_waits() {
    let (mut desk, mut phone) = assigned();
    phone.steps(&WORKED, 1);
    phone.steps(&["completed"], 1);
    desk.hear(&phone);
    let mut server = Hand::new(a_job(), 102, sync_core::policy::Role::System);
    server.hear(&desk);
    server.fact(section::SETTLEMENT, &[(key::KIND, "accepted".into()), (key::REF, "RO-7".into())]);
    assert_eq!(server.job().state, State::Completed);
    desk.hear(&server);
    desk.decide("checklist_incomplete", "confirm", None);
    desk.decide("signature_missing", "confirm", None);
    assert_eq!(desk.job().state, State::Closed);
    assert_eq!(desk.job().settlement.and_then(|s| s.reference).as_deref(), Some("RO-7"));
    let released = sync_core::scope::Member { user: user(1), current: false };
    assert_eq!(sync_core::scope::members(&desk.document), [released]);
}

#[test]
fn who_claims_that_it_came_to_nothing_is_free_for_the_next_job_before_the_office_decides() {
    let (_, mut phone) = assigned();
    phone.steps(&["accepted", "en_route", "on_scene"], 1);
    assert_eq!(phone.job().active_technician, Some(user(1)));
    phone.step("goa", 1);
    assert_eq!((phone.job().state, phone.job().active_technician), (State::OnScene, None));
}

#[test]
fn a_technician_writes_down_a_complaint_and_never_the_survey_about_themself() {
    let (mut desk, mut phone) = assigned();
    let survey = [(key::KIND, "survey".into()), (key::SCORE, 100.into())];
    let refused = phone.attempt_fact(section::FEEDBACK, &survey);
    assert!(refused.is_err(), "{refused:?}");
    desk.fact(section::FEEDBACK, &survey);
    let complaint = [(key::KIND, "complaint".into()), (key::TEXT, "Waited two hours".into())];
    phone.fact(section::FEEDBACK, &complaint);
}
