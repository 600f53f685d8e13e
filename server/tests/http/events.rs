//! Desks follow events: none is missed, none is of another branch, and no stream outlives its session.

use std::io::{BufRead as _, BufReader, Read};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use server::api::events::{OF_A_PERSON, OF_A_TENANT};
use server::auth::Role;
use server::http::{Cursor, List};
use sync_core::id::UserId;

use crate::world::{Client, PASSWORD, World};

/// A desk that follows events.
struct Stream(BufReader<Box<dyn Read + Send>>);

/// One event; a heartbeat has no data.
#[derive(Debug)]
struct Event {
    name: String,
    id: Option<String>,
    data: Value,
}

impl Stream {
    fn open(desk: &Client, query: &str) -> Self {
        Self::try_open(desk, query).unwrap_or_else(|(status, text)| panic!("{status} {text}"))
    }

    /// The stream, or status and text of the answer.
    fn try_open(desk: &Client, query: &str) -> Result<Self, (u16, String)> {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            // Only so that a failing test ends.
            .timeout_recv_body(Some(Duration::from_secs(40)))
            .build();
        let path = format!("{}/v1/events{query}", desk.url);
        let token = format!("Bearer {}", desk.token().unwrap_or("none"));
        let request = ureq::Agent::new_with_config(config).get(path).header("authorization", token);
        let mut response = request.call().unwrap();
        if response.status() != 200 {
            let text = response.body_mut().read_to_string().unwrap();
            return Err((response.status().as_u16(), text));
        }
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Ok(Self(BufReader::new(Box::new(response.into_body().into_reader()))))
    }

    /// The next event; absent at the end of the stream.
    fn next(&mut self) -> Option<Event> {
        let mut event = Event { name: "heartbeat".to_owned(), id: None, data: Value::Null };
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).expect("the stream goes on or ends") == 0 {
                return None;
            }
            match line.trim_end().split_once(": ") {
                None => return Some(event),
                Some(("event", name)) => event.name = name.to_owned(),
                Some(("id", id)) => event.id = Some(id.to_owned()),
                Some(("data", data)) => event.data = serde_json::from_str(data).unwrap(),
                Some(_) => {}
            }
        }
    }

    /// The next event with this name; others are passed over.
    fn next_of(&mut self, name: &str) -> Event {
        loop {
            let event = self.next().unwrap_or_else(|| panic!("it ended before an event {name}"));
            if event.name == name {
                return event;
            }
        }
    }

    /// Addresses of the next jobs, so many of them, and the id after them.
    fn jobs(&mut self, count: usize) -> (Vec<String>, String) {
        let (mut found, mut id) = (Vec::new(), String::new());
        while found.len() < count {
            let event = self.next_of("jobs");
            let items = event.data["items"].as_array().unwrap();
            found.extend(items.iter().map(|job| job["address"].as_str().unwrap().to_owned()));
            id = event.id.unwrap();
            assert_eq!(event.data["next"], *id);
        }
        (found, id)
    }

    /// Why it ended.
    fn reason(&mut self) -> String {
        let end = self.next_of("end");
        assert!(self.next().is_none(), "nothing comes after the end");
        end.data["reason"].as_str().unwrap().to_owned()
    }
}

fn call(desk: &Client, address: &str) -> String {
    let job = desk.post("/v1/jobs", json!({"address": address, "problem": "tow"})).ok(201);
    job["id"].as_str().unwrap().to_owned()
}

