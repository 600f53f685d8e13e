//! A process that holds the device engine, killed while it opens, saves, syncs and closes.
//!
//! After each kill the store is copied as it lies there and the copy opened by the engine:
//! everything the process ever called saved is in it, and the file is sound. The process itself
//! goes on with the original, so that kills fall into recovery too. At the end of a life the phone
//! meets the server, where all of it stands once.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child as Process, ChildStdin};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use mobile_ffi::{Engine, SyncEnd};
use serde_json::json;
use server::{Config, Running, Server};
use sync_core::id::TenantId;
use tokio::runtime::Runtime;

use super::child::{CLOSED, FAILED, OPEN, all_saved, options};
use super::place::{PASSWORD, Place, TENANT};
use super::technician::Saved;
use super::{Child, Length, Tally, Trouble, broken};
use crate::ledger::hash;
use crate::random::Random;
use crate::rest::Rest;
use crate::server_log::ServerLog;

/// Kills of one phone.
const LIFE: u64 = 60;
/// Kills while the file is made for the first time, at the beginning of each life.
const BIRTHS: u64 = 2;
/// Longest a phone saves before it is killed, microseconds.
const SAVES_US: u64 = 30_000;
/// Longest a phone may take to close before it is killed, microseconds.
const CLOSES_US: u64 = 12_000;

/// Kills phones until the length is reached; `told` hears of every one.
///
/// # Errors
/// Something that was called saved is missing, or the run itself cannot go on.
pub fn run(
    child: &Child,
    length: Length,
    seed: u64,
    told: &mut dyn FnMut(&Tally),
) -> Result<Tally, Trouble> {
    let began = Instant::now();
    let mut tally = Tally::default();
    let random = Random::new(seed).fork("phone");
    while length.goes_on(&tally) {
        let random = random.fork(&format!("life {}", tally.lives));
        let mut life = Life::begin(child, random)?;
        let lived = life.live(&length, &mut tally, told);
        if let Err(error) = lived.and_then(|()| life.end(&mut tally)) {
            let kept = life.place.folder.path().display().to_string();
            life.place.folder.keep();
            let at = format!("seed {seed}, life {}, point {}", tally.lives, tally.points);
            return Err(format!("{error}\n  at {at}; the files are kept in {kept}").into());
        }
        tally.lives += 1;
    }
    tally.took = began.elapsed();
    Ok(tally)
}

/// A phone with the server it belongs to.
struct Life<'a> {
    child: &'a Child,
    random: Random,
    runtime: Runtime,
    server: Option<Running>,
    tenant: TenantId,
    url: String,
    place: Place,
    /// Everything it ever called saved.
    saved: Saved,
    /// How long the process takes until its store is open.
    opens_in: Duration,
}

/// A phone at work.
struct AtWork {
    process: Process,
    input: Option<ChildStdin>,
    opened: Receiver<()>,
    lines: JoinHandle<Vec<String>>,
}

impl<'a> Life<'a> {
    fn begin(child: &'a Child, random: Random) -> Result<Self, Trouble> {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).enable_all().build()?;
        let place = Place::fresh(&runtime, None)?;
        let people = runtime.block_on(place.hire(1))?;
        let mut config = Config::for_data(place.data())?;
        config.listen = ([127, 0, 0, 1], 0).into();
        config.password_memory_kib = 64;
        let server = runtime.block_on(Server::start(config))?;
        let url = server.url();
        let (server, tenant, saved) = (Some(server), people.tenant, Vec::new());
        let opens_in = Duration::from_millis(30);
        let mut life = Self { child, random, runtime, server, tenant, url, place, saved, opens_in };
        for _ in 0..BIRTHS {
            life.born_and_killed()?;
        }
        let admin = Rest::log_in(&life.url, TENANT, "admin", PASSWORD)?;
        let user = people.technicians[0].0;
        let engine = Engine::open(life.store(), options())?;
        let code = admin.post("/v1/devices/codes", &json!({"user": user}))?.text("code")?;
        let enrolled = engine.enrol(&life.url, &code, "phone")?;
        let confirm = format!("/v1/devices/{}/confirm", enrolled.device);
        admin.post(&confirm, &json!({"digits": enrolled.digits}))?;
        engine.sync_now()?;
        Ok(life)
    }

    fn store(&self) -> PathBuf {
        self.place.data().join("phone.db")
    }

    fn live(
        &mut self,
        length: &Length,
        tally: &mut Tally,
        told: &mut dyn FnMut(&Tally),
    ) -> Result<(), Trouble> {
        for _ in 0..LIFE {
            if !length.goes_on(tally) {
                break;
            }
            let moment = self.killed()?;
            self.look(&self.place.data().join("copy"))?;
            tally.point(moment);
            told(tally);
        }
        Ok(())
    }

