//! What one person, phone or source asks for queues behind itself, and nobody else waits for it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use serde_json::json;
use server::auth::Role;
use server::clock::Clock;
use store::{Reader, StoreError, reading};
use sync_core::sync::{Request, encode_request};

use crate::world::{Answer, Client, PASSWORD, World};

const MEDIA: &str = "application/vnd.towline.sync";

fn sync(phone: &Client) -> Answer {
    phone.send("POST", "/v1/sync", Some(encode_request(&Request::default())), MEDIA)
}

fn guess(world: &World, login: &str) -> Answer {
    let body = json!({"tenant": "acme", "login": login, "password": "guess-guess"});
    world.anybody().post("/v1/session", body)
}

#[test]
fn lists_that_hold_every_connection_hold_up_no_write_phone_or_session() {
    for world in World::on_each_database() {
        let phone = world.phone(world.tenant, "acme", "admin", "bo").log_in(&world);
        let desk = world.admin();
        let store = &world.running().app().store;
        let count = Reader::Desk.connections(store.backend());
        // A task holds them until `done` is dropped, also by a test that fails.
        let (done, until) = tokio::sync::oneshot::channel::<()>();
        let readers = world.block_on(reading(Reader::Desk, async { store.readers().clone() }));
        let (taken, all) = tokio::sync::oneshot::channel::<()>();
        let hold = async move {
            let mut lists = Vec::new();
            for _ in 0..count {
                lists.push(readers.acquire().await.unwrap());
            }
            taken.send(()).unwrap();
            until.await.ok();
        };
        let (lists, all) = world.block_on(async { (tokio::spawn(hold), all.await) });
        all.unwrap();
        desk.get("/v1/jobs").problem(503, "unavailable");
        desk.get("/v1/me").ok(200);
        let call = json!({"problem": "battery", "address": "Road 9"});
        let job = desk.post("/v1/jobs", call).ok(201)["id"].as_str().unwrap().to_owned();
        desk.post(&format!("/v1/jobs/{job}/cancel"), json!({"reason": "duplicate"})).ok(200);
        assert_eq!(sync(&phone).status, 200);
        assert_eq!(world.anybody().get("/health/ready").status, 200);
        world.admin();
        drop(done);
        world.block_on(lists).unwrap();
        desk.get("/v1/jobs").ok(200);
    }
}

#[test]
fn requests_of_one_person_wait_for_each_other_and_a_further_one_is_told_429() {
    let world = World::new();
    let dan = world.add_user(world.tenant, "dan", Role::Dispatcher);
    let (busy, other) = (world.desk("acme", "dan"), world.admin());
    let people = &world.running().app().people;
    let working: Vec<_> = (0..4).map(|_| world.block_on(people.enter(dan)).unwrap()).collect();
    let mut waiting: Vec<_> = (0..16).map(|_| Box::pin(people.enter(dan))).collect();
    for one in &mut waiting {
        assert!(one.now_or_never().is_none(), "it waits");
    }
    let told = busy.get("/v1/jobs");
    assert!(told.header("retry-after").parse::<u64>().is_ok(), "{told:?}");
    told.problem(429, "too_many_at_once");
    other.get("/v1/jobs").ok(200);
    drop((waiting, working));
    busy.get("/v1/jobs").ok(200);
}

#[test]
fn strangers_take_no_permit_of_the_desk_and_one_source_not_all_of_theirs() {
    let world = World::with(|config| config.net.max_requests = 4);
    let desk = world.admin();
    let app = world.running().app();
    let permit = app.concurrency.public().unwrap();
    guess(&world, "nobody").problem(503, "overloaded");
    desk.get("/v1/me").ok(200);
    drop(permit);
    let here = "127.0.0.1".parse().unwrap();
    let working: Vec<_> =
        (0..8).map(|_| world.block_on(app.sources.enter(here)).unwrap()).collect();
    let mut waiting: Vec<_> = (0..64).map(|_| Box::pin(app.sources.enter(here))).collect();
    for one in &mut waiting {
        assert!(one.now_or_never().is_none(), "it waits");
    }
    guess(&world, "nobody").problem(503, "overloaded");
    let elsewhere = "192.0.2.7".parse().unwrap();
    assert!(world.block_on(app.sources.enter(elsewhere)).is_ok());
    desk.get("/v1/me").ok(200);
    drop((waiting, working));
    guess(&world, "nobody").problem(401, "bad_credentials");
}

