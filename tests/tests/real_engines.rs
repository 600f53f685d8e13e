//! Real device engines on real files against a server in memory, over a link that loses answers:
//! phones lose power, are put back from old images, and the server from an old backup.
//!
//! Each seed is a world. After healing, everything saved on a phone that is alive stands on the
//! server once and as it was saved.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::VerifyingKey;
use mobile_ffi::{
    Clock, Connector, Engine, NetError, Options, PartUsed, Post, Reply, SYNC_MEDIA_TYPE,
    SpaceLimits, SyncEnd, Transport, WalkUp,
};
use serde_json::json;
use sync_core::change::Entry;
use sync_core::document::Document;
use sync_core::id::{DeviceId, FactId, JobId, TenantId, UserId, VanId};
use sync_core::policy::Role;
use sync_core::schema::{DocId, key, section};
use sync_core::value::{Record, Value};
use tests::random::Random;
use tests::sim::{Backup, SimServer};
use tests::storm::STARTS;

const PHONES: usize = 2;
const ACTIONS: u64 = 60;

/// Time that everybody in a world shares.
#[derive(Clone)]
struct Time(Arc<AtomicI64>);

impl Time {
    fn now(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }

    fn pass(&self, ms: i64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for Time {
    fn wall_ms(&self) -> i64 {
        self.now()
    }

    fn up_ms(&self) -> i64 {
        self.now() - STARTS + 1
    }

    fn boot(&self) -> String {
        "one".to_owned()
    }
}

/// Randomness of one opening of one phone.
struct Seeded(Mutex<Random>);

impl mobile_ffi::Random for Seeded {
    fn fill(&self, bytes: &mut [u8]) -> std::io::Result<()> {
        let mut random = self.0.lock().unwrap();
        bytes.iter_mut().for_each(|byte| *byte = (random.next() >> 56) as u8);
        Ok(())
    }
}

/// One phone's way to the server.
#[derive(Clone)]
struct Link {
    server: Arc<Mutex<SimServer>>,
    time: Time,
    user: UserId,
    device: DeviceId,
    /// Draws what goes wrong; nothing does without it.
    faults: Arc<Mutex<Option<Random>>>,
}

impl Connector for Link {
    fn connect(&self, _server_url: &str) -> Result<Arc<dyn Transport>, NetError> {
        Ok(Arc::new(self.clone()))
    }
}

impl Transport for Link {
    fn post(&self, request: Post<'_>) -> Result<Reply, NetError> {
        let mut server = self.server.lock().unwrap();
        if request.path == "/v1/devices/enrol" {
            let asked: serde_json::Value = serde_json::from_slice(request.body).unwrap();
            let key = URL_SAFE_NO_PAD.decode(asked["public_key"].as_str().unwrap()).unwrap();
            let key = VerifyingKey::from_bytes(&key.try_into().unwrap()).unwrap();
            server.enrol(self.user, self.device, key);
            return Ok(reply(&json!({
                "device": self.device, "user": self.user, "tenant": TenantId::new(STARTS, [1; 10]),
                "nonce": URL_SAFE_NO_PAD.encode([7; 16]), "audience": "test",
                "server_time": self.time.now(),
            })));
        }
        if request.path == "/v1/token" {
            return Ok(reply(&json!({"access_token": "t", "expires_in": 900})));
        }
        let mut exchange = || server.exchange(self.time.now(), self.device, request.body);
        let fault = self.faults.lock().unwrap().as_mut().map(|random| random.below(6));
        let mut reply = reply(&json!(null));
        reply.media_type = SYNC_MEDIA_TYPE.to_owned();
        match fault {
            Some(0) => return Err(NetError::Unreachable("lost on the way".to_owned())),
            Some(1) => {
                exchange();
                return Err(NetError::Cut("lost on the way back".to_owned()));
            }
            Some(2) => {
                exchange();
                reply.body = exchange();
            }
            _ => reply.body = exchange(),
        }
        Ok(reply)
    }
}

fn reply(body: &serde_json::Value) -> Reply {
    Reply {
        status: 200,
        media_type: "application/json".to_owned(),
        retry_after_s: None,
        date_s: None,
        body: body.to_string().into_bytes(),
    }
}

/// A technician's phone; its files move to a fresh folder whenever it loses power.
struct Handset {
    engine: Option<Engine>,
    link: Link,
    folder: PathBuf,
    generation: u32,
    image: Option<PathBuf>,
}

impl Handset {
    fn new(folder: PathBuf, link: Link, random: Random) -> Self {
        let mut handset = Self { engine: None, link, folder, generation: 0, image: None };
        std::fs::create_dir_all(handset.place()).unwrap();
        handset.open(random);
        handset.engine().enrol("test", "0123-4567-89AZ", "phone").unwrap();
        handset
    }

    fn engine(&self) -> &Engine {
        self.engine.as_ref().unwrap()
    }

    fn place(&self) -> PathBuf {
        self.folder.join(format!("generation-{}", self.generation))
    }

    fn open(&mut self, random: Random) {
        let options = Options {
            clock: Arc::new(self.link.time.clone()),
            random: Arc::new(Seeded(Mutex::new(random))),
            connector: Arc::new(self.link.clone()),
            space: SpaceLimits { reserve_bytes: 0, ..SpaceLimits::default() },
            ..Options::default()
        };
        self.engine = Some(Engine::open(self.place().join("phone.db"), options).unwrap());
    }

    /// What is on the disk at this moment, without anything being closed first.
    fn copy_to(&self, to: &Path) {
        std::fs::create_dir_all(to).unwrap();
        for file in ["phone.db", "phone.db-wal", "phone.db.secret"] {
            let from = self.place().join(file);
            if from.exists() {
                std::fs::copy(from, to.join(file)).unwrap();
            }
        }
    }

    fn lose_power(&mut self, random: Random) {
        let next = self.folder.join(format!("generation-{}", self.generation + 1));
        self.copy_to(&next);
        self.engine = None;
        self.generation += 1;
        self.open(random);
    }

    /// Puts an old image back: the phone forgets, and its secret is as it was.
    fn put_back(&mut self, image: &Path, random: Random) {
        self.engine = None;
        self.generation += 1;
        std::fs::rename(image, self.place()).unwrap();
        self.open(random);
    }
}

struct World {
    rng: Random,
    time: Time,
    server: Arc<Mutex<SimServer>>,
    phones: Vec<Handset>,
    desk: UserId,
    jobs: Vec<DocId>,
    ledger: BTreeMap<(DocId, FactId), Record>,
    backup: Option<Backup>,
    counts: BTreeMap<&'static str, u64>,
    folder: PathBuf,
}

impl Drop for World {
    fn drop(&mut self) {
        self.phones.clear();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl World {
    fn new(seed: u64) -> Self {
        let mut rng = Random::new(seed);
        let time = Time(Arc::new(AtomicI64::new(STARTS)));
        let server = Arc::new(Mutex::new(SimServer::new(rng.fork("server"), STARTS)));
        let desk = UserId::new(STARTS, rng.bytes());
        let mark: [u8; 8] = server::clock::random();
        let folder = format!("towline-engines-{:016x}", u64::from_be_bytes(mark));
        let folder = std::env::temp_dir().join(folder);
        let mut phones = Vec::new();
        for n in 0..PHONES {
            let link = Link {
                server: Arc::clone(&server),
                time: time.clone(),
                user: UserId::new(STARTS, rng.bytes()),
                device: DeviceId::new(STARTS, rng.bytes()),
                faults: Arc::default(),
            };
            let van = DocId::from(VanId::new(STARTS, rng.bytes()));
            let driver = Value::Bytes(link.user.as_bytes().to_vec());
            let drives = |van: &Document| vec![van.set(section::DETAILS, key::TECHNICIAN, driver)];
            server.lock().unwrap().edit(STARTS, desk, Role::Manager, van, drives).unwrap();
            phones.push(Handset::new(folder.join(n.to_string()), link, rng.fork("first opening")));
            // Two phones with the same randomness would draw the same ids.
            rng.next();
        }
        Self {
            rng,
            time,
            server,
            phones,
            desk,
            jobs: Vec::new(),
            ledger: BTreeMap::new(),
            backup: None,
            counts: BTreeMap::new(),
            folder,
        }
    }

    fn step(&mut self) {
        self.time.pass(1000 + self.rng.below(600_000) as i64);
        let phone = self.rng.below(PHONES as u64) as usize;
        let met = match self.rng.below(20) {
            0..=2 => self.assign(),
            3 => self.walk_up(phone),
            4..=10 => self.work(phone),
            11..=15 => self.sync(phone),
            16 => {
                let random = Random::new(self.rng.next());
                self.phones[phone].lose_power(random);
                "power lost"
            }
            17 => self.image(phone),
            18 => {
                self.server.lock().unwrap().restart(self.time.now());
                "server restarted"
            }
            _ => self.backup(),
        };
        *self.counts.entry(met).or_default() += 1;
    }

    /// A new job, or one that exists, for any technician.
    fn assign(&mut self) -> &'static str {
        let fresh = DocId::from(JobId::new(self.time.now(), self.rng.bytes()));
        let doc = match self.jobs.len() as u64 {
            known if known > 0 && self.rng.one_in(2) => self.jobs[self.rng.below(known) as usize],
            _ => fresh,
        };
        let technician = self.phones[self.rng.below(PHONES as u64) as usize].link.user;
        let id = FactId::new(self.time.now(), self.rng.bytes());
        let mut server = self.server.lock().unwrap();
        if doc != fresh && server.document(doc).is_none() {
            return "office knows it no more";
        }
        let assign = |document: &Document| {
            let epochs = document.facts(&section::ASSIGNMENT);
            let epochs = epochs.filter_map(|f| f.record.get(&key::EPOCH).and_then(Value::as_int));
            let record = Record::from([
                (key::KIND, "assign".into()),
                (key::EPOCH, (epochs.max().unwrap_or(0) + 1).into()),
                (key::TECHNICIAN, technician.as_bytes().to_vec().into()),
            ]);
            vec![Entry::Fact { section: section::ASSIGNMENT, id, record }]
        };
        server.edit(self.time.now(), self.desk, Role::Dispatcher, doc, assign).unwrap();
        if doc == fresh {
            self.jobs.push(doc);
        }
        "assigned"
    }

    fn walk_up(&mut self, phone: usize) -> &'static str {
        let engine = self.phones[phone].engine().clone();
        let seen = WalkUp { plate: Some("ABC-1234".to_owned()), ..WalkUp::default() };
        let job = engine.walk_up(seen).unwrap();
        self.note_saved(&engine, job.into());
        "walk-up"
    }

    fn work(&mut self, phone: usize) -> &'static str {
        let engine = self.phones[phone].engine().clone();
        let jobs = engine.jobs().unwrap();
        if jobs.is_empty() {
            return "nothing to do";
        }
        let (job, _) = jobs[self.rng.below(jobs.len() as u64) as usize].clone();
        for n in 0..=self.rng.below(3) {
            if self.rng.one_in(3) {
                let part_no = format!("P-{n}");
                let part = PartUsed { part_no, quantity: 1000, ..PartUsed::default() };
                engine.use_part(job, part).unwrap();
            } else {
                engine.note(job, &format!("at {}", self.time.now())).unwrap();
            }
        }
        self.note_saved(&engine, job.into());
        "worked"
    }

    /// Writes down everything an engine called saved on a document, and the movements it made.
    fn note_saved(&mut self, engine: &Engine, doc: DocId) {
        let van = engine.stock().unwrap().map(|van| DocId::from(van.id));
        let own = engine.status().unwrap().user;
        for doc in [Some(doc), van].into_iter().flatten() {
            let document = engine.document(doc).unwrap();
            for name in document.fact_sections() {
                for fact in document.facts(name).filter(|fact| fact.author == own) {
                    self.ledger.insert((doc, fact.id), fact.record.clone());
                }
            }
        }
    }

    fn sync(&mut self, phone: usize) -> &'static str {
        let faults = Random::new(self.rng.next());
        let phone = &self.phones[phone];
        *phone.link.faults.lock().unwrap() = Some(faults);
        let report = phone.engine().sync_now().unwrap();
        *phone.link.faults.lock().unwrap() = None;
        match report.end {
            SyncEnd::UpToDate => "up to date",
            SyncEnd::Failed(_) => "sync failed",
            _ => "sync waiting",
        }
    }

