//! A day of technicians: shifts, absences and jobs that touch it, in the branch's time zone.

use serde_json::{Value, json};
use server::auth::Role;

use crate::world::World;

const HOUR: i64 = 3_600_000;

fn technician<'a>(day: &'a Value, name: &str) -> &'a Value {
    day["technicians"].as_array().unwrap().iter().find(|one| one["name"] == name).unwrap()
}

#[test]
fn a_day_has_the_shifts_and_jobs_that_touch_it_with_the_times_of_their_steps() {
    for world in World::on_each_database() {
        let desk = world.admin();
        let new = json!({"name": "Taipei", "kind": "owned", "currency": "TWD", "time_zone": "Asia/Taipei"});
        desk.post("/v1/branches", new).ok(201);
        let bo = world.add_user(world.tenant, "bo", Role::Technician);
        let now = world.running().app().now();
        let shifts = format!("/v1/technicians/{bo}/shifts");
        for (absence, from, until) in [
            (false, now - HOUR, now + HOUR),
            (true, now, now + 1),
            (false, now + 72 * HOUR, now + 80 * HOUR),
        ] {
            let shift = json!({"absence": absence, "starts_at": from, "ends_at": until});
            desk.post(&shifts, shift).ok(200);
        }
        let call = json!({"problem": "no_start", "address": "N3 100K", "eta_by": now + HOUR});
        let open = desk.post("/v1/jobs", call.clone()).ok(201)["id"].clone();
        let job = desk.post("/v1/jobs", call).ok(201)["id"].clone();
        let path = format!("/v1/jobs/{}", job.as_str().unwrap());
        let to = json!({"technician": bo, "override": true, "eta": now + HOUR / 2});
        desk.post(&format!("{path}/assign"), to).ok(200);
        for step in ["accepted", "en_route"] {
            let told = json!({"step": step, "at": now, "told_by": "radio"});
            desk.post(&format!("{path}/steps"), told).ok(200);
        }
        let day = desk.get("/v1/timeline").ok(200);
        let set_off = &day["jobs"][1];
        assert_eq!((&set_off["set_off_at"], &set_off["arrived_at"]), (&json!(now), &Value::Null));
        // Of another it was only told that they arrived: when they set off nobody knows.
        let told = json!({"technician": bo, "override": true});
        desk.post(&format!("/v1/jobs/{}/assign", open.as_str().unwrap()), told).ok(200);
        let told = json!({"step": "on_scene", "at": now, "told_by": "radio"});
        desk.post(&format!("/v1/jobs/{}/steps", open.as_str().unwrap()), told).ok(200);
        let day2 = desk.get("/v1/timeline").ok(200);
        let arrived = &day2["jobs"][0];
        assert_eq!((&arrived["set_off_at"], &arrived["arrived_at"]), (&Value::Null, &json!(now)));
        assert_eq!(day["time_zone"], "Asia/Taipei");
        let at = |key: &str| day[key].as_i64().unwrap();
        assert_eq!(at("ends_at") - at("starts_at"), 24 * HOUR);
        assert_eq!((at("starts_at") + 8 * HOUR) % (24 * HOUR), 0, "it begins at midnight there");
        assert!(at("starts_at") <= now && now < at("ends_at"));
        let shifts = technician(&day, "Name of bo")["shifts"].as_array().unwrap();
        let absent: Vec<_> = shifts.iter().map(|it| it["absence"].as_bool().unwrap()).collect();
        assert_eq!(absent, [false, true]);
        let jobs = day["jobs"].as_array().unwrap();
        assert_eq!((&jobs[0]["job"], &jobs[0]["technician"]), (&open, &Value::Null));
        assert_eq!((&jobs[1]["job"], &jobs[1]["technician"]), (&job, &json!(bo)));
        assert_eq!(jobs[1]["estimated_at"], now + HOUR / 2);
    }
}

#[test]
fn a_day_of_before_has_no_job_of_today_and_a_bad_day_is_refused_in_words() {
    let world = World::new();
    let desk = world.admin();
    desk.post("/v1/jobs", json!({"problem": "no_start", "address": "N3 100K"})).ok(201);
    let today = desk.get("/v1/timeline").ok(200);
    assert_eq!(today["jobs"].as_array().map(Vec::len), Some(1));
    let now = today["starts_at"].as_i64().unwrap();
    let day = |ago: i64| {
        let at = jiff::Timestamp::from_millisecond(now - ago * 24 * HOUR).unwrap();
        jiff::tz::TimeZone::UTC.to_datetime(at).date().to_string()
    };
    let before = desk.get(&format!("/v1/timeline?day={}", day(2))).ok(200);
    assert_eq!((&before["day"], &before["jobs"]), (&json!(day(2)), &json!([])));
    for bad in ["tomorrow", "2026-13-01", "20261128", &day(40)] {
        let refused = desk.get(&format!("/v1/timeline?day={bad}")).problem(400, "bad_query");
        assert_eq!(refused["field"], "day", "{bad}");
    }
    let nowhere = "/v1/timeline?branch=0190b1c0-0000-7000-8000-000000000001";
    assert_eq!(desk.get(nowhere).problem(422, "unknown_reference")["field"], "branch");
    world.anybody().get("/v1/timeline").problem(401, "not_logged_in");
}
