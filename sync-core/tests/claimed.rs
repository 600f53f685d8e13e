//! After a restore other work stands under lost numbers: nothing is refused for it, lost, or sent for ever.

#![allow(clippy::expect_used, clippy::unwrap_used)]

mod scene;

use std::collections::BTreeMap;

use ed25519_dalek::SigningKey;
use scene::phone_copy::{PHONE, PhoneCopy, actor, attested, from_desk, given, writer};
use scene::talk::answer;
use scene::{NOON, a_job};
use sync_core::admission::{
    ACTOR_NOT_YOURS, Attested, Received, Verdict, Verified, admit, reauthor, replay,
};
use sync_core::change::{ChangeRef, Run};
use sync_core::document::{Author, Document};
use sync_core::id::DeviceId;
use sync_core::policy::{Principal, Role};
use sync_core::schema::{key, section};
use sync_core::sync::{Outbox, Phone, PhoneEffect, PhoneEvent, Replica, Sent, SyncStatus, join};

#[test]
fn others_work_that_followed_what_is_gone_is_brought_to_the_server_and_reauthored_there() {
    let (mut desk, mut phone) = given();
    let before = from_desk(&desk);
    let mut copy = PhoneCopy { replica: phone.replica.clone(), actor: phone.actor, next_n: 50 };
    let own = phone.note(1);
    phone.settle_all();
    for row in phone.own_runs() {
        let replayed = replay(&mut desk.document, &row.run, row.author);
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
        replay(&mut server, &it.run, it.author).expect("it fits");
    }
    phone.take_whole(&there);
    let orphaned =
        |phone: &PhoneCopy| phone.statuses().iter().filter(|it| !it.is_in_document()).count();
    assert_eq!(orphaned(&phone), 2);
    // It is held as well as what waits, over a restart and another repair.
    phone.replica = Replica::load(a_job(), phone.replica.held().to_vec()).expect("it is whole");
    phone.take_whole(&there);
    assert_eq!(orphaned(&phone), 2);

    let owed = phone.replica.held().iter().filter(|row| row.status.is_owed()).cloned();
    let mut verdicts = Vec::new();
    let mut again = Vec::new();
    for sent in join(owed.collect()) {
        let Sent::Orphaned(brought) = sent else { continue };
        let run = brought.run.clone();
        let verified = Verified::relayed(brought, |_| true).expect("it is genuine");
        let office = desk.caller;
        let admission = reauthor(&mut server, actor(200), verified, &office);
        let joined = admission.admitted.expect("it joins");
        again.push(attested(joined.run(&server), Author::desk(office.user)));
        let refs = run.changes.iter().map(|c| ChangeRef { actor: c.actor, seq: c.seq });
        verdicts.extend(refs.zip(admission.verdicts));
    }
    let delta = phone.replica.let_go(&verdicts);
    assert_eq!((delta.dropped.len(), delta.refused.len()), (2, 0));
    phone.take(&again);
    let document = phone.replica.document();
    for fact in [own, answer, other] {
        assert!(document.fact(&section::NOTES, &fact).is_some(), "{fact}");
    }
    let fact = document.fact(&section::NOTES, &answer).expect("it is back");
    assert_eq!(fact.author, Some(desk.caller.user), "in its author's name");
    let remarks = document.field(&section::INTAKE, &key::REMARKS).and_then(|it| it.as_text());
    assert_eq!(remarks, Some("by the gate"));
    Replica::load(a_job(), phone.replica.held().to_vec()).expect("it is whole");
    assert!(phone.replica.held().iter().all(|row| row.status.is_in_document()));
}

