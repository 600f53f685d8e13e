//! Changes that decode and are lies: forged writers, forked histories, holes, other people's work.

use std::sync::atomic::Ordering;

use server::clock::random;
use sync_core::admission::Attested;
use sync_core::change::{Change, ChangeRef, Entry, OpId, Run};
use sync_core::document::{Author, ChangeHash, Document};
use sync_core::id::{ActorId, FactId, JobId};
use sync_core::schema::{DocId, DocKind, Key, Section, key, section};
use sync_core::sync::encode_request;

use super::hand::{Hand, Play, fact, note, now, run_of, set, walk_up};
use super::limits::opening;
use super::{Row, Town};

pub const ROWS: &[Row] = &[
    ("the actor of another phone", "actor_not_yours", |t| as_actor(t, theirs(t))),
    ("the actor of the server itself", "actor_not_yours", |t| as_actor(t, servers(t))),
    ("the actor that wrote the genesis", "actor_not_yours", |t| as_actor(t, ActorId::GENESIS)),
    ("the next number of another phone's actor", "actor_not_yours", |t| {
        let (documents, all) = t.bo.pull();
        let theirs = all.iter().find(|attested| attested.author.device == Some(t.bo.device));
        let Some(theirs) = theirs else { return "nothing of theirs".to_owned() };
        let (actor, seq) = (theirs.run.actor(), theirs.run.last_seq() + 1);
        let change = Change { actor, seq, after: vec![], time: now(), entries: vec![note("x")] };
        let Some(document) = documents.get(&theirs.run.doc) else { return "no document".into() };
        t.mallory.push(vec![run_of(document, vec![change])])
    }),
    ("two contents for one number, one after the other", "durable / actor_fork", |t| {
        let play = Play::open(&t.mallory);
        let (one, other) = (play.run(vec![note("one")]), play.run(vec![note("other")]));
        format!("{} / {}", t.mallory.push(vec![one]), t.mallory.push(vec![other]))
    }),
    ("two contents for one number in one page", "durable, actor_fork", |t| {
        let play = Play::open(&t.mallory);
        t.mallory.push(vec![play.run(vec![note("one")]), play.run(vec![note("other")])])
    }),
    ("a second history from the first change on", "actor_fork*3", |t| {
        let play = Play::open(&t.mallory);
        let empty = Document::new(play.document.id());
        let change = |seq, entry| Change { seq, after: vec![], ..play.change(vec![entry]) };
        let changes = vec![change(1, walk_up()), change(2, note("b")), change(3, note("c"))];
        t.mallory.push(vec![run_of(&empty, changes)])
    }),
    ("a number left out", "missing_dependencies", |t| {
        let play = Play::open(&t.mallory);
        let mut change = play.change(vec![note("x")]);
        change.seq += 1;
        t.mallory.push(vec![run_of(&play.document, vec![change])])
    }),
    ("number 2^62", "missing_dependencies", |t| {
        let play = Play::open(&t.mallory);
        let mut change = play.change(vec![note("x")]);
        change.seq = 1 << 62;
        t.mallory.push(vec![run_of(&play.document, vec![change])])
    }),
    ("after a change that nobody has", "missing_dependencies", |t| {
        after(t, ChangeRef { actor: ActorId::new(now(), random()), seq: 1 })
    }),
    ("after a change of another document", "missing_dependencies", |t| {
        after(t, ChangeRef { actor: Play::open(&t.mallory).actor, seq: 1 })
    }),
    ("after number 0", "missing_dependencies", |t| {
        after(t, ChangeRef { actor: ActorId::GENESIS, seq: 0 })
    }),
    ("after number 2^64 - 1 of the genesis", "missing_dependencies", |t| {
        after(t, ChangeRef { actor: ActorId::GENESIS, seq: u64::MAX })
    }),
    ("after itself", "missing_dependencies", |t| {
        let play = Play::open(&t.mallory);
        let mut change = play.change(vec![note("x")]);
        change.after = vec![ChangeRef { actor: play.actor, seq: change.seq }];
        t.mallory.push(vec![run_of(&play.document, vec![change])])
    }),
    ("two changes, each after the other", "missing_dependencies*2", |t| {
        let play = Play::open(&t.mallory);
        let [one, other]: [ActorId; 2] = [0, 1].map(|_| ActorId::new(now(), random()));
        let run = |actor, on| {
            let after = vec![ChangeRef { actor: on, seq: 1 }];
            let change = Change { actor, seq: 1, after, time: now(), entries: vec![note("x")] };
            run_of(&play.document, vec![change])
        };
        t.mallory.push(vec![run(one, other), run(other, one)])
    }),
    // Where it follows something, that may be another change here than on the phone.
    ("a hash of nothing", "missing_dependencies", |t| hashed(t, [0; 32])),
    ("a hash of something else", "missing_dependencies", |t| hashed(t, random())),
    ("a hash of nothing, of what follows nothing", "hash_mismatch", |t| {
        let doc = DocId::from(JobId::new(now(), random()));
        let actor = ActorId::new(now(), random());
        let (after, entries) = (vec![], vec![walk_up()]);
        let change = Change { actor, seq: 1, after, time: now(), entries };
        t.mallory.push(vec![Run { doc, changes: vec![change], last_hash: ChangeHash([0; 32]) }])
    }),
    ("a dependency named twice over", "fault frame_malformed", |t| {
        let play = Play::open(&t.mallory);
        let mut change = play.change(vec![note("x")]);
        change.after = vec![ChangeRef { actor: play.actor, seq: change.seq - 1 }];
        t.mallory.push(vec![run_of(&play.document, vec![change])])
    }),
    // The operation counter a change begins at is not on the wire: the only counters a phone can
    // name are those of values it replaces, and each must be there.
    ("a replaced value at operation 2^32", "office_only", |t| replaces(t, 1 << 32)),
    ("a replaced value at operation 2^64 - 1", "office_only", |t| replaces(t, u64::MAX)),
    ("a replaced value at operation 0", "office_only", |t| replaces(t, 0)),
    ("a section of its own", "section_unknown", |t| {
        push(t, vec![fact(Section::known("made_up_later"), &[(key::TEXT, "x".into())])])
    }),
    ("a section that would be added", "reserved", |t| {
        push(t, vec![Entry::Section { name: Section::known("made_up_later") }])
    }),
    ("a section that is there, added again", "reserved", |t| {
        push(t, vec![Entry::Section { name: section::STATUS }])
    }),
    ("a kind of document nobody knows", "section_unknown", |t| {
        let id = *JobId::new(now(), random()).as_bytes();
        let Ok(doc) = DocId::new(DocKind::Other(9), id) else { return "no id".to_owned() };
        let document = Document::new(doc);
        t.mallory.push(vec![opening(&document, ActorId::new(now(), random()), vec![])])
    }),
    ("a fact with the id of one that is there, saying something else", "fact_exists", |t| {
        again(t, "something else")
    }),
    ("a fact that is there, word for word", "durable", |t| again(t, "first")),
    ("someone else's fact as one's own", "fact_exists", |t| {
        let (documents, _) = t.mallory.pull();
        let Some(document) = documents.get(&t.mine.into()) else { return "no job".to_owned() };
        let theirs = document.facts(&section::NOTES).next();
        let Some(theirs) = theirs else { return "no note of the office".to_owned() };
        let entry =
            Entry::Fact { section: section::NOTES, id: theirs.id, record: theirs.record.clone() };
        let actor = ActorId::new(now(), random());
        let change = Change { actor, seq: 1, after: vec![], time: now(), entries: vec![entry] };
        t.mallory.push(vec![run_of(document, vec![change])])
    }),
    ("the same change fifty times", "durable", |t| {
        let play = Play::open(&t.mallory);
        let run = play.run(vec![note("again")]);
        set((0..50).map(|_| t.mallory.push(vec![run.clone()])))
    }),
    ("the same change fifty times in one page", "durable*50", |t| {
        let play = Play::open(&t.mallory);
        t.mallory.push(vec![play.run(vec![note("again")]); 50])
    }),
    ("a good change after a refused one of the same actor", "office_only, reauthor", |t| {
        let play = Play::open(&t.mallory);
        let field = play.document.set(section::INTAKE, key::PLATE, "X".into());
        let bad = play.change(vec![field]);
        let good = Change { seq: bad.seq + 1, ..play.change(vec![note("x")]) };
        t.mallory.push(vec![run_of(&play.document, vec![bad, good])])
    }),
    ("a good job after a refused one in the same page", "job_not_yours, durable", |t| {
        let bad = victim(t, vec![note("x")]);
        let document = Document::new(JobId::new(now(), random()).into());
        let good = opening(&document, ActorId::new(now(), random()), vec![]);
        t.mallory.push(vec![bad, good])
    }),
    ("a refused change again", "job_not_yours / job_not_yours", |t| {
        let run = victim(t, vec![note("x")]);
        format!("{} / {}", t.mallory.push(vec![run.clone()]), t.mallory.push(vec![run]))
    }),
    ("signed by nobody", "fault signature_missing", |t| {
        signed(t, |request| request.signature = None)
    }),
    ("a signature of zeros", "fault bad_signature", |t| {
        signed(t, |request| request.signature = Some([0; 64]))
    }),
    ("a signature with one bit turned", "fault bad_signature", |t| {
        signed(t, |request| {
            if let Some(signature) = &mut request.signature {
                signature[40] ^= 1;
            }
        })
    }),
    ("a signature over other runs", "fault bad_signature", |t| {
        let other = t.mallory.request(vec![Play::open(&t.mallory).run(vec![note("y")])]);
        let mut request = t.mallory.request(vec![Play::open(&t.mallory).run(vec![note("x")])]);
        request.signature = other.signature;
        t.mallory.frame(&encode_request(&request))
    }),
    ("what another phone signed, sent as one's own", "fault bad_signature", |t| {
        let run = Play::open(&t.bo).run(vec![note("x")]);
        t.mallory.frame(&encode_request(&t.bo.request(vec![run])))
    }),
    ("a run that nobody signed beside one that is", "fault bad_signature", |t| {
        let play = Play::open(&t.mallory);
        let mut request = t.mallory.request(vec![play.run(vec![note("x")])]);
        let more = Play::open(&t.mallory).run(vec![note("y")]);
        request.runs.push(sync_core::sync::Sent::Signed(more));
        t.mallory.frame(&encode_request(&request))
    }),
    ("an epoch that never was", "resync_first", |t| signed(t, |request| request.epoch ^= 1)),
    ("own work as if the server had had it", "receipt_not_genuine", |t| {
        let run = Play::open(&t.mallory).run(vec![note("x")]);
        let author = t.mallory.author();
        t.mallory.relay(vec![Attested { run, author, receipt: random() }])
    }),
    ("a true receipt for another author", "receipt_not_genuine", |t| {
        attested(t, |attested| attested.author = t.mallory.author())
    }),
    ("a true receipt for the office's work, said to be nobody's", "receipt_not_genuine", |t| {
        attested(t, |attested| attested.author = Author::default())
    }),
    ("a true receipt with a bit turned", "receipt_not_genuine", |t| {
        attested(t, |attested| attested.receipt[0] ^= 1)
    }),
    ("a true receipt for other content", "receipt_not_genuine | hash_mismatch", |t| {
        attested(t, |attested| attested.run.last_hash = ChangeHash(random()))
    }),
    ("a true receipt for another document", "receipt_not_genuine", |t| {
        attested(t, |attested| attested.run.doc = JobId::new(now(), random()).into())
    }),
    ("a true receipt of another tenant", "receipt_not_genuine", |t| {
        let (_, all) = t.foreign.pull();
        t.mallory.relay(all.into_iter().take(1).collect())
    }),
    ("control and bidirectional characters and NUL in a remark", "durable; 200", |t| {
        let text = "\u{202e}gnp.exe\u{0}\u{7}\u{1b}[2J\u{2066}\u{feff}\r\n\u{85}";
        let play = Play::open(&t.mallory);
        let part = [(key::PART_NO, text.into()), (key::DESCRIPTION, text.into())];
        let entries = vec![note(text), fact(section::PARTS, &part)];
        let answer = t.mallory.push(vec![play.run(entries)]);
        format!("{answer}; {}", play.seen(&t.desk))
    }),
    ("keys nobody knows", "durable; 200", |t| {
        let play = Play::open(&t.mallory);
        let key = |n: usize| Key::parse(&format!("later{n}")).map(|key| (key, "x".into()));
        let mut record: Vec<_> = (0..62).filter_map(key).collect();
        record.extend([(key::KIND, "cause".into()), (key::TEXT, "x".into())]);
        let run = play.run(vec![fact(section::WORK, &record)]);
        format!("{}; {}", t.mallory.push(vec![run]), play.seen(&t.desk))
    }),
    ("a fact that says nothing", "shape; 200", |t| {
        let play = Play::open(&t.mallory);
        let run = play.run(vec![fact(section::PARTS, &[])]);
        format!("{}; {}", t.mallory.push(vec![run]), play.seen(&t.desk))
    }),
    ("a revoked phone's work", "401 device_revoked", |t| {
        let document = Document::new(JobId::new(now(), random()).into());
        t.revoked.push(vec![opening(&document, ActorId::new(now(), random()), vec![])])
    }),
    ("a revoked phone's frame that is none", "400 bad_frame | 401 device_revoked", |t| {
        t.revoked.frame(&[7])
    }),
    ("a revoked phone's work with another signature", "400 bad_frame | 401 device_revoked", |t| {
        let document = Document::new(JobId::new(now(), random()).into());
        let run = opening(&document, ActorId::new(now(), random()), vec![]);
        t.revoked.frame(&encode_request(&t.mallory.request(vec![run])))
    }),
];

