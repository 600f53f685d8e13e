//! One rescue that touches every form a change can have, with fixed keys, ids and times.

use ed25519_dalek::{Signer as _, SigningKey};
use sync_core::admission::{Attested, record, replay};
use sync_core::change::{Change, ChangeRef, Entry, Run};
use sync_core::document::{Author, ChangeHash, Document};
use sync_core::id::{ActorId, DeviceId, FactId, JobId, TenantId, UserId};
use sync_core::job::{Job, seal_of};
use sync_core::place::Place;
use sync_core::policy::{Principal, Role};
use sync_core::schema::{Key, Section, key, section};
use sync_core::seal::{Countersignature, Draft, Point, Shown, Signer, Stroke};
use sync_core::time::Stamp;
use sync_core::value::{Record, Value};

/// When the story begins, Unix milliseconds.
pub const T0: i64 = 1_790_000_000_000;
/// Name of the server's key.
pub const KID: &str = "2026-1";
/// When the seal came in.
pub const RECEIVED_AT: i64 = T0 + 3_600_000;

pub fn device_key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

pub fn server_key() -> SigningKey {
    SigningKey::from_bytes(&[9; 32])
}

pub fn tenant() -> TenantId {
    TenantId::new(T0, [1; 10])
}

pub fn technician() -> UserId {
    UserId::new(T0, [2; 10])
}

pub fn device() -> DeviceId {
    DeviceId::new(T0, [3; 10])
}

pub fn job() -> JobId {
    JobId::new(T0, [8; 10])
}

/// The document as it is in the end, and the seal in it.
pub struct Story {
    pub document: Document,
    pub seal: FactId,
    pub strokes: Vec<Stroke>,
}

/// Someone who writes: a desk, the phone, the server.
pub struct Hand {
    pub document: Document,
    actor: ActorId,
    caller: Principal,
    author: Author,
    facts: u8,
}

impl Hand {
    pub fn new(tail: u8, role: Role) -> Self {
        let (user, author) = match role {
            Role::Technician => (technician(), Author::phone(technician(), device())),
            _ => (UserId::new(T0, [5; 10]), Author::desk(UserId::new(T0, [5; 10]))),
        };
        let (document, actor) = (Document::new(job().into()), ActorId::new(T0, [tail; 10]));
        Self { document, actor, caller: Principal { user, role }, author, facts: 0 }
    }

    pub fn write(&mut self, minute: i64, entries: Vec<Entry>) {
        let time = T0 + minute * 60_000;
        record(&mut self.document, self.actor, time, &self.caller, self.author, entries)
            .expect("the story is allowed");
    }

    pub fn fact(&mut self, minute: i64, section: Section, keys: &[(Key, Value)]) -> Entry {
        self.facts += 1;
        let mut tail = [self.facts; 10];
        tail[0] = self.actor.as_bytes()[15];
        let mut record: Record = keys.iter().cloned().collect();
        stamp(minute).write(&mut record);
        Entry::Fact { section, id: FactId::new(T0 + minute * 60_000 - 5, tail), record }
    }

    fn step(&mut self, minute: i64, kind: &str) -> Entry {
        self.fact(minute, section::STATUS, &[(key::KIND, kind.into()), (key::EPOCH, 1.into())])
    }

    fn set(&self, key: Key, value: impl Into<Value>) -> Entry {
        self.document.set(section::INTAKE, key, value.into())
    }

    pub fn hear(&mut self, other: &Self) {
        for (run, author) in single_runs(&other.document) {
            if run.last_seq() > self.document.seq_of(&run.actor()) {
                replay(&mut self.document, &run, author).expect("it fits");
            }
        }
    }
}

/// The phone heard the server's clock 90 s before the story begins, five minutes after it started;
/// its wall clock is 2 s ahead.
fn stamp(minute: i64) -> Stamp {
    let ms = minute * 60_000 - 5;
    let (up, srv) = (Some(390_000 + ms), Some(T0 - 92_000));
    Stamp { at: T0 + ms, up, srv, srv_up: Some(300_000) }
}

