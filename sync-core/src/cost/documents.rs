//! Documents that someone made to be expensive, of any size: one for each way that is known.

use ed25519_dalek::{Signer as _, SigningKey};

use crate::change::{Change, ChangeRef, Entry, OpId};
use crate::document::{Author, Document};
use crate::id::{ActorId, DeviceId, FactId, JobId, UserId, VanId};
use crate::job::Job;
use crate::schema::{DocId, Key, Section, key, section};
use crate::seal::{Draft, Point, Shown, Signer};
use crate::time::Stamp;
use crate::value::{Record, Value};

/// Noon of the day all of it is written.
pub(super) const NOON: i64 = 1_790_000_000_000;
const DESK: u16 = 9000;
/// The technician whose work it is.
pub(super) const OWN: u16 = 1;

pub(super) fn user(who: u16) -> UserId {
    UserId::new(NOON, wide(u64::from(who)))
}

fn wide(number: u64) -> [u8; 10] {
    let mut bytes = [0; 10];
    bytes[2..].copy_from_slice(&number.to_be_bytes());
    bytes
}

fn raw(bytes: &[u8; 16]) -> Value {
    Value::Bytes(bytes.to_vec())
}

/// One way to make a document expensive.
pub(super) type Make = fn(usize) -> Document;

/// Every way that is known, with its name.
pub(super) const ALL: &[(&str, Make)] = &[
    ("empty facts in every section", empty_facts),
    ("parts beside seals that are not sound", bad_seals),
    ("parts beside sound seals", seals),
    ("seals that were shown long lists", long_seals),
    ("a chain of corrections", corrections),
    ("voids of one fact", voids),
    ("a circle of corrections", circle),
    ("steps of every kind", steps),
    ("assignments to and fro, each completed", spans),
    ("assignments with one number", rivals),
    ("cancellations and reopenings", cancellations),
    ("claims with decisions", decisions),
    ("decisions about completions", decided_completions),
    ("many actors that do not see each other", actors),
    ("clocks that are off", clocks),
    ("a long checklist and many photos", checklist),
    ("values of one field that conflict", conflicts),
    ("values of one field, each replaced", replaced),
    ("many fields", fields),
    ("currencies promised, and parts without one", currencies),
    ("texts", texts),
    ("countersignatures", countersignatures),
    ("counts of one part", counts),
    ("counts of many parts, and movements", counts_and_movements),
    ("counts of one part that do not see each other", blind_counts),
    ("certificates and shifts", papers),
];

/// A document and who writes to it.
struct Pen {
    document: Document,
    now: i64,
    ids: u64,
}

impl Pen {
    fn job() -> Self {
        let mut pen = Self::of(JobId::new(NOON, [1; 10]).into());
        pen.assign(OWN, 1);
        pen
    }

    fn of(doc: DocId) -> Self {
        Self { document: Document::new(doc), now: NOON, ids: 0 }
    }

    fn id(&mut self) -> FactId {
        self.ids += 1;
        FactId::new(self.now, wide(self.ids))
    }

    fn entry(&mut self, section: &Section, pairs: &[(Key, Value)]) -> Entry {
        let (id, record) = (self.id(), pairs.iter().cloned().collect());
        Entry::Fact { section: section.clone(), id, record }
    }

    /// One change on top of everything.
    fn write(&mut self, who: u16, entries: Vec<Entry>) {
        let actor = ActorId::new(NOON, wide(u64::from(who)));
        let change = self.document.next_of(actor, self.now, entries);
        self.join(who, change);
    }

    /// One change on top of the actor's own and of the first of all.
    fn write_blindly(&mut self, who: u16, entries: Vec<Entry>) {
        let actor = ActorId::new(NOON, wide(u64::from(who)));
        let seq = self.document.seq_of(&actor) + 1;
        let first = self.document.changes().first();
        let first = first.map(|(change, _)| ChangeRef { actor: change.actor, seq: 1 });
        let after = first.filter(|it| seq == 1 && it.actor != actor).into_iter().collect();
        self.join(who, Change { actor, seq, after, time: self.now, entries });
    }

    fn join(&mut self, who: u16, change: Change) {
        self.now += 1;
        let author = match who {
            DESK.. => Author::desk(user(who)),
            _ => Author::phone(user(who), DeviceId::new(NOON, [1; 10])),
        };
        let rebuilt = self.document.check(change).expect("it may join");
        self.document.apply(rebuilt, author);
    }

    fn fact(&mut self, who: u16, section: &Section, pairs: &[(Key, Value)]) -> FactId {
        let entry = self.entry(section, pairs);
        let id = id_of(&entry);
        self.write(who, vec![entry]);
        id
    }

