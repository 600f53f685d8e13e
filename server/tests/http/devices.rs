//! Phones are enrolled, log in by signed assertion, and are refused at once when revoked.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::world::{Phone, Told, World};
use ed25519_dalek::{Signer as _, SigningKey};
use serde_json::{Value, json};
use server::auth::Role;
use server::auth::token::{self, Claims};
use server::clock::random;
use store::StoreError;
use store::rows::submissions;
use sync_core::admission::{Verdict, push_message};
use sync_core::change::{Change, Entry, Run};
use sync_core::document::Document;
use sync_core::id::{ActorId, FactId, JobId, UserId};
use sync_core::schema::{key, section};
use sync_core::sync::{Request, Sent, decode_verdict_list, encode_request};
use sync_core::time::Stamp;
use sync_core::value::Record;

fn claims(phone: &Phone, now_s: i64, jti: &str) -> Value {
    let id = phone.device.to_string();
    json!({
        "iss": id, "sub": id, "aud": phone.audience, "iat": now_s, "nbf": now_s,
        "exp": now_s + 120, "jti": jti,
    })
}

fn header(phone: &Phone) -> Value {
    json!({"alg": "EdDSA", "typ": "JWT", "kid": phone.device.to_string()})
}

/// A job that a phone opened on its own, at a time.
pub fn walk_up(stamp: Stamp) -> (JobId, Run) {
    let job = JobId::new(stamp.at, random());
    let mut record = Record::from_iter([(key::KIND, "walk_up".into()), (key::EPOCH, 0.into())]);
    stamp.write(&mut record);
    let id = FactId::new(stamp.at, random());
    let entries = vec![Entry::Fact { section: section::STATUS, id, record }];
    let actor = ActorId::new(stamp.at, random());
    let change = Change { actor, seq: 1, after: Vec::new(), time: stamp.at, entries };
    (job, Document::new(job.into()).run(vec![change]).expect("it can join"))
}

/// The frame in which a phone sends runs.
pub fn frame(phone: &Phone, runs: Vec<Run>) -> Vec<u8> {
    let signature = phone.key.sign(&push_message(phone.device, runs.iter())).to_bytes();
    let runs = runs.into_iter().map(Sent::Signed).collect();
    encode_request(&Request { runs, signature: Some(signature), ..Request::default() })
}

/// A phone that may not speak any more submits what it has.
pub fn submit(world: &World, phone: &Phone, runs: Vec<Run>) {
    let frame = frame(phone, runs);
    let media = "application/vnd.towline.sync";
    let answer = phone.log_in(world).send("POST", "/v1/sync", Some(frame), media);
    answer.problem(401, "device_revoked");
}

#[test]
fn a_phone_is_enrolled_confirmed_and_logs_in() {
    let world = World::new();
    let phone = world.phone(world.tenant, "acme", "admin", "bo");
    let me = phone.log_in(&world).get("/v1/me").ok(200);
    assert_eq!(me["id"], phone.user.to_string());
    assert_eq!(me["device"], phone.device.to_string());
    assert_eq!(me["role"], "technician");
}

#[test]
fn a_waiting_phone_may_not_log_in_and_three_wrong_digits_end_it() {
    let world = World::new();
    let user = world.add_user(world.tenant, "bo", Role::Technician);
    let admin = world.admin();
    let code = admin.post("/v1/devices/codes", json!({"user": user})).ok(201);
    let phone = Phone::enrol(&world.anybody(), code["code"].text());
    let now_s = world.running().app().now() / 1000;
    phone.token(&world.anybody(), &phone.assertion(now_s)).problem(403, "device_pending");
    let path = format!("/v1/devices/{}/confirm", phone.device);
    let wrong = if phone.digits == "000000" { "000001" } else { "000000" };
    for _ in 0..3 {
        admin.post(&path, json!({"digits": wrong})).problem(422, "wrong_digits");
    }
    admin.post(&path, json!({"digits": phone.digits})).problem(409, "wrong_state");
    phone.token(&world.anybody(), &phone.assertion(now_s)).problem(401, "device_revoked");
}

