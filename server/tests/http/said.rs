//! A doubtful value takes nobody's call away: it is kept as said, and every view says so.

use crate::world::{Client, Told, World};
use serde_json::{Value, json};
use server::auth::Role;
use sync_core::id::UserId;
use sync_core::technician::region;

fn take(desk: &Client, field: &str, value: Value) -> Value {
    let mut body = json!({"problem": "tow", "address": "Highway 5"});
    body[field] = value;
    desk.post("/v1/jobs", body).ok(201)
}

/// Fields and reasons of the findings of a view.
fn findings(view: &Value) -> Vec<(String, String)> {
    let word = |finding: &Value, key: &str| finding[key].text().to_owned();
    let all = view["findings"].list().to_vec();
    assert!(
        all.iter().all(|it| it["code"] == "unverified" && it["sentence"].is_string()),
        "{view}"
    );
    all.iter().map(|it| (word(it, "field"), word(it, "reason"))).collect()
}

#[test]
fn numbers_that_exist_are_taken_however_they_are_pasted() {
    let world = World::new();
    let desk = world.admin();
    for (said, kept) in [
        ("+39 02 1234 5678", "+390212345678"),
        ("+39 06 6981 2345", "+390669812345"),
        ("+378 0549 886377", "+3780549886377"),
        ("+225 01 23 45 6789", "+2250123456789"),
        ("+229 01 95 12 34 56", "+2290195123456"),
        ("+242 06 123 4567", "+242061234567"),
        ("\u{202a}+886 912 345 678\u{202c}", "+886912345678"),
        ("\u{2068}+886912345678\u{2069}", "+886912345678"),
        ("+886\u{a0}912\u{a0}345\u{a0}678", "+886912345678"),
        ("0912\u{2011}345\u{2011}678", "+886912345678"),
        ("tel:+886912345678", "+886912345678"),
        ("00886912345678", "+886912345678"),
        ("02-2720-8889#12", "+886227208889;ext=12"),
    ] {
        let job = take(&desk, "phone", json!(said));
        assert_eq!(job["intake"]["phone"], kept, "{said}");
        assert_eq!(findings(&job), []);
    }
}

#[test]
fn what_no_rule_knows_is_kept_as_said_with_a_finding_in_every_answer() {
    let world = World::new();
    let desk = world.admin();
    for (field, said, kept, reason) in [
        ("phone", "+886 2 1234", "+886 2 1234", "phone_invalid"),
        ("phone", "ask for Mr Wu", "ask for Mr Wu", "phone_invalid"),
        ("plate", "?", "?", "plate_character"),
        ("plate", "TEMP TAG 0012345678", "TEMP TAG 0012345678", "plate_length"),
        ("vin", "NZE121-3012345", "NZE121-3012345", "chassis_number"),
        ("vin", "1Z37L7S420123", "1Z37L7S420123", "vin_length"),
        ("vin", "1M8GDM9AXKP042789", "1M8GDM9AXKP042789", "vin_check_digit"),
    ] {
        let job = take(&desk, field, json!(said));
        assert_eq!(job["intake"][field], kept);
        let wanted = vec![(format!("intake.{field}"), reason.to_owned())];
        assert_eq!(findings(&job), wanted);
        let path = format!("/v1/jobs/{}", job["id"].as_str().unwrap());
        let read = desk.get(&path);
        assert_eq!(findings(&read.body), wanted);
        let seen = read.header("etag").to_owned();
        let mended = desk.header("if-match", &seen).patch(&path, json!({field: null})).ok(200);
        assert_eq!(findings(&mended), [], "a corrected value has none");
    }
    let job = take(&desk, "phone", json!("+886 2 1234"));
    let wanted = "+886 2 1234 is not a valid Taiwanese phone number. It is kept as said; correct it if it is wrong.";
    assert_eq!(job["findings"][0]["sentence"], wanted);
    let job = take(&desk, "remarks", json!("gate code 12\r\nring\ttwice\u{2060}"));
    assert_eq!(job["intake"]["remarks"], "gate code 12\nring twice");
    let job = take(&desk, "vin", json!("3VWZZZ16ZCM012345"));
    assert_eq!(findings(&job), [], "built in Mexico for Europe");
}

#[test]
fn technicians_and_vans_say_what_of_them_is_kept_as_said() {
    let world = World::new();
    world.add_user(world.tenant, "bo", Role::Technician);
    let desk = world.admin();
    let list = desk.get("/v1/technicians").ok(200);
    let path = format!("/v1/technicians/{}", list["items"][0]["id"].as_str().unwrap());
    let seen = desk.get(&path).header("etag").to_owned();
    let view = desk.header("if-match", &seen).patch(&path, json!({"phone": "desk 12"})).ok(200);
    assert_eq!(view["phone"], "desk 12");
    assert_eq!(findings(&view), [("phone".to_owned(), "phone_invalid".to_owned())]);
    let van = desk.post("/v1/vans", json!({"name": "Van 7", "plate": "b 12/x"})).ok(201);
    assert_eq!(findings(&van), [("plate".to_owned(), "plate_character".to_owned())]);
}

