//! Shares of a document: what one technician writes takes nothing from anybody else.

#![allow(clippy::expect_used, clippy::unwrap_used)]

mod scene;

use ed25519_dalek::Signer as _;
use scene::{Hand, NOON, a_job, id, user};
use sync_core::admission::{Attested, RecordError, Verdict, Verified, admit, record, replay};
use sync_core::change::{Change, Entry, Run};
use sync_core::document::{Author, Document, Owner, Refusal};
use sync_core::id::{ActorId, DeviceId, FactId, VanId};
use sync_core::limits;
use sync_core::limits::Share;
use sync_core::policy::{Principal, Role};
use sync_core::schema::{DocKind, Key, Section, key, section};
use sync_core::seal::Point;
use sync_core::value::Value;

/// A technician's phones, which ask nobody before they send.
struct Rogue {
    caller: Principal,
    author: Author,
    facts: std::cell::Cell<i64>,
}

impl Rogue {
    fn new(who: u8) -> Self {
        let caller = Principal { user: user(who), role: Role::Technician };
        let author = Author::phone(user(who), DeviceId::new(NOON, [who; 10]));
        Self { caller, author, facts: 0.into() }
    }

    fn note(&self, bytes: usize) -> Entry {
        self.facts.set(self.facts.get() + 1);
        let said = [(key::TEXT, "x".repeat(bytes).as_str().into())].into_iter().collect();
        let user = self.caller.user.as_bytes()[15];
        let id = FactId::new(NOON + self.facts.get(), [user; 10]);
        Entry::Fact { section: section::NOTES, id, record: said }
    }

    /// A part, or what takes the first note back.
    fn record(&self, named: &Key, bytes: usize) -> Entry {
        let Entry::Fact { id, .. } = self.note(1) else { unreachable!() };
        let first = FactId::new(NOON + 1, [self.caller.user.as_bytes()[15]; 10]);
        let (section, value) = match *named == key::VOIDS {
            true => (section::NOTES, Value::Bytes(first.as_bytes().to_vec())),
            false => (section::PARTS, "H7".into()),
        };
        let note = "x".repeat(bytes);
        let record = [(named.clone(), value), (key::NOTE, note.as_str().into())];
        Entry::Fact { section, id, record: record.into_iter().collect() }
    }

    /// Sends one change under an actor, on top of everything; says what the server answers.
    fn push(&self, document: &mut Document, actor: ActorId, entries: Vec<Entry>) -> Verdict {
        // As a desk, that the phone's own check does not stop it.
        let desk = Principal { user: self.caller.user, role: Role::System };
        let mut scratch = document.clone();
        let run = record(&mut scratch, actor, NOON, &desk, Author::default(), entries).unwrap();
        self.send(document, run)
    }

    fn send(&self, document: &mut Document, run: Run) -> Verdict {
        let key = AnyKey;
        let received = vec![sync_core::admission::Received(run)];
        let device = self.author.device.unwrap();
        let verified = sync_core::admission::Received::verify(
            received,
            &[0; 64],
            &key,
            self.caller.user,
            device,
        );
        let verified: Verified = verified.unwrap().remove(0);
        admit(document, verified, &self.caller, None, &Default::default()).verdicts.remove(0)
    }
}

/// Every signature is good.
struct AnyKey;

impl sync_core::admission::DeviceKey for AnyKey {
    fn verifies(&self, _: &[u8], _: &[u8; 64]) -> bool {
        true
    }
}

fn full(kind: DocKind, owner: Owner) -> RecordError {
    RecordError::Refusal(Refusal::Full { kind, owner })
}

/// A job given to technicians 1 and 2, which the first has filled in every way.
fn filled() -> Hand {
    let mut desk = Hand::desk(a_job());
    desk.assign(1, 1);
    desk.assign(2, 2);
    let rogue = Rogue::new(1);
    let actor = ActorId::new(NOON, [1; 10]);
    for bytes in [30_000, 3_000, 300, 1] {
        while rogue.push(&mut desk.document, actor, vec![rogue.note(bytes)]).is_durable() {}
    }
    for key in [key::PART_NO, key::VOIDS] {
        for bytes in [900, 100, 1] {
            while rogue
                .push(&mut desk.document, actor, vec![rogue.record(&key, bytes)])
                .is_durable()
            {}
        }
    }
    let used = desk.document.used(Owner::Technician(user(1)));
    let most = Share::of(DocKind::Job, Owner::Technician(user(1)));
    assert!(used.is_within(&most) && used.bytes + 300 > most.bytes, "{used:?} of {most:?}");
    desk
}

