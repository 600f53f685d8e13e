//! What may be written can be read again: limits bind whoever writes and whoever admits.

#![allow(clippy::expect_used, clippy::unwrap_used)]

mod scene;

use scene::{Hand, NOON, a_job, assigned};
use sync_core::admission::{Attested, RecordError, Verdict, Verified, admit, record};
use sync_core::change::{Run, decode_run, encode_run};
use sync_core::document::{Author, Document, Owner, Refusal};
use sync_core::id::{ActorId, DeviceId};
use sync_core::limits;
use sync_core::schema::{DocKind, key, section};
use sync_core::value::Value;
use sync_core::wire::{Reader, Writer};

/// As it is stored and sent: encoded, and read by the bounded decoder.
fn read_again(run: &Run) -> Run {
    let mut writer = Writer::new();
    encode_run(&mut writer, run);
    let bytes = writer.into_bytes();
    decode_run(&mut Reader::new(&bytes)).expect("what was written can be read")
}

#[test]
fn a_change_of_any_size_is_refused_when_it_is_written_or_read_for_ever() {
    let mut refused = 0;
    for less in (0..400).step_by(3) {
        // The office has room for them.
        let (mut phone, _) = assigned();
        let texts = [key::TEXT, key::REASON]
            .map(|key| (key, Value::from("x".repeat(limits::VALUE_BYTES - less / 2).as_str())));
        match phone.attempt_fact(section::NOTES, &texts) {
            Ok(_) => {}
            Err(RecordError::Refusal(Refusal::Limit(what))) => {
                assert_eq!(what, "size of a change");
                refused += 1;
            }
            Err(other) => panic!("{other}"),
        }
        // It holds up nothing, and what was written reads alone and among all the others.
        phone.fact(section::NOTES, &[(key::TEXT, "spare fitted".into())]);
        let runs: Vec<Run> = phone.runs().map(|(run, _)| run).collect();
        runs.iter().for_each(|run| assert_eq!(read_again(run), *run));
        let own: Vec<&Run> = runs.iter().filter(|run| run.doc == a_job()).collect();
        let actor = own.last().unwrap().actor();
        let changes = own.iter().filter(|run| run.actor() == actor);
        let together = Run {
            doc: a_job(),
            changes: changes.flat_map(|run| run.changes.clone()).collect(),
            last_hash: own.last().unwrap().last_hash,
        };
        assert_eq!(read_again(&together), together);
    }
    assert!(refused > 5, "some were too large");
}

#[test]
fn no_number_of_writers_makes_a_document_unreadable() {
    let (mut desk, phone) = assigned();
    let mut waiting = Vec::new();
    for number in 0..limits::DOCUMENT_ACTORS.min(200) as u8 {
        let run = first_note_of(&phone, number);
        match &take_in(&mut desk.document, run.clone())[..] {
            [Verdict::Durable] => assert!(waiting.is_empty()),
            [Verdict::Later { code }] => {
                assert_eq!(code, "many_heads");
                waiting.push(run);
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(waiting.len() > 100 && desk.document.heads().len() <= limits::DOCUMENT_HEADS);
    // The office writes on, which follows every head, so that what waits can come in.
    desk.fact(section::NOTES, &[(key::TEXT, "seen".into())]);
    for run in waiting.drain(..40) {
        assert_eq!(take_in(&mut desk.document, run), [Verdict::Durable]);
    }
    let mut again = Hand::desk(a_job());
    for (run, author) in desk.runs() {
        sync_core::admission::replay(&mut again.document, &read_again(&run), author).unwrap();
    }
    assert_eq!(again.document.heads(), desk.document.heads());
}

#[test]
fn the_office_has_so_many_actors_in_a_document_and_no_more() {
    let (mut desk, _) = assigned();
    let caller = desk.caller;
    let mut write = |number: u16| {
        let actor = ActorId::new(NOON + i64::from(number), [7; 10]);
        let entry =
            desk.document.set(section::INTAKE, key::REMARKS, number.to_string().as_str().into());
        let author = Author::desk(caller.user);
        record(&mut desk.document, actor, NOON, &caller, author, vec![entry]).map(drop)
    };
    let refused = (0..1005).find_map(|number| write(number).err().map(|error| (number, error)));
    let (number, error) = refused.expect("there is an end to it");
    let full = Refusal::Full { kind: DocKind::Job, owner: Owner::Office };
    // The desk's own was there already.
    let most = limits::OFFICE_SHARE.actors - 1;
    assert_eq!((usize::from(number), error), (most, RecordError::Refusal(full)));
}

/// A first change of a fresh actor, beside everything else that is there.
fn first_note_of(phone: &Hand, number: u8) -> (Run, Author) {
    let mut hand = phone.clone();
    let actor = ActorId::new(NOON + i64::from(number), [number; 10]);
    let id = sync_core::id::FactId::new(NOON, [number; 10]);
    let said = [(key::TEXT, "x".into()), (key::AT, NOON.into())].into_iter().collect();
    let entry = sync_core::change::Entry::Fact { section: section::NOTES, id, record: said };
    let author = Author::phone(hand.caller.user, DeviceId::new(NOON, [1; 10]));
    let document = &mut hand.document;
    let run = record(document, actor, NOON, &hand.caller, author, vec![entry]);
    (run.expect("it is allowed"), author)
}

fn take_in(document: &mut Document, (run, author): (Run, Author)) -> Vec<Verdict> {
    let caller = sync_core::policy::Principal {
        user: author.user.unwrap(),
        role: sync_core::policy::Role::Technician,
    };
    let attested = Attested { run, author, receipt: [0; 16] };
    let verified = Verified::relayed(attested, |_| true).expect("someone vouches for it");
    admit(document, verified, &caller, None, &Default::default()).verdicts
}
