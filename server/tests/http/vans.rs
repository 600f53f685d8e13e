//! A van's record rolls over behind its id, and jobs that are over leave the phones.

use std::convert::Infallible;

use serde_json::{Value, json};
use server::auth::Role;
use server::upkeep;
use store::writer::{EditRequest, Expect};
use sync_core::id::{JobId, UserId, VanId};
use sync_core::policy::Principal;
use sync_core::schema::{key, section};
use sync_core::scope;
use sync_core::van::period;

use crate::world::{Client, Told, World};

const DAY: i64 = 24 * 3600 * 1000;

#[test]
fn a_van_can_be_loaded_for_ever_and_keeps_its_id_and_its_stock() {
    let world = World::new();
    let desk = world.admin();
    let van = desk.post("/v1/vans", json!({"name": "Van 7"})).ok(201);
    let id = van["id"].text().to_owned();
    let part = json!({"description": "Battery", "unit_price": 300_000, "currency": "TWD"});
    desk.put("/v1/parts/BATT", part).ok(200);
    let path = format!("/v1/vans/{id}");
    let line = json!({"kind": "load", "part_no": "BATT", "quantity": 1000, "bin": "A1"});
    let mut loaded = 0;
    for _ in 0..70 {
        let lines = json!({"movements": vec![line.clone(); 100]});
        let van = desk.post(&format!("{path}/movements"), lines).ok(200);
        loaded += 100_000;
        assert_eq!(van["stock"]["lines"][0]["quantity"], loaded);
        assert_eq!(van["id"], id);
    }
    let all = desk.get("/v1/vans").ok(200);
    assert_eq!(all["items"].as_array().map(Vec::len), Some(1), "one van, however many records");
    let number = world.block_on(async {
        let store = &world.running().app().store;
        let root: VanId = id.parse().expect("an id");
        let record = store.van_record(world.tenant, root).await.expect("it reads");
        period::number(&record.expect("it is there").document)
    });
    assert!(number >= 1, "no record was closed");
    let counts = json!({"counts": [{"part_no": "BATT", "quantity": 5000, "bin": "A1"}]});
    let van = desk.post(&format!("{path}/counts"), counts).ok(200);
    assert_eq!(van["stock"]["lines"][0]["quantity"], 5000);
    let tag = desk.get(&path).header("etag").to_owned();
    let retired = desk.header("if-match", &tag).patch(&path, json!({"active": false})).ok(200);
    assert_eq!((&retired["active"], &retired["name"]), (&json!(false), &json!("Van 7")));
    // The record in between answers for the van too.
    let between = period::record_id(id.parse().expect("an id"), 1);
    assert_eq!(desk.get(&format!("/v1/vans/{between}")).ok(200)["id"], id);
}

#[test]
fn a_van_takes_a_seventh_driver_and_what_the_first_brings_late_is_counted() {
    let world = World::new();
    let desk = world.admin();
    let drivers: Vec<UserId> = (0..8)
        .map(|n| world.add_user(world.tenant, &format!("driver{n}"), Role::Technician))
        .collect();
    let van = desk.post("/v1/vans", json!({"name": "Pool", "technician": drivers[0]})).ok(201);
    let path = format!("/v1/vans/{}", van["id"].text());
    for driver in &drivers[1..] {
        let tag = desk.get(&path).header("etag").to_owned();
        let given = json!({"technician": driver});
        let van = desk.header("if-match", &tag).patch(&path, given).ok(200);
        assert_eq!(van["technician"], driver.to_string());
    }
    let current = |user: &UserId| -> usize {
        world.block_on(async {
            let store = &world.running().app().store;
            let kind = sync_core::schema::DocKind::Van;
            let records = store.documents(world.tenant, kind, None, 100).await.expect("it reads");
            let members = records.iter().flat_map(|it| scope::members(&it.document));
            members.filter(|it| it.current && it.user == *user).count()
        })
    };
    assert_eq!(drivers.iter().map(current).collect::<Vec<_>>(), [0, 0, 0, 0, 0, 0, 0, 1]);
    world.block_on(upkeep::vans(world.running().app().shared())).expect("it looks after them");
    assert_eq!(desk.get(&path).ok(200)["technician"], drivers[7].to_string());
}

/// Sends changes of one van at the same time, each with the tag that was seen before, and gives the statuses.
fn at_once(desk: &Client, path: &str, changes: [Value; 2]) -> [u16; 2] {
    let tag = desk.get(path).header("etag").to_owned();
    std::thread::scope(|scope| {
        let send = |change: Value| {
            let desk = desk.header("if-match", &tag);
            scope.spawn(move || desk.patch(path, change).status)
        };
        let sent = changes.map(send);
        let mut answered = sent.map(|one| one.join().expect("it was answered"));
        answered.sort_unstable();
        answered
    })
}

#[test]
fn of_two_changes_of_a_van_with_one_tag_one_is_made() {
    for world in World::on_each_database() {
        let desk = world.admin();
        for n in 0..8 {
            let van = desk.post("/v1/vans", json!({"name": format!("Van {n}")})).ok(201);
            let path = format!("/v1/vans/{}", van["id"].as_str().unwrap_or_default());
            let changes = ["One", "Two"].map(|name| json!({"name": name}));
            assert_eq!(at_once(&desk, &path, changes), [200, 412]);
        }
    }
}