/// Tells the story.
pub fn tell() -> Story {
    let mut desk = Hand::new(6, Role::Dispatcher);
    let mut other = Hand::new(7, Role::Dispatcher);
    let mut phone = Hand::new(4, Role::Technician);
    let bytes = |id: &[u8; 16]| Value::Bytes(id.to_vec());

    let assign = [
        (key::KIND, "assign".into()),
        (key::EPOCH, 1.into()),
        (key::TECHNICIAN, bytes(technician().as_bytes())),
        (key::ETA, (T0 + 1_800_000).into()),
    ];
    let assign = desk.fact(0, section::ASSIGNMENT, &assign);
    let (problem, plate) = (desk.set(key::PROBLEM, "flat_tyre"), desk.set(key::PLATE, "ABC-1234"));
    desk.write(0, vec![problem, plate, desk.set(key::REMARKS, "7-11 旁邊"), assign]);
    let remarks = desk.set(key::REMARKS, Value::Null);
    desk.write(1, vec![remarks]);
    phone.hear(&desk);
    other.hear(&desk);

    // Two desks correct the plate without having seen each other.
    let (plate, rival) = (desk.set(key::PLATE, "ABC-1235"), other.set(key::PLATE, "ABC-1236"));
    desk.write(2, vec![plate]);
    other.write(2, vec![rival]);
    let accepted = phone.step(2, "accepted");
    phone.write(2, vec![accepted]);
    let mut en_route = phone.step(4, "en_route");
    if let Entry::Fact { record, .. } = &mut en_route {
        record.insert(key::LAT, 250_330_000.into());
        record.insert(key::LON, (-1_215_654_000).into());
        record.insert(key::ACCURACY, 80.into());
    }
    phone.write(4, vec![en_route]);

    desk.hear(&other);
    desk.hear(&phone);
    let plate = desk.set(key::PLATE, "ABC-1236");
    desk.write(5, vec![plate]);

    // Out of coverage: the phone has not heard what the desk decided.
    let steps = [phone.step(20, "on_scene"), phone.step(21, "working")];
    phone.write(21, steps.into());
    let checks = ["hi_vis", "cones", "area_safe", "wheel_chocks"].map(|step| {
        phone.fact(
            22,
            section::CHECKLIST,
            &[(key::STEP, step.into()), (key::RESULT, "pass".into())],
        )
    });
    phone.write(22, checks.into());
    let newer = Key::parse("from_a_newer_version").expect("a plain name");
    let photo = [
        (key::SHA256, vec![0xab; 32].into()),
        (key::SIZE, 1_800_000.into()),
        (key::STAGE, "before".into()),
        (key::MEDIA_TYPE, "image/jpeg".into()),
        (newer, true.into()),
    ];
    let photo = phone.fact(23, section::ATTACHMENTS, &photo);
    let odometer = [(key::KIND, "odometer".into()), (key::ODOMETER, 84_210.into())];
    let odometer = phone.fact(23, section::WORK, &odometer);
    let part = [
        (key::PART_NO, "TYRE-205".into()),
        (key::DESCRIPTION, "備胎 205/55 R16".into()),
        (key::QUANTITY, 1000.into()),
        (key::UNIT, "piece".into()),
        (key::UNIT_PRICE, 280_000.into()),
        (key::TAX_RATE, 500.into()),
        (key::SERIAL, "DOT-4B2".into()),
        (key::CURRENCY, "TWD".into()),
    ];
    let part = phone.fact(23, section::PARTS, &part);
    phone.write(23, vec![photo, odometer, part]);

    let point = |t: u32| Point {
        x: 1500 + 40 * t as i32,
        y: 900 - (t * t) as i32,
        t: 8 * t,
        pressure: 500 + t as u16,
    };
    let strokes: Vec<Stroke> = vec![(0..9).map(point).collect(), (12..16).map(point).collect()];
    let seal = FactId::new(T0 + 25 * 60_000, [10; 10]);
    let signer = Signer {
        name: "Lin Mei-hua".into(),
        role: "customer".into(),
        language: "zh-Hant".into(),
        statement: "本人確認以上服務項目與金額。".into(),
    };
    let draft = Draft {
        job: job(),
        fact: seal,
        device: device(),
        shown: Shown::of(&Job::of(&phone.document), signer),
        heads: phone.document.heads(),
        strokes: strokes.clone(),
        place: Place::new(250_330_000, -1_215_654_000).ok().map(|place| (place, None)),
        stamp: stamp(25),
    };
    let sealed = draft.sign(|message| device_key().sign(message).to_bytes()).expect("it fits");
    phone.write(25, vec![sealed]);
    let completed = phone.step(26, "completed");
    phone.write(26, vec![completed]);

    let mut server = Hand::new(9, Role::System);
    server.author = Author::default();
    server.hear(&desk);
    server.hear(&phone);
    let held = seal_of(&server.document, seal).expect("it is well formed");
    let sign = |message: &[u8]| server_key().sign(message).to_bytes();
    let key = device_key().verifying_key();
    let countersigned =
        Countersignature::of(&held, tenant(), &key, RECEIVED_AT, KID, sign).expect("it is sound");
    server.write(60, vec![countersigned.entry(FactId::new(RECEIVED_AT, [11; 10]))]);
    Story { document: server.document, seal, strokes }
}

/// Consecutive changes of one writer, as runs.
pub fn runs(document: &Document) -> Vec<(Run, Author)> {
    let mut runs: Vec<(Run, Author)> = Vec::new();
    for (next, author) in single_runs(document) {
        match runs.last_mut() {
            Some((run, _)) if run.actor() == next.actor() => {
                run.changes.extend(next.changes);
                run.last_hash = next.last_hash;
            }
            _ => runs.push((next, author)),
        }
    }
    runs
}

fn single_runs(document: &Document) -> impl Iterator<Item = (Run, Author)> {
    document.changes().iter().map(|(change, author)| {
        let last_hash = hash(document, change);
        (Run { doc: document.id(), changes: vec![change.clone()], last_hash }, *author)
    })
}

pub fn hash(document: &Document, change: &Change) -> ChangeHash {
    let reference = ChangeRef { actor: change.actor, seq: change.seq };
    document.hash_of(&reference).expect("it is here")
}

/// A run with the receipt that a server with the secret of the vectors gives.
pub fn attest((run, author): (Run, Author)) -> Attested {
    let receipt = super::signed::receipt(&run, &author);
    Attested { run, author, receipt }
}
