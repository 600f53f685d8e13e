//! Servers that lie or never come to an end: what they cannot make a phone do.

#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};

use mobile_ffi::{
    Connector, KeepLimits, NetError, Options, Post, Reply, SYNC_MEDIA_TYPE, SyncEnd, Transport,
    WalkUp,
};
use support::{CODE, Enroller, Folder, json, with_job};
use sync_core::admission::{Attested, Verdict, record};
use sync_core::change::Entry;
use sync_core::document::{Author, Document};
use sync_core::id::{ActorId, FactId, JobId, UserId};
use sync_core::policy::{Principal, Role};
use sync_core::schema::{key, section};
use sync_core::sync::{Frame, Request, Response, decode_request, encode_response};
use sync_core::value::Record;

const NOW: i64 = 1_790_000_000_000;

type Answer = dyn Fn(&Request, usize) -> Result<Response, NetError> + Send + Sync;

/// Enrols and logs in every phone, and answers its syncs as a test says.
#[derive(Clone)]
struct Liar {
    enroller: Enroller,
    token: &'static str,
    answer: Arc<Answer>,
    requests: Arc<AtomicUsize>,
    logins: Arc<AtomicUsize>,
}

impl Liar {
    fn new(
        answer: impl Fn(&Request, usize) -> Result<Response, NetError> + Send + Sync + 'static,
    ) -> Self {
        Self {
            enroller: Enroller::of_technician(1),
            token: "t",
            answer: Arc::new(answer),
            requests: Arc::default(),
            logins: Arc::default(),
        }
    }

    fn options(&self) -> Options {
        Options { connector: Arc::new(self.clone()), ..Options::default() }
    }
}

impl Connector for Liar {
    fn connect(&self, _: &str) -> Result<Arc<dyn Transport>, NetError> {
        Ok(Arc::new(self.clone()))
    }
}

impl Transport for Liar {
    fn post(&self, request: Post<'_>) -> Result<Reply, NetError> {
        match request.path {
            "/v1/token" => {
                self.logins.fetch_add(1, Ordering::SeqCst);
                Ok(json(200, &serde_json::json!({"access_token": self.token, "expires_in": 900})))
            }
            "/v1/sync" => {
                let n = self.requests.fetch_add(1, Ordering::SeqCst);
                let answer = (self.answer)(&decode_request(request.body).unwrap(), n)?;
                let mut reply = json(200, &serde_json::Value::Null);
                reply.media_type = SYNC_MEDIA_TYPE.to_owned();
                reply.body = encode_response(&Frame::Response(Box::new(answer)));
                Ok(reply)
            }
            _ => self.enroller.post(request),
        }
    }
}

fn changes(request: &Request) -> usize {
    request.runs.iter().map(|sent| sent.run().changes.len()).sum()
}

fn later(request: &Request) -> Response {
    let verdicts = vec![Verdict::Later { code: "unstorable".into() }; changes(request)];
    let resync = request.epoch != 9;
    Response { epoch: 9, cursor: 1, server_time: NOW, verdicts, resync, ..Response::default() }
}

#[test]
fn a_sync_ends_though_the_server_always_has_more_and_takes_nothing() {
    let liar = Liar::new(|request, n| {
        assert!(n < 5_000, "it goes on for ever");
        Ok(Response { more: true, resync: false, ..later(request) })
    });
    let folder = Folder::new("more");
    let (engine, _) = with_job(&folder.file("p.db"), liar.options());
    let report = engine.sync_now().unwrap();
    assert_eq!(report.end, SyncEnd::Waiting);
    assert!(report.again_in_ms > 0 && report.round_trips < 20, "{report:?}");
}

#[test]
fn more_than_a_page_that_is_taken_later_hides_nothing_behind_it() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sent = Arc::clone(&seen);
    let liar = Liar::new(move |request, n| {
        assert!(n < 200, "it goes on for ever");
        sent.lock().unwrap().extend(request.runs.iter().map(|it| it.run().doc));
        Ok(later(request))
    });
    let folder = Folder::new("behind");
    let (engine, job) = with_job(&folder.file("p.db"), liar.options());
    let mut jobs = vec![job];
    for _ in 0..60 {
        support::note_somewhere(&engine, &mut jobs, &"x".repeat(8000)).unwrap();
    }
    let last = engine.walk_up(WalkUp::default()).unwrap();
    let report = engine.sync_now().unwrap();
    assert_eq!(report.end, SyncEnd::Waiting);
    assert!(seen.lock().unwrap().contains(&last.into()), "{report:?}");
    assert!(report.bytes_up < 2 << 20, "each is sent once: {report:?}");
}

#[test]
fn an_enrolment_does_not_wait_for_a_server_that_never_answers_a_sync() {
    let (entered, enters) = mpsc::channel();
    let (hang_up, hung_up) = mpsc::channel::<()>();
    let (entered, hung_up) = (Mutex::new(entered), Mutex::new(hung_up));
    let liar = Liar::new(move |_, _| {
        entered.lock().unwrap().send(()).unwrap();
        let _ = hung_up.lock().unwrap().recv();
        Err(NetError::Cut("the test is over".into()))
    });
    let folder = Folder::new("hang");
    let (engine, _) = with_job(&folder.file("p.db"), liar.options());
    let syncing = engine.clone();
    let sync = std::thread::spawn(move || syncing.sync_now().unwrap());
    enters.recv().unwrap();
    engine.enrol("http://towline.example", CODE, "again").unwrap();
    let stopped = sync.join().unwrap();
    assert_eq!(stopped.end, SyncEnd::Failed(NetError::Stopped));
    assert!(stopped.again_in_ms > 0);
    // The same by name.
    let syncing = engine.clone();
    let sync = std::thread::spawn(move || syncing.sync_now().unwrap());
    enters.recv().unwrap();
    engine.cancel_sync();
    assert_eq!(sync.join().unwrap().end, SyncEnd::Failed(NetError::Stopped));
    assert_eq!(engine.status().unwrap().waiting, 1);
    drop(hang_up);
}

