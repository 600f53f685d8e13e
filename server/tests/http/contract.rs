//! What the API promises to whoever writes a client: the document is complete, requests are read
//! strictly, null and absent differ, and a technician is one thing.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use server::auth::Role;
use server::config::Secret;

use crate::world::World;

fn document() -> Value {
    serde_json::to_value(server::router::openapi()).unwrap()
}

/// Every operation with its path and method.
fn operations(api: &Value) -> Vec<(String, String, &Value)> {
    let paths = api["paths"].as_object().unwrap().iter();
    let each = paths.flat_map(|(path, item)| {
        let methods = item.as_object().unwrap().iter();
        methods.map(move |(method, it)| (path.clone(), method.to_uppercase(), it))
    });
    each.collect()
}

fn visit(value: &Value, path: &str, seen: &mut dyn FnMut(&str, &Value)) {
    seen(path, value);
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, field)| visit(field, &format!("{path}/{name}"), seen));
        }
        Value::Array(items) => items.iter().for_each(|item| visit(item, path, seen)),
        _ => {}
    }
}

#[test]
fn every_operation_has_a_name_of_its_own_and_describes_every_answer() {
    let api = document();
    let mut names = BTreeSet::new();
    for (path, method, operation) in operations(&api) {
        let name = operation["operationId"].as_str().unwrap().to_owned();
        assert!(names.insert(name.clone()), "{name} is there twice");
        for (status, answer) in operation["responses"].as_object().unwrap() {
            let about = answer["description"].as_str().unwrap_or_default();
            assert!(!about.is_empty(), "{method} {path} {status}");
            if status.starts_with(['4', '5']) {
                let content = answer["content"].as_object().unwrap();
                assert!(
                    content.keys().eq(["application/problem+json"]),
                    "{method} {path} {status}"
                );
                assert!(about.contains('`') || about.contains(':'), "{method} {path}: {about}");
            }
        }
    }
    assert!(names.len() > 50);
}

#[test]
fn every_word_of_every_enumeration_has_its_meaning_in_the_document() {
    let api = document();
    for (name, schema) in api["components"]["schemas"].as_object().unwrap() {
        let Some(words) = schema["enum"].as_array() else { continue };
        let about = schema["description"].as_str().unwrap_or_default();
        for word in words {
            let line = format!("- `{}`", word.as_str().unwrap());
            assert!(about.contains(&line), "{name}: {word}");
        }
    }
}

#[test]
fn no_schema_is_opaque_and_none_has_null_for_a_default() {
    let api = document();
    visit(&api["components"]["schemas"], "", &mut |path, schema| {
        assert!(schema.get("default").is_none_or(|it| !it.is_null()), "{path} defaults to null");
        let is_object = schema["type"] == "object" && !path.ends_with("/properties");
        let says =
            ["properties", "additionalProperties"].iter().any(|key| schema.get(key).is_some());
        assert!(!is_object || says || path == "/AuditEntry/properties/detail", "{path} is opaque");
    });
}

#[test]
fn times_are_named_at_or_end_in_at() {
    let api = document();
    visit(&api["components"]["schemas"], "", &mut |path, schema| {
        let about = schema["description"].as_str().unwrap_or_default();
        let name = path.rsplit('/').next().unwrap_or_default();
        let is_time = about.contains("Unix milliseconds") && path.contains("/properties/");
        let kept = ["eta", "eta_by", "server_time", "offer_eta"];
        let fits = name == "at" || name.ends_with("_at") || kept.contains(&name);
        assert!(!is_time || fits, "{path}: {about}");
    });
}

#[test]
fn public_routes_ask_for_nothing_and_all_others_refuse_strangers() {
    // Without a token in the settings the metrics are not there at all.
    let world = World::with(|config| config.metrics_token = Some(Secret::new("hush")));
    let api = document();
    for (path, method, operation) in operations(&api) {
        let schemes = operation["security"].as_array().unwrap();
        let is_open = schemes.is_empty();
        let path = path.replace("{id}", "x").replace("{seal}", "x").replace("{kind}", "parts");
        let body = (method != "GET").then(|| b"{}".to_vec());
        let answer = world.anybody().send(&method, &path, body, "application/json");
        assert_eq!(answer.status != 401, is_open, "{method} {path}: {}", answer.text);
        let documented = &operation["responses"][answer.status.to_string()];
        assert!(documented.is_object(), "{method} {path} answers {}", answer.status);
    }
}

