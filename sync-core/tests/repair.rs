//! A phone and a server that was restored: what does not fit is mended, and holds up nothing else.

#![allow(clippy::expect_used, clippy::unwrap_used)]

mod scene;

use ed25519_dalek::SigningKey;
use scene::phone_copy::{PHONE, PhoneCopy, actor, from_desk, given, writer};
use scene::talk::sync;
use scene::{Hand, NOON, a_job, meet};
use sync_core::admission::{ACTOR_NOT_YOURS, Verdict};
use sync_core::change::ChangeRef;
use sync_core::document::Digest;
use sync_core::id::{ActorId, DeviceId, FactId, JobId};
use sync_core::policy::Role;
use sync_core::schema::{DocId, key, section};
use sync_core::sync::{
    Frame, Inventory, Outbox, Phone, PhoneEffect, PhoneEvent, Replica, Request, Response, Sent,
    ServerEffect, ServerEvent, Session, SyncOutcome, SyncStatus, decode_request, encode_request,
    encode_response, join,
};

#[test]
fn work_under_numbers_that_another_copy_took_is_reauthored_with_all_that_follows_it() {
    let (desk, mut phone) = given();
    // A copy of the phone, put back from an image, shares the actor and does not know it.
    let mut copy = PhoneCopy { replica: phone.replica.clone(), actor: phone.actor, next_n: 50 };
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
    let waiting = phone.replica.held().iter().filter(|row| row.status == SyncStatus::Waiting);
    let waiting: Vec<ActorId> = waiting.map(|row| row.run.actor()).collect();
    assert_eq!(waiting, [actor(77); 3], "under an actor nobody has used");
    // What is held can be read again, as after a restart.
    Replica::load(a_job(), phone.replica.held().to_vec()).expect("it is whole");
}

#[test]
fn acknowledged_work_whose_actor_is_anothers_on_a_restored_server_is_reauthored() {
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
    phone.lose();
    let not_yours = Verdict::refused(ACTOR_NOT_YOURS, "It belongs to another phone.");
    let refused = [1, 2].map(|seq| (ChangeRef { actor: actor(1), seq }, not_yours.clone()));
    let mut writer = writer(&mut phone.next_n, phone.actor);
    let delta = phone.replica.settle(&mut writer, &refused).expect("it can be re-authored");
    assert!(delta.rotated && delta.refused.is_empty());
    let waiting = phone.replica.held().iter().filter(|row| row.status == SyncStatus::Waiting);
    assert_eq!(waiting.map(|row| row.run.actor()).collect::<Vec<_>>(), [actor(77); 2]);
    for fact in &own {
        assert!(phone.replica.document().fact(&section::NOTES, fact).is_some(), "{fact}");
    }
    Replica::load(a_job(), phone.replica.held().to_vec()).expect("it is whole");
}

#[test]
fn acknowledged_work_that_a_restored_server_lost_and_refuses_is_shown_and_not_sent_again() {
    let (desk, mut phone) = given();
    let own = [phone.note(1), phone.note(2)];
    phone.settle_all();
    let waiting = phone.note(3);
    phone.take_whole(&from_desk(&desk));
    let refused = Verdict::refused("job_not_yours", "This job is not yours.");
    let [first, second, third] = [1, 2, 3].map(|seq| ChangeRef { actor: actor(1), seq });
    let verdicts = [(first, refused), (second, Verdict::Reauthor), (third, Verdict::Reauthor)];
    let mut writer = writer(&mut phone.next_n, phone.actor);
    let delta = phone.replica.settle(&mut writer, &verdicts).expect("it is taken out");
    let told: Vec<_> =
        delta.refused.iter().map(|work| (work.code.as_str(), &work.change)).collect();
    assert!(matches!(&told[..], [("job_not_yours", change)] if change.seq == 1), "{told:?}");
    assert!(delta.rotated, "others may hold what stood under these numbers");
    let document = phone.replica.document();
    assert!(document.fact(&section::NOTES, &own[0]).is_none());
    for fact in [own[1], waiting] {
        assert!(document.fact(&section::NOTES, &fact).is_some(), "{fact}");
    }
    let owed = phone.replica.held().iter().filter(|row| row.status.is_owed());
    let owed: Vec<_> = owed.map(|row| (row.run.actor(), row.status)).collect();
    assert_eq!(owed, [(actor(77), SyncStatus::Waiting); 2]);
    Replica::load(a_job(), phone.replica.held().to_vec()).expect("it is whole");
}

