//! What a desk enters for the field, takes back, lets stand again, and is told to look after.

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use server::auth::Role;
use server::http::{Code, Problem};
use server::upkeep;
use store::rows::users;
use store::writer::{EditError, EditRequest, Expect, PushRequest, WriteFuture};
use sync_core::admission;
use sync_core::change::Entry;
use sync_core::document::{Author, Document};
use sync_core::id::{ActorId, DeviceId, FactId, JobId, UserId, VanId};
use sync_core::policy::Principal;
use sync_core::schema::{DocId, Section, key, section};
use sync_core::sync::Submitted;
use sync_core::value::{Record, Value as Kept};
use sync_core::van::period;

use crate::world::{Client, World};

fn call() -> Value {
    json!({"problem": "flat_tyre", "address": "Highway 5, km 12", "plate": "ABC-1234"})
}

fn take(desk: &Client) -> String {
    let job = desk.post("/v1/jobs", call()).ok(201);
    format!("/v1/jobs/{}", job["id"].as_str().unwrap())
}

fn now(world: &World) -> i64 {
    world.running().app().now()
}

/// Adds a fact as a phone of this technician brings it.
fn bring(world: &World, by: UserId, doc: DocId, section: Section, record: Record) -> FactId {
    let store = &world.running().app().store;
    let standing = world.block_on(store.document(world.tenant, doc)).unwrap();
    let document = standing.map_or_else(|| Document::new(doc), |it| it.document);
    bring_from(world, by, document, section, record)
}

/// The same of a phone that has heard no more than this.
fn bring_from(
    world: &World,
    by: UserId,
    mut document: Document,
    section: Section,
    record: Record,
) -> FactId {
    let (app, tenant) = (world.running().app(), world.tenant);
    let (now, id) = (app.now(), FactId::new(app.now(), server::clock::random()));
    let (caller, device) = (
        Principal { user: by, role: Role::Technician },
        DeviceId::new(now, server::clock::random()),
    );
    let author = Author::phone(by, device);
    let entries = vec![Entry::Fact { section, id, record }];
    let actor = ActorId::new(now, server::clock::random());
    let run = admission::record(&mut document, actor, now, &caller, author, entries).unwrap();
    let runs = vec![Submitted::Relayed(app.store.attest(tenant, run, author))];
    let (devices, evidence) = (vec![device], None);
    let push = PushRequest { tenant, caller, device, devices, runs, evidence, now };
    let verdicts = world.block_on(app.writer().push(push)).unwrap();
    assert!(matches!(verdicts[0][0], admission::Verdict::Durable), "{verdicts:?}");
    id
}

fn raw(bytes: &[u8; 16]) -> Kept {
    Kept::Bytes(bytes.to_vec())
}

fn job_of(path: &str) -> JobId {
    path.trim_start_matches("/v1/jobs/").parse().unwrap()
}

fn kinds(view: &Value) -> Vec<&str> {
    view["findings"].as_array().unwrap().iter().filter_map(|it| it["code"].as_str()).collect()
}

#[test]
fn a_provider_without_phones_has_its_job_completed_by_the_office_as_told() {
    for world in World::on_each_database() {
        let desk = world.admin();
        let path = take(&desk);
        let steps = format!("{path}/steps");
        let at = now(&world) - 1000;
        let told = |step: &str, reason: Option<&str>| json!({"step": step, "at": at, "told_by": "Hsu of Rescue Co", "reason": reason});
        desk.post(&steps, told("en_route", None)).problem(409, "wrong_state");
        let provider = json!({"provider": "Rescue Co"});
        desk.post(&format!("{path}/assign"), provider).ok(200);
        for step in ["accepted", "en_route", "on_scene", "working"] {
            desk.post(&steps, told(step, None)).ok(200);
        }
        let unsigned = desk.post(&steps, told("completed", Some("other"))).problem(422, "invalid");
        assert_eq!(unsigned["reason"], "signature_missing");
        desk.post(&steps, told("completed", None)).problem(422, "invalid");
        let keyed = desk.header("idempotency-key", "told-once");
        let done = keyed.post(&steps, told("completed", Some("no_device"))).ok(200);
        assert_eq!(done["state"], "completed");
        let completed = &done["times"]["completed"];
        assert_eq!((&completed["by_office"], &completed["at"]), (&json!(true), &json!(at)));
        assert_eq!(completed["told_by"], "Hsu of Rescue Co");
        world.lose_answers();
        keyed.post(&steps, told("completed", Some("no_device"))).ok(200);
        desk.post(&steps, told("completed", Some("no_device"))).problem(409, "wrong_state");
        let audit = desk.get("/v1/audit").ok(200);
        let row = audit["items"].as_array().unwrap().iter().find(|it| it["action"] == "job.step");
        assert_eq!(row.unwrap()["detail"]["step"], "completed");
    }
}

