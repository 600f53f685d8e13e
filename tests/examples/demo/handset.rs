//! One technician's phone through the day: records what the plan says, crashes, syncs when it can.

use std::collections::{BTreeSet, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;

use mobile_ffi::{Engine, EngineError, Options, SyncEnd};
use sync_core::document::Document;
use sync_core::id::UserId;
use sync_core::job::{Job, State};
use sync_core::schema::DocId;
use tests::day::{Act, Plan, Restart, Step};
use tests::ledger::Ledger;
use tests::random::Random;

use crate::conductor::Actor;
use crate::crash;
use crate::progress::Tally;
use crate::shaped::Radio;
use crate::simtime::PhoneClock;
use crate::work::{self, Saved};
use crate::world::{Board, DemoError};

const MINUTE: i64 = 60_000;
/// How often a phone with coverage asks for news, milliseconds.
const POLL: i64 = 2 * MINUTE;
/// How often a technician looks again for a job the office has announced.
const LOOK_AGAIN: i64 = MINUTE;
/// How often, before he gives it up.
const LOOKS: u32 = 45;
/// Syncs that end the day without having delivered everything before the demo gives up.
const LAST_TRIES: u32 = 40;

/// What a phone did, for the report.
#[derive(Debug, Default)]
pub struct Figures {
    /// Syncs begun.
    pub syncs: u64,
    /// Syncs that did not get through.
    pub failed: u64,
    /// Simulated milliseconds of each sync that did.
    pub sync_ms: Vec<i64>,
    /// Crashes survived.
    pub restarts: u64,
    /// Steps that were overtaken by what the office did.
    pub dropped: u64,
    /// Longest time between two answers of the server, milliseconds.
    pub longest_offline_ms: i64,
    /// Most changes that waited at once.
    pub most_waiting: u64,
}

/// A phone.
pub struct Handset {
    /// Position of its technician in the plan.
    pub index: usize,
    /// Who holds it.
    pub user: UserId,
    /// What it said was saved.
    pub ledger: Ledger,
    /// What it did that it must not.
    pub troubles: Vec<String>,
    /// What it did.
    pub figures: Figures,
    /// Its link and its time.
    pub radio: Arc<Radio>,
    engine: Option<Engine>,
    clock: Arc<PhoneClock>,
    options: Options,
    path: PathBuf,
    plan: Arc<Plan>,
    board: Board,
    tally: Tally,
    steps: VecDeque<Step>,
    restarts: VecDeque<Restart>,
    down_until: Option<Restart>,
    stopped: BTreeSet<usize>,
    looks: u32,
    delay_ms: i64,
    sync_at: i64,
    heard_ms: i64,
    last_tries: u32,
    random: Random,
}

/// What a handset is made of.
pub struct Parts {
    /// Position of its technician in the plan.
    pub index: usize,
    /// Who holds it.
    pub user: UserId,
    /// The enrolled engine.
    pub engine: Engine,
    /// Its clocks.
    pub clock: Arc<PhoneClock>,
    /// How it is opened again.
    pub options: Options,
    /// Its file.
    pub path: PathBuf,
    /// Its link.
    pub radio: Arc<Radio>,
    /// The day.
    pub plan: Arc<Plan>,
    /// Which job of the plan is which.
    pub board: Board,
    /// Where it tells how it is.
    pub tally: Tally,
}

/// What a phone does next.
enum Next {
    Crash(Restart),
    Back(Restart),
    Step,
    Sync,
}

impl Handset {
    /// A phone at the beginning of its day.
    pub fn new(parts: Parts) -> Self {
        let Parts { index, user, engine, clock, options, path, radio, plan, board, tally } = parts;
        let phone = &plan.phones[index];
        let restarts: VecDeque<_> = phone.restarts.iter().copied().collect();
        radio.crash_at(restarts.front().map_or(i64::MAX, |restart| restart.at_ms));
        let mut random = Random::new(plan.seed).fork(&format!("phone {index}"));
        Self {
            sync_at: plan.start_ms + random.between(0, MINUTE),
            heard_ms: plan.start_ms,
            steps: phone.steps.iter().cloned().collect(),
            index,
            user,
            ledger: Ledger::default(),
            troubles: Vec::new(),
            figures: Figures::default(),
            engine: Some(engine),
            restarts,
            down_until: None,
            stopped: BTreeSet::new(),
            looks: 0,
            delay_ms: 0,
            last_tries: 0,
            clock,
            options,
            path,
            radio,
            plan,
            board,
            tally,
            random,
        }
    }

    /// Changes the phone still holds for the server; most of all when it cannot be asked.
    pub fn waiting(&self) -> u64 {
        let status = self.engine.as_ref().map(Engine::status);
        status.and_then(Result::ok).map_or(u64::MAX, |status| status.waiting)
    }

    /// The documents the phone holds for its technician, each with its fingerprint.
    pub fn fingerprints(&self) -> Vec<(DocId, u64)> {
        let Some(engine) = &self.engine else { return Vec::new() };
        let jobs = engine.jobs().unwrap_or_default().into_iter().map(|(job, _)| job.into());
        let van = engine.stock().ok().flatten().map(|van| van.id.into());
        let documents = jobs.chain(van).filter_map(|doc| engine.document(doc).ok());
        documents.map(|document| (document.id(), document.fingerprint())).collect()
    }

    fn next(&self) -> Option<(i64, Next)> {
        let now = self.radio.time.now();
        if let Some(restart) = self.down_until {
            return Some((restart.back_ms.max(now), Next::Back(restart)));
        }
        let crash = self.restarts.front().map(|it| (it.at_ms.max(now), Next::Crash(*it)));
        let step = self.steps.front().map(|it| ((it.at_ms + self.delay_ms).max(now), Next::Step));
        let done = self.steps.is_empty() && self.restarts.is_empty();
        let sync = (!done || self.sync_at < i64::MAX).then(|| (self.sync_at.max(now), Next::Sync));
        [crash, step, sync].into_iter().flatten().min_by_key(|(at, _)| *at)
    }

    fn crash(&mut self, restart: Restart) -> Result<(), DemoError> {
        self.restarts.pop_front();
        let next = self.restarts.front().map_or(i64::MAX, |next| next.at_ms);
        self.radio.crash_at(next);
        if let Some(engine) = self.engine.take() {
            crash::crash(engine, &self.path).map_err(DemoError::new)?;
        }
        let away = restart.back_ms - restart.at_ms;
        let back_ms = self.radio.time.now().max(restart.at_ms) + away;
        self.down_until = Some(Restart { back_ms, ..restart });
        Ok(())
    }

    fn back(&mut self, restart: Restart) {
        self.down_until = None;
        if restart.reboot {
            self.clock.reboot();
        }
        match Engine::open(&self.path, self.options.clone()) {
            Ok(engine) => {
                self.figures.restarts += 1;
                self.engine = Some(engine);
                self.check_kept();
                self.sync_soon();
            }
            Err(error) => {
                self.troubles.push(format!("does not open after a crash: {error}"));
                self.steps.clear();
                self.restarts.clear();
                self.sync_at = i64::MAX;
            }
        }
    }

    /// After a crash everything that was saved is still there.
    fn check_kept(&mut self) {
        let Some(Ok(kept)) = self.engine.as_ref().map(Engine::saved_facts) else { return };
        let kept: BTreeSet<_> = kept.into_iter().collect();
        let gone = self.ledger.facts().filter(|(key, _)| !kept.contains(&(key.doc, key.id)));
        let gone: Vec<_> = gone.map(|(key, _)| key.id.to_string()).collect();
        // What the office released meanwhile is on the server and may be gone from the phone;
        // the reckoning finds it there or calls it lost.
        if gone.len() == self.ledger.len() && !gone.is_empty() {
            self.troubles.push("everything saved was gone after a crash".to_owned());
        }
    }

    fn step(&mut self) {
        let Some(step) = self.steps.front().cloned() else { return };
        let Some(engine) = self.engine.clone() else { return };
        if self.stopped.contains(&step.job) {
            self.steps.pop_front();
            self.figures.dropped += 1;
            return;
        }
        let job = self.board.job(step.job);
        if step.act != Act::WalkUp {
            match job.and_then(|job| engine.document(job.into()).ok()) {
                Some(document) if goes_on(&document, self.user) => {}
                Some(_) => {
                    self.stopped.insert(step.job);
                    return;
                }
                None if self.board.is_called_off(step.job) => {
                    self.stopped.insert(step.job);
                    return;
                }
                None => return self.look_again(step.job),
            }
        }
        self.looks = 0;
        self.steps.pop_front();
        let place = self.radio.place(self.radio.time.now());
        let context = work::Context { plan: &self.plan, technician: self.index, place };
        match work::perform(&engine, &context, &step, job) {
            Ok(saved) => self.saved(&engine, step.job, saved),
            Err(EngineError::Invalid { code, .. } | EngineError::Denied { code, .. })
                if matches!(code.as_str(), "step_recorded" | "job_over" | "job_not_yours") =>
            {
                self.figures.dropped += 1;
            }
            Err(error) => {
                let (code, act) = (error.code().to_owned(), &step.act);
                self.troubles.push(format!("did not save {act:?}: {code}: {error}"));
            }
        }
    }

    /// The job is not on the phone yet: everything waits a little, then the job is given up.
    fn look_again(&mut self, job: usize) {
        self.looks += 1;
        if self.looks > LOOKS {
            self.looks = 0;
            self.stopped.insert(job);
            return;
        }
        let due = self.steps.front().map_or(0, |step| step.at_ms + self.delay_ms);
        self.delay_ms += LOOK_AGAIN + (self.radio.time.now() - due).max(0);
        self.sync_soon();
    }

    fn saved(&mut self, engine: &Engine, job: usize, saved: Vec<Saved>) {
        self.tally.saved(saved.len() as u64);
        let offline = !self.radio.covered(self.radio.time.now());
        self.tally.phone(self.index, offline, self.waiting());
        for Saved { key, asked } in saved {
            let document = engine.document(key.doc);
            let fact = document.as_ref().ok().and_then(|it| it.fact(&key.section, &key.id));
            let Some(fact) = fact else {
                self.troubles.push(format!("said saved and does not hold fact {}", key.id));
                continue;
            };
            if asked.iter().any(|(name, value)| fact.record.get(name) != Some(value)) {
                self.troubles.push(format!("fact {} is not what was asked for", key.id));
            }
            if let Some(job_id) = key.doc.job() {
                self.board.open(job, job_id);
                self.tally.job(
                    job,
                    Job::of(document.as_ref().unwrap_or(&Document::new(key.doc))).state.as_str(),
                );
            }
            if let Err(trouble) = self.ledger.saved(key, &fact.record) {
                self.troubles.push(trouble);
            }
        }
        self.sync_soon();
    }

    fn sync_soon(&mut self) {
        let now = self.radio.time.now();
        let from = if self.radio.covered(now) { now } else { self.radio.look_again(now) };
        let soon = from + self.random.between(2_000, 15_000);
        self.sync_at = self.sync_at.min(soon);
    }

    fn sync(&mut self) -> Result<(), DemoError> {
        let now = self.radio.time.now();
        let waiting = self.waiting();
        self.figures.most_waiting = self.figures.most_waiting.max(waiting);
        if !self.radio.covered(now) {
            self.tally.phone(self.index, true, waiting);
            self.sync_at = self.radio.look_again(now) + self.random.between(2_000, 20_000);
            return Ok(());
        }
        let Some(engine) = self.engine.clone() else { return Ok(()) };
        self.figures.syncs += 1;
        let report = engine.sync_now();
        let after = self.radio.time.now();
        let (heard, again) = match report {
            Ok(report) => match report.end {
                SyncEnd::UpToDate | SyncEnd::Waiting => (true, POLL),
                SyncEnd::Diverged => (true, 20_000),
                SyncEnd::Failed(_) => {
                    let again = i64::try_from(report.again_in_ms).unwrap_or(POLL);
                    (false, again.clamp(1_000, 5 * MINUTE))
                }
                SyncEnd::Fault { code, sentence } => {
                    self.troubles.push(format!("sync refused: {code}: {sentence}"));
                    (false, POLL)
                }
            },
            Err(error) => {
                self.troubles.push(format!("sync failed: {}: {error}", error.code()));
                (false, POLL)
            }
        };
        let left = self.waiting();
        self.tally.phone(self.index, !heard, left);
        if heard {
            self.figures.sync_ms.push(after - now);
            let gap = after - self.heard_ms;
            self.figures.longest_offline_ms = self.figures.longest_offline_ms.max(gap);
            self.heard_ms = after;
        } else {
            self.figures.failed += 1;
        }
        self.sync_at = after + again + self.random.between(0, again / 4 + 1);
        let over = self.steps.is_empty() && self.restarts.is_empty() && now >= self.plan.end_ms;
        if over {
            self.last_tries += 1;
            let done = heard && left == 0;
            if done || self.last_tries > LAST_TRIES {
                self.sync_at = i64::MAX;
            }
        }
        Ok(())
    }

    /// One sync after everybody has delivered everything, so that all hold what all wrote.
    pub fn settle(&mut self) -> Result<(), DemoError> {
        // Others have moved the time on while this phone was done for the day.
        self.radio.time.reach(self.radio.server.now());
        let mut end = None;
        for _ in 0..LAST_TRIES {
            let Some(engine) = self.engine.clone() else { return Ok(()) };
            self.figures.syncs += 1;
            let report = engine.sync_now().map_err(DemoError::new)?;
            if report.end == SyncEnd::UpToDate {
                return Ok(());
            }
            self.figures.failed += 1;
            end = Some(report.end);
        }
        let trouble = format!("does not come up to date at the end of the day: {end:?}");
        self.troubles.push(trouble);
        Ok(())
    }
}

impl Actor for Handset {
    fn run(&mut self, until_ms: i64) -> Result<i64, DemoError> {
        loop {
            let Some((at, next)) = self.next() else { return Ok(i64::MAX) };
            if at >= until_ms {
                return Ok(at);
            }
            self.radio.time.reach(at);
            match next {
                Next::Crash(restart) => self.crash(restart)?,
                Next::Back(restart) => self.back(restart),
                Next::Step => self.step(),
                Next::Sync => self.sync()?,
            }
        }
    }
}

/// Whether a technician who sees this goes on: the job is his, and nobody has ended it.
fn goes_on(document: &Document, user: UserId) -> bool {
    let job = Job::of(document);
    let his = job.assignment.as_ref().is_none_or(|it| it.technician == Some(user));
    let over = matches!(job.state, State::Completed | State::Cancelled | State::Closed);
    his && !over
}
