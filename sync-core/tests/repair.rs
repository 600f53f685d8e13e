//! A phone and a server that was restored: what does not fit is mended, and holds up nothing else.

#![allow(clippy::expect_used, clippy::unwrap_used)]

mod scene;

use std::collections::BTreeMap;

use ed25519_dalek::SigningKey;
use scene::{Hand, NOON, a_job, meet};
use sync_core::admission::{ACTOR_NOT_YOURS, Attested, Received, Verdict, Verified, admit, adopt};
use sync_core::change::{ChangeRef, Entry, Run};
use sync_core::document::{Author, Digest, Document};
use sync_core::id::{ActorId, DeviceId, FactId, JobId};
use sync_core::policy::{Caller, Role};
use sync_core::schema::{DocId, key, section};
use sync_core::sync::{
    Frame, Inventory, Outbox, Outcome, Phone, PhoneEffect, PhoneEvent, Replica, Request, Response,
    Sent, ServerEffect, ServerEvent, Session, Standing, Writer, decode_request, encode_request,
    encode_response, join,
};
use sync_core::value::Record;

const PHONE: u8 = 1;

fn actor(number: u8) -> ActorId {
    ActorId::new(NOON, [number; 10])
}

/// A phone's replica with what it needs to write.
struct Held {
    replica: Replica,
    actor: ActorId,
    next_n: u64,
}

impl Held {
    fn of(doc: DocId, actor: ActorId) -> Self {
        Self { replica: Replica::new(doc), actor, next_n: 1 }
    }

    fn note(&mut self, id: u8) -> FactId {
        let fact = FactId::new(NOON, [id; 10]);
        let record = Record::from([(key::TEXT, format!("note {id}").into())]);
        let entry = Entry::Fact { section: section::NOTES, id: fact, record };
        let caller = Caller { user: scene::user(PHONE), role: Role::Technician };
        let mut writer = writer(&mut self.next_n, self.actor);
        let saved = self.replica.record(&mut writer, NOON, &caller, author(), vec![entry]);
        saved.expect("it may be written");
        fact
    }

    fn settle_all(&mut self) {
        let rows = self.replica.held().iter();
        let changes = rows.flat_map(|row| row.run.changes.iter().map(|c| (c.actor, c.seq)));
        let verdicts: Vec<_> =
            changes.map(|(actor, seq)| (ChangeRef { actor, seq }, Verdict::Durable)).collect();
        let mut writer = writer(&mut self.next_n, self.actor);
        self.replica.settle(&mut writer, &verdicts).expect("verdicts apply");
    }

    fn take_whole(&mut self, runs: &[Attested]) -> bool {
        let mut writer = writer(&mut self.next_n, self.actor);
        self.replica.take(&mut writer, runs, true).expect("it can be taken").rotated
    }

    fn take(&mut self, runs: &[Attested]) {
        let mut writer = writer(&mut self.next_n, self.actor);
        self.replica.take(&mut writer, runs, false).expect("it can be taken");
    }

    fn standings(&self) -> Vec<Standing> {
        self.replica.held().iter().map(|row| row.standing).collect()
    }

    fn own_runs(&self) -> Vec<Attested> {
        let own = self.replica.held().iter().filter(|row| row.author == author());
        own.map(|row| attested(row.run.clone(), row.author)).collect()
    }
}

fn writer(next_n: &mut u64, actor: ActorId) -> Writer<'_> {
    Writer { next_n, actor, fresh_actor: self::actor(77) }
}

fn author() -> Author {
    Author::phone(scene::user(PHONE), DeviceId::new(NOON, [1; 10]))
}

fn attested(run: Run, author: Author) -> Attested {
    Attested { run, author, receipt: [7; 16] }
}

/// What the office wrote, as the server sends it.
fn from_desk(desk: &Hand) -> Vec<Attested> {
    desk.runs().map(|(run, author)| attested(run, author)).collect()
}

/// A phone that took in a job given to its technician.
fn given() -> (Hand, Held) {
    let mut desk = Hand::desk(a_job());
    desk.assign(PHONE, 1);
    let mut phone = Held::of(a_job(), actor(1));
    phone.take_whole(&from_desk(&desk));
    (desk, phone)
}