#[test]
fn a_step_as_told_needs_a_teller_a_reason_and_a_time_that_can_be() {
    let world = World::new();
    let desk = world.admin();
    let path = take(&desk);
    desk.post(&format!("{path}/assign"), json!({"provider": "Rescue Co"})).ok(200);
    let refused = |step: Value, field: &str| {
        let problem = desk.post(&format!("{path}/steps"), step).problem(422, "invalid");
        assert_eq!(problem["field"], field, "{problem}");
    };
    let now = now(&world);
    refused(json!({"step": "en_route", "at": now + 3_600_000, "told_by": "Hsu"}), "at");
    refused(json!({"step": "en_route", "at": now - 90_000_000, "told_by": "Hsu"}), "at");
    refused(json!({"step": "en_route", "at": now, "told_by": " "}), "told_by");
    refused(json!({"step": "declined", "at": now, "told_by": "Hsu"}), "reason");
    refused(json!({"step": "unsuccessful", "at": now, "told_by": "Hsu"}), "reason");
    let stale = desk.header("if-match", "\"v1\"");
    let step = json!({"step": "en_route", "at": now, "told_by": "Hsu"});
    stale.post(&format!("{path}/steps"), step).problem(412, "changed_meanwhile");
}

#[test]
fn a_claim_as_told_is_decided_like_one_from_a_phone() {
    let world = World::new();
    let desk = world.admin();
    let path = take(&desk);
    desk.post(&format!("{path}/assign"), json!({"provider": "Rescue Co"})).ok(200);
    let goa = json!({"step": "goa", "at": now(&world), "told_by": "Hsu", "attempts": 3});
    let claimed = desk.post(&format!("{path}/steps"), goa).ok(200);
    assert_eq!(claimed["exceptions"][0]["about"], "goa_claimed");
    let decision = json!({"about": "goa_claimed", "choice": "confirm"});
    let decided = desk.post(&format!("{path}/decisions"), decision).ok(200);
    assert_eq!(decided["state"], "goa");
    let fact = decided["decided"][0]["decision"]["id"].as_str().unwrap();
    let back = format!("{path}/facts/{fact}/take-back");
    let open = desk.post(&back, json!({"reason": "mistake"})).ok(200);
    assert_eq!(open["exceptions"][0]["about"], "goa_claimed", "a wrong decision is taken back");
}