#[test]
fn a_job_filled_by_one_technician_is_still_run_by_the_desk_and_the_other() {
    let mut desk = filled();
    let mut phone = Hand::phone(a_job(), 2);
    phone.hear(&desk);
    phone.steps(&["accepted", "en_route", "on_scene", "working"], 2);
    for _ in 0..20 {
        phone.fact(section::NOTES, &[(key::TEXT, "x".repeat(2_000).as_str().into())]);
    }
    phone.seal();
    phone.steps(&["completed"], 2);
    desk.hear(&phone);
    desk.set(section::INTAKE, key::REMARKS, "still here");
    desk.decide("late_work", "accept", None);
    desk.assign(3, 3);
    desk.cancel();
}

#[test]
fn a_phone_never_saves_what_its_own_share_refuses() {
    let mut desk = Hand::desk(a_job());
    desk.assign(1, 1);
    let mut phone = Hand::phone(a_job(), 1);
    phone.hear(&desk);
    let refused = (0..100u32).find_map(|number| {
        phone.now += 1;
        let said = [(key::TEXT, format!("{number}{}", "x".repeat(3_000)).as_str().into())];
        phone.attempt_fact(section::NOTES, &said).err()
    });
    assert_eq!(refused, Some(RecordError::Refusal(Refusal::Words)));
    let sentence = refused.unwrap().to_string();
    assert!(sentence.contains("job") && sentence.contains("follow-up"), "{sentence}");
    // What was saved is taken, after others filled what is theirs and under new numbers too.
    let mut server = filled_by_others();
    let rogue = Rogue::new(1);
    let fresh = ActorId::new(NOON, [77; 10]);
    for (run, _) in phone.runs().filter(|(_, author)| author.device.is_some()) {
        let entries = run.changes[0].entries.clone();
        assert_eq!(rogue.push(&mut server, fresh, entries), Verdict::Durable);
    }
}

#[test]
fn whatever_a_technician_writes_about_a_job_they_can_record_sign_and_end_it() {
    let mut desk = Hand::desk(a_job());
    desk.assign(1, 1);
    let mut phone = Hand::phone(a_job(), 1);
    phone.hear(&desk);
    phone.steps(&["accepted", "en_route"], 1);
    let long = |bytes: usize| [(key::TEXT, "x".repeat(bytes).as_str().into())];
    let mut wordy = Vec::new();
    for bytes in [30_000, 3_000, 300, 1] {
        while let Ok(note) = phone.attempt_fact(section::NOTES, &long(bytes)) {
            wordy.extend(note);
        }
    }
    let mut finding = vec![(key::KIND, "diagnosis".into())];
    finding.extend(long(300));
    let refused = phone.attempt_fact(section::WORK, &finding).unwrap_err();
    assert_eq!(refused.code(), "document_full");
    assert!(refused.to_string().contains("kept for steps"), "{refused}");
    // A part with a novel for a note has no room of its own.
    let mut part = vec![(key::PART_NO, "H7".into()), (key::QUANTITY, 1_000.into())];
    part.push((key::NOTE, "x".repeat(3_000).as_str().into()));
    assert!(phone.attempt_fact(section::PARTS, &part).is_err());
    part.pop();
    phone.steps(&["on_scene", "working"], 1);
    for number in 0..15 {
        let step = format!("step_{number}");
        let done = [(key::STEP, step.as_str().into()), (key::RESULT, "pass".into())];
        phone.fact(section::CHECKLIST, &done);
        phone.fact(section::PARTS, &part);
    }
    let mut draft = phone.draft();
    let drawn = |t: i32, by: i32| ((t.wrapping_mul(by) as u32) >> 20) as i32;
    let dense = |t: i32| Point {
        x: drawn(t * t, -1_640_531_527),
        y: drawn(t * t, 668_265_263),
        t: t.unsigned_abs() * 8,
        pressure: 400,
    };
    draft.strokes = vec![(0..3_200).map(dense).collect()];
    let seal = draft.sign(|message| scene::phone_key().sign(message).to_bytes()).unwrap();
    let bytes = phone.document.weight();
    phone.write(vec![seal]);
    assert!(
        phone.document.weight() - bytes > 5 * 1024,
        "a signature with dense strokes: {}",
        phone.document.weight() - bytes
    );
    // Then parts until there is no room: the job can still be ended, and what was wrong taken back.
    while phone.attempt_fact(section::PARTS, &part).is_ok() {}
    phone.steps(&["completed"], 1);
    for note in wordy.iter().take(5) {
        let voids = Value::Bytes(note.as_bytes().to_vec());
        phone.fact(section::NOTES, &[(key::VOIDS, voids), (key::NOTE, "too long".into())]);
    }
    // The server takes all of it in another order too: what is needed most first.
    let rogue = Rogue::new(1);
    let own = phone.runs().filter(|(_, by)| by.device.is_some());
    let own = own.map(|(mut run, _)| run.changes.remove(0).entries);
    let of = |entries: &[Entry], name: &Section| matches!(&entries[0], Entry::Fact { section, .. } if section == name);
    let own: Vec<_> = own.filter(|entries| !of(entries, &section::SIGNATURES)).collect();
    let (words, needed): (Vec<_>, Vec<_>) =
        own.into_iter().partition(|entries| of(entries, &section::NOTES));
    let mut again = Hand::phone(a_job(), 1);
    for entries in needed.into_iter().chain(words) {
        again.document = desk.document.clone();
        let run = again.unchecked(entries);
        assert_eq!(rogue.send(&mut desk.document, run), Verdict::Durable);
    }
}

