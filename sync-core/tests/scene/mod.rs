//! Desks and phones that each hold a replica of one document and write only what policy allows.
#![allow(dead_code, clippy::expect_used)]

pub mod phone_copy;
pub mod talk;

use ed25519_dalek::{Signer as _, SigningKey};
use sync_core::admission::{RecordError, record, replay};
use sync_core::change::{Change, ChangeRef, Entry, Run};
use sync_core::document::{Author, Document};
use sync_core::id::{ActorId, DeviceId, FactId, JobId, UserId};
use sync_core::job::Job;
use sync_core::policy::{Principal, Role};
use sync_core::schema::{DocId, Key, Section, key, section};
use sync_core::seal::{Draft, Point, Shown, Signer};
use sync_core::time::Stamp;
use sync_core::value::{Record, Value};

/// Noon of the day the stories play.
pub const NOON: i64 = 1_790_000_000_000;
pub const MINUTE: i64 = 60_000;

/// A desk or a phone with its replica.
#[derive(Clone)]
pub struct Hand {
    pub document: Document,
    pub caller: Principal,
    pub actor: ActorId,
    facts: u8,
    /// Wall clock.
    pub now: i64,
}

impl Hand {
    pub fn new(doc: DocId, who: u8, role: Role) -> Self {
        Self {
            document: Document::new(doc),
            caller: Principal { user: user(who), role },
            actor: ActorId::new(NOON, [who; 10]),
            facts: 0,
            now: NOON,
        }
    }

    pub fn desk(doc: DocId) -> Self {
        Self::new(doc, 100, Role::Dispatcher)
    }

    pub fn phone(doc: DocId, who: u8) -> Self {
        Self::new(doc, who, Role::Technician)
    }

    /// Writes one change; panics when policy or document refuse it.
    pub fn write(&mut self, entries: Vec<Entry>) -> Option<FactId> {
        self.attempt(entries).expect("it is allowed")
    }

    /// Writes one change unless policy or document refuse it.
    pub fn attempt(&mut self, entries: Vec<Entry>) -> Result<Option<FactId>, RecordError> {
        self.now += 1;
        let id = entries.iter().find_map(|entry| match entry {
            Entry::Fact { id, .. } => Some(*id),
            Entry::Field { .. } | Entry::Section { .. } => None,
        });
        let author = match self.caller.role {
            Role::Technician => Author::phone(self.caller.user, DeviceId::new(NOON, [1; 10])),
            _ => Author::desk(self.caller.user),
        };
        let (document, actor) = (&mut self.document, self.actor);
        record(document, actor, self.now, &self.caller, author, entries)?;
        Ok(id)
    }

    /// Adds one fact.
    pub fn fact(&mut self, section: Section, keys: &[(Key, Value)]) -> FactId {
        self.attempt_fact(section, keys).expect("it is allowed").expect("a fact")
    }

    /// Adds one fact unless policy or document refuse it.
    pub fn attempt_fact(
        &mut self,
        section: Section,
        keys: &[(Key, Value)],
    ) -> Result<Option<FactId>, RecordError> {
        self.facts += 1;
        let mut random = [self.facts; 10];
        random[0] = self.caller.user.as_bytes()[15];
        let mut record: Record = keys.iter().cloned().collect();
        if !record.contains_key(&key::AT) {
            record.insert(key::AT, Value::Int(self.now));
        }
        let id = FactId::new(self.now, random);
        self.attempt(vec![Entry::Fact { section, id, record }])
    }

    /// Adds a step under an epoch.
    pub fn step(&mut self, kind: &str, epoch: i64) -> FactId {
        let record =
            [(key::KIND, kind.into()), (key::EPOCH, epoch.into()), (key::REASON, "other".into())];
        self.fact(section::STATUS, &record)
    }

    pub fn steps(&mut self, kinds: &[&str], epoch: i64) {
        for kind in kinds {
            self.now += MINUTE;
            self.step(kind, epoch);
        }
    }

    pub fn assign(&mut self, who: u8, epoch: i64) -> FactId {
        let record = [
            (key::KIND, "assign".into()),
            (key::EPOCH, epoch.into()),
            (key::TECHNICIAN, id(user(who))),
        ];
        self.fact(section::ASSIGNMENT, &record)
    }

    pub fn cancel(&mut self) -> FactId {
        let record = [(key::KIND, "cancelled".into()), (key::REASON, "customer_cancelled".into())];
        self.fact(section::STATUS, &record)
    }

    pub fn decide(&mut self, about: &str, choice: &str, reference: Option<FactId>) -> FactId {
        let mut record = vec![(key::ABOUT, about.into()), (key::CHOICE, choice.into())];
        record.extend(reference.map(|id| (key::REF, Value::Bytes(id.as_bytes().to_vec()))));
        self.fact(section::DECISIONS, &record)
    }

    pub fn set(&mut self, section: Section, key: Key, value: impl Into<Value>) {
        let entry = self.document.set(section, key, value.into());
        self.write(vec![entry]);
    }

