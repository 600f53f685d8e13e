//! What came last is decided by who had seen what, never by a clock.
#![allow(clippy::expect_used)]

mod scene;

use proptest::collection::vec;
use proptest::prelude::*;
use scene::{Hand, MINUTE, NOON, a_job, assigned, id, meet, user};
use sync_core::document::Document;
use sync_core::id::{ActorId, FactId, VanId};
use sync_core::job::{ExceptionKind, Job, State};
use sync_core::policy::Role;
use sync_core::schema::{Key, key, section};
use sync_core::value::Value;
use sync_core::van::Van;

const YEAR: i64 = 365 * 24 * 60 * MINUTE;

fn raw(id: FactId) -> Value {
    Value::Bytes(id.as_bytes().to_vec())
}

fn other_desk() -> Hand {
    Hand::new(a_job(), 101, Role::Dispatcher)
}

fn checked(hand: &mut Hand, result: &str) -> FactId {
    hand.fact(section::CHECKLIST, &[(key::STEP, "hi_vis".into()), (key::RESULT, result.into())])
}

#[test]
fn a_job_cancelled_by_a_clock_that_is_ahead_can_be_reopened() {
    let (mut desk, mut phone) = assigned();
    let mut ahead = other_desk();
    ahead.hear(&desk);
    ahead.now += 3_000;
    ahead.cancel();
    desk.hear(&ahead);
    assert_eq!(desk.job().state, State::Cancelled);
    desk.fact(section::STATUS, &[(key::KIND, "reopened".into())]);
    assert_eq!(desk.job().state, State::Assigned);
    meet(&mut desk, &mut phone);
    assert_eq!(phone.job(), desk.job());
}

#[test]
fn a_reopening_takes_back_only_the_cancellations_it_had_seen() {
    let (mut desk, _) = assigned();
    let mut other = other_desk();
    desk.cancel();
    other.hear(&desk);
    other.now += YEAR;
    other.fact(section::STATUS, &[(key::KIND, "reopened".into())]);
    desk.cancel();
    desk.hear(&other);
    assert_eq!(desk.job().state, State::Cancelled);
}

#[test]
fn a_later_check_stands_over_one_by_a_clock_that_is_ahead() {
    let (mut desk, mut phone) = assigned();
    phone.now += YEAR;
    checked(&mut phone, "pass");
    phone.fact(section::WORK, &[(key::KIND, "odometer".into()), (key::ODOMETER, 84_210.into())]);
    phone.now = NOON + MINUTE;
    checked(&mut phone, "fail");
    phone.fact(section::WORK, &[(key::KIND, "odometer".into()), (key::ODOMETER, 48_210.into())]);
    desk.hear(&phone);
    assert_eq!(desk.job().checklist["hi_vis"].result.as_deref(), Some("fail"));
    assert_eq!(desk.job().observed.odometer, Some(48_210));
}

#[test]
fn a_correction_takes_the_place_of_what_it_corrects() {
    let (_, mut phone) = assigned();
    let first = checked(&mut phone, "pass");
    checked(&mut phone, "fail");
    let record = [
        (key::STEP, "hi_vis".into()),
        (key::RESULT, "not_applicable".into()),
        (key::CORRECTS, raw(first)),
    ];
    phone.fact(section::CHECKLIST, &record);
    assert_eq!(phone.job().checklist["hi_vis"].result.as_deref(), Some("fail"));
}

/// Technicians 2 and 3 with number 2 each, from desks that did not see each other.
fn twice_given() -> (Hand, Hand, Hand) {
    let (mut desk, _) = assigned();
    let mut other = other_desk();
    other.hear(&desk);
    desk.assign(2, 2);
    other.assign(3, 2);
    meet(&mut desk, &mut other);
    let (mut second, mut third) = (Hand::phone(a_job(), 2), Hand::phone(a_job(), 3));
    second.hear(&desk);
    third.hear(&desk);
    (desk, second, third)
}

#[test]
fn a_decline_takes_the_job_only_from_who_declines() {
    for declines in [2, 3] {
        let (mut desk, second, third) = twice_given();
        let mut phones = [second, third];
        phones.rotate_left(usize::from(declines == 3));
        let [mut away, mut there] = phones;
        there.steps(&["accepted", "en_route", "on_scene"], 2);
        away.step("declined", 2);
        desk.hear(&there);
        desk.hear(&away);
        let job = desk.job();
        assert_eq!(job.state, State::OnScene, "{declines} declines");
        let stays = job.assignment.and_then(|it| it.technician);
        assert_eq!(stays, Some(there.caller.user));
        assert!(job.exceptions.iter().all(|it| it.about != ExceptionKind::ConcurrentAssignment));
    }
}

