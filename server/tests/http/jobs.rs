//! A dispatcher takes a call, changes it, gives it to someone, ends it; over real sockets.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::world::{Client, PASSWORD, Told, World};
use serde_json::{Value, json};
use server::auth::Role;
use sha2::Digest as _;
use store::writer::{EditRequest, Expect};
use sync_core::change::Entry;
use sync_core::id::{FactId, JobId, UserId};
use sync_core::policy::Principal;
use sync_core::schema::{key, section};

fn call() -> Value {
    json!({
        "caller": "Lin", "phone": "0912 345 678", "plate": "abc-1234", "problem": "flat_tyre",
        "address": "Highway 5, km 12", "place": {"lat": 25.033, "lon": 121.5654},
    })
}

fn take(desk: &Client, body: Value) -> Value {
    desk.post("/v1/jobs", body).ok(201)
}

fn path(job: &Value) -> String {
    format!("/v1/jobs/{}", job["id"].text())
}

#[test]
fn a_call_becomes_a_job_with_checked_values_and_a_number() {
    let world = World::new();
    let desk = world.admin();
    let answer = desk.post("/v1/jobs", call());
    assert!(answer.header("location").starts_with("/v1/jobs/"));
    let job = answer.ok(201);
    assert_eq!(job["state"], "received");
    assert_eq!(job["intake"]["phone"], "+886912345678");
    assert_eq!(job["intake"]["plate"], "ABC-1234");
    assert!(job["intake"]["number"].as_str().is_some_and(|n| n.ends_with("-001")), "{job}");
    assert_eq!(job["likely_duplicates"], json!([]));
    let read = desk.get(&path(&job));
    assert!(read.header("etag").starts_with("\"v"));
    assert!(!read.body["timeline"].as_array().is_some_and(Vec::is_empty));
}

#[test]
fn the_same_plate_nearby_is_pointed_out_as_a_likely_duplicate() {
    let world = World::new();
    let desk = world.admin();
    let first = take(&desk, call());
    let second = take(&desk, call());
    assert_eq!(second["likely_duplicates"][0]["id"], first["id"]);
    assert_eq!(second["likely_duplicates"].as_array().map(Vec::len), Some(1));
    let mut far = call();
    far["place"]["lat"] = json!(22.6);
    assert_eq!(take(&desk, far)["likely_duplicates"], json!([]));
}

#[test]
fn wrong_values_are_named_by_field_and_code() {
    let world = World::new();
    let desk = world.admin();
    for (field, value, code) in [
        ("vin", json!("1".repeat(65)), "bad_vin"),
        ("phone", json!("12\u{0}"), "bad_phone"),
        ("place", json!({"lat": 95, "lon": 1}), "bad_place"),
        ("plate", json!(" "), "invalid"),
        ("remarks", json!("a\u{7}b"), "invalid"),
        ("year", json!(17), "invalid"),
        ("eta_by", json!(5), "invalid"),
        ("currency", json!("dollars"), "invalid"),
        ("problem", json!(""), "invalid"),
        ("branch", json!("0190b1c0-0000-7000-8000-000000000001"), "unknown_reference"),
    ] {
        let mut body = call();
        body[field] = value;
        let problem = desk.post("/v1/jobs", body).problem(422, code);
        assert_eq!(problem["field"], field);
    }
    let mut unknown = call();
    unknown["colour"] = json!("red");
    assert_eq!(desk.post("/v1/jobs", unknown).problem(400, "bad_json")["field"], "colour");
    let nowhere = json!({"problem": "tow"});
    assert_eq!(desk.post("/v1/jobs", nowhere).problem(422, "invalid")["field"], "address");
}

