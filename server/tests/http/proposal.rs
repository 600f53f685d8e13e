//! The proposal for the queue: at the least total delay, by the rule of assigning, and nothing is changed by it.

use serde_json::{Value, json};
use server::auth::Role;

use crate::world::{Client, World};

const HOUR: i64 = 3_600_000;

fn take(desk: &Client, lat: f64, more: Value) -> Value {
    let mut call = json!({"problem": "no_start", "place": {"lat": lat, "lon": 121.5654}});
    call.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
    desk.post("/v1/jobs", call).ok(201)["id"].clone()
}

fn stand(world: &World, login: &str, lat: f64) -> Value {
    let now = world.running().app().now();
    let phone = world.phone(world.tenant, "acme", "admin", login);
    let at = json!({"points": [{"at": now - 1000, "place": {"lat": lat, "lon": 121.5654}, "accuracy": 80}]});
    phone.log_in(world).post("/v1/positions", at).ok(200);
    json!(phone.user)
}

fn row<'a>(found: &'a Value, job: &Value) -> &'a Value {
    found["rows"].as_array().unwrap().iter().find(|row| row["job"] == *job).unwrap()
}

#[test]
fn the_sum_of_delays_counts_and_each_row_is_accepted_by_assigning() {
    for world in World::on_each_database() {
        let desk = world.admin();
        let (west, east) = (stand(&world, "west", 25.0), stand(&world, "east", 25.1));
        // Nearest to each is the same one.
        let (near, far) = (take(&desk, 25.01, json!({})), take(&desk, 24.8, json!({})));
        let found = desk.get("/v1/proposal").ok(200);
        assert_eq!(found["technicians"], 2);
        let (one, other) = (row(&found, &near), row(&found, &far));
        assert_eq!((&one["what"], &other["what"]), (&json!("new"), &json!("new")));
        assert_eq!((&one["after"]["technician"], &other["after"]["technician"]), (&east, &west));
        assert!(one["gap_seconds"].as_i64().unwrap() > 0, "{one}");
        assert!(!other["after"]["reasons"].as_array().unwrap().is_empty(), "{other}");
        let job = format!("/v1/jobs/{}", near.as_str().unwrap());
        assert_eq!(desk.get(&job).ok(200)["state"], "received", "nothing is done yet");
        let tag = one["etag"].as_str().unwrap_or_default().to_owned();
        let body = json!({"technician": east});
        desk.header("if-match", &tag).post(&format!("{job}/assign"), body.clone()).ok(200);
        desk.header("if-match", &tag)
            .post(&format!("{job}/assign"), body)
            .problem(412, "changed_meanwhile");
    }
}

#[test]
fn a_job_that_nobody_can_do_says_what_is_missing_and_how_often() {
    let world = World::new();
    let desk = world.admin();
    for login in ["a", "b"] {
        world.add_user(world.tenant, login, Role::Technician);
    }
    let job = take(&desk, 25.0, json!({"skills": ["Towing"]}));
    let open = row(&desk.get("/v1/proposal").ok(200), &job).clone();
    assert_eq!((&open["what"], &open["eligible"]), (&json!("stays_open"), &json!(0)));
    let missing = json!([{"what": "skill_missing", "which": "Towing", "technicians": 2}]);
    assert_eq!(open["unmet"], missing);
}

#[test]
fn what_is_accepted_offered_or_under_way_stays_and_an_assigned_job_moves_for_much() {
    let world = World::new();
    let desk = world.admin();
    let (far, near) = (stand(&world, "far", 24.0), stand(&world, "near", 25.0));
    let assigned = take(&desk, 25.0, json!({}));
    let assign = |job: &Value, technician: &Value, kind: &str| {
        let to = json!({"technician": technician, "kind": kind});
        desk.post(&format!("/v1/jobs/{}/assign", job.as_str().unwrap()), to).ok(200);
    };
    assign(&assigned, &far, "assign");
    let found = desk.get("/v1/proposal").ok(200);
    let moved = row(&found, &assigned);
    assert_eq!((&moved["what"], &moved["before"]), (&json!("moves"), &far));
    assert_eq!(moved["after"]["technician"], near);
    // The nearer one is asked about another job: that is theirs until they answer.
    let offered = take(&desk, 25.0, json!({"eta_by": world.running().app().now() + HOUR}));
    assign(&offered, &near, "offer");
    let found = desk.get("/v1/proposal").ok(200);
    assert_eq!(row(&found, &offered)["what"], "offered");
    assert_eq!(row(&found, &assigned)["what"], "keeps");
    let step = json!({"step": "accepted", "at": world.running().app().now(), "told_by": "radio"});
    desk.post(&format!("/v1/jobs/{}/steps", assigned.as_str().unwrap()), step).ok(200);
    let found = desk.get("/v1/proposal").ok(200);
    let jobs: Vec<&Value> = found["rows"].as_array().unwrap().iter().map(|it| &it["job"]).collect();
    assert_eq!(jobs, [&offered], "an accepted job is no question any more");
}

#[test]
fn staff_of_one_branch_get_a_proposal_of_their_own_jobs_and_people() {
    let world = World::new();
    let desk = world.admin();
    let branch = |name: &str| {
        let new =
            json!({"name": name, "kind": "owned", "currency": "TWD", "time_zone": "Asia/Taipei"});
        desk.post("/v1/branches", new).ok(201)["id"].clone()
    };
    let (north, south) = (branch("North"), branch("South"));
    let (own, other) =
        (take(&desk, 25.0, json!({"branch": north})), take(&desk, 25.0, json!({"branch": south})));
    let found = desk.get(&format!("/v1/proposal?branch={}", north.as_str().unwrap())).ok(200);
    let jobs: Vec<&Value> = found["rows"].as_array().unwrap().iter().map(|it| &it["job"]).collect();
    assert_eq!(jobs, [&own]);
    let all = desk.get("/v1/proposal").ok(200);
    assert_eq!(row(&all, &other)["what"], "stays_open");
    world.anybody().get("/v1/proposal").problem(401, "not_logged_in");
}