    /// Many facts in few changes.
    fn facts(&mut self, who: u16, section: &Section, records: Vec<Vec<(Key, Value)>>) {
        let entries: Vec<_> = records.iter().map(|pairs| self.entry(section, pairs)).collect();
        for entries in entries.chunks(64) {
            self.write(who, entries.to_vec());
        }
    }

    fn assign(&mut self, who: u16, epoch: i64) -> FactId {
        let technician = raw(user(who).as_bytes());
        let pairs = [
            (key::KIND, "assign".into()),
            (key::EPOCH, epoch.into()),
            (key::TECHNICIAN, technician),
        ];
        self.fact(DESK, &section::ASSIGNMENT, &pairs)
    }

    fn step(&mut self, who: u16, kind: &str, epoch: i64) -> FactId {
        let pairs =
            [(key::KIND, kind.into()), (key::EPOCH, epoch.into()), (key::REASON, "x".into())];
        self.fact(who, &section::STATUS, &pairs)
    }

    fn set(&mut self, section: Section, key: Key, value: Value, replaces: Vec<OpId>) {
        self.write(DESK, vec![Entry::Field { section, key, value, replaces }]);
    }

    fn seal(&mut self, shown: &Shown) {
        let draft = Draft {
            job: self.document.id().job().expect("a job"),
            fact: self.id(),
            device: DeviceId::new(NOON, [1; 10]),
            shown: shown.clone(),
            heads: Vec::new(),
            strokes: vec![vec![Point::default()]],
            place: None,
            stamp: Stamp { at: self.now, up: None, srv: None, srv_up: None },
        };
        let key = SigningKey::from_bytes(&[7; 32]);
        let entry = draft.sign(|message| key.sign(message).to_bytes()).expect("it signs");
        self.write(OWN, vec![entry]);
    }
}

fn id_of(entry: &Entry) -> FactId {
    match entry {
        Entry::Fact { id, .. } => *id,
        Entry::Field { .. } | Entry::Section { .. } => FactId::new(0, [0; 10]),
    }
}

fn signer() -> Signer {
    let said = "signed".to_owned();
    Signer { name: said.clone(), role: said.clone(), language: said.clone(), statement: said }
}

fn empty_facts(n: usize) -> Document {
    let mut pen = Pen::job();
    for name in pen.document.id().kind.genesis_sections() {
        let section = Section::known(name);
        if !["intake", "promise"].contains(name) {
            pen.facts(OWN, &section, vec![Vec::new(); n]);
        }
    }
    pen.document
}

fn bad_seals(n: usize) -> Document {
    let mut pen = Pen::job();
    pen.facts(OWN, &section::PARTS, vec![Vec::new(); 4 * n]);
    pen.facts(OWN, &section::SIGNATURES, vec![vec![(key::KIND, "seal".into())]; n]);
    pen.document
}

fn seals(n: usize) -> Document {
    let mut pen = Pen::job();
    let shown = Shown::of(&Job::of(&pen.document), signer());
    pen.facts(OWN, &section::PARTS, vec![vec![(key::DESCRIPTION, "x".repeat(200).into())]; n]);
    (0..n).for_each(|_| pen.seal(&shown));
    pen.document
}

fn long_seals(n: usize) -> Document {
    let mut pen = Pen::job();
    pen.facts(OWN, &section::PARTS, vec![Vec::new(); 32]);
    let shown = Shown::of(&Job::of(&pen.document), signer());
    pen.facts(OWN, &section::WORK, vec![vec![(key::TEXT, "seen".into())]; n]);
    (0..n / 4).for_each(|_| pen.seal(&shown));
    pen.document
}

fn corrections(n: usize) -> Document {
    let mut pen = Pen::job();
    let mut last = pen.fact(OWN, &section::PARTS, &[(key::PART_NO, "H7".into())]);
    for _ in 0..n {
        last = pen.fact(OWN, &section::PARTS, &[(key::CORRECTS, raw(last.as_bytes()))]);
    }
    pen.document
}

fn voids(n: usize) -> Document {
    let mut pen = Pen::job();
    let first = pen.fact(OWN, &section::PARTS, &[(key::PART_NO, "H7".into())]);
    pen.facts(OWN, &section::PARTS, vec![vec![(key::VOIDS, raw(first.as_bytes()))]; n]);
    pen.document
}

fn circle(n: usize) -> Document {
    let mut pen = Pen::job();
    let ids: Vec<_> = (0..n).map(|_| pen.id()).collect();
    for (at, id) in ids.iter().enumerate() {
        let next = ids[(at + 1) % n];
        let record = Record::from([(key::CORRECTS, raw(next.as_bytes()))]);
        let section = section::CHARGES;
        pen.write(DESK, vec![Entry::Fact { section, id: *id, record }]);
    }
    pen.document
}

