//! Frozen frames: what a phone in the field sends today must be understood for ever.
//!
//! The files under `golden/` are bytes in hexadecimal, written once. If a change of code makes
//! one of these tests fail, phones that are already out would no longer be understood: give the
//! new form a new number instead. `TOWLINE_WRITE_GOLDEN=1` writes files that do not exist yet.
// The test, not the crate, reads and writes files.
#![allow(clippy::disallowed_methods)]

use std::path::PathBuf;

use sync_core::admission::{Attested, Verdict};
use sync_core::change::{Change, ChangeRef, Entry, OpId, Run};
use sync_core::document::{Author, ChangeHash, Digest};
use sync_core::id::{ActorId, DeviceId, FactId, JobId, UserId};
use sync_core::schema::{DocId, Key, Section, key, section};
use sync_core::sync::{
    Frame, Inventory, Request, Response, Sent, decode_request, decode_response, encode_request,
    encode_response,
};
use sync_core::value::{Record, Value};

const AT: i64 = 1_790_000_000_000;

fn phone_run() -> Run {
    let actor = ActorId::new(AT, [1; 10]);
    let office = ActorId::new(AT, [2; 10]);
    let fact = |n: u8, record| Entry::Fact {
        section: section::STATUS,
        id: FactId::new(AT + 1, [n; 10]),
        record,
    };
    let stamp = |at: i64, kind: &str| {
        Record::from([
            (key::KIND, kind.into()),
            (key::AT, at.into()),
            (key::UP, (at - AT).into()),
            (key::LAT, 250_300_000.into()),
            (key::LON, (-1_215_000_000).into()),
        ])
    };
    let first = Change {
        actor,
        seq: 1,
        after: vec![ChangeRef { actor: office, seq: 3 }],
        time: AT,
        entries: vec![fact(3, stamp(AT, "en_route"))],
    };
    let odd = Record::from([
        (Key::parse("from_the_future").expect("a plain name"), true.into()),
        (key::SHA256, vec![9; 32].into()),
        (key::DEVICE, vec![8; 16].into()),
        (key::STROKES, vec![1, 2, 3].into()),
        (key::TEXT, "胎壓不足, spare fitted".into()),
    ]);
    let second = Change {
        actor,
        seq: 2,
        after: Vec::new(),
        time: AT + 60_000,
        entries: vec![
            fact(4, stamp(AT + 59_000, "on_scene")),
            Entry::Fact {
                section: Section::parse("unheard_of").expect("a plain name"),
                id: FactId::new(AT, [5; 10]),
                record: odd,
            },
            Entry::Field {
                section: section::INTAKE,
                key: key::REMARKS,
                value: Value::Null,
                replaces: vec![OpId { counter: 17, actor: office }],
            },
        ],
    };
    Run { doc: job(6), changes: vec![first, second], last_hash: ChangeHash([7; 32]) }
}

fn job(n: u8) -> DocId {
    DocId::from(JobId::new(AT, [n; 10]))
}

fn attested() -> Attested {
    let author = Author::phone(UserId::new(AT, [10; 10]), DeviceId::new(AT, [11; 10]));
    Attested { run: phone_run(), author, receipt: [12; 16] }
}

fn check<T: PartialEq + std::fmt::Debug>(
    name: &str,
    value: T,
    bytes: Vec<u8>,
    read: impl Fn(&[u8]) -> T,
) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if !path.exists() && std::env::var_os("TOWLINE_WRITE_GOLDEN").is_some() {
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        std::fs::write(&path, hex + "\n").expect("the golden folder is writable");
    }
    let hex = std::fs::read_to_string(&path).expect("the golden file is there");
    let digits = hex.trim().as_bytes().chunks(2);
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap_or(""), 16);
    let frozen: Vec<u8> = digits.map(|pair| byte(pair).expect("hexadecimal")).collect();
    assert_eq!(read(&frozen), value, "{name} is read differently now");
    // The third byte tells whether the body is deflated; a better compressor may give others.
    if frozen.get(2) == Some(&0) {
        assert_eq!(bytes, frozen, "{name} is written differently now");
    }
}

#[test]
fn an_idle_request() {
    let request = Request { epoch: 0x0102_0304_0506_0708, cursor: 300, ..Request::default() };
    let bytes = encode_request(&request);
    check("request-idle.hex", request, bytes, |b| decode_request(b).expect("a request"));
}

#[test]
fn a_request_with_work_and_relayed_work_and_an_inventory() {
    let request = Request {
        epoch: 1,
        cursor: 2,
        runs: vec![Sent::Signed(phone_run()), Sent::Relayed(attested())],
        signature: Some([13; 64]),
        inventory: Some(Inventory(vec![(job(14), u64::MAX)])),
        more: true,
    };
    let bytes = encode_request(&request);
    check("request-full.hex", request, bytes, |b| decode_request(b).expect("a request"));
}

#[test]
fn a_request_with_work_that_lost_its_place() {
    let runs = vec![Sent::Orphaned(attested())];
    let request = Request { epoch: 1, cursor: 2, runs, ..Request::default() };
    let bytes = encode_request(&request);
    check("request-orphaned.hex", request, bytes, |b| decode_request(b).expect("a request"));
}

#[test]
fn an_answer_to_an_idle_request() {
    let response = Response {
        epoch: 1,
        cursor: 300,
        digest: Digest(0xAABB),
        server_time: AT,
        ..Response::default()
    };
    let frame = Frame::Response(Box::new(response));
    let bytes = encode_response(&frame);
    check("response-idle.hex", frame, bytes, |b| decode_response(b).expect("an answer"));
}

#[test]
fn an_answer_with_every_kind_of_verdict() {
    let missing = ChangeRef { actor: ActorId::GENESIS, seq: 1 };
    let response = Response {
        epoch: 1,
        cursor: 2,
        digest: Digest(3),
        server_time: AT,
        retry_after_ms: 1500,
        verdicts: vec![
            Verdict::Durable,
            Verdict::Durable,
            Verdict::refused("not_yours", "This job was never yours."),
            Verdict::Reauthor,
            Verdict::Fork,
            Verdict::Missing(vec![missing]),
            Verdict::Later { code: "section_unknown".into() },
        ],
        runs: vec![attested()],
        whole: vec![job(6)],
        released: vec![job(15)],
        unknown: vec![job(16)],
        more: true,
        resync: true,
    };
    let frame = Frame::Response(Box::new(response));
    let bytes = encode_response(&frame);
    check("response-full.hex", frame, bytes, |b| decode_response(b).expect("an answer"));
}

#[test]
fn a_request_and_an_answer_with_nothing_new_take_at_most_200_bytes_together() {
    let request = Request { epoch: u64::MAX, cursor: u64::MAX >> 1, ..Request::default() };
    let response = Response {
        epoch: u64::MAX,
        cursor: u64::MAX >> 1,
        digest: Digest(u64::MAX),
        server_time: AT,
        ..Response::default()
    };
    let answer = encode_response(&Frame::Response(Box::new(response)));
    let bytes = encode_request(&request).len() + answer.len();
    assert!(bytes <= 200, "{bytes} bytes");
}