#[test]
fn an_unlikely_place_is_taken_once_someone_says_that_it_is_meant() {
    let world = World::new();
    let desk = world.admin();
    for (lat, lon, reason) in [
        (0.0, 0.0, "place_zero"),
        (25e-7, 121e-7, "place_zero"),
        (25.0, 121.0, "place_whole_degrees"),
        (-75.1, 0.1, "place_without_roads"),
    ] {
        let mut body = json!({"problem": "tow", "place": {"lat": lat, "lon": lon}});
        let problem = desk.post("/v1/jobs", body.clone()).problem(422, "needs_confirmation");
        assert_eq!((&problem["field"], &problem["reason"]), (&json!("place"), &json!(reason)));
        body["as_said"] = json!(["place"]);
        let job = desk.post("/v1/jobs", body).ok(201);
        assert_eq!(findings(&job), [("intake.place".to_owned(), reason.to_owned())]);
    }
    let job = take(&desk, "place", json!({"lat": 25.033, "lon": 121.5654}));
    let path = format!("/v1/jobs/{}", job["id"].as_str().unwrap());
    let seen = desk.get(&path).header("etag").to_owned();
    let desk = desk.header("if-match", &seen);
    let zero = json!({"lat": 0, "lon": 0});
    desk.patch(&path, json!({"place": zero})).problem(422, "needs_confirmation");
    desk.patch(&path, json!({"place": zero, "as_said": ["place"]})).ok(200);
}

#[test]
fn a_number_is_dialled_in_the_region_of_its_branch() {
    let world = World::new();
    let desk = world.admin();
    let branch = |region: Value| {
        let body = json!({"name": "Reno", "kind": "owned", "currency": "USD", "time_zone": "America/Los_Angeles", "region": region});
        desk.post("/v1/branches", body)
    };
    let problem = branch(json!("USA")).problem(422, "invalid");
    assert_eq!(
        (&problem["field"], &problem["reason"]),
        (&json!("region"), &json!("region_unknown"))
    );
    let us = branch(json!("us")).ok(201);
    assert_eq!(us["region"], "US");
    let phone = |branch: &Value, text: &str| {
        let body = json!({"problem": "tow", "address": "x", "phone": text, "branch": branch});
        desk.post("/v1/jobs", body).ok(201)
    };
    let job = phone(&us["id"], "(610) 278-3000");
    assert_eq!(job["intake"]["phone"], "+16102783000");
    assert_eq!(phone(&Value::Null, "(02) 2720-8889")["intake"]["phone"], "+886227208889");
    let path = format!("/v1/jobs/{}", job["id"].as_str().unwrap());
    let seen = desk.get(&path).header("etag").to_owned();
    let change = json!({"phone": "610 279 9000"});
    let changed = desk.header("if-match", &seen).patch(&path, change).ok(200);
    assert_eq!(changed["intake"]["phone"], "+16102799000");
    let path = format!("/v1/branches/{}", us["id"].as_str().unwrap());
    let seen = desk.get(&path).header("etag").to_owned();
    let cleared = desk.header("if-match", &seen).patch(&path, json!({"region": null})).ok(200);
    assert_eq!(cleared["region"], Value::Null);
    assert_eq!(phone(&us["id"], "0912 345 678")["intake"]["phone"], "+886912345678");
}

#[test]
fn a_phone_learns_in_which_country_its_technician_dials() {
    let world = World::new();
    let desk = world.admin();
    let body = json!({"name": "Reno", "kind": "owned", "currency": "USD", "time_zone": "America/Los_Angeles", "region": "US"});
    let branch = desk.post("/v1/branches", body).ok(201);
    let region = |login: &str, branch: &Value| {
        let body = json!({"login": login, "name": login, "role": "technician", "branch": branch});
        let user = desk.post("/v1/users", body).ok(201)["id"].as_str().unwrap().parse().unwrap();
        (user, dialled(&world, user))
    };
    assert_eq!(region("bo", &Value::Null).1.as_deref(), Some("TW"));
    let (user, first) = region("al", &branch["id"]);
    assert_eq!(first.as_deref(), Some("US"));
    let path = format!("/v1/branches/{}", branch["id"].as_str().unwrap());
    let seen = desk.get(&path).header("etag").to_owned();
    desk.header("if-match", &seen).patch(&path, json!({"region": "GB"})).ok(200);
    // It follows in the background.
    let mut asked = (0..2_000).map(|_| {
        desk.get(&path).ok(200);
        dialled(&world, user)
    });
    assert!(asked.any(|region| region.as_deref() == Some("GB")));
}

fn dialled(world: &World, user: UserId) -> Option<String> {
    let store = &world.running().app().store;
    let found = world.block_on(store.document(world.tenant, user.into())).unwrap();
    found.and_then(|it| region(&it.document)).map(|region| region.to_string())
}