fn push(town: &Town, entries: Vec<Entry>) -> String {
    let play = Play::open(&town.mallory);
    town.mallory.push(vec![play.run(entries)])
}

/// A change on a fresh job of the attacker under an actor that is not theirs.
fn as_actor(town: &Town, actor: ActorId) -> String {
    let play = Play::open(&town.mallory);
    let change = Change { actor, seq: 1, ..play.change(vec![note("x")]) };
    town.mallory.push(vec![run_of(&play.document, vec![change])])
}

/// An actor that belongs to another phone.
fn theirs(town: &Town) -> ActorId {
    Play::open(&town.bo).actor
}

/// The actor under which the office writes.
fn servers(town: &Town) -> ActorId {
    let (_, all) = town.mallory.pull();
    let office = all.iter().find(|attested| attested.author.device.is_none());
    office.map_or(ActorId::GENESIS, |attested| attested.run.actor())
}

fn after(town: &Town, on: ChangeRef) -> String {
    let play = Play::open(&town.mallory);
    let change = Change { after: vec![on], ..play.change(vec![note("x")]) };
    town.mallory.push(vec![run_of(&play.document, vec![change])])
}

fn hashed(town: &Town, hash: [u8; 32]) -> String {
    let mut run = Play::open(&town.mallory).run(vec![note("x")]);
    run.last_hash = ChangeHash(hash);
    town.mallory.push(vec![run])
}

