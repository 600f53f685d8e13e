//! Phones and server in virtual time over a link that loses, doubles, delays and replays.
//!
//! Each seed is a world: what happens, and in which order, is a function of it alone.

use std::collections::BTreeMap;

use sync_core::change::Entry;
use sync_core::document::Document;
use sync_core::id::{FactId, JobId, UserId};
use sync_core::policy::Role;
use sync_core::schema::{DocId, Section, key, section};
use sync_core::sync::Outcome;
use sync_core::value::{Record, Value};
use tests::random::Random;
use tests::sim::{Backup, SimPhone, SimServer};
use tests::storm::STARTS;

const PHONES: u64 = 3;
const ACTIONS: u64 = 120;

/// One world and everything it must not forget.
struct World {
    rng: Random,
    now: i64,
    server: SimServer,
    phones: Vec<SimPhone>,
    desk: UserId,
    jobs: Vec<DocId>,
    /// Facts saved on phones that are alive: who, where, and what exactly was saved.
    ledger: BTreeMap<(DocId, FactId), (Section, Record)>,
    backup: Option<Backup>,
    images: Vec<(usize, SimPhone)>,
    /// Frames seen on the wire, to be replayed.
    overheard: Vec<(usize, Vec<u8>)>,
    counts: BTreeMap<&'static str, u64>,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut rng = Random::new(seed);
        let mut server = SimServer::new(rng.fork("server"), STARTS);
        let phone = |n: u64| SimPhone::new(rng.fork(&format!("phone {n}")), STARTS);
        let phones: Vec<_> = (0..PHONES).map(phone).collect();
        for phone in &phones {
            server.enrol(phone.user, phone.device, phone.public_key());
        }
        let desk = UserId::new(STARTS, rng.bytes());
        Self {
            rng,
            now: STARTS,
            server,
            phones,
            desk,
            jobs: Vec::new(),
            ledger: BTreeMap::new(),
            backup: None,
            images: Vec::new(),
            overheard: Vec::new(),
            counts: BTreeMap::new(),
        }
    }

    fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    fn step(&mut self) {
        self.now += 1000 + self.rng.below(600_000) as i64;
        match self.rng.below(22) {
            0 | 1 => self.create_job(),
            2 => self.assign(),
            3 => self.edit(),
            4 => self.cancel(),
            5..=11 => self.work(),
            12..=16 => self.sync_one(),
            17 => {
                let phone = self.any_phone();
                self.phones[phone].crash();
                self.count("phone crash");
            }
            18 => {
                self.server.restart(self.now);
                self.count("server restart");
            }
            19 => self.image(),
            20 => self.backup(),
            _ => self.replay(),
        }
    }

    fn any_phone(&mut self) -> usize {
        self.rng.below(PHONES) as usize
    }

    fn any_job(&mut self) -> Option<DocId> {
        (!self.jobs.is_empty()).then(|| self.jobs[self.rng.below(self.jobs.len() as u64) as usize])
    }

    fn office(&mut self, doc: DocId, entries: impl FnOnce(&Document) -> Vec<Entry>) {
        // After a restore the desk sees only what the backup had.
        let known = self.server.document(doc).is_some();
        if known {
            let done = self.server.edit(self.now, self.desk, Role::Dispatcher, doc, entries);
            done.expect("the office may");
        }
    }

    fn fact(&mut self, section: Section, record: Record) -> Entry {
        Entry::Fact { section, id: FactId::new(self.now, self.rng.bytes()), record }
    }

    fn create_job(&mut self) {
        let doc = DocId::from(JobId::new(self.now, self.rng.bytes()));
        let remarks = Value::Text(format!("call at {}", self.now));
        let done = self.server.edit(self.now, self.desk, Role::Dispatcher, doc, |document| {
            vec![document.set(section::INTAKE, key::REMARKS, remarks)]
        });
        done.expect("the office may");
        self.jobs.push(doc);
        self.assign_to(doc);
        self.count("job");
    }

    fn assign(&mut self) {
        if let Some(doc) = self.any_job() {
            self.assign_to(doc);
        }
    }

    fn assign_to(&mut self, doc: DocId) {
        let phone = self.any_phone();
        let technician = self.phones[phone].user;
        let Some(document) = self.server.document(doc) else { return };
        let epochs = document.facts(&section::ASSIGNMENT).filter_map(|f| f.record.get(&key::EPOCH));
        let epoch = epochs.filter_map(Value::as_int).max().unwrap_or(0) + 1;
        let entry = self.fact(
            section::ASSIGNMENT,
            Record::from([
                (key::KIND, "assign".into()),
                (key::EPOCH, epoch.into()),
                (key::TECHNICIAN, technician.as_bytes().to_vec().into()),
            ]),
        );
        self.office(doc, |_| vec![entry]);
        self.count("assignment");
    }

    fn edit(&mut self) {
        if let Some(doc) = self.any_job() {
            let remarks = Value::Text(format!("edited at {}", self.now));
            self.office(doc, |d| vec![d.set(section::INTAKE, key::REMARKS, remarks)]);
            self.count("edit");
        }
    }

    fn cancel(&mut self) {
        if let Some(doc) = self.any_job() {
            let record = Record::from([
                (key::KIND, "cancelled".into()),
                (key::REASON, "customer_cancelled".into()),
            ]);
            let entry = self.fact(section::STATUS, record);
            self.office(doc, |_| vec![entry]);
            self.count("cancel");
        }
    }

    fn work(&mut self) {
        let phone = self.any_phone();
        let docs: Vec<_> = self.phones[phone].docs().filter(|doc| doc.job().is_some()).collect();
        if docs.is_empty() {
            return;
        }
        let doc = docs[self.rng.below(docs.len() as u64) as usize];
        for _ in 0..=self.rng.below(4) {
            let id = FactId::new(self.now, self.rng.bytes());
            let text = format!("work at {}", self.now);
            let record = Record::from([(key::TEXT, text.into()), (key::AT, self.now.into())]);
            let section = section::NOTES;
            let entry = Entry::Fact { section: section.clone(), id, record: record.clone() };
            if self.phones[phone].record(self.now, doc, vec![entry]).is_ok() {
                self.ledger.insert((doc, id), (section, record));
                self.count("fact saved");
            }
        }
    }

    fn sync_one(&mut self) {
        let phone = self.any_phone();
        let faults = self.rng.next();
        self.sync(phone, faults);
    }

    fn sync(&mut self, phone: usize, faults: u64) -> Outcome {
        let Self { server, phones, now, overheard, counts, .. } = self;
        let mut faults = Random::new(faults);
        let flawless = faults.one_in(3);
        phones[phone].sync(*now, |device, frame| {
            let mut met = |what| *counts.entry(what).or_default() += 1;
            if overheard.len() < 50 {
                overheard.push((phone, frame.to_vec()));
            }
            if flawless {
                return Some(server.exchange(*now, device, frame));
            }
            match faults.below(8) {
                0 => {
                    met("request lost");
                    None
                }
                1 => {
                    met("reply lost after commit");
                    server.exchange(*now, device, frame);
                    None
                }
                2 => {
                    met("request doubled");
                    server.exchange(*now, device, frame);
                    Some(server.exchange(*now, device, frame))
                }
                3 => {
                    met("captive portal");
                    Some(b"<html>please log in</html>".to_vec())
                }
                4 => {
                    met("reply cut");
                    let answer = server.exchange(*now, device, frame);
                    let end = faults.below(answer.len() as u64) as usize;
                    Some(answer[..end].to_vec())
                }
                _ => Some(server.exchange(*now, device, frame)),
            }
        })
    }

    /// Takes an image of a phone, or puts an old one back: the phone forgets, its twin too.
    fn image(&mut self) {
        if self.images.is_empty() || self.rng.one_in(2) {
            let phone = self.any_phone();
            let image = self.phones[phone].clone();
            self.images.push((phone, image));
            return;
        }
        let at = self.rng.below(self.images.len() as u64) as usize;
        let (phone, mut image) = self.images.swap_remove(at);
        image.reseed(self.rng.next());
        self.phones[phone] = image;
        // What only the lost phone held is gone with it; what the server has must stay.
        let server = &self.server;
        let others = &self.phones;
        self.ledger.retain(|(doc, id), (section, _)| {
            let here = |document: &Document| document.fact(section, id).is_some();
            let on_phone = |p: &SimPhone| p.replica(*doc).is_some_and(|r| here(r.document()));
            server.document(*doc).is_some_and(here) || others.iter().any(on_phone)
        });
        self.count("phone image restored");
    }

    fn backup(&mut self) {
        match self.backup.take() {
            None => self.backup = Some(self.server.backup()),
            Some(backup) => {
                self.server.restore(backup, self.now);
                // What was acknowledged must come back from the phones; what an exchanged phone
                // held alone cannot.
                let others = &self.phones;
                let server = &self.server;
                self.ledger.retain(|(doc, id), (section, _)| {
                    let here = |document: &Document| document.fact(section, id).is_some();
                    let on_phone =
                        |p: &SimPhone| p.replica(*doc).is_some_and(|r| here(r.document()));
                    server.document(*doc).is_some_and(here) || others.iter().any(on_phone)
                });
                self.count("server restored from backup");
            }
        }
    }

    fn replay(&mut self) {
        if self.overheard.is_empty() {
            return;
        }
        let at = self.rng.below(self.overheard.len() as u64) as usize;
        let (phone, frame) = self.overheard.swap_remove(at);
        let device = self.phones[phone].device;
        self.server.exchange(self.now, device, &frame);
        self.count("old frame replayed");
    }

    /// Coverage for everybody: three rounds must be enough for all to agree.
    fn heal(&mut self) {
        for round in 0..4 {
            for phone in 0..self.phones.len() {
                self.now += 60_000;
                let (server, now) = (&mut self.server, self.now);
                let outcome = self.phones[phone].sync(now, |d, f| Some(server.exchange(now, d, f)));
                if round == 3 && outcome != Outcome::UpToDate {
                    self.explain(phone);
                }
                if round == 3 {
                    assert_eq!(outcome, Outcome::UpToDate, "phone {phone} after healing");
                }
            }
        }
    }

    /// Says where a phone and the server differ.
    fn explain(&self, phone: usize) {
        let phone = &self.phones[phone];
        let scope = self.server.scope_of(phone.user);
        eprintln!("scope of the server {:?}", scope);
        eprintln!("scope of the phone  {:?}", phone.docs().collect::<Vec<_>>());
        for doc in phone.docs().chain(scope.iter().copied()) {
            let Some(replica) = phone.replica(doc) else {
                eprintln!("{doc:?} not on the phone");
                continue;
            };
            let theirs = self.server.document(doc).map(Document::fingerprint);
            if replica.settled_fingerprint().ok() != theirs || replica.has_waiting() {
                for row in replica.held() {
                    let run = &row.run;
                    let there =
                        self.server.document(doc).is_some_and(|d| d.contains(&run.last_hash));
                    eprintln!(
                        "{doc:?} n {} {} {}..{} {:?} server has: {there}",
                        row.n,
                        run.actor(),
                        run.first_seq(),
                        run.last_seq(),
                        row.standing
                    );
                }
                for (change, author) in self.server.document(doc).map_or(&[][..], Document::changes)
                {
                    let held = replica.document().hash_of(&sync_core::change::ChangeRef {
                        actor: change.actor,
                        seq: change.seq,
                    });
                    eprintln!(
                        "   server: {} {} by {author:?} on the phone: {}",
                        change.actor,
                        change.seq,
                        held.is_some()
                    );
                }
            }
        }
    }

    fn check(&self) {
        self.server.verify().expect("the log and Automerge agree with memory");
        for ((doc, id), (section, record)) in &self.ledger {
            let document = self.server.document(*doc);
            let fact = document.and_then(|document| document.fact(section, id));
            let refused = self.phones.iter().flat_map(SimPhone::refused);
            let refused = refused.flat_map(|work| &work.change.entries);
            let mut refused =
                refused.filter(|e| matches!(e, Entry::Fact { id: other, .. } if other == id));
            match fact {
                Some(fact) => assert_eq!(&fact.record, record, "a fact changed"),
                None => assert!(refused.next().is_some(), "fact {id} of {doc:?} is lost"),
            }
        }
        for phone in &self.phones {
            assert!(!phone.has_waiting(), "work still waits");
            let scope: Vec<_> = phone.docs().collect();
            let expected: Vec<_> = self.server.scope_of(phone.user).into_iter().collect();
            assert_eq!(scope, expected, "a phone holds what is in its scope and nothing else");
            for doc in scope {
                let mine = phone.replica(doc).map(|replica| replica.document().heads());
                let theirs = self.server.document(doc).map(Document::heads);
                assert_eq!(mine, theirs, "{doc:?} differs");
            }
        }
    }
}