#[test]
fn what_was_recorded_by_mistake_is_taken_back_and_stands_again_with_a_reason() {
    for world in World::on_each_database() {
        let desk = world.admin();
        let bo = world.add_user(world.tenant, "bo", Role::Technician);
        let path = take(&desk);
        desk.post(&format!("{path}/assign"), json!({"technician": bo})).ok(200);
        let record = Record::from([
            (key::PART_NO, "12V60".into()),
            (key::UNIT_PRICE, 900.into()),
            (key::CURRENCY, "TWD".into()),
        ]);
        let part = bring(&world, bo, job_of(&path).into(), section::PARTS, record);
        let charge = json!({"description": "Tow", "amount": 5, "currency": "TWD"});
        let charged = desk.post(&format!("{path}/charges"), charge).ok(200);
        let charge = charged["charges"][0]["id"].as_str().unwrap().to_owned();
        for (list, fact) in [("parts", part.to_string()), ("charges", charge)] {
            let to =
                |way: &str, body: Value| desk.post(&format!("{path}/facts/{fact}/{way}"), body);
            to("restore", json!({"reason": "mistake"})).problem(409, "wrong_state");
            to("take-back", json!({})).problem(400, "bad_json");
            let why = json!({"reason": "wrong_job", "note": "The next car's."});
            let taken = to("take-back", why.clone()).ok(200);
            assert_eq!(taken[list][0]["voided"], true);
            let line = |view: &Value| {
                let all = view["timeline"].as_array().unwrap().clone();
                all.into_iter().find(|it| it["takes_back"] == fact.as_str()).unwrap()
            };
            assert_eq!(line(&taken)["detail"], "wrong_job");
            assert_eq!(line(&taken)["note"], "The next car's.");
            to("take-back", why).problem(409, "wrong_state");
            let back = to("restore", json!({"reason": "mistake"})).ok(200);
            assert_eq!(back[list][0]["voided"], false);
        }
        assert_eq!(desk.get(&path).ok(200)["totals"][0]["total"], 905);
        let unknown = FactId::new(1, [9; 10]);
        let other = format!("{path}/facts/{unknown}/take-back");
        desk.post(&other, json!({"reason": "mistake"})).problem(404, "not_found");
    }
}

#[test]
fn a_mistaken_completion_is_taken_back_and_so_is_a_mistaken_taking_back() {
    let world = World::new();
    let desk = world.admin();
    let path = take(&desk);
    desk.post(&format!("{path}/assign"), json!({"provider": "Rescue Co"})).ok(200);
    let step = |step: &str| {
        let told =
            json!({"step": step, "at": now(&world), "told_by": "Hsu", "reason": "no_device"});
        desk.post(&format!("{path}/steps"), told).ok(200)
    };
    step("working");
    let fact = step("completed")["times"]["completed"]["fact"].as_str().unwrap().to_owned();
    let to = |way: &str| {
        let way = format!("{path}/facts/{fact}/{way}");
        desk.post(&way, json!({"reason": "mistake", "note": "Wrong job clicked."})).ok(200)
    };
    assert_eq!(to("take-back")["state"], "working");
    assert_eq!(to("restore")["state"], "completed");
    assert_eq!(to("take-back")["state"], "working");
    assert_eq!(step("completed")["state"], "completed", "and it is told once more");
}

#[test]
fn a_cancellation_shows_its_note_and_is_taken_back_in_both_directions() {
    let world = World::new();
    let desk = world.admin();
    let path = take(&desk);
    let why = json!({"reason": "customer_cancelled", "note": "The car starts again."});
    let cancelled = desk.post(&format!("{path}/cancel"), why).ok(200);
    let shown = &cancelled["cancelled"];
    assert_eq!(
        (&shown["reason"], &shown["note"], &shown["stage"]),
        (&json!("customer_cancelled"), &json!("The car starts again."), &json!("received"))
    );
    let reopened = desk.post(&format!("{path}/reopen"), json!({})).ok(200);
    assert_eq!((&reopened["state"], &reopened["cancelled"]), (&json!("received"), &Value::Null));
    let fact = shown["id"].as_str().unwrap();
    let restore = format!("{path}/facts/{fact}/restore");
    let again = desk.post(&restore, json!({"reason": "mistake"})).ok(200);
    assert_eq!(again["state"], "cancelled");
}