fn filled_by_others() -> Document {
    let mut desk = Hand::desk(a_job());
    for who in 1..=12 {
        desk.assign(who, i64::from(who));
    }
    for who in 2..=12 {
        let (rogue, actor) = (Rogue::new(who), ActorId::new(NOON, [who; 10]));
        while rogue.push(&mut desk.document, actor, vec![rogue.note(30_000)]).is_durable() {}
    }
    desk.document
}

#[test]
fn further_phones_and_actors_give_a_person_no_further_share() {
    let mut desk = filled();
    let mut rogue = Rogue::new(1);
    rogue.author.device = Some(DeviceId::new(NOON, [200; 10]));
    rogue.facts.set(1_000_000);
    let actor = ActorId::new(NOON, [200; 10]);
    let verdict = rogue.push(&mut desk.document, actor, vec![rogue.note(1_000)]);
    assert_eq!(verdict.code(), "document_full");

    let mut desk = Hand::desk(a_job());
    desk.assign(1, 1);
    desk.assign(2, 2);
    let rogue = Rogue::new(1);
    let taken = (0..998i64).filter(|n| {
        let actor = ActorId::new(NOON + n, [9; 10]);
        rogue.push(&mut desk.document, actor, vec![rogue.note(1)]).is_durable()
    });
    assert_eq!(taken.count(), Share::of(DocKind::Job, Owner::Technician(user(1))).actors);
    let mut phone = Hand::phone(a_job(), 2);
    phone.hear(&desk);
    phone.step("accepted", 2);
}

#[test]
fn phones_that_have_not_heard_of_each_other_do_not_crowd_out_a_colleague() {
    let mut desk = Hand::desk(a_job());
    desk.assign(1, 1);
    desk.assign(2, 2);
    let before = desk.document.clone();
    let rogue = Rogue::new(1);
    let mut verdicts = Vec::new();
    for n in 0..60i64 {
        let actor = ActorId::new(NOON + n, [9; 10]);
        let change =
            Change { actor, seq: 1, after: Vec::new(), time: NOON, entries: vec![rogue.note(1)] };
        let run = before.run(vec![change]).unwrap();
        verdicts.push(rogue.send(&mut desk.document, run));
    }
    let durable = verdicts.iter().filter(|verdict| verdict.is_durable()).count();
    // The office's last head stays beside them, and the colleague's are kept.
    assert_eq!(durable, limits::DOCUMENT_HEADS - 1 - limits::HEADS_OF_ONE);
    assert!(verdicts[durable..].iter().all(|verdict| *verdict == Verdict::Reauthor));
    let colleague = Rogue::new(2);
    let apart = |n: i64| {
        let actor = ActorId::new(NOON + n, [8; 10]);
        let entries = vec![colleague.note(1)];
        let change = Change { actor, seq: 1, after: Vec::new(), time: NOON, entries };
        before.run(vec![change]).unwrap()
    };
    let heads = limits::HEADS_OF_ONE as i64;
    for n in 0..heads {
        assert!(colleague.send(&mut desk.document, apart(n)).is_durable());
    }
    assert_eq!(colleague.send(&mut desk.document, apart(heads)), Verdict::Reauthor);
    // Written again on top of the others it is taken: nobody else has to do anything.
    let actor = ActorId::new(NOON, [9; 10]);
    assert!(rogue.push(&mut desk.document, actor, vec![rogue.note(1)]).is_durable());
}

