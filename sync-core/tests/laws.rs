//! Laws: any order, grouping and repetition of the same work gives the same document and job, and
//! Automerge, the oracle, says so too.
#![allow(clippy::expect_used)]

mod scene;

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use scene::{Hand, a_job, id, meet, user};
use sync_core::admission::replay;
use sync_core::change::Run;
use sync_core::document::{Author, Document, Refusal};
use sync_core::id::FactId;
use sync_core::job::{ExceptionKind, Job, State, Step, TaxMode, timeline};
use sync_core::policy::Role;
use sync_core::schema::{Key, PRICE_MOST, key, section};
use sync_core::scope::members;
use sync_core::value::Value;

/// Two desks and three phones, of which the third was never given the job.
fn hands() -> Vec<Hand> {
    let desk = |who| Hand::new(a_job(), who, Role::Dispatcher);
    let mut hands = vec![desk(100), desk(101)];
    hands.extend((1..=3).map(|who| Hand::phone(a_job(), who)));
    hands
}

#[derive(Debug, Clone)]
enum Deed {
    /// Two replicas exchange everything.
    Meet(usize, usize),
    /// A hand tries one thing; the policy may refuse it.
    Do { who: usize, what: u8, epoch: i64, number: u8 },
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        2 => (0..5usize, 0..5usize).prop_map(|(a, b)| Deed::Meet(a, b)),
        7 => (0..5usize, 0..12u8, 0..4i64, any::<u8>())
            .prop_map(|(who, what, epoch, number)| Deed::Do { who, what, epoch, number }),
    ]
}

fn play(deeds: &[Deed]) -> Vec<Hand> {
    let mut hands = hands();
    for deed in deeds {
        match *deed {
            Deed::Meet(a, b) if a != b => {
                let mut other = hands[b].clone();
                meet(&mut hands[a], &mut other);
                hands[b] = other;
            }
            Deed::Meet(..) => {}
            Deed::Do { who, what, epoch, number } => act(&mut hands[who], what, epoch, number),
        }
    }
    hands
}

fn act(hand: &mut Hand, what: u8, epoch: i64, number: u8) {
    let some = |section, facts: &Document| -> Option<Value> {
        let ids: Vec<FactId> = facts.facts(&section).map(|fact| fact.id).collect();
        let id = ids.get(usize::from(number).checked_rem(ids.len())?)?;
        Some(Value::Bytes(id.as_bytes().to_vec()))
    };
    // Clocks that are right, slow and wildly off.
    hand.now += [1, 60_000, -7 * 60_000, 3_600_000][usize::from(number % 4)];
    let technician = (key::TECHNICIAN, id(user(1 + number % 3)));
    // Claims count only while nothing was completed, so they are tried more often.
    let claims = [Step::Goa, Step::Unsuccessful, Step::Goa, Step::EnRoute];
    let steps: Vec<Step> = Step::ALL.into_iter().chain(claims).collect();
    let step = steps[usize::from(number) % steps.len()];
    let money = [
        (key::PART_NO, "H7".into()),
        (key::QUANTITY, (i64::from(number) * 250).into()),
        (key::UNIT_PRICE, 333.into()),
    ];
    let of = |keys: &[(Key, Value)]| keys.to_vec();
    let (section, record) = match what {
        0 => {
            let kind = ["assign", "offer", "assign", "recall"][usize::from(number % 4)];
            let record = [(key::KIND, kind.into()), (key::EPOCH, epoch.into()), technician];
            (section::ASSIGNMENT, of(&record))
        }
        1..=4 => {
            let record = [
                (key::KIND, step.as_str().into()),
                (key::EPOCH, epoch.into()),
                (key::REASON, "other".into()),
                (key::UP, (i64::from(number) * 1_000).into()),
                (key::SRV, scene::NOON.into()),
                (key::SRV_UP, 0.into()),
            ];
            (section::STATUS, of(&record))
        }
        5 => (section::PARTS, of(&money)),
        6 => {
            let Some(named) = some(section::PARTS, &hand.document) else { return };
            let how = if number.is_multiple_of(2) { key::VOIDS } else { key::CORRECTS };
            let mut record = of(&money);
            record.push((how, named));
            (section::PARTS, record)
        }
        7 => {
            let currency = ["TWD", "USD", "TWD"][usize::from(number % 3)];
            let amount = (key::AMOUNT, PRICE_MOST.into());
            let rate = (key::TAX_MILLIPERCENT, (i64::from(number) * 111).into());
            (section::CHARGES, of(&[amount, (key::CURRENCY, currency.into()), rate]))
        }
        8 => {
            // Mostly about what waits, sometimes about nothing at all.
            let waiting = hand.job().exceptions;
            let index = usize::from(number).checked_rem(waiting.len());
            let exception = index.and_then(|index| waiting.get(index));
            let about = exception
                .map_or(ExceptionKind::ALL[usize::from(number) % ExceptionKind::ALL.len()], |e| {
                    e.about
                });
            let choices = about.choices();
            let choice = usize::from(number / 16).checked_rem(choices.len());
            let choice = choice.and_then(|index| choices.get(index)).copied();
            let choice = choice.unwrap_or("confirm");
            let mut record =
                of(&[(key::ABOUT, about.as_str().into()), (key::CHOICE, choice.into())]);
            let reference = exception.and_then(|e| e.reference);
            let reference = reference.map(|id| Value::Bytes(id.as_bytes().to_vec()));
            record.extend(reference.map(|named| (key::REF, named)));
            (section::DECISIONS, record)
        }
        9 => {
            let steps = ["hi_vis", "area_safe"];
            let step = steps[usize::from(number % 2)];
            (section::CHECKLIST, of(&[(key::STEP, step.into()), (key::RESULT, "pass".into())]))
        }
        10 => {
            if number.is_multiple_of(5) {
                let mode = TaxMode::ALL[usize::from(number % 2)].as_str();
                let set = |key, text: &str| hand.document.set(section::PROMISE, key, text.into());
                let billing = vec![set(key::CURRENCY, "TWD"), set(key::TAX_MODE, mode)];
                let _ = hand.attempt(billing);
                return;
            }
            let key = [key::ADDRESS, key::PLATE][usize::from(number % 2)].clone();
            let value = if number < 20 { Value::Null } else { Value::Text(number.to_string()) };
            let entry = hand.document.set(section::INTAKE, key, value);
            let _ = hand.attempt(vec![entry]);
            return;
        }
        _ => (section::NOTES, of(&[(key::TEXT, "seen".into())])),
    };
    let _ = hand.attempt_fact(section, &record);
}

