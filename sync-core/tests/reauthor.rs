//! What a revoked phone submitted is re-authored: every fact once, under numbers of the server.

#![allow(clippy::expect_used, clippy::unwrap_used)]

mod scene;

use ed25519_dalek::{Signer as _, SigningKey};
use scene::{Hand, NOON, a_job, assigned, user};
use sync_core::admission::{
    Admission, Attested, Received, RefusedBefore, Verdict, Verified, admit, push_message, reauthor,
};
use sync_core::change::Run;
use sync_core::document::Document;
use sync_core::id::{ActorId, DeviceId, FactId};
use sync_core::policy::{Principal, Role};
use sync_core::schema::{key, section};

const PHONE: u8 = 1;

fn server() -> ActorId {
    ActorId::new(NOON, [200; 10])
}

/// Everything a technician wrote, in runs of one change, as the phone signed it.
fn own(phone: &Hand) -> Vec<Verified> {
    let own = phone.runs().filter(|(_, author)| author.user == Some(user(PHONE)));
    let push: Vec<Received> = own.map(|(run, _)| Received(run)).collect();
    let (key, device) = (SigningKey::from_bytes(&[3; 32]), DeviceId::new(NOON, [1; 10]));
    let signature = key.sign(&push_message(device, push.iter().map(|it| &it.0))).to_bytes();
    Received::verify(push, &signature, &key.verifying_key(), user(PHONE), device).expect("signed")
}

/// The same runs of everybody, with the receipts a server once gave.
fn receipted(hand: &Hand) -> Vec<Verified> {
    let attested = hand.runs().map(|(run, author)| Attested { run, author, receipt: [0; 16] });
    attested.map(|it| Verified::relayed(it, |_| true).expect("it is genuine")).collect()
}

fn take_in(document: &mut Document, work: Vec<Verified>) -> Vec<Admission> {
    let caller = Principal { user: user(PHONE), role: Role::Technician };
    work.into_iter().map(|it| reauthor(document, server(), it, &caller)).collect()
}

fn verdicts(admissions: &[Admission]) -> Vec<Verdict> {
    admissions.iter().flat_map(|admission| admission.verdicts.clone()).collect()
}

fn note(phone: &mut Hand, text: &str) -> FactId {
    phone.fact(section::NOTES, &[(key::TEXT, text.into())])
}

/// The technicians' notes in a document.
fn notes(document: &Document) -> Vec<FactId> {
    document.facts(&section::NOTES).map(|fact| fact.id).collect()
}

#[test]
fn facts_whose_numbers_mean_other_work_by_now_are_taken_in_their_authors_name() {
    let (mut desk, mut phone) = assigned();
    // The restored server lost the first note, and a copy of the phone wrote another in its place.
    let mut copy = phone.clone();
    let (first, second) = (note(&mut phone, "tyre torn"), note(&mut phone, "spare fitted"));
    copy.now += 500;
    let other = note(&mut copy, "nobody here");
    desk.hear(&copy);
    let admitted = take_in(&mut desk.document, own(&phone));
    assert_eq!(verdicts(&admitted), [Verdict::Durable, Verdict::Durable]);
    let document = &desk.document;
    let mut all = vec![first, second, other];
    all.sort();
    assert_eq!(notes(document), all, "each once");
    for id in [first, second] {
        let fact = document.fact(&section::NOTES, &id).unwrap();
        assert_eq!((fact.author, fact.change.actor), (Some(user(PHONE)), server()));
        let there = phone.document.fact(&section::NOTES, &id).unwrap();
        assert_eq!((fact.time, &fact.record), (there.time, &there.record));
    }
    assert!(document.check_by_oracle().is_ok(), "Automerge agrees");
}

#[test]
fn what_is_here_already_and_what_is_repeated_changes_nothing() {
    let (mut desk, mut phone) = assigned();
    note(&mut phone, "tyre torn");
    desk.hear(&phone);
    let late = note(&mut phone, "spare fitted");
    for time in 0..2 {
        let admitted = take_in(&mut desk.document, own(&phone));
        assert_eq!(verdicts(&admitted), [Verdict::Durable, Verdict::Durable]);
        let written = admitted.iter().filter(|it| it.admitted.is_some()).count();
        assert_eq!(written, usize::from(time == 0), "only what was not here, and only once");
    }
    assert_eq!(desk.document.seq_of(&server()), 1);
    assert!(desk.document.fact(&section::NOTES, &late).is_some());
    // The phone, enrolled again, delivers the same work itself: it still counts once.
    desk.hear(&phone);
    assert_eq!(notes(&desk.document).len(), 2);
}

