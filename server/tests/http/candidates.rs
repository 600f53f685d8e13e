//! Who could go to a job: near and fit first, the others with what they lack, by the rule of assigning.

use serde_json::{Value, json};
use server::auth::Role;

use crate::world::{Client, World};

const HOUR: i64 = 3_600_000;

fn take(desk: &Client, more: Value) -> String {
    let mut call = json!({"problem": "no_start", "place": {"lat": 25.033, "lon": 121.5654}});
    call.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let job = desk.post("/v1/jobs", call).ok(201);
    format!("/v1/jobs/{}", job["id"].as_str().unwrap())
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect()
}

#[test]
fn the_nearest_who_fits_comes_first_and_who_does_not_is_named_with_the_reason() {
    for world in World::on_each_database() {
        let desk = world.admin();
        let now = world.running().app().now();
        let stand = |login: &str, lat: f64| {
            let phone = world.phone(world.tenant, "acme", "admin", login);
            let at = json!({"points": [{"at": now - 1000, "place": {"lat": lat, "lon": 121.5654}, "accuracy": 80}]});
            phone.log_in(&world).post("/v1/positions", at).ok(200);
            phone.user
        };
        let (far, near, unskilled) =
            (stand("far", 25.2), stand("near", 25.04), stand("raw", 25.034));
        for user in [far, near] {
            let paper = json!({"skill": "high-voltage"});
            desk.post(&format!("/v1/technicians/{user}/certificates"), paper).ok(200);
        }
        let job = take(&desk, json!({"skills": ["High Voltage"], "eta_by": now + HOUR}));
        let found = desk.get(&format!("{job}/candidates")).ok(200);
        assert_eq!(names(&found["ranked"]), ["Name of near", "Name of far"]);
        assert_eq!((&found["considered"], &found["more"]), (&json!(3), &json!(false)));
        let first = &found["ranked"][0];
        assert_eq!(first["technician"], json!(near));
        assert_eq!(first["position"]["place"]["lat"], 25.04);
        let (arrival, at) = (&first["arrival"], found["at"].as_i64().unwrap());
        let time = |key: &str| arrival[key].as_i64().unwrap();
        assert!(at <= time("earliest_at") && time("earliest_at") <= time("likely_at"));
        assert!(time("likely_at") < time("latest_at") && !arrival["by_road"].as_bool().unwrap());
        let said: Vec<_> =
            first["reasons"].as_array().unwrap().iter().map(|it| &it["what"]).collect();
        assert!(said.contains(&&json!("skill")), "{said:?}");
        let skill = first["reasons"].as_array().unwrap().iter().find(|it| it["what"] == "skill");
        assert_eq!(skill.unwrap()["skill"], "High Voltage", "as the job says it");

        assert_eq!(names(&found["ineligible"]), ["Name of raw"]);
        let unmet = &found["ineligible"][0]["unmet"];
        assert_eq!(unmet[0]["what"], "skill_missing");
        assert_eq!(unmet[0]["which"], "High Voltage");
        // Assigning asks the same.
        let refused = desk.post(&format!("{job}/assign"), json!({"technician": unskilled}));
        assert_eq!(refused.problem(409, "technician_ineligible")["reason"], unmet[0]["what"]);
    }
}

#[test]
fn who_has_work_is_ranked_behind_who_has_none_and_says_so() {
    let world = World::new();
    let desk = world.admin();
    let busy = world.add_user(world.tenant, "busy", Role::Technician);
    world.add_user(world.tenant, "free", Role::Technician);
    let first = take(&desk, json!({}));
    desk.post(&format!("{first}/assign"), json!({"technician": busy})).ok(200);
    let found = desk.get(&format!("{}/candidates", take(&desk, json!({})))).ok(200);
    let reasons = |name: &str| -> Vec<String> {
        let list = found["ranked"].as_array().unwrap();
        let one = list.iter().find(|one| one["name"] == name).unwrap();
        let said = one["reasons"].as_array().unwrap().iter();
        said.map(|it| it["what"].as_str().unwrap().to_owned()).collect()
    };
    assert!(reasons("Name of busy").contains(&"busy".to_owned()));
    assert!(!reasons("Name of free").contains(&"busy".to_owned()));
    // Nobody's position is known, and that is said.
    assert!(reasons("Name of free").contains(&"unknown".to_owned()));
    // The job somebody has is no work before itself.
    let own = desk.get(&format!("{first}/candidates")).ok(200);
    assert!(!own.to_string().contains("\"busy\""), "{own}");
}

#[test]
fn equipment_is_that_of_all_vans_a_technician_drives() {
    let world = World::new();
    let desk = world.admin();
    let bo = world.add_user(world.tenant, "bo", Role::Technician);
    let job = take(&desk, json!({"equipment": ["winch", "dolly"]}));
    let path = format!("{job}/candidates");
    let found = desk.get(&path).ok(200);
    assert_eq!(found["ineligible"][0]["unmet"].as_array().map(Vec::len), Some(2));
    for (name, what) in [("Van 1", "Winch"), ("Van 2", "Dolly")] {
        let van = json!({"name": name, "technician": bo, "equipment": [what]});
        desk.post("/v1/vans", van).ok(201);
    }
    let found = desk.get(&path).ok(200);
    assert_eq!(names(&found["ranked"]), ["Name of bo"]);
    desk.post(&format!("{job}/assign"), json!({"technician": bo})).ok(200);
}