fn replaces(town: &Town, counter: u64) -> String {
    let replaces = vec![OpId { counter, actor: ActorId::GENESIS }];
    let (section, key) = (section::INTAKE, key::PLATE);
    push(town, vec![Entry::Field { section, key, value: "X".into(), replaces }])
}

/// A fact, then one under its id.
fn again(town: &Town, text: &str) -> String {
    let mut play = Play::open(&town.mallory);
    let id = FactId::new(now(), random());
    let says = |text: &str| Entry::Fact {
        section: section::NOTES,
        id,
        record: [(key::TEXT, text.into())].into(),
    };
    let run = play.run(vec![says("first")]);
    let first = town.mallory.push(vec![run.clone()]);
    if first != "durable" {
        return first;
    }
    town.mallory.opened.fetch_add(1, Ordering::Relaxed);
    play.take(&town.mallory, &run);
    town.mallory.push(vec![play.run(vec![says(text)])])
}

/// A change to the honest technician's job, hashed as if the attacker knew it.
fn victim(town: &Town, entries: Vec<Entry>) -> sync_core::change::Run {
    let (documents, _) = town.bo.pull();
    let job = documents
        .into_values()
        .find(|document| document.id().job().is_some_and(|job| job.to_string() == town.acme.job));
    let document = job.unwrap_or_else(|| Document::new(town.mine.into()));
    let actor = ActorId::new(now(), random());
    run_of(&document, vec![Change { actor, seq: 1, after: vec![], time: now(), entries }])
}

fn signed(town: &Town, bend: impl FnOnce(&mut sync_core::sync::Request)) -> String {
    let play = Play::open(&town.mallory);
    let mut request = town.mallory.request(vec![play.run(vec![note("x")])]);
    bend(&mut request);
    town.mallory.frame(&encode_request(&request))
}

/// Work the server gave out, bent and brought back.
fn attested(town: &Town, bend: impl FnOnce(&mut Attested)) -> String {
    let hand: &Hand = &town.mallory;
    let (_, all) = hand.pull();
    let office = all.into_iter().find(|attested| attested.author.device.is_none());
    let Some(mut attested) = office else { return "nothing of the office".to_owned() };
    bend(&mut attested);
    hand.relay(vec![attested])
}
