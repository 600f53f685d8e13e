//! What a phone does with the server's answers: one refusal blocks nothing, work is re-authored
//! with its ids, and an answer that never arrived is asked for again.

#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use mobile_ffi::ffi::{ServerCode, SyncOutcome, SyncResult};
use mobile_ffi::{
    Connector, Engine, NetError, Options, Post, Reply, SYNC_MEDIA_TYPE, SyncEnd, Transport,
};
use support::{CODE, Enroller, Folder, json};
use sync_core::admission::{Verdict, record, replay};
use sync_core::change::{Change, Entry, Run};
use sync_core::document::{Author, Digest, Document};
use sync_core::id::{ActorId, FactId, JobId, UserId};
use sync_core::policy::{Principal, Role};
use sync_core::schema::{DocId, key};
use sync_core::sync::{Frame, Request, Response, decode_request, encode_response};
use sync_core::value::Value;

const EPOCH: u64 = 9;

/// A server that takes what it is not told to refuse.
#[derive(Clone)]
struct Server {
    enroller: Enroller,
    state: Arc<Mutex<ServerState>>,
}

#[derive(Default)]
struct ServerState {
    docs: BTreeMap<DocId, Document>,
    /// The actor whose changes are forks.
    forked: Option<ActorId>,
    /// Answers to drop after everything was committed.
    lose_answers: usize,
    requests: Vec<Request>,
    /// There is no room for work.
    full: bool,
}

impl Server {
    fn new() -> Self {
        Self { enroller: Enroller::of_technician(1), state: Arc::default() }
    }

    fn options(&self) -> Options {
        Options { connector: Arc::new(self.clone()), ..Options::default() }
    }

    fn answer(&self, request: &Request) -> Response {
        let mut held = self.state.lock().unwrap();
        let verdicts = request.runs.iter().flat_map(|sent| held.admit(sent.run())).collect();
        let digest: Digest = held.docs.values().map(Document::fingerprint).collect();
        let cursor = request.cursor.max(1);
        let server_time = 1_790_000_000_000;
        let retry_after_ms = if held.full { 900_000 } else { 0 };
        Response {
            epoch: EPOCH,
            cursor,
            digest,
            server_time,
            verdicts,
            retry_after_ms,
            ..Response::default()
        }
    }
}

impl ServerState {
    fn admit(&mut self, run: &Run) -> Vec<Verdict> {
        let document = self.docs.entry(run.doc).or_insert_with(|| Document::new(run.doc));
        let held = document.seq_of(&run.actor());
        if self.full {
            return vec![Verdict::Later { code: "quota".to_owned() }; run.changes.len()];
        }
        if self.forked == Some(run.actor()) {
            return vec![Verdict::Fork; run.changes.len()];
        }
        let mut verdicts = Vec::new();
        let mut good: Vec<Change> = Vec::new();
        for change in &run.changes {
            verdicts.push(match verdicts.last() {
                Some(Verdict::Refused { .. } | Verdict::Reauthor) => Verdict::Reauthor,
                _ if change.entries.iter().any(says_refuse_me) => {
                    Verdict::refused("for_a_test", "The test wants it refused.")
                }
                _ => {
                    good.push(change.clone());
                    Verdict::Durable
                }
            });
        }
        if good.len() == run.changes.len() {
            replay(document, run, author()).unwrap();
        } else {
            // A part of a run has another last hash than the run; re-authoring it finds it.
            for change in good.into_iter().filter(|change| change.seq > held) {
                let Author { user: Some(user), .. } = author() else { unreachable!() };
                let caller = Principal { user, role: Role::Technician };
                let Change { actor, time, entries, .. } = change;
                record(document, actor, time, &caller, author(), entries).unwrap();
            }
        }
        verdicts
    }
}

/// The technician of the phone under test.
fn author() -> Author {
    Author::desk(UserId::new(1_790_000_000_000, [1; 10]))
}