/// A colleague's phone that knew a note of this phone's technician when the server lost it, and then
/// took in what someone wrote under its number on the restored one.
fn claimed() -> (Vec<Attested>, PhoneCopy) {
    let (desk, mut phone) = given();
    let mut thief = PhoneCopy { replica: phone.replica.clone(), actor: phone.actor, next_n: 50 };
    phone.note(1);
    phone.settle_all();
    let mut colleague = PhoneCopy::of(a_job(), actor(2));
    let with = |phone: &PhoneCopy| {
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
fn a_verdict_on_orphaned_work_is_not_taken_for_one_on_what_stands_under_its_number() {
    let (there, mut colleague) = claimed();
    let orphaned: Vec<_> =
        colleague.replica.held().iter().filter(|it| !it.status.is_in_document()).collect();
    let first = ChangeRef { actor: actor(1), seq: 1 };
    assert_eq!((orphaned.len(), orphaned[0].run.first_seq()), (1, 1));
    let orphaned = orphaned[0].clone();

    // The machine says of which of the two the server spoke.
    let mut phone = Phone::new(DeviceId::new(NOON, [2; 10]), SigningKey::from_bytes(&[3; 32]));
    phone.handle(1, PhoneEvent::Wake);
    let runs = join(vec![orphaned.clone()]);
    let answer = answer(&runs, &Verdict::Durable);
    phone.handle(1, PhoneEvent::Outbox(Outbox { epoch: 1, cursor: 9, runs, ..Outbox::default() }));
    let effects = phone.handle(1, PhoneEvent::Frame(&answer));
    let [PhoneEffect::Store(inbox)] = &effects[..] else { panic!("{effects:?}") };
    assert!(inbox.verdicts[0].orphaned && inbox.verdicts[0].change == first);

    // While it has to wait, nothing changes; once it is taken, only the orphaned row goes.
    let later = Verdict::Later { code: "many_heads".to_owned() };
    let before = colleague.replica.held().to_vec();
    assert!(colleague.replica.let_go(&[(first, later)]).dropped.is_empty());
    assert_eq!(colleague.replica.held(), before);
    let mut writer = writer(&mut colleague.next_n, colleague.actor);
    let delta = colleague.replica.settle(&mut writer, &[(first, Verdict::Durable)]);
    assert_eq!(delta.expect("verdicts apply").dropped, [0; 0]);
    let gone = colleague.replica.let_go(&[(first, Verdict::Durable)]).dropped;
    assert_eq!(gone, [orphaned.n], "or it would be sent for ever");
    assert_eq!(colleague.replica.held().len(), there.len());
}

#[test]
fn others_work_whose_number_is_taken_is_orphaned_though_the_server_sends_nothing_of_the_job() {
    // A restored server does not know that the job was given to this technician: it answers for
    // what the phone brings back, and sends nothing.
    let (desk, mut phone) = given();
    phone.note(1);
    phone.settle_all();
    let mut colleague = PhoneCopy::of(a_job(), actor(2));
    let mut there = from_desk(&desk);
    there.extend(phone.own_runs());
    colleague.take_whole(&there);
    colleague.lose();
    let first = ChangeRef { actor: actor(1), seq: 1 };
    let rest = colleague.replica.held().iter().map(|row| row.run.clone());
    let rest = rest.flat_map(|run| run.changes).filter(|it| it.actor != actor(1));
    let durable = rest.map(|it| (ChangeRef { actor: it.actor, seq: it.seq }, Verdict::Durable));
    let verdicts: Vec<_> = durable.chain([(first, Verdict::Fork)]).collect();
    let mut writer = writer(&mut colleague.next_n, colleague.actor);
    colleague.replica.settle(&mut writer, &verdicts).expect("verdicts apply");
    let held = colleague.replica.held();
    let orphaned: Vec<_> = held.iter().filter(|row| !row.status.is_in_document()).collect();
    assert_eq!((orphaned.len(), orphaned[0].run.actor()), (1, actor(1)));
    assert!(matches!(join(vec![orphaned[0].clone()])[..], [Sent::Orphaned(_)]));
    assert_eq!(colleague.replica.document().seq_of(&actor(1)), 0);
    Replica::load(a_job(), held.to_vec()).expect("it is whole");
}

#[test]
fn own_work_that_follows_a_number_that_is_anothers_by_now_is_not_refused_for_its_hash() {
    let (desk, mut phone) = given();
    let mut thief = PhoneCopy { replica: phone.replica.clone(), actor: phone.actor, next_n: 50 };
    phone.note(1);
    phone.settle_all();
    phone.actor = actor(3);
    phone.note(2);
    thief.note(9);
    let mut server = Document::new(a_job());
    for it in from_desk(&desk).into_iter().chain(thief.own_runs()) {
        replay(&mut server, &it.run, it.author).expect("it fits");
    }
    // Its second note follows the first, under whose number the server has the thief's.
    let waits = phone.replica.held().iter().find(|row| row.status == SyncStatus::Waiting);
    let run = waits.expect("it waits").run.clone();
    let follows = vec![ChangeRef { actor: actor(1), seq: 1 }];
    assert_eq!(judged(&server, run.clone(), None), [Verdict::Missing(follows)]);
    // What follows nothing has no excuse.
    let mut change = run.changes[0].clone();
    change.after.clear();
    let wrong = judged(&server, Run { changes: vec![change], ..run }, None);
    assert_eq!(wrong[0].code(), "hash_mismatch");
}

#[test]
fn what_a_colleague_brought_back_is_durable_though_its_actor_is_anothers_by_now() {
    let (desk, mut phone) = given();
    phone.note(1);
    let first = phone.own_runs().remove(0).run;
    let mut server = Document::new(a_job());
    for it in from_desk(&desk).into_iter().chain(phone.own_runs()) {
        replay(&mut server, &it.run, it.author).expect("it fits");
    }
    phone.note(2);
    let second = phone.own_runs().remove(1).run;
    // The actor belongs to someone who wrote under it elsewhere.
    let actor_owner = Some(DeviceId::new(NOON, [9; 10]));
    assert_eq!(judged(&server, first, actor_owner), [Verdict::Durable]);
    assert_eq!(judged(&server, second, actor_owner)[0].code(), ACTOR_NOT_YOURS);
}

/// What a server that has this document says of a run that the phone signed.
fn judged(server: &Document, run: Run, actor_owner: Option<DeviceId>) -> Vec<Verdict> {
    let (key, device) = (SigningKey::from_bytes(&[3; 32]), DeviceId::new(NOON, [1; 10]));
    let signature = Sent::sign(&[Sent::Signed(run.clone())], device, &key).expect("it is signed");
    let (public, user) = (key.verifying_key(), scene::user(PHONE));
    let verified = Received::verify(vec![Received(run)], &signature, &public, user, device);
    let verified = verified.expect("it is signed").remove(0);
    let caller = Principal { user, role: Role::Technician };
    admit(&mut server.clone(), verified, &caller, actor_owner, &BTreeMap::new()).verdicts
}
