//! Streams of events: more than anybody needs, and some that nobody reads.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

use serde_json::json;

use super::town::Client;
use super::wire::{open, rest, told};
use super::{Row, Town};

/// Streams that one person asks for.
const MANY: usize = 1000;

pub const ROWS: &[Row] = &[
    ("1,000 streams of one person", "8 open; 429 too_many_at_once", flood),
    ("streams that are not read while a job changes", "the last change", deaf),
    ("a stream from a position that nobody gave", "400 bad_cursor", |t| {
        t.admin.get("/v1/events?after=AAAA").told()
    }),
    ("a stream for a phone", "403 forbidden", |t| t.mallory.client.get("/v1/events").told()),
];

/// A stream as it was asked for, of which nothing was read.
fn stream(of: &Client) -> Option<TcpStream> {
    let mut stream = open(of.from, of.to).ok()?;
    let head =
        format!("GET /v1/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\r\n", of.token);
    stream.write_all(head.as_bytes()).ok()?;
    Some(stream)
}

fn flood(town: &Town) -> String {
    let mut held = Vec::new();
    let mut refused = Vec::new();
    for _ in 0..MANY {
        let Some(mut stream) = stream(&town.admin) else { return "unreachable".to_owned() };
        let mut start = [0; 12];
        if stream.read_exact(&mut start).is_err() {
            return "closed".to_owned();
        }
        if &start == b"HTTP/1.1 200" {
            held.push(stream);
            continue;
        }
        // Whoever sends no more requests on it lets it go.
        drop(stream.shutdown(std::net::Shutdown::Write));
        refused.push(told(&[&start[..], &rest(&mut stream)].concat()));
    }
    refused.sort();
    refused.dedup();
    format!("{} open; {}", held.len(), refused.join(", "))
}

fn deaf(town: &Town) -> String {
    let held: Vec<_> = (0..8).map_while(|_| stream(&town.desk)).collect();
    let call = json!({"problem": "tow", "address": "here"});
    let made = town.admin.post("/v1/jobs", &call);
    let path = format!("/v1/jobs/{}", made.json()["id"].as_str().unwrap_or_default());
    let long = "x".repeat(200);
    for n in 0..200 {
        let reply = town.admin.patch(&path, &json!({"address": format!("{long} {n}")}));
        if reply.status != 200 {
            return reply.told();
        }
    }
    let Some(first) = held.into_iter().next() else { return "unreachable".to_owned() };
    let last = format!("{long} 199\"");
    let mut lines = BufReader::new(first).lines().map_while(Result::ok);
    match lines.find(|line| line.contains(&last)) {
        Some(_) => "the last change".to_owned(),
        None => "it ended before".to_owned(),
    }
}
