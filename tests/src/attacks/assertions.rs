//! Logins and enrolments of phones by those who are not them.

use std::net::Ipv4Addr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer as _, SigningKey};
use serde_json::{Value, json};
use server::clock::random;
use sync_core::enrol;

use super::hand::{Hand, enrolment, set};
use super::town::Client;
use super::{Row, Town};

const BAD: &str = "401 bad_assertion";

pub const ROWS: &[Row] = &[
    ("a good one", "200", |t| bent(t, |_, _| {})),
    ("the same one again", "200 / 401 bad_assertion", |t| {
        let assertion = t.mallory.assertion();
        set([0, 1].map(|_| t.mallory.token(&assertion).told()))
    }),
    ("the same one from two places at once", "200 / 401 bad_assertion", |t| {
        let assertion = t.mallory.assertion();
        std::thread::scope(|scope| {
            let both = [0, 1].map(|_| scope.spawn(|| t.mallory.token(&assertion).told()));
            set(both.map(|one| one.join().unwrap_or_default()))
        })
    }),
    ("alg none", BAD, |t| bent(t, |h, _| h["alg"] = json!("none"))),
    ("alg none, and no signature", BAD, |t| {
        let (mut header, claims) = t.mallory.claims();
        header["alg"] = json!("none");
        t.mallory.token(&format!("{}.", input(&header, &claims))).told()
    }),
    ("alg HS256", BAD, |t| bent(t, |h, _| h["alg"] = json!("HS256"))),
    ("alg ES256", BAD, |t| bent(t, |h, _| h["alg"] = json!("ES256"))),
    ("typ of an access token", BAD, |t| bent(t, |h, _| h["typ"] = json!("at+jwt"))),
    ("no typ", BAD, |t| bent(t, |h, _| without(h, "typ"))),
    ("crit", BAD, |t| bent(t, |h, _| h["crit"] = json!(["exp"]))),
    ("no kid", BAD, |t| bent(t, |h, _| without(h, "kid"))),
    ("the kid of another phone", BAD, |t| bent(t, |h, _| h["kid"] = json!(t.bo.device))),
    ("a kid that is a path", BAD, |t| bent(t, |h, _| h["kid"] = json!("../../etc/passwd"))),
    ("a kid that is SQL", BAD, |t| bent(t, |h, _| h["kid"] = json!("' OR ''='"))),
    ("the server's kid", BAD, |t| bent(t, |h, _| h["kid"] = json!(t.kid))),
    ("another phone's name, signed with one's own key", BAD, |t| {
        let (header, claims) = t.bo.claims();
        signed(t, &t.mallory.key, &header, &claims)
    }),
    ("a phone of another tenant, signed with one's own key", BAD, |t| {
        let (header, claims) = t.foreign.claims();
        signed(t, &t.mallory.key, &header, &claims)
    }),
    ("signed by the server", BAD, |t| {
        let (header, claims) = t.mallory.claims();
        signed(t, &t.signing, &header, &claims)
    }),
    ("another issuer", BAD, |t| bent(t, |_, c| c["iss"] = json!(t.bo.device))),
    ("another subject", BAD, |t| bent(t, |_, c| c["sub"] = json!(t.bo.device))),
    ("another audience", BAD, |t| bent(t, |_, c| c["aud"] = json!("them"))),
    ("a list of audiences", BAD, |t| bent(t, |_, c| c["aud"] = json!([c["aud"], "them"]))),
    ("no iss", BAD, |t| bent(t, |_, c| without(c, "iss"))),
    ("no sub", BAD, |t| bent(t, |_, c| without(c, "sub"))),
    ("no aud", BAD, |t| bent(t, |_, c| without(c, "aud"))),
    ("no exp", BAD, |t| bent(t, |_, c| without(c, "exp"))),
    ("no nbf", BAD, |t| bent(t, |_, c| without(c, "nbf"))),
    ("no iat", BAD, |t| bent(t, |_, c| without(c, "iat"))),
    ("no jti", BAD, |t| bent(t, |_, c| without(c, "jti"))),
    ("expired", BAD, |t| bent(t, |_, c| shift(c, -600))),
    ("from tomorrow", BAD, |t| bent(t, |_, c| shift(c, 86_400))),
    ("for a year", BAD, |t| {
        bent(t, |_, c| c["exp"] = json!(super::hand::now() / 1000 + 31_536_000))
    }),
    ("for ever", BAD, |t| bent(t, |_, c| c["exp"] = json!(i64::MAX))),
    ("a jti of 2,000 bytes", "200", |t| bent(t, |_, c| c["jti"] = json!("j".repeat(2000)))),
    ("an access token for an assertion", BAD, |t| t.mallory.token(&t.mallory.client.token).told()),
    ("10,000 bytes", BAD, |t| t.mallory.token(&"a".repeat(10_000)).told()),
    ("a grant of another kind", "400 bad_grant", |t| form(t, "grant_type=password&assertion=x")),
    ("no grant", "400 bad_form", |t| form(t, "assertion=x")),
    ("a form that is JSON", "415 wrong_media_type", |t| {
        t.anybody.post("/v1/token", &json!({"assertion": "x"})).told()
    }),
    ("a form over its limit", "413 too_large", |t| form(t, &"a=b&".repeat(10_000))),
    ("a phone that waits for its digits", "403 device_pending", |t| {
        t.pending.token(&t.pending.assertion()).told()
    }),
    ("a revoked phone, which may only submit what it has", "200; 401 device_revoked", |t| {
        let reply = t.revoked.token(&t.revoked.assertion());
        let token = reply.json()["access_token"].as_str().unwrap_or_default().to_owned();
        format!("{}; {}", reply.told(), t.anybody.with(&token).get("/v1/me").told())
    }),
    (
        "guesses codes until the address is slowed down",
        "401 bad_code / 429 too_many_attempts",
        |t| {
            let from = Ipv4Addr::new(127, 0, 0, 70);
            let key = SigningKey::from_bytes(&random());
            let guess = |_| {
                let body = enrolment(&enrol::code(random()), &key, &random());
                Client { from, ..t.anybody.clone() }.post("/v1/devices/enrol", &body).told()
            };
            set((0..40).map(guess))
        },
    ),
    ("a code that was used", "401 bad_code", |t| {
        let code = code(t);
        if let Err(error) = Hand::enrol(t.server.address, &code) {
            return error;
        }
        again(t, &code)
    }),
    ("a code that two phones use at once", "201 / 401 bad_code", |t| {
        let code = code(t);
        std::thread::scope(|scope| {
            let both = [0, 1].map(|_| scope.spawn(|| again(t, &code)));
            set(both.map(|one| one.join().unwrap_or_default()))
        })
    }),
    ("a code with the key of someone else", "401 bad_proof", |t| {
        let mut body = enrolment(&code(t), &t.mallory.key, &random());
        body["public_key"] = json!(URL_SAFE_NO_PAD.encode(t.bo.key.verifying_key().as_bytes()));
        t.anybody.post("/v1/devices/enrol", &body).told()
    }),
    ("a code with a proof made for another code", "401 bad_proof", |t| {
        let mut body = enrolment(&code(t), &t.mallory.key, &random());
        let another = enrol::CodeSecret::of(&code(t));
        body["code_name"] = json!(URL_SAFE_NO_PAD.encode(another.name()));
        t.anybody.post("/v1/devices/enrol", &body).told()
    }),
    ("a key of one's own under a code whose name was overheard", "401 bad_proof; 201", |t| {
        let code = code(t);
        let mut body = enrolment(&enrol::code(random()), &t.mallory.key, &random());
        let name = enrol::CodeSecret::of(&code).name();
        body["code_name"] = json!(URL_SAFE_NO_PAD.encode(name));
        let overheard = t.anybody.post("/v1/devices/enrol", &body).told();
        format!("{overheard}; {}", again(t, &code))
    }),
    ("a code in the clear, where it might be overheard", "400 bad_json", |t| {
        let mut body = enrolment(&code(t), &t.mallory.key, &random());
        body["code"] = json!(code(t));
        t.anybody.post("/v1/devices/enrol", &body).told()
    }),
    ("a key that is a point of small order", "401 bad_proof", |t| {
        let mut body = enrolment(&code(t), &t.mallory.key, &random());
        let mut point = [0; 32];
        point[0] = 1;
        let mut proof = [0; 64];
        proof[0] = 1;
        body["public_key"] = json!(URL_SAFE_NO_PAD.encode(point));
        body["proof"] = json!(URL_SAFE_NO_PAD.encode(proof));
        t.anybody.post("/v1/devices/enrol", &body).told()
    }),
    ("a key that is no point", "401 bad_proof", |t| {
        let mut body = enrolment(&code(t), &t.mallory.key, &random());
        body["public_key"] = json!(URL_SAFE_NO_PAD.encode([0xff; 32]));
        t.anybody.post("/v1/devices/enrol", &body).told()
    }),
    ("a key of 31 bytes", "422 invalid", |t| {
        let mut body = enrolment(&code(t), &t.mallory.key, &random());
        body["public_key"] = json!(URL_SAFE_NO_PAD.encode([1; 31]));
        t.anybody.post("/v1/devices/enrol", &body).told()
    }),
    ("a code of emoji", "401 bad_code", |t| {
        t.anybody
            .post("/v1/devices/enrol", &enrolment("🚗🚗🚗🚗", &t.mallory.key, &random()))
            .told()
    }),
    ("a code of 10,000 letters", "401 bad_code", |t| {
        let code = "A".repeat(10_000);
        t.anybody.post("/v1/devices/enrol", &enrolment(&code, &t.mallory.key, &random())).told()
    }),
    ("wrong digits three times, then the right ones", "409 wrong_state / 422 wrong_digits", |t| {
        let Ok(hand) = Hand::enrol(t.server.address, &code(t)) else { return "no phone".into() };
        let wrong = if hand.digits == "000000" { "000001" } else { "000000" };
        let path = format!("/v1/devices/{}/confirm", hand.device);
        let tries = [wrong, wrong, wrong, hand.digits.as_str()];
        set(tries.map(|digits| t.admin.post(&path, &json!({"digits": digits})).told()))
    }),
    ("a phone that confirms itself", "403 forbidden", |t| {
        let path = format!("/v1/devices/{}/confirm", t.pending.device);
        t.mallory.client.post(&path, &json!({"digits": t.pending.digits})).told()
    }),
    ("a phone that makes a code", "403 forbidden", |t| {
        t.mallory.client.post("/v1/devices/codes", &json!({"user": t.mallory.user})).told()
    }),
    ("a code for someone at a desk", "422 unknown_reference", |t| {
        let me = t.desk.get("/v1/me").json();
        t.admin.post("/v1/devices/codes", &json!({"user": me["id"]})).told()
    }),
];

