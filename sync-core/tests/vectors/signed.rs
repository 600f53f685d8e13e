//! What is signed or proven: enrolment, login, seals, countersignatures, bundles, receipts; and times.

use ed25519_dalek::Signer as _;
use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};
use sync_core::bundle::{export, verify_bundle};
use sync_core::change::{Run, encode_run};
use sync_core::document::{Author, Fact};
use sync_core::enrol::{self, CodeSecret};
use sync_core::job::seal_of;
use sync_core::schema::{key, section};
use sync_core::seal::{Countersignature, Statement};
use sync_core::time::Stamp;
use sync_core::value::Value;
use sync_core::wire::Writer;

use super::json::{self, hex};
use super::story::{
    KID, RECEIVED_AT, Story, T0, device, device_key, job, runs, server_key, tenant,
};

const RECEIPT_SECRET: [u8; 32] = [11; 32];

pub fn enrolment() -> Json {
    let typed =
        ["0123-4567-89AZ", "0123456789az", " o1z3 4567-89az", "OLZ3-4567-89AZ", "oiz34567 89AZ"];
    let code = enrol::code([0, 1, 31, 3, 4, 5, 6, 7, 8, 9, 10, 31]);
    let normal = |typed: &str| json!({"typed": typed, "normal": enrol::normal_code(typed)});
    let secret = CodeSecret::of(&code);
    let key = device_key();
    let public_key = key.verifying_key().to_bytes();
    let (phone_nonce, server_nonce) = ([21; 16], [22; 16]);
    let message = enrol::proof_message(&secret, &public_key, &phone_nonce);
    json!({
        "description": "From a code as it was typed to the request of enrolment and the six digits that people compare.",
        "typed_codes": typed.iter().chain(&["0123-4567", "0123-4567-89AU"]).map(|it| normal(it)).collect::<Vec<Json>>(),
        "code": code,
        "secret": hex(secret.0),
        "code_name": hex(secret.name()),
        "private_key_seed": hex(key.to_bytes()),
        "public_key": hex(public_key),
        "phone_nonce": hex(phone_nonce),
        "proof_message": hex(&message),
        "proof": hex(key.sign(&message).to_bytes()),
        "server_nonce": hex(server_nonce),
        "digits": enrol::digits(&secret, &public_key, &phone_nonce, &server_nonce),
    })
}

pub fn assertion() -> Json {
    let (audience, now_s, jti) = ("https://rescue.example", T0 / 1000, [23; 16]);
    let input = enrol::assertion_input(device(), audience, now_s, jti);
    let key = device_key();
    let assertion = enrol::assertion(&input, &key.sign(input.as_bytes()).to_bytes());
    json!({
        "description": "The assertion with which a phone logs in at /v1/token. Order and spaces inside the JSON are free.",
        "device": device().to_string(),
        "audience": audience,
        "now_s": now_s,
        "jti_bytes": hex(jti),
        "header": {"alg": "EdDSA", "typ": "JWT", "kid": device().to_string()},
        "claims": {
            "iss": device().to_string(), "sub": device().to_string(), "aud": audience,
            "iat": now_s, "nbf": now_s, "exp": now_s + enrol::ASSERTION_SECONDS,
            "jti": input_jti(&input),
        },
        "public_key": hex(key.verifying_key().to_bytes()),
        "assertion": assertion,
        "grant_type": enrol::GRANT_TYPE,
    })
}

fn input_jti(input: &str) -> String {
    use base64::Engine as _;
    let claims = input.split('.').nth(1).unwrap_or_default();
    let claims =
        base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(claims).expect("base64url");
    let claims: Json = serde_json::from_slice(&claims).expect("JSON");
    claims["jti"].as_str().expect("text").to_owned()
}

fn record(fact: &Fact) -> Json {
    let pairs = fact.record.iter();
    pairs.map(|(key, value)| (key.as_str().to_owned(), json::value(value))).collect()
}

/// The seal with its message, and the countersignature of the server.
pub fn seal(story: &Story) -> Json {
    let fact = story.document.fact(&section::SIGNATURES, &story.seal).expect("it is there");
    let seal = seal_of(&story.document, story.seal).expect("it is well formed");
    assert_eq!(seal.verify(&device_key().verifying_key()), Ok(()));
    let mut facts = story.document.facts(&section::SIGNATURES);
    let counter = facts.find(|fact| Countersignature::read(fact).is_some()).expect("it is there");
    let word = Countersignature::read(counter).expect("it is one");
    assert_eq!(word.verify(&seal, &server_key().verifying_key()), Ok(()));
    let strokes: Vec<Vec<Json>> = story
        .strokes
        .iter()
        .map(|stroke| {
            let points = stroke.iter();
            points.map(|p| json!({"x": p.x, "y": p.y, "t": p.t, "pressure": p.pressure})).collect()
        })
        .collect();
    let bytes = |key| fact.record.get(&key).and_then(Value::as_bytes).map(hex);
    let shown: Json = serde_json::from_str(&seal.shown).expect("JSON");
    json!({
        "description": "A seal: what was shown, its canonical text and digest, the strokes, the fact; and the server's countersignature.",
        "job": job().to_string(),
        "seal": story.seal.to_string(),
        "shown": shown,
        "canonical": seal.shown,
        "digest": hex(seal.digest),
        "strokes": strokes,
        "strokes_encoded": bytes(key::STROKES),
        "record": record(fact),
        "device_public_key": hex(device_key().verifying_key().as_bytes()),
        "signature": bytes(key::SIGNATURE),
        "countersignature": {
            "fact": counter.id.to_string(),
            "record": record(counter),
            "tenant": tenant().to_string(),
            "kid": KID,
            "received_at": RECEIVED_AT,
            "server_public_key": hex(server_key().verifying_key().as_bytes()),
        },
    })
}

