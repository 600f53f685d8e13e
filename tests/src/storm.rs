//! The reconnect storm: the offline work that every sync engine we compare with is given too.
//!
//! A device holds jobs; on each it made 26 changes without coverage: 6 status facts, 10 checklist
//! results, 3 parts, 4 photo references, 2 notes and a signature with 900 bytes of strokes.

use ed25519_dalek::{Signer as _, SigningKey};
use sync_core::admission;
use sync_core::change::{Entry, Run};
use sync_core::document::{Author, Document};
use sync_core::id::{ActorId, DeviceId, FactId, JobId, UserId, VanId};
use sync_core::job::Job;
use sync_core::policy::{Principal, Role};
use sync_core::schema::{Key, Section, key, section};
use sync_core::seal::{self, Draft, Point, Shown};
use sync_core::time::Stamp;
use sync_core::value::{Record, Value};

use crate::random::Random;

/// Changes made on each job.
pub const CHANGES_PER_JOB: usize = 26;

/// When the work starts, Unix milliseconds.
pub const STARTS: i64 = 1_790_000_100_000;

/// One device of the storm.
#[derive(Debug, Clone, Copy)]
pub struct Phone {
    /// The technician.
    pub user: UserId,
    /// The device.
    pub device: DeviceId,
    /// The device's writer.
    pub actor: ActorId,
    /// The technician's van.
    pub van: VanId,
}

impl Phone {
    /// The `index`th device of a storm.
    pub fn new(index: u64) -> Self {
        let mut rng = Random::new(0xA11CE ^ index.wrapping_mul(0x1234_5678_9ABC_DEF1));
        let at = STARTS - 1_000_000;
        Self {
            user: UserId::new(at, rng.bytes()),
            device: DeviceId::new(at, rng.bytes()),
            actor: ActorId::new(at, rng.bytes()),
            van: VanId::new(at, rng.bytes()),
        }
    }

    /// The device's key; made from its id, as befits a benchmark and nothing else.
    pub fn key(&self) -> SigningKey {
        let mut seed = [0; 32];
        seed[..16].copy_from_slice(self.device.as_bytes());
        SigningKey::from_bytes(&seed)
    }
}

/// The id of a job of the storm.
pub fn job_id(job: u64) -> JobId {
    let mut rng = Random::new(job.wrapping_mul(77).wrapping_add(5));
    JobId::new(STARTS - 600_000, rng.bytes())
}

/// What the office knew of a job before the technician lost coverage: intake and assignment.
pub fn base(document: &Document, job: u64, phone: &Phone) -> Vec<Entry> {
    let mut rng = Random::new(job.wrapping_mul(79).wrapping_add(7));
    let at = STARTS - 600_000;
    let fields: [(Key, Value); 8] = [
        (key::CALLER, "陳淑芬".into()),
        (key::PHONE, "+886912345678".into()),
        (key::PLATE, "ABC-1234".into()),
        (key::VIN, "1HGCM82633A004352".into()),
        (key::PROBLEM, "flat_tyre".into()),
        (key::ADDRESS, "台北市信義區市府路45號".into()),
        (
            key::REMARKS,
            "customer waiting at the roadside with two children, left lane blocked".into(),
        ),
        (key::NUMBER, job.to_string().into()),
    ];
    let fields = fields.into_iter().map(|(key, value)| document.set(section::INTAKE, key, value));
    let mut entries: Vec<Entry> = fields.collect();
    entries.push(Entry::Fact {
        section: section::ASSIGNMENT,
        id: FactId::new(at, rng.bytes()),
        record: Record::from([
            (key::KIND, "assign".into()),
            (key::EPOCH, 1.into()),
            (key::TECHNICIAN, phone.user.as_bytes().to_vec().into()),
            (key::AT, at.into()),
        ]),
    });
    entries
}

fn seal_id(at: i64) -> FactId {
    FactId::new(at, [3; 10])
}

/// A customer's signature with some 900 bytes of strokes, over the job as the office gave it.
fn seal(document: &Document, phone: &Phone, at: i64, rng: &mut Random) -> Record {
    let signer = seal::Signer {
        name: "陳淑芬".to_owned(),
        role: "customer".to_owned(),
        language: "zh-Hant".to_owned(),
        statement: "本人確認以上服務項目與金額。".to_owned(),
    };
    let point = |t: u32| {
        let mut small = || (rng.next() >> 33) as i32 & 0x3;
        Point { x: small(), y: small(), t: 8 * t, pressure: 500 }
    };
    let draft = Draft {
        job: document.id().job().expect("a job"),
        fact: seal_id(at),
        device: phone.device,
        shown: Shown::of(&Job::of(document), signer),
        heads: document.heads(),
        strokes: vec![(0..600).map(point).collect()],
        place: None,
        stamp: Stamp::wall(at),
    };
    let sealed = draft.sign(|message| phone.key().sign(message).to_bytes());
    match sealed.expect("it fits") {
        Entry::Fact { record, .. } => record,
        Entry::Field { .. } | Entry::Section { .. } => Record::new(),
    }
}

