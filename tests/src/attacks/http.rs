//! Bytes on the port that are no HTTP, or too much of it, or two requests at once.

use std::fmt::Write as _;

use super::wire::{ATTACKER, send, told};
use super::{Row, Town};

/// Refused or hung up on: HTTP leaves a server both.
const REFUSED: &str = "400 | closed | 400, closed";

pub const ROWS: &[Row] = &[
    ("nothing at all", "closed", |t| raw(t, &[])),
    ("one byte, then silence", "closed | 408", |t| raw(t, &["G"])),
    ("half a head", "closed | 408", |t| raw(t, &["GET /v1/me HTTP/1.1\r\nhost: x\r\nx-slow: "])),
    ("a head, a byte at a time", "closed | 408 | 401 not_logged_in", slowly),
    ("HTTP/0.9", REFUSED, |t| raw(t, &["GET /\r\n\r\n"])),
    ("HTTP/1.0", "401 not_logged_in", |t| raw(t, &["GET /v1/me HTTP/1.0\r\nhost: x\r\n\r\n"])),
    ("HTTP/2 without asking", REFUSED, |t| raw(t, &["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"])),
    ("HTTP/9.9", REFUSED, |t| raw(t, &["GET / HTTP/9.9\r\nhost: x\r\n\r\n"])),
    ("a TLS hello", REFUSED, |t| {
        bytes(t, &[0x16, 3, 1, 0, 5, 1, 0, 0, 1, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, b'\r', b'\n'])
    }),
    ("an SSH hello", REFUSED, |t| raw(t, &["SSH-2.0-OpenSSH_9.6\r\n\r\n"])),
    ("64 KiB of zeros", REFUSED, |t| bytes(t, &[0; 65_536])),
    ("64 KiB of 0xff", REFUSED, |t| bytes(t, &[0xff; 65_536])),
    ("a head of 1 MiB", "431 | closed | 400", |t| {
        let head = format!("GET / HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n", "a".repeat(1 << 20));
        raw(t, &[&head])
    }),
    ("a first line of 1 MiB", "414 | 431 | closed | 400", |t| {
        raw(t, &[&format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "a".repeat(1 << 20))])
    }),
    ("1,000 headers", "431 | closed | 400", |t| {
        let mut head = "GET / HTTP/1.1\r\nhost: x\r\n".to_owned();
        for n in 0..1000 {
            let _ = write!(head, "x-{n}: y\r\n");
        }
        raw(t, &[&head, "\r\n"])
    }),
    ("a header without a name", REFUSED, |t| head(t, ": x")),
    ("a header with a blank before the colon", REFUSED, |t| head(t, "content-length : 5")),
    ("a header folded over two lines", REFUSED, |t| head(t, "x-folded: a\r\n b")),
    ("NUL in a header", REFUSED, |t| head(t, "x-nul: a\0b")),
    ("a bare line feed in a header", "200 | 400 | closed", |t| head(t, "x: a\ny: b")),
    ("a bare carriage return in a header", REFUSED, |t| head(t, "x: a\rb")),
    ("a first line of control characters", REFUSED, |t| raw(t, &["G\x01T / HTTP/1.1\r\n\r\n"])),
    ("a method of its own", "405 method_not_allowed | 404 not_found", |t| {
        raw(t, &["FROBNICATE /v1/jobs HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"])
    }),
    ("TRACE", "405 method_not_allowed | 404 not_found", |t| {
        raw(t, &["TRACE /v1/jobs HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"])
    }),
    ("CONNECT to somewhere else", "404 not_found | 400 | 405 method_not_allowed | closed", |t| {
        raw(t, &["CONNECT evil.example:443 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"])
    }),
    ("a request for another host's page", "200", |t| {
        raw(t, &["GET http://evil.example/ HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"])
    }),
    ("OPTIONS *", "404 not_found | 400 | 405 method_not_allowed", |t| {
        raw(t, &["OPTIONS * HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"])
    }),
    (
        "a body that is longer than it says",
        "400 bad_json, 400 | 400 bad_json, closed | 400 bad_json",
        |t| post(t, "content-length: 2\r\n", "{}GARBAGE\r\n\r\n"),
    ),
    ("half a body", "408 timeout", |t| post(t, "content-length: 100\r\n", "{\"tenant\":")),
    ("a body of 2^63 bytes", "413 too_large | 400 | closed", |t| {
        post(t, "content-length: 9223372036854775807\r\n", "{")
    }),
    ("a length beyond 64 bits", REFUSED, |t| {
        post(t, "content-length: 99999999999999999999\r\n", "{")
    }),
    ("a length below nothing", REFUSED, |t| post(t, "content-length: -1\r\n", "{")),
    ("a length with a plus", REFUSED, |t| post(t, "content-length: +2\r\n", "{}")),
    ("a length in hexadecimal", REFUSED, |t| post(t, "content-length: 0x2\r\n", "{}")),
    ("two lengths that differ", REFUSED, |t| {
        post(t, "content-length: 2\r\ncontent-length: 3\r\n", "{} ")
    }),
    ("a length and chunks: the smuggler's first shape", REFUSED_OR_ONE, |t| {
        let smuggled = "0\r\n\r\nGET /v1/me HTTP/1.1\r\nhost: x\r\n\r\n";
        post(t, "content-length: 4\r\ntransfer-encoding: chunked\r\n", smuggled)
    }),
    ("chunks and a length: the smuggler's second shape", REFUSED_OR_ONE, |t| {
        let smuggled = "0\r\n\r\nGET /v1/me HTTP/1.1\r\nhost: x\r\n\r\n";
        post(t, "transfer-encoding: chunked\r\ncontent-length: 4\r\n", smuggled)
    }),
    ("chunks twice: the smuggler's third shape", REFUSED_OR_ONE, |t| {
        post(t, "transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n", "0\r\n\r\n")
    }),
    ("chunks with a word before them", REFUSED, |t| {
        post(t, "transfer-encoding: xchunked\r\n", "0\r\n\r\n")
    }),
    ("a chunk of 2^64 bytes", BROKEN, |t| chunks(t, "ffffffffffffffff\r\n{}")),
    ("a chunk of 17 digits", BROKEN, |t| chunks(t, "10000000000000000\r\n{}")),
    ("a chunk of no digits", BROKEN, |t| chunks(t, "xyz\r\n{}\r\n0\r\n\r\n")),
    ("a chunk of less than nothing", BROKEN, |t| chunks(t, "-2\r\n{}\r\n0\r\n\r\n")),
    ("a chunk without its end", BROKEN, |t| chunks(t, "2\r\n{}0\r\n\r\n")),
    ("a chunk with 64 KiB of extensions", BROKEN, |t| {
        chunks(t, &format!("2;{}\r\n{{}}\r\n0\r\n\r\n", "a=b;".repeat(16_384)))
    }),
    ("a thousand trailers", BROKEN, |t| {
        let mut trailers = String::new();
        for n in 0..1000 {
            let _ = write!(trailers, "x-{n}: {}\r\n", "y".repeat(60));
        }
        chunks(t, &format!("2\r\n{{}}\r\n0\r\n{trailers}\r\n"))
    }),
    ("chunks that never end", "408 timeout", |t| chunks(t, "2\r\n{}\r\n")),
    ("20,000 chunks of one byte", "413 too_large", |t| chunks(t, &"1\r\nx\r\n".repeat(20_000))),
    ("twenty requests at once", TWENTY, |t| {
        raw(t, &[&"GET /v1/me HTTP/1.1\r\nhost: x\r\n\r\n".repeat(20)])
    }),
    ("a body promised to those who are not let in", "401 not_logged_in", |t| {
        let head = "POST /v1/jobs HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
                    content-length: 1000000000\r\n\r\n";
        raw(t, &[head])
    }),
    ("100-continue and then nothing", "408 timeout", |t| {
        post(t, "expect: 100-continue\r\ncontent-length: 100\r\n", "")
    }),
    ("an expectation nobody knows", "400 bad_json | 417 | 408 timeout", |t| {
        post(t, "expect: 200-maybe\r\ncontent-length: 2\r\n", "{}")
    }),
    ("an upgrade to something else", "200", |t| {
        raw(t, &["GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade, close\r\nupgrade: h2c\r\n\r\n"])
    }),
    ("a request id of its own with line ends in it", "200", |t| {
        let head = "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-request-id: a%0d%0aset-cookie: b\r\n\r\n";
        let said = send(ATTACKER, t.server.address, &[head.as_bytes()]);
        let injected = String::from_utf8_lossy(&said).to_lowercase().contains("\r\nset-cookie");
        if injected { "a header of its own".to_owned() } else { told(&said) }
    }),
    ("a token of 30 KiB", "401 bad_token", |t| {
        let head = format!(
            "GET /v1/me HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
            authorization: Bearer {}\r\n\r\n",
            "a".repeat(30_000)
        );
        raw(t, &[&head])
    }),
];