    /// Takes in everything the other replica has and this one lacks, at the later of their times.
    pub fn hear(&mut self, other: &Self) {
        self.now = self.now.max(other.now);
        for (run, author) in other.runs() {
            if run.last_seq() > self.document.seq_of(&run.actor()) {
                replay(&mut self.document, &run, author).expect("it fits");
            }
        }
    }

    /// Every change it holds as a run of its own.
    pub fn runs(&self) -> impl Iterator<Item = (Run, Author)> {
        self.document.changes().iter().map(|(change, author)| {
            let reference = ChangeRef { actor: change.actor, seq: change.seq };
            let last_hash = self.document.hash_of(&reference).expect("it is here");
            let run = Run { doc: self.document.id(), changes: vec![change.clone()], last_hash };
            (run, *author)
        })
    }

    /// A seal of the job as it stands, signed with [`phone_key`]; its id follows the wall clock.
    pub fn draft(&mut self) -> Draft {
        self.now += 1;
        self.facts += 1;
        let signer = Signer {
            name: "Lin Mei-hua".into(),
            role: "customer".into(),
            language: "zh-Hant".into(),
            statement: "本人確認以上服務項目與金額。".into(),
        };
        let mut random = [200; 10];
        random[0] = self.caller.user.as_bytes()[15];
        random[1] = self.facts;
        Draft {
            job: self.job().id,
            fact: FactId::new(self.now, random),
            device: DeviceId::new(NOON, [1; 10]),
            shown: Shown::of(&self.job(), signer),
            heads: self.document.heads(),
            strokes: vec![vec![Point { x: 1, y: 2, t: 3, pressure: 4 }; 30]],
            place: None,
            stamp: Stamp { at: self.now, up: Some(5), srv: Some(self.now), srv_up: Some(4) },
        }
    }

    /// The customer signs the job as it stands.
    pub fn seal(&mut self) -> FactId {
        let draft = self.draft();
        let entry = draft.sign(|message| phone_key().sign(message).to_bytes()).expect("it signs");
        self.write(vec![entry]).expect("a fact")
    }

    /// The entries as its next change, checked by nobody.
    pub fn unchecked(&mut self, entries: Vec<Entry>) -> Run {
        self.now += 1;
        let seq = self.document.seq_of(&self.actor) + 1;
        let heads = self.document.heads();
        let own = self.actor;
        let all = self.document.changes().iter();
        let all = all.map(|(change, _)| ChangeRef { actor: change.actor, seq: change.seq });
        let is_head = |it: &ChangeRef| {
            it.actor != own && self.document.hash_of(it).is_some_and(|hash| heads.contains(&hash))
        };
        let mut after: Vec<ChangeRef> = all.filter(is_head).collect();
        after.sort();
        let change = Change { actor: own, seq, after, time: self.now, entries };
        self.document.run(vec![change]).expect("it follows what is here")
    }

    /// Takes in entries as an old server did, which checked nothing of what facts say.
    pub fn took(&mut self, entries: Vec<Entry>) {
        let run = self.unchecked(entries);
        let author = Author::phone(self.caller.user, DeviceId::new(NOON, [1; 10]));
        replay(&mut self.document, &run, author).expect("it fits");
    }

    pub fn job(&self) -> Job {
        Job::of(&self.document)
    }
}

/// Key of the phone of every technician.
pub fn phone_key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

/// Both take in what the other has.
pub fn meet(a: &mut Hand, b: &mut Hand) {
    a.hear(b);
    b.hear(a);
}

pub fn user(who: u8) -> UserId {
    UserId::new(NOON, [who; 10])
}

pub fn id(user: UserId) -> Value {
    Value::Bytes(user.as_bytes().to_vec())
}

pub fn a_job() -> DocId {
    JobId::new(NOON, [1; 10]).into()
}

/// A desk and a phone with a job assigned to technician 1 under epoch 1.
pub fn assigned() -> (Hand, Hand) {
    let mut desk = Hand::desk(a_job());
    let mut phone = Hand::phone(a_job(), 1);
    desk.set(section::INTAKE, key::PROBLEM, "battery");
    desk.assign(1, 1);
    meet(&mut desk, &mut phone);
    (desk, phone)
}

/// What a photo of a stage says.
pub fn photo(stage: &str) -> [(Key, Value); 3] {
    [
        (key::SHA256, Value::Bytes(vec![7; 32])),
        (key::SIZE, 1_800_000.into()),
        (key::STAGE, stage.into()),
    ]
}

/// Everything the usual checklist of a flat battery and the completion want but the signature.
pub fn evidence(phone: &mut Hand) {
    for step in ["hi_vis", "hazard_lights", "area_safe", "tools_cleared"] {
        phone.fact(section::CHECKLIST, &[(key::STEP, step.into()), (key::RESULT, "pass".into())]);
    }
    phone.fact(section::ATTACHMENTS, &photo("before"));
    let odometer = [(key::KIND, "odometer".into()), (key::ODOMETER, 84_210.into())];
    phone.fact(section::WORK, &odometer);
}