#[test]
fn a_code_works_once_and_only_for_a_technician() {
    let world = World::new();
    let user = world.add_user(world.tenant, "bo", Role::Technician);
    let desk = world.add_user(world.tenant, "disp", Role::Dispatcher);
    let admin = world.admin();
    admin.post("/v1/devices/codes", json!({"user": desk})).problem(422, "unknown_reference");
    let code = admin.post("/v1/devices/codes", json!({"user": user})).ok(201);
    let code = code["code"].text().to_owned();
    Phone::enrol(&world.anybody(), &code);
    let again = json!({"code_name": "A", "public_key": "A", "nonce": "A", "proof": "A"});
    world.anybody().post("/v1/devices/enrol", again).problem(422, "invalid");
    let code = admin.post("/v1/devices/codes", json!({"user": user})).ok(201);
    let code = code["code"].text().to_owned();
    let name = sync_core::enrol::CodeSecret::of(&code).name();
    let unproven = json!({
        "code_name": URL_SAFE_NO_PAD.encode(name),
        "public_key": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
        "nonce": "AAAAAAAAAAAAAAAAAAAAAA",
        "proof": "A".repeat(86),
    });
    world.anybody().post("/v1/devices/enrol", unproven).problem(401, "bad_proof");
    // Who was not told the code has not used it up either.
    Phone::enrol(&world.anybody(), &code);
}

#[test]
fn an_assertion_is_taken_once() {
    let world = World::new();
    let phone = world.phone(world.tenant, "acme", "admin", "bo");
    let assertion = phone.assertion(world.running().app().now() / 1000);
    phone.token(&world.anybody(), &assertion).ok(200);
    let problem = phone.token(&world.anybody(), &assertion).problem(401, "bad_assertion");
    assert_eq!(problem["reason"], "used_before");
}

#[test]
fn confused_assertions_are_refused() {
    let world = World::new();
    let phone = world.phone(world.tenant, "acme", "admin", "bo");
    let other = world.phone(world.tenant, "acme", "admin", "cy");
    let client = world.anybody();
    let now_s = world.running().app().now() / 1000;
    let good = claims(&phone, now_s, "good");
    let with = |name: &str, value: Value| {
        let mut changed = good.clone();
        changed[name] = value;
        phone.sign(&header(&phone), &changed)
    };
    let without = |name: &str| {
        let mut changed = good.clone();
        if let Some(map) = changed.as_object_mut() {
            map.remove(name);
        }
        phone.sign(&header(&phone), &changed)
    };
    let head = |name: &str, value: Value| {
        let mut changed = header(&phone);
        changed[name] = value;
        phone.sign(&changed, &good)
    };
    let unsigned = head("alg", json!("none"));
    let unsigned = unsigned.rsplit_once('.').map_or("", |(input, _)| input).to_owned() + ".";
    let cases = [
        ("alg none", unsigned),
        ("alg HS256", head("alg", json!("HS256"))),
        ("wrong typ", head("typ", json!("at+jwt"))),
        ("kid of another device", head("kid", json!(other.device.to_string()))),
        ("unknown kid", head("kid", json!("0190b1c0-0000-7000-8000-000000000001"))),
        ("kid that is no id", head("kid", json!("../../etc/passwd"))),
        ("wrong aud", with("aud", json!("someone else"))),
        ("list of aud", with("aud", json!([phone.audience, "someone else"]))),
        ("wrong iss", with("iss", json!(other.device.to_string()))),
        ("wrong sub", with("sub", json!(other.device.to_string()))),
        ("expired", with("exp", json!(now_s - 60))),
        ("future nbf", with("nbf", json!(now_s + 600))),
        ("too long a life", with("exp", json!(now_s + 86_400))),
        ("no exp", without("exp")),
        ("no nbf", without("nbf")),
        ("no iat", without("iat")),
        ("no jti", without("jti")),
        ("no aud", without("aud")),
        ("signed by another", other.sign(&header(&phone), &good)),
        ("not a token", "a.b".to_owned()),
        ("endless", "a".repeat(10_000)),
    ];
    for (what, assertion) in cases {
        let answer = phone.token(&client, &assertion);
        assert_eq!((answer.status, answer.code()), (401, "bad_assertion"), "{what}");
    }
    phone.token(&client, &phone.sign(&header(&phone), &good)).ok(200);
    let grant = client.form("/v1/token", &[("grant_type", "password"), ("assertion", "x")]);
    grant.problem(400, "bad_grant");
}