fn input(header: &Value, claims: &Value) -> String {
    let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
    format!("{}.{}", part(header), part(claims))
}

fn signed(town: &Town, key: &SigningKey, header: &Value, claims: &Value) -> String {
    let input = input(header, claims);
    let assertion = enrol::assertion(&input, &key.sign(input.as_bytes()).to_bytes());
    town.mallory.token(&assertion).told()
}

/// An assertion of the attacker's own phone, bent in one place.
fn bent(town: &Town, bend: impl FnOnce(&mut Value, &mut Value)) -> String {
    let (mut header, mut claims) = town.mallory.claims();
    bend(&mut header, &mut claims);
    signed(town, &town.mallory.key, &header, &claims)
}

fn without(json: &mut Value, name: &str) {
    if let Some(map) = json.as_object_mut() {
        map.remove(name);
    }
}

fn shift(claims: &mut Value, seconds: i64) {
    for name in ["iat", "nbf", "exp"] {
        claims[name] = json!(claims[name].as_i64().unwrap_or(0) + seconds);
    }
}

fn form(town: &Town, body: &str) -> String {
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    town.anybody.send("POST", "/v1/token", &headers, body.as_bytes()).told()
}

/// A good code for the attacker's technician.
fn code(town: &Town) -> String {
    let code = town.admin.post("/v1/devices/codes", &json!({"user": town.mallory.user})).json();
    code["code"].as_str().unwrap_or_default().to_owned()
}

fn again(town: &Town, code: &str) -> String {
    let key = SigningKey::from_bytes(&random());
    town.anybody.post("/v1/devices/enrol", &enrolment(code, &key, &random())).told()
}