#[test]
fn a_resumed_stream_misses_no_change_and_repeats_none() {
    for world in World::on_each_database() {
        let desk = world.admin();
        call(&desk, "before");
        let mut stream = Stream::open(&desk, "");
        let start = stream.next().unwrap();
        assert_eq!((start.name.as_str(), &start.data["resumed"]), ("start", &json!(false)));
        call(&desk, "one");
        let (jobs, id) = stream.jobs(1);
        assert_eq!(jobs, ["one"]);
        drop(stream);
        let made: Vec<String> = (0..130).map(|n| format!("cut {n}")).collect();
        made.iter().for_each(|address| drop(call(&desk, address)));
        let mut stream = Stream::open(&desk, &format!("?after={id}"));
        assert_eq!(stream.next().unwrap().data["resumed"], true);
        let (jobs, last) = stream.jobs(130);
        assert_eq!(jobs, made);
        // The same position is good where changes are asked for, and the other way round.
        let page = desk.get(&format!("/v1/jobs/changes?cursor={last}")).ok(200);
        assert_eq!((&page["items"], &page["next"]), (&json!([]), &json!(last)));
        let page = desk.get("/v1/jobs/changes?limit=131").ok(200);
        let rest = format!("?after={}", page["next"].as_str().unwrap());
        assert_eq!(Stream::open(&desk, &rest).jobs(1).0, ["cut 129"]);
    }
}

#[test]
fn changes_of_one_job_in_a_moment_are_one_event_with_its_last_state() {
    let world = World::new();
    let desk = world.admin();
    let job = call(&desk, "here");
    let mut stream = Stream::open(&desk, "");
    stream.next_of("start");
    let path = format!("/v1/jobs/{job}");
    let any = desk.header("if-match", "*");
    let version = |address: &str| any.patch(&path, json!({"address": address})).ok(200);
    let changes = 40;
    (0..changes).for_each(|n| drop(version(&format!("place {n}"))));
    let (mut events, last) = (0, format!("place {}", changes - 1));
    while stream.jobs(1).0 != [last.clone()] {
        events += 1;
    }
    assert!(events < changes - 1, "each change came by itself");
}

#[test]
fn a_position_of_before_a_restore_begins_the_stream_again() {
    let world = World::new();
    let desk = world.admin();
    call(&desk, "here");
    let elsewhere = Cursor { key: 1, id: vec![7; 8] }.encode(List::JobChanges);
    let mut stream = Stream::open(&desk, &format!("?after={elsewhere}"));
    assert_eq!(stream.next().unwrap().data["resumed"], false);
}

#[test]
fn positions_and_heartbeats_that_make_no_sense_are_refused_by_name() {
    let world = World::new();
    let desk = world.admin();
    for (query, code, field) in [
        ("?after=nonsense", "bad_cursor", "after"),
        ("?beat=1", "bad_query", "beat"),
        ("?beat=3600", "bad_query", "beat"),
        ("?since=1", "bad_query", "since"),
    ] {
        assert_eq!(desk.get(&format!("/v1/events{query}")).problem(400, code)["field"], field);
    }
    let resuming = desk.header("last-event-id", "7");
    assert_eq!(resuming.get("/v1/events").problem(400, "bad_cursor")["field"], "Last-Event-ID");
    let phone = world.phone(world.tenant, "acme", "admin", "bo").log_in(&world);
    phone.get("/v1/events").problem(403, "forbidden");
}

#[test]
fn a_desk_of_one_branch_hears_nothing_of_another() {
    for world in World::on_each_database() {
        let admin = world.admin();
        let branch = |name: &str| {
            let body = json!({"name": name, "kind": "owned", "currency": "TWD", "time_zone": "Asia/Taipei"});
            admin.post("/v1/branches", body).ok(201)["id"].clone()
        };
        let (north, south) = (branch("North"), branch("South"));
        let mei = world.add_user(world.tenant, "mei", Role::Dispatcher);
        let any = admin.header("if-match", "*");
        any.patch(&format!("/v1/users/{mei}"), json!({"branch": north})).ok(200);
        let cy = world.phone(world.tenant, "acme", "admin", "cy");
        let bo = world.phone(world.tenant, "acme", "admin", "bo");
        for (user, branch) in [(cy.user, &south), (bo.user, &north)] {
            any.patch(&format!("/v1/users/{user}"), json!({"branch": branch})).ok(200);
        }
        let mut stream = Stream::open(&world.desk("acme", "mei"), "");
        stream.next_of("start");
        let other = world.add_tenant("other");
        world.add_user(other, "admin", Role::Administrator);
        let stranger = world.desk("other", "admin");
        let mut strange = Stream::open(&stranger, "");
        strange.next_of("start");
        let make = |address: &str, branch: &Value| {
            let body = json!({"address": address, "problem": "tow", "branch": branch});
            admin.post("/v1/jobs", body).ok(201);
        };
        make("in the south", &south);
        make("in the north", &north);
        assert_eq!(stream.jobs(1).0, ["in the north"]);
        call(&stranger, "of the other tenant");
        assert_eq!(strange.jobs(1).0, ["of the other tenant"]);
        move_to(&cy.log_in(&world), 24.5);
        move_to(&bo.log_in(&world), 25.5);
        assert_eq!(stream.next_of("position").data["user"], bo.user.to_string());
    }
}

