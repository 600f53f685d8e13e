//! Sockets that are slow, silent or too many are closed, and the server stops in good order.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::world::World;
use sync_core::sync::{Request, encode_request};

const MEDIA: &str = "application/vnd.towline.sync";

fn connect(world: &World) -> TcpStream {
    let stream = TcpStream::connect(world.running().addr).expect("the server listens");
    // Only so that a failing test ends: the server is to close first.
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout can be set");
    stream
}

/// Everything until the server closes; an error if it does not.
fn until_closed(mut stream: TcpStream) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[test]
fn a_silent_connection_and_half_a_head_are_closed() {
    let world = World::with(|config| config.net.header_timeout = Duration::from_millis(50));
    let silent = connect(&world);
    let mut half = connect(&world);
    half.write_all(b"GET /v1/me HTTP/1.1\r\nhost: x\r\nx-slow: ").expect("it is open");
    until_closed(silent).expect("the server closes it");
    until_closed(half).expect("the server closes it");
}

#[test]
fn half_a_body_is_answered_408_and_a_body_that_lies_about_its_size_is_not_waited_for() {
    let world = World::with(|config| {
        config.net.body_timeout = Duration::from_millis(50);
        config.net.header_timeout = Duration::from_millis(500);
    });
    let mut half = connect(&world);
    let head = "POST /v1/session HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
                content-length: 100\r\n\r\n{\"tenant\":";
    half.write_all(head.as_bytes()).expect("it is open");
    let answer = until_closed(half).expect("the server closes it");
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("\"timeout\""), "{answer}");
}

#[test]
fn a_body_is_not_read_for_those_who_are_not_logged_in() {
    let world = World::new();
    let mut stream = connect(&world);
    let head = "POST /v1/devices/codes HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
                content-length: 1000000000\r\n\r\n";
    stream.write_all(head.as_bytes()).expect("it is open");
    let mut start = [0; 12];
    stream.read_exact(&mut start).expect("an answer before the body");
    assert_eq!(&start, b"HTTP/1.1 401");
}

#[test]
fn an_endless_head_is_refused() {
    let world = World::new();
    let mut stream = connect(&world);
    stream.write_all(b"GET / HTTP/1.1\r\n").expect("it is open");
    stream.write_all(&vec![b'a'; 300 * 1024]).expect("it is heard out");
    let answer = until_closed(stream).expect("the server closes it");
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
}

#[test]
fn a_connection_over_the_cap_is_turned_away_and_a_freed_place_is_used_again() {
    let world = World::with(|config| config.net.max_connections = 2);
    let request = b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n";
    let hold = |mut stream: TcpStream| {
        stream.write_all(request).expect("it is open");
        let mut start = [0; 12];
        stream.read_exact(&mut start).expect("an answer");
        assert_eq!(&start, b"HTTP/1.1 200");
        stream
    };
    // Who left may still hold a place for a moment; the end is only for a test that fails.
    let end = Instant::now() + Duration::from_secs(20);
    let freed = || {
        while Instant::now() < end {
            let mut stream = connect(&world);
            let mut start = [0; 12];
            let wrote = stream.write_all(request);
            if wrote.is_ok() && stream.read_exact(&mut start).is_ok() && &start == b"HTTP/1.1 200" {
                return stream;
            }
        }
        panic!("there is no place");
    };
    let first = freed();
    let second = hold(connect(&world));
    let third = until_closed(connect(&world)).expect("turned away");
    assert!(third.starts_with("HTTP/1.1 503"), "{third}");
    drop((first, second));
    freed();
}

#[test]
fn too_many_requests_at_work_are_shed_and_health_is_still_told() {
    let world = World::with(|config| config.net.max_requests = 0);
    let body = serde_json::json!({"tenant": "acme", "login": "admin", "password": "x"});
    let shed = world.anybody().post("/v1/session", body);
    assert!(shed.header("retry-after").parse::<u64>().is_ok());
    shed.problem(503, "overloaded");
    assert_eq!(world.anybody().get("/health/ready").status, 200);
    let metrics = world.anybody().get("/metrics");
    assert!(metrics.text.contains("towline_http_shed_total"), "{}", metrics.text);
}

