//! An answer that is given before its request has come whole reaches a client that goes on sending.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use crate::world::World;

/// What a client still sends after the answer stands on its socket: more than a phone ever does.
const BODY: usize = 3 * 1024 * 1024;
/// What a client may send that never ends: bounds, and all the buffers between the two.
const ENDLESS: usize = 64 * 1024 * 1024;
const PIECE: usize = 64 * 1024;

fn connect(world: &World) -> TcpStream {
    let stream = TcpStream::connect(world.running().addr).expect("the server listens");
    // Only so that a failing test ends.
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout can be set");
    stream.set_write_timeout(Some(Duration::from_secs(60))).expect("a timeout can be set");
    stream
}

/// When a client looks at the answer.
#[derive(Debug, Clone, Copy)]
enum Reads {
    /// Before it sends the body: it sees that the server is done, and sends it all the same.
    First,
    /// After it has sent the body, though the answer was there before.
    Last,
}

/// Sends a head and a body in pieces, and reads everything up to the end that the server makes.
fn ask(world: &World, head: &str, reads: Reads) -> String {
    let mut stream = connect(world);
    stream.write_all(head.as_bytes()).expect("it is open");
    let asked: String = head.chars().take(80).collect();
    let mut answer = Vec::new();
    let read = match reads {
        Reads::First => stream.read_to_end(&mut answer),
        Reads::Last => stream.peek(&mut [0]),
    };
    assert!(read.is_ok(), "an answer before the body to {asked:?}: {read:?}");
    let piece = vec![b'x'; PIECE];
    for sent in (0..BODY).step_by(PIECE) {
        let written = stream.write_all(&piece);
        assert!(written.is_ok(), "{reads:?}, after {sent} bytes after {asked:?}: {written:?}");
    }
    let read = stream.read_to_end(&mut answer);
    assert!(read.is_ok(), "{reads:?}, {asked:?}: {read:?}");
    String::from_utf8(answer).expect("text")
}

/// Asserts that an answer is there with the whole body it announces.
#[track_caller]
fn is_whole(answer: &str, status: &str) {
    let (head, body) = answer.split_once("\r\n\r\n").expect("a whole head");
    assert!(head.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
    let mut headers = head.lines().filter_map(|line| line.split_once(": "));
    let length = headers.find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    assert_eq!(length.expect("a length").1, body.len().to_string(), "{answer}");
}

fn post(path: &str, more: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nhost: x\r\n{more}\r\n")
}

#[test]
fn a_refusal_before_the_body_is_seen_by_who_sends_the_body_first() {
    let world = World::new();
    let phone = world.phone(world.tenant, "acme", "admin", "bo");
    let token = phone.log_in(&world).token().expect("logged in").to_owned();
    let length = format!("content-length: {BODY}\r\n");
    let json = format!("content-type: application/json\r\n{length}");
    let known = format!("authorization: Bearer {token}\r\n");
    let sync = format!("content-type: application/vnd.towline.sync\r\n{known}{length}");
    let chunks = "content-type: application/json\r\ntransfer-encoding: chunked\r\n";
    let chunks = post("/v1/session", chunks) + "5000\r\n" + &"x".repeat(0x5000) + "\r\n";
    let cases = [
        (chunks, "413"),
        (post("/v1/sync", &sync), "413"),
        (post("/v1/session", &json), "413"),
        (post("/v1/token", &json), "413"),
        (post("/v1/jobs", &json), "401"),
        (post("/v1/jobs", &format!("authorization: Bearer x\r\n{json}")), "401"),
        (post("/v1/sync", &format!("content-type: text/plain\r\n{known}{length}")), "413"),
        (post("/no/such/page", &json), "404"),
        (post("/health/live", &json), "405"),
        // What hyper itself does not understand, or takes for too much.
        (post("/v1/session", "content-length: 1\r\ncontent-length: 2\r\n"), "400"),
        (format!("GET /{} HTTP/1.1\r\n", "a".repeat(80_000)), "431"),
        (post("/v1/session", &"x: y\r\n".repeat(100)), "431"),
    ];
    for (head, status) in cases {
        for reads in [Reads::First, Reads::Last] {
            is_whole(&ask(&world, &head, reads), status);
        }
    }
}

#[test]
fn one_whose_body_comes_too_late_sees_why() {
    let world = World::with(|config| config.net.body_timeout = Duration::from_millis(50));
    let half = post("/v1/session", "content-type: application/json\r\ncontent-length: 9000\r\n");
    for reads in [Reads::First, Reads::Last] {
        is_whole(&ask(&world, &half, reads), "408");
    }
}

#[test]
fn one_who_is_turned_away_sees_why() {
    for all in [true, false] {
        let world = World::with(|config| match all {
            true => config.net.max_connections = 1,
            false => config.net.max_connections_per_address = Some(1),
        });
        let request = b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n";
        let mut held = connect(&world);
        let mut start = [0; 12];
        held.write_all(request).expect("it is open");
        held.read_exact(&mut start).expect("it has the one place");
        assert_eq!(&start, b"HTTP/1.1 200");
        let head = post("/v1/session", &format!("content-length: {BODY}\r\n"));
        for reads in [Reads::First, Reads::Last] {
            is_whole(&ask(&world, &head, reads), "503");
        }
    }
}

#[test]
fn one_who_sends_for_ever_is_cut_off() {
    let world = World::new();
    let mut stream = connect(&world);
    let head = post("/v1/jobs", "content-length: 9223372036854775807\r\n");
    stream.write_all(head.as_bytes()).expect("it is open");
    stream.peek(&mut [0]).expect("an answer before the body");
    let piece = vec![b'x'; PIECE];
    let cut = (0..ENDLESS).step_by(PIECE).find_map(|_| stream.write_all(&piece).err());
    let cut = cut.expect("the server has heard enough");
    let reset =
        matches!(cut.kind(), std::io::ErrorKind::ConnectionReset | std::io::ErrorKind::BrokenPipe);
    assert!(reset, "{cut}");
}