fn steps(n: usize) -> Document {
    let mut pen = Pen::job();
    for at in 0..n {
        let kinds = ["accepted", "en_route", "on_scene", "working", "completed", "goa"];
        pen.step(OWN, kinds[at % kinds.len()], 1);
    }
    pen.document
}

fn spans(n: usize) -> Document {
    let mut pen = Pen::job();
    for epoch in 2..n as i64 {
        pen.assign(OWN + (epoch % 2) as u16, epoch);
        // Under an assignment that is not theirs any more, unseen by whoever gave it on.
        let pairs = [(key::KIND, "completed".into()), (key::EPOCH, (epoch - 1).into())];
        let entry = pen.entry(&section::STATUS, &pairs);
        pen.write_blindly(OWN, vec![entry]);
    }
    pen.document
}

fn rivals(n: usize) -> Document {
    let mut pen = Pen::job();
    for who in 2..n as u16 {
        pen.assign(who, 2);
    }
    for who in 2..n as u16 {
        let pairs = [(key::KIND, "completed".into()), (key::EPOCH, 2.into())];
        let entry = pen.entry(&section::STATUS, &pairs);
        pen.write_blindly(if who % 8 == 0 { who } else { OWN }, vec![entry]);
    }
    pen.document
}

fn cancellations(n: usize) -> Document {
    let mut pen = Pen::job();
    pen.facts(OWN, &section::WORK, vec![vec![(key::TEXT, "done".into())]; n]);
    for at in 0..n {
        let cancelled = pen.step(DESK, "cancelled", 1);
        let mut pairs = vec![(key::KIND, "reopened".into())];
        pairs.extend((at % 2 == 0).then_some((key::VOIDS, raw(cancelled.as_bytes()))));
        pen.fact(DESK, &section::STATUS, &pairs);
    }
    pen.step(DESK, "cancelled", 1);
    pen.document
}

fn decisions(n: usize) -> Document {
    let mut pen = Pen::job();
    let claims: Vec<_> = (0..n).map(|_| pen.step(OWN, "goa", 1)).collect();
    for claim in &claims {
        let pairs = [
            (key::ABOUT, "goa_claimed".into()),
            (key::CHOICE, "reject".into()),
            (key::REF, raw(claim.as_bytes())),
        ];
        pen.fact(DESK, &section::DECISIONS, &pairs);
    }
    pen.document
}

fn decided_completions(n: usize) -> Document {
    let mut pen = Pen { document: spans(n), now: NOON + 10_000_000, ids: 1 << 40 };
    let completed: Vec<_> = pen.document.facts(&section::STATUS).map(|fact| fact.id).collect();
    for (at, id) in completed.iter().enumerate() {
        let mut pairs =
            vec![(key::ABOUT, "superseded_completed".into()), (key::CHOICE, "bill_other".into())];
        pairs.extend((at % 2 == 0).then_some((key::REF, raw(id.as_bytes()))));
        let entry = pen.entry(&section::DECISIONS, &pairs);
        pen.write_blindly(DESK + 1, vec![entry]);
    }
    pen.document
}

fn actors(n: usize) -> Document {
    let mut pen = Pen::job();
    for who in 0..n as u16 {
        let entry = pen.entry(&section::NOTES, &[(key::TEXT, "alone".into())]);
        pen.write_blindly(2 + who % 600, vec![entry]);
        if who % 32 == 0 {
            pen.assign(OWN + who % 2, 2 + i64::from(who));
        }
    }
    pen.document
}

fn clocks(n: usize) -> Document {
    let mut pen = Pen::job();
    for who in 0..n as u16 {
        let now = pen.now;
        let off = [
            (key::AT, (now + 3_600_000).into()),
            (key::UP, 1000.into()),
            (key::SRV, now.into()),
            (key::SRV_UP, 999.into()),
        ];
        let entry = pen.entry(&section::NOTES, &off);
        pen.write(2 + who % 256, vec![entry]);
    }
    for _ in 0..n / 4 {
        let pairs = [(key::ABOUT, "clock_skew".into()), (key::CHOICE, "confirm".into())];
        pen.fact(DESK, &section::DECISIONS, &pairs);
    }
    pen.document
}

fn checklist(n: usize) -> Document {
    let mut pen = Pen::job();
    let asked = (0..n).map(|at| format!("photo_{at} step_{at}")).collect::<Vec<_>>().join(" ");
    pen.set(section::INTAKE, key::CHECKLIST, asked.into(), Vec::new());
    let photos = (0..n).map(|at| vec![(key::STAGE, format!("s{at}").into())]);
    pen.facts(OWN, &section::ATTACHMENTS, photos.collect());
    let results = (0..n).map(|at| vec![(key::STEP, format!("r{at}").into())]);
    pen.facts(OWN, &section::CHECKLIST, results.collect());
    pen.document
}