#[test]
fn phones_and_the_desk_have_places_of_their_own() {
    let world = World::with(|config| config.net.max_requests = 1);
    let phone = world.phone(world.tenant, "acme", "admin", "bo").log_in(&world);
    let desk = world.admin();
    let frame = encode_request(&Request::default());
    let sync = || phone.send("POST", "/v1/sync", Some(frame.clone()), MEDIA);
    let lanes = &world.running().app().lanes;
    let page = world.block_on(lanes.phone()).expect("nobody syncs");
    let told = sync();
    assert!(told.header("retry-after").parse::<u64>().is_ok(), "{told:?}");
    told.problem(503, "overloaded");
    desk.get("/v1/me").ok(200);
    drop(page);
    assert_eq!(sync().status, 200);
    let place = lanes.desk().expect("nobody asks");
    desk.get("/v1/me").problem(503, "overloaded");
    assert_eq!(sync().status, 200);
    drop(place);
    desk.get("/v1/me").ok(200);
}

#[test]
fn bodies_that_dawdle_hold_no_place() {
    let world = World::with(|config| config.net.max_requests = 1);
    let phone = world.phone(world.tenant, "acme", "admin", "bo").log_in(&world);
    let token = phone.token().expect("logged in");
    let desk = world.admin();
    let session = "/v1/session HTTP/1.1\r\ncontent-type: application/json".to_owned();
    let known = format!("authorization: Bearer {token}");
    let positions = format!("/v1/positions HTTP/1.1\r\ncontent-type: application/json\r\n{known}");
    let sync = format!("/v1/sync HTTP/1.1\r\ncontent-type: {MEDIA}\r\n{known}");
    let mut dawdling = Vec::new();
    for head in [session, positions, sync] {
        for _ in 0..20 {
            let mut stream = connect(&world);
            let half = format!("POST {head}\r\nhost: x\r\ncontent-length: 100\r\n\r\n{{");
            stream.write_all(half.as_bytes()).expect("it is open");
            dawdling.push(stream);
        }
    }
    // If any of those held a place, these would be turned away.
    for _ in 0..20 {
        desk.get("/v1/me").ok(200);
        let frame = encode_request(&Request::default());
        assert_eq!(phone.send("POST", "/v1/sync", Some(frame), MEDIA).status, 200);
    }
    drop(dawdling);
}

/// A WebSocket of a logged-in phone that sends the start of a message and not its end.
fn half_a_message(world: &World, token: &str, bytes: usize) -> TcpStream {
    let mut stream = connect(world);
    let head = format!(
        "GET /v1/sync/ws HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\
         connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).expect("it is open");
    let mut start = [0; 12];
    stream.read_exact(&mut start).expect("an answer");
    assert_eq!(&start, b"HTTP/1.1 101");
    // A final binary frame, masked with zeros, that announces a mebibyte.
    let mut frame = vec![0x82, 0xff];
    frame.extend_from_slice(&(1_048_576_u64).to_be_bytes());
    frame.extend_from_slice(&[0; 4]);
    frame.resize(frame.len() + bytes, 0);
    stream.write_all(&frame).expect("it is open");
    stream
}

#[test]
fn half_messages_of_websockets_share_the_room_for_bodies() {
    let world = World::with(|config| config.net.body_bytes = 1_000_000);
    let phone = world.phone(world.tenant, "acme", "admin", "bo").log_in(&world);
    let token = phone.token().expect("it is logged in");
    let bodies = world.running().app().bodies.clone();
    let holds = |least: usize| {
        let give_up = Instant::now() + Duration::from_secs(20);
        while bodies.held() < least {
            assert!(Instant::now() < give_up, "{} of {least} bytes", bodies.held());
            std::thread::yield_now();
        }
    };
    let first = half_a_message(&world, token, 300_000);
    holds(300_000);
    // One address gets half: what would pass it is cut off, and takes nothing with it.
    let second = half_a_message(&world, token, 300_000);
    drop(until_closed(second));
    assert!((300_000..500_000).contains(&bodies.held()), "{}", bodies.held());
    phone.get("/v1/me").ok(200);
    drop(first);
    let give_up = Instant::now() + Duration::from_secs(20);
    while bodies.held() > 0 {
        assert!(Instant::now() < give_up, "{} bytes are still held", bodies.held());
        std::thread::yield_now();
    }
}
