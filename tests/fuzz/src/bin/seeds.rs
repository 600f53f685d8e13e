//! Writes the seeds from which fuzzing starts: golden frames, a sealed job, tokens, calls.
//!
//! `cargo run --bin seeds` in tests/fuzz; the result is checked in, so that runs begin alike.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../../../../sync-core/tests/scene/mod.rs"]
mod scene;

use std::fs;
use std::path::Path;

use ed25519_dalek::{Signer as _, SigningKey};
use scene::{assigned, evidence, meet};
use serde_json::json;
use sync_core::admission::{Attested, Verdict};
use sync_core::bundle::bundle;
use sync_core::change::{Change, ChangeRef, Entry, Run};
use sync_core::document::{Author, ChangeHash, Document};
use sync_core::id::{ActorId, DeviceId, FactId, TenantId};
use sync_core::job::seal_of;
use sync_core::limits;
use sync_core::place::Place;
use sync_core::policy::{Principal, Role};
use sync_core::schema::{DocId, DocKind, key, section};
use sync_core::seal::{Countersignature, Draft, Point, Shown, Signer};
use sync_core::sync::{Frame, Request, Response, Sent, encode_request, encode_response};
use sync_core::time::Stamp;
use sync_core::value::Value;

fn main() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    let put = |target: &str, name: &str, bytes: &[u8]| {
        fs::create_dir_all(seeds.join(target)).unwrap();
        fs::write(seeds.join(target).join(name), bytes).unwrap();
    };
    let (document, sealed) = sealed();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sync-core/tests/golden");
    let mut conversation = vec![4, 0, 0, 6, 0, 0];
    for name in ["request-idle", "request-full", "response-idle", "response-full"] {
        let text = fs::read_to_string(golden.join(format!("{name}.hex"))).unwrap();
        let digits: Vec<u8> =
            text.trim().bytes().map(|b| char::from(b).to_digit(16).unwrap() as u8).collect();
        let frame: Vec<u8> = digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect();
        for target in ["request", "response", "change"] {
            put(target, name, &frame);
        }
        for (op, target) in [(0, "request"), (2, "response"), (5, "response"), (6, "request")] {
            if name.starts_with(target) {
                conversation.push(op);
                conversation.extend(u16::try_from(frame.len()).unwrap().to_be_bytes());
                conversation.extend(&frame);
                conversation.extend([if op == 0 { 1 } else { 7 }, 0, 4, 0, 0, 0, 0]);
            }
        }
    }
    put("session", "conversation", &conversation);
    dense(&put);
    put("change", "sealed", &frame_of(&document));
    put("request", "sealed", &frame_of(&document));
    put("bundle", "sealed", &sealed);
    put(
        "bundle",
        "empty",
        br#"{"format":"towline-evidence-1","job":"","seal":"","shown":"","runs":[]}"#,
    );
    for (target, typ) in [("token", "at+jwt"), ("assertion", "JWT")] {
        let header = json!({"alg": "EdDSA", "typ": typ, "kid": "k"}).to_string();
        let claims = json!({"iss": "us", "sub": "x", "aud": "us", "exp": 1_800_000_100,
            "nbf": 1_800_000_000, "iat": 1_800_000_000, "jti": "j"});
        put(target, "good", format!("{header}\0{claims}").as_bytes());
        let crit = header.replace('}', ",\"crit\":[\"b64\"]}");
        put(target, "critical", format!("{crit}\0{claims}").as_bytes());
    }
    put("csv", "plain", PLAIN.as_bytes());
    put("csv", "collisions", COLLISIONS.as_bytes());
    put("csv", "calls", CALLS.as_bytes());
}

/// Frames of a few thousand bytes that take as much memory and time as any: run, never mutated.
fn dense(put: &impl Fn(&str, &str, &[u8])) {
    let actor = ActorId::new(scene::NOON, [6; 10]);
    let doc = DocId::new(DocKind::Job, *actor.as_bytes()).unwrap();
    let run = |changes: usize, entry: &dyn Fn(usize) -> Entry| {
        let size = limits::CHANGE_ENTRIES;
        let change = |seq: usize| Change {
            actor,
            seq: seq as u64 + 1,
            after: Vec::new(),
            time: scene::NOON,
            entries: (seq * size..(seq + 1) * size).map(entry).collect(),
        };
        let changes = (0..changes).map(change).collect();
        Run { doc, changes, last_hash: ChangeHash([0; 32]) }
    };
    let field = |_| {
        let (section, key, replaces) = (section::INTAKE, key::KIND, Vec::new());
        Entry::Field { section, key, value: Value::Null, replaces }
    };
    let note = |n: usize| {
        let mut tail = [0; 10];
        tail[6..].copy_from_slice(&u32::try_from(n).unwrap().to_be_bytes());
        let record = [(key::TEXT, "".into())].into_iter().collect();
        Entry::Fact { section: section::NOTES, id: FactId::new(scene::NOON, tail), record }
    };
    let request = |run| {
        let runs = vec![Sent::Signed(run)];
        encode_request(&Request {
            epoch: 7,
            cursor: 1,
            runs,
            signature: Some([7; 64]),
            ..Request::default()
        })
    };
    let per_change = limits::CHANGE_ENTRIES + 1;
    let fields = request(run(limits::PAGE_VALUES / per_change, &field));
    let notes = request(run(12, &note));
    let missing = vec![ChangeRef { actor, seq: 1 }; limits::CHANGE_DEPS + 1];
    let attested = Attested {
        run: run(limits::ANSWER_VALUES / per_change, &field),
        author: Author::default(),
        receipt: [0; 16],
    };
    let answer = encode_response(&Frame::Response(Box::new(Response {
        verdicts: vec![Verdict::Missing(missing); limits::PAGE_CHANGES],
        runs: vec![attested],
        ..Response::default()
    })));
    let event = |op: u8, frame: &[u8]| {
        [&[op][..], &u16::try_from(frame.len()).unwrap().to_be_bytes(), frame].concat()
    };
    put("../dense/request", "fields", &fields);
    put("../dense/change", "notes", &notes);
    put("../dense/response", "answer", &answer);
    let talk = [event(0, &fields), event(4, &[]), event(6, &fields), event(5, &answer)];
    put("../dense/session", "frames", &talk.concat());
}