#[test]
fn fields_change_only_as_they_were_seen() {
    let world = World::new();
    let desk = world.admin();
    let path = path(&take(&desk, call()));
    desk.patch(&path, json!({"remarks": "x"})).problem(428, "if_match_required");
    let seen = desk.get(&path).header("etag").to_owned();
    let change = desk.header("if-match", &seen).patch(&path, json!({"remarks": "by the bridge"}));
    let newer = change.header("etag").to_owned();
    assert_eq!(change.ok(200)["intake"]["remarks"], "by the bridge");
    let stale = desk.header("if-match", &seen).patch(&path, json!({"remarks": "no"}));
    stale.problem(412, "changed_meanwhile");
    let cleared = desk.header("if-match", &newer).patch(&path, json!({"remarks": null})).ok(200);
    assert_eq!(cleared["intake"]["remarks"], Value::Null);
    assert_eq!(cleared["intake"]["plate"], "ABC-1234", "what is left out stays");
}

#[test]
fn a_job_is_assigned_reassigned_recalled_cancelled_and_reopened() {
    let world = World::new();
    let (bo, cy) = (
        world.add_user(world.tenant, "bo", Role::Technician),
        world.add_user(world.tenant, "cy", Role::Technician),
    );
    let desk = world.admin();
    let path = path(&take(&desk, call()));
    let to = |what: &str, body: Value| desk.post(&format!("{path}/{what}"), body);
    let first = to("assign", json!({"technician": bo})).ok(200);
    assert_eq!(
        (&first["state"], &first["assignment"]["assignment_number"]),
        (&json!("assigned"), &json!(1))
    );
    let second = to("assign", json!({"technician": cy})).ok(200);
    assert_eq!(second["assignment"]["assignment_number"], 2);
    assert_eq!(second["assignment"]["technician"], cy.to_string());
    let listed = desk.get(&format!("/v1/jobs?technician={cy}&state=assigned,offered")).ok(200);
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(1));
    to("recall", json!({})).ok(200);
    to("assign", json!({})).problem(422, "invalid");
    let nobody = json!({"technician": "0190b1c0-0000-7000-8000-000000000001"});
    to("assign", nobody).problem(422, "unknown_reference");
    to("reopen", json!({})).problem(409, "wrong_state");
    let cancelled = to("cancel", json!({"reason": "customer_cancelled"})).ok(200);
    assert_eq!(cancelled["state"], "cancelled");
    to("assign", json!({"technician": bo})).problem(409, "wrong_state");
    to("cancel", json!({"reason": "again"})).problem(409, "wrong_state");
    assert_ne!(to("reopen", json!({})).ok(200)["state"], "cancelled");
}

/// A step of the technician `by`, as their phone brings it.
fn bring(world: &World, by: UserId, path: &str, step: &str) {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let app = world.running().app();
    let id: JobId = path.trim_start_matches("/v1/jobs/").parse().expect("an id");
    let record = [
        (key::KIND, step.into()),
        (key::EPOCH, 1.into()),
        (key::REASON, "customer_absent".into()),
        (key::AT, app.now().into()),
    ];
    let number = NEXT.fetch_add(1, Relaxed).to_be_bytes().repeat(2);
    let fact = FactId::new(app.now(), number[..10].try_into().expect("ten bytes"));
    let record = record.into_iter().collect();
    let entry = Entry::Fact { section: section::STATUS, id: fact, record };
    let request = EditRequest {
        tenant: world.tenant,
        caller: Principal { user: by, role: Role::Technician },
        doc: id.into(),
        expect: Expect::Existing,
        now: app.now(),
        note: None,
    };
    let edited = world.block_on(
        app.writer().edit(request, move |_| Ok::<_, std::convert::Infallible>(vec![entry])),
    );
    edited.expect("it writes").expect("it is allowed");
}