/// The length is refused, or only the one request is answered and the connection ends.
const REFUSED_OR_ONE: &str = "400 | closed | 400 bad_json | 400 bad_json, closed";
/// The body is broken.
const BROKEN: &str = "400 bad_json | 400 | closed | 413 too_large | 408 timeout";
/// Twenty answers in order.
const TWENTY: &str = "401 not_logged_in, 401 not_logged_in, 401 not_logged_in, 401 not_logged_in, \
    401 not_logged_in, 401 not_logged_in, 401 not_logged_in, 401 not_logged_in, \
    401 not_logged_in, 401 not_logged_in, 401 not_logged_in, 401 not_logged_in, \
    401 not_logged_in, 401 not_logged_in, 401 not_logged_in, 401 not_logged_in, \
    401 not_logged_in, 401 not_logged_in, 401 not_logged_in, 401 not_logged_in";

fn raw(town: &Town, pieces: &[&str]) -> String {
    let pieces: Vec<&[u8]> = pieces.iter().map(|piece| piece.as_bytes()).collect();
    told(&send(ATTACKER, town.server.address, &pieces))
}

fn bytes(town: &Town, bytes: &[u8]) -> String {
    told(&send(ATTACKER, town.server.address, &[bytes]))
}

fn head(town: &Town, line: &str) -> String {
    raw(town, &[&format!("GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{line}\r\n\r\n")])
}

fn post(town: &Town, headers: &str, body: &str) -> String {
    let head = "POST /v1/session HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
    raw(town, &[&format!("{head}{headers}\r\n{body}")])
}

fn chunks(town: &Town, body: &str) -> String {
    post(town, "transfer-encoding: chunked\r\n", body)
}

/// A byte every now and then, until the server has had enough.
fn slowly(town: &Town) -> String {
    use std::io::Write as _;
    let Ok(mut stream) = super::wire::open(ATTACKER, town.server.address) else {
        return "unreachable".to_owned();
    };
    let head =
        b"GET /v1/me HTTP/1.1\r\nhost: x\r\nx-slow: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    for byte in head {
        if stream.write_all(&[*byte]).is_err() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    told(&super::wire::rest(&mut stream))
}