#[test]
fn work_under_numbers_that_another_copy_took_is_written_anew_with_all_that_follows_it() {
    let (desk, mut phone) = given();
    // A copy of the phone, put back from an image, shares the actor and does not know it.
    let mut copy = Held { replica: phone.replica.clone(), actor: phone.actor, next_n: 50 };
    let own: Vec<FactId> = (1..=3).map(|id| phone.note(id)).collect();
    phone.settle_all();
    let other = copy.note(9);
    // The restored server lost all three notes, and has the copy's one under the first number.
    let mut there = from_desk(&desk);
    there.extend(copy.own_runs());
    assert!(phone.take_whole(&there), "another copy writes under this actor");
    let document = phone.replica.document();
    for fact in own.iter().chain([&other]) {
        assert!(document.fact(&section::NOTES, fact).is_some(), "{fact}");
    }
    let waiting = phone.replica.held().iter().filter(|row| row.standing == Standing::Waiting);
    let waiting: Vec<ActorId> = waiting.map(|row| row.run.actor()).collect();
    assert_eq!(waiting, [actor(77); 3], "under an actor nobody has used");
    // What is held can be read again, as after a restart.
    Replica::load(a_job(), phone.replica.held().to_vec()).expect("it is whole");
}

#[test]
fn acknowledged_work_whose_actor_is_anothers_on_a_restored_server_is_written_anew() {
    let (mut desk, mut phone) = given();
    let own = [phone.note(1), phone.note(2)];
    phone.settle_all();
    // The office's next word follows the notes; the restored server lost all of it, and whose the
    // actor is.
    for row in phone.own_runs() {
        let replayed = sync_core::admission::replay(&mut desk.document, &row.run, row.author);
        replayed.expect("it follows");
    }
    desk.assign(2, 2);
    phone.take_whole(&from_desk(&desk));
    phone.replica.lost();
    let not_yours = Verdict::refused(ACTOR_NOT_YOURS, "It belongs to another phone.");
    let refused = [1, 2].map(|seq| (ChangeRef { actor: actor(1), seq }, not_yours.clone()));
    let mut writer = writer(&mut phone.next_n, phone.actor);
    let delta = phone.replica.settle(&mut writer, &refused).expect("it can be written anew");
    assert!(delta.rotated && delta.refused.is_empty());
    let waiting = phone.replica.held().iter().filter(|row| row.standing == Standing::Waiting);
    assert_eq!(waiting.map(|row| row.run.actor()).collect::<Vec<_>>(), [actor(77); 2]);
    for fact in &own {
        assert!(phone.replica.document().fact(&section::NOTES, fact).is_some(), "{fact}");
    }
    Replica::load(a_job(), phone.replica.held().to_vec()).expect("it is whole");
}

