//! Pages of phones: honest ones, and those made to cost as much as a page can.

use ed25519_dalek::Signer as _;
use sync_core::admission::{RecordError, push_message, record};
use sync_core::change::{Entry, Run, encode_run};
use sync_core::document::{Author, Document, Refusal};
use sync_core::id::{ActorId, FactId};
use sync_core::job::Job;
use sync_core::policy::{Principal, Role};
use sync_core::schema::{DocId, Key, Section, key, section};
use sync_core::seal::{Draft, Point, Shown, Signer};
use sync_core::time::Stamp;
use sync_core::value::{Record, Value};
use sync_core::wire::Writer;
use tests::storm::{Phone, STARTS, base, job_id, work};

use crate::Page;

/// What is sent together.
pub struct Sent {
    pub name: &'static str,
    pub pages: Vec<Page>,
    changes: usize,
}

impl Sent {
    pub fn bytes(&self) -> usize {
        self.pages.iter().flat_map(|(_, runs, _, _)| runs).map(Vec::len).sum()
    }

    pub fn changes(&self) -> usize {
        self.changes
    }
}

/// 100 jobs of the storm.
pub fn honest() -> Sent {
    let mut sent = Sent { name: "honest storm, 100 jobs", pages: Vec::new(), changes: 0 };
    for number in 0..100 {
        let phone = Phone::new(number);
        let mut document = job(number, &phone);
        let before = document.clone();
        let run = work(&mut document, &phone, number);
        sent.add(before, vec![run], phone);
    }
    sent
}

impl Sent {
    fn add(&mut self, before: Document, runs: Vec<Run>, phone: Phone) {
        self.changes += runs.iter().map(|run| run.changes.len()).sum::<usize>();
        let signature = phone.key().sign(&push_message(phone.device, runs.iter())).to_bytes();
        let bytes = runs.iter().map(|run| {
            let mut writer = Writer::new();
            encode_run(&mut writer, run);
            writer.into_bytes()
        });
        self.pages.push((before, bytes.collect(), signature, phone));
    }
}

fn job(number: u64, phone: &Phone) -> Document {
    let mut document = Document::new(job_id(number).into());
    let entries = base(&document, number, phone);
    office(&mut document, phone, entries);
    document
}

fn office(document: &mut Document, phone: &Phone, entries: Vec<Entry>) {
    let caller = Principal { user: phone.user, role: Role::Manager };
    let actor = ActorId::new(1, [1; 10]);
    let author = Author::desk(phone.user);
    record(document, actor, STARTS, &caller, author, entries).expect("the office may");
}

/// One phone that writes about one document.
struct Pen {
    phone: Phone,
    before: Document,
    document: Document,
    ids: u64,
    runs: Vec<Run>,
}

impl Pen {
    fn job() -> Self {
        let phone = Phone::new(1);
        let document = job(1, &phone);
        Self { phone, before: document.clone(), document, ids: 0, runs: Vec::new() }
    }

    fn van() -> Self {
        let phone = Phone::new(1);
        let mut document = Document::new(DocId::from(phone.van));
        let driver = Value::Bytes(phone.user.as_bytes().to_vec());
        let entry = document.set(section::DETAILS, key::TECHNICIAN, driver);
        office(&mut document, &phone, vec![entry]);
        Self { phone, before: document.clone(), document, ids: 0, runs: Vec::new() }
    }

    fn id(&mut self) -> FactId {
        self.ids += 1;
        let mut random = [0; 10];
        random[2..].copy_from_slice(&self.ids.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes());
        FactId::new(STARTS, random)
    }

    fn fact(&mut self, section: Section, pairs: &[(Key, Value)]) -> Entry {
        Entry::Fact { section, id: self.id(), record: pairs.iter().cloned().collect::<Record>() }
    }

    /// Whether the technician's share had room for it.
    fn write(&mut self, actor: ActorId, entries: Vec<Entry>) -> bool {
        let caller = Principal { user: self.phone.user, role: Role::Technician };
        let author = Author::phone(self.phone.user, self.phone.device);
        let run = record(&mut self.document, actor, STARTS, &caller, author, entries);
        let run = match run {
            Err(RecordError::Refusal(Refusal::Full { .. } | Refusal::Words)) => return false,
            run => run.expect("the technician may"),
        };
        match self.runs.last_mut().filter(|last| last.actor() == actor) {
            Some(last) => {
                last.changes.extend(run.changes);
                last.last_hash = run.last_hash;
            }
            None => self.runs.push(run),
        }
        true
    }

    /// So many facts, or as many as the share takes.
    fn facts(&mut self, section: Section, count: usize, pairs: &[(Key, Value)]) {
        let actor = self.phone.actor;
        let (mut left, mut some) = (count, 500);
        while left > 0 && some > 0 {
            some = some.min(left);
            let entries = (0..some).map(|_| self.fact(section.clone(), pairs)).collect();
            if self.write(actor, entries) {
                left -= some;
            } else {
                some /= 2;
            }
        }
    }

