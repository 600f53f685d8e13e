//! Who is sent to a job: skills, shifts and equipment, and a second attempt where the first failed.

use serde_json::{Value, json};
use server::auth::Role;

use crate::world::{Client, World};

fn take(desk: &Client, more: Value) -> String {
    let mut call = json!({
        "caller": "Lin", "phone": "0912 345 678", "plate": "abc-1234", "problem": "no_start",
        "address": "Highway 5, km 12", "place": {"lat": 25.033, "lon": 121.5654},
    });
    call.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let job = desk.post("/v1/jobs", call).ok(201);
    format!("/v1/jobs/{}", job["id"].as_str().unwrap())
}

#[test]
fn a_technician_has_skills_while_they_are_in_date_and_works_in_shifts() {
    let world = World::new();
    let bo = world.add_user(world.tenant, "bo", Role::Technician);
    let desk = world.admin();
    let path = format!("/v1/technicians/{bo}");
    let first = desk.get(&path).ok(200);
    assert_eq!((&first["name"], &first["on_shift"]), (&json!("Name of bo"), &json!(false)));
    let old = json!({"skill": "tow", "expires_at": 1_000_000_000_000_i64});
    desk.post(&format!("{path}/certificates"), old).ok(200);
    let new = json!({"skill": "high_voltage", "serial": "HV-1"});
    let certified = desk.post(&format!("{path}/certificates"), new).ok(200);
    assert_eq!(certified["skills"], json!(["high_voltage"]));
    let now = world.running().app().now();
    let shift = json!({"starts_at": now - 1000, "ends_at": now + 3_600_000});
    assert_eq!(desk.post(&format!("{path}/shifts"), shift).ok(200)["on_shift"], true);
    let away = json!({"absence": true, "starts_at": now - 1000, "ends_at": now + 3_600_000});
    assert_eq!(desk.post(&format!("{path}/shifts"), away).ok(200)["on_shift"], false);
    assert_eq!(desk.get("/v1/technicians").ok(200)["items"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_dispatcher_is_told_which_requirements_a_technician_misses_and_may_override_them() {
    let world = World::new();
    let bo = world.add_user(world.tenant, "bo", Role::Technician);
    let desk = world.admin();
    let assign = |job: &str| desk.post(&format!("{job}/assign"), json!({"technician": bo}));
    // Nobody said anything about Bo, and the job asks for nothing.
    assign(&take(&desk, json!({}))).ok(200);
    let job =
        take(&desk, json!({"skills": ["High voltage", "High voltage"], "equipment": ["winch"]}));
    assert_eq!(desk.get(&job).ok(200)["intake"]["skills"], json!(["High voltage"]));
    let problem = assign(&job).problem(409, "technician_ineligible");
    assert_eq!(
        (&problem["field"], &problem["reason"]),
        (&json!("technician"), &json!("skill_missing"))
    );
    let said = problem["detail"].as_str().unwrap();
    assert!(
        said.contains("High voltage") && said.contains("winch") && said.contains("override"),
        "{said}"
    );
    assert_eq!(desk.get(&job).ok(200)["state"], "received", "nothing was done");

    let technician = format!("/v1/technicians/{bo}");
    let paper = json!({"skill": "high-voltage"});
    desk.post(&format!("{technician}/certificates"), paper).ok(200);
    assert_eq!(assign(&job).problem(409, "technician_ineligible")["reason"], "equipment_missing");
    let van = json!({"name": "Van 7", "technician": bo, "equipment": ["Winch"]});
    let van = desk.post("/v1/vans", van).ok(201);
    assert_eq!(van["equipment"], json!(["Winch"]));
    let now = world.running().app().now();
    let away = json!({"absence": true, "starts_at": now - 1000, "ends_at": now + 3_600_000});
    desk.post(&format!("{technician}/shifts"), away).ok(200);
    assert_eq!(assign(&job).problem(409, "technician_ineligible")["reason"], "absent");
    let overriding = json!({"technician": bo, "kind": "offer", "override": true});
    assert_eq!(desk.post(&format!("{job}/assign"), overriding).ok(200)["state"], "offered");
    let rows = desk.get(&format!("/v1/audit?object={}", job.trim_start_matches("/v1/jobs/")));
    assert_eq!(rows.ok(200)["items"][0]["detail"]["override"], true);
}

#[test]
fn lists_of_skills_and_equipment_are_short_lists_of_names() {
    let world = World::new();
    let desk = world.admin();
    let many: Vec<_> = (0..21).map(|n| format!("skill {n}")).collect();
    for wrong in [json!([""]), json!(["a\nb"]), json!(["x".repeat(61)]), json!(many)] {
        let call = json!({"problem": "tow", "address": "here", "skills": wrong});
        assert_eq!(desk.post("/v1/jobs", call).problem(422, "invalid")["field"], "skills");
        let van = json!({"name": "Van 7", "equipment": wrong});
        assert_eq!(desk.post("/v1/vans", van).problem(422, "invalid")["field"], "equipment");
    }
}

#[test]
fn a_job_that_could_not_be_helped_is_followed_up_by_one_that_knows_what_is_known() {
    let world = World::new();
    let desk = world.admin();
    let first = take(&desk, json!({"skills": ["towing"], "remarks": "gate code 12"}));
    let path = format!("{first}/follow-up");
    desk.post(&path, json!({})).problem(409, "wrong_state");
    desk.post(&format!("{first}/cancel"), json!({"reason": "no_equipment"})).ok(200);
    let keyed = desk.header("idempotency-key", "again");
    let answer = keyed.post(&path, json!({}));
    let place = answer.header("location").to_owned();
    let second = answer.ok(201);
    assert_eq!(place, format!("/v1/jobs/{}", second["id"].as_str().unwrap()));
    let before = desk.get(&first).ok(200);
    assert_eq!(before["intake"]["follow_up"], second["id"]);
    assert_eq!(second["intake"]["follows"], before["id"]);
    assert_eq!(
        (&second["state"], &second["intake"]["source"]),
        (&json!("received"), &json!("follow_up"))
    );
    for known in ["caller", "phone", "plate", "problem", "address", "place", "skills"] {
        assert_eq!(second["intake"][known], before["intake"][known], "{known}");
    }
    assert_ne!(second["intake"]["number"], before["intake"]["number"]);
    assert_eq!(second["intake"]["remarks"], Value::Null, "what was said of the first stays there");

    // A repeat finds it; another attempt is told where it is.
    world.lose_answers();
    assert_eq!(keyed.post(&path, json!({})).ok(201)["id"], second["id"]);
    let problem = desk.post(&path, json!({})).problem(409, "conflict");
    assert!(problem["detail"].as_str().unwrap().contains(second["id"].as_str().unwrap()));
    assert_eq!(desk.get("/v1/jobs").ok(200)["items"].as_array().map(Vec::len), Some(2));
    // What changed nothing left no row.
    let id = first.trim_start_matches("/v1/jobs/");
    let rows = desk.get(&format!("/v1/audit?object={id}")).ok(200);
    let rows = rows["items"].as_array().unwrap();
    let links = rows.iter().filter(|row| row["action"] == "job.follow_up");
    assert_eq!(links.count(), 1);
}
