//! Named regressions of what hostile input once did to the server, on each database.

use server::http::List;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::world::{Phone, Told, World};
use ed25519_dalek::Signer as _;
use serde_json::json;
use server::clock::random;
use sync_core::admission::{Verdict, push_message, record};
use sync_core::change::{Entry, Run};
use sync_core::document::{Author, Document};
use sync_core::id::{ActorId, FactId, JobId};
use sync_core::job::Job;
use sync_core::policy::{Principal, Role};
use sync_core::schema::{key, section};
use sync_core::seal::{Draft, Point, Shown, Signer};
use sync_core::sync::{Frame, Request, Sent, decode_response, encode_request};
use sync_core::time::Stamp;
use sync_core::value::Record;

fn fact(at: i64, section: sync_core::schema::Section, record: Record) -> Entry {
    Entry::Fact { section, id: FactId::new(at, random()), record }
}

/// A seal of a new job by someone whose name has a NUL.
fn sealed(phone: &Phone, job: JobId, at: i64) -> Entry {
    let document = Document::new(job.into());
    let name = "Lin\u{0}Mei".to_owned();
    let (role, language) = ("customer".to_owned(), "en".to_owned());
    let signer = Signer { name: name.clone(), role, language, statement: name };
    let draft = Draft {
        job,
        fact: FactId::new(at, random()),
        device: phone.device,
        shown: Shown::of(&Job::of(&document), signer),
        heads: document.heads(),
        strokes: vec![vec![Point::default()]],
        place: None,
        stamp: Stamp::wall(at),
    };
    draft.sign(|message| phone.key.sign(message).to_bytes()).expect("it fits")
}

/// A walk-up on which a part is used whose every text has a NUL.
fn poisoned(phone: &Phone, at: i64) -> Run {
    let text = || "H7\u{0}lamp".into();
    let job = JobId::new(at, random());
    let entries = vec![
        fact(
            at,
            section::STATUS,
            Record::from([(key::KIND, "walk_up".into()), (key::EPOCH, 0.into())]),
        ),
        fact(
            at,
            section::PARTS,
            Record::from([
                (key::PART_NO, text()),
                (key::DESCRIPTION, text()),
                (key::KIND, text()),
                (key::BIN, text()),
            ]),
        ),
        sealed(phone, job, at),
    ];
    let caller = Principal { user: phone.user, role: Role::Technician };
    let author = Author::phone(phone.user, phone.device);
    let mut document = Document::new(job.into());
    let actor = ActorId::new(at, random());
    record(&mut document, actor, at, &caller, author, entries).expect("anybody may")
}

#[test]
fn a_nul_that_a_phone_recorded_keeps_nothing_from_being_written() {
    for world in World::on_each_database() {
        let phone = world.phone(world.tenant, "acme", "admin", "bo");
        let client = phone.log_in(&world);
        let run = poisoned(&phone, world.running().app().now());
        let job = run.doc.job().expect("a job");
        let signature = phone.key.sign(&push_message(phone.device, [&run].into_iter())).to_bytes();
        let epoch = world.running().app().store.epoch();
        let (runs, signature) = (vec![Sent::Signed(run)], Some(signature));
        let request = Request { epoch, runs, signature, ..Request::default() };
        let url = format!("{}/v1/sync", world.running().url());
        let mut answer = ureq::post(url)
            .header("authorization", format!("Bearer {}", client.token().expect("logged in")))
            .header("content-type", "application/vnd.towline.sync")
            .send(&encode_request(&request))
            .expect("the server answers");
        let bytes = answer.body_mut().read_to_vec().expect("a body");
        match decode_response(&bytes) {
            Ok(Frame::Response(answer)) => assert_eq!(answer.verdicts, [Verdict::Durable]),
            other => panic!("{other:?}"),
        }
        world.admin().get(&format!("/v1/jobs/{job}")).ok(200);
        let listed = world.admin().get("/v1/jobs").ok(200);
        assert_eq!(listed["items"].as_array().map(Vec::len), Some(1));
    }
}