#[test]
fn a_shift_an_absence_and_a_certificate_are_withdrawn_and_remarks_are_made() {
    for world in World::on_each_database() {
        let desk = world.admin();
        let bo = world.add_user(world.tenant, "bo", Role::Technician);
        let path = format!("/v1/technicians/{bo}");
        let now = now(&world);
        let times = json!({"starts_at": now - 1000, "ends_at": now + 3_600_000});
        desk.post(&format!("{path}/shifts"), times.clone()).ok(200);
        let mut away = times;
        away["absence"] = json!(true);
        let absent = desk.post(&format!("{path}/shifts"), away).ok(200);
        assert_eq!(absent["on_shift"], false);
        let fact = absent["shifts"][1]["id"].as_str().unwrap().to_owned();
        let to = |fact: &str, way: &str| {
            desk.post(&format!("{path}/facts/{fact}/{way}"), json!({"reason": "plan_changed"}))
        };
        assert_eq!(to(&fact, "take-back").ok(200)["on_shift"], true);
        assert_eq!(to(&fact, "restore").ok(200)["on_shift"], false);
        let paper = json!({"skill": "high_voltage"});
        let skilled = desk.post(&format!("{path}/certificates"), paper).ok(200);
        let fact = skilled["certificates"][0]["id"].as_str().unwrap().to_owned();
        assert_eq!(to(&fact, "take-back").ok(200)["skills"], json!([]));
        let noted = desk.post(&format!("{path}/notes"), json!({"text": "Prefers nights."}));
        assert_eq!(noted.ok(200)["notes"][0]["text"], "Prefers nights.");
        world.add_user(world.tenant, "dee", Role::Dispatcher);
        let dispatcher = world.desk("acme", "dee");
        let back = format!("{path}/facts/{fact}/restore");
        dispatcher.post(&back, json!({"reason": "mistake"})).problem(403, "denied");
        let van = desk.post("/v1/vans", json!({"name": "Van 7"})).ok(201);
        let van = format!("/v1/vans/{}", van["id"].as_str().unwrap());
        let noted = dispatcher.post(&format!("{van}/notes"), json!({"text": "Winch pulls left."}));
        let noted = noted.ok(200);
        let fact = noted["notes"][0]["id"].as_str().unwrap();
        let back = format!("{van}/facts/{fact}/take-back");
        assert_eq!(dispatcher.post(&back, json!({"reason": "other"})).ok(200)["notes"], json!([]));
        let stale = dispatcher.header("if-match", "\"v1\"");
        let again = format!("{van}/facts/{fact}/restore");
        stale.post(&again, json!({"reason": "other"})).problem(412, "changed_meanwhile");
    }
}

#[test]
fn a_fee_has_an_amount_and_a_currency_and_no_other_choice_has() {
    let world = World::new();
    let desk = world.admin();
    let bo = world.add_user(world.tenant, "bo", Role::Technician);
    let path = take(&desk);
    desk.post(&format!("{path}/assign"), json!({"technician": bo})).ok(200);
    desk.post(&format!("{path}/cancel"), json!({"reason": "duplicate"})).ok(200);
    let decide = |body: Value| desk.post(&format!("{path}/decisions"), body);
    let fee = |amount: Value, currency: Value| json!({"about": "cancelled_with_field_work", "choice": "pay_fee", "amount": amount, "currency": currency});
    let field = |body: Value| decide(body).problem(422, "invalid")["field"].clone();
    assert_eq!(field(fee(Value::Null, json!("TWD"))), "amount");
    assert_eq!(field(fee(json!(-1), json!("TWD"))), "amount");
    assert_eq!(field(fee(json!(5), Value::Null)), "currency");
    assert_eq!(field(fee(json!(5), json!("QQQ"))), "currency");
    let mut void = fee(json!(5), json!("TWD"));
    void["choice"] = json!("void");
    assert_eq!(field(void), "amount");
    decide(fee(json!(80_000), json!("TWD"))).problem(409, "wrong_state");
    // Bo set off without having heard of the cancellation.
    let other = take(&desk);
    let step = Record::from([(key::KIND, "en_route".into()), (key::EPOCH, 1.into())]);
    desk.post(&format!("{other}/assign"), json!({"technician": bo})).ok(200);
    let before = document(&world, &other);
    desk.post(&format!("{other}/cancel"), json!({"reason": "duplicate"})).ok(200);
    bring_from(&world, bo, before, section::STATUS, step);
    let body = fee(json!(80_000), json!("TWD"));
    let decided = desk.post(&format!("{other}/decisions"), body).ok(200);
    let decision = &decided["decided"][0]["decision"];
    assert_eq!((&decision["amount"], &decision["currency"]), (&json!(80_000), &json!("TWD")));
    assert_eq!(decided["state"], "cancelled");
}