fn says_refuse_me(entry: &Entry) -> bool {
    let Entry::Fact { record, .. } = entry else { return false };
    record.get(&key::TEXT).and_then(Value::as_text) == Some("refuse me")
}

impl Connector for Server {
    fn connect(&self, _server_url: &str) -> Result<Arc<dyn Transport>, NetError> {
        Ok(Arc::new(self.clone()))
    }
}

impl Transport for Server {
    fn post(&self, request: Post<'_>) -> Result<Reply, NetError> {
        match request.path {
            "/v1/token" => {
                Ok(json(200, &serde_json::json!({"access_token": "t", "expires_in": 900})))
            }
            "/v1/sync" => {
                assert_eq!(request.bearer, Some("t"));
                let decoded = decode_request(request.body).unwrap();
                let answer = self.answer(&decoded);
                let mut held = self.state.lock().unwrap();
                held.requests.push(decoded);
                if held.lose_answers > 0 {
                    held.lose_answers -= 1;
                    return Err(NetError::Cut("for a test".to_owned()));
                }
                let mut reply = json(200, &serde_json::Value::Null);
                reply.media_type = SYNC_MEDIA_TYPE.to_owned();
                reply.body = encode_response(&Frame::Response(Box::new(answer)));
                Ok(reply)
            }
            _ => self.enroller.post(request),
        }
    }
}

fn phone(server: &Server, folder: &Folder) -> (Engine, JobId) {
    support::with_job(&folder.file("phone.db"), server.options())
}

fn notes(engine: &Engine, job: JobId) -> Vec<FactId> {
    engine.job(job).unwrap().notes.iter().map(|note| note.id).collect()
}

#[test]
fn everything_taken_is_durable_and_both_agree() {
    let (server, folder) = (Server::new(), Folder::new("durable"));
    let (engine, job) = phone(&server, &folder);
    engine.note(job, "one").unwrap();
    let report = engine.sync_now().unwrap();
    assert_eq!(report.end, SyncEnd::UpToDate);
    assert_eq!((report.durable, report.round_trips), (2, 1));
    let status = engine.status().unwrap();
    assert_eq!((status.waiting, status.refused), (0, 0));
    assert!(status.last_synced.is_some());
}

#[test]
fn work_without_room_on_the_server_stays_and_says_why_and_when_it_is_sent_again() {
    let (server, folder) = (Server::new(), Folder::new("full"));
    let (engine, job) = phone(&server, &folder);
    let kept = engine.note(job, "one").unwrap();
    server.state.lock().unwrap().full = true;
    let report = engine.sync_now().unwrap();
    assert_eq!((report.end.clone(), report.later.as_deref()), (SyncEnd::Waiting, Some("quota")));
    assert!(report.again_in_ms >= 900_000, "{report:?}");
    assert_eq!(report.round_trips, 1, "it does not ask again at once");
    let shown = SyncResult::from(report);
    let SyncOutcome::Waiting { why: Some(why) } = shown.end else { panic!("{shown:?}") };
    assert_eq!(why.code, ServerCode::Quota);
    assert!(why.sentence.contains("no room"), "{}", why.sentence);
    assert_eq!((notes(&engine, job), engine.status().unwrap().waiting), (vec![kept], 2));
    server.state.lock().unwrap().full = false;
    let report = engine.sync_now().unwrap();
    assert_eq!((report.end, report.durable, report.later), (SyncEnd::UpToDate, 2, None));
}

#[test]
fn a_refusal_is_kept_with_its_reason_and_holds_nothing_else_up() {
    let (server, folder) = (Server::new(), Folder::new("refused"));
    let (engine, job) = phone(&server, &folder);
    let other = engine.walk_up(mobile_ffi::WalkUp::default()).unwrap();
    let first = engine.note(job, "first").unwrap();
    engine.note(job, "refuse me").unwrap();
    let last = engine.note(job, "last").unwrap();
    let elsewhere = engine.note(other, "elsewhere").unwrap();
    engine.sync_now().unwrap();

    assert_eq!(notes(&engine, job), [first, last], "the others keep their ids");
    assert_eq!(notes(&engine, other), [elsewhere]);
    assert_eq!(engine.status().unwrap().waiting, 0, "the rest went through");
    let refused = engine.refused().unwrap();
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0].code, "for_a_test");
    assert!(refused[0].entries.iter().any(says_refuse_me), "kept whole");
    drop(engine);
    let engine = Engine::open(folder.file("phone.db"), server.options()).unwrap();
    assert_eq!(notes(&engine, job), [first, last]);
    assert_eq!(engine.status().unwrap().refused, 1);
}

