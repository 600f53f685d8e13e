//! Honest people at work all the while: a dispatcher over REST and a technician's real phone.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use mobile_ffi::{Engine, Options, StepDetails, SyncEnd};
use serde_json::json;
use sync_core::id::{JobId, UserId};
use sync_core::job::Step;

use super::town::{PASSWORD, Town};
use crate::ledger::{FactKey, Ledger};
use crate::rest::Rest;

/// Between two rounds of an honest person, so that the machine is not theirs alone.
const PACE: Duration = Duration::from_millis(40);

/// How long honest requests took.
#[derive(Debug, Clone, Copy, Default)]
pub struct Latency {
    /// How many there were.
    pub requests: usize,
    /// Half of them took at most this long.
    pub p50: Duration,
    /// All but one in a hundred took at most this long.
    pub p99: Duration,
    /// The longest.
    pub worst: Duration,
}

impl Latency {
    fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let at = |share: usize| {
            let index = (times.len() * share / 100).min(times.len().saturating_sub(1));
            times.get(index).copied().unwrap_or_default()
        };
        Self { requests: times.len(), p50: at(50), p99: at(99), worst: at(100) }
    }
}

#[derive(Default)]
struct Notes {
    times: Mutex<Vec<Duration>>,
    failures: Mutex<Vec<String>>,
    stop: AtomicBool,
}

impl Notes {
    fn timed<T>(&self, what: &str, work: impl FnOnce() -> Result<T, String>) -> Option<T> {
        let started = Instant::now();
        let done = work();
        lock(&self.times).push(started.elapsed());
        done.map_err(|error| lock(&self.failures).push(format!("{what}: {error}"))).ok()
    }
}

/// The honest, at work until they are told to go home.
pub struct Honest {
    notes: Arc<Notes>,
    desk: JoinHandle<()>,
    phone: JoinHandle<Ledger>,
}

impl Honest {
    /// Sends them to work.
    pub fn begin(town: &Town) -> Result<Self, String> {
        let url = format!("http://{}", town.server.address);
        let user = json!({"login": "honest", "name": "Honest", "role": "technician"});
        let user = town.admin.post("/v1/users", &user).json();
        let user: UserId =
            user["id"].as_str().unwrap_or_default().parse().map_err(|_| "a technician")?;
        let engine = Engine::open(town.folder().join("honest.db"), Options::default());
        let engine = engine.map_err(|e| e.to_string())?;
        let code = town.admin.post("/v1/devices/codes", &json!({"user": user})).json();
        let code = code["code"].as_str().unwrap_or_default();
        let enrolled = engine.enrol(&url, code, "phone").map_err(|e| e.to_string())?;
        let confirm = format!("/v1/devices/{}/confirm", enrolled.device);
        town.admin.post(&confirm, &json!({"digits": enrolled.digits}));
        let rest = Rest::log_in(&url, "acme", "desk", PASSWORD).map_err(|e| e.to_string())?;
        let notes = Arc::new(Notes::default());
        let (at_desk, on_road) = (Arc::clone(&notes), Arc::clone(&notes));
        let desk = thread::spawn(move || dispatch(&at_desk, &rest, user));
        let phone = thread::spawn(move || drive(&on_road, &engine, user));
        Ok(Self { notes, desk, phone })
    }

    /// How long their requests took since the last question.
    pub fn latency(&self) -> Latency {
        Latency::of(std::mem::take(&mut *lock(&self.notes.times)))
    }

    /// How many requests they made since the last question.
    pub fn requests(&self) -> usize {
        lock(&self.notes.times).len()
    }

    /// Sends them home: what failed, and what the phone saved.
    pub fn end(self) -> Result<(Vec<String>, Ledger), String> {
        self.notes.stop.store(true, Ordering::Relaxed);
        self.desk.join().map_err(|_| "the honest dispatcher panicked")?;
        let ledger = self.phone.join().map_err(|_| "the honest phone panicked")?;
        let failures = std::mem::take(&mut *lock(&self.notes.failures));
        Ok((failures, ledger))
    }
}

fn dispatch(notes: &Notes, rest: &Rest, technician: UserId) {
    let ask = |what: &str, path: &str| {
        notes.timed(what, || rest.get(path).map_err(|e| e.to_string()));
    };
    let say = |path: &str, body: &serde_json::Value| {
        notes.timed(path, || rest.post(path, body).map_err(|e| e.to_string()))
    };
    let mut round = 0;
    while !notes.stop.load(Ordering::Relaxed) {
        round += 1;
        let call = json!({"problem": "flat_tyre", "address": format!("Harbour Road {round}")});
        let job = say("/v1/jobs", &call).and_then(|made| made.text("id").ok());
        if let Some(job) = job {
            if round % 4 == 1 {
                say(&format!("/v1/jobs/{job}/assign"), &json!({"technician": technician}));
            } else {
                say(&format!("/v1/jobs/{job}/notes"), &json!({"text": "Calls back."}));
            }
            ask("a job", &format!("/v1/jobs/{job}"));
        }
        ask("the list", "/v1/jobs?limit=20");
        ask("vans", "/v1/vans");
        thread::sleep(PACE);
    }
}

fn drive(notes: &Notes, engine: &Engine, user: UserId) -> Ledger {
    let mut ledger = Ledger::default();
    let mut done: Vec<JobId> = Vec::new();
    let sync = || {
        notes.timed("sync", || match engine.sync_now() {
            Ok(report) if report.end == SyncEnd::UpToDate => Ok(()),
            Ok(report) => Err(format!("{:?}", report.end)),
            Err(error) => Err(error.to_string()),
        });
    };
    while !notes.stop.load(Ordering::Relaxed) {
        sync();
        let jobs = engine.jobs().unwrap_or_default();
        if let Some((job, _)) = jobs.into_iter().find(|(job, _)| !done.contains(job)) {
            done.push(job);
            for step in [Step::Accepted, Step::EnRoute, Step::OnScene, Step::Completed] {
                notes.timed("saving", || {
                    let saved = engine.step(job, step, StepDetails::default());
                    saved.map(drop).map_err(|e| e.to_string())
                });
            }
            let written = write_down(&mut ledger, engine, job, user);
            lock(&notes.failures).extend(written.err());
        }
        thread::sleep(PACE);
    }
    sync();
    ledger
}

/// Writes down what the phone said was saved.
fn write_down(
    ledger: &mut Ledger,
    engine: &Engine,
    job: JobId,
    user: UserId,
) -> Result<(), String> {
    let document = engine.document(job.into()).map_err(|e| e.to_string())?;
    for section in document.fact_sections() {
        for fact in document.facts(section).filter(|fact| fact.author == Some(user)) {
            let key = FactKey { doc: document.id(), section: section.clone(), id: fact.id };
            ledger.saved(key, &fact.record)?;
        }
    }
    Ok(())
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
