//! Phones say where they are in batches; the desk sees the latest point and the trail.

use crate::world::World;
use serde_json::{Value, json};

const START: i64 = 1_795_000_000_000;

fn points(count: i64) -> Value {
    let point = |n: i64| json!({"at": START + n * 5000, "place": {"lat": 25.0 + n as f64 * 1e-7, "lon": 121.0}});
    json!({"points": (0..count).map(point).collect::<Vec<_>>()})
}

#[test]
fn points_that_come_twice_are_one_point_and_the_latest_is_shown() {
    for world in World::on_each_database() {
        let phone = world.phone(world.tenant, "acme", "admin", "bo");
        let client = phone.log_in(&world);
        client.post("/v1/positions", points(120)).ok(200);
        client.post("/v1/positions", points(130)).ok(200);
        let desk = world.admin();
        let latest = desk.get("/v1/positions").ok(200);
        assert_eq!(latest["items"].as_array().map(Vec::len), Some(1));
        assert_eq!(latest["items"][0]["place"]["lat"], 25.000_012_9);
        let trail = desk.get(&format!("/v1/positions?user={}", phone.user)).ok(200);
        assert_eq!(trail["items"].as_array().map(Vec::len), Some(130));
        let since = START + 100 * 5000;
        let trail = desk.get(&format!("/v1/positions?user={}&since={since}", phone.user)).ok(200);
        assert_eq!(trail["items"].as_array().map(Vec::len), Some(30));
    }
}

/// What the desk sees of the only technician there is.
fn latest(world: &World) -> Value {
    let shown = world.admin().get("/v1/positions").ok(200);
    assert_eq!(shown["items"].as_array().map(Vec::len), Some(1));
    shown["items"][0].clone()
}

fn at(moments: impl IntoIterator<Item = i64>) -> Value {
    let place = json!({"lat": 25.03, "lon": 121.56});
    json!({"points": moments.into_iter().map(|at| json!({"at": at, "place": place})).collect::<Vec<_>>()})
}

#[test]
fn a_late_backlog_moves_nobody_back() {
    for world in World::on_each_database() {
        let client = world.phone(world.tenant, "acme", "admin", "bo").log_in(&world);
        let now = world.running().app().now();
        client.post("/v1/positions", at([now - 1000])).ok(200);
        let hours_ago = now - 6 * 3_600_000;
        client.post("/v1/positions", at((0..300).map(|n| hours_ago + n * 60_000))).ok(200);
        assert_eq!(latest(&world)["at"], now - 1000);
    }
}

#[test]
fn a_clock_that_is_years_ahead_puts_nobody_into_the_future() {
    for world in World::on_each_database() {
        let client = world.phone(world.tenant, "acme", "admin", "bo").log_in(&world);
        let years = 10 * 365 * 24 * 3_600_000_i64;
        let before = world.running().app().now();
        client.post("/v1/positions", at([before + years])).ok(200);
        let ahead = latest(&world);
        let fixed = ahead["fixed_at"].as_i64().unwrap();
        assert!(fixed >= before && ahead["fixed_at"] == ahead["received_at"], "{ahead}");
        // With a clock that is right again the next point is the latest.
        while world.running().app().now() <= fixed {}
        let next = world.running().app().now();
        client.post("/v1/positions", at([next])).ok(200);
        assert_eq!(latest(&world)["at"], next);
        // A phone that says what its clock says is corrected by that.
        let wrong = world.running().app().now() - years;
        let mut batch = at([wrong - 60_000]);
        batch["sent_at"] = json!(wrong);
        client.post("/v1/positions", batch).ok(200);
        let user = ahead["user"].as_str().unwrap().to_owned();
        let trail = world.admin().get(&format!("/v1/positions?user={user}")).ok(200);
        let first = &trail["items"][0];
        assert_eq!(first["at"], wrong - 60_000);
        assert!((next - first["fixed_at"].as_i64().unwrap()).abs() < 3_600_000, "{first}");
    }
}