/// Everything anybody wrote, as runs of one change.
fn everything(hands: &[Hand]) -> Vec<(Run, Author)> {
    let mut all: Vec<(Run, Author)> = Vec::new();
    for (run, author) in hands.iter().flat_map(Hand::runs) {
        if !all.iter().any(|(held, _)| held.last_hash == run.last_hash) {
            all.push((run, author));
        }
    }
    all
}

/// Consecutive changes of an actor put into one run wherever `joins` says so and the later one
/// waits for nothing else.
fn grouped(runs: &[(Run, Author)], joins: &[bool]) -> Vec<(Run, Author)> {
    let mut sorted = runs.to_vec();
    sorted.sort_by_key(|(run, _)| (run.actor(), run.first_seq()));
    let mut grouped: Vec<(Run, Author)> = Vec::new();
    for (index, (run, author)) in sorted.into_iter().enumerate() {
        let follows = run.changes.iter().all(|change| change.after.is_empty());
        let joins = follows && joins.get(index % joins.len().max(1)).copied().unwrap_or(false);
        match grouped.last_mut().filter(|(last, _)| joins && last.actor() == run.actor()) {
            Some((last, _)) => {
                last.changes.extend(run.changes);
                last.last_hash = run.last_hash;
            }
            None => grouped.push((run, author)),
        }
    }
    grouped
}

