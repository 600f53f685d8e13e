//! What a fact must say: refused before it is saved, before it is admitted, and never afterwards.

#![allow(clippy::expect_used)]

mod scene;

use std::collections::BTreeMap;

use ed25519_dalek::{Signer as _, SigningKey};
use scene::{Hand, MINUTE, NOON, assigned, photo, user};
use sync_core::admission::{
    Attested, Received, RecordError, Verdict, Verified, admit, push_message, reauthor,
};
use sync_core::change::{Change, ChangeRef, Entry, Run};
use sync_core::document::{Author, Document};
use sync_core::id::{ActorId, DeviceId, FactId, VanId};
use sync_core::job::{Job, Step};
use sync_core::limits::{NAMED_TIMES, SINCE_BOOT_MS};
use sync_core::policy::{Principal, Role};
use sync_core::schema::{DocId, Holds, Key, KindSpec, Need, Section, key, section};
use sync_core::schema::{DocKind, check_record, example, sections};
use sync_core::value::{Record, Value};

type Pairs = Vec<(Key, Value)>;

/// What a hand that may write it hears of a fact: the sentence of its shape, if that is wrong.
fn said(section: Section, pairs: Pairs) -> Option<String> {
    let (mut desk, mut phone) = assigned();
    let office = [section::CHARGES, section::ASSIGNMENT, section::DECISIONS, section::SETTLEMENT];
    desk.caller.role = Role::System;
    let survey = pairs.iter().any(|(_, value)| value.as_text() == Some("survey"));
    let hand = if office.contains(&section) || survey { &mut desk } else { &mut phone };
    match hand.attempt_fact(section, &pairs) {
        Ok(_) => None,
        Err(RecordError::Shape(it)) => {
            assert_eq!(RecordError::Shape(it.clone()).code(), "shape");
            Some(it.to_string())
        }
        Err(other) => panic!("{other:?}"),
    }
}

fn part() -> Pairs {
    vec![(key::PART_NO, "H7".into()), (key::QUANTITY, 1000.into())]
}

fn with(mut pairs: Pairs, key: Key, value: impl Into<Value>) -> Pairs {
    pairs.retain(|(known, _)| *known != key);
    pairs.push((key, value.into()));
    pairs
}

#[test]
fn a_fact_without_what_it_needs_is_refused_and_the_sentence_names_the_key() {
    let attachment = photo("before").to_vec();
    let without = |key: Key| {
        let mut left = attachment.clone();
        left.retain(|(known, _)| *known != key);
        left
    };
    let step = || vec![(key::STEP, "cones".into())];
    let rows: Vec<(Section, Pairs, &str)> = vec![
        (section::CHECKLIST, vec![], "step"),
        (section::CHECKLIST, step(), "result"),
        (section::CHECKLIST, with(step(), key::RESULT, "maybe"), "result"),
        (section::CHECKLIST, with(step(), key::RESULT, 1), "result"),
        (section::PARTS, vec![], "part_no"),
        (section::PARTS, vec![(key::QUANTITY, 1000.into())], "part_no"),
        (section::PARTS, with(part(), key::PART_NO, " "), "part_no"),
        (section::PARTS, with(part(), key::QUANTITY, 0), "quantity"),
        (section::PARTS, with(part(), key::QUANTITY, -1000), "quantity"),
        (section::PARTS, with(part(), key::QUANTITY, "2"), "quantity"),
        (section::PARTS, with(part(), key::UNIT_PRICE, -1), "unit_price"),
        (section::PARTS, with(part(), key::AMOUNT, -1), "amount"),
        (section::PARTS, with(part(), key::CURRENCY, "usd"), "currency"),
        (section::PARTS, with(part(), key::CURRENCY, "XXX"), "currency"),
        (section::PARTS, with(part(), key::TAX_RATE, 200_000), "tax_rate"),
        (section::PARTS, with(part(), key::VAN, vec![1_u8, 2]), "van"),
        (section::NOTES, vec![], "text"),
        (section::NOTES, vec![(key::TEXT, 7.into())], "text"),
        (section::WORK, vec![], "kind"),
        (section::WORK, vec![(key::KIND, 7.into())], "kind"),
        (section::WORK, vec![(key::KIND, "cause".into())], "text"),
        (section::ATTACHMENTS, vec![], "sha256"),
        (section::ATTACHMENTS, without(key::SHA256), "sha256"),
        (section::ATTACHMENTS, without(key::SIZE), "size"),
        (section::ATTACHMENTS, without(key::STAGE), "stage"),
        (section::ATTACHMENTS, with(photo("x").to_vec(), key::SHA256, vec![1_u8; 31]), "sha256"),
        (section::SIGNATURES, vec![], "kind"),
        (section::SIGNATURES, vec![(key::KIND, "seal".into())], "name"),
        (section::FEEDBACK, vec![(key::KIND, "survey".into())], "score"),
        (section::CHARGES, vec![], "amount"),
        (section::CHARGES, vec![(key::AMOUNT, 1.into()), (key::CURRENCY, "$".into())], "currency"),
        (section::ASSIGNMENT, vec![(key::KIND, "assign".into())], "epoch"),
        (section::DECISIONS, vec![(key::ABOUT, "goa_claimed".into())], "choice"),
        (section::SETTLEMENT, vec![], "kind"),
        (section::NOTES, vec![(key::TEXT, "x".into()), (key::LAT, 900_000_001.into())], "lat"),
    ];
    for (section, pairs, key) in rows {
        let sentence = said(section.clone(), pairs.clone());
        let sentence = sentence.unwrap_or_else(|| panic!("{section} takes {pairs:?}"));
        assert!(sentence.contains(key), "{section}: {sentence:?} does not name {key}");
    }
}