    fn sent(self, name: &'static str) -> Sent {
        let mut sent = Sent { name, pages: Vec::new(), changes: 0 };
        sent.add(self.before, self.runs, self.phone);
        sent
    }
}

/// The worst that are known.
pub fn hostile() -> Vec<Sent> {
    vec![
        parts(),
        sound_seals(),
        findings(),
        one_fact_a_change(),
        corrections(),
        steps(),
        texts(),
        counts(),
        movements(),
    ]
}

fn parts() -> Sent {
    let mut pen = Pen::job();
    pen.facts(section::PARTS, usize::MAX, &[(key::PART_NO, "x".into())]);
    pen.sent("parts of one letter, all that fit")
}

fn sound_seals() -> Sent {
    let mut pen = Pen::job();
    let said = "x".to_owned();
    let signer = Signer {
        name: said.clone(),
        role: "customer".into(),
        language: "en".into(),
        statement: said,
    };
    let shown = Shown::of(&Job::of(&pen.document), signer);
    pen.facts(section::PARTS, 1_000, &[(key::PART_NO, "x".into())]);
    let (actor, phone) = (pen.phone.actor, pen.phone);
    for _ in 0..16 {
        let draft = Draft {
            job: pen.document.id().job().expect("a job"),
            fact: pen.id(),
            device: phone.device,
            shown: shown.clone(),
            heads: pen.document.heads(),
            strokes: vec![vec![Point { x: 1, y: 2, t: 3, pressure: 4 }; 30]],
            place: None,
            stamp: Stamp { at: STARTS, up: None, srv: None, srv_up: None },
        };
        let entry = draft.sign(|text| phone.key().sign(text).to_bytes()).expect("it signs");
        pen.write(actor, vec![entry]);
    }
    pen.sent("1,000 parts of one letter, 16 sound seals")
}

fn findings() -> Sent {
    let mut pen = Pen::job();
    pen.facts(section::WORK, usize::MAX, &[(key::KIND, "cause".into()), (key::TEXT, "x".into())]);
    pen.sent("findings of one letter, all that fit")
}

fn one_fact_a_change() -> Sent {
    let mut pen = Pen::job();
    let actor = pen.phone.actor;
    for _ in 0..4_000 {
        let entry = pen.fact(section::NOTES, &[(key::TEXT, "x".into())]);
        pen.write(actor, vec![entry]);
    }
    pen.sent("changes of one note each, all that fit")
}

fn corrections() -> Sent {
    let mut pen = Pen::job();
    let actor = pen.phone.actor;
    let mut last: Option<FactId> = None;
    loop {
        let pairs = last.map(|id| (key::CORRECTS, Value::Bytes(id.as_bytes().to_vec())));
        let pairs: Vec<_> = pairs.into_iter().chain([(key::PART_NO, "x".into())]).collect();
        let entry = pen.fact(section::PARTS, &pairs);
        if let Entry::Fact { id, .. } = &entry {
            last = Some(*id);
        }
        if !pen.write(actor, vec![entry]) {
            break;
        }
    }
    pen.sent("a chain of corrections, all that fit")
}

fn steps() -> Sent {
    let mut pen = Pen::job();
    pen.facts(section::STATUS, 10_000, &[(key::KIND, "working".into()), (key::EPOCH, 1.into())]);
    pen.sent("steps, all that fit")
}

fn texts() -> Sent {
    let mut pen = Pen::job();
    for _ in 0..7 {
        let said = [(key::KIND, "cause".into()), (key::TEXT, "x".repeat(30_000).into())];
        pen.facts(section::WORK, 1, &said);
    }
    pen.sent("findings of 30 KB, all that fit")
}

fn counts() -> Sent {
    let mut pen = Pen::van();
    let counted = [(key::PART_NO, "H7".into()), (key::QUANTITY, 1.into())];
    pen.facts(section::COUNTS, 10_000, &counted);
    pen.sent("counts of one part, all that fit")
}

fn movements() -> Sent {
    let mut pen = Pen::van();
    for at in 0..900u16 {
        let mut random = [7; 10];
        random[..2].copy_from_slice(&at.to_be_bytes());
        let actor = ActorId::new(STARTS, random);
        let part = Value::Text(format!("H{at}"));
        let count = [(key::PART_NO, part.clone()), (key::QUANTITY, 1.into())];
        let count = pen.fact(section::COUNTS, &count);
        let moved = [(key::PART_NO, part), (key::KIND, "use".into()), (key::QUANTITY, 1.into())];
        let moved = pen.fact(section::MOVEMENTS, &moved);
        pen.write(actor, vec![count, moved]);
    }
    pen.sent("actors, each a count and a movement")
}