fn conflicts(n: usize) -> Document {
    let mut pen = Pen::job();
    for at in 0..n {
        pen.set(section::INTAKE, key::PLATE, format!("{at}").into(), Vec::new());
    }
    pen.document
}

fn replaced(n: usize) -> Document {
    let mut pen = Pen::job();
    for at in 0..n {
        let entry = pen.document.set(section::INTAKE, key::PLATE, format!("{at}").into());
        pen.write(DESK, vec![entry]);
    }
    pen.document
}

fn fields(n: usize) -> Document {
    let mut pen = Pen::job();
    for at in 0..n {
        let key = Key::parse(&format!("key_{}", at / 2)).expect("a name");
        pen.set(section::INTAKE, key, format!("{at}").into(), Vec::new());
    }
    pen.document
}

fn currencies(n: usize) -> Document {
    let mut pen = Pen::job();
    for at in 0..n {
        pen.set(section::PROMISE, key::CURRENCY, format!("C{at}").into(), Vec::new());
    }
    pen.facts(OWN, &section::PARTS, vec![Vec::new(); n]);
    pen.facts(DESK, &section::CHARGES, vec![Vec::new(); n]);
    pen.document
}

fn texts(n: usize) -> Document {
    let mut pen = Pen::job();
    for section in [section::NOTES, section::WORK, section::FEEDBACK, section::PARTS] {
        let text = |at: usize| vec![(key::TEXT, format!("{at}").repeat(100).into())];
        pen.facts(OWN, &section, (0..n).map(text).collect());
    }
    pen.document
}

fn countersignatures(n: usize) -> Document {
    let mut pen = Pen::job();
    let shown = Shown::of(&Job::of(&pen.document), signer());
    (0..n).for_each(|_| pen.seal(&shown));
    let word = |seal: FactId| {
        vec![
            (key::KIND, "countersigned".into()),
            (key::REF, raw(seal.as_bytes())),
            (key::TENANT, raw(user(1).as_bytes())),
            (key::PUBLIC_KEY, Value::Bytes(vec![1; 32])),
            (key::AT, NOON.into()),
            (key::KID, "2026".into()),
            (key::SIGNATURE, Value::Bytes(vec![1; 64])),
        ]
    };
    let sealed: Vec<_> = pen.document.facts(&section::SIGNATURES).map(|it| it.id).collect();
    pen.facts(DESK, &section::SIGNATURES, sealed.into_iter().step_by(2).map(word).collect());
    pen.document
}

fn van() -> Pen {
    let mut pen = Pen::of(VanId::new(NOON, [4; 10]).into());
    pen.set(section::DETAILS, key::TECHNICIAN, raw(user(OWN).as_bytes()), Vec::new());
    pen
}

fn counted(part: String) -> Vec<(Key, Value)> {
    vec![(key::PART_NO, part.into()), (key::QUANTITY, 1000.into()), (key::BIN, "A".into())]
}

fn counts(n: usize) -> Document {
    let mut pen = van();
    pen.facts(OWN, &section::COUNTS, vec![counted("H7".into()); n]);
    pen.document
}

fn counts_and_movements(n: usize) -> Document {
    let mut pen = van();
    for at in 0..n {
        pen.fact(OWN, &section::COUNTS, &counted(format!("H{at}")));
        let mut moved = counted(format!("H{at}"));
        moved.extend([
            (key::KIND, "transfer".into()),
            (key::FROM, "A".into()),
            (key::TO, format!("B{at}").into()),
        ]);
        let entry = pen.entry(&section::MOVEMENTS, &moved);
        pen.write_blindly(OWN + 1 + (at % 200) as u16, vec![entry]);
    }
    pen.document
}

fn blind_counts(n: usize) -> Document {
    let mut pen = van();
    for at in 0..n as u16 {
        let entry = pen.entry(&section::COUNTS, &counted("H7".into()));
        pen.write_blindly(OWN + at % 500, vec![entry]);
    }
    pen.document
}

fn papers(n: usize) -> Document {
    let mut pen = Pen::of(user(OWN).into());
    let paper = |at: usize| vec![(key::SKILL, format!("skill {at}").into())];
    pen.facts(DESK, &section::CERTIFICATES, (0..n).map(paper).collect());
    let shift = |at: usize| {
        let kind = if at.is_multiple_of(2) { "shift" } else { "absence" };
        let starts = NOON + at as i64;
        vec![
            (key::KIND, kind.into()),
            (key::STARTS, starts.into()),
            (key::ENDS, (starts + 9).into()),
        ]
    };
    pen.facts(OWN, &section::SHIFTS, (0..n).map(shift).collect());
    pen.document
}
