//! Seals end to end: what a customer signed can never change unnoticed.
#![allow(clippy::expect_used)]

mod scene;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer as _, SigningKey};
use scene::{Hand, a_job, assigned, evidence, meet, phone_key};
use sync_core::admission::{Received, Verdict, admit, push_message};
use sync_core::bundle::{Bundle, BundleRun, bundle, export, verify_bundle};
use sync_core::change::{Change, Entry, Run, encode_run};
use sync_core::document::{ChangeHash, Fact};
use sync_core::id::{ActorId, DeviceId, FactId, TenantId};
use sync_core::job::{ExceptionKind, Missing, State, seal_of};
use sync_core::limits;
use sync_core::place::Place;
use sync_core::policy::{Principal, Role};
use sync_core::schema::{key, section};
use sync_core::seal::{
    Completeness, Countersignature, Draft, LISTED, Point, Seal, SealError, Statement, awaiting,
    digest, encode_strokes,
};
use sync_core::value::{Record, Value};
use sync_core::wire::Writer;

fn server_key() -> SigningKey {
    SigningKey::from_bytes(&[9; 32])
}

/// The technician shows the job as it stands and the customer signs.
fn sign(phone: &mut Hand) -> FactId {
    let heads = phone.document.heads();
    sign_at(phone, heads)
}

fn sign_at(phone: &mut Hand, heads: Vec<ChangeHash>) -> FactId {
    let place = Place::new(250_330_000, 1_215_654_000).ok().map(|place| (place, Some(80)));
    let entry = signed(Draft { heads, place, ..phone.draft() });
    phone.write(vec![entry]).expect("a fact")
}

fn signed(draft: Draft) -> Entry {
    draft.sign(|message| phone_key().sign(message).to_bytes()).expect("it signs")
}

fn part(phone: &mut Hand, number: &str, price: i64) -> FactId {
    let record = [
        (key::PART_NO, number.into()),
        (key::UNIT_PRICE, price.into()),
        (key::CURRENCY, "TWD".into()),
    ];
    phone.fact(section::PARTS, &record)
}

fn completed() -> (Hand, Hand, FactId) {
    let (mut desk, mut phone) = assigned();
    phone.steps(&["accepted", "en_route", "on_scene", "working"], 1);
    evidence(&mut phone);
    part(&mut phone, "H7", 35_000);
    let seal = sign(&mut phone);
    phone.steps(&["completed"], 1);
    meet(&mut desk, &mut phone);
    (desk, phone, seal)
}

/// The server's own hand countersigns what it holds.
fn countersign(desk: &mut Hand, seal: FactId, key: &SigningKey) {
    desk.caller = Principal { role: Role::System, ..desk.caller };
    let held = seal_of(&desk.document, seal).expect("it is well formed");
    let tenant = TenantId::new(scene::NOON, [3; 10]);
    let phone = phone_key().verifying_key();
    let sign = |message: &[u8]| key.sign(message).to_bytes();
    let word = Countersignature::of(&held, tenant, &phone, desk.now, "2026-1", sign);
    let entry = word.expect("the phone's signature holds").entry(FactId::new(desk.now, [5; 10]));
    desk.write(vec![entry]);
}