    /// The server hears everything; there it stands once and as it was saved.
    fn end(&mut self, tally: &mut Tally) -> Result<(), Trouble> {
        let engine = Engine::open(self.store(), options())?;
        let end = engine.sync_now()?.end;
        if end != SyncEnd::UpToDate {
            return broken(format!("the phone does not come to rest with its server: {end:?}"));
        }
        drop(engine);
        let log = self.runtime.block_on(ServerLog::open(&self.place.url, self.tenant))?;
        for (key, hash) in &self.saved {
            if log.facts.get(key) != Some(&vec![*hash]) {
                return broken(format!("{key:?} was saved and does not stand once on the server"));
            }
        }
        tally.kept("saved", self.saved.len());
        tally.verified += 1;
        if let Some(server) = self.server.take() {
            self.runtime.block_on(server.shutdown());
        }
        Ok(())
    }

    /// A phone without a store, killed while it makes one.
    fn born_and_killed(&mut self) -> Result<(), Trouble> {
        let phone = self.start(false)?;
        self.wait_at_most(self.opens_in);
        let (_, said) = phone.kill()?;
        if let Some(failed) = said.iter().find(|line| line.starts_with(FAILED)) {
            // It is not enrolled yet, and says so if it gets that far.
            if !failed.contains("not enrolled") {
                return broken(failed.clone());
            }
        }
        self.look(&self.place.data().join("copy"))
    }

    /// Starts the phone and kills it; at which moment.
    fn killed(&mut self) -> Result<&'static str, Trouble> {
        let syncs = self.random.one_in(2);
        let began = Instant::now();
        let mut phone = self.start(syncs)?;
        let moment = match self.random.below(6) {
            0 => {
                self.wait_at_most(self.opens_in);
                "while opening"
            }
            1 => {
                let _ = phone.opened.recv();
                self.wait_at_most(Duration::from_micros(SAVES_US / 3));
                drop(phone.input.take());
                self.wait_at_most(Duration::from_micros(CLOSES_US));
                "while closing"
            }
            _ => {
                let _ = phone.opened.recv();
                self.opens_in = (self.opens_in * 7 + began.elapsed()) / 8;
                self.wait_at_most(Duration::from_micros(SAVES_US));
                if syncs { "saving and syncing" } else { "saving" }
            }
        };
        let (ended, said) = phone.kill()?;
        if let Some(failed) = said.iter().find(|line| line.starts_with(FAILED)) {
            return broken(format!("the phone that was killed {moment} {failed}"));
        }
        if ended && !said.iter().any(|line| line == CLOSED) {
            return broken(format!("the phone ended by itself {moment}: {said:?}"));
        }
        self.saved.extend(all_saved(&said));
        Ok(if ended { "after closing" } else { moment })
    }

    fn start(&mut self, syncs: bool) -> Result<AtWork, Trouble> {
        let mut process = self.child.start(&self.store(), self.random.next(), syncs)?;
        let input = process.stdin.take();
        let output = process.stdout.take().ok_or("the phone has no output")?;
        let (open, opened) = channel();
        let lines = std::thread::spawn(move || {
            let mut said = Vec::new();
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if line == OPEN {
                    // Nobody waits for it if the kill comes at a time of its own.
                    let _ = open.send(());
                }
                said.push(line);
            }
            said
        });
        Ok(AtWork { process, input, opened, lines })
    }

    /// A random moment.
    fn wait_at_most(&mut self, most: Duration) {
        let us = u64::try_from(most.as_micros()).unwrap_or(u64::MAX).max(1);
        std::thread::sleep(Duration::from_micros(self.random.below(us)));
    }

    /// The store as it lies there, opened in another place: all that was called saved is in it.
    fn look(&self, at: &Path) -> Result<(), Trouble> {
        let _ = std::fs::remove_dir_all(at);
        std::fs::create_dir_all(at)?;
        for file in ["phone.db", "phone.db-wal", "phone.db.secret", "phone.db.lock"] {
            let from = self.place.data().join(file);
            if from.exists() {
                std::fs::copy(from, at.join(file))?;
            }
        }
        let copy = at.join("phone.db");
        let opened = Engine::open(&copy, options());
        let engine = match opened {
            Ok(engine) => engine,
            Err(error) => return broken(format!("the killed phone does not open: {error}")),
        };
        let mut document = None;
        for (key, said) in &self.saved {
            if document.as_ref().is_none_or(|(doc, _)| *doc != key.doc) {
                document = Some((key.doc, engine.document(key.doc)));
            }
            let held = document.as_ref().and_then(|(_, document)| document.as_ref().ok());
            let fact = held.and_then(|held| held.fact(&key.section, &key.id));
            if fact.is_none_or(|fact| hash(key, &fact.record) != *said) {
                return broken(format!("{key:?} was called saved and is not there"));
            }
        }
        drop(engine);
        let sound: String =
            rusqlite::Connection::open(&copy)?
                .query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
        if sound != "ok" {
            return broken(format!("the store is not sound: {sound}"));
        }
        Ok(())
    }
}

impl AtWork {
    /// Kills it; whether it had ended by itself before, and everything it said.
    fn kill(mut self) -> Result<(bool, Vec<String>), Trouble> {
        let ended = self.process.try_wait()?.is_some();
        self.process.kill()?;
        self.process.wait()?;
        let lines = self.lines.join().map_err(|_| "what the phone said was not heard")?;
        Ok((ended, lines))
    }
}