#[test]
fn of_two_first_changes_of_a_van_whose_record_moves_one_is_made() {
    for world in World::on_each_database() {
        let desk = world.admin();
        let drivers: Vec<UserId> = (0..8)
            .map(|n| world.add_user(world.tenant, &format!("driver{n}"), Role::Technician))
            .collect();
        for n in 0..4 {
            let van = json!({"name": format!("Pool {n}"), "technician": drivers[0]});
            let van = desk.post("/v1/vans", van).ok(201);
            let path = format!("/v1/vans/{}", van["id"].as_str().unwrap_or_default());
            for driver in &drivers[1..6] {
                desk.header("if-match", "*").patch(&path, json!({"technician": driver})).ok(200);
            }
            // The record has no room for a seventh driver, so each of the two begins the next one.
            let changes = [6, 7].map(|driver| json!({"technician": drivers[driver]}));
            assert_eq!(at_once(&desk, &path, changes), [200, 412]);
        }
    }
}

#[test]
fn a_van_closed_in_favour_of_a_record_that_is_not_there_repairs_itself() {
    let world = World::new();
    let desk = world.admin();
    let part = json!({"description": "Battery", "unit_price": 300_000, "currency": "TWD"});
    desk.put("/v1/parts/BATT", part).ok(200);
    for by_desk in [true, false] {
        let van = desk.post("/v1/vans", json!({"name": "Van 7"})).ok(201);
        let id: VanId = van["id"].text().parse().expect("an id");
        let path = format!("/v1/vans/{id}");
        let line = json!({"kind": "load", "part_no": "BATT", "quantity": 1000, "bin": "A1"});
        desk.post(&format!("{path}/movements"), json!({"movements": [line]})).ok(200);
        let app = world.running().app();
        let (caller, now) = (Principal::system(), app.now());
        let (tenant, expect) = (world.tenant, Expect::Existing);
        let request = EditRequest { tenant, caller, doc: id.into(), expect, now, note: None };
        let edited = world.block_on(app.store.writer().edit(request, move |first| {
            let mut entries = period::close(first, period::record_id(id, 1));
            entries.push(first.set(section::DETAILS, key::VERSION, 1.into()));
            Ok::<_, Infallible>(entries)
        }));
        edited.expect("it is written").expect("it is admitted");
        assert_eq!(desk.get(&path).ok(200)["stock"]["lines"][0]["quantity"], 1000);
        if !by_desk {
            world.block_on(upkeep::vans(app.shared())).expect("it looks after them");
        }
        let tag = desk.get(&path).header("etag").to_owned();
        desk.header("if-match", &tag).patch(&path, json!({"name": "Van 8"})).ok(200);
        let counts = json!({"counts": [{"part_no": "BATT", "quantity": 5000, "bin": "A1"}]});
        let van = desk.post(&format!("{path}/counts"), counts).ok(200);
        assert_eq!(van["stock"]["lines"][0]["quantity"], 5000);
        let record = world.block_on(app.store.van_record(world.tenant, id)).expect("it reads");
        assert_eq!(period::number(&record.expect("it is there").document), 1);
    }
}

#[test]
fn a_job_that_is_over_and_decided_leaves_the_phone_after_the_set_time() {
    let world = World::new();
    let desk = world.admin();
    let bo = world.add_user(world.tenant, "bo", Role::Technician);
    let job = desk
        .post("/v1/jobs", json!({"caller": "Mei", "problem": "flat_tyre", "address": "Exit 12"}))
        .ok(201);
    let id = job["id"].text().to_owned();
    let path = format!("/v1/jobs/{id}");
    desk.post(&format!("{path}/assign"), json!({"technician": bo, "override": true})).ok(200);
    desk.post(&format!("{path}/cancel"), json!({"reason": "customer_cancelled"})).ok(200);
    let app = world.running().app();
    let held = || -> Value {
        let document = world.block_on(async {
            let id: JobId = id.parse().expect("an id");
            app.store.document(world.tenant, id.into()).await.expect("it reads")
        });
        let members = scope::members(&document.expect("it is there").document);
        json!(members.iter().map(|it| it.current).collect::<Vec<_>>())
    };
    let release = |days: i64| world.block_on(upkeep::release_jobs(app, app.now() + days * DAY));
    assert_eq!((release(6).expect("it looks"), held()), (0, json!([true])));
    assert_eq!((release(8).expect("it looks"), held()), (1, json!([false])));
    assert_eq!(release(9).expect("it looks"), 0);
    assert_eq!(desk.get(&path).ok(200)["state"], "cancelled");
    desk.post(&format!("{path}/reopen"), json!({})).ok(200);
    desk.post(&format!("{path}/assign"), json!({"technician": bo, "override": true})).ok(200);
    assert_eq!(held(), json!([true]));
    assert_eq!(release(30).expect("it looks"), 0, "it goes on");
}
