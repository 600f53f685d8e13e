//! A phone changes hands: nothing that waits is wiped, nothing that was wiped stays in the file, and
//! what the office refused of a revoked phone stays to be read.

#![allow(clippy::unwrap_used)]

mod support;

use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mobile_ffi::{
    Connector, Engine, EngineError, FileVault, NetError, Options, Post, Reply, Transport, Vault,
    WalkUp,
};
use support::{CODE, Enroller, Folder, json, with_job};
use sync_core::admission::Verdict;
use sync_core::sync::{Sent, decode_request, encode_verdict_list};

/// The server of a revoked phone: it decides with `verdict` about each change, once `reason` is set.
#[derive(Clone)]
struct Revoked {
    enroller: Arc<Mutex<Enroller>>,
    reason: Arc<Mutex<Option<&'static str>>>,
    tells: bool,
    verdict: fn(usize) -> Verdict,
}

impl Revoked {
    fn new(tells: bool, verdict: fn(usize) -> Verdict) -> Self {
        let enroller = Arc::new(Mutex::new(Enroller::of_technician(1)));
        Self { enroller, reason: Arc::default(), tells, verdict }
    }

    fn options(&self) -> Options {
        Options { connector: Arc::new(self.clone()), ..Options::default() }
    }
}

impl Connector for Revoked {
    fn connect(&self, _: &str) -> Result<Arc<dyn Transport>, NetError> {
        Ok(Arc::new(self.clone()))
    }
}

impl Transport for Revoked {
    fn post(&self, request: Post<'_>) -> Result<Reply, NetError> {
        match request.path {
            "/v1/token" => {
                Ok(json(200, &serde_json::json!({"access_token": "t", "expires_in": 900})))
            }
            "/v1/sync" => {
                let request = decode_request(request.body).unwrap();
                let changes: usize =
                    request.runs.iter().map(Sent::run).map(|r| r.changes.len()).sum();
                let mut body = serde_json::json!({"code": "device_revoked"});
                if let Some(reason) = *self.reason.lock().unwrap() {
                    body["reason"] = reason.into();
                    if self.tells {
                        let verdicts: Vec<_> = (0..changes).map(self.verdict).collect();
                        body["verdicts"] =
                            URL_SAFE_NO_PAD.encode(encode_verdict_list(&verdicts)).into();
                    }
                }
                Ok(json(401, &body))
            }
            _ => self.enroller.lock().unwrap().post(request),
        }
    }
}

/// The first change was taken, what followed was recorded too late.
fn first_only(change: usize) -> Verdict {
    match change {
        0 => Verdict::Durable,
        _ => Verdict::refused("recorded_after_revocation", "Too late."),
    }
}

#[test]
fn what_was_refused_of_a_submission_is_kept_with_its_reason_through_enrolments() {
    let folder = Folder::new("partly");
    let server = Revoked::new(true, first_only);
    let (engine, job) = with_job(&folder.file("p.db"), server.options());
    engine.note(job, "customer paid 4,000 in cash").unwrap();
    *server.reason.lock().unwrap() = Some("partly_accepted");
    engine.sync_now().unwrap();
    let status = engine.status().unwrap();
    assert_eq!((status.waiting, status.refused), (0, 1));
    for technician in [1, 2] {
        *server.enroller.lock().unwrap() = Enroller::of_technician(technician);
        engine.enrol("http://towline.example", CODE, "phone").unwrap();
        let refused = engine.refused().unwrap();
        assert_eq!(refused.len(), 1);
        assert_eq!(refused[0].code, "recorded_after_revocation");
        assert!(format!("{:?}", refused[0].entries).contains("4,000 in cash"));
    }
}

#[test]
fn an_acceptance_that_tells_no_verdicts_leaves_the_work_waiting() {
    let folder = Folder::new("untold");
    let server = Revoked::new(false, first_only);
    let (engine, _) = with_job(&folder.file("p.db"), server.options());
    *server.reason.lock().unwrap() = Some("accepted");
    engine.sync_now().unwrap();
    assert_eq!(engine.status().unwrap().waiting, 1);
}

type Hook = Box<dyn FnOnce() + Send>;