#[test]
fn many_copies_of_a_phone_that_no_longer_get_a_job_still_bring_their_work() {
    let mut desk = Hand::desk(a_job());
    desk.assign(1, 1);
    let before = desk.document.clone();
    let rogue = Rogue::new(1);
    for n in 0..20i64 {
        let actor = ActorId::new(NOON + n, [9; 10]);
        let entries = vec![rogue.note(1)];
        let change = Change { actor, seq: 1, after: Vec::new(), time: NOON, entries };
        let run = before.run(vec![change]).unwrap();
        assert!(rogue.send(&mut desk.document, run).is_durable(), "copy {n}");
    }
}

#[test]
fn the_desk_has_thousands_of_acts_and_then_still_assigns_and_decides() {
    let mut desk = Hand::desk(a_job());
    desk.document = filled_by_others();
    let acts = (0..10_000u32).take_while(|number| {
        desk.now += 1;
        let said = format!("{number}: the customer called again");
        let entry = desk.document.set(section::INTAKE, key::REMARKS, said.as_str().into());
        desk.attempt(vec![entry]).is_ok()
    });
    let acts = acts.count();
    assert!(acts > 2_000, "{acts} acts");
    desk.assign(1, 20);
    desk.decide("late_work", "accept", None);
    desk.cancel();
    assert!(desk.document.weight() <= limits::DOCUMENT_BYTES);
}

#[test]
fn a_job_has_twelve_technicians_each_with_a_share_and_not_a_thirteenth() {
    let mut desk = Hand::desk(a_job());
    for who in 1..=12 {
        desk.assign(who, i64::from(who));
    }
    let thirteenth =
        [(key::KIND, "assign".into()), (key::EPOCH, 13.into()), (key::TECHNICIAN, id(user(13)))];
    let refused = desk.attempt_fact(section::ASSIGNMENT, &thirteenth);
    assert_eq!(refused, Err(RecordError::Refusal(Refusal::People(DocKind::Job))));
    desk.assign(5, 13);
}

#[test]
fn only_drivers_write_on_a_van_and_its_refusals_name_the_van() {
    let van = VanId::new(NOON, [5; 10]);
    let mut desk = Hand::new(van.into(), 100, Role::Manager);
    desk.set(section::DETAILS, key::TECHNICIAN, id(user(1)));
    let mut stranger = Hand::phone(van.into(), 2);
    stranger.hear(&desk);
    let used = [
        (key::KIND, "use".into()),
        (key::JOB, Value::Bytes(a_job().as_bytes().to_vec())),
        (key::PART_NO, "BATT".into()),
        (key::QUANTITY, 1000.into()),
    ];
    let denied = stranger.attempt_fact(section::MOVEMENTS, &used).unwrap_err();
    assert_eq!(denied.code(), "van_not_yours");
    let mut driver = Hand::phone(van.into(), 1);
    driver.hear(&desk);
    let noise = [(key::TEXT, "x".repeat(30_000).as_str().into())];
    let refused = (0..10).find_map(|_| driver.attempt_fact(section::NOTES, &noise).err()).unwrap();
    assert_eq!(refused, full(DocKind::Van, Owner::Technician(user(1))));
    assert!(refused.to_string().contains("van"), "{refused}");
}

#[test]
fn what_comes_back_with_a_receipt_is_taken_beside_what_is_there() {
    let desk = filled();
    let mut restored = Hand::desk(a_job());
    for (run, author) in desk.runs() {
        if Owner::of(author) == Owner::Office {
            replay(&mut restored.document, &run, author).unwrap();
        }
    }
    let caller = Principal { user: user(1), role: Role::Technician };
    for (run, author) in desk.runs().filter(|(_, author)| author.device.is_some()) {
        let attested = Attested { run, author, receipt: [0; 16] };
        let verified = Verified::relayed(attested, |_| true).unwrap();
        let admission = admit(&mut restored.document, verified, &caller, None, &Default::default());
        assert_eq!(admission.verdicts, [Verdict::Durable]);
    }
    assert_eq!(restored.document.heads(), desk.document.heads());
}