#[test]
fn others_work_that_a_server_refuses_is_handed_over_once_and_then_let_go_of() {
    for (code, kept_here) in [("limit", 0), ("receipt_not_genuine", 1)] {
        let (mut desk, mut phone) = given();
        let before = from_desk(&desk);
        desk.assign(2, 2);
        phone.take_whole(&from_desk(&desk));
        let own = phone.note(1);
        // The restored server lost the second assignment, and refuses it when it is brought back.
        phone.take_whole(&before);
        let of = |phone: &PhoneCopy, status: SyncStatus| {
            let rows = phone.replica.held().iter().filter(|row| row.status == status);
            let changes = rows.flat_map(|row| row.run.changes.iter());
            let refs = changes.map(|change| ChangeRef { actor: change.actor, seq: change.seq });
            refs.collect::<Vec<_>>()
        };
        let lost = of(&phone, SyncStatus::Lost([7; 16])).pop().expect("it is lost");
        let refused = Verdict::refused(code, "It cannot be taken.");
        let mut writer = writer(&mut phone.next_n, phone.actor);
        phone.replica.settle(&mut writer, &[(lost, refused.clone())]).expect("it is set aside");
        let orphaned = of(&phone, SyncStatus::Orphaned([7; 16]));
        assert_eq!(orphaned, [lost], "the server may re-author it");
        let delta = phone.replica.let_go(&[(lost, refused)]);
        assert_eq!(delta.refused.len(), kept_here, "{code}");
        // It is not sent any more; what the server says it has is only confirmed.
        let owed = phone.replica.held().iter().filter(|row| row.status.is_owed());
        assert!(
            owed.flat_map(|row| &row.run.changes)
                .all(|it| (it.actor, it.seq) != (lost.actor, lost.seq))
        );
        assert!(phone.replica.document().fact(&section::NOTES, &own).is_some());
        Replica::load(a_job(), phone.replica.held().to_vec()).expect("it is whole");
    }
}

#[test]
fn own_work_is_brought_back_behind_the_words_that_gave_the_right_to_it() {
    // A server was restored: others' numbers are taken there, so it re-authored the assignment, which
    // the phone hears of after its own note. Then the server is restored once more.
    let (desk, mut phone) = given();
    phone.note(1);
    phone.settle_all();
    phone.lose();
    let taken: Vec<(ChangeRef, Verdict)> = from_desk(&desk)
        .iter()
        .flat_map(|it| it.run.changes.iter())
        .map(|change| (ChangeRef { actor: change.actor, seq: change.seq }, Verdict::Fork))
        .collect();
    let mut pen = writer(&mut phone.next_n, phone.actor);
    phone.replica.settle(&mut pen, &taken).expect("it can be put in its place");
    let durable: Vec<(ChangeRef, Verdict)> =
        taken.into_iter().map(|(change, _)| (change, Verdict::Durable)).collect();
    phone.replica.let_go(&durable);
    phone.settle_all();
    let mut again = Hand::new(a_job(), 101, Role::Dispatcher);
    again.assign(PHONE, 1);
    phone.take(&from_desk(&again));
    assert_eq!(phone.statuses(), [SyncStatus::Durable, SyncStatus::Attested([7; 16])]);
    phone.lose();
    assert_eq!(phone.statuses(), [SyncStatus::Lost([7; 16]), SyncStatus::Resend]);
    Replica::load(a_job(), phone.replica.held().to_vec()).expect("it is whole");
}

#[test]
fn own_work_whose_right_was_given_before_it_is_brought_back_in_its_place() {
    let (mut desk, mut phone) = given();
    phone.note(1);
    phone.settle_all();
    for row in phone.own_runs() {
        let replayed = sync_core::admission::replay(&mut desk.document, &row.run, row.author);
        replayed.expect("it follows");
    }
    phone.note(2);
    desk.assign(2, 2);
    phone.take(&from_desk(&desk));
    phone.lose();
    let lost = SyncStatus::Lost([7; 16]);
    assert_eq!(phone.statuses(), [lost, SyncStatus::Resend, SyncStatus::Waiting, lost]);
    Replica::load(a_job(), phone.replica.held().to_vec()).expect("it is whole");
}

#[test]
fn what_changes_nothing_is_not_sent_again_at_once() {
    // A server with another secret says of what the phone brings back that it never gave its receipt.
    let (_, mut phone) = given();
    phone.lose();
    let owed = join(phone.replica.held().to_vec());
    let mut machine = Phone::new(DeviceId::new(NOON, [1; 10]), SigningKey::from_bytes(&[3; 32]));
    let refused = Verdict::refused("receipt_not_genuine", "Never given.");
    let (messages, ended, _) = sync(&mut machine, 1, &owed, &refused);
    assert_eq!((ended, messages), (SyncOutcome::Waiting, 3));
}

#[test]
fn what_still_fits_a_restored_server_is_brought_back_as_it_is() {
    let (mut desk, mut phone) = given();
    let mut copy = PhoneCopy { replica: phone.replica.clone(), actor: phone.actor, next_n: 50 };
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
    let attested = SyncStatus::Attested([7; 16]);
    assert_eq!(
        phone.statuses(),
        [attested, attested, SyncStatus::Lost([7; 16]), SyncStatus::Waiting]
    );
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
            PhoneEffect::Tidy | PhoneEffect::WakeAfter(_) => Vec::new(),
        };
        effects.extend(next);
    };
    assert_eq!(ended, SyncOutcome::Diverged);
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
