//! How long a phone keeps what only it may still have: by both clocks, and no wrong one shortens it.

#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use mobile_ffi::{
    Clock, Connector, Engine, NetError, Options, Post, Reply, SYNC_MEDIA_TYPE, SyncEnd, Transport,
};
use support::{CODE, Enroller, Folder, json};
use sync_core::admission::{Attested, Verdict, record, replay};
use sync_core::change::{Change, Entry};
use sync_core::document::{Author, Document};
use sync_core::id::{ActorId, DeviceId, FactId, JobId, UserId};
use sync_core::policy::{Principal, Role};
use sync_core::schema::{DocId, key, section};
use sync_core::sync::{Frame, Request, Response, decode_request, encode_response};
use sync_core::value::{Record, Value};

/// When everything begins, and what the server that enrols says it is.
const STARTS: i64 = 1_790_000_000_000;
const DAY: i64 = 24 * 60 * 60 * 1000;
const DECADE: i64 = 3653 * DAY;

/// A phone's world: the true time, how wrong two clocks are, and a server that takes everything.
#[derive(Clone)]
struct World {
    enroller: Enroller,
    now: Arc<Mutex<Now>>,
}

#[derive(Default)]
struct Now {
    days: i64,
    server_ahead: i64,
    phone_ahead: i64,
    docs: BTreeMap<DocId, Document>,
    /// What the next answer brings.
    runs: Vec<Attested>,
    released: Vec<DocId>,
}

impl World {
    fn new() -> Self {
        Self { enroller: Enroller::of_technician(1), now: Arc::default() }
    }

    fn options(&self) -> Options {
        let clock = Arc::new(self.clone());
        Options { clock, connector: Arc::new(self.clone()), ..Options::default() }
    }

    /// So many days later both meet, with clocks that are so far ahead.
    fn meet(&self, engine: &Engine, days: i64, server_ahead: i64, phone_ahead: i64) {
        let mut now = self.now.lock().unwrap();
        now.days += days;
        (now.server_ahead, now.phone_ahead) = (server_ahead, phone_ahead);
        drop(now);
        assert_eq!(engine.sync_now().unwrap().end, SyncEnd::UpToDate);
    }

    fn answer(&self, request: &Request) -> Response {
        let mut now = self.now.lock().unwrap();
        let mut verdicts = Vec::new();
        for run in request.runs.iter().map(|sent| sent.run()) {
            if run.changes.iter().any(|change| says(change, "not now")) {
                verdicts.extend(vec![Verdict::Later { code: "busy".into() }; run.changes.len()]);
                continue;
            }
            if run.changes.iter().any(|change| says(change, "refuse me")) {
                let refused = Verdict::refused("for_a_test", "The test wants it refused.");
                verdicts.extend(vec![refused; run.changes.len()]);
                continue;
            }
            let document = now.docs.entry(run.doc).or_insert_with(|| Document::new(run.doc));
            replay(document, run, technician()).unwrap();
            verdicts.extend(vec![Verdict::Durable; run.changes.len()]);
        }
        let (runs, released) = (std::mem::take(&mut now.runs), std::mem::take(&mut now.released));
        released.iter().for_each(|doc| drop(now.docs.remove(doc)));
        let digest = now.docs.values().map(Document::fingerprint).collect();
        let server_time = STARTS + now.days * DAY + now.server_ahead;
        let (epoch, cursor) = (9, request.cursor.max(1));
        Response {
            epoch,
            cursor,
            digest,
            server_time,
            verdicts,
            runs,
            released,
            ..Response::default()
        }
    }
}

/// Every day is a boot of its own, so that the phone goes by its wall clock from day to day.
impl Clock for World {
    fn wall_ms(&self) -> i64 {
        let now = self.now.lock().unwrap();
        STARTS + now.days * DAY + now.phone_ahead
    }

    fn up_ms(&self) -> i64 {
        60_000
    }

    fn boot(&self) -> String {
        self.now.lock().unwrap().days.to_string()
    }
}

impl Connector for World {
    fn connect(&self, _server_url: &str) -> Result<Arc<dyn Transport>, NetError> {
        Ok(Arc::new(self.clone()))
    }
}

impl Transport for World {
    fn post(&self, request: Post<'_>) -> Result<Reply, NetError> {
        match request.path {
            "/v1/token" => {
                Ok(json(200, &serde_json::json!({"access_token": "t", "expires_in": 900})))
            }
            "/v1/sync" => {
                let answer = self.answer(&decode_request(request.body).unwrap());
                let mut reply = json(200, &serde_json::Value::Null);
                reply.media_type = SYNC_MEDIA_TYPE.to_owned();
                reply.body = encode_response(&Frame::Response(Box::new(answer)));
                Ok(reply)
            }
            _ => self.enroller.post(request),
        }
    }
}

/// The technician of the phone under test.
fn technician() -> Author {
    Author::desk(UserId::new(STARTS, [1; 10]))
}

fn says(change: &Change, text: &str) -> bool {
    change.entries.iter().any(|entry| match entry {
        Entry::Fact { record, .. } => record.get(&key::TEXT).and_then(Value::as_text) == Some(text),
        Entry::Field { .. } | Entry::Section { .. } => false,
    })
}

/// A phone with a job that was released and a note that was refused, both today.
fn phone(world: &World, folder: &Folder) -> (Engine, JobId) {
    let (engine, job) = support::with_job(&folder.file("phone.db"), world.options());
    world.meet(&engine, 0, 0, 0);
    engine.note(job, "refuse me").unwrap();
    world.meet(&engine, 0, 0, 0);
    world.now.lock().unwrap().released.push(job.into());
    world.meet(&engine, 0, 0, 0);
    assert!(holds(&engine) && engine.refused().unwrap().len() == 1);
    (engine, job)
}