#[test]
fn an_array_is_refused_wherever_an_object_is_expected() {
    let world = World::new();
    let desk = world.admin();
    let branch = json!(["X", "owned", "TWD", "Asia/Taipei"]);
    desk.post("/v1/branches", branch).problem(400, "bad_json");
    let van = desk.post("/v1/vans", json!({"name": "Van 7"})).ok(201);
    let path = format!("/v1/vans/{}/movements", van["id"].as_str().unwrap());
    let line = json!({"movements": [["load", "FUSE", 1000]]});
    assert_eq!(desk.post(&path, line).problem(400, "bad_json")["field"], "movements[0]");
}

#[test]
fn unknown_parameters_and_limits_out_of_range_are_refused_by_name() {
    let world = World::new();
    let desk = world.admin();
    for (path, field) in [
        ("/v1/jobs?stat=received", "stat"),
        ("/v1/jobs?limit=0", "limit"),
        ("/v1/users?limit=201", "limit"),
        ("/v1/vans?limit=many", "limit"),
        ("/v1/branches?limit=1", "limit"),
        ("/v1/jobs?waiting=yes", "waiting"),
        ("/v1/jobs?state=received&state=closed", "state"),
        ("/health/live?verbose=1", "verbose"),
    ] {
        let problem = desk.get(path).problem(400, "bad_query");
        assert_eq!(problem["field"], field, "{path}");
        assert!(!problem["detail"].as_str().unwrap().contains("digit"), "{problem}");
    }
}

#[test]
fn a_cursor_is_taken_only_by_the_list_that_gave_it() {
    let world = World::new();
    world.add_user(world.tenant, "mei", Role::Dispatcher);
    let desk = world.admin();
    let page = desk.get("/v1/users?limit=1").ok(200);
    let next = page["next"].as_str().unwrap();
    desk.get(&format!("/v1/users?cursor={next}")).ok(200);
    for list in ["jobs", "vans", "technicians", "devices", "audit", "parts", "submissions"] {
        desk.get(&format!("/v1/{list}?cursor={next}")).problem(400, "bad_cursor");
    }
}

#[test]
fn null_clears_what_may_be_empty_and_is_refused_elsewhere() {
    let world = World::new();
    let bo = world.add_user(world.tenant, "bo", Role::Technician);
    let desk = world.admin();
    let branch =
        json!({"name": "North", "kind": "owned", "currency": "TWD", "time_zone": "Asia/Taipei"});
    let branch = desk.post("/v1/branches", branch).ok(201)["id"].clone();
    let call = json!({"problem": "tow", "address": "here", "caller": "Lin", "branch": branch});
    let job = desk.post("/v1/jobs", call).ok(201);
    let job = format!("/v1/jobs/{}", job["id"].as_str().unwrap());
    let desk = desk.header("if-match", "*");
    for field in ["problem", "number", "source", "address"] {
        let problem = desk.patch(&job, json!({field: null})).problem(422, "invalid");
        assert_eq!(problem["field"], field);
    }
    let cleared = desk.patch(&job, json!({"caller": null, "branch": null})).ok(200);
    assert_eq!(
        (&cleared["intake"]["caller"], &cleared["intake"]["branch"]),
        (&Value::Null, &Value::Null)
    );
    let pinned = json!({"address": null, "place": {"lat": 25.033, "lon": 121.5654}});
    assert_eq!(desk.patch(&job, pinned).ok(200)["intake"]["place"]["lat"], 25.033);
    desk.patch(&job, json!({"place": null})).problem(422, "invalid");

    let user = format!("/v1/users/{bo}");
    assert_eq!(desk.patch(&user, json!({"branch": branch})).ok(200)["branch"], branch);
    assert_eq!(desk.patch(&user, json!({"branch": null})).ok(200)["branch"], Value::Null);
    for field in ["name", "role", "language", "active", "password"] {
        let problem = desk.patch(&user, json!({field: null})).problem(422, "invalid");
        assert_eq!(problem["field"], field);
    }
    let branch = format!("/v1/branches/{}", branch.as_str().unwrap());
    let problem = desk.patch(&branch, json!({"time_zone": null})).problem(422, "invalid");
    assert_eq!(problem["field"], "time_zone");
}