#[test]
fn a_former_drivers_late_count_is_shown_to_the_desk_and_sets_nothing() {
    let world = World::new();
    let desk = world.admin();
    let bo = world.add_user(world.tenant, "bo", Role::Technician);
    let cy = world.add_user(world.tenant, "cy", Role::Technician);
    let van = desk.post("/v1/vans", json!({"name": "Van 7", "technician": bo})).ok(201);
    let path = format!("/v1/vans/{}", van["id"].as_str().unwrap());
    let id: VanId = van["id"].as_str().unwrap().parse().unwrap();
    let before = world.block_on(world.running().app().store.document(world.tenant, id.into()));
    let before = before.unwrap().unwrap().document;
    let tag = desk.get(&path).header("etag").to_owned();
    desk.header("if-match", &tag).patch(&path, json!({"technician": cy})).ok(200);
    let counted = |quantity: i64| {
        Record::from([(key::PART_NO, "H7".into()), (key::QUANTITY, quantity.into())])
    };
    bring(&world, cy, id.into(), section::COUNTS, counted(4_000));
    bring_from(&world, bo, before, section::COUNTS, counted(9_000));
    let shown = desk.get(&path).ok(200);
    assert_eq!(shown["stock"]["lines"][0]["quantity"], 4_000);
    assert_eq!(shown["stock"]["late_counts"][0]["quantity"], 9_000);
    assert_eq!(kinds(&shown), ["late_count"]);
}

#[test]
fn a_late_count_in_a_closed_record_of_a_van_is_shown_to_the_desk_and_sets_nothing() {
    let world = World::new();
    let desk = world.admin();
    let bo = world.add_user(world.tenant, "bo", Role::Technician);
    let cy = world.add_user(world.tenant, "cy", Role::Technician);
    let van = desk.post("/v1/vans", json!({"name": "Van 7", "technician": bo})).ok(201);
    let path = format!("/v1/vans/{}", van["id"].as_str().unwrap());
    let id: VanId = van["id"].as_str().unwrap().parse().unwrap();
    let part = json!({"description": "Bulb", "unit_price": 9_000, "currency": "TWD"});
    desk.put("/v1/parts/H7", part).ok(200);
    let line = json!({"kind": "load", "part_no": "H7", "quantity": 5000});
    desk.post(&format!("{path}/movements"), json!({"movements": [line]})).ok(200);
    let app = world.running().app();
    let before = world.block_on(app.store.document(world.tenant, id.into()));
    let before = before.unwrap().unwrap().document;
    let (caller, now, tenant) = (Principal::system(), app.now(), world.tenant);
    let expect = Expect::Existing;
    let request = EditRequest { tenant, caller, doc: id.into(), expect, now, note: None };
    let edited = world.block_on(app.store.writer().edit(request, move |first| {
        let mut entries = period::close(first, period::record_id(id, 1));
        entries.push(first.set(section::DETAILS, key::VERSION, 1.into()));
        Ok::<_, Infallible>(entries)
    }));
    edited.unwrap().unwrap();
    world.block_on(upkeep::vans(app.shared())).unwrap();
    let tag = desk.get(&path).header("etag").to_owned();
    desk.header("if-match", &tag).patch(&path, json!({"technician": cy})).ok(200);
    let counted = |quantity: i64| {
        Record::from([(key::PART_NO, "H7".into()), (key::QUANTITY, quantity.into())])
    };
    bring(&world, cy, period::record_id(id, 1).into(), section::COUNTS, counted(4_000));
    bring_from(&world, bo, before, section::COUNTS, counted(1_000));
    world.block_on(upkeep::vans(app.shared())).unwrap();
    let shown = desk.get(&path).ok(200);
    assert_eq!(shown["stock"]["lines"][0]["quantity"], 4_000);
    assert_eq!(shown["stock"]["late_counts"][0]["quantity"], 1_000);
    assert_eq!(kinds(&shown), ["late_count"]);
    let counts = json!({"counts": [{"part_no": "H7", "quantity": 3000}]});
    let shown = desk.post(&format!("{path}/counts"), counts).ok(200);
    assert_eq!(shown["stock"]["lines"][0]["quantity"], 3_000);
    let counts = shown["stock"]["late_counts"].as_array().map_or(0, Vec::len);
    assert_eq!(counts, 0, "someone has counted since");
}