/// A vault that takes its time: meanwhile the app goes on.
struct Slow {
    inner: FileVault,
    hook: Mutex<Option<Hook>>,
}

impl Vault for Slow {
    fn load(&self) -> std::io::Result<Option<Vec<u8>>> {
        self.inner.load()
    }

    fn keep(&self, secret: &[u8]) -> std::io::Result<()> {
        let hook = self.hook.lock().unwrap().take();
        if let Some(hook) = hook {
            hook();
        }
        self.inner.keep(secret)
    }
}

fn durable(_: usize) -> Verdict {
    Verdict::Durable
}

#[test]
fn work_saved_while_another_technician_enrols_is_not_wiped() {
    let folder = Folder::new("race");
    let path = folder.file("p.db");
    let vault =
        Arc::new(Slow { inner: FileVault::at(folder.file("secret")), hook: Mutex::default() });
    let server = Revoked::new(true, durable);
    let options = Options { vault: Some(vault.clone()), ..server.options() };
    let (engine, job) = with_job(&path, options.clone());
    *server.reason.lock().unwrap() = Some("accepted");
    engine.sync_now().unwrap();
    assert_eq!(engine.status().unwrap().waiting, 0);
    *server.enroller.lock().unwrap() = Enroller::of_technician(2);
    let (app, user) = (engine.clone(), engine.status().unwrap().user);
    *vault.hook.lock().unwrap() = Some(Box::new(move || {
        app.note(job, "customer paid 4,000 in cash").unwrap();
    }));
    let enrolled = engine.enrol("http://towline.example", CODE, "phone");
    assert!(matches!(enrolled, Err(EngineError::OtherUser)), "{enrolled:?}");
    drop(engine);
    let status = Engine::open(&path, options).unwrap().status().unwrap();
    assert_eq!((status.waiting, status.user, status.needs_enrolment), (1, user, false));
}

#[test]
fn what_the_last_technician_had_is_in_no_file_after_another_was_enrolled() {
    let folder = Folder::new("wiped");
    let path = folder.file("p.db");
    let server = Revoked::new(true, durable);
    let (engine, job) = with_job(&path, server.options());
    let secret = "the customer's door code is 4711-0815";
    engine.note(job, secret).unwrap();
    *server.reason.lock().unwrap() = Some("accepted");
    engine.sync_now().unwrap();
    *server.enroller.lock().unwrap() = Enroller::of_technician(2);
    engine.enrol("http://towline.example", CODE, "phone").unwrap();
    for entry in std::fs::read_dir(path.parent().unwrap()).unwrap() {
        let file = entry.unwrap().path();
        let bytes = std::fs::read(&file).unwrap();
        let there = bytes.windows(secret.len()).any(|it| it == secret.as_bytes());
        assert!(!there, "{}", file.display());
    }
}

#[test]
fn a_copy_without_its_key_says_so_and_can_be_handed_over_once_its_work_is_exported() {
    let folder = Folder::new("copy");
    let path = folder.file("p.db");
    let (engine, job) = with_job(&path, Enroller::of_technician(1).options());
    engine.note(job, "the bolt is rusted").unwrap();
    drop(engine);
    std::fs::remove_file(folder.file("p.db.secret")).unwrap();
    let engine = Engine::open(&path, Enroller::of_technician(2).options()).unwrap();
    assert!(engine.status().unwrap().key_missing);
    assert!(matches!(engine.ready_to_record(), Err(EngineError::KeyMissing)));
    let enrol = || engine.enrol("http://towline.example", CODE, "phone");
    assert!(matches!(enrol(), Err(EngineError::OtherUser)));

    let file = folder.file("work.json");
    assert_eq!(engine.export_work(&file).unwrap(), 2);
    let exported = std::fs::read_to_string(&file).unwrap();
    assert!(exported.contains("the bolt is rusted") && exported.contains(&job.to_string()));
    // What is saved after that is in no file yet.
    engine.note(job, "and so is the nut").unwrap();
    assert!(matches!(enrol(), Err(EngineError::OtherUser)));
    assert_eq!(engine.export_work(&file).unwrap(), 3);
    enrol().unwrap();
    let status = engine.status().unwrap();
    assert!(!status.key_missing && status.waiting == 0);
    engine.walk_up(WalkUp::default()).unwrap();
}