/// Takes runs in the order of `keys`, again and again until all are in, some of them twice.
fn take_in(runs: &[(Run, Author)], keys: &[u32]) -> Document {
    let mut document = Document::new(a_job());
    let mut order: Vec<usize> = (0..runs.len()).collect();
    order.sort_by_key(|index| {
        keys.get(*index % keys.len().max(1)).copied().unwrap_or(0) ^ *index as u32
    });
    let mut waiting = order;
    while !waiting.is_empty() {
        let before = waiting.len();
        waiting.retain(|index| {
            let (run, author) = &runs[*index];
            match replay(&mut document, run, *author) {
                Ok(_) => {
                    replay(&mut document, run, *author).expect("again is no different");
                    false
                }
                Err(Refusal::Missing(_)) => true,
                Err(other) => panic!("{other}"),
            }
        });
        assert!(waiting.len() < before, "nothing waits for ever");
    }
    document
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_order_grouping_and_repetition_give_the_same_job(
        deeds in vec(deed(), 1..60),
        keys in vec(any::<u32>(), 1..40),
        joins in vec(any::<bool>(), 1..40),
    ) {
        let hands = play(&deeds);
        let all = everything(&hands);
        let one = take_in(&all, &[0]);
        let other = take_in(&grouped(&all, &joins), &keys);
        prop_assert_eq!(one.fingerprint(), other.fingerprint());
        prop_assert_eq!(Job::of(&one), Job::of(&other));
        prop_assert_eq!(members(&one), members(&other));
        prop_assert_eq!(timeline(&one), timeline(&other));
    }

    #[test]
    fn automerge_agrees_on_every_replica_and_on_the_whole(deeds in vec(deed(), 1..40)) {
        let hands = play(&deeds);
        for hand in &hands {
            hand.document.check_by_oracle().map_err(|e| TestCaseError::fail(e.to_string()))?;
        }
        let whole = take_in(&everything(&hands), &[7, 3, 11]);
        whole.check_by_oracle().map_err(|e| TestCaseError::fail(e.to_string()))?;
    }

    #[test]
    fn a_job_survives_json_and_its_state_names_a_word(deeds in vec(deed(), 1..40)) {
        let hands = play(&deeds);
        let job = hands[0].job();
        let json = serde_json::to_string(&job).map_err(|e| TestCaseError::fail(e.to_string()))?;
        let back: Job = serde_json::from_str(&json).map_err(|e| TestCaseError::fail(e.to_string()))?;
        // When it was opened is told beside it, as the clocks are known where it is asked.
        prop_assert_eq!(&Job { created: job.created, ..back }, &job);
        prop_assert_eq!(State::parse(job.state.as_str()), Some(job.state));
        // Equal work was also shown equal to a technician: what is open is open for both.
        let mut phone = hands[2].clone();
        phone.hear(&hands[0]);
        prop_assert!(phone.job().next_epoch >= job.next_epoch);
    }

    #[test]
    fn more_work_of_the_same_assignment_never_takes_its_state_back(
        steps in vec(0..Step::ALL.len(), 1..12),
    ) {
        let (mut desk, mut phone) = scene::assigned();
        let mut reached = desk.job().state;
        for step in steps.into_iter().map(|index| Step::ALL[index]) {
            if !matches!(step, Step::WalkUp | Step::Declined | Step::Cancelled | Step::Reopened) {
                phone.step(step.as_str(), 1);
                desk.hear(&phone);
                prop_assert!(desk.job().state >= reached);
                reached = desk.job().state;
            }
        }
    }
}

/// A law over histories in which nothing happens would prove nothing.
#[test]
fn the_histories_reach_every_state_and_raise_every_exception_they_can() {
    let mut runner = TestRunner::deterministic();
    let mut states = BTreeSet::new();
    let mut raised = BTreeSet::new();
    let mut decided = BTreeSet::new();
    // The dealership system does not play and nobody signs, so two can never come.
    let unreached = |states: &BTreeSet<State>| -> Vec<State> {
        let missing = State::ALL.into_iter().filter(|state| !states.contains(state));
        missing.filter(|state| *state != State::Closed).collect()
    };
    let silent = |raised: &BTreeSet<ExceptionKind>| -> Vec<ExceptionKind> {
        let missing = ExceptionKind::ALL.into_iter().filter(|about| !raised.contains(about));
        // Another job raises the last one, and these histories have one job each.
        let elsewhere = [ExceptionKind::ChangedSinceSigned, ExceptionKind::PossibleDuplicate];
        missing.filter(|about| !elsewhere.contains(about)).collect()
    };
    for _ in 0..3000 {
        let deeds = vec(deed(), 20..90).new_tree(&mut runner).expect("a history").current();
        let job = Job::of(&take_in(&everything(&play(&deeds)), &[0]));
        states.insert(job.state);
        states.extend(job.superseded.iter().map(|superseded| superseded.reached));
        raised.extend(job.exceptions.iter().map(|exception| exception.about));
        decided.extend(job.decided.iter().map(|exception| exception.about));
        if unreached(&states).is_empty() && silent(&raised).is_empty() && decided.len() >= 6 {
            return;
        }
    }
    panic!("never: {:?} {:?}, decided {decided:?}", unreached(&states), silent(&raised));
}
