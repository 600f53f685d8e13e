//! No phone and no stranger costs more than a share: budgets of phones, and who reads the metrics.

use serde_json::json;
use server::config::Secret;
use server::sweep::RuleName;
use sync_core::sync::{Fault, Frame, Request, decode_response, encode_request};

use crate::devices::submit;
use crate::flood;
use crate::world::{Client, World};

const MEDIA: &str = "application/vnd.towline.sync";

/// Sends an empty exchange; the fault, if it is answered by one.
fn exchange(phone: &Client) -> Option<Fault> {
    let url = format!("{}/v1/sync", phone.url);
    let token = phone.token().unwrap();
    let mut response = ureq::post(url)
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", MEDIA)
        .send(&encode_request(&Request::default()))
        .unwrap();
    match decode_response(&response.body_mut().read_to_vec().unwrap()) {
        Ok(Frame::Fault(fault)) => Some(fault),
        Ok(_) => None,
        Err(error) => panic!("no frame: {error}"),
    }
}

#[test]
fn a_phone_that_used_up_its_hour_is_told_when_to_come_back_and_others_go_on() {
    let world = World::with(|config| config.hour.bytes = 10 * 1024);
    let greedy = world.phone(world.tenant, "acme", "admin", "bo").log_in(&world);
    let other = world.phone(world.tenant, "acme", "admin", "ann").log_in(&world);
    let fault = (0..30).find_map(|_| exchange(&greedy)).expect("ten small frames use it up");
    assert_eq!(fault.code, "quota");
    assert!((1_000..3_600_000).contains(&fault.retry_after_ms), "{fault:?}");
    let point =
        json!({"points": [{"at": 1_790_000_000_000_i64, "place": {"lat": 25.03, "lon": 121.56}}]});
    let refused = greedy.post("/v1/positions", point.clone());
    assert!(refused.header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds > 0));
    refused.problem(429, "quota");
    assert_eq!(exchange(&other), None);
    assert_eq!(other.post("/v1/positions", point).status, 200);
    let counters = world.running().app().metrics.text();
    assert!(counters.contains("towline_sync_over_budget_total 1"), "{counters}");
}

#[test]
fn what_a_revoked_phone_hands_in_counts_against_its_tenants_storage() {
    let world = World::with(|config| config.bounds.storage_bytes = 8 * 1024);
    let phone = world.phone(world.tenant, "acme", "admin", "bo");
    world.admin().post(&format!("/v1/devices/{}/revoke", phone.device), json!({})).ok(200);
    let stamp = |at| sync_core::time::Stamp { at, up: None, srv: None, srv_up: None };
    let frame = |at| vec![crate::devices::walk_up(stamp(at)).1];
    submit(&world, &phone, frame(1_790_000_000_000));
    let client = phone.log_in(&world);
    let full = (1..50).map(|n| {
        let again = crate::devices::frame(&phone, frame(1_790_000_000_000 + n));
        client.send("POST", "/v1/sync", Some(again), MEDIA)
    });
    let answer = full.into_iter().find(|answer| answer.status != 401);
    answer.expect("some kilobytes are soon full").problem(429, "quota");
}

#[test]
fn whatever_is_full_things_can_be_ended_and_not_begun_again() {
    for world in World::on_each_database() {
        let (phone, desk) = (world.phone(world.tenant, "acme", "admin", "bo"), world.admin());
        let runs = vec![crate::devices::walk_up(sync_core::time::Stamp::wall(1_790_000_000_000)).1];
        let sent = flood::frame(&world, &phone, runs);
        flood::exchange(&phone.log_in(&world), &sent).expect("it is taken");
        let technicians = desk.get("/v1/technicians").ok(200)["items"].clone();
        let bo = technicians[0]["id"].as_str().unwrap().to_owned();
        let jobs = ["one", "two"].map(|address| {
            let job = desk.post("/v1/jobs", json!({"problem": "tow", "address": address})).ok(201);
            format!("/v1/jobs/{}", job["id"].as_str().unwrap())
        });
        let [job, other] = &jobs;
        for job in &jobs {
            desk.post(&format!("{job}/assign"), json!({"technician": bo, "override": true}))
                .ok(200);
        }
        let noted = desk.post(&format!("{job}/notes"), json!({"text": "A remark."})).ok(200);
        let remark = noted["notes"][0]["id"].as_str().unwrap().to_owned();
        crate::rounds::run_all(
            &world,
            &["UPDATE usage SET bytes = 1000000000000 WHERE kind = 'log'"],
        );
        let call = json!({"problem": "tow", "address": "Exit 3"});
        desk.post("/v1/jobs", call).problem(422, "invalid");
        let why = json!({"reason": "mistake"});
        let remark = format!("{job}/facts/{remark}");
        desk.post(&format!("{remark}/take-back"), why.clone()).ok(200);
        desk.post(&format!("{remark}/restore"), why.clone()).problem(422, "invalid");
        desk.post(&format!("{job}/recall"), json!({})).ok(200);
        desk.post(&format!("{job}/cancel"), json!({"reason": "duplicate"})).ok(200);
        desk.post(&format!("{job}/reopen"), json!({})).problem(422, "invalid");
        let walk_ups = format!("/v1/technicians/{bo}/cancel-walk-ups");
        let cancelled = desk.post(&walk_ups, json!({"reason": "duplicate"})).ok(200);
        assert_eq!(cancelled["cancelled"].as_array().map(Vec::len), Some(1));
        let user = format!("/v1/users/{bo}");
        let tag = desk.get(&user).header("etag").to_owned();
        let dismissed = desk.header("if-match", &tag).patch(&user, json!({"active": false}));
        dismissed.ok(200);
        assert_eq!(desk.get(other).ok(200)["state"], "received");
        let back = desk.get(&user).header("etag").to_owned();
        desk.header("if-match", &back)
            .patch(&user, json!({"active": true}))
            .problem(422, "invalid");
        desk.post(&format!("/v1/devices/{}/revoke", phone.device), json!({})).ok(200);
    }
}

