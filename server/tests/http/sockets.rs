//! Sockets that are slow, silent or too many are closed, and the server stops in good order.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::world::World;
use sync_core::sync::{Request, close, encode_request};

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
    let metrics = world.running().app().metrics.text();
    assert!(metrics.contains("towline_http_shed_total"), "{metrics}");
}

#[test]
fn phones_and_the_desk_have_permits_of_their_own() {
    let world = World::with(|config| config.net.max_requests = 1);
    let phone = world.phone(world.tenant, "acme", "admin", "bo").log_in(&world);
    let desk = world.admin();
    let frame = encode_request(&Request::default());
    let sync = || phone.send("POST", "/v1/sync", Some(frame.clone()), MEDIA);
    let concurrency = &world.running().app().concurrency;
    let page = world.block_on(concurrency.phone()).expect("nobody syncs");
    let told = sync();
    assert!(told.header("retry-after").parse::<u64>().is_ok(), "{told:?}");
    told.problem(503, "overloaded");
    desk.get("/v1/me").ok(200);
    drop(page);
    assert_eq!(sync().status, 200);
    let permit = concurrency.desk().expect("nobody asks");
    desk.get("/v1/me").problem(503, "overloaded");
    assert_eq!(sync().status, 200);
    drop(permit);
    desk.get("/v1/me").ok(200);
}

#[test]
fn bodies_that_dawdle_hold_no_permit() {
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

/// The code with which the server closes a WebSocket; whatever it says before is passed over.
fn close_code(stream: &mut TcpStream) -> u16 {
    let mut byte = || {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("the server says why");
        byte[0]
    };
    // The rest of the answer to the request.
    let mut end = [0; 4];
    while &end != b"\r\n\r\n" {
        end = [end[1], end[2], end[3], byte()];
    }
    loop {
        let (kind, length) = (byte(), byte());
        let payload: Vec<u8> = (0..length).map(|_| byte()).collect();
        if kind == 0x88 {
            return u16::from_be_bytes([payload[0], payload[1]]);
        }
    }
}

#[test]
fn a_websocket_counts_against_its_address_for_as_long_as_it_is_open() {
    const MOST: usize = 8;
    let world = World::with(|config| config.net.max_connections_per_address = Some(MOST));
    let phone = world.phone(world.tenant, "acme", "admin", "bo").log_in(&world);
    let token = phone.token().expect("it is logged in");
    let connections = || world.running().app().metrics.connections.get();
    let settle = |open: i64| {
        let end = Instant::now() + Duration::from_secs(20);
        while connections() != open {
            assert!(Instant::now() < end, "{} connections", connections());
            std::thread::yield_now();
        }
    };
    settle(0);
    // A phone has four sockets at most; these are no connections of HTTP any more.
    let sockets: Vec<_> = (0..4).map(|_| half_a_message(&world, token, 10)).collect();
    settle(0);
    let idle: Vec<_> = (0..MOST - 4).map(|_| connect(&world)).collect();
    settle(4);
    let third = until_closed(connect(&world)).expect("turned away");
    assert!(third.starts_with("HTTP/1.1 503"), "{third}");
    drop((sockets, idle));
}

/// A WebSocket of a logged-in phone that sends the start of a message and not its end.
fn half_a_message(world: &World, token: &str, bytes: usize) -> TcpStream {
    let mut stream = upgraded(world, token).expect("there is a place");
    // A final binary frame, masked with zeros, that announces a mebibyte.
    let mut frame = vec![0x82, 0xff];
    frame.extend_from_slice(&(1_048_576_u64).to_be_bytes());
    frame.extend_from_slice(&[0; 4]);
    frame.resize(frame.len() + bytes, 0);
    stream.write_all(&frame).expect("it is open");
    stream
}

/// A WebSocket of a logged-in phone, unless its address has as many connections as it may.
fn upgraded(world: &World, token: &str) -> Option<TcpStream> {
    let mut stream = connect(world);
    let head = format!(
        "GET /v1/sync/ws HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\
         connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    let mut start = [0; 12];
    stream.write_all(head.as_bytes()).and_then(|()| stream.read_exact(&mut start)).ok()?;
    (&start == b"HTTP/1.1 101").then_some(stream)
}

#[test]
fn a_web_socket_holds_a_place_of_its_address_as_long_as_it_is_open() {
    let world = World::with(|config| config.net.max_connections_per_address = Some(8));
    let tokens: Vec<String> = ["bo", "cy", "di"]
        .map(|login| world.phone(world.tenant, "acme", "admin", login).log_in(&world))
        .iter()
        .map(|phone| phone.token().expect("it is logged in").to_owned())
        .collect();
    // Three phones of four sockets each would be twelve.
    let sockets: Vec<TcpStream> = tokens
        .iter()
        .flat_map(|token| (0..4).map(move |_| token))
        .map_while(|token| upgraded(&world, token))
        .collect();
    assert!((1..=8).contains(&sockets.len()), "{} sockets", sockets.len());
    drop(sockets);
    let give_up = Instant::now() + Duration::from_secs(20);
    while upgraded(&world, &tokens[0]).is_none() {
        assert!(Instant::now() < give_up, "no place was given back");
        std::thread::yield_now();
    }
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
    // One address gets half: who would pass it is told to come later, and takes nothing with it.
    let mut second = half_a_message(&world, token, 300_000);
    assert_eq!(close_code(&mut second), close::TRY_LATER);
    drop(second);
    assert!((300_000..500_000).contains(&bodies.held()), "{}", bodies.held());
    phone.get("/v1/me").ok(200);
    drop(first);
    let give_up = Instant::now() + Duration::from_secs(20);
    while bodies.held() > 0 {
        assert!(Instant::now() < give_up, "{} bytes are still held", bodies.held());
        std::thread::yield_now();
    }
}