#[test]
fn verdicts_in_an_order_no_server_gives_stop_nothing_but_their_own_document() {
    let liar = Liar::new(|request, _| {
        if request.epoch != 9 {
            return Ok(later(request));
        }
        let mut answer = later(request);
        let mut at = 0;
        for run in request.runs.iter().map(|sent| sent.run()) {
            for (n, _) in run.changes.iter().enumerate() {
                if n != 1 {
                    answer.verdicts[at] = Verdict::Durable;
                }
                at += 1;
            }
        }
        Ok(answer)
    });
    let folder = Folder::new("gap");
    let path = folder.file("p.db");
    let (engine, job) = with_job(&path, liar.options());
    engine.note(job, "two").unwrap();
    engine.note(job, "three").unwrap();
    engine.walk_up(WalkUp::default()).unwrap();
    assert_eq!(engine.sync_now().unwrap().end, SyncEnd::Waiting);
    assert_eq!(engine.status().unwrap().waiting, 3, "the other job has arrived");
    drop(engine);
    assert!(mobile_ffi::Engine::open(&path, liar.options()).unwrap().job(job).is_ok());
}

/// A job of the office with so many notes.
fn office_job(n: u8, notes: u8) -> Vec<Attested> {
    let mut document = Document::new(JobId::new(NOW, [n; 10]).into());
    let user = UserId::new(NOW, [9; 10]);
    let author = Author::desk(user);
    let caller = Principal { user, role: Role::System };
    let note = |at: u8| {
        let facts = Record::from([(key::TEXT, "y".repeat(2000).into())]);
        let (section, id) = (section::NOTES, FactId::new(NOW, [at; 10]));
        let entries = vec![Entry::Fact { section, id, record: facts }];
        let actor = ActorId::new(NOW, [n; 10]);
        let run = record(&mut document, actor, NOW, &caller, author, entries).unwrap();
        Attested { run, author, receipt: [7; 16] }
    };
    (0..notes).map(note).collect()
}

#[test]
fn a_server_cannot_fill_a_phone_and_what_the_phone_saves_itself_still_fits() {
    for keeps in [
        KeepLimits { documents: 8, ..KeepLimits::default() },
        KeepLimits { bytes: 400 * 1024, ..KeepLimits::default() },
    ] {
        let liar = Liar::new(|request, n| {
            let n = u8::try_from(n).unwrap_or(u8::MAX);
            Ok(Response {
                cursor: u64::from(n) + 1,
                runs: office_job(n, 20),
                more: n < 100,
                resync: false,
                ..later(request)
            })
        });
        let folder = Folder::new("flood");
        let (engine, job) = with_job(&folder.file("p.db"), Options { keeps, ..liar.options() });
        assert!(!engine.status().unwrap().keeps_no_more);
        engine.sync_now().unwrap();
        let jobs = engine.jobs().unwrap().len();
        assert!((2..=16).contains(&jobs), "{jobs} jobs, {keeps:?}");
        assert!(engine.status().unwrap().keeps_no_more);
        engine.note(job, "still saved").unwrap();
        engine.walk_up(WalkUp::default()).unwrap();
    }
}

#[test]
fn a_time_no_clock_shows_harms_nothing() {
    for time in [i64::MIN, -1, 0, i64::MAX] {
        let liar =
            Liar::new(move |request, _| Ok(Response { server_time: time, ..later(request) }));
        let folder = Folder::new("time");
        let (engine, job) = with_job(&folder.file("p.db"), liar.options());
        engine.sync_now().unwrap();
        assert!(engine.status().unwrap().clock_wrong);
        engine.note(job, "seen").unwrap();
    }
}

#[test]
fn a_token_no_header_can_carry_is_not_kept() {
    for token in ["a\nb", "", "a b", "é", "===="] {
        let liar = Liar { token, ..Liar::new(|request, _| Ok(later(request))) };
        let folder = Folder::new("token");
        let (engine, _) = with_job(&folder.file("p.db"), liar.options());
        for logins in 1..3 {
            let end = engine.sync_now().unwrap().end;
            assert!(matches!(end, SyncEnd::Failed(NetError::Garbled(_))), "{token:?}: {end:?}");
            assert_eq!(liar.logins.load(Ordering::SeqCst), logins, "it logs in again");
        }
        assert_eq!(liar.requests.load(Ordering::SeqCst), 0);
    }
}

#[test]
fn a_socket_goes_to_the_next_address_of_a_name_when_the_first_is_not_served() {
    use std::net::ToSocketAddrs as _;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let addresses: Vec<_> = format!("localhost:{port}").to_socket_addrs().unwrap().collect();
    let first = BTreeMap::from([(true, "IPv6 first"), (false, "one address")]);
    eprintln!("localhost: {}", first[&addresses[0].is_ipv6()]);
    std::thread::spawn(move || {
        let mut socket = tungstenite::accept(listener.accept().unwrap().0).unwrap();
        while let Ok(message) = socket.read() {
            if message.is_binary() {
                let _ = socket.send(tungstenite::Message::binary(b"answer".to_vec()));
            }
        }
    });
    let socket = mobile_ffi::SocketTransport::new(&format!("http://localhost:{port}")).unwrap();
    assert_eq!(socket.sync("t", b"frame"), Ok(b"answer".to_vec()));
}