#[test]
fn confused_access_tokens_are_refused() {
    let world = World::new();
    let phone = world.phone(world.tenant, "acme", "admin", "bo");
    let app = world.running().app();
    let now_s = app.now() / 1000;
    let key = app.keys.current().expect("the server has a key");
    let good = Claims {
        iss: app.issuer().to_owned(),
        sub: phone.user.to_string(),
        aud: app.issuer().to_owned(),
        exp: now_s + 900,
        nbf: now_s,
        iat: now_s,
        jti: "j".to_owned(),
        tid: Some(world.tenant),
        did: Some(phone.device),
    };
    let sign = |claims: &Claims, typ: &str, kid: &str, key: &SigningKey| {
        token::sign(claims, typ, kid, key).expect("claims can be written")
    };
    let client = world.anybody();
    let accepted = sign(&good, "at+jwt", &key.kid, &key.signing);
    client.bearer(&accepted).get("/v1/me").ok(200);
    let other = world.add_tenant("other");
    let changed = |change: fn(&mut Claims, i64)| {
        let mut claims = good.clone();
        change(&mut claims, now_s);
        sign(&claims, "at+jwt", &key.kid, &key.signing)
    };
    let foreign = Claims { tid: Some(other), ..good.clone() };
    let cases = [
        ("wrong typ", sign(&good, "JWT", &key.kid, &key.signing), "bad_token"),
        ("unknown kid", sign(&good, "at+jwt", "nobody", &key.signing), "bad_token"),
        ("another key", sign(&good, "at+jwt", &key.kid, &phone.key), "bad_token"),
        ("wrong iss", changed(|c, _| c.iss = "them".to_owned()), "bad_token"),
        ("wrong aud", changed(|c, _| c.aud = "them".to_owned()), "bad_token"),
        ("future nbf", changed(|c, now| c.nbf = now + 600), "bad_token"),
        ("expired", changed(|c, now| c.exp = now - 31), "token_expired"),
        ("no tenant", changed(|c, _| c.tid = None), "bad_token"),
        ("no device", changed(|c, _| c.did = None), "bad_token"),
        ("another tenant", sign(&foreign, "at+jwt", &key.kid, &key.signing), "bad_token"),
        ("an assertion", phone.assertion(now_s), "bad_token"),
        ("nonsense", "aaaa".to_owned(), "bad_token"),
    ];
    for (what, token, code) in cases {
        let answer = client.bearer(&token).get("/v1/me");
        assert_eq!((answer.status, answer.code()), (401, code), "{what}");
    }
}

#[test]
fn a_revoked_phone_is_refused_at_its_next_request() {
    let world = World::new();
    let phone = world.phone(world.tenant, "acme", "admin", "bo");
    let client = phone.log_in(&world);
    client.get("/v1/me").ok(200);
    let path = format!("/v1/devices/{}/revoke", phone.device);
    world.admin().post(&path, json!({})).ok(200);
    client.get("/v1/me").problem(401, "device_revoked");
    // A fresh login opens nothing but the door for work that was not submitted yet.
    let again = phone.log_in(&world);
    again.get("/v1/me").problem(401, "device_revoked");
    again.post("/v1/positions", json!({"points": []})).problem(401, "device_revoked");
    let frame = sync_core::sync::encode_request(&sync_core::sync::Request::default());
    let media = "application/vnd.towline.sync";
    again.send("POST", "/v1/sync", Some(frame), media).problem(401, "device_revoked");
    again.send("POST", "/v1/sync", Some(vec![7]), media).problem(400, "bad_frame");
}

#[test]
fn a_deactivated_technician_is_refused_at_the_next_request() {
    let world = World::new();
    let phone = world.phone(world.tenant, "acme", "admin", "bo");
    let client = phone.log_in(&world);
    let admin = world.admin();
    let path = format!("/v1/users/{}", phone.user);
    let user = admin.get(&path);
    let etag = user.header("etag").to_owned();
    admin.header("if-match", &etag).patch(&path, json!({"active": false})).ok(200);
    client.get("/v1/me").problem(401, "device_revoked");
}

#[test]
fn tokens_of_a_retired_key_still_verify_and_new_ones_name_the_new_key() {
    let world = World::new();
    let phone = world.phone(world.tenant, "acme", "admin", "bo");
    let old = phone.log_in(&world);
    let app = world.running().app();
    let kid = world.block_on(server::admin::rotate_key(&app.store, app.now()));
    let kid = kid.expect("a key is made");
    world.block_on(async {
        let mut connection = app.read().await.expect("a connection");
        app.keys.load(&mut connection, app.now()).await.expect("keys");
    });
    old.get("/v1/me").ok(200);
    phone.log_in(&world).get("/v1/me").ok(200);
    let jwks = world.anybody().get("/.well-known/jwks.json").ok(200);
    assert_eq!(jwks["keys"].as_array().map(Vec::len), Some(2));
    assert_eq!(jwks["keys"][0]["kid"], kid);
    assert!(!jwks.to_string().contains("seed") && jwks["keys"][0].get("d").is_none());
}

const HOUR: i64 = 3_600_000;

/// A phone that learnt the time an hour before `now`, and recorded something `later` than that.
fn anchored(now: i64, later: i64) -> Stamp {
    Stamp { at: now - HOUR + later, up: Some(later), srv: Some(now - HOUR), srv_up: Some(0) }
}