#[test]
fn keys_and_kinds_of_newer_versions_pass_as_they_are() {
    let later = || Key::parse("made_up_later").expect("a name");
    assert_eq!(said(section::PARTS, with(part(), later(), true)), None);
    for section in [section::WORK, section::FEEDBACK, section::ASSIGNMENT, section::SIGNATURES] {
        let pairs = vec![(key::KIND, "made_up_later".into()), (key::VALUE, vec![1_u8].into())];
        assert_eq!(said(section, pairs), None);
    }
}

#[test]
fn a_field_of_the_wrong_form_is_refused_and_may_always_be_cleared() {
    let (mut desk, _) = assigned();
    for (section, key, value) in [
        (section::INTAKE, key::PLATE, Value::Int(7)),
        (section::INTAKE, key::PRIORITY, "sometimes".into()),
        (section::INTAKE, key::BRANCH, "Taipei".into()),
        (section::PROMISE, key::CURRENCY, "NT$".into()),
        (section::PROMISE, key::AMOUNT, (-1).into()),
    ] {
        let entry = desk.document.set(section.clone(), key.clone(), value);
        let error = desk.attempt(vec![entry]).expect_err("refused");
        assert_eq!(error.code(), "shape");
        assert!(error.to_string().contains(key.as_str()), "{error}");
        desk.set(section, key, Value::Null);
    }
}

#[test]
fn a_time_is_one_of_the_calendar_wherever_a_fact_or_field_names_one() {
    let step = || vec![(key::KIND, "en_route".into()), (key::EPOCH, 1.into())];
    for (key, most) in [
        (key::AT, *NAMED_TIMES.end()),
        (key::SRV, *NAMED_TIMES.end()),
        (key::UP, SINCE_BOOT_MS),
        (key::SRV_UP, SINCE_BOOT_MS),
    ] {
        for ms in [i64::MIN, -1, most + 1, i64::MAX] {
            let said = said(section::STATUS, with(step(), key.clone(), ms)).expect("refused");
            assert!(said.starts_with(&format!("status: {key} must be ")), "{said}");
        }
        for ms in [0, NOON.min(most), most] {
            assert_eq!(said(section::STATUS, with(step(), key.clone(), ms)), None, "{key} {ms}");
        }
    }
    let mut desk = Hand::new(DocId::from(user(1)), 100, Role::Manager);
    let shift = |starts: i64, ends: i64| {
        [(key::KIND, "shift".into()), (key::STARTS, starts.into()), (key::ENDS, ends.into())]
    };
    for (starts, ends, wrong) in [(i64::MIN, NOON, "starts"), (NOON, i64::MAX, "ends")] {
        let error = desk.attempt_fact(section::SHIFTS, &shift(starts, ends)).expect_err("refused");
        assert!(error.to_string().contains(wrong), "{error}");
    }
    let (mut desk, _) = assigned();
    let entry = desk.document.set(section::PROMISE, key::ETA, i64::MAX.into());
    let error = desk.attempt(vec![entry]).expect_err("refused");
    assert_eq!((error.code(), error.to_string().contains("eta")), ("shape", true));
}

#[test]
fn a_shift_ends_after_it_starts() {
    let mut desk = Hand::new(DocId::from(user(1)), 100, Role::Manager);
    let span = |ends: i64| {
        let kind = (key::KIND, "shift".into());
        [kind, (key::STARTS, NOON.into()), (key::ENDS, ends.into())]
    };
    let error = desk.attempt_fact(section::SHIFTS, &span(NOON)).expect_err("refused");
    assert!(error.to_string().contains("ends"), "{error}");
    desk.fact(section::SHIFTS, &span(NOON + MINUTE));
}