#[test]
fn others_work_that_followed_what_is_gone_is_brought_to_the_server_and_written_anew_there() {
    let (mut desk, mut phone) = given();
    let before = from_desk(&desk);
    let mut copy = Held { replica: phone.replica.clone(), actor: phone.actor, next_n: 50 };
    let own = phone.note(1);
    phone.settle_all();
    for row in phone.own_runs() {
        let replayed = sync_core::admission::replay(&mut desk.document, &row.run, row.author);
        replayed.expect("it follows");
    }
    // The office answers the note, and changes what was taken in.
    let answer = desk.fact(section::NOTES, &[(key::TEXT, "the gate code is 12".into())]);
    desk.set(section::INTAKE, key::REMARKS, "by the gate");
    phone.take_whole(&from_desk(&desk));
    // The restored server lost all that, and a copy's note stands under the number of the first.
    let other = copy.note(9);
    let mut server = Document::new(a_job());
    let mut there = before;
    there.extend(copy.own_runs());
    for it in &there {
        sync_core::admission::replay(&mut server, &it.run, it.author).expect("it fits");
    }
    phone.take_whole(&there);
    let stranded =
        |phone: &Held| phone.standings().iter().filter(|it| !it.is_in_document()).count();
    assert_eq!(stranded(&phone), 2);
    // It is held as well as what waits, over a restart and another repair.
    phone.replica = Replica::load(a_job(), phone.replica.held().to_vec()).expect("it is whole");
    phone.take_whole(&there);
    assert_eq!(stranded(&phone), 2);

    let owed = phone.replica.held().iter().filter(|row| row.standing.is_owed()).cloned();
    let mut verdicts = Vec::new();
    let mut anew = Vec::new();
    for sent in join(owed.collect()) {
        let Sent::Stranded(brought) = sent else { continue };
        let run = brought.run.clone();
        let verified = Verified::relayed(brought, |_| true).expect("it is genuine");
        let office = desk.caller;
        let admission = adopt(&mut server, actor(200), verified, &office);
        let joined = admission.admitted.expect("it joins");
        anew.push(attested(joined.run(&server), Author::desk(office.user)));
        let refs = run.changes.iter().map(|c| ChangeRef { actor: c.actor, seq: c.seq });
        verdicts.extend(refs.zip(admission.verdicts));
    }
    let delta = phone.replica.let_go(&verdicts);
    assert_eq!((delta.dropped.len(), delta.refused.len()), (2, 0));
    phone.take(&anew);
    let document = phone.replica.document();
    for fact in [own, answer, other] {
        assert!(document.fact(&section::NOTES, &fact).is_some(), "{fact}");
    }
    let fact = document.fact(&section::NOTES, &answer).expect("it is back");
    assert_eq!(fact.author, Some(desk.caller.user), "in its author's name");
    let remarks = document.field(&section::INTAKE, &key::REMARKS).and_then(|it| it.as_text());
    assert_eq!(remarks, Some("by the gate"));
    Replica::load(a_job(), phone.replica.held().to_vec()).expect("it is whole");
    assert!(phone.replica.held().iter().all(|row| row.standing.is_in_document()));
}

/// A colleague's phone that knew a note of this phone's technician when the server lost it, and then
/// took in what somebody wrote under its number on the restored one.
fn claimed() -> (Vec<Attested>, Held) {
    let (desk, mut phone) = given();
    let mut thief = Held { replica: phone.replica.clone(), actor: phone.actor, next_n: 50 };
    phone.note(1);
    phone.settle_all();
    let mut colleague = Held::of(a_job(), actor(2));
    let with = |phone: &Held| {
        let mut there = from_desk(&desk);
        there.extend(phone.own_runs());
        there
    };
    colleague.take_whole(&with(&phone));
    thief.note(9);
    let there = with(&thief);
    colleague.take_whole(&there);
    (there, colleague)
}

#[test]
fn a_verdict_on_stranded_work_is_not_taken_for_one_on_what_stands_under_its_number() {
    let (there, mut colleague) = claimed();
    let stranded: Vec<_> =
        colleague.replica.held().iter().filter(|it| !it.standing.is_in_document()).collect();
    let first = ChangeRef { actor: actor(1), seq: 1 };
    assert_eq!((stranded.len(), stranded[0].run.first_seq()), (1, 1));
    let stranded = stranded[0].clone();

    // The machine says of which of the two the server spoke.
    let mut phone = Phone::new(DeviceId::new(NOON, [2; 10]), SigningKey::from_bytes(&[3; 32]));
    phone.handle(1, PhoneEvent::Wake);
    let runs = join(vec![stranded.clone()]);
    phone.handle(1, PhoneEvent::Outbox(Outbox { epoch: 5, cursor: 9, runs, ..Outbox::default() }));
    let verdicts = vec![Verdict::Durable];
    let answer = Response { epoch: 5, cursor: 9, verdicts, ..Response::default() };
    let answer = encode_response(&Frame::Response(Box::new(answer)));
    let effects = phone.handle(1, PhoneEvent::Frame(&answer));
    let [PhoneEffect::Store(inbox)] = &effects[..] else { panic!("{effects:?}") };
    assert!(inbox.verdicts[0].stranded && inbox.verdicts[0].change == first);

    // While it has to wait, nothing changes; once it is taken, only the stranded row goes.
    let later = Verdict::Later { code: "many_heads".to_owned() };
    let before = colleague.replica.held().to_vec();
    assert!(colleague.replica.let_go(&[(first, later)]).dropped.is_empty());
    assert_eq!(colleague.replica.held(), before);
    let mut writer = writer(&mut colleague.next_n, colleague.actor);
    let delta = colleague.replica.settle(&mut writer, &[(first, Verdict::Durable)]);
    assert_eq!(delta.expect("verdicts apply").dropped, [0; 0]);
    let gone = colleague.replica.let_go(&[(first, Verdict::Durable)]).dropped;
    assert_eq!(gone, [stranded.n], "or it would be sent for ever");
    assert_eq!(colleague.replica.held().len(), there.len());
}