/// The 26 changes a technician makes on a job, as one run.
pub fn work(document: &mut Document, phone: &Phone, seed: u64) -> Run {
    let mut rng = Random::new(seed.wrapping_add(1_000_000));
    let mut at = STARTS;
    let mut facts: Vec<(Section, Record)> = Vec::new();
    let up = 86_400_000 + seed as i64 % 10_000;
    let stamp = |at: i64| {
        [
            (key::AT, Value::Int(at)),
            (key::UP, Value::Int(up + at - STARTS)),
            (key::SRV, Value::Int(STARTS - 900_000)),
            (key::SRV_UP, Value::Int(up - 900_000)),
        ]
    };
    for kind in ["accepted", "en_route", "on_scene", "working", "in_tow", "completed"] {
        at += 123_456;
        let mut record = Record::from([
            (key::KIND, kind.into()),
            (key::EPOCH, 1.into()),
            (key::LAT, (250_300_000 + (rng.next() % 1000) as i64 * 10_000).into()),
            (key::LON, 1_215_000_000.into()),
        ]);
        record.extend(stamp(at));
        facts.push((section::STATUS, record));
    }
    for step in 0..10 {
        let mut record =
            Record::from([(key::STEP, format!("step{step}").into()), (key::RESULT, "pass".into())]);
        record.extend(stamp(at));
        facts.push((section::CHECKLIST, record));
    }
    for part in 0..3 {
        let mut record = Record::from([
            (key::PART_NO, format!("90915-YZZD{part}").into()),
            (key::QUANTITY, 1000.into()),
            (key::UNIT_PRICE, 35_000.into()),
            (key::CURRENCY, "TWD".into()),
            (key::VAN, phone.van.as_bytes().to_vec().into()),
        ]);
        record.extend(stamp(at));
        facts.push((section::PARTS, record));
    }
    for _ in 0..4 {
        let mut record = Record::from([
            (key::SHA256, rng.bytes::<32>().to_vec().into()),
            (key::MEDIA_TYPE, "image/jpeg".into()),
            (key::SIZE, 1_234_567.into()),
            (key::STAGE, "before".into()),
        ]);
        record.extend(stamp(at));
        facts.push((section::ATTACHMENTS, record));
    }
    for _ in 0..2 {
        let text = "Left front tyre torn on the sidewall, spare fitted, torque 103 Nm, advised \
                    the customer to replace both front tyres";
        let mut record = Record::from([(key::TEXT, text.into())]);
        record.extend(stamp(at));
        facts.push((section::NOTES, record));
    }
    facts.push((section::SIGNATURES, seal(document, phone, at, &mut rng)));

    let caller = Principal { user: phone.user, role: Role::Technician };
    let author = Author::phone(phone.user, phone.device);
    let mut changes = Vec::with_capacity(CHANGES_PER_JOB);
    let mut last_hash = None;
    for (section, fact) in facts {
        let time = fact.get(&key::AT).and_then(Value::as_int).unwrap_or(at);
        // A seal is signed with the id that it has.
        let random = FactId::new(time, rng.bytes());
        let id = if section == section::SIGNATURES { seal_id(at) } else { random };
        let entries = vec![Entry::Fact { section, id, record: fact }];
        let run = admission::record(document, phone.actor, time, &caller, author, entries)
            .expect("the technician may");
        last_hash = Some(run.last_hash);
        changes.extend(run.changes);
    }
    Run { doc: document.id(), changes, last_hash: last_hash.expect("there is work") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sync_core::sync::{Request, Sent, decode_request, encode_request};

    /// The measure is bytes of message bodies; deterministic, so it is a test and not a benchmark.
    #[test]
    fn a_job_of_the_storm_fits_its_budget_on_the_wire() {
        let desk = UserId::new(STARTS, [1; 10]);
        let actor = ActorId::new(STARTS, [2; 10]);
        let phone = Phone::new(0);
        let runs: Vec<_> = (0..5)
            .map(|job| {
                let mut document = Document::new(job_id(job).into());
                let entries = base(&document, job, &phone);
                let caller = Principal { user: desk, role: Role::Dispatcher };
                let author = Author::desk(desk);
                admission::record(&mut document, actor, STARTS, &caller, author, entries)
                    .expect("the office may");
                let run = work(&mut document, &phone, job);
                document.check_by_oracle().expect("automerge agrees");
                Sent::Signed(run)
            })
            .collect();
        let request =
            Request { epoch: 1, cursor: 1, runs, signature: Some([7; 64]), ..Request::default() };
        let bytes = encode_request(&request);
        let per_job = bytes.len() / 5;
        println!("{per_job} bytes a job on the way up");
        assert_eq!(decode_request(&bytes), Ok(request));
        assert!(per_job <= 2_200, "{per_job} bytes a job");
    }
}