#[test]
fn a_nul_in_a_search_or_a_login_is_answered_like_any_other_text() {
    for world in World::on_each_database() {
        let desk = world.admin();
        desk.post("/v1/jobs", json!({"problem": "tow", "address": "here"})).ok(201);
        let none = desk.get("/v1/jobs?text=%00no-such-plate").ok(200);
        assert_eq!(none["items"], json!([]));
        let one = desk.get("/v1/jobs?text=he%00re").ok(200);
        assert_eq!(one["items"].as_array().map(Vec::len), Some(1), "as if it were not there");
        for (tenant, login) in [("ac\u{0}me", "admin"), ("acme", "ad\u{0}min")] {
            let body = json!({"tenant": tenant, "login": login, "password": "x"});
            let answer = world.anybody().post("/v1/session", body);
            assert!(matches!(answer.status, 401 | 422), "{}", answer.text);
        }
    }
}

#[test]
fn the_smallest_number_there_is_is_no_place() {
    let world = World::new();
    let client = world.phone(world.tenant, "acme", "admin", "bo").log_in(&world);
    for (lat, lon) in [(i64::MIN, 0), (0, i64::MIN), (i64::MAX, 0), (0, 1_800_000_001)] {
        let point = json!({"at": 1_795_000_000_000_i64, "place": {"lat": lat, "lon": lon}});
        let taken = client.post("/v1/positions", json!({"points": [point]})).ok(200);
        assert_eq!(
            (&taken["accepted"], &taken["refused"][0]["code"]),
            (&json!(0), &json!("bad_place"))
        );
    }
}

#[test]
fn an_offer_ends_in_a_time_that_can_be() {
    let world = World::new();
    let phone = world.phone(world.tenant, "acme", "admin", "bo");
    let desk = world.admin();
    let job = desk.post("/v1/jobs", json!({"problem": "tow", "address": "here"})).ok(201);
    let path = format!("/v1/jobs/{}/assign", job["id"].text());
    for (name, at) in [("expires_at", i64::MIN), ("expires_at", i64::MAX), ("eta", i64::MIN)] {
        let offer = json!({"kind": "offer", "technician": phone.user, name: at});
        let problem = desk.post(&path, offer).problem(422, "invalid");
        assert_eq!(problem["field"], name);
    }
}

#[test]
fn a_cursor_of_another_list_is_none() {
    let world = World::new();
    let part = server::http::Cursor { key: 0, id: b"SECRET-1".to_vec() }.encode(List::Parts);
    for list in ["jobs", "vans", "users", "technicians", "devices"] {
        let path = format!("/v1/{list}?cursor={part}");
        world.admin().get(&path).problem(400, "bad_cursor");
    }
    let bytes = server::http::Cursor { key: 0, id: vec![0xff; 16] }.encode(List::Jobs);
    world.admin().get(&format!("/v1/parts?cursor={bytes}")).problem(400, "bad_cursor");
}

#[test]
fn texts_are_kept_in_the_order_in_which_they_stand() {
    let world = World::new();
    let desk = world.admin();
    for (said, kept) in [("\u{202e}5 daoR", "5 daoR"), ("\u{2066}x\u{2069}", "x")] {
        let job = desk.post("/v1/jobs", json!({"problem": "tow", "address": said})).ok(201);
        assert_eq!(job["intake"]["address"], kept);
    }
    // Scripts that go from right to left, and their marks, are texts like any other.
    let arabic = json!({"problem": "tow", "address": "\u{200f}شارع الميناء 5\u{200e}"});
    desk.post("/v1/jobs", arabic).ok(201);
}

