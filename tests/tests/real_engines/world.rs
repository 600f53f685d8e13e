//! What happens in a world, and what must hold once everybody has coverage.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex};

use mobile_ffi::{Engine, PartUsed, SyncEnd, WalkUp};
use sync_core::change::Entry;
use sync_core::document::Document;
use sync_core::id::{DeviceId, FactId, JobId, UserId, VanId};
use sync_core::policy::Role;
use sync_core::schema::{DocId, key, section};
use sync_core::value::{Record, Value};
use tests::random::Random;
use tests::sim::{Backup, SimServer};
use tests::storm::STARTS;

use crate::handset::{Handset, Link, Time};

const PHONES: usize = 2;

/// One world and everything it must not forget.
pub struct World {
    rng: Random,
    time: Time,
    server: Arc<Mutex<SimServer>>,
    phones: Vec<Handset>,
    desk: UserId,
    jobs: Vec<DocId>,
    ledger: BTreeMap<(DocId, FactId), Record>,
    backup: Option<Backup>,
    /// How often each thing happened.
    pub counts: BTreeMap<&'static str, u64>,
    folder: PathBuf,
}

impl Drop for World {
    fn drop(&mut self) {
        self.phones.clear();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl World {
    pub fn new(seed: u64) -> Self {
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

    pub fn step(&mut self) {
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

    pub fn heal(&mut self) {
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

    pub fn check(&self) {
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