#[test]
fn what_the_policy_refuses_holds_up_nothing() {
    let (mut desk, mut phone) = assigned();
    phone.caller.role = Role::Manager;
    let price = [(key::AMOUNT, 90_000.into()), (key::DESCRIPTION, "tow".into())];
    let charge = phone.fact(section::CHARGES, &price);
    phone.caller.role = Role::Technician;
    let after = note(&mut phone, "spare fitted");
    let admitted = take_in(&mut desk.document, own(&phone));
    let [Verdict::Refused { code, .. }, Verdict::Durable] = &verdicts(&admitted)[..] else {
        panic!("{admitted:?}");
    };
    assert!(!code.is_empty());
    assert!(desk.document.fact(&section::CHARGES, &charge).is_none());
    assert!(desk.document.fact(&section::NOTES, &after).is_some());
}

#[test]
fn work_on_a_job_that_is_not_here_yet_can_be_taken_in_later() {
    let (desk, mut phone) = assigned();
    let id = note(&mut phone, "tyre torn");
    // A server restored from before the call knows nothing of the job, nor of its assignment.
    let mut restored = Document::new(a_job());
    let admitted = take_in(&mut restored, own(&phone));
    let [Verdict::Missing(missing)] = &verdicts(&admitted)[..] else { panic!("{admitted:?}") };
    assert!(!missing.is_empty() && restored.is_empty());
    for (run, author) in desk.runs() {
        let run: Run = run;
        sync_core::admission::replay(&mut restored, &run, author).unwrap();
    }
    assert_eq!(verdicts(&take_in(&mut restored, own(&phone))), [Verdict::Durable]);
    assert_eq!(notes(&restored), [id]);
}

#[test]
fn what_the_server_once_admitted_is_not_judged_again_and_waits_for_nothing() {
    let (mut desk, _) = assigned();
    let price = [(key::AMOUNT, 90_000.into()), (key::DESCRIPTION, "tow".into())];
    desk.caller.role = Role::Manager;
    let charge = desk.fact(section::CHARGES, &price);
    let told = note(&mut desk, "the customer waits at the bridge");
    let address = desk.document.field(&section::INTAKE, &key::PROBLEM).cloned();
    // The server has nothing of all that, and a technician's phone brings it.
    let mut restored = Document::new(a_job());
    for time in 0..2 {
        let admitted = take_in(&mut restored, receipted(&desk));
        assert!(verdicts(&admitted).iter().all(|it| *it == Verdict::Durable), "{admitted:?}");
        let written = admitted.iter().any(|it| it.admitted.is_some());
        assert_eq!(written, time == 0, "a repeat changes nothing");
    }
    for (section, id) in [(section::CHARGES, charge), (section::NOTES, told)] {
        let fact = restored.fact(&section, &id).expect("it is back");
        assert_eq!(fact.author, Some(desk.caller.user), "in its author's name");
    }
    assert_eq!(restored.field(&section::INTAKE, &key::PROBLEM), address.as_ref());
    assert_eq!(restored.conflicts().count(), 0);
    assert!(restored.check_by_oracle().is_ok(), "Automerge agrees");
}

#[test]
fn what_was_said_of_orphaned_work_does_not_bind_who_brings_it_in_its_place() {
    let (desk, _) = assigned();
    // A phone orphaned the first change and was told that it cannot be taken; another has it all.
    let first = desk.runs().next().expect("one change").0.last_hash;
    let refused = RefusedBefore::from([(first.0, ("limit".to_owned(), "No room.".to_owned()))]);
    let mut restored = Document::new(a_job());
    for verified in receipted(&desk) {
        let admission = admit(&mut restored, verified, &desk.caller, None, &refused);
        assert_eq!(admission.verdicts, [Verdict::Durable]);
    }
    assert_eq!(restored.fingerprint(), desk.document.fingerprint());
}