#[test]
fn a_forked_actor_is_left_for_a_fresh_one_and_no_fact_changes_its_id() {
    let (server, folder) = (Server::new(), Folder::new("fork"));
    let (engine, job) = phone(&server, &folder);
    let note = engine.note(job, "one").unwrap();
    let facts = engine.saved_facts().unwrap();
    let actor = engine.document(job.into()).unwrap().changes()[0].0.actor;
    server.state.lock().unwrap().forked = Some(actor);
    engine.sync_now().unwrap();

    let document = engine.document(job.into()).unwrap();
    assert!(document.changes().iter().all(|(change, _)| change.actor != actor));
    assert_eq!(engine.saved_facts().unwrap(), facts);
    assert_eq!(notes(&engine, job), [note]);
    assert_eq!(engine.status().unwrap().waiting, 0);
}

#[test]
fn work_committed_by_a_server_whose_answer_was_lost_is_sent_again_as_it_was() {
    let (server, folder) = (Server::new(), Folder::new("lost-answer"));
    let (engine, job) = phone(&server, &folder);
    engine.note(job, "one").unwrap();
    server.state.lock().unwrap().lose_answers = 1;
    let report = engine.sync_now().unwrap();
    assert!(matches!(report.end, SyncEnd::Failed(NetError::Cut(_))));
    assert_eq!(engine.status().unwrap().waiting, 2);
    engine.note(job, "two").unwrap();

    assert_eq!(engine.sync_now().unwrap().end, SyncEnd::UpToDate);
    let held = server.state.lock().unwrap();
    let (first, second) = (&held.requests[0].runs[0], &held.requests[1].runs[0]);
    assert_eq!(first.run().changes, second.run().changes[..2]);
    let document = engine.document(job.into()).unwrap();
    assert_eq!(held.docs[&job.into()].fingerprint(), document.fingerprint());
}

#[test]
fn a_phone_enrolled_again_sends_what_waited_under_its_new_device() {
    let (server, folder) = (Server::new(), Folder::new("again"));
    let (engine, job) = phone(&server, &folder);
    let note = engine.note(job, "one").unwrap();
    engine.enrol("http://towline.example", CODE, "the same phone").unwrap();
    assert_eq!(engine.sync_now().unwrap().end, SyncEnd::UpToDate);
    assert_eq!(notes(&engine, job), [note]);
    assert_eq!(engine.status().unwrap().waiting, 0);
}

#[test]
fn a_listener_may_ask_for_a_sync_while_it_is_told_of_one() {
    struct Eager(Engine, Mutex<u32>);
    impl mobile_ffi::Listener for Eager {
        fn changed(&self, _event: mobile_ffi::Event) {
            let busy = self.0.status().unwrap().syncing;
            let report = self.0.sync_now().unwrap();
            assert!(!busy || report.round_trips == 0);
            *self.1.lock().unwrap() += 1;
        }
    }
    let (server, folder) = (Server::new(), Folder::new("eager"));
    let (engine, _) = phone(&server, &folder);
    let eager = Arc::new(Eager(engine.clone(), Mutex::default()));
    let watch = engine.watch(eager.clone());
    let told = std::thread::scope(|scope| {
        let sync = scope.spawn(|| engine.sync_now().unwrap());
        sync.join().unwrap();
        *eager.1.lock().unwrap()
    });
    assert!(told >= 2);
    drop(watch);
}