#[test]
fn a_year_of_shifts_does_not_hide_the_one_of_today() {
    let world = World::new();
    let desk = world.admin();
    let days: Vec<String> = ["ann", "bo"]
        .map(|login| {
            let user = world.add_user(world.tenant, login, server::auth::Role::Technician);
            format!("/v1/technicians/{user}")
        })
        .to_vec();
    let (day, now) = (24 * 3_600_000, world.running().app().now());
    for n in (0..300).rev() {
        let starts = now - n * day - 3_600_000;
        let shift = json!({"starts_at": starts, "ends_at": starts + day / 3});
        desk.post(&format!("{}/shifts", days[1]), shift).ok(200);
    }
    for n in 0..3 {
        desk.post(&format!("{}/notes", days[1]), json!({"text": format!("remark {n}")})).ok(200);
    }
    let list = desk.get("/v1/technicians?limit=200").ok(200);
    let listed = list["items"].as_array().unwrap().iter().find(|one| one["login"] == "bo").unwrap();
    for view in [listed, &desk.get(&days[1]).ok(200)] {
        let starts = |n: usize| view["shifts"][n]["starts_at"].as_i64().unwrap();
        let ago = |days: i64| now - days * day - 3_600_000;
        // That of yesterday ended within a day; then those before it, the latest first.
        assert_eq!([starts(0), starts(1), starts(2), starts(3)], [ago(1), ago(0), ago(2), ago(3)]);
        assert_eq!(view["more"]["shifts"]["count"], 300);
        assert_eq!(view["notes"][2]["text"], "remark 2");
    }
    let next = listed["more"]["shifts"]["next"].as_str().unwrap();
    let rest = desk.get(&format!("{}/list?of=shifts&cursor={next}", days[1])).ok(200);
    let rows = |of: &serde_json::Value| of.as_array().map_or(0, Vec::len);
    assert_eq!(rows(&listed["shifts"]) + rows(&rest["items"]), 300);
}

#[test]
fn a_catalogue_that_is_full_takes_no_further_part_and_keeps_those_it_has() {
    for world in World::on_each_database() {
        let desk = world.admin();
        let part = |words: &str| json!({"description": words, "unit_price": 1, "currency": "TWD"});
        desk.put("/v1/parts/A1", part("Battery")).ok(200);
        crate::rounds::run_all(&world, &["UPDATE usage SET items = 200000 WHERE kind = 'parts'"]);
        let refused = desk.put("/v1/parts/A2", part("Fuse")).problem(429, "quota");
        assert!(refused["detail"].as_str().unwrap().contains("200000 parts"), "{refused}");
        let import = "part_no,description,price,currency\nA3,Bulb,1,TWD\n";
        let import = desk.send("POST", "/v1/import/parts", Some(import.into()), "text/csv");
        assert!(import.text.contains("200000 parts"), "{}", import.text);
        desk.get("/v1/parts/A3").problem(404, "not_found");
        desk.header("if-match", "*").put("/v1/parts/A1", part("Battery 60 Ah")).ok(200);
        desk.put("/v1/parts/A1", part("Battery 60 Ah")).ok(200);
    }
}

#[test]
fn what_callers_add_counts_as_what_their_tenant_stores() {
    for world in World::on_each_database() {
        let desk = world.admin();
        let branch = json!({"name": "N", "kind": "owned", "currency": "TWD", "time_zone": "UTC"});
        desk.post("/v1/branches", branch).ok(201);
        let part = json!({"description": "Battery", "unit_price": 1, "currency": "TWD"});
        desk.put("/v1/parts/A1", part).ok(200);
        let taken_up = world.block_on(world.running().app().store.taken_up()).unwrap();
        for (kind, least) in [("branches", 1), ("parts", 1), ("users", 1), ("audit", 3)] {
            let found = taken_up.iter().find(|it| it.kind == kind);
            let found = found.unwrap_or_else(|| panic!("{kind} is not counted"));
            assert!(found.items >= least && found.bytes >= least * 400, "{kind}: {found:?}");
        }
    }
}