#[test]
fn stock_moves_by_a_part_and_a_quantity_above_zero_and_is_counted_from_zero() {
    let mut desk = Hand::new(DocId::from(VanId::new(NOON, [9; 10])), 100, Role::Manager);
    let line = |quantity: i64| {
        let kind = (key::KIND, "load".into());
        [kind, (key::PART_NO, "H7".into()), (key::QUANTITY, quantity.into())]
    };
    for quantity in [i64::MIN, -1, 0] {
        let error = desk.attempt_fact(section::MOVEMENTS, &line(quantity)).expect_err("refused");
        assert!(error.to_string().contains("quantity"), "{error}");
    }
    desk.attempt_fact(section::COUNTS, &line(-1)[1..]).expect_err("refused");
    desk.fact(section::COUNTS, &line(0)[1..]);
    desk.fact(section::MOVEMENTS, &line(1));
}

/// A run as no policy and no check looked at it: a part that says nothing, after `document`.
fn empty_part(document: &Document, by: u8) -> Run {
    unchecked(document, by, section::PARTS, Record::new())
}

/// As [`empty_part`], with any fact.
fn unchecked(document: &Document, by: u8, section: Section, record: Record) -> Run {
    let id = FactId::new(NOON + 7, [by; 10]);
    let entry = Entry::Fact { section, id, record };
    let actor = ActorId::new(NOON, [by; 10]);
    let heads = document.changes().iter().map(|(it, _)| ChangeRef { actor: it.actor, seq: it.seq });
    let is_head =
        |it: &ChangeRef| document.hash_of(it).is_some_and(|hash| document.heads().contains(&hash));
    let mut after: Vec<_> = heads.filter(is_head).collect();
    after.sort();
    let change = Change { actor, seq: 1, after, time: NOON + 7, entries: vec![entry] };
    document.run(vec![change]).expect("it can be hashed")
}

fn technician() -> (Principal, Author) {
    let device = DeviceId::new(NOON, [1; 10]);
    (Principal { user: user(1), role: Role::Technician }, Author::phone(user(1), device))
}

fn signed(run: Run) -> Verified {
    let (key, device) = (SigningKey::from_bytes(&[3; 32]), DeviceId::new(NOON, [1; 10]));
    let signature = key.sign(&push_message(device, [&run].into_iter())).to_bytes();
    let pushed = vec![Received(run)];
    let verified = Received::verify(pushed, &signature, &key.verifying_key(), user(1), device);
    verified.expect("the signature is good").remove(0)
}

#[test]
fn a_server_refuses_a_misshapen_fact_of_a_phone_and_holds_up_nothing_else() {
    let (desk, _) = assigned();
    let run = empty_part(&desk.document, 50);
    let (caller, _) = technician();
    for reauthored in [false, true] {
        let mut document = desk.document.clone();
        let verified = signed(run.clone());
        let admission = match reauthored {
            false => admit(&mut document, verified, &caller, None, &BTreeMap::new()),
            true => reauthor(&mut document, ActorId::new(NOON, [60; 10]), verified, &caller),
        };
        let [Verdict::Refused { code, sentence }] = &admission.verdicts[..] else {
            panic!("{admission:?}")
        };
        assert_eq!(code, "shape");
        assert!(sentence.contains("part_no"), "{sentence}");
    }
}

#[test]
fn a_server_refuses_a_time_of_no_calendar_and_reads_that_of_an_old_log_as_the_nearest() {
    let (desk, _) = assigned();
    let (caller, author) = technician();
    for (ms, nearest) in [(i64::MAX, *NAMED_TIMES.end()), (i64::MIN, 0)] {
        let step = with(vec![(key::KIND, "en_route".into()), (key::EPOCH, 1.into())], key::AT, ms);
        let run = unchecked(&desk.document, 50, section::STATUS, step.into_iter().collect());
        let mut document = desk.document.clone();
        let pushed = signed(run.clone());
        let admission = admit(&mut document, pushed, &caller, None, &BTreeMap::new());
        let [Verdict::Refused { code, sentence }] = &admission.verdicts[..] else {
            panic!("{admission:?}")
        };
        assert_eq!((code.as_str(), sentence.contains(" at ")), ("shape", true), "{sentence}");

        let relayed = Verified::relayed(Attested { run, author, receipt: [0; 16] }, |_| true);
        let relayed = relayed.expect("it is believed");
        let admission = admit(&mut document, relayed, &caller, None, &BTreeMap::new());
        assert_eq!(admission.verdicts, [Verdict::Durable]);
        assert_eq!(Job::of(&document).times[&Step::EnRoute].time.at, nearest);
    }
}