#[test]
fn others_work_whose_number_is_taken_is_stranded_though_the_server_sends_nothing_of_the_job() {
    // A restored server does not know that the job was given to this technician: it answers for
    // what the phone brings back, and sends nothing.
    let (desk, mut phone) = given();
    phone.note(1);
    phone.settle_all();
    let mut colleague = Held::of(a_job(), actor(2));
    let mut there = from_desk(&desk);
    there.extend(phone.own_runs());
    colleague.take_whole(&there);
    colleague.replica.lost();
    let first = ChangeRef { actor: actor(1), seq: 1 };
    let rest = colleague.replica.held().iter().map(|row| row.run.clone());
    let rest = rest.flat_map(|run| run.changes).filter(|it| it.actor != actor(1));
    let durable = rest.map(|it| (ChangeRef { actor: it.actor, seq: it.seq }, Verdict::Durable));
    let verdicts: Vec<_> = durable.chain([(first, Verdict::Fork)]).collect();
    let mut writer = writer(&mut colleague.next_n, colleague.actor);
    colleague.replica.settle(&mut writer, &verdicts).expect("verdicts apply");
    let held = colleague.replica.held();
    let stranded: Vec<_> = held.iter().filter(|row| !row.standing.is_in_document()).collect();
    assert_eq!((stranded.len(), stranded[0].run.actor()), (1, actor(1)));
    assert!(matches!(join(vec![stranded[0].clone()])[..], [Sent::Stranded(_)]));
    assert_eq!(colleague.replica.document().seq_of(&actor(1)), 0);
    Replica::load(a_job(), held.to_vec()).expect("it is whole");
}

#[test]
fn what_changes_nothing_is_not_sent_again_at_once() {
    // A server with another secret says of what the phone brings back that it never gave its receipt.
    let (_, mut phone) = given();
    phone.replica.lost();
    let owed: Vec<_> = phone.replica.held().to_vec();
    let mut machine = Phone::new(DeviceId::new(NOON, [1; 10]), SigningKey::from_bytes(&[3; 32]));
    let mut effects = machine.handle(1, PhoneEvent::Wake);
    let mut messages = 0;
    let ended = loop {
        effects = match effects.remove(0) {
            PhoneEffect::Read { .. } => {
                let runs = join(owed.clone());
                let outbox = Outbox { epoch: 5, cursor: 9, runs, ..Outbox::default() };
                machine.handle(1, PhoneEvent::Outbox(outbox))
            }
            PhoneEffect::Send(frame) => {
                messages += 1;
                assert!(messages < 10, "it says the same for ever");
                let sent = decode_request(&frame).expect("a request").runs;
                let changes = sent.iter().flat_map(|sent| &sent.run().changes);
                let refused = |_| Verdict::refused("receipt_not_genuine", "Never given.");
                let verdicts = changes.map(refused).collect();
                let answer = Response { epoch: 5, cursor: 9, verdicts, ..Response::default() };
                let answer = encode_response(&Frame::Response(Box::new(answer)));
                machine.handle(1, PhoneEvent::Frame(&answer))
            }
            PhoneEffect::Store(_) => {
                let (digest, left) = (Digest::default(), Vec::new());
                machine.handle(1, PhoneEvent::Stored { digest, waiting: true, left })
            }
            PhoneEffect::Finished(outcome) => break outcome,
            PhoneEffect::WakeAfter(_) => panic!("it has not finished"),
        };
    };
    assert_eq!((ended, messages), (Outcome::Waiting, 3));
}