#[test]
fn nobody_is_left_out_for_a_long_record_and_no_stranger_is_shown() {
    let world = World::new();
    let desk = world.admin();
    let bo = world.add_user(world.tenant, "bo", Role::Technician);
    let other = world.add_tenant("other");
    world.add_user(other, "stranger", Role::Technician);
    let now = world.running().app().now();
    for n in 0..20 {
        let away = json!({"absence": true, "starts_at": now + n * HOUR + HOUR, "ends_at": now + n * HOUR + 2 * HOUR});
        desk.post(&format!("/v1/technicians/{bo}/shifts"), away).ok(200);
    }
    let found = desk.get(&format!("{}/candidates", take(&desk, json!({})))).ok(200);
    assert_eq!(names(&found["ranked"]), ["Name of bo"]);
    world
        .anybody()
        .get(&format!("{}/candidates", take(&desk, json!({}))))
        .problem(401, "not_logged_in");
}

fn reasons<'a>(found: &'a Value, name: &str) -> Vec<&'a Value> {
    let list = found["ranked"].as_array().unwrap();
    let one = list.iter().find(|one| one["name"] == name);
    let one = one.unwrap_or_else(|| panic!("{name} is not ranked: {found}"));
    one["reasons"].as_array().unwrap().iter().collect()
}

fn is_unknown(found: &Value, name: &str, which: &str) -> bool {
    let unknown = json!({"what": "unknown", "which": which});
    reasons(found, name).contains(&&unknown)
}

#[test]
fn a_van_counts_however_many_vans_are_older() {
    for world in World::on_each_database() {
        let desk = world.admin();
        let bo = world.add_user(world.tenant, "bo", Role::Technician);
        for n in 0..21 {
            desk.post("/v1/vans", json!({"name": format!("Van {n}")})).ok(201);
        }
        let van = json!({"name": "The last", "technician": bo, "equipment": ["winch"]});
        let van = desk.post("/v1/vans", van).ok(201);
        let path = format!("{}/candidates", take(&desk, json!({"equipment": ["winch"]})));
        let found = desk.get(&path).ok(200);
        assert_eq!(names(&found["ranked"]), ["Name of bo"]);
        assert!(!is_unknown(&found, "Name of bo", "equipment"));
        // A van that somebody else drives now is theirs.
        let al = world.add_user(world.tenant, "al", Role::Technician);
        let van = format!("/v1/vans/{}", van["id"].as_str().unwrap());
        desk.header("if-match", "*").patch(&van, json!({"technician": al})).ok(200);
        let found = desk.get(&path).ok(200);
        assert_eq!(names(&found["ranked"]), ["Name of al"]);
        assert_eq!(names(&found["ineligible"]), ["Name of bo"]);
    }
}

#[test]
fn a_technician_is_busy_however_many_newer_jobs_others_have() {
    for world in World::on_each_database() {
        let desk = world.admin();
        let add = |login: &str| world.add_user(world.tenant, login, Role::Technician);
        for technician in [add("busy"), add("other")] {
            let job = take(&desk, json!({}));
            desk.post(&format!("{job}/assign"), json!({"technician": technician})).ok(200);
        }
        let found = desk.get(&format!("{}/candidates", take(&desk, json!({})))).ok(200);
        for name in ["Name of busy", "Name of other"] {
            let said = reasons(&found, name);
            let busy = said.iter().find(|it| it["what"] == "busy");
            assert_eq!(busy.unwrap()["waiting"], 1, "{name}: {said:?}");
            assert!(!is_unknown(&found, name, "jobs"), "{said:?}");
        }
    }
}

#[test]
fn a_technician_with_more_vans_than_are_read_is_ranked_and_not_called_ineligible() {
    let world = World::new();
    let desk = world.admin();
    let bo = world.add_user(world.tenant, "bo", Role::Technician);
    for n in 0..17 {
        desk.post("/v1/vans", json!({"name": format!("Van {n}"), "technician": bo})).ok(201);
    }
    let path = format!("{}/candidates", take(&desk, json!({"equipment": ["winch"]})));
    assert!(is_unknown(&desk.get(&path).ok(200), "Name of bo", "equipment"));
    // What no van is asked about is known all the same.
    let path = format!("{}/candidates", take(&desk, json!({"skills": ["welding"]})));
    let found = desk.get(&path).ok(200);
    assert_eq!(found["ineligible"][0]["unmet"].as_array().map(Vec::len), Some(1), "{found}");
}

#[test]
fn a_technician_with_more_open_jobs_than_are_read_is_ranked_with_that_said() {
    let world = World::new();
    let desk = world.admin();
    let bo = world.add_user(world.tenant, "bo", Role::Technician);
    for _ in 0..65 {
        let job = take(&desk, json!({}));
        desk.post(&format!("{job}/assign"), json!({"technician": bo})).ok(200);
    }
    let found = desk.get(&format!("{}/candidates", take(&desk, json!({})))).ok(200);
    assert!(is_unknown(&found, "Name of bo", "jobs"), "{found}");
}
