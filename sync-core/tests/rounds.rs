//! A change refused in the middle of a chain: how often a phone has to send what follows it.

#![allow(clippy::expect_used, clippy::unwrap_used)]

mod scene;

use scene::phone_copy::{PHONE, PhoneCopy, actor, author, from_desk, given};
use scene::{Hand, NOON, user};
use sync_core::admission::{DeviceKey, Received, RefusedBefore, Verdict, admit, replay};
use sync_core::change::{Change, ChangeRef, Entry};
use sync_core::document::{Author, Document};
use sync_core::id::{ActorId, DeviceId, FactId};
use sync_core::policy::{Principal, Role};
use sync_core::schema::{Key, Section, key, section};
use sync_core::sync::{LocalWriter, Sent, SyncStatus, join};
use sync_core::value::{Record, Value};

/// Rounds that any chain may take: the refused ones, and once more for each part of a share that is
/// kept for something.
const MOST: usize = 4;

/// Every signature is good.
struct AnyKey;

impl DeviceKey for AnyKey {
    fn verifies(&self, _: &[u8], _: &[u8; 64]) -> bool {
        true
    }
}

fn technician(who: u8) -> Principal {
    Principal { user: user(who), role: Role::Technician }
}

/// Records on the phone what its own view of the job allows.
fn record(phone: &mut PhoneCopy, n: i64, section: Section, keys: &[(Key, Value)]) -> FactId {
    let id = FactId::new(NOON + n, [3; 10]);
    let record: Record = keys.iter().cloned().collect();
    let entry = Entry::Fact { section, id, record };
    let (actor, fresh_actor) = (phone.actor, actor(77));
    let mut writer = LocalWriter { next_n: &mut phone.next_n, actor, fresh_actor, device: None };
    let saved = phone.replica.record(&mut writer, NOON, &technician(PHONE), author(), vec![entry]);
    saved.expect("the phone allows it");
    id
}

/// Sends what waits to a server that knows the phone as this technician's, until nothing does: how many rounds that takes, and the codes of refusals.
fn settle(phone: &mut PhoneCopy, server: &mut Document, who: u8) -> (usize, Vec<String>) {
    let (mut rounds, mut codes) = (0, Vec::new());
    loop {
        let held = phone.replica.held().iter().filter(|row| row.status == SyncStatus::Waiting);
        let sent = join(held.cloned().collect());
        if sent.is_empty() {
            return (rounds, codes);
        }
        rounds += 1;
        assert!(rounds < 200, "it never ends");
        let mut verdicts: Vec<(ChangeRef, Verdict)> = Vec::new();
        for run in sent.iter().map(Sent::run).cloned() {
            let of = |change: &Change| ChangeRef { actor: change.actor, seq: change.seq };
            let refs: Vec<ChangeRef> = run.changes.iter().map(of).collect();
            let device = author().device.expect("a phone");
            let push = vec![Received(run)];
            let push = Received::verify(push, &[0; 64], &AnyKey, user(who), device);
            let verified = push.expect("any key will do").pop().expect("one run");
            let caller = technician(who);
            let said = admit(server, verified, &caller, None, &RefusedBefore::new()).verdicts;
            verdicts.extend(refs.into_iter().zip(said));
        }
        for (_, verdict) in &verdicts {
            if let Verdict::Refused { code, .. } = verdict {
                codes.push(code.clone());
            }
        }
        let (actor, fresh_actor) = (phone.actor, actor(77));
        let mut writer =
            LocalWriter { next_n: &mut phone.next_n, actor, fresh_actor, device: None };
        let delta = phone.replica.settle(&mut writer, &verdicts).expect("verdicts apply");
        if delta.rotated {
            phone.actor = fresh_actor;
        }
    }
}

/// The server's document: as the phone has it, and filled by the technician's other phone.
fn filled(desk: &Hand) -> Document {
    let mut server = Document::new(desk.document.id());
    for attested in from_desk(desk) {
        replay(&mut server, &attested.run, attested.author).expect("it follows");
    }
    let other = Author::phone(user(PHONE), DeviceId::new(NOON, [9; 10]));
    let anybody = Principal { user: user(PHONE), role: Role::System };
    for bytes in [30_000, 3_000, 300, 30, 1] {
        for n in 0..400 {
            let mut scratch = server.clone();
            let text = (key::TEXT, "x".repeat(bytes).as_str().into());
            let id = FactId::new(NOON + n, [bytes.to_be_bytes()[7]; 10]);
            let record = Record::from([text]);
            let entries = vec![Entry::Fact { section: section::NOTES, id, record }];
            let run = sync_core::admission::record(
                &mut scratch,
                ActorId::new(NOON, [9; 10]),
                NOON,
                &anybody,
                Author::default(),
                entries,
            );
            let push = vec![Received(run.expect("a desk may"))];
            let device = other.device.expect("a phone");
            let push = Received::verify(push, &[0; 64], &AnyKey, user(PHONE), device);
            let verified = push.expect("any key will do").pop().expect("one run");
            let caller = technician(PHONE);
            let said = admit(&mut server, verified, &caller, None, &RefusedBefore::new()).verdicts;
            if !said[0].is_durable() {
                break;
            }
        }
    }
    server
}

#[test]
fn a_chain_that_meets_a_full_share_takes_a_handful_of_rounds() {
    let (desk, mut phone) = given();
    let mut server = filled(&desk);
    for n in 0..155 {
        match n % 5 {
            0 => record(&mut phone, n, section::PARTS, &[(key::PART_NO, "H7".into())]),
            _ => record(&mut phone, n, section::NOTES, &[(key::TEXT, "seen".into())]),
        };
    }
    let (rounds, codes) = settle(&mut phone, &mut server, PHONE);
    assert!(rounds <= MOST, "{rounds} rounds");
    assert!(codes.len() >= 124 && codes.iter().all(|code| code == "document_full"), "{codes:?}");
}

#[test]
fn a_chain_of_work_that_is_not_theirs_takes_two_rounds_whatever_it_takes_back() {
    let (desk, mut phone) = given();
    let mut server = Document::new(desk.document.id());
    for attested in from_desk(&desk) {
        replay(&mut server, &attested.run, attested.author).expect("it follows");
    }
    for n in 0..100 {
        let noted = record(&mut phone, 2 * n, section::NOTES, &[(key::TEXT, "seen".into())]);
        if n % 10 == 9 {
            let voids = [(key::VOIDS, Value::Bytes(noted.as_bytes().to_vec()))];
            record(&mut phone, 2 * n + 1, section::NOTES, &voids);
        }
    }
    // The server knows the phone as that of someone who never had the job.
    let (rounds, codes) = settle(&mut phone, &mut server, 2);
    assert!(rounds <= 2, "{rounds} rounds");
    assert_eq!(codes.len(), 110, "{codes:?}");
}

#[test]
fn what_takes_back_a_fact_that_is_written_again_is_not_refused_with_those_before_it() {
    let (desk, mut phone) = given();
    let mut server = filled(&desk);
    record(&mut phone, 1, section::NOTES, &[(key::TEXT, "no room".into())]);
    let part = record(&mut phone, 2, section::PARTS, &[(key::PART_NO, "H7".into())]);
    let voids = [(key::VOIDS, Value::Bytes(part.as_bytes().to_vec()))];
    record(&mut phone, 3, section::PARTS, &voids);
    let (rounds, codes) = settle(&mut phone, &mut server, PHONE);
    assert_eq!((rounds, codes), (2, vec!["document_full".to_owned()]));
    assert!(server.fact(&section::PARTS, &part).is_some());
}