fn document(world: &World, path: &str) -> Document {
    let store = &world.running().app().store;
    let found = world.block_on(store.document(world.tenant, job_of(path).into()));
    found.unwrap().unwrap().document
}

#[test]
fn an_offer_that_lapsed_changes_no_version_and_is_not_reported_as_a_change() {
    let world = World::new();
    let desk = world.admin();
    let path = take(&desk);
    let ends = now(&world) + 300;
    let offer = json!({"kind": "offer", "provider": "Rescue Co", "expires_at": ends});
    let past = json!({"kind": "offer", "provider": "Rescue Co", "expires_at": ends - 3_600_000});
    let refused = desk.post(&format!("{path}/assign"), past).problem(422, "invalid");
    assert!(refused["detail"].as_str().unwrap().contains("ended before it was made"));
    let offered = desk.post(&format!("{path}/assign"), offer);
    let tag = offered.header("etag").to_owned();
    offered.ok(200);
    let since = now(&world) + 1;
    while now(&world) <= since.max(ends) {
        std::thread::yield_now();
    }
    let lapsed = desk.get(&path);
    assert_eq!(lapsed.header("etag"), tag);
    assert_eq!(lapsed.ok(200)["state"], "received");
    let changed = desk.get(&format!("/v1/jobs?updated_since={since}")).ok(200);
    assert_eq!(changed["items"], json!([]), "until something is written about it");
    let step = json!({"step": "accepted", "at": now(&world), "told_by": "Hsu"});
    let late = desk.post(&format!("{path}/steps"), step).problem(409, "wrong_state");
    assert!(late["detail"].as_str().unwrap().contains("Assign it"));
}

#[test]
fn a_walk_up_in_a_branch_that_takes_no_jobs_is_a_finding_and_no_refusal() {
    for world in World::on_each_database() {
        let desk = world.admin();
        let branch = json!({"name": "North", "kind": "owned", "currency": "TWD", "time_zone": "Asia/Taipei"});
        let branch = desk.post("/v1/branches", branch).ok(201);
        let id = branch["id"].as_str().unwrap();
        let bo = json!({"login": "bo", "name": "Bo", "role": "technician", "branch": id});
        let bo: UserId =
            desk.post("/v1/users", bo).ok(201)["id"].as_str().unwrap().parse().unwrap();
        let job = JobId::new(now(&world), [7; 10]);
        let opened = Record::from([(key::KIND, "walk_up".into()), (key::PLATE, "ABC-1".into())]);
        bring(&world, bo, job.into(), section::STATUS, opened);
        let path = format!("/v1/jobs/{job}");
        assert_eq!(kinds(&desk.get(&path).ok(200)), Vec::<&str>::new());
        let closed = desk.header("if-match", "*");
        closed.patch(&format!("/v1/branches/{id}"), json!({"active": false})).ok(200);
        assert_eq!(kinds(&desk.get(&path).ok(200)), ["branch_inactive"]);
        let said = desk.header("if-match", "*").patch(&path, json!({"phone": "desk 12"}));
        assert_eq!(said.text.matches("\"findings\":").count(), 1, "one list: {}", said.text);
        assert_eq!(kinds(&said.ok(200)), ["unverified", "branch_inactive"]);
        let mut new = call();
        new["branch"] = json!(id);
        let refused = desk.post("/v1/jobs", new).problem(422, "invalid");
        assert_eq!(refused["reason"], "branch_inactive");
    }
}