#[test]
fn a_body_that_says_it_is_too_large_is_refused_before_it_comes() {
    let world = World::with(|config| config.net.body_timeout = Duration::from_secs(600));
    let mut stream = TcpStream::connect(world.running().addr).expect("the server listens");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout can be set");
    let head = "POST /v1/session HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
                content-length: 9223372036854775807\r\n\r\n{";
    stream.write_all(head.as_bytes()).expect("it is open");
    let mut start = [0; 12];
    stream.read_exact(&mut start).expect("an answer before the body");
    assert_eq!(&start, b"HTTP/1.1 413");
}

#[test]
fn one_address_does_not_take_every_place() {
    let world = World::with(|config| config.net.max_connections_per_address = Some(2));
    let request = b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n";
    let answered = || {
        let mut stream = TcpStream::connect(world.running().addr).expect("the server listens");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout can be set");
        let mut start = [0; 12];
        let asked = stream.write_all(request).and_then(|()| stream.read_exact(&mut start));
        (asked.is_ok() && &start == b"HTTP/1.1 200").then_some(stream)
    };
    // Who left may still hold a place for a moment; the end is only for a test that fails.
    let end = Instant::now() + Duration::from_secs(20);
    let until = || Instant::now() < end;
    let wait = || std::iter::repeat_with(answered).take_while(|_| until()).flatten().next();
    let held = [wait(), wait()];
    assert!(held.iter().all(Option::is_some), "there are two places");
    assert!(answered().is_none(), "a third is turned away");
    drop(held);
    assert!(wait().is_some(), "a place that was left is taken again");
}

#[test]
fn a_method_that_a_stranger_makes_up_is_not_counted_under_its_own_name() {
    let world = World::new();
    for n in 0..50 {
        let path = ["/v1/me", "/v1/session", "/no/such/page", "/health/live"][n % 4];
        let mut stream = TcpStream::connect(world.running().addr).expect("the server listens");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout can be set");
        let method = format!("MADEUP{}{n}", "X".repeat(100 * n));
        let head = format!("{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).expect("it is open");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 40"), "{answer}");
    }
    let counters = world.running().app().metrics.text();
    assert!(!counters.contains("MADEUP"), "{counters}");
    let others = counters.lines().filter(|line| line.contains("method=\"other\""));
    assert!((1..=4).contains(&others.count()), "one for each route: {counters}");
}

/// Sends the head of a page and so much of its body, which is never finished.
fn half_a_page(world: &World, token: &str, bytes: usize) -> TcpStream {
    let mut stream = TcpStream::connect(world.running().addr).expect("the server listens");
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout can be set");
    let head = format!(
        "POST /v1/sync HTTP/1.1\r\nhost: x\r\ncontent-type: application/vnd.towline.sync\r\n\
         authorization: Bearer {token}\r\ncontent-length: 2000000\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).expect("it is open");
    stream.write_all(&vec![b'x'; bytes]).expect("it is heard out");
    stream
}

#[test]
fn phones_of_one_address_that_never_finish_their_pages_take_no_more_than_its_share() {
    const MEMORY: usize = 4 * 1024 * 1024;
    let world = World::with(|config| config.net.body_bytes = MEMORY);
    let phone = world.phone(world.tenant, "acme", "admin", "bo").log_in(&world);
    let token = phone.token().expect("logged in");
    let fleet: Vec<_> = (0..5)
        .map(|n| world.phone(world.tenant, "acme", "admin", &format!("t{n}")).log_in(&world))
        .collect();
    let bodies = &world.running().app().bodies;
    let until = |wanted: &dyn Fn() -> bool, what: &str| {
        let end = Instant::now() + Duration::from_secs(60);
        while !wanted() {
            assert!(Instant::now() < end, "{what}: {} bytes", bodies.held());
            std::thread::yield_now();
        }
    };
    // To announce much takes nothing.
    let announced: Vec<_> = (0..50).map(|_| half_a_page(&world, token, 0)).collect();
    let tokens = fleet.iter().chain(&fleet).map(|phone| phone.token().expect("logged in"));
    let dawdling: Vec<_> = tokens.map(|token| half_a_page(&world, token, 100_000)).collect();
    until(&|| bodies.held() >= 1_000_000, "what has come is counted");
    // More than its half is refused, and the refusal says when to come again.
    let mut over = half_a_page(&world, token, 1_900_000);
    let mut answer = String::new();
    over.read_to_string(&mut answer).expect("an answer before the end of the body");
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(answer.contains("\"overloaded\"") && answer.contains("retry-after: "), "{answer}");
    assert!(bodies.held() <= MEMORY / 2);
    let shed = world.running().app().metrics.text();
    assert!(shed.contains("towline_http_shed_total{case=\"bodies\"} 1"), "{shed}");
    // What is small still gets through, and what is given up is free for others.
    world.admin().get("/v1/me").ok(200);
    drop((dawdling, announced));
    until(&|| bodies.held() == 0, "what was given up is given back");
    let frame = encode_request(&Request::default());
    let media = "application/vnd.towline.sync";
    assert_eq!(phone.send("POST", "/v1/sync", Some(frame), media).status, 200);
    until(&|| bodies.held() == 0, "what was answered is given back");
}