#[test]
fn a_technician_is_one_thing_whichever_way_they_are_changed() {
    let world = World::new();
    let bo = world.add_user(world.tenant, "bo", Role::Technician);
    let desk = world.admin();
    let (user, technician) = (format!("/v1/users/{bo}"), format!("/v1/technicians/{bo}"));
    let seen = desk.get(&technician);
    let tag = seen.header("etag").to_owned();
    let change = json!({"name": "Bo Chen", "language": "zh-TW", "phone": "0912345678"});
    let changed = desk.header("if-match", &tag).patch(&technician, change).ok(200);
    assert_eq!((&changed["name"], &changed["phone"]), (&json!("Bo Chen"), &json!("+886912345678")));
    let account = desk.get(&user).ok(200);
    assert_eq!((&account["name"], &account["language"]), (&json!("Bo Chen"), &json!("zh-TW")));
    let any = desk.header("if-match", "*");
    any.patch(&user, json!({"name": "Bo C."})).ok(200);
    assert_eq!(desk.get(&technician).ok(200)["name"], "Bo C.");
    let old = desk.header("if-match", &tag).patch(&technician, json!({"name": "B"}));
    old.problem(412, "changed_meanwhile");
    let record = world.technician(bo);
    assert_eq!(record.name.as_deref(), Some("Bo C."), "their phone has the same name");
}

#[test]
fn open_jobs_of_a_deactivated_technician_go_back_to_the_board() {
    let world = World::new();
    let bo = world.add_user(world.tenant, "bo", Role::Technician);
    let desk = world.admin();
    let now = world.running().app().now();
    let shift = json!({"starts_at": now - 1000, "ends_at": now + 3_600_000});
    let technician = format!("/v1/technicians/{bo}");
    assert_eq!(desk.post(&format!("{technician}/shifts"), shift).ok(200)["on_shift"], true);
    let job = desk.post("/v1/jobs", json!({"problem": "tow", "address": "here"})).ok(201);
    let job = format!("/v1/jobs/{}", job["id"].as_str().unwrap());
    desk.post(&format!("{job}/assign"), json!({"technician": bo})).ok(200);
    let any = desk.header("if-match", "*");
    any.patch(&format!("/v1/users/{bo}"), json!({"active": false})).ok(200);
    let gone = desk.get(&technician).ok(200);
    assert_eq!((&gone["active"], &gone["on_shift"]), (&json!(false), &json!(false)));
    assert!(!world.technician(bo).active);
    let back = desk.get(&job).ok(200);
    assert_eq!(back["state"], "received");
    let notes: Vec<_> =
        back["timeline"].as_array().unwrap().iter().map(|it| &it["detail"]).collect();
    assert!(notes.contains(&&json!("The technician takes no jobs any more.")), "{notes:?}");
}

#[test]
fn open_jobs_of_a_technician_who_becomes_something_else_go_back_to_the_board() {
    for world in World::on_each_database() {
        let bo = world.add_user(world.tenant, "bo", Role::Technician);
        let desk = world.admin();
        let job = desk.post("/v1/jobs", json!({"problem": "tow", "address": "here"})).ok(201);
        let job = format!("/v1/jobs/{}", job["id"].as_str().unwrap());
        desk.post(&format!("{job}/assign"), json!({"technician": bo})).ok(200);
        let any = desk.header("if-match", "*");
        any.patch(&format!("/v1/users/{bo}"), json!({"role": "dispatcher"})).ok(200);
        let back = desk.get(&job).ok(200);
        assert_eq!((&back["state"], &back["assignment"]), (&json!("received"), &Value::Null));
        let app = world.running().app();
        assert!(world.block_on(app.store.to_recall(None)).unwrap().is_empty());
    }
}