fn holds(engine: &Engine) -> bool {
    !engine.saved_facts().unwrap().is_empty()
}

#[test]
fn a_released_document_is_dropped_after_35_days_and_a_refusal_after_400() {
    let (world, folder) = (World::new(), Folder::new("keeping"));
    let (engine, _) = phone(&world, &folder);
    world.meet(&engine, 35, 0, 0);
    assert!(holds(&engine));
    world.meet(&engine, 1, 0, 0);
    assert!(!holds(&engine));
    world.meet(&engine, 364, 0, 0);
    assert_eq!(engine.refused().unwrap().len(), 1);
    drop(engine);
    let engine = Engine::open(folder.file("phone.db"), world.options()).unwrap();
    world.meet(&engine, 1, 0, 0);
    assert_eq!(engine.refused().unwrap().len(), 0);
}

#[test]
fn a_clock_that_is_years_ahead_alone_makes_the_phone_drop_nothing() {
    // The server's, the phone's, and one after the other.
    for wrong in [&[(DECADE, 0)][..], &[(0, DECADE)], &[(DECADE, 0), (0, DECADE), (DECADE, 0)]] {
        let (world, folder) = (World::new(), Folder::new("ahead"));
        let (engine, _) = phone(&world, &folder);
        for (server, phone) in wrong {
            world.meet(&engine, 1, *server, *phone);
            assert!(holds(&engine) && engine.refused().unwrap().len() == 1, "{wrong:?}");
        }
        // All is well again: nothing was counted that had not passed, and the count goes on.
        world.meet(&engine, 1, 0, 0);
        world.meet(&engine, 30, 0, 0);
        assert!(holds(&engine) && engine.refused().unwrap().len() == 1, "{wrong:?}");
        world.meet(&engine, 10, 0, 0);
        assert!(!holds(&engine) && engine.refused().unwrap().len() == 1, "{wrong:?}");
    }
}

#[test]
fn a_document_that_comes_back_is_counted_again_when_it_leaves_again() {
    let (world, folder) = (World::new(), Folder::new("back"));
    let (engine, job) = phone(&world, &folder);
    world.meet(&engine, 30, 0, 0);
    let document = engine.document(job.into()).unwrap();
    let (change, _) = document.changes().first().unwrap().clone();
    let reference = sync_core::change::ChangeRef { actor: change.actor, seq: change.seq };
    let last_hash = document.hash_of(&reference).unwrap();
    let run = sync_core::change::Run { doc: job.into(), changes: vec![change], last_hash };
    {
        let mut now = world.now.lock().unwrap();
        now.docs.insert(job.into(), document);
        now.runs.push(Attested { run, author: technician(), receipt: [7; 16] });
    }
    world.meet(&engine, 1, 0, 0);
    world.now.lock().unwrap().released.push(job.into());
    world.meet(&engine, 1, 0, 0);
    world.meet(&engine, 35, 0, 0);
    assert!(holds(&engine));
    world.meet(&engine, 1, 0, 0);
    assert!(!holds(&engine));
}

#[test]
fn work_refused_while_it_is_reauthored_carries_the_servers_time() {
    let (world, folder) = (World::new(), Folder::new("again"));
    let (engine, job) = support::with_job(&folder.file("phone.db"), world.options());
    world.meet(&engine, 0, 0, 0);
    engine.note(job, "durable").unwrap();
    world.meet(&engine, 0, 0, 0);
    // So many wrote that the document takes no further actor: a fresh one of the phone's.
    {
        let mut now = world.now.lock().unwrap();
        let mut runs = Vec::new();
        let document = now.docs.get_mut(&job.into()).unwrap();
        for n in 0_u64.. {
            let mut tail = [3; 10];
            tail[..8].copy_from_slice(&n.to_be_bytes());
            let facts = Record::from([(key::AT, STARTS.into()), (key::TEXT, "x".into())]);
            let id = FactId::new(STARTS, tail);
            let entry = Entry::Fact { section: section::NOTES, id, record: facts };
            let actor = ActorId::new(STARTS, tail);
            // No one person may bring so many.
            let user = UserId::new(STARTS, [(10 + n / 40) as u8; 10]);
            let author = Author::phone(user, DeviceId::new(STARTS, [2; 10]));
            let caller = Principal { user, role: Role::System };
            let Ok(run) = record(document, actor, STARTS, &caller, author, vec![entry]) else {
                break;
            };
            runs.push(Attested { run, author, receipt: [7; 16] });
        }
        now.runs = runs;
    }
    // The note waits while they arrive.
    engine.note(job, "not now").unwrap();
    engine.sync_now().unwrap();
    world.now.lock().unwrap().phone_ahead = DECADE;
    engine.enrol("http://towline.example", CODE, "the same phone").unwrap();
    let refused = engine.refused().unwrap();
    assert_eq!(refused.len(), 1);
    assert_eq!((refused[0].code.as_str(), refused[0].at), ("limit", STARTS));
    // Another technician takes over the phone: what was refused is nowhere else, and stays.
    drop(engine);
    let mut other = world;
    other.enroller = Enroller::of_technician(2);
    let engine = Engine::open(folder.file("phone.db"), other.options()).unwrap();
    engine.enrol("http://towline.example", CODE, "the same phone").unwrap();
    assert!(engine.jobs().unwrap().is_empty(), "the last technician's jobs are gone");
    assert_eq!(engine.refused().unwrap().len(), 1);
    assert_eq!(engine.status().unwrap().refused, 1);
}
