//! Phones say where they are in batches; the desk sees the latest point and the trail.

use crate::world::World;
use serde_json::{Value, json};

const START: i64 = 1_795_000_000_000;

fn points(count: i64) -> Value {
    let point =
        |n: i64| json!({"at": START + n * 5000, "lat": 250_000_000 + n, "lon": 1_210_000_000});
    json!({"points": (0..count).map(point).collect::<Vec<_>>()})
}

#[test]
fn points_that_come_twice_are_one_point_and_the_latest_is_shown() {
    for world in World::on_each_database() {
        let phone = world.phone(world.tenant, "acme", "admin", "bo");
        let client = phone.log_in(&world);
        client.post("/v1/positions", points(120)).ok(204);
        client.post("/v1/positions", points(130)).ok(204);
        let desk = world.admin();
        let latest = desk.get("/v1/positions").ok(200);
        assert_eq!(latest["items"].as_array().map(Vec::len), Some(1));
        assert_eq!(latest["items"][0]["lat"], 250_000_129);
        let trail = desk.get(&format!("/v1/positions?user={}", phone.user)).ok(200);
        assert_eq!(trail["items"].as_array().map(Vec::len), Some(130));
        let since = START + 100 * 5000;
        let trail = desk.get(&format!("/v1/positions?user={}&since={since}", phone.user)).ok(200);
        assert_eq!(trail["items"].as_array().map(Vec::len), Some(30));
    }
}

#[test]
fn a_clock_that_was_ten_years_ahead_does_not_pin_a_technician() {
    for world in World::on_each_database() {
        let phone = world.phone(world.tenant, "acme", "admin", "bo");
        let client = phone.log_in(&world);
        let mut ahead = points(1);
        ahead["points"][0]["at"] = json!(START + 10 * 365 * 24 * 3_600_000);
        ahead["points"][0]["lat"] = json!(1);
        client.post("/v1/positions", ahead).ok(204);
        // The server tells batches apart by the millisecond.
        std::thread::sleep(std::time::Duration::from_millis(5));
        client.post("/v1/positions", points(3)).ok(204);
        let latest = world.admin().get("/v1/positions").ok(200);
        assert_eq!(latest["items"].as_array().map(Vec::len), Some(1));
        assert_eq!(latest["items"][0]["lat"], 250_000_002, "the last of what came last");
        assert_eq!(latest["items"][0]["at"], START + 2 * 5000);
    }
}

#[test]
fn a_place_off_the_earth_is_named_by_its_index_and_nothing_of_the_batch_is_kept() {
    let world = World::new();
    let client = world.phone(world.tenant, "acme", "admin", "bo").log_in(&world);
    let mut batch = points(3);
    batch["points"][2]["lat"] = json!(900_000_001);
    let problem = client.post("/v1/positions", batch).problem(422, "bad_place");
    assert_eq!(problem["field"], "points[2].lat");
    let mut early = points(1);
    early["points"][0]["at"] = json!(5);
    client.post("/v1/positions", early).problem(422, "invalid");
    client.post("/v1/positions", points(1001)).problem(422, "invalid");
    world.admin().post("/v1/positions", points(1)).problem(403, "forbidden");
    assert_eq!(world.admin().get("/v1/positions").ok(200)["items"], json!([]));
}