/// The evidence bundle of that seal, and what a checker says of it.
pub fn evidence(story: &Story) -> Json {
    let at = RECEIVED_AT + 60_000;
    let sign = |message: &[u8]| server_key().sign(message).to_bytes();
    let statement = Statement::of(&story.document, tenant(), at, KID, sign).expect("a job");
    let bytes = export(&story.document, story.seal, statement).expect("it fits");
    let trusted = [(KID.to_owned(), server_key().verifying_key())];
    let evidence = verify_bundle(&bytes, &trusted).expect("it holds");
    assert!(evidence.rendering_matches);
    let bundle: Json = serde_json::from_slice(&bytes).expect("JSON");
    json!({
        "description": "An evidence bundle (the value of `bundle` is the file), the server key to trust, and what a checker finds.",
        "bundle": bundle,
        "trusted": {KID: hex(server_key().verifying_key().as_bytes())},
        "evidence": evidence,
    })
}

/// The receipt a server gives for a run, with a known secret.
pub fn receipts(story: &Story) -> Json {
    let runs = runs(&story.document);
    let receipts = runs.iter().map(|(run, author)| {
        json!({
            "encoded": hex(encoded(run)),
            "user": author.user.map(|id| id.to_string()),
            "device": author.device.map(|id| id.to_string()),
            "receipt": hex(receipt(run, author)),
        })
    });
    json!({
        "description": "Receipts of the runs of document.json. Only servers make and check them; a phone keeps them as they are.",
        "secret": hex(RECEIPT_SECRET),
        "tenant": tenant().to_string(),
        "runs": receipts.collect::<Vec<Json>>(),
    })
}

/// As `server/store/src/meta.rs` makes it.
pub fn receipt(run: &Run, author: &Author) -> [u8; 16] {
    let mut message = b"towline receipt 2\n".to_vec();
    message.extend(tenant().as_bytes());
    message.push(run.doc.kind.code());
    message.extend(run.doc.as_bytes());
    message.extend(run.actor().as_bytes());
    message.extend(run.last_seq().to_be_bytes());
    message.extend(run.last_hash.0);
    message.extend(Sha256::digest(encoded(run)));
    message.extend(author.user.map_or([0; 16], |user| *user.as_bytes()));
    message.extend(author.device.map_or([0; 16], |device| *device.as_bytes()));
    let pad = |with: u8| {
        let mut block = [with; 64];
        RECEIPT_SECRET.iter().zip(&mut block).for_each(|(secret, byte)| *byte ^= secret);
        block
    };
    let inner = Sha256::new().chain_update(pad(0x36)).chain_update(message).finalize();
    let outer = Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize();
    outer[..16].try_into().expect("sixteen")
}

pub fn encoded(run: &Run) -> Vec<u8> {
    let mut writer = Writer::new();
    encode_run(&mut writer, run);
    writer.into_bytes()
}

/// Stamps, and what they mean in the server's time.
pub fn times() -> Json {
    let hour = 3_600_000;
    let stamps = [
        (
            "Anchored in this boot, the wall clock ten years behind.",
            T0 - 3650 * 24 * hour,
            Some(5 * hour),
            Some(T0),
            Some(2 * hour),
        ),
        (
            "Restarted since: the last server time is the earliest it can have been.",
            T0 - hour,
            Some(10),
            Some(T0),
            None,
        ),
        ("Restarted since, the wall clock ahead of it.", T0 + hour, Some(10), Some(T0), None),
        ("The time since boot runs backwards: no anchor.", T0, Some(1), Some(T0 - hour), Some(9)),
        ("Never heard a server.", T0, Some(77), None, None),
        ("Nothing but the wall clock.", T0, None, None, None),
        ("Five minutes ahead: not flagged yet.", T0 + 300_000, Some(100), Some(T0), Some(100)),
        ("A millisecond more: flagged.", T0 + 300_001, Some(100), Some(T0), Some(100)),
    ];
    let stamps = stamps.map(|(what, at, up, srv, srv_up)| {
        let corrected = Stamp { at, up, srv, srv_up }.corrected();
        json!({
            "what": what, "at": at, "up": up, "srv": srv, "srv_up": srv_up,
            "corrected": corrected.at, "uncertainty": corrected.uncertainty, "skew": corrected.skew,
            "flagged": corrected.is_skewed(),
        })
    });
    json!({
        "description": "What at, up, srv and srv_up of a fact mean in the server's time, milliseconds.",
        "stamps": stamps,
    })
}
