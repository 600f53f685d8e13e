//! How jobs are billed, and calls that may be the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::world::{Client, World};
use serde_json::{Value, json};
use server::clock::Clock;

fn branch(desk: &Client, currency: &str) -> Value {
    let new = json!({"name": currency, "kind": "owned", "currency": currency, "time_zone": "UTC"});
    desk.post("/v1/branches", new).ok(201)
}

fn take(desk: &Client, more: Value) -> Value {
    let mut call = json!({"problem": "tow", "address": "Broadway 1"});
    call.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    desk.post("/v1/jobs", call).ok(201)
}

#[test]
fn a_new_job_records_the_currency_and_tax_mode_it_is_billed_by() {
    let world = World::new();
    let desk = world.admin();
    let any = desk.header("if-match", "*");
    let billing = desk.get("/v1/billing").ok(200);
    assert_eq!((&billing["currency"], &billing["tax_mode"]), (&json!(null), &json!("inclusive")));
    let before = take(&desk, json!({}));
    assert_eq!(before["promise"]["tax_mode"], "inclusive");
    let change = json!({"currency": "usd", "tax_mode": "exclusive"});
    let changed = any.patch("/v1/billing", change).ok(200);
    assert_eq!((&changed["currency"], &changed["version"]), (&json!("USD"), &json!(2)));

    let (south, none) = (branch(&desk, "CAD"), take(&desk, json!({})));
    assert_eq!(none["promise"]["currency"], "USD");
    assert_eq!(none["tax_mode"], "exclusive");
    let of_branch = take(&desk, json!({"branch": south["id"]}));
    assert_eq!(of_branch["promise"]["currency"], "CAD");
    let chosen = take(&desk, json!({"currency": "TWD", "tax_mode": "inclusive"}));
    assert_eq!(
        (&chosen["promise"]["currency"], &chosen["tax_mode"]),
        (&json!("TWD"), &json!("inclusive"))
    );
    let path = format!("/v1/jobs/{}", before["id"].as_str().unwrap());
    assert_eq!(desk.get(&path).ok(200)["tax_mode"], "inclusive", "it keeps what it was made with");
    let cleared = any.patch(&path, json!({"tax_mode": null}));
    assert_eq!(cleared.problem(422, "invalid")["field"], "tax_mode");
}

#[test]
fn a_charge_with_8_875_percent_is_taxed_and_one_in_another_currency_asked_about() {
    let world = World::new();
    let desk = world.admin();
    let job = take(&desk, json!({"currency": "USD", "tax_mode": "exclusive"}));
    let path = format!("/v1/jobs/{}/charges", job["id"].as_str().unwrap());
    let tow = |more: Value| {
        let mut charge = json!({"description": "Tow", "amount": 100_000, "currency": "USD"});
        charge.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        desk.post(&path, charge)
    };
    let taxed = tow(json!({"tax_millipercent": 8_875})).ok(200);
    assert_eq!(taxed["charges"][0]["tax"], 8_875);
    assert_eq!(taxed["totals"][0]["total"], 108_875);
    for (more, field) in [
        (json!({"tax_millipercent": 100_001}), "tax_millipercent"),
        (json!({"tax_rate": -1}), "tax_rate"),
        (json!({"tax_rate": 500, "tax_millipercent": 5_000}), "tax_rate"),
        (json!({"amount": 100_000_000_001_i64}), "amount"),
    ] {
        assert_eq!(tow(more.clone()).problem(422, "invalid")["field"], field, "{more}");
    }
    let refused = tow(json!({"currency": "CAD"})).problem(422, "invalid");
    assert_eq!(refused["reason"], "other_currency");
    let both = tow(json!({"currency": "CAD", "other_currency": true})).ok(200);
    assert_eq!(
        (both["totals"].as_array().map(Vec::len), &both["exceptions"]),
        (Some(2), &json!([]))
    );
    let less = tow(json!({"amount": -8_875, "description": "Member"})).ok(200);
    assert_eq!(less["totals"][1]["total"], 100_000, "the office may give a discount");
}

#[test]
fn the_catalogue_has_rates_of_thousandths_of_a_percent() {
    let world = World::new();
    let desk = world.admin();
    let part = |more: Value| {
        let mut part = json!({"description": "Fuse", "unit_price": 5, "currency": "USD"});
        part.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        part
    };
    let new_york = desk.put("/v1/parts/NY", part(json!({"tax_millipercent": 8_875}))).ok(200);
    assert_eq!(new_york["tax_millipercent"], 8_875);
    let taipei = desk.put("/v1/parts/TP", part(json!({"tax_rate": 500}))).ok(200);
    assert_eq!(taipei["tax_millipercent"], 5_000);
    let much = desk.put("/v1/parts/NO", part(json!({"tax_millipercent": 100_001})));
    assert_eq!(much.problem(422, "invalid")["field"], "tax_millipercent");
}

#[test]
fn a_call_near_in_place_and_time_is_pointed_out_with_reason_and_distance() {
    let hand = Arc::new(AtomicI64::new(0));
    let now = Arc::clone(&hand);
    let world = World::with(|config| {
        config.clock = Clock::new(move || Clock::system().now() + now.load(Ordering::SeqCst));
    });
    let pass = |minutes: i64| hand.fetch_add(minutes * 60_000, Ordering::SeqCst);
    let desk = world.admin();
    let at = |lat: f64| json!({"place": {"lat": lat, "lon": -75.3}});
    let first = take(&desk, at(40.1));
    assert_eq!(first["likely_duplicates"], json!([]));
    pass(20);
    let far = take(&desk, at(40.11));
    assert_eq!(far["likely_duplicates"], json!([]));
    let second = take(&desk, at(40.102));
    let [alike] = &second["likely_duplicates"].as_array().unwrap()[..] else { panic!("{second}") };
    assert_eq!(alike["id"], first["id"]);
    assert_eq!(alike["reasons"], json!(["place_and_time"]));
    assert_eq!(alike["minutes_apart"], 20);
    assert!((220..=225).contains(&alike["distance_m"].as_i64().unwrap()), "{alike}");
    // The one in front of a dispatcher shows it too, whichever came first.
    let path = format!("/v1/jobs/{}", first["id"].as_str().unwrap());
    assert_eq!(desk.get(&path).ok(200)["likely_duplicates"][0]["id"], second["id"]);
    pass(31);
    assert_eq!(take(&desk, at(40.1))["likely_duplicates"], json!([]));
}