#[test]
fn a_job_completed_by_mistake_is_reopened_until_the_dealership_has_it() {
    let world = World::new();
    let bo = world.add_user(world.tenant, "bo", Role::Technician);
    let desk = world.admin();
    let path = path(&take(&desk, call()));
    desk.post(&format!("{path}/assign"), json!({"technician": bo})).ok(200);
    ["accepted", "working", "completed"].iter().for_each(|step| bring(&world, bo, &path, step));
    assert_eq!(desk.get(&path).ok(200)["state"], "completed");
    let reopen = || desk.post(&format!("{path}/reopen"), json!({"note": "A mistaken tap."}));
    let reopened = reopen().ok(200);
    assert_eq!(
        (&reopened["state"], &reopened["assignment"]["technician"]),
        (&json!("working"), &json!(bo.to_string()))
    );
    let why = |item: &Value| item["what"] == "reopened" && item["detail"] == "A mistaken tap.";
    assert!(reopened["timeline"].as_array().is_some_and(|all| all.iter().any(why)));
    reopen().problem(409, "wrong_state");
    bring(&world, bo, &path, "completed");
    assert_eq!(desk.get(&path).ok(200)["state"], "completed");
}

#[test]
fn an_offer_that_nobody_answers_expires() {
    let world = World::new();
    let bo = world.add_user(world.tenant, "bo", Role::Technician);
    let desk = world.admin();
    let path = path(&take(&desk, call()));
    let past = json!({"kind": "offer", "technician": bo, "expires_at": 1_000_000_000_000_i64});
    let problem = desk.post(&format!("{path}/assign"), past).problem(422, "invalid");
    assert_eq!(problem["field"], "expires_at");
    let ends = world.running().app().now() + 500;
    let short = json!({"kind": "offer", "technician": bo, "expires_at": ends});
    desk.post(&format!("{path}/assign"), short).ok(200);
    while world.running().app().now() <= ends {
        std::thread::yield_now();
    }
    assert_eq!(desk.get(&path).ok(200)["state"], "received");
    let open = json!({"kind": "offer", "technician": bo});
    assert_eq!(desk.post(&format!("{path}/assign"), open).ok(200)["state"], "offered");
}

#[test]
fn a_decision_needs_an_open_exception_and_one_of_its_choices() {
    let world = World::new();
    let desk = world.admin();
    let path = format!("{}/decisions", path(&take(&desk, call())));
    let unknown = json!({"about": "weather", "choice": "confirm"});
    assert_eq!(desk.post(&path, unknown).problem(400, "bad_json")["field"], "about");
    let wrong = json!({"about": "goa_claimed", "choice": "void"});
    assert_eq!(desk.post(&path, wrong).problem(422, "invalid")["field"], "choice");
    let none = json!({"about": "goa_claimed", "choice": "confirm"});
    desk.post(&path, none).problem(409, "wrong_state");
}

#[test]
fn charges_add_up_and_can_be_taken_back() {
    let world = World::new();
    let desk = world.admin();
    let path = format!("{}/charges", path(&take(&desk, call())));
    let charge = json!({"description": "Towing", "amount": 150_000, "currency": "TWD"});
    let job = desk.post(&path, charge).ok(200);
    let id = job["charges"][0]["id"].clone();
    assert!(!job["totals"].as_array().is_some_and(Vec::is_empty), "{job}");
    let voided = desk.post(&path, json!({"voids": id})).ok(200);
    assert_eq!(voided["charges"][0]["voided"], true, "{voided}");
    let unknown = json!({"voids": "0190b1c0-0000-7000-8000-000000000001"});
    desk.post(&path, unknown).problem(422, "unknown_reference");
}

#[test]
fn a_repeated_request_makes_one_job_and_the_same_answer() {
    let world = World::new();
    let desk = world.admin();
    let keyed = desk.header("idempotency-key", "call-1");
    let first = keyed.post("/v1/jobs", call()).ok(201);
    let again = keyed.post("/v1/jobs", call());
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(again.ok(201), first);
    let mut other = call();
    other["plate"] = json!("XYZ-9");
    keyed.post("/v1/jobs", other).problem(422, "idempotency_key_reused");
    assert_eq!(desk.get("/v1/jobs").ok(200)["items"].as_array().map(Vec::len), Some(1));
    let long = "k".repeat(129);
    for key in ["call 1", "", &long] {
        desk.header("idempotency-key", key).post("/v1/jobs", call()).problem(400, "bad_header");
    }
    // The key is this person's own: another's request under it is another request.
    world.add_user(world.tenant, "disp", Role::Dispatcher);
    let colleague = world.desk("acme", "disp").header("idempotency-key", "call-1");
    assert_ne!(colleague.post("/v1/jobs", call()).ok(201)["id"], first["id"]);
}