#[test]
fn a_part_from_a_van_its_technician_never_drove_is_shown_as_unassigned() {
    for world in World::on_each_database() {
        let desk = world.admin();
        let bo = world.add_user(world.tenant, "bo", Role::Technician);
        let van = desk.post("/v1/vans", json!({"name": "Van 7", "plate": "?"})).ok(201);
        let van: VanId = van["id"].as_str().unwrap().parse().unwrap();
        let path = take(&desk);
        desk.post(&format!("{path}/assign"), json!({"technician": bo})).ok(200);
        let phone = bo_uses(&world, bo, &path, van);
        let seen = desk.get(&path).ok(200);
        assert_eq!(kinds(&seen), ["part_unassigned"]);
        assert_eq!(seen["findings"][0]["fact"], phone.to_string());
        let shown = desk.get(&format!("/v1/vans/{van}")).ok(200);
        assert_eq!(shown["stock"]["unassigned"][0]["part_no"], "12V60");
        assert_eq!(
            (kinds(&shown), &shown["stock"]["lines"]),
            (vec!["unverified", "part_unassigned"], &json!([]))
        );
        let back = format!("{path}/facts/{phone}/take-back");
        let taken = desk.post(&back, json!({"reason": "wrong_part"})).ok(200);
        assert_eq!(kinds(&taken), Vec::<&str>::new());
    }
}

fn bo_uses(world: &World, bo: UserId, path: &str, van: VanId) -> FactId {
    let record = Record::from([
        (key::PART_NO, "12V60".into()),
        (key::QUANTITY, 1000.into()),
        (key::VAN, raw(van.as_bytes())),
    ]);
    bring(world, bo, job_of(path).into(), section::PARTS, record)
}

#[test]
fn a_technician_is_one_thing_with_one_version_whichever_route_shows_it() {
    for world in World::on_each_database() {
        let desk = world.admin();
        let bo = world.add_user(world.tenant, "bo", Role::Technician);
        let (user, technician) = (format!("/v1/users/{bo}"), format!("/v1/technicians/{bo}"));
        let tag = desk.get(&user).header("etag").to_owned();
        assert_eq!(desk.get(&technician).header("etag"), tag);
        let renamed = desk.header("if-match", &tag).patch(&user, json!({"name": "Bo C"}));
        let newer = renamed.header("etag").to_owned();
        renamed.ok(200);
        assert_eq!(desk.get(&technician).header("etag"), newer);
        assert_eq!(world.technician(bo).name.as_deref(), Some("Bo C"));
        let stale = desk.header("if-match", &tag);
        stale.patch(&technician, json!({"provider": "X"})).problem(412, "changed_meanwhile");
        let both = json!({"name": "Bo D", "phone": "0912 345 678"});
        desk.header("if-match", &newer).patch(&technician, both).ok(200);
        assert_eq!(world.technician(bo).name.as_deref(), Some("Bo D"));
        assert_eq!(desk.get(&user).ok(200)["name"], "Bo D");
    }
}

#[test]
fn nothing_of_a_technician_changes_where_a_part_of_it_cannot() {
    for world in World::on_each_database() {
        let desk = world.admin();
        let bo = world.add_user(world.tenant, "bo", Role::Technician);
        let technician = format!("/v1/technicians/{bo}");
        let tag = desk.get(&technician).header("etag").to_owned();
        let nowhere = "0190b1c0-0000-7000-8000-000000000001";
        let change = json!({"name": "Bo X", "phone": "0912 345 678", "branch": nowhere});
        let refused = desk.header("if-match", &tag).patch(&technician, change);
        refused.problem(422, "unknown_reference");
        assert_eq!(desk.get(&technician).header("etag"), tag);
        let record = world.technician(bo);
        assert_eq!((record.name.as_deref(), record.phone), (Some("Name of bo"), None));
        desk.post("/v1/users", json!({"login": "cy", "name": "N", "role": "technician"})).ok(201);
        let taken = json!({"login": "CY", "name": "N", "role": "technician"});
        let taken = desk.post("/v1/users", taken).problem(409, "conflict");
        assert_eq!(taken["field"], "login");
        let spaced = json!({"login": "c y", "name": "N", "role": "technician"});
        assert_eq!(desk.post("/v1/users", spaced).problem(422, "invalid")["field"], "login");
    }
}