#[test]
fn a_seal_verifies_with_its_own_device_key_only_and_shows_what_was_signed() {
    let (desk, _, id) = completed();
    let seal = seal_of(&desk.document, id).expect("it is well formed");
    assert_eq!(seal.verify(&phone_key().verifying_key()), Ok(()));
    assert_eq!(seal.verify(&server_key().verifying_key()), Err(SealError::BadSignature));
    assert_eq!(seal.strokes().map(|strokes| strokes[0].len()), Ok(30));
    assert!(seal.shown.contains(r#""amount":35000"#) && seal.shown.contains("本人確認"));
    let job = desk.job();
    assert!(job.seals[0].sound && job.seals[0].changed_since_signed.is_empty());
    assert!(job.exceptions.is_empty(), "{:?}", job.exceptions);
    assert_eq!(job.state, State::Completed);
}

#[test]
fn any_altered_key_of_a_seal_is_noticed() {
    let (desk, _, id) = completed();
    let fact = desk.document.fact(&section::SIGNATURES, &id).expect("it is there");
    let key = phone_key().verifying_key();
    for (name, value) in &fact.record {
        let mut altered = fact.clone();
        let value = match value {
            Value::Int(int) => Value::Int(int + 1),
            Value::Text(text) => Value::Text(text.replace("35000", "25000") + " "),
            Value::Bytes(bytes) => {
                Value::Bytes(bytes.iter().rev().map(|byte| byte.wrapping_add(1)).collect())
            }
            other => other.clone(),
        };
        altered.record.insert(name.clone(), value);
        let holds = Seal::of(desk.job().id, &altered).and_then(|seal| seal.verify(&key));
        assert_eq!(holds.is_ok(), *name == key::KIND, "{name} altered");
        altered.record.remove(name);
        let holds = Seal::of(desk.job().id, &altered).and_then(|seal| seal.verify(&key));
        assert_eq!(holds.is_ok(), *name == key::KIND, "{name} removed");
    }
    let mut moved = fact.clone();
    moved.id = FactId::new(scene::NOON, [77; 10]);
    let seal = Seal::of(desk.job().id, &moved).expect("it is well formed");
    assert_eq!(seal.verify(&key), Err(SealError::BadSignature));
}

#[test]
fn a_price_changed_after_the_customer_signed_leaves_the_seal_and_asks_for_a_new_one() {
    let (mut desk, mut phone, first) = completed();
    let charge = [
        (key::DESCRIPTION, "night".into()),
        (key::AMOUNT, 50_000.into()),
        (key::CURRENCY, "TWD".into()),
    ];
    desk.fact(section::CHARGES, &charge);
    let job = desk.job();
    let changes: Vec<_> = job.seals[0].changed_since_signed.iter().map(|d| &d.what[..]).collect();
    assert_eq!(changes, ["charges.night", "totals.TWD.amount"]);
    let total = &job.seals[0].changed_since_signed[1];
    assert_eq!((total.signed.as_deref(), total.now.as_deref()), (Some("35000"), Some("85000")));
    assert_eq!(job.exceptions[0].about, ExceptionKind::ChangedSinceSigned);
    let seal = seal_of(&desk.document, first).expect("it is well formed");
    assert_eq!(seal.verify(&phone_key().verifying_key()), Ok(()));

    let mut waived = desk.clone();
    waived.decide("changed_since_signed", "confirm", job.exceptions[0].reference);
    assert!(waived.job().exceptions.is_empty());
    waived.fact(section::CHARGES, &charge);
    assert_eq!(waived.job().exceptions[0].about, ExceptionKind::ChangedSinceSigned);

    phone.hear(&desk);
    sign(&mut phone);
    desk.hear(&phone);
    assert!(desk.job().exceptions.is_empty());
    assert!(!desk.job().seals[0].changed_since_signed.is_empty());
}

#[test]
fn a_bundle_proves_the_seal_without_a_server_and_tells_what_changed_since() {
    let (mut desk, _, id) = completed();
    countersign(&mut desk, id, &server_key());
    desk.set(section::INTAKE, key::PLATE, "ABC-1234");
    let bytes = bundle(&desk.document, id).expect("it fits");
    let trusted = [("2026-1".to_owned(), server_key().verifying_key())];
    let evidence = verify_bundle(&bytes, &trusted).expect("it holds");
    assert_eq!((evidence.name.as_str(), evidence.role.as_str()), ("Lin Mei-hua", "customer"));
    assert!(evidence.rendering_matches);
    assert_eq!(evidence.points, 30);
    assert_eq!(evidence.changed_since_signed[0].what, "job.plate");
    assert_eq!(evidence.changes, desk.document.changes().len());
}

#[test]
fn a_seal_outlives_the_heads_it_names_when_a_phone_reauthored_its_changes() {
    let (mut desk, mut phone, _) = completed();
    let id = sign_at(&mut phone, vec![ChangeHash([5; 32])]);
    desk.hear(&phone);
    countersign(&mut desk, id, &server_key());
    let bytes = bundle(&desk.document, id).expect("it fits");
    let trusted = [("2026-1".to_owned(), server_key().verifying_key())];
    let evidence = verify_bundle(&bytes, &trusted).expect("the signature still holds");
    assert!(!evidence.rendering_matches);
    assert_eq!(evidence.name, "Lin Mei-hua");
}

#[test]
fn a_bundle_that_was_touched_or_that_nobody_trusted_vouches_for_is_refused() {
    let (mut desk, _, id) = completed();
    let trusted = [("2026-1".to_owned(), server_key().verifying_key())];
    let bare = bundle(&desk.document, id).expect("it fits");
    assert_eq!(verify_bundle(&bare, &trusted), Err(SealError::NotCountersigned));
    let mut forged = desk.clone();
    countersign(&mut forged, id, &SigningKey::from_bytes(&[1; 32]));
    let forged = bundle(&forged.document, id).expect("it fits");
    assert_eq!(verify_bundle(&forged, &trusted), Err(SealError::NotCountersigned));

    countersign(&mut desk, id, &server_key());
    let bytes = bundle(&desk.document, id).expect("it fits");
    assert_eq!(verify_bundle(&bytes, &[]), Err(SealError::NotCountersigned));
    let text = String::from_utf8(bytes.clone()).expect("it is JSON");
    let cheaper = text.replace("35000", "25000");
    assert_eq!(verify_bundle(cheaper.as_bytes(), &trusted), Err(SealError::DigestMismatch));
    for cut in (0..bytes.len()).step_by(97) {
        assert!(verify_bundle(&bytes[..cut], &trusted).is_err());
        let mut bent = bytes.clone();
        bent[cut] ^= 1;
        if let Ok(evidence) = verify_bundle(&bent, &trusted) {
            // Only a name of the person or phone that no signature covers may differ.
            assert_eq!(evidence.name, "Lin Mei-hua");
        }
    }
    assert_eq!(verify_bundle(&vec![b' '; 7 << 20], &trusted), Err(SealError::TooLarge("bundle")));
}

#[test]
fn a_technician_cannot_speak_for_the_server() {
    let (_, mut phone, id) = completed();
    let held = seal_of(&phone.document, id).expect("it is well formed");
    let key = phone_key();
    let word = Countersignature::of(
        &held,
        TenantId::new(1, [3; 10]),
        &key.verifying_key(),
        phone.now,
        "2026-1",
        |message| key.sign(message).to_bytes(),
    );
    let entry: Entry = word.expect("it signs").entry(FactId::new(phone.now, [6; 10]));
    let denied = sync_core::policy::decide(&phone.caller, &phone.document, &entry);
    assert_eq!(denied.expect_err("denied").code, "server_only");
    phone.now += 1;
}

fn unhex(hex: &str) -> Value {
    let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex");
    Value::Bytes((0..hex.len()).step_by(2).map(byte).collect())
}

/// Frozen: what was signed with the first version must verify for ever. If this fails, signatures
/// that customers gave would no longer hold; a new form takes a new label or number.
#[test]
fn a_seal_of_the_first_version_verifies_for_ever() {
    let shown = concat!(
        r#"{"charges":[],"job":{"id":"01a0c450-6c00-7101-8101-010101010101","problem":"battery"},"#,
        r#""parts":[{"amount":35000,"currency":"TWD","id":"01a0c454-1589-710a-8a0a-0a0a0a0a0a0a","#,
        r#""part_no":"H7","quantity":1000,"unit_price":35000}],"signer":{"language":"zh-Hant","#,
        r#""name":"Lin Mei-hua","role":"customer","statement":"本人確認以上服務項目與金額。"},"#,
        r#""totals":[{"amount":35000,"currency":"TWD"}],"version":1,"work":[{"id":"#,
        r#""01a0c454-1588-7109-8909-090909090909","kind":"odometer","value":84210}]}"#,
    );
    let record = Record::from([
        (key::KIND, "seal".into()),
        (key::NAME, "Lin Mei-hua".into()),
        (key::ROLE, "customer".into()),
        (key::SHOWN, shown.into()),
        (key::DIGEST, unhex("ae44fb154c8678886815bc6d522243587e7ab60c658030f743a8be4451854871")),
        (key::HEADS, unhex("2513980a70d1dca65324fb8f0a4d616c28b005a16edf023de8bff8c515dac037")),
        (key::STROKES, unhex("026394636261e360646665a0370000")),
        (key::DEVICE, unhex("01a0c4506c0071018101010101010101")),
        (key::LAT, 250_330_000.into()),
        (key::LON, 1_215_654_000.into()),
        (key::ACCURACY, 80.into()),
        (key::AT, 1_790_000_240_011.into()),
        (key::UP, 5.into()),
        (key::SRV, 1_790_000_240_011.into()),
        (key::SRV_UP, 4.into()),
        (
            key::SIGNATURE,
            unhex(concat!(
                "3295b07cbecfd6d08a6a2332a94557cf3f2e8229b7e48285765469127b7d1537",
                "9999c3994842ced76512eb7523f4092fa0bf8dcaa9bd581e972b8d74acd2c600",
            )),
        ),
    ]);
    let (desk, _, id) = completed();
    let some = desk.document.fact(&section::SIGNATURES, &id).expect("it is there");
    let frozen = "01a0c454-158b-78c8-88c8-c8c8c8c8c8c8".parse().expect("an id");
    let fact = Fact { id: frozen, record, ..some.clone() };
    let seal = Seal::of(desk.job().id, &fact).expect("it is well formed");
    assert_eq!(seal.verify(&phone_key().verifying_key()), Ok(()));
    let point = Point { x: 1, y: 2, t: 3, pressure: 4 };
    assert_eq!(seal.strokes(), Ok(vec![vec![point; 30]]));
}

#[test]
fn a_bundle_of_more_values_than_a_document_may_hold_is_not_decoded() {
    let (_, mut phone) = assigned();
    let seal = sign(&mut phone);
    let job = phone.document.id();
    let entries = vec![Entry::Section { name: section::STATUS }; limits::CHANGE_ENTRIES];
    let actor = ActorId::new(scene::NOON, [6; 10]);
    let change = |seq| Change { actor, seq, after: Vec::new(), time: 0, entries: entries.clone() };
    let said = |changes: usize| {
        let changes = (1..=changes as u64).map(change).collect();
        let mut writer = Writer::new();
        encode_run(&mut writer, &Run { doc: job, changes, last_hash: ChangeHash([0; 32]) });
        let run = STANDARD.encode(writer.into_bytes());
        let runs = vec![BundleRun { user: None, device: None, run }];
        let shown = String::new();
        let format = "towline-evidence-1".to_owned();
        let job = job.job().expect("a job");
        let bundle = Bundle { format, job, seal, shown, runs, statement: None };
        verify_bundle(&serde_json::to_vec(&bundle).expect("JSON"), &[])
    };
    let fits = limits::DOCUMENT_VALUES / (limits::CHANGE_ENTRIES + 1);
    assert!(matches!(said(fits), Err(SealError::BadDocument(_))));
    assert_eq!(said(fits + 1), Err(SealError::Malformed("run")));
}

/// A change of the phone as a server judges it; `of` are the phones the technician ever had.
fn push(phone: &mut Hand, entries: Vec<Entry>, of: &[DeviceId]) -> Verdict {
    let run = phone.unchecked(entries);
    let device = DeviceId::new(scene::NOON, [1; 10]);
    let signature = phone_key().sign(&push_message(device, [&run].into_iter())).to_bytes();
    let key = phone_key().verifying_key();
    let push = Received::verify(vec![Received(run)], &signature, &key, phone.caller.user, device);
    let verified = push.expect("it is the phone's").remove(0).of_devices(of);
    let (mut document, caller) = (phone.document.clone(), phone.caller);
    admit(&mut document, verified, &caller, None, &Default::default()).verdicts.remove(0)
}

fn altered(entry: &Entry, key: sync_core::schema::Key, value: Value) -> Entry {
    let Entry::Fact { section, id, record } = entry else { panic!("a fact") };
    let mut record = record.clone();
    record.insert(key, value);
    Entry::Fact { section: section.clone(), id: *id, record }
}

/// Seals that can never hold, with the code of their refusal.
fn false_seals(phone: &mut Hand) -> Vec<(&'static str, Entry)> {
    let entry = signed(phone.draft());
    let shown = |text: &str| {
        let with = altered(&entry, key::SHOWN, text.into());
        altered(&with, key::DIGEST, digest(text).to_vec().into())
    };
    let Entry::Fact { record, .. } = &entry else { panic!("a fact") };
    let text = record.get(&key::SHOWN).and_then(Value::as_text).expect("text");
    let pen = |strokes: &[Vec<Point>]| encode_strokes(strokes).expect("it fits").into();
    let other = DeviceId::new(scene::NOON, [9; 10]);
    vec![
        ("seal_malformed", shown("{}")),
        ("seal_malformed", shown(&text.replace("{\"charges", "{ \"charges"))),
        ("seal_malformed", altered(&entry, key::STROKES, vec![7_u8, 1, 2].into())),
        ("seal_malformed", altered(&entry, key::STROKES, vec![1_u8, 9].into())),
        ("seal_malformed", altered(&entry, key::STROKES, pen(&[]))),
        ("seal_malformed", altered(&entry, key::STROKES, pen(&[Vec::new()]))),
        ("seal_digest_mismatch", altered(&entry, key::DIGEST, vec![0_u8; 32].into())),
        ("seal_digest_mismatch", altered(&entry, key::NAME, "Someone else".into())),
        ("seal_digest_mismatch", shown(&text.replace("01a0c450-6c00-7101", "01a0c450-6c00-7102"))),
        ("seal_not_yours", signed(Draft { device: other, ..phone.draft() })),
    ]
}

#[test]
fn a_seal_that_can_never_hold_is_refused_before_it_is_saved_and_admitted() {
    let (_, mut phone) = assigned();
    let own = [DeviceId::new(scene::NOON, [1; 10])];
    for (code, entry) in false_seals(&mut phone) {
        let refused = phone.attempt(vec![entry.clone()]).expect_err("it is not saved");
        assert_eq!(refused.code(), code);
        assert_eq!(push(&mut phone, vec![entry], &own).code(), code);
    }
    let entry = signed(phone.draft());
    let forged = altered(&entry, key::SIGNATURE, vec![0_u8; 64].into());
    assert_eq!(push(&mut phone, vec![forged], &own).code(), "seal_bad_signature");
    let forged = altered(&entry, key::LAT, 1.into());
    assert_eq!(push(&mut phone, vec![forged], &own).code(), "seal_bad_signature");
    assert_eq!(push(&mut phone, vec![entry], &own), Verdict::Durable);
}

#[test]
fn a_seal_of_an_earlier_phone_of_its_author_counts_once_it_is_countersigned() {
    let (mut desk, mut phone) = assigned();
    let earlier = DeviceId::new(scene::NOON, [9; 10]);
    let entry = signed(Draft { device: earlier, ..phone.draft() });
    let both = [DeviceId::new(scene::NOON, [1; 10]), earlier];
    assert_eq!(push(&mut phone, vec![entry.clone()], &both), Verdict::Durable);
    phone.took(vec![entry]);
    desk.hear(&phone);
    let id = desk.job().seals[0].id;
    assert!(!desk.job().seals[0].sound && desk.job().missing.contains(&Missing::Signature));
    countersign(&mut desk, id, &server_key());
    assert!(desk.job().seals[0].sound && !desk.job().missing.contains(&Missing::Signature));
}

#[test]
fn a_false_seal_of_an_old_log_neither_completes_a_job_nor_hides_a_change() {
    let fact = |number, pairs: &[(sync_core::schema::Key, Value)]| {
        let (section, id) = (section::SIGNATURES, FactId::new(scene::NOON * 2, [number; 10]));
        Entry::Fact { section, id, record: pairs.iter().cloned().collect() }
    };
    let (_, mut phone) = assigned();
    let strange = false_seals(&mut phone).remove(2).1;
    let bad = [fact(1, &[]), fact(2, &[(key::KIND, "seal".into())]), strange];
    for entry in &bad {
        let (_, mut phone) = assigned();
        phone.took(vec![entry.clone()]);
        assert!(phone.job().missing.contains(&Missing::Signature), "{entry:?}");
        assert!(!phone.job().seals[0].sound);
    }
    let (mut desk, mut phone, _) = completed();
    desk.fact(section::CHARGES, &[(key::AMOUNT, 900_000.into())]);
    phone.hear(&desk);
    for entry in bad {
        phone.took(vec![entry]);
        assert_eq!(phone.job().exceptions[0].about, ExceptionKind::ChangedSinceSigned);
    }
}

#[test]
fn one_technician_adds_so_many_seals_and_a_colleague_still_adds_theirs() {
    let (mut desk, mut phone) = assigned();
    let seals: Vec<_> = (0..limits::SEALS_OF_ONE).map(|_| phone.seal()).collect();
    let entry = signed(phone.draft());
    let refused = phone.attempt(vec![entry.clone()]).expect_err("one too many");
    assert_eq!(refused.code(), "many_seals");
    let own = [DeviceId::new(scene::NOON, [1; 10])];
    assert_eq!(push(&mut phone, vec![entry], &own).code(), "many_seals");
    desk.hear(&phone);
    desk.assign(2, 2);
    let mut colleague = Hand::phone(scene::a_job(), 2);
    colleague.hear(&desk);
    colleague.seal();
    assert_eq!(awaiting(&colleague.document).count(), seals.len() + 1);
}

#[test]
fn the_countersignatures_of_every_seal_that_fits_fit_into_the_servers_share() {
    let (desk, _, id) = completed();
    let mut signed = desk.clone();
    countersign(&mut signed, id, &server_key());
    let (change, _) = signed.document.changes().last().expect("it was written");
    let values = change.values();
    let mut writer = Writer::new();
    let last_hash = ChangeHash([0; 32]);
    let run = Run { doc: desk.document.id(), changes: vec![change.clone()], last_hash };
    encode_run(&mut writer, &run);
    let bytes = writer.into_bytes().len();
    let most = limits::JOB_TECHNICIANS * limits::SEALS_OF_ONE;
    assert!(most * (bytes + limits::CHANGE_OVERHEAD + 64) < limits::SERVER_SHARE.bytes);
    assert!(most * (values + 2) < limits::SERVER_SHARE.values);
}

#[test]
fn findings_of_whatever_length_and_by_whomever_keep_no_customer_from_signing() {
    let (mut desk, mut phone) = assigned();
    desk.assign(2, 2);
    let mut other = Hand::phone(a_job(), 2);
    other.hear(&desk);
    let finding = |text: &str| [(key::KIND, "diagnosis".into()), (key::TEXT, text.into())];
    let foreign = other.fact(section::WORK, &finding("of another"));
    meet(&mut other, &mut desk);
    desk.assign(1, 3);
    meet(&mut desk, &mut phone);
    for _ in 0..20 {
        phone.fact(section::WORK, &finding(&"車".repeat(600)));
    }
    let long = [(key::PART_NO, "H7".into()), (key::DESCRIPTION, "x".repeat(2_000).as_str().into())];
    phone.fact(section::PARTS, &long);
    let seal = phone.seal();
    let job = phone.job();
    let seen = job.seals.iter().find(|it| it.id == seal).expect("it is here");
    assert!(seen.sound && seen.changes == 0, "{:?}", seen.changed_since_signed);
    let shown = seal_of(&phone.document, seal).expect("it is well formed").shown;
    assert!(!shown.contains(&foreign.to_string()) && shown.contains("車… +400"));
    assert!(shown.contains("\"more_work\":4"), "{shown}");
    phone.fact(section::WORK, &finding("one more"));
    assert_eq!(phone.job().seals[0].changed_since_signed[0].what, "more_work");
}

#[test]
fn everything_that_makes_the_amount_is_shown_and_a_change_of_it_is_noticed() {
    let (mut desk, mut phone) = assigned();
    let oil = [
        (key::PART_NO, "OIL".into()),
        (key::QUANTITY, 1_500.into()),
        (key::UNIT, "litre".into()),
        (key::UNIT_PRICE, 70_000.into()),
        (key::TAX_RATE, 500.into()),
        (key::SERIAL, "S-1".into()),
        (key::CURRENCY, "TWD".into()),
    ];
    let first = phone.fact(section::PARTS, &oil);
    phone.seal();
    let job = phone.job();
    let shown = seal_of(&phone.document, job.seals[0].id).expect("it is well formed").shown;
    for said in [
        r#""amount":105000"#,
        r#""quantity":1500"#,
        r#""unit":"litre""#,
        r#""unit_price":70000"#,
        r#""tax_rate":500"#,
        r#""tax":5000"#,
        r#""serial":"S-1""#,
        r#"{"amount":105000,"currency":"TWD","tax":5000,"without_tax":100000}"#,
        r#""version":2"#,
    ] {
        assert!(shown.contains(said), "{said} is not in {shown}");
    }
    let corrects = (key::CORRECTS, first.as_bytes().to_vec().into());
    let mut corrected = oil.to_vec();
    corrected[4] = (key::TAX_RATE, 0.into());
    corrected.push(corrects);
    phone.fact(section::PARTS, &corrected);
    meet(&mut desk, &mut phone);
    let seal = &desk.job().seals[0];
    let changes: Vec<_> = seal.changed_since_signed.iter().map(|it| &it.what[..]).collect();
    assert!(changes.contains(&"parts.OIL.tax_rate"), "{changes:?}");
    assert!(changes.contains(&"totals.TWD.without_tax"), "{changes:?}");
    assert!(seal.changes_money);
}

/// Frozen: a bundle of the first rendering, as commit e0cd889 made it.
#[test]
fn a_bundle_of_the_first_version_verifies_for_ever() {
    let golden: serde_json::Value =
        serde_json::from_str(include_str!("golden/evidence-bundle-1.json")).expect("JSON");
    let bytes = golden["bundle"].to_string();
    let trusted = [("2026-1".to_owned(), server_key().verifying_key())];
    let evidence = verify_bundle(bytes.as_bytes(), &trusted).expect("it holds");
    assert!(evidence.rendering_matches);
    assert_eq!(evidence.completeness, Completeness::NotStated);
    let changes: Vec<_> = evidence.changed_since_signed.iter().map(|it| &it.what[..]).collect();
    assert_eq!((changes, evidence.places_changed), (vec!["job.plate"], 1));
}

#[test]
fn a_bundle_that_was_cut_is_incomplete_and_one_without_a_statement_says_so() {
    let (mut desk, mut phone, id) = completed();
    countersign(&mut desk, id, &server_key());
    phone.hear(&desk);
    part(&mut phone, "H8", 5_000);
    desk.hear(&phone);
    let tenant = TenantId::new(scene::NOON, [3; 10]);
    let sign = |message: &[u8]| server_key().sign(message).to_bytes();
    let statement = Statement::of(&desk.document, tenant, 77, "2026-1", sign).expect("a job");
    let bytes = export(&desk.document, id, statement.clone()).expect("it fits");
    let server = ("2026-1".to_owned(), server_key().verifying_key());
    let trusted = std::slice::from_ref(&server);
    let says = |bundle: &Bundle, trusted: &[_]| {
        let bytes = serde_json::to_vec(bundle).expect("JSON");
        verify_bundle(&bytes, trusted).map(|evidence| evidence.completeness)
    };
    let whole: Bundle = serde_json::from_slice(&bytes).expect("it is one");
    let proven = Completeness::Proven { at: 77, kid: "2026-1".to_owned() };
    assert_eq!(says(&whole, trusted), Ok(proven));

    let mut cut = whole.clone();
    cut.runs.pop();
    assert_eq!(says(&cut, trusted), Err(SealError::Incomplete));
    let mut renamed = whole.clone();
    renamed.runs[0].user = Some(scene::user(66));
    assert_eq!(says(&renamed, trusted), Err(SealError::Incomplete));
    cut.statement = None;
    assert_eq!(says(&cut, trusted), Ok(Completeness::NotStated));
    cut.statement = Some(Statement { at: 78, ..statement.clone() });
    assert_eq!(says(&cut, trusted), Err(SealError::BadStatement));

    let stranger = SigningKey::from_bytes(&[8; 32]);
    let sign = |message: &[u8]| stranger.sign(message).to_bytes();
    let later = Statement::of(&desk.document, tenant, 77, "2027-1", sign).expect("a job");
    let other = Bundle { statement: Some(later), ..whole };
    let unknown = Completeness::KeyUnknown { kid: "2027-1".to_owned() };
    assert_eq!(says(&other, trusted), Ok(unknown));
}

#[test]
fn evidence_says_how_many_places_changed_beyond_those_it_lists() {
    let (mut desk, _, id) = completed();
    countersign(&mut desk, id, &server_key());
    desk.caller.role = Role::Dispatcher;
    for _ in 0..LISTED + 10 {
        desk.fact(section::CHARGES, &[(key::AMOUNT, 1.into()), (key::CURRENCY, "TWD".into())]);
    }
    let trusted = [("2026-1".to_owned(), server_key().verifying_key())];
    let bytes = bundle(&desk.document, id).expect("it fits");
    let evidence = verify_bundle(&bytes, &trusted).expect("it holds");
    // Every charge and the total.
    assert_eq!(evidence.places_changed, LISTED + 11);
    assert_eq!(evidence.changed_since_signed.len(), LISTED);
}

#[test]
fn signing_again_after_the_clock_was_put_back_settles_the_change() {
    let (mut desk, mut phone) = assigned();
    phone.now += 60 * scene::MINUTE;
    phone.steps(&["accepted", "en_route", "on_scene", "working"], 1);
    evidence(&mut phone);
    phone.seal();
    phone.steps(&["completed"], 1);
    part(&mut phone, "H7", 35_000);
    meet(&mut desk, &mut phone);
    assert_eq!(desk.job().exceptions[0].about, ExceptionKind::ChangedSinceSigned);
    phone.now = scene::NOON + 10 * scene::MINUTE;
    phone.seal();
    desk.hear(&phone);
    let job = desk.job();
    assert!(job.seals[1].id < job.seals[0].id, "the later has the lower id");
    assert!(job.seals[1].changes == 0 && job.seals[0].changes_money);
    assert!(job.exceptions.is_empty(), "{:?}", job.exceptions);
}