#[test]
fn a_repeat_after_a_lost_answer_finds_what_the_first_attempt_made() {
    let world = World::new();
    let desk = world.admin();
    let keyed = desk.header("idempotency-key", "call-2");
    let first = keyed.post("/v1/jobs", call()).ok(201);
    world.lose_answers();
    assert_eq!(keyed.post("/v1/jobs", call()).ok(201)["id"], first["id"]);
    assert_eq!(desk.get("/v1/jobs").ok(200)["items"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_repeat_after_a_lost_answer_succeeds_though_the_state_has_changed_since() {
    let world = World::new();
    let bo = world.add_user(world.tenant, "bo", Role::Technician);
    let desk = world.admin();
    let path = path(&take(&desk, call()));
    let steps = [
        ("assign", json!({"technician": bo}), "assigned"),
        ("recall", json!({}), "received"),
        ("cancel", json!({"reason": "duplicate"}), "cancelled"),
        ("reopen", json!({}), "received"),
    ];
    for (what, body, state) in &steps {
        let seen = desk.get(&path).header("etag").to_owned();
        let keyed = desk.header("idempotency-key", what).header("if-match", &seen);
        let first = keyed.post(&format!("{path}/{what}"), body.clone()).ok(200);
        assert_eq!(first["state"], *state, "{what}");
        world.lose_answers();
        let again = keyed.post(&format!("{path}/{what}"), body.clone());
        assert_eq!(again.ok(200)["timeline"], first["timeline"], "{what} was done once");
        // Another attempt under another key is held to what it saw.
        let other = desk.header("idempotency-key", &format!("{what}-2")).header("if-match", &seen);
        other.post(&format!("{path}/{what}"), body.clone()).problem(412, "changed_meanwhile");
    }
    let assign = desk.header("idempotency-key", "later");
    assign.post(&format!("{path}/assign"), json!({"technician": bo})).ok(200);
    desk.post(&format!("{path}/cancel"), json!({"reason": "duplicate"})).ok(200);
    world.lose_answers();
    let again = assign.post(&format!("{path}/assign"), json!({"technician": bo})).ok(200);
    assert_eq!(again["state"], "cancelled", "what came after it stands");
}

#[test]
fn pages_of_a_list_hold_each_job_once() {
    let world = World::new();
    let desk = world.admin();
    for _ in 0..5 {
        take(&desk, call());
    }
    let mut seen = Vec::new();
    let mut next = String::from("/v1/jobs?limit=2");
    loop {
        let page = desk.get(&next).ok(200);
        for job in page["items"].as_array().into_iter().flatten() {
            seen.push(job["id"].text().to_owned());
        }
        let Some(cursor) = page["next"].as_str() else { break };
        next = format!("/v1/jobs?limit=2&cursor={cursor}");
    }
    assert_eq!(seen.len(), 5);
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 5);
    desk.get("/v1/jobs?cursor=nonsense").problem(400, "bad_cursor");
    desk.get("/v1/jobs?state=lost").problem(400, "bad_query");
    desk.get("/v1/jobs?limit=many").problem(400, "bad_query");
}

#[test]
fn a_cursor_of_a_list_of_jobs_is_taken_only_in_the_order_that_gave_it() {
    let world = World::new();
    let desk = world.admin();
    for address in ["one", "two", "three"] {
        desk.post("/v1/jobs", json!({"problem": "tow", "address": address})).ok(201);
    }
    let orders = ["/v1/jobs?limit=1", "/v1/jobs?limit=1&updated_since=0"];
    let next = orders.map(|order| desk.get(order).ok(200)["next"].as_str().unwrap().to_owned());
    for (order, own, other) in [(orders[0], &next[0], &next[1]), (orders[1], &next[1], &next[0])] {
        desk.get(&format!("{order}&cursor={own}")).ok(200);
        desk.get(&format!("{order}&cursor={other}")).problem(400, "bad_cursor");
    }
}

#[test]
fn a_long_list_of_a_job_is_cut_and_read_page_by_page() {
    let world = World::new();
    let desk = world.admin();
    let path = path(&take(&desk, call()));
    for n in 0..230 {
        desk.post(&format!("{path}/notes"), json!({"text": format!("note {n}")})).ok(200);
    }
    let job = desk.get(&path).ok(200);
    assert_eq!(job["notes"].as_array().map(Vec::len), Some(200));
    assert_eq!(job["more"]["notes"]["count"], 230);
    assert!(job["more"]["parts"].is_null(), "{}", job["more"]);
    let next = job["more"]["notes"]["next"].text().to_owned();
    let rest = desk.get(&format!("{path}/list?of=notes&cursor={next}")).ok(200);
    assert_eq!(rest["items"].as_array().map(Vec::len), Some(30));
    assert_eq!(
        (&job["notes"][0]["text"], &job["notes"][199]["text"]),
        (&json!("note 30"), &json!("note 229"))
    );
    assert_eq!(rest["items"][0]["text"], "note 0");
    assert_eq!(rest["items"][29]["text"], "note 29");
    assert!(rest["next"].is_null());
    desk.get(&format!("{path}/list?of=secrets")).problem(422, "invalid");
}

#[test]
fn a_technician_has_no_desk() {
    let world = World::new();
    let phone = world.phone(world.tenant, "acme", "admin", "bo");
    let client = phone.log_in(&world);
    client.get("/v1/jobs").problem(403, "forbidden");
    client.post("/v1/jobs", call()).problem(403, "forbidden");
    client.get("/v1/users").problem(403, "forbidden");
}

#[test]
fn every_write_leaves_a_row_in_the_audit_list() {
    let world = World::new();
    let desk = world.admin();
    let job = take(&desk, call());
    let id = job["id"].text();
    desk.post(&format!("/v1/jobs/{id}/cancel"), json!({"reason": "duplicate"})).ok(200);
    let rows = desk.get(&format!("/v1/audit?object={id}")).ok(200);
    let actions: Vec<_> = rows["items"].as_array().into_iter().flatten().collect();
    assert_eq!(actions.len(), 2);
    assert_eq!(actions[0]["action"], "job.cancel");
    assert_eq!(actions[1]["action"], "job.create");
    assert!(actions.iter().all(|row| row["request_id"].as_str().is_some_and(|id| !id.is_empty())));
}

#[test]
fn a_van_is_loaded_counted_and_given_to_a_technician() {
    let world = World::new();
    let bo = world.add_user(world.tenant, "bo", Role::Technician);
    let desk = world.admin();
    let van = desk.post("/v1/vans", json!({"name": "Van 7", "plate": "rab-0007"})).ok(201);
    let path = format!("/v1/vans/{}", van["id"].text());
    let seen = desk.get(&path).header("etag").to_owned();
    let given = desk.header("if-match", &seen).patch(&path, json!({"technician": bo})).ok(200);
    assert_eq!(given["technician"], bo.to_string());
    for part_no in ["12V60", "FUSE"] {
        let part = json!({"description": part_no, "unit_price": 100, "currency": "TWD"});
        desk.put(&format!("/v1/parts/{part_no}"), part).ok(200);
    }
    let load = json!({"movements": [
        {"kind": "load", "part_no": "12V60", "quantity": 4000, "bin": "A"},
        {"kind": "load", "part_no": "FUSE", "quantity": 20_000},
        {"kind": "transfer", "part_no": "12V60", "quantity": 1000, "from": "A", "to": "B"},
    ]});
    let loaded = desk.post(&format!("{path}/movements"), load).ok(200);
    let line = |van: &Value, n: usize| van["stock"]["lines"][n]["quantity"].clone();
    assert_eq!(
        (line(&loaded, 0), line(&loaded, 1), line(&loaded, 2)),
        (json!(3000), json!(1000), json!(20_000))
    );
    let count = json!({"counts": [{"part_no": "FUSE", "quantity": 18_000}]});
    assert_eq!(line(&desk.post(&format!("{path}/counts"), count).ok(200), 2), json!(18_000));
    let wrong = json!({"movements": [{"kind": "load", "part_no": "X", "quantity": 0}]});
    let problem = desk.post(&format!("{path}/movements"), wrong).problem(422, "invalid");
    assert_eq!(problem["field"], "movements[0].quantity");
    world.add_user(world.tenant, "disp", Role::Dispatcher);
    let dispatcher = world.desk("acme", "disp");
    dispatcher.post("/v1/vans", json!({"name": "Van 8"})).problem(403, "denied");
}

#[test]
fn a_bin_that_was_counted_is_a_short_text_as_every_bin_is() {
    let world = World::new();
    let desk = world.admin();
    let van = desk.post("/v1/vans", json!({"name": "Van 7"})).ok(201);
    let path = format!("/v1/vans/{}/counts", van["id"].text());
    for bin in ["x".repeat(41), "  ".to_owned(), "A\u{7}".to_owned()] {
        let counts = json!({"counts": [{"part_no": "FUSE", "quantity": 1000, "bin": bin}]});
        let problem = desk.post(&path, counts).problem(422, "invalid");
        assert_eq!(problem["field"], "counts[0].bin");
    }
    let counts = json!({"counts": [{"part_no": "FUSE", "quantity": 1000, "bin": " A "}]});
    assert_eq!(desk.post(&path, counts).ok(200)["stock"]["lines"][0]["bin"], "A");
}

#[test]
fn null_clears_plate_branch_and_technician_of_a_van_and_what_is_left_out_stays() {
    let world = World::new();
    let bo = world.add_user(world.tenant, "bo", Role::Technician);
    let desk = world.admin();
    let branch =
        json!({"name": "North", "kind": "owned", "currency": "TWD", "time_zone": "Asia/Taipei"});
    let branch = desk.post("/v1/branches", branch).ok(201)["id"].clone();
    let van = json!({"name": "Van 7", "plate": "RAB-0007", "branch": branch, "technician": bo});
    let van = desk.post("/v1/vans", van).ok(201);
    assert_eq!(van["branch"], branch);
    let path = format!("/v1/vans/{}", van["id"].text());
    let desk = desk.header("if-match", "*");
    let moved = desk.patch(&path, json!({"branch": null})).ok(200);
    assert_eq!((&moved["branch"], &moved["plate"]), (&Value::Null, &json!("RAB-0007")));
    let cleared = desk.patch(&path, json!({"plate": null, "technician": null})).ok(200);
    assert_eq!((&cleared["plate"], &cleared["technician"]), (&Value::Null, &Value::Null));
    assert_eq!(cleared["name"], "Van 7");
}

#[test]
fn a_part_is_written_over_only_as_it_was_seen() {
    for world in World::on_each_database() {
        let desk = world.admin();
        let path = "/v1/parts/12V60";
        let at = |price: i64| json!({"description": "x", "unit_price": price, "currency": "TWD"});
        desk.header("if-match", "*").put(path, at(1)).problem(412, "changed_meanwhile");
        let first = desk.put(path, at(1));
        let seen = first.header("etag").to_owned();
        first.ok(200);
        assert_eq!(desk.get(path).header("etag"), seen);
        desk.put(path, at(2)).problem(428, "if_match_required");
        let second = desk.header("if-match", &seen).put(path, at(2));
        let newer = second.header("etag").to_owned();
        assert_eq!(second.ok(200)["unit_price"], 2);
        desk.header("if-match", &seen).put(path, at(3)).problem(412, "changed_meanwhile");
        // What stands there already is no loss to anybody, and a repeat finds its first attempt.
        let again = desk.header("if-match", &seen).put(path, at(2));
        assert_eq!((again.header("etag"), again.status), (newer.as_str(), 200));
        assert_eq!(desk.header("if-match", &newer).put(path, at(3)).ok(200)["version"], 3);
    }
}

#[test]
fn staff_of_one_branch_see_its_jobs_only() {
    let world = World::new();
    let admin = world.admin();
    let branch = |name: &str| {
        let body =
            json!({"name": name, "kind": "owned", "currency": "TWD", "time_zone": "Asia/Taipei"});
        admin.post("/v1/branches", body).ok(201)["id"].clone()
    };
    let (north, south) = (branch("North"), branch("South"));
    let user = json!({
        "login": "nora", "name": "Nora", "role": "dispatcher", "branch": north,
        "password": PASSWORD,
    });
    admin.post("/v1/users", user).ok(201);
    let nora = world.desk("acme", "nora");
    let mut body = call();
    body["branch"] = south;
    let southern = take(&admin, body);
    let own = take(&nora, call());
    assert_eq!(own["intake"]["branch"], north, "a job taken by the branch is the branch's");
    assert_eq!(own["likely_duplicates"], json!([]));
    nora.get(&path(&southern)).problem(404, "not_found");
    let cancel = json!({"reason": "duplicate"});
    nora.post(&format!("{}/cancel", path(&southern)), cancel).problem(404, "not_found");
    assert_eq!(nora.get("/v1/jobs").ok(200)["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(admin.get("/v1/jobs").ok(200)["items"].as_array().map(Vec::len), Some(2));
}

#[test]
fn the_same_key_on_two_nodes_at_once_makes_one_job_and_gives_one_answer() {
    let Some(world) = World::on_postgres() else { return };
    let second = world.second_node();
    let token = world.admin().token().unwrap().to_owned();
    for round in 0..10 {
        let key = format!("call-{round}");
        let start = std::sync::Barrier::new(4);
        let answers: Vec<_> = std::thread::scope(|scope| {
            let nodes = [&world, &second, &world, &second];
            let threads: Vec<_> = nodes
                .map(|world| {
                    let client = world.anybody().bearer(&token).header("idempotency-key", &key);
                    let start = &start;
                    scope.spawn(move || {
                        start.wait();
                        client.post("/v1/jobs", json!({"problem": "flat tyre", "address": "here"}))
                    })
                })
                .into();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let ids: std::collections::BTreeSet<_> =
            answers.into_iter().map(|answer| answer.ok(201)["id"].to_string()).collect();
        assert_eq!(ids.len(), 1, "{ids:?}");
    }
    let jobs = world.anybody().bearer(&token).get("/v1/jobs").ok(200);
    assert_eq!(jobs["items"].as_array().map(Vec::len), Some(10));
}

#[test]
fn what_recognises_a_repeat_is_keyed_and_one_kept_without_a_key_still_fits() {
    let world = World::new();
    let call = json!({"problem": "flat tyre", "address": "here"});
    let desk = world.admin().header("idempotency-key", "call-1");
    let first = desk.post("/v1/jobs", call.clone()).ok(201);
    let mut plain = sha2::Sha256::new();
    for part in ["POST", "/v1/jobs", "", &call.to_string()] {
        plain.update((part.len() as u64).to_be_bytes());
        plain.update(part);
    }
    let plain = plain.finalize().to_vec();
    let store = world.running().app().store.clone();
    let hash = plain.clone();
    let replaced = store.write::<u64, store::StoreError, _>(move |tx| {
        Box::pin(async move {
            let swap = "UPDATE idempotency SET request = $1 WHERE request <> $1";
            Ok(sqlx::query(swap).bind(hash).execute(tx).await?.rows_affected())
        })
    });
    assert_eq!(world.block_on(replaced).unwrap(), 1, "a hash without a key was kept");
    assert_eq!(desk.post("/v1/jobs", call).ok(201)["id"], first["id"]);
}