#[test]
fn rows_and_a_document_that_belong_together_are_written_both_or_neither() {
    for world in World::on_each_database() {
        let bo = world.add_user(world.tenant, "bo", Role::Technician);
        let (app, tenant) = (world.running().app().clone(), world.tenant);
        let attempt = |name: &'static str, is_row_bad: bool, is_document_bad: bool| {
            let (now, caller) = (app.now(), Principal::system());
            let (doc, expect) = (bo.into(), Expect::Existing);
            let request = EditRequest { tenant, caller, doc, expect, now, note: None };
            let rows = of_rows(move |tx| {
                Box::pin(async move {
                    let mut user = users::get(tx, tenant, bo).await?.unwrap();
                    user.name = name.to_owned();
                    users::update(tx, tenant, &user).await?;
                    if is_row_bad { Err(Problem::new(Code::Conflict)) } else { Ok(()) }
                })
            });
            let work = move |document: &Document| match is_document_bad {
                true => Err(Problem::new(Code::Denied)),
                false => Ok(vec![document.set(section::DETAILS, key::NAME, name.into())]),
            };
            let done = world.block_on(app.writer().write_and_edit(rows, request, work));
            done.map(drop).map_err(|problem| problem.code())
        };
        let stands = || {
            let row = world.admin().get(&format!("/v1/users/{bo}")).ok(200)["name"].clone();
            (row, world.technician(bo).name.unwrap())
        };
        let before = stands();
        assert_eq!(attempt("row", true, false), Err(Code::Conflict));
        assert_eq!(attempt("document", false, true), Err(Code::Denied));
        assert_eq!(stands(), before, "neither is written");
        assert_eq!(attempt("both", false, false), Ok(()));
        assert_eq!(stands(), (json!("both"), "both".to_owned()));
    }
}

/// An answer into which an error of the store can be made, which is noted.
#[derive(Debug)]
struct Answered;

static OF_THE_STORE: AtomicUsize = AtomicUsize::new(0);

impl From<store::StoreError> for Answered {
    fn from(_: store::StoreError) -> Self {
        OF_THE_STORE.fetch_add(1, Ordering::Relaxed);
        Self
    }
}

impl From<EditError<Self>> for Answered {
    fn from(_: EditError<Self>) -> Self {
        Self
    }
}

#[test]
fn a_refusal_within_a_write_is_no_error_of_the_store() {
    fn rows<F>(work: F) -> F
    where
        F: for<'t> FnOnce(&'t mut sqlx::AnyConnection) -> WriteFuture<'t, (), Answered> + Clone,
    {
        work
    }
    let world = World::new();
    let bo = world.add_user(world.tenant, "bo", Role::Technician);
    let app = world.running().app();
    for (is_row_bad, expect) in [(true, Expect::Existing), (false, Expect::At(1_000_000))] {
        let request = EditRequest {
            tenant: world.tenant,
            caller: Principal::system(),
            doc: bo.into(),
            expect,
            now: 1,
            note: None,
        };
        let rows =
            rows(move |_| Box::pin(async move { if is_row_bad { Err(Answered) } else { Ok(()) } }));
        let work =
            |document: &Document| Ok(vec![document.set(section::DETAILS, key::NAME, "Bo".into())]);
        let done = world.block_on(app.writer().write_and_edit(rows, request, work));
        assert!(done.is_err());
    }
    assert_eq!(OF_THE_STORE.load(Ordering::Relaxed), 0);
}

/// Work on rows, of whatever lifetime the transaction is.
fn of_rows<F>(work: F) -> F
where
    F: for<'t> FnOnce(&'t mut sqlx::AnyConnection) -> WriteFuture<'t, (), Problem> + Clone,
{
    work
}