fn run(seed: u64) -> BTreeMap<&'static str, u64> {
    let mut world = World::new(seed);
    for _ in 0..ACTIONS {
        world.step();
    }
    world.heal();
    world.check();
    world.counts
}

#[test]
fn after_healing_all_agree_and_nothing_saved_is_lost() {
    let seeds = std::env::var("TOWLINE_SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(150);
    let first = std::env::var("TOWLINE_SEED").ok().and_then(|n| n.parse().ok()).unwrap_or(0);
    let mut counts: BTreeMap<&'static str, u64> = BTreeMap::new();
    for seed in first..first + seeds {
        let run = std::panic::catch_unwind(|| run(seed));
        let met = run.unwrap_or_else(|cause| {
            eprintln!("replay with: TOWLINE_SEED={seed} TOWLINE_SEEDS=1 cargo test -p tests --test two_machines");
            std::panic::resume_unwind(cause)
        });
        for (what, times) in met {
            *counts.entry(what).or_default() += times;
        }
    }
    println!("{seeds} seeds: {counts:#?}");
    if seeds >= 100 {
        for what in [
            "reply lost after commit",
            "phone image restored",
            "server restored from backup",
            "old frame replayed",
        ] {
            assert!(counts.get(what).is_some_and(|n| *n > 0), "{what} never happened");
        }
    }
}