#[test]
fn one_odd_point_is_refused_with_its_reason_and_the_others_are_kept() {
    let world = World::new();
    let client = world.phone(world.tenant, "acme", "admin", "bo").log_in(&world);
    let mut batch = points(9);
    let (iphone, odd) = batch["points"].as_array_mut().unwrap().split_at_mut(2);
    (iphone[0]["heading"], iphone[1]["speed"]) = (json!(-1), json!(-1));
    odd[0]["place"]["lat"] = json!(90.000_000_1);
    odd[1]["at"] = json!(1000);
    odd[2]["place"] = json!({"lat": 0, "lon": 0});
    odd[3] = json!("here");
    odd[4]["accuracy"] = json!(-1);
    odd[5]["job"] = json!(7);
    let taken = client.post("/v1/positions", batch.clone()).ok(200);
    assert_eq!(taken["accepted"], 3);
    let refused = taken["refused"].as_array().unwrap();
    let said = |it: &Value| {
        assert!(it["detail"].as_str().is_some_and(|why| why.ends_with('.')), "{it}");
        (it["index"].as_i64().unwrap(), it["code"].as_str().unwrap().to_owned())
    };
    let said: Vec<_> = refused.iter().map(said).collect();
    let codes = [
        "bad_place",
        "time_out_of_range",
        "no_place",
        "invalid",
        "accuracy_out_of_range",
        "invalid",
    ];
    let wanted: Vec<_> = (2..).zip(codes.map(str::to_owned)).collect();
    assert_eq!(said, wanted);
    assert_eq!(client.post("/v1/positions", batch).ok(200), taken, "sent again it is the same");
    let trail = format!("/v1/positions?user={}", latest(&world)["user"].as_str().unwrap());
    let trail = world.admin().get(&trail).ok(200);
    assert_eq!(trail["items"].as_array().map(Vec::len), Some(3));
    assert_eq!(trail["items"][0].get("heading"), None, "it is not known");
}

#[test]
fn a_batch_that_is_none_is_refused_as_a_whole() {
    let world = World::new();
    let client = world.phone(world.tenant, "acme", "admin", "bo").log_in(&world);
    client.post("/v1/positions", points(1001)).problem(422, "invalid");
    client.post("/v1/positions", json!({"points": 5})).problem(400, "bad_json");
    world.admin().post("/v1/positions", points(1)).problem(403, "forbidden");
    assert_eq!(world.admin().get("/v1/positions").ok(200)["items"], json!([]));
}

#[test]
fn a_long_trail_comes_in_pages_and_none_of_it_is_left_out() {
    for world in World::on_each_database() {
        let phone = world.phone(world.tenant, "acme", "admin", "bo");
        let client = phone.log_in(&world);
        // The clock of a server that is behind: all of one moment, told apart by the phone's clock.
        let ahead = 4_000_000_000_000_i64;
        for batch in 0..6 {
            let start = if batch < 3 { START - 6_000_000_000 } else { ahead };
            let moments = (0..1000).map(|n| start + batch * 1000 + n);
            client.post("/v1/positions", at(moments)).ok(200);
        }
        let desk = world.admin();
        let path = format!("/v1/positions?user={}", phone.user);
        let first = desk.get(&path).ok(200);
        assert_eq!(first["items"].as_array().map(Vec::len), Some(5000));
        let next = first["next"].as_str().expect("there is more");
        let second = desk.get(&format!("{path}&cursor={next}")).ok(200);
        assert_eq!(second.get("next"), None);
        let both = [&first, &second].map(|page| page["items"].as_array().unwrap().clone());
        let mut all: Vec<i64> =
            both.iter().flatten().map(|it| it["at"].as_i64().unwrap()).collect();
        assert!(all.is_sorted());
        all.dedup();
        assert_eq!(all.len(), 6000);
        desk.get(&format!("/v1/positions?cursor={next}")).problem(400, "bad_cursor");
        desk.get(&format!("/v1/jobs?cursor={next}")).problem(400, "bad_cursor");
    }
}

#[test]
fn points_count_against_the_storage_of_their_tenant() {
    let world = World::with(|config| config.bounds.storage_bytes = 64 * 1024);
    let client = world.phone(world.tenant, "acme", "admin", "bo").log_in(&world);
    client.post("/v1/positions", points(400)).ok(200);
    client.post("/v1/positions", points(400)).problem(429, "quota");
}

#[test]
fn a_key_of_a_refused_request_leaves_nothing_behind() {
    let world = World::new();
    let client = world.phone(world.tenant, "acme", "admin", "bo").log_in(&world);
    let token = client.token().expect("logged in");
    let send = |body: &str| {
        let request = ureq::post(format!("{}/v1/positions", world.running().url()))
            .config()
            .http_status_as_error(false)
            .build()
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json")
            .header("idempotency-key", "one");
        request.send(body).expect("an answer").status().as_u16()
    };
    assert_eq!(send("{}"), 400);
    assert_eq!(send(&points(1).to_string()), 200, "the key is free");
}