#[test]
fn the_list_of_submissions_reads_no_frame_and_marks_what_came_after_the_revocation() {
    for world in World::on_each_database() {
        let phone = world.phone(world.tenant, "acme", "admin", "bo");
        let admin = world.admin();
        let path = format!("/v1/devices/{}/revoke", phone.device);
        let revoked_at = admin.post(&path, json!({})).ok(200)["revoked_at"].clone();
        let now = world.running().app().now();
        let (early, before) = walk_up(anchored(now, HOUR / 2));
        let (late, after) = walk_up(anchored(now, 3 * HOUR));
        submit(&world, &phone, vec![before, after]);
        let listed = admin.get("/v1/submissions").ok(200);
        let row = &listed["items"][0];
        let mut documents = [early.to_string(), late.to_string()];
        documents.sort();
        assert_eq!(row["documents"], json!(documents));
        assert_eq!((&row["changes"], &row["late"]), (&json!(2), &json!(1)));
        assert_eq!(row["revoked_at"], revoked_at);
        // A row from before the list was kept beside the frame shows the same.
        change(&world, "UPDATE submissions SET documents = NULL, late = NULL", None);
        assert_eq!(admin.get("/v1/submissions").ok(200), listed);
        let unread = "UPDATE submissions SET documents = '', late = 0, frame = $1";
        change(&world, unread, Some(vec![0xff]));
        assert_eq!(admin.get("/v1/submissions").ok(200)["items"][0]["documents"], json!([]));
    }
}

fn change(world: &World, sql: &'static str, bytes: Option<Vec<u8>>) {
    let store = world.running().app().store.clone();
    let done = store.write::<(), store::StoreError, _>(move |tx| {
        Box::pin(async move {
            let query = sqlx::query(sql);
            let query = if let Some(bytes) = bytes { query.bind(bytes) } else { query };
            query.execute(tx).await?;
            Ok(())
        })
    });
    world.block_on(done).expect("the store writes");
}

#[test]
fn work_from_before_the_revocation_is_taken_in_and_what_surely_came_after_is_refused() {
    let world = World::new();
    let phone = world.phone(world.tenant, "acme", "admin", "bo");
    let admin = world.admin();
    admin.post(&format!("/v1/devices/{}/revoke", phone.device), json!({})).ok(200);
    let now = world.running().app().now();
    let (early, before) = walk_up(anchored(now, HOUR / 2));
    let (late, after) = walk_up(anchored(now, 3 * HOUR));
    // Nothing but a wall clock, which may be wrong: a person decides.
    let (unsure, perhaps) = walk_up(Stamp::wall(now + HOUR));
    let runs = vec![before, after, perhaps];
    submit(&world, &phone, runs.clone());
    let row = admin.get("/v1/submissions").ok(200)["items"][0].clone();
    assert_eq!(row["late"], 2);
    let path = format!("/v1/submissions/{}/accept", row["id"].text());
    for _ in 0..2 {
        let accepted = admin.post(&path, json!({})).ok(200);
        assert_eq!(accepted["state"], "partly_accepted");
        assert_eq!(accepted["verdicts"], json!({"durable": 2, "recorded_after_revocation": 1}));
        let refused = &accepted["refused"];
        assert_eq!(refused.as_array().map(Vec::len), Some(1));
        assert_eq!(refused[0]["document"], late.to_string());
        assert_eq!(refused[0]["sections"], json!(["status"]));
        assert_eq!(refused[0]["code"], "recorded_after_revocation");
    }
    let row = admin.get("/v1/submissions").ok(200)["items"][0].clone();
    assert_eq!((&row["state"], &row["refused_count"]), (&json!("partly_accepted"), &json!(1)));
    assert_eq!(row["refused"][0]["document"], late.to_string());
    // The phone learns what became of each change.
    let media = "application/vnd.towline.sync";
    let answer = phone.log_in(&world).send("POST", "/v1/sync", Some(frame(&phone, runs)), media);
    let told = answer.problem(401, "device_revoked");
    assert_eq!(told["reason"], "partly_accepted");
    let verdicts = URL_SAFE_NO_PAD.decode(told["verdicts"].text());
    let verdicts = decode_verdict_list(&verdicts.expect("base64url")).expect("verdicts");
    let codes: Vec<_> = verdicts.iter().map(Verdict::code).collect();
    assert_eq!(codes, ["durable", "recorded_after_revocation", "durable"]);
    admin.get(&format!("/v1/jobs/{early}")).ok(200);
    admin.get(&format!("/v1/jobs/{unsure}")).ok(200);
    admin.get(&format!("/v1/jobs/{late}")).problem(404, "not_found");
}