#[test]
fn own_work_that_follows_a_number_that_is_anothers_by_now_is_not_refused_for_its_hash() {
    let (desk, mut phone) = given();
    let mut thief = Held { replica: phone.replica.clone(), actor: phone.actor, next_n: 50 };
    phone.note(1);
    phone.settle_all();
    phone.actor = actor(3);
    phone.note(2);
    thief.note(9);
    let mut server = Document::new(a_job());
    for it in from_desk(&desk).into_iter().chain(thief.own_runs()) {
        sync_core::admission::replay(&mut server, &it.run, it.author).expect("it fits");
    }
    // Its second note follows the first, under whose number the server has the thief's.
    let waits = phone.replica.held().iter().find(|row| row.standing == Standing::Waiting);
    let run = waits.expect("it waits").run.clone();
    let judged = |run: Run| {
        let key = SigningKey::from_bytes(&[3; 32]);
        let device = DeviceId::new(NOON, [1; 10]);
        let sent = [Sent::Signed(run.clone())];
        let signature = Sent::sign(&sent, device, &key).expect("it is signed");
        let (public, user) = (key.verifying_key(), scene::user(PHONE));
        let verified =
            Received::verify(vec![Received(run)], &signature, &public, user, device).unwrap();
        let caller = Caller { user, role: Role::Technician };
        let mut server = server.clone();
        let verified = verified.into_iter().next().unwrap();
        admit(&mut server, verified, &caller, None, &BTreeMap::new()).verdicts
    };
    let follows = vec![ChangeRef { actor: actor(1), seq: 1 }];
    assert_eq!(judged(run.clone()), [Verdict::Missing(follows)]);
    // What follows nothing has no excuse.
    let mut change = run.changes[0].clone();
    change.after.clear();
    let wrong = judged(Run { changes: vec![change], ..run });
    assert_eq!(wrong[0].code(), "hash_mismatch");
}

#[test]
fn what_still_fits_a_restored_server_is_brought_back_as_it_is() {
    let (mut desk, mut phone) = given();
    let mut copy = Held { replica: phone.replica.clone(), actor: phone.actor, next_n: 50 };
    // The server has lost the office's next word too; the phone has it, with its receipt.
    let before = from_desk(&desk);
    desk.assign(2, 2);
    phone.take_whole(&from_desk(&desk));
    phone.note(1);
    phone.settle_all();
    copy.note(9);
    let mut there = before;
    there.extend(copy.own_runs());
    phone.take_whole(&there);
    let attested = Standing::Attested([7; 16]);
    assert_eq!(phone.standings(), [attested, attested, Standing::Lost([7; 16]), Standing::Waiting]);
}

#[test]
fn a_document_that_does_not_fit_is_set_aside_and_the_others_come_through() {
    // Two jobs differ. The phone cannot take the first, whose state at the server has two heads.
    let mut desk = Hand::desk(a_job());
    desk.assign(PHONE, 1);
    let mut second = Hand::new(a_job(), 101, Role::Manager);
    meet(&mut desk, &mut second);
    desk.set(section::INTAKE, key::REMARKS, "one");
    second.set(section::INTAKE, key::PLATE, "another");
    desk.hear(&second);
    let fingerprint = desk.document.fingerprint();
    let runs = from_desk(&desk);
    let epoch = 5;
    let mut phone = Phone::new(DeviceId::new(NOON, [1; 10]), SigningKey::from_bytes(&[3; 32]));
    let other = DocId::from(JobId::new(NOON, [8; 10]));
    let held = Inventory(vec![(a_job(), 1), (other, 2)]);
    let outbox = || Outbox { epoch, cursor: 0, inventory: Some(held.clone()), ..Outbox::default() };
    phone.handle(1, PhoneEvent::Wake);
    phone.handle(1, PhoneEvent::Outbox(outbox()));
    let page = Response {
        epoch,
        cursor: 9,
        digest: Digest(1),
        runs,
        whole: vec![a_job()],
        more: true,
        ..Response::default()
    };
    let page = encode_response(&Frame::Response(Box::new(page)));
    phone.handle(1, PhoneEvent::Frame(&page));
    let left = vec![a_job()];
    phone.handle(1, PhoneEvent::Stored { digest: Digest(0), waiting: false, left });
    let asked = said(&phone.handle(1, PhoneEvent::Outbox(outbox())));
    let inventory = decode_request(&asked).expect("a request").inventory.expect("one");
    assert!(inventory.0.contains(&(a_job(), fingerprint)), "as the server has it");
    assert!(inventory.0.contains(&(other, 2)), "nothing is said of the other");
}