#[test]
fn what_was_admitted_once_is_taken_back_whatever_it_says() {
    let (desk, _) = assigned();
    let run = empty_part(&desk.document, 50);
    let (caller, author) = technician();
    for reauthored in [false, true] {
        let mut document = desk.document.clone();
        let attested = Attested { run: run.clone(), author, receipt: [0; 16] };
        let verified = Verified::relayed(attested, |_| true).expect("it is believed");
        let admission = match reauthored {
            false => admit(&mut document, verified, &caller, None, &BTreeMap::new()),
            true => reauthor(&mut document, ActorId::new(NOON, [60; 10]), verified, &caller),
        };
        assert_eq!(admission.verdicts, [Verdict::Durable]);
        let job = Job::of(&document);
        assert!(!job.parts[0].billed && job.totals.is_empty(), "it is kept and not billed");
    }
}

/// Replays facts nobody checked, as an old log holds them.
fn of_old_log(facts: Vec<(Section, Pairs)>) -> Job {
    let (desk, _) = assigned();
    let mut document = desk.document.clone();
    let (_, author) = technician();
    let mut entries = Vec::new();
    for (number, (section, pairs)) in (1..).zip(facts) {
        let id = FactId::new(NOON + 7, [number; 10]);
        entries.push(Entry::Fact { section, id, record: pairs.into_iter().collect() });
    }
    let mut change = empty_part(&document, 50).changes.remove(0);
    change.entries = entries;
    let run = document.run(vec![change]).expect("it can be hashed");
    sync_core::admission::replay(&mut document, &run, author).expect("a log is never refused");
    Job::of(&document)
}

#[test]
fn folds_ignore_what_an_old_log_holds_without_meaning() {
    let price = |pairs: Pairs, currency: &str| {
        with(with(pairs, key::UNIT_PRICE, 500), key::CURRENCY, currency)
    };
    let job = of_old_log(vec![
        (section::PARTS, price(vec![(key::QUANTITY, 1000.into())], "TWD")),
        (section::PARTS, price(with(part(), key::QUANTITY, -1000), "TWD")),
        (section::PARTS, price(part(), "USD")),
        (section::PARTS, price(part(), "usd")),
        (section::PARTS, price(part(), "doubloons")),
        (section::CHECKLIST, vec![(key::STEP, "hi_vis".into()), (key::RESULT, "meh".into())]),
        (section::ATTACHMENTS, vec![(key::STAGE, "before".into())]),
    ]);
    let billed: Vec<bool> = job.parts.iter().map(|part| part.billed).collect();
    assert_eq!(billed, [false, false, true, true, true]);
    let totals: Vec<_> = job.totals.iter().map(|t| (t.currency.as_str(), t.total)).collect();
    assert_eq!(totals, [("USD", Some(1000)), ("XXX", Some(500))]);
    assert!(job.checklist.is_empty() && job.attachments.is_empty());
}

/// Every kind of fact of the table.
fn kinds()
-> impl Iterator<Item = (DocKind, &'static Section, Option<&'static Key>, &'static KindSpec)> {
    DocKind::ALL.into_iter().flat_map(|document| {
        sections(document).iter().flat_map(move |spec| {
            let (by, kinds): (_, &[KindSpec]) = match &spec.holds {
                Holds::Facts { by, kinds } => (by.as_ref(), kinds),
                Holds::Fields(_) => (None, &[]),
            };
            kinds.iter().map(move |kind| (document, &spec.section, by, kind))
        })
    })
}

#[test]
fn every_example_of_the_table_is_taken_and_falls_without_any_key_it_needs() {
    for (document, section, by, kind) in kinds() {
        let record = example(by, kind);
        if kind.example.is_empty() {
            check_record(document, section, &record).expect_err("there is no such fact");
            continue;
        }
        let checked = check_record(document, section, &record);
        assert_eq!(checked, Ok(()), "{section} {}", kind.word);
        let needed = kind.keys.iter().filter(|spec| spec.need == Need::Required);
        for key in needed.map(|spec| &spec.key).chain(by) {
            let mut left = record.clone();
            left.remove(key);
            let error = check_record(document, section, &left).expect_err("a key is missing");
            assert_eq!(error.field(), format!("{section}.{key}"));
        }
        for spec in kind.keys {
            let mut bent = record.clone();
            bent.insert(spec.key.clone(), Value::Null);
            let error = check_record(document, section, &bent).expect_err("a key is wrong");
            assert_eq!(error.key, spec.key);
        }
    }
}

#[test]
fn an_empty_fact_is_taken_nowhere() {
    for kind in DocKind::ALL {
        for spec in sections(kind).iter().filter(|spec| !spec.holds_fields()) {
            let empty = check_record(kind, &spec.section, &Record::new());
            assert!(empty.is_err(), "{kind:?} {}", spec.section);
        }
    }
}