fn move_to(phone: &Client, lat: f64) {
    let at = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let point = json!({"at": at.as_millis(), "place": {"lat": lat, "lon": 121.0}});
    phone.post("/v1/positions", json!({"points": [point]})).ok(200);
}

#[test]
fn the_last_point_of_everyone_comes_first_and_then_of_who_moves() {
    for world in World::on_each_database() {
        let phone = world.phone(world.tenant, "acme", "admin", "bo").log_in(&world);
        move_to(&phone, 24.1);
        let mut stream = Stream::open(&world.admin(), "");
        assert_eq!(stream.next_of("position").data["place"]["lat"], 24.1);
        move_to(&phone, 24.2);
        move_to(&phone, 24.3);
        let mut next = || stream.next_of("position").data["place"]["lat"].clone();
        let seen = next();
        assert!(seen == 24.2 || seen == 24.3, "{seen}");
        assert!(seen == 24.3 || next() == 24.3);
    }
}

#[test]
fn a_stream_ends_with_its_session_or_what_its_person_may() {
    for world in World::on_each_database() {
        let admin = world.admin();
        let mei = world.add_user(world.tenant, "mei", Role::Dispatcher);
        let any = admin.header("if-match", "*");
        let change = |change: Value| any.patch(&format!("/v1/users/{mei}"), change).ok(200);
        let follow = |end: &dyn Fn(&Client)| {
            let desk = world.desk("acme", "mei");
            let mut stream = Stream::open(&desk, "");
            stream.next_of("start");
            let mut another = Stream::open(&admin, "");
            another.next_of("start");
            end(&desk);
            assert_eq!(stream.reason(), "session");
            call(&admin, "here");
            assert_eq!(another.jobs(1).0, ["here"], "nobody else's stream ends");
        };
        follow(&|desk| drop(desk.delete("/v1/session")));
        follow(&|desk| {
            let new = json!({"current": PASSWORD, "password": PASSWORD});
            assert_eq!(desk.post("/v1/me/password", new).status, 204);
        });
        follow(&|_| drop(change(json!({"role": "manager"}))));
        follow(&|_| drop(change(json!({"active": false}))));
    }
}

#[test]
fn a_name_that_changes_ends_no_stream() {
    let world = World::new();
    let admin = world.admin();
    let mei = world.add_user(world.tenant, "mei", Role::Dispatcher);
    let mut stream = Stream::open(&world.desk("acme", "mei"), "");
    stream.next_of("start");
    let any = admin.header("if-match", "*");
    any.patch(&format!("/v1/users/{mei}"), json!({"name": "Mei"})).ok(200);
    call(&admin, "here");
    assert_eq!(stream.jobs(1).0, ["here"]);
}

#[test]
fn nodes_over_one_database_tell_each_other_of_jobs_positions_and_logouts() {
    let Some(world) = World::on_postgres() else { return };
    let second = world.second_node();
    let desk = world.admin();
    let phone = world.phone(world.tenant, "acme", "admin", "bo");
    let mut stream = Stream::open(&desk, "");
    stream.next_of("start");
    let there = second.anybody().bearer(desk.token().unwrap());
    call(&there, "made there");
    let (jobs, id) = stream.jobs(1);
    assert_eq!(jobs, ["made there"]);
    move_to(&phone.log_in(&second), 24.4);
    assert_eq!(stream.next_of("position").data["place"]["lat"], 24.4);
    // A position of one node is good on the other.
    call(&desk, "made here");
    let mut elsewhere = Stream::open(&there, &format!("?after={id}"));
    assert_eq!(elsewhere.jobs(1).0, ["made here"]);
    assert_eq!(there.delete("/v1/session").status, 204);
    assert_eq!(stream.reason(), "session");
    assert_eq!(elsewhere.reason(), "session");
}