#[test]
fn a_desk_that_used_up_its_hour_of_writes_is_told_when_to_come_back_and_reads_on() {
    let world = World::with(|config| config.hour_writes = 5);
    let desk = world.admin();
    let call = || json!({"address": "Highway 3", "problem": "tow"});
    let refused = (0..6).map(|_| desk.post("/v1/jobs", call())).find(|answer| answer.status != 201);
    let refused = refused.expect("five are soon used up");
    assert!(refused.header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds > 0));
    refused.problem(429, "quota");
    desk.get("/v1/jobs").ok(200);
    world.add_user(world.tenant, "dan", server::auth::Role::Dispatcher);
    world.desk("acme", "dan").post("/v1/jobs", call()).ok(201);
}

#[test]
fn metrics_are_closed_to_strangers_unless_a_token_or_an_address_opens_them() {
    let closed = World::new();
    closed.anybody().get("/metrics").problem(404, "not_found");
    let with_token = World::with(|config| config.metrics_token = Some(Secret::new("hush")));
    with_token.anybody().get("/metrics").problem(401, "not_logged_in");
    with_token.anybody().bearer("hus").get("/metrics").problem(401, "not_logged_in");
    let counters = with_token.anybody().bearer("hush").get("/metrics");
    assert!(counters.text.contains("towline_decisions_waiting 0"), "{}", counters.text);
}

#[test]
fn metrics_at_their_own_address_read_no_row_and_nothing_else_is_there() {
    let world = World::with(|config| {
        config.metrics_listen = Some("127.0.0.1:0".parse().unwrap());
    });
    let address = world.running().metrics_addr().unwrap();
    let mut scraper = world.anybody();
    scraper.url = format!("http://{address}");
    assert_eq!(scraper.get("/v1/openapi.json").status, 404);
    world.anybody().get("/metrics").problem(404, "not_found");
    // With the database gone the counters are still told.
    world.block_on(world.running().app().store.close());
    let counters = scraper.get("/metrics");
    assert_eq!(counters.status, 200);
    assert!(counters.text.contains("towline_stored_bytes"), "{}", counters.text);
}

#[test]
fn metrics_are_shed_like_anything_else() {
    let world = World::with(|config| {
        config.metrics_token = Some(Secret::new("hush"));
        config.net.max_requests = 0;
    });
    world.anybody().bearer("hush").get("/metrics").problem(503, "overloaded");
}

#[test]
fn five_thousand_keys_of_one_person_are_enough_and_others_have_their_own() {
    for world in World::on_each_database() {
        let app = world.running().app().clone();
        let desk = world.admin();
        let me = desk.get("/v1/me").ok(200)["id"].as_str().unwrap().parse().unwrap();
        let me: sync_core::id::UserId = me;
        let (tenant, now) = (world.tenant, app.now());
        let keep = {
            app.store.write::<_, store::StoreError, _>(move |tx| {
                Box::pin(async move {
                    for n in 0..4999 {
                        sqlx::query(
                            "INSERT INTO idempotency (tenant, user_id, key, request, operation, \
                             created_at, leased_to) VALUES ($1, $2, $3, $1, $1, $4, 0)",
                        )
                        .bind(tenant.as_bytes().to_vec())
                        .bind(me.as_bytes().to_vec())
                        .bind(format!("key-{n}"))
                        .bind(now)
                        .execute(&mut *tx)
                        .await?;
                    }
                    Ok(())
                })
            })
        };
        let call = || json!({"problem": "tow", "address": "Exit 12"});
        world.block_on(keep).unwrap();
        desk.header("idempotency-key", "the-last").post("/v1/jobs", call()).ok(201);
        let full = desk.header("idempotency-key", "one-more").post("/v1/jobs", call());
        assert_eq!(full.header("retry-after"), "3600");
        full.problem(429, "quota");
        desk.header("idempotency-key", "the-last").post("/v1/jobs", call()).ok(201);
        let user = world.add_user(world.tenant, "ann", server::auth::Role::Dispatcher);
        assert_ne!(user, me);
        let other = world.desk("acme", "ann");
        other.header("idempotency-key", "one-more").post("/v1/jobs", call()).ok(201);
        // A key whose time is over counts no more, whether it is deleted already or not.
        let old = now - app.config.keep.ms(RuleName::Idempotency);
        let age = app.store.write::<(), store::StoreError, _>(move |tx| {
            Box::pin(async move {
                let age = "UPDATE idempotency SET created_at = $1 WHERE key LIKE 'key-%'";
                sqlx::query(age).bind(old).execute(tx).await?;
                Ok(())
            })
        });
        world.block_on(age).unwrap();
        desk.header("idempotency-key", "one-more").post("/v1/jobs", call()).ok(201);
    }
}