#[test]
fn the_note_of_a_cancellation_is_shown() {
    let world = World::new();
    let desk = world.admin();
    let job = desk.post("/v1/jobs", json!({"problem": "tow", "address": "here"})).ok(201);
    let job = format!("/v1/jobs/{}", job["id"].as_str().unwrap());
    let why = json!({"reason": "customer_cancelled", "note": "The car starts again."});
    let ended = desk.post(&format!("{job}/cancel"), why).ok(200);
    let last = ended["timeline"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(
        (&last["detail"], &last["note"]),
        (&json!("customer_cancelled"), &json!("The car starts again."))
    );
}

#[test]
fn recall_reopen_and_follow_up_take_no_body_as_well_as_one() {
    let world = World::new();
    let bo = world.add_user(world.tenant, "bo", Role::Technician);
    let desk = world.admin();
    let job = desk.post("/v1/jobs", json!({"problem": "tow", "address": "here"})).ok(201);
    let job = format!("/v1/jobs/{}", job["id"].as_str().unwrap());
    let plain = |action: &str| desk.send("POST", &format!("{job}/{action}"), Some(Vec::new()), "");
    desk.post(&format!("{job}/assign"), json!({"technician": bo})).ok(200);
    plain("recall").ok(200);
    desk.post(&format!("{job}/cancel"), json!({"reason": "duplicate"})).ok(200);
    plain("reopen").ok(200);
    desk.post(&format!("{job}/cancel"), json!({"reason": "duplicate"})).ok(200);
    desk.post(&format!("{job}/reopen"), json!({"note": "No duplicate."})).ok(200);
    desk.post(&format!("{job}/cancel"), json!({"reason": "duplicate"})).ok(200);
    let second = desk.post(&format!("{job}/follow-up"), json!({"remarks": "Again."})).ok(201);
    assert_eq!(second["intake"]["remarks"], "Again.");
}

#[test]
fn a_branch_has_a_real_time_zone_and_currency_and_takes_no_jobs_once_inactive() {
    let world = World::new();
    let desk = world.admin();
    let branch = |currency: &str, zone: &str| json!({"name": "N", "kind": "owned", "currency": currency, "time_zone": zone});
    for (body, field) in
        [(branch("TWD", "Mars/Phobos"), "time_zone"), (branch("QQQ", "Asia/Taipei"), "currency")]
    {
        assert_eq!(desk.post("/v1/branches", body).problem(422, "invalid")["field"], field);
    }
    let id = desk.post("/v1/branches", branch("TWD", "asia/taipei")).ok(201);
    assert_eq!(id["time_zone"], "Asia/Taipei");
    let path = format!("/v1/branches/{}", id["id"].as_str().unwrap());
    desk.header("if-match", "*").patch(&path, json!({"active": false})).ok(200);
    let call = json!({"problem": "tow", "address": "here", "branch": id["id"]});
    let problem = desk.post("/v1/jobs", call).problem(422, "invalid");
    assert_eq!(
        (&problem["field"], &problem["reason"]),
        (&json!("branch"), &json!("branch_inactive"))
    );
}

#[test]
fn what_makes_no_sense_together_is_refused() {
    let world = World::new();
    let desk = world.admin();
    let priced = json!({"problem": "tow", "address": "here", "amount": 100});
    assert_eq!(desk.post("/v1/jobs", priced).problem(422, "invalid")["field"], "currency");
    let van = desk.post("/v1/vans", json!({"name": "Van 7"})).ok(201);
    let path = format!("/v1/vans/{}/movements", van["id"].as_str().unwrap());
    let moved = |line: Value| desk.post(&path, json!({"movements": [line]}));
    let unknown = moved(json!({"kind": "load", "part_no": "NONE", "quantity": 1000}));
    assert_eq!(unknown.problem(422, "unknown_reference")["field"], "movements[0].part_no");
    let same =
        json!({"kind": "transfer", "part_no": "F", "quantity": 1000, "from": "A1", "to": "A1"});
    assert_eq!(moved(same).problem(422, "invalid")["field"], "movements[0].to");
}