    /// Takes an image of a phone, or puts back the one that was taken.
    fn image(&mut self, phone: usize) -> &'static str {
        let random = Random::new(self.rng.next());
        let handset = &mut self.phones[phone];
        let Some(image) = handset.image.take() else {
            let image = handset.folder.join("image");
            handset.copy_to(&image);
            handset.image = Some(image);
            return "image taken";
        };
        handset.put_back(&image, random);
        self.forget_what_is_gone();
        "image put back"
    }

    fn backup(&mut self) -> &'static str {
        let now = self.time.now();
        match self.backup.take() {
            None => {
                self.backup = Some(self.server.lock().unwrap().backup());
                "backup taken"
            }
            Some(backup) => {
                self.server.lock().unwrap().restore(backup, now);
                self.forget_what_is_gone();
                "server restored"
            }
        }
    }

    /// What only a lost phone held is gone with it; what anybody else holds must stay.
    fn forget_what_is_gone(&mut self) {
        let held: Vec<BTreeSet<(DocId, FactId)>> = self
            .phones
            .iter()
            .map(|phone| phone.engine().saved_facts().unwrap().into_iter().collect())
            .collect();
        let server = self.server.lock().unwrap();
        self.ledger.retain(|(doc, id), _| {
            let there = server.document(*doc).is_some_and(|document| has(document, id).is_some());
            there || held.iter().any(|facts| facts.contains(&(*doc, *id)))
        });
    }

    fn heal(&mut self) {
        for round in 0..4 {
            for phone in &self.phones {
                self.time.pass(60_000);
                let report = phone.engine().sync_now().unwrap();
                if round == 3 {
                    assert_eq!(report.end, SyncEnd::UpToDate);
                }
            }
        }
    }

    fn check(&self) {
        let server = self.server.lock().unwrap();
        server.verify().expect("the server's log and memory agree");
        for ((doc, id), record) in &self.ledger {
            let document = server.document(*doc);
            let fact = document.and_then(|document| has(document, id));
            assert_eq!(fact, Some(record), "{id} of {doc:?}");
        }
        for phone in &self.phones {
            let engine = phone.engine();
            let status = engine.status().unwrap();
            assert_eq!((status.waiting, engine.refused().unwrap()), (0, Vec::new()));
            let scope = server.scope_of(phone.link.user);
            let jobs: BTreeSet<DocId> =
                engine.jobs().unwrap().into_iter().map(|(job, _)| job.into()).collect();
            let expected: BTreeSet<DocId> =
                scope.iter().copied().filter(|doc| doc.job().is_some()).collect();
            assert_eq!(jobs, expected, "the phone lists what is in its scope");
            for doc in scope {
                let here = engine.document(doc).unwrap().fingerprint();
                assert_eq!(Some(here), server.document(doc).map(Document::fingerprint));
            }
        }
    }
}

fn has<'a>(document: &'a Document, id: &FactId) -> Option<&'a Record> {
    let mut sections = document.fact_sections();
    sections.find_map(|name| document.fact(name, id)).map(|fact| &fact.record)
}

#[test]
fn after_healing_the_server_holds_all_that_real_engines_saved() {
    let seeds = std::env::var("TOWLINE_SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(12);
    let first = std::env::var("TOWLINE_SEED").ok().and_then(|n| n.parse().ok()).unwrap_or(0);
    let mut counts: BTreeMap<&'static str, u64> = BTreeMap::new();
    for seed in first..first + seeds {
        println!("seed {seed}: TOWLINE_SEED={seed} TOWLINE_SEEDS=1 plays it alone");
        let mut world = World::new(seed);
        for _ in 0..ACTIONS {
            world.step();
        }
        world.heal();
        world.check();
        for (what, times) in &world.counts {
            *counts.entry(what).or_default() += times;
        }
    }
    println!("{counts:#?}");
    if seeds >= 12 {
        for what in ["power lost", "image put back", "server restored", "sync failed", "walk-up"] {
            assert!(counts.contains_key(what), "{what} never happened");
        }
    }
}