#[test]
fn a_job_that_everybody_declined_is_nobodys() {
    let (mut desk, mut second, mut third) = twice_given();
    second.step("declined", 2);
    third.step("declined", 2);
    desk.hear(&second);
    desk.hear(&third);
    assert_eq!((desk.job().state, desk.job().assignment), (State::Received, None));
}

#[test]
fn a_decline_the_office_writes_down_is_about_the_last_assignment_before_it() {
    let (mut desk, _) = assigned();
    let mut other = other_desk();
    other.hear(&desk);
    let provider =
        [(key::KIND, "offer".into()), (key::EPOCH, 2.into()), (key::PROVIDER, "Tow & Co".into())];
    desk.fact(section::ASSIGNMENT, &provider);
    desk.step("declined", 2);
    assert_eq!(desk.job().assignment, None);
    other.fact(section::NOTES, &[(key::TEXT, "a long story".into())]);
    other.fact(section::NOTES, &[(key::TEXT, "and a longer one".into())]);
    other.fact(section::NOTES, &[(key::TEXT, "and the end of it".into())]);
    other.assign(3, 2);
    desk.hear(&other);
    assert_eq!(desk.job().assignment.and_then(|it| it.technician), Some(user(3)));
}

#[test]
fn a_recall_takes_the_job_only_from_whom_it_names() {
    let (mut desk, _) = assigned();
    let mut other = other_desk();
    other.hear(&desk);
    let recall =
        [(key::KIND, "recall".into()), (key::EPOCH, 2.into()), (key::TECHNICIAN, id(user(1)))];
    desk.fact(section::ASSIGNMENT, &recall);
    assert_eq!(desk.job().assignment, None);
    other.assign(3, 2);
    desk.hear(&other);
    assert_eq!(desk.job().assignment.and_then(|it| it.technician), Some(user(3)));
}

#[test]
fn the_last_decision_stands_whatever_the_clocks_of_the_desks_say() {
    let (mut desk, mut phone) = assigned();
    phone.steps(&["accepted", "en_route", "on_scene"], 1);
    let goa = phone.step("goa", 1);
    let mut ahead = other_desk();
    ahead.hear(&phone);
    ahead.now += YEAR;
    ahead.decide("goa_claimed", "confirm", Some(goa));
    desk.hear(&ahead);
    desk.decide("goa_claimed", "reject", Some(goa));
    assert_eq!(desk.job().state, State::OnScene);
}

