//! Seals end to end: what a customer signed can never change unnoticed.
#![allow(clippy::expect_used)]

mod scene;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer as _, SigningKey};
use scene::{Hand, assigned, evidence, meet};
use sync_core::change::{Change, Entry, Run, encode_run};
use sync_core::document::{ChangeHash, Fact};
use sync_core::id::{ActorId, DeviceId, FactId, TenantId};
use sync_core::job::{About, State, seal_of};
use sync_core::limits;
use sync_core::place::Place;
use sync_core::policy::{Caller, Role};
use sync_core::schema::{key, section};
use sync_core::seal::{
    Bundle, BundleRun, Countersignature, Draft, Point, Seal, SealError, Shown, Signer, bundle,
    verify_bundle,
};
use sync_core::time::Stamp;
use sync_core::value::{Record, Value};
use sync_core::wire::Writer;

fn phone_key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

fn server_key() -> SigningKey {
    SigningKey::from_bytes(&[9; 32])
}

/// The technician shows the job as it stands and the customer signs.
fn sign(phone: &mut Hand) -> FactId {
    let heads = phone.document.heads();
    sign_at(phone, heads)
}

fn sign_at(phone: &mut Hand, heads: Vec<ChangeHash>) -> FactId {
    phone.now += 1;
    let signer = Signer {
        name: "Lin Mei-hua".into(),
        role: "customer".into(),
        language: "zh-Hant".into(),
        statement: "本人確認以上服務項目與金額。".into(),
    };
    let draft = Draft {
        job: phone.job().id,
        fact: FactId::new(phone.now, [200; 10]),
        device: DeviceId::new(scene::NOON, [1; 10]),
        shown: Shown::of(&phone.job(), signer),
        heads,
        strokes: vec![vec![Point { x: 1, y: 2, t: 3, pressure: 4 }; 30]],
        place: Place::new(250_330_000, 1_215_654_000).ok().map(|place| (place, Some(80))),
        stamp: Stamp { at: phone.now, up: Some(5), srv: Some(phone.now), srv_up: Some(4) },
    };
    let entry = draft.sign(|message| phone_key().sign(message).to_bytes()).expect("it signs");
    phone.write(vec![entry]).expect("a fact")
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
    desk.caller = Caller { role: Role::System, ..desk.caller };
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
    assert_eq!(job.exceptions[0].about, About::ChangedSinceSigned);
    let seal = seal_of(&desk.document, first).expect("it is well formed");
    assert_eq!(seal.verify(&phone_key().verifying_key()), Ok(()));

    let mut waived = desk.clone();
    waived.decide("changed_since_signed", "confirm", job.exceptions[0].reference);
    assert!(waived.job().exceptions.is_empty());
    waived.fact(section::CHARGES, &charge);
    assert_eq!(waived.job().exceptions[0].about, About::ChangedSinceSigned);

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
fn a_seal_outlives_the_heads_it_names_when_a_phone_wrote_its_changes_anew() {
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
    assert_eq!(verify_bundle(&vec![b' '; 5 << 20], &trusted), Err(SealError::TooLarge("bundle")));
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
        let bundle = Bundle { format, job, seal, shown, runs };
        verify_bundle(&serde_json::to_vec(&bundle).expect("JSON"), &[])
    };
    let fits = limits::DOCUMENT_VALUES / (limits::CHANGE_ENTRIES + 1);
    assert!(matches!(said(fits), Err(SealError::BadDocument(_))));
    assert_eq!(said(fits + 1), Err(SealError::Malformed("run")));
}