#[test]
fn a_stream_holds_no_permit_and_needs_none() {
    let world = World::with(|config| config.net.max_requests = 1);
    let desk = world.admin();
    let mut early = Stream::open(&desk, "");
    early.next_of("start");
    let job = call(&desk, "one");
    let permit = world.running().app().concurrency.desk().expect("the stream took none");
    desk.get("/v1/me").problem(503, "overloaded");
    let mut late = Stream::open(&desk, "");
    assert_eq!(late.next_of("start").data["resumed"], false);
    drop(permit);
    desk.post(&format!("/v1/jobs/{job}/cancel"), json!({"reason": "duplicate"})).ok(200);
    assert_eq!(late.jobs(1).0, ["one"]);
    assert_eq!(early.jobs(1).0, ["one"]);
}

#[test]
fn a_person_has_so_many_streams_and_one_that_ends_makes_room() {
    let world = World::new();
    world.add_user(world.tenant, "mei", Role::Dispatcher);
    let (desk, other) = (world.admin(), world.desk("acme", "mei"));
    let mut open: Vec<_> = (0..OF_A_PERSON).map(|_| Stream::open(&desk, "")).collect();
    open.iter_mut().for_each(|stream| drop(stream.next_of("start")));
    let told = desk.get("/v1/events");
    assert!(told.header("retry-after").parse::<u64>().is_ok(), "{told:?}");
    told.problem(429, "too_many_at_once");
    Stream::open(&other, "").next_of("start");
    drop(open.pop());
    let end = Instant::now() + Duration::from_secs(20);
    while Stream::try_open(&desk, "").is_err() {
        assert!(Instant::now() < end, "no place was given back");
        std::thread::yield_now();
    }
}

#[test]
fn a_tenant_has_so_many_streams_and_others_have_theirs() {
    let world = World::new();
    let (desk, app) = (world.admin(), world.running().app());
    let enter = |n: i64| app.streams.enter(app, world.tenant, UserId::new(n, [1; 10]));
    let all: Vec<_> = (0..).map_while(|n| enter(n).ok()).collect();
    assert_eq!(all.len(), OF_A_TENANT);
    let told = desk.get("/v1/events");
    assert!(told.header("retry-after").parse::<u64>().is_ok(), "{told:?}");
    told.problem(503, "overloaded");
    let other = world.add_tenant("other");
    world.add_user(other, "admin", Role::Administrator);
    Stream::open(&world.desk("other", "admin"), "").next_of("start");
}

#[test]
fn a_stream_outlives_the_idle_timeout_while_it_is_read() {
    const LIMIT: Duration = Duration::from_secs(2);
    let world = World::with(|config| config.net.idle_timeout = LIMIT);
    let desk = world.admin();
    let mut stream = Stream::open(&desk, "");
    stream.next_of("start");
    let end = Instant::now() + 2 * LIMIT;
    while Instant::now() < end {
        call(&desk, "here");
        stream.jobs(1);
    }
}

#[test]
fn a_stream_is_told_that_the_server_stops_and_does_not_hold_it_up() {
    let world = World::with(|config| config.net.shutdown_deadline = Duration::from_secs(600));
    let mut stream = Stream::open(&world.admin(), "");
    stream.next_of("start");
    drop(world);
    assert_eq!(stream.reason(), "stopping");
}

#[test]
fn a_reader_that_never_reads_is_given_what_it_missed_when_it_does() {
    let world = World::new();
    let desk = world.admin();
    let mut slow = Stream::open(&desk, "");
    slow.next_of("start");
    let job = call(&desk, "first");
    let any = desk.header("if-match", "*");
    let long = "x".repeat(200);
    for n in 0..300 {
        let remarks = json!({"address": format!("{long}{n}")});
        any.patch(&format!("/v1/jobs/{job}"), remarks).ok(200);
    }
    let last = format!("{long}299");
    while slow.jobs(1).0 != [last.clone()] {}
}