/// One thing someone writes.
#[derive(Debug, Clone, Copy)]
enum Deed {
    Assign(u8, i64),
    Recall(u8, i64),
    Step(&'static str, i64),
    Cancel,
    /// Names what was written as this number, or nothing.
    Reopen(Option<usize>),
    Check(&'static str),
    Correct(usize),
    Odometer(i64),
    Part(usize),
    Void(usize),
    Decide(&'static str, &'static str, Option<usize>),
    Settle(&'static str),
    Hear(usize),
}

fn deed() -> impl Strategy<Value = Deed> {
    let steps = prop::sample::select(vec![
        "accepted",
        "declined",
        "en_route",
        "on_scene",
        "completed",
        "goa",
        "walk_up",
    ]);
    let decisions = prop::sample::select(vec![
        ("superseded_completed", "bill_this"),
        ("superseded_completed", "bill_other"),
        ("goa_claimed", "confirm"),
        ("goa_claimed", "reject"),
        ("cancelled_with_field_work", "accept_completed"),
        ("cancelled_with_field_work", "void"),
    ]);
    let results = prop::sample::select(vec!["pass", "fail", "not_applicable"]);
    let fact = || 0..30usize;
    prop_oneof![
        2 => (1..4u8, 1..4i64).prop_map(|(who, number)| Deed::Assign(who, number)),
        1 => (1..4u8, 1..4i64).prop_map(|(who, number)| Deed::Recall(who, number)),
        5 => (steps, 0..4i64).prop_map(|(step, number)| Deed::Step(step, number)),
        1 => Just(Deed::Cancel),
        1 => prop::option::of(fact()).prop_map(Deed::Reopen),
        2 => results.prop_map(Deed::Check),
        1 => fact().prop_map(Deed::Correct),
        1 => (1..9i64).prop_map(Deed::Odometer),
        1 => (0..9usize).prop_map(Deed::Part),
        1 => fact().prop_map(Deed::Void),
        2 => (decisions, prop::option::of(fact()))
            .prop_map(|((about, choice), of)| Deed::Decide(about, choice, of)),
        1 => prop::sample::select(vec!["accepted", "rejected"]).prop_map(Deed::Settle),
        6 => (0..6usize).prop_map(Deed::Hear),
    ]
}

/// Who writes and hears: three phones, two desks and the server.
fn hands(doc: sync_core::schema::DocId, clocks: &[i64]) -> Vec<Hand> {
    let roles = [(1, Role::Technician), (2, Role::Technician), (3, Role::Technician)];
    let office = [(100, Role::Dispatcher), (101, Role::Dispatcher), (102, Role::System)];
    let make = |((who, role), clock): ((u8, Role), &i64)| {
        let mut hand = Hand::new(doc, who, role);
        hand.actor = ActorId::new(NOON + clock, [who; 10]);
        hand.now += clock;
        hand
    };
    roles.into_iter().chain(office).zip(clocks).map(make).collect()
}

/// Plays a story, every clock being off by as much as `clocks` says at first and going on by as
/// much as `ticks` says before each deed. Returns what everybody together knows in the end.
fn played(story: &[(usize, Deed)], clocks: &[i64], ticks: &[i64]) -> (Document, Vec<FactId>) {
    let mut hands = hands(a_job(), clocks);
    let mut written: Vec<FactId> = Vec::new();
    for ((who, deed), tick) in story.iter().zip(ticks.iter().cycle()) {
        if let Deed::Hear(of) = deed {
            let other = hands[*of].clone();
            hands[*who].hear(&other);
            continue;
        }
        let hand = &mut hands[*who];
        hand.now = (hand.now + tick).clamp(NOON - 20 * YEAR, NOON + 20 * YEAR);
        let named = |key: Key, at: &usize| written.get(*at).map(|id| (key, raw(*id)));
        let text = |key: Key, text: &str| (key, Value::from(text));
        let given = |kind: &str, who: &u8, number: &i64| {
            vec![
                text(key::KIND, kind),
                (key::EPOCH, (*number).into()),
                (key::TECHNICIAN, id(user(*who))),
            ]
        };
        let (section, record) = match deed {
            Deed::Assign(who, number) => (section::ASSIGNMENT, given("assign", who, number)),
            Deed::Recall(who, number) => (section::ASSIGNMENT, given("recall", who, number)),
            Deed::Step(step, number) => (
                section::STATUS,
                vec![
                    text(key::KIND, step),
                    (key::EPOCH, (*number).into()),
                    text(key::REASON, "other"),
                ],
            ),
            Deed::Cancel => (
                section::STATUS,
                vec![text(key::KIND, "cancelled"), text(key::REASON, "customer_cancelled")],
            ),
            Deed::Reopen(of) => {
                let mut record = vec![text(key::KIND, "reopened")];
                record.extend(of.as_ref().and_then(|of| named(key::VOIDS, of)));
                (section::STATUS, record)
            }
            Deed::Check(result) => {
                (section::CHECKLIST, vec![text(key::STEP, "hi_vis"), text(key::RESULT, result)])
            }
            Deed::Correct(of) => {
                let mut record = vec![text(key::STEP, "hi_vis"), text(key::RESULT, "pass")];
                record.extend(named(key::CORRECTS, of));
                (section::CHECKLIST, record)
            }
            Deed::Odometer(value) => {
                (section::WORK, vec![text(key::KIND, "odometer"), (key::ODOMETER, (*value).into())])
            }
            Deed::Part(part) => (section::PARTS, vec![text(key::PART_NO, &format!("H{part}"))]),
            Deed::Void(of) => (section::PARTS, named(key::VOIDS, of).into_iter().collect()),
            Deed::Decide(about, choice, of) => {
                let mut record = vec![text(key::ABOUT, about), text(key::CHOICE, choice)];
                record.extend(of.as_ref().and_then(|of| named(key::REF, of)));
                (section::DECISIONS, record)
            }
            Deed::Settle(kind) => (section::SETTLEMENT, vec![text(key::KIND, kind)]),
            Deed::Hear(_) => continue,
        };
        // Both plays refuse the same: no clock has a say in that either.
        written.extend(hand.attempt_fact(section, &record).ok().flatten());
    }
    let all = hands.clone();
    let last = hands.last_mut().expect("someone");
    all.iter().for_each(|hand| last.hear(hand));
    (last.document.clone(), written)
}

/// A job without its times and what it says of clocks, its facts by the order in which they were
/// written.
fn without_times(job: &Job, written: &[FactId]) -> String {
    let name = |id: &FactId| written.iter().position(|it| it == id);
    let hands = |it: &sync_core::job::Assignment| (name(&it.id), it.technician, it.epoch, it.kind);
    let superseded: Vec<_> =
        job.superseded.iter().map(|it| (hands(&it.assignment), it.reached, it.recalled)).collect();
    let exceptions = |list: &[sync_core::job::Exception]| {
        let decision = |it: &sync_core::job::Decision| (name(&it.id), it.choice.clone());
        let of = |it: &sync_core::job::Exception| {
            let on = it.decision.as_ref().map(decision);
            (it.about, it.reference.as_ref().map(name), it.technician, on)
        };
        let others = list.iter().filter(|it| it.about != ExceptionKind::ClockSkew);
        others.map(of).collect::<Vec<_>>()
    };
    // What is left to say of a clock keeps a job from being closed, and nothing else.
    let asked = job.exceptions.iter().any(|it| it.about != ExceptionKind::ClockSkew);
    let is_closed = job.state.is_over() && job.is_accepted() && !asked;
    let state = if is_closed { State::Closed } else { job.state };
    let parts: Vec<_> =
        job.parts.iter().map(|it| (name(&it.id), name(&it.fact), it.voided, it.billed)).collect();
    let checklist: Vec<_> =
        job.checklist.iter().map(|(step, it)| (step, name(&it.id), &it.result)).collect();
    let settlement = job.settlement.as_ref().map(|it| (name(&it.id), &it.kind));
    format!(
        "{:#?}",
        (
            (state, job.walk_up, job.assignment.as_ref().map(hands), job.next_epoch),
            (superseded, job.active_technician, parts, &job.totals),
            (checklist, &job.missing, &job.observed, settlement),
            (exceptions(&job.exceptions), exceptions(&job.decided)),
        )
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn what_a_job_is_does_not_depend_on_any_clock(
        story in vec((0..6usize, deed()), 1..60),
        clocks in vec(-10 * YEAR..10 * YEAR, 6),
        ticks in vec(-YEAR..YEAR, 1..20),
    ) {
        let (right, written) = played(&story, &[0; 6], &[MINUTE]);
        let (wrong, ids) = played(&story, &clocks, &ticks);
        prop_assert_eq!(written.len(), ids.len());
        let (right, wrong) = (Job::of(&right), Job::of(&wrong));
        prop_assert_eq!(without_times(&right, &written), without_times(&wrong, &ids));
    }

    #[test]
    fn what_is_in_a_van_does_not_depend_on_any_clock(
        story in vec((0..6usize, 0..3u8, 1..9i64, 0..6usize), 1..40),
        clocks in vec(-10 * YEAR..10 * YEAR, 6),
        ticks in vec(-YEAR..YEAR, 1..20),
    ) {
        let play = |clocks: &[i64], ticks: &[i64]| {
            let van = VanId::new(NOON, [9; 10]);
            let mut hands = hands(van.into(), clocks);
            for driver in 1..4 {
                hands[3].set(section::DETAILS, key::TECHNICIAN, id(user(driver)));
            }
            let desk = hands[3].clone();
            hands.iter_mut().for_each(|hand| hand.hear(&desk));
            for ((who, deed, quantity, of), tick) in story.iter().zip(ticks.iter().cycle()) {
                let other = hands[*of].clone();
                let hand = &mut hands[*who];
                hand.now = (hand.now + tick).clamp(NOON - 20 * YEAR, NOON + 20 * YEAR);
                let mut record =
                    vec![(key::PART_NO, "H7".into()), (key::QUANTITY, (*quantity).into())];
                let written = match deed {
                    0 => hand.attempt_fact(section::COUNTS, &record),
                    1 => {
                        record.push((key::KIND, "load".into()));
                        hand.attempt_fact(section::MOVEMENTS, &record)
                    }
                    _ => {
                        hand.hear(&other);
                        Ok(None)
                    }
                };
                drop(written);
            }
            let all = hands.clone();
            let last = hands.last_mut().expect("someone");
            all.iter().for_each(|hand| last.hear(hand));
            let lines = Van::of(&last.document, &[]).stock.lines;
            lines.into_iter().map(|it| (it.part_no, it.bin, it.quantity)).collect::<Vec<_>>()
        };
        prop_assert_eq!(play(&[0; 6], &[MINUTE]), play(&clocks, &ticks));
    }
}