const PLAIN: &str = "time,lat,lon,caller,phone,plate,problem,address\n\
    2026-03-01T10:00:00Z,25.03,121.56,Lin,0912345678,ABC-1234,flat_tyre,Harbour Road 5\n\
    2026-03-01T10:05:00+08:00,,,=cmd|' /C calc'!A0,,,\"a \"\"quoted\"\" word\",\"two\nlines\"\n";
const COLLISIONS: &str = "CRASH DATE,CRASH TIME,BOROUGH,ZIP CODE,LATITUDE,LONGITUDE,LOCATION,\
    ON STREET NAME,COLLISION_ID\n09/11/2021,2:39,BROOKLYN,11208,40.667202,-73.8665,\
    \"(40.667202, -73.8665)\",LORING AVENUE,4455765\n";
const CALLS: &str = "lat,lng,desc,zip,title,timeStamp,twp,addr,e\n\
    40.2978759,-75.5812935,\"REINDEER CT; NEW HANOVER\",19525,Traffic: DISABLED VEHICLE -,\
    2015-12-10 17:10:52,NEW HANOVER,REINDEER CT,1\n";

/// A job with its seal, and the bundle that proves it.
fn sealed() -> (Document, Vec<u8>) {
    let (phone_key, server_key) =
        (SigningKey::from_bytes(&[7; 32]), SigningKey::from_bytes(&[9; 32]));
    let (mut desk, mut phone) = assigned();
    phone.steps(&["accepted", "en_route", "on_scene", "working"], 1);
    evidence(&mut phone);
    let part = [
        (key::PART_NO, "H7".into()),
        (key::UNIT_PRICE, 35_000.into()),
        (key::CURRENCY, "TWD".into()),
    ];
    phone.fact(section::PARTS, &part);
    let signer = Signer {
        name: "Lin Mei-hua".into(),
        role: "customer".into(),
        language: "en".into(),
        statement: "I confirm the work and the amounts.".into(),
    };
    let draft = Draft {
        job: phone.job().id,
        fact: FactId::new(phone.now, [200; 10]),
        device: DeviceId::new(scene::NOON, [1; 10]),
        shown: Shown::of(&phone.job(), signer),
        heads: phone.document.heads(),
        strokes: vec![vec![Point { x: 1, y: 2, t: 3, pressure: 4 }; 30]],
        place: Place::new(250_330_000, 1_215_654_000).ok().map(|place| (place, Some(80))),
        stamp: Stamp { at: phone.now, up: Some(5), srv: Some(phone.now), srv_up: Some(4) },
    };
    let entry = draft.sign(|message| phone_key.sign(message).to_bytes()).unwrap();
    let seal = phone.write(vec![entry]).unwrap();
    phone.steps(&["completed"], 1);
    meet(&mut desk, &mut phone);
    desk.caller = Principal { role: Role::System, ..desk.caller };
    let held = seal_of(&desk.document, seal).unwrap();
    let tenant = TenantId::new(scene::NOON, [3; 10]);
    let sign = |message: &[u8]| server_key.sign(message).to_bytes();
    let word =
        Countersignature::of(&held, tenant, &phone_key.verifying_key(), desk.now, "2026-1", sign);
    desk.write(vec![word.unwrap().entry(FactId::new(desk.now, [5; 10]))]);
    let bundle = bundle(&desk.document, seal).unwrap();
    (desk.document, bundle)
}

/// The changes of a job as a phone would send them, each in a run of its own.
fn frame_of(document: &Document) -> Vec<u8> {
    let runs = document.changes().iter().map(|(change, _)| {
        let last_hash = ChangeHash([0; 32]);
        Sent::Signed(Run { doc: document.id(), changes: vec![change.clone()], last_hash })
    });
    encode_request(&Request {
        epoch: 7,
        cursor: 1,
        runs: runs.collect(),
        signature: Some([7; 64]),
        ..Request::default()
    })
}