#[test]
fn a_phone_that_is_held_after_a_restore_waits_until_an_administrator_lets_it_sync() {
    for world in World::on_each_database() {
        let phone = world.phone(world.tenant, "acme", "admin", "bo");
        let early = phone.log_in(&world);
        let app = world.running().app();
        let renewal = store::Renewal { hold_phones: true, ..store::Renewal::at(app.now()) };
        assert_eq!(world.block_on(app.store.renew(renewal)).unwrap().held, 1);
        let now_s = app.now() / 1000;
        let refused = phone.token(&world.anybody(), &phone.assertion(now_s));
        assert!(!refused.header("retry-after").is_empty());
        let problem = refused.problem(503, "unavailable");
        assert_eq!(problem["reason"], "held");
        assert!(problem["detail"].as_str().unwrap().contains("what it holds stays on it"));
        let frame = early.send("POST", "/v1/sync", Some(vec![0]), "application/vnd.towline.sync");
        assert_eq!(frame.problem(503, "unavailable")["reason"], "held", "nor by a token of before");
        world.add_user(world.tenant, "dan", Role::Dispatcher);
        let path = format!("/v1/devices/{}/release", phone.device);
        world.desk("acme", "dan").post(&path, serde_json::json!({})).problem(403, "forbidden");
        let released = world.admin().post(&path, serde_json::json!({})).ok(200);
        assert_eq!(released["held_at"], serde_json::Value::Null);
        phone.log_in(&world).get("/v1/me").ok(200);
    }
}

#[test]
fn a_submission_is_decided_once() {
    for world in World::on_each_database() {
        let admin = world.admin();
        world.add_user(world.tenant, "ann", Role::Dispatcher);
        let ann = world.desk("acme", "ann");
        let phone = world.phone(world.tenant, "acme", "admin", "bo");
        admin.post(&format!("/v1/devices/{}/revoke", phone.device), json!({})).ok(200);
        let submitted = |n: i64| {
            let (_, run) = walk_up(Stamp::wall(world.running().app().now() - n));
            submit(&world, &phone, vec![run]);
            let row = admin.get("/v1/submissions").ok(200)["items"][0].clone();
            let path = format!("/v1/submissions/{}", row["id"].as_str().unwrap());
            let of = row["id"].clone();
            let admin = admin.clone();
            let shown = move || {
                let rows = admin.get("/v1/submissions").ok(200)["items"].clone();
                rows.as_array().unwrap().iter().find(|row| row["id"] == of).unwrap().clone()
            };
            (path, shown)
        };
        let (path, shown) = submitted(2000);
        admin.post(&format!("{path}/accept"), json!({})).ok(200);
        let first = shown();
        let again = ann.post(&format!("{path}/accept"), json!({})).ok(200);
        assert_eq!(again["verdicts"], json!({"durable": 1}));
        ann.post(&format!("{path}/discard"), json!({})).problem(409, "wrong_state");
        assert_eq!(shown(), first, "who decided, and when, stays");
        // While ann takes one in, nobody else decides about it.
        let (path, shown) = submitted(1000);
        let id: FactId = shown()["id"].as_str().unwrap().parse().unwrap();
        let by: UserId = ann.get("/v1/me").ok(200)["id"].as_str().unwrap().parse().unwrap();
        let (tenant, now) = (world.tenant, world.running().app().now());
        let store = world.running().app().store.clone();
        let begun = store.write::<bool, StoreError, _>(move |tx| {
            Box::pin(async move { Ok(submissions::begin(tx, tenant, id, by, now).await?) })
        });
        assert!(world.block_on(begun).unwrap());
        for desk in [&admin, &ann] {
            desk.post(&format!("{path}/discard"), json!({})).problem(409, "wrong_state");
        }
        admin.post(&format!("{path}/accept"), json!({})).problem(409, "wrong_state");
        let row = shown();
        assert_eq!((&row["state"], &row["decided_by"]), (&json!("waiting"), &Value::Null));
        ann.post(&format!("{path}/accept"), json!({})).ok(200);
        assert_eq!(shown()["decided_by"], json!(by));
        // A repeat of what was decided changes nothing.
        let (path, _) = submitted(500);
        admin.post(&format!("{path}/discard"), json!({})).ok(200);
        ann.post(&format!("{path}/discard"), json!({})).ok(200);
        ann.post(&format!("{path}/accept"), json!({})).problem(409, "wrong_state");
    }
}