#[test]
fn a_secret_that_was_not_found_good_yet_takes_a_strangers_place_and_one_that_was_takes_none() {
    let world = World::new();
    let (known, fresh) = (world.admin(), world.admin());
    known.get("/v1/me").ok(200);
    let token = json!({"name": "DMS", "scopes": ["jobs:read"]});
    let token = known.post("/v1/tokens", token).ok(201);
    let token = world.anybody().bearer(token["token"].as_str().unwrap());
    let phone = world.phone(world.tenant, "acme", "admin", "bo").log_in(&world);
    let app = world.running().app();
    // As another node knows it that did not open it.
    app.proven.forget(fresh.token().unwrap());
    let here = "127.0.0.1".parse().unwrap();
    let working: Vec<_> =
        (0..8).map(|_| world.block_on(app.sources.enter(here)).unwrap()).collect();
    let mut waiting: Vec<_> = (0..64).map(|_| Box::pin(app.sources.enter(here))).collect();
    for one in &mut waiting {
        assert!(one.now_or_never().is_none(), "it waits");
    }
    let made_up = world.anybody().bearer(&format!("tws_{}", "A".repeat(43)));
    for stranger in [&made_up, &fresh, &token] {
        stranger.get("/v1/me").problem(503, "overloaded");
    }
    known.get("/v1/me").ok(200);
    // What a phone brings is signed, which takes no look at a table.
    phone.get("/v1/me").ok(200);
    drop((waiting, working));
    made_up.get("/v1/me").problem(401, "not_logged_in");
    fresh.get("/v1/me").ok(200);
    token.get("/v1/me").ok(200);
}

#[test]
fn a_blocked_source_is_turned_away_from_memory_for_five_seconds_and_then_by_what_is_stored() {
    let time = Arc::new(AtomicI64::new(1_790_000_000_000));
    let told = Arc::clone(&time);
    let world =
        World::with(|config| config.clock = Clock::new(move || told.load(Ordering::SeqCst)));
    let refused = (0..40).map(|n| guess(&world, &format!("u{n}"))).find(|it| it.status == 429);
    refused.expect("thirty failures of one address are too many");
    let store = world.running().app().store.clone();
    let forget = store.write::<(), StoreError, _>(|tx| {
        Box::pin(async move {
            sqlx::query("DELETE FROM throttles").execute(tx).await?;
            Ok(())
        })
    });
    world.block_on(forget).unwrap();
    guess(&world, "another").problem(429, "too_many_attempts");
    time.fetch_add(5_000, Ordering::SeqCst);
    guess(&world, "another").problem(401, "bad_credentials");
    let body = json!({"tenant": "acme", "login": "admin", "password": PASSWORD});
    world.anybody().post("/v1/session", body).ok(200);
}

/// A page of a phone, announced whole and sent but for its last byte.
fn all_but_one_byte(world: &World, token: &str, bytes: usize) -> TcpStream {
    let mut stream = TcpStream::connect(world.running().addr).unwrap();
    // Only so that a failing test ends.
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let head = format!(
        "POST /v1/sync HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\
         content-type: {MEDIA}\r\ncontent-length: {bytes}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&vec![0; bytes - 1]).unwrap();
    stream
}

fn status(stream: &mut TcpStream) -> String {
    let mut start = [0; 12];
    stream.read_exact(&mut start).unwrap();
    String::from_utf8_lossy(&start).into_owned()
}

#[test]
fn of_one_phone_the_two_newest_bodies_are_waited_for_and_what_came_counts_in_its_hour() {
    let world = World::with(|config| config.hour.bytes = 390_000);
    let phone = world.phone(world.tenant, "acme", "admin", "bo").log_in(&world);
    let other = world.phone(world.tenant, "acme", "admin", "ann").log_in(&world);
    let token = phone.token().unwrap();
    let bodies = &world.running().app().bodies;
    let mut first = Vec::new();
    for n in 1..=6 {
        first.push(all_but_one_byte(&world, token, 100_000));
        while bodies.held() < 100_000 * n.min(2) {
            std::thread::yield_now();
        }
        if let Some(oldest) = n.checked_sub(3) {
            assert_eq!(status(&mut first[oldest]), "HTTP/1.1 503", "body {oldest} of {n}");
            assert!(bodies.held() <= 200_000, "{}", bodies.held());
        }
    }
    assert_eq!(sync(&other).status, 200);
    // Four of them were given up: that was its hour.
    let mut late = all_but_one_byte(&world, token, 100_000);
    assert_eq!(status(&mut late), "HTTP/1.1 429");
}