#[test]
fn a_phone_that_cannot_take_a_document_gives_up_until_later() {
    let mut desk = Hand::desk(a_job());
    desk.assign(PHONE, 1);
    let (epoch, runs) = (5, from_desk(&desk));
    let mut phone = Phone::new(DeviceId::new(NOON, [1; 10]), SigningKey::from_bytes(&[3; 32]));
    let mut effects = phone.handle(1, PhoneEvent::Wake);
    let mut exchanges = 0;
    let ended = loop {
        let next = match effects.remove(0) {
            PhoneEffect::Read { inventory, .. } => {
                let inventory = inventory.then(Inventory::default);
                let outbox = Outbox { epoch, cursor: 9, inventory, ..Outbox::default() };
                phone.handle(1, PhoneEvent::Outbox(outbox))
            }
            PhoneEffect::Send(frame) => {
                exchanges += 1;
                assert!(exchanges < 50, "it asks for ever");
                let request = decode_request(&frame).expect("a request");
                // A server that sends what the phone does not have as it is there.
                let told = request.inventory.map(|inventory| inventory.0);
                let known = [(a_job(), desk.document.fingerprint())];
                let wanted = told.is_some_and(|told| told != known);
                let page = Response {
                    epoch,
                    cursor: 9,
                    digest: Digest(1),
                    runs: if wanted { runs.clone() } else { Vec::new() },
                    whole: if wanted { vec![a_job()] } else { Vec::new() },
                    more: wanted,
                    ..Response::default()
                };
                let page = encode_response(&Frame::Response(Box::new(page)));
                phone.handle(1, PhoneEvent::Frame(&page))
            }
            PhoneEffect::Store(inbox) => {
                let stored =
                    PhoneEvent::Stored { digest: Digest(0), waiting: false, left: inbox.whole };
                phone.handle(1, stored)
            }
            PhoneEffect::Finished(outcome) => break outcome,
            PhoneEffect::WakeAfter(_) => Vec::new(),
        };
        effects.extend(next);
    };
    assert_eq!(ended, Outcome::Diverged);
}

#[test]
fn others_work_that_was_brought_back_is_sent_again_so_that_the_phone_learns_its_scope() {
    let mut desk = Hand::desk(a_job());
    desk.assign(PHONE, 1);
    let brought: Vec<Sent> = from_desk(&desk).into_iter().map(Sent::Relayed).collect();
    let verdicts = vec![vec![Verdict::Durable]; brought.len()];
    let request = Request { epoch: 5, cursor: 9, runs: brought, ..Request::default() };
    let key = SigningKey::from_bytes(&[3; 32]).verifying_key();
    let mut session = Session::new(scene::user(PHONE), DeviceId::new(NOON, [1; 10]), key, 5);
    session.handle(NOON, ServerEvent::Frame(&encode_request(&request)));
    let ServerEffect::Pull(pull) = session.handle(NOON, ServerEvent::Admitted(verdicts)) else {
        panic!("it reads what is new")
    };
    assert_eq!(pull.pushed, []);
}

fn said(effects: &[PhoneEffect]) -> Vec<u8> {
    let sent = effects.iter().find_map(|effect| match effect {
        PhoneEffect::Send(frame) => Some(frame.clone()),
        _ => None,
    });
    sent.expect("a frame")
}
