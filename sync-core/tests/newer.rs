//! Sections, kinds and keys of a newer version are kept and passed on, never dropped, never forged.

#![allow(clippy::expect_used, clippy::unwrap_used)]

mod scene;

use std::collections::BTreeMap;

use ed25519_dalek::SigningKey;
use scene::talk::sync;
use scene::{Hand, NOON, a_job, assigned};
use sync_core::admission::{Attested, Received, Verdict, Verified, admit, replay};
use sync_core::change::{Change, ChangeRef, Entry, Run, decode_run, encode_run};
use sync_core::document::{Author, Document, Refusal};
use sync_core::id::{ActorId, DeviceId, FactId};
use sync_core::policy::{Principal, Role};
use sync_core::schema::{Key, Section, key, section};
use sync_core::sync::{LocalWriter as Pen, Phone, Replica, Sent, SyncOutcome, SyncStatus};
use sync_core::wire::{Reader, Writer};

/// What version 2 of a job will have, as far as version 1 can know.
fn tows() -> Section {
    Section::parse("tows").expect("a name")
}

/// A change of the schema: `names` beside what is there.
fn schema(seq: u64, names: &[&str]) -> Change {
    let made = names.iter().map(|name| Entry::Section { name: Section::parse(name).unwrap() });
    Change { actor: ActorId::GENESIS, seq, after: vec![], time: 0, entries: made.collect() }
}

/// A run of one change, hashed on top of the document.
fn run(document: &Document, change: Change) -> Run {
    document.run(vec![change]).expect("it can be hashed")
}

fn automerge_hash(byte: u8) -> sync_core::document::ChangeHash {
    sync_core::document::ChangeHash([byte; 32])
}

/// What a newer technician's phone writes into the new section, with a key nobody here knows.
fn tow(document: &Document) -> Change {
    let record =
        [(key::KIND, "winched".into()), (Key::parse("cable_metres").expect("a name"), 18.into())];
    let fact = FactId::new(NOON + 1, [44; 10]);
    Change {
        actor: ActorId::new(NOON, [60; 10]),
        seq: 1,
        after: vec![ChangeRef { actor: ActorId::GENESIS, seq: document.schema_version() }],
        time: NOON + 1,
        entries: vec![Entry::Fact { section: tows(), id: fact, record: record.into() }],
    }
}

fn technician() -> Author {
    Author { user: Some(scene::user(1)), device: None }
}

/// What a server of version 2 has: the schema and a fact in it, beside the work of version 1.
fn upgraded() -> (Document, Vec<Attested>) {
    let (desk, _) = assigned();
    let mut document = desk.document.clone();
    let mut runs: Vec<_> = desk.runs().collect();
    for change in [schema(2, &["tows", "keys"]), schema(3, &["ferries"])] {
        let run = run(&document, change);
        replay(&mut document, &run, Author::default()).expect("the schema joins");
        runs.push((run, Author::default()));
    }
    let run = run(&document, tow(&document));
    replay(&mut document, &run, technician()).expect("the fact joins");
    runs.push((run, technician()));
    let attest = |(run, author)| Attested { run, author, receipt: [7; 16] };
    (document, runs.into_iter().map(attest).collect())
}

/// As it goes over the wire and into a store.
fn sent(run: &Run) -> Run {
    let mut writer = Writer::new();
    encode_run(&mut writer, run);
    decode_run(&mut Reader::new(&writer.into_bytes())).expect("it can be read")
}

#[test]
fn a_phone_keeps_and_gives_back_what_only_a_newer_version_understands() {
    let (newer, runs) = upgraded();
    let came: Vec<Attested> =
        runs.iter().map(|it| Attested { run: sent(&it.run), ..it.clone() }).collect();
    let mut phone = Replica::new(a_job());
    let (mut next_n, actor) = (1, ActorId::new(NOON, [1; 10]));
    let fresh_actor = ActorId::new(NOON, [2; 10]);
    let mut pen = Pen { next_n: &mut next_n, actor, fresh_actor, device: None };
    phone.take(&mut pen, &came, false).expect("it can be taken");
    assert_eq!(phone.document().fingerprint(), newer.fingerprint());
    assert_eq!(phone.document().schema_version(), 3);
    let kept: Vec<_> = phone.document().facts(&tows()).collect();
    assert_eq!(kept, newer.facts(&tows()).collect::<Vec<_>>(), "with a key nobody here knows");
    phone.document().check_by_oracle().expect("Automerge says the same");

    // Own work goes on top of it, and the whole is read again from its rows.
    let caller = Principal { user: scene::user(1), role: Role::Technician };
    let note = Entry::Fact {
        section: section::NOTES,
        id: FactId::new(NOON + 2, [5; 10]),
        record: [(key::TEXT, "winched out of a ditch".into())].into(),
    };
    let mut pen = Pen { next_n: &mut next_n, actor, fresh_actor, device: None };
    let saved = phone.record(&mut pen, NOON + 2, &caller, technician(), vec![note]);
    let own = saved.expect("it may be written").put.remove(0).run;
    phone.document().check_by_oracle().expect("Automerge says the same");
    let again = Replica::load(a_job(), phone.held().to_vec()).expect("the rows fit");
    assert_eq!(again.document().fingerprint(), phone.document().fingerprint());

    // A server that lost everything gets everything back, and what is own is judged as ever.
    let mut pen = Pen { next_n: &mut next_n, actor, fresh_actor, device: None };
    phone.lost(&mut pen);
    let mut server = Document::new(a_job());
    for row in phone.held() {
        let verified = match row.status {
            SyncStatus::Lost(receipt) => {
                let (run, author) = (row.run.clone(), row.author);
                Verified::relayed(Attested { run, author, receipt }, |_| true).unwrap()
            }
            _ => continue,
        };
        let admission = admit(&mut server, verified, &caller, None, &BTreeMap::new());
        assert!(admission.verdicts.iter().all(|it| *it == Verdict::Durable), "{admission:?}");
    }
    assert_eq!(server.fingerprint(), newer.fingerprint());
    replay(&mut server, &own, technician()).expect("own work fits the same");
}

#[test]
fn what_waits_for_a_newer_server_is_tried_ever_more_rarely() {
    let (newer, _) = upgraded();
    let change = [Sent::Signed(run(&newer, Change { seq: 2, ..tow(&newer) }))];
    let later = Verdict::Later { code: "section_unknown".into() };
    let phone = || {
        let key = SigningKey::from_bytes(&[3; 32]);
        Phone::new(DeviceId::new(NOON, [1; 10]), key)
    };
    // Of many phones the one that waits longest, each time.
    let mut longest = [0; 12];
    for draw in 1..200_u64 {
        let (mut phone, random) = (phone(), draw.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        for longest in &mut longest {
            let (messages, ended, wait) = sync(&mut phone, random, &change, &later);
            assert_eq!(ended, SyncOutcome::Waiting);
            assert!(messages <= 2, "{messages} messages to be told the same");
            *longest = wait.max(*longest);
        }
        // Once the server has taken it, the next thing that has to wait is tried soon again.
        assert_eq!(sync(&mut phone, random, &[], &later).1, SyncOutcome::UpToDate);
        assert!(sync(&mut phone, random, &change, &later).2 <= 10_000);
    }
    assert!(longest.is_sorted() && longest[0] <= 10_000, "{longest:?}");
    assert!(longest[11] >= 200_000, "it would wear down a phone that has coverage: {longest:?}");
}

#[test]
fn nobody_but_the_server_changes_the_schema() {
    let mut document = assigned().0.document;
    let forged = run(&document, schema(2, &["tows"]));
    let key = ed25519_dalek::SigningKey::from_bytes(&[9; 32]);
    let device = sync_core::id::DeviceId::new(NOON, [1; 10]);
    let message = sync_core::admission::push_message(device, [&forged].into_iter());
    let signature = ed25519_dalek::Signer::sign(&key, &message).to_bytes();
    let push = vec![Received(forged)];
    let (user, public) = (scene::user(1), key.verifying_key());
    let verified = Received::verify(push, &signature, &public, user, device).unwrap().remove(0);
    let caller = Principal { user, role: Role::Technician };
    let before = document.fingerprint();
    let admission = admit(&mut document, verified, &caller, None, &BTreeMap::new());
    assert!(admission.admitted.is_none());
    assert!(matches!(&admission.verdicts[..], [Verdict::Refused { .. }]), "{admission:?}");
    assert_eq!(document.fingerprint(), before);

    let mut desk = Hand::desk(a_job());
    assert!(desk.attempt(vec![Entry::Section { name: tows() }]).is_err());
}

#[test]
fn only_what_is_the_same_on_every_replica_is_a_change_of_the_schema() {
    let (desk, _) = assigned();
    let known = ChangeRef { actor: ActorId::new(NOON, [100; 10]), seq: 1 };
    let fact = tow(&desk.document).entries.remove(0);
    let note = Entry::Fact {
        section: section::NOTES,
        id: FactId::new(NOON, [9; 10]),
        record: [(key::TEXT, "no schema".into())].into(),
    };
    let many: Vec<String> = (0..200).map(|n| format!("section_{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let wrong: [(&str, Change); 7] = [
        ("a section that is there", schema(2, &["notes"])),
        ("the same section twice", schema(2, &["tows", "tows"])),
        ("nothing", schema(2, &[])),
        ("a time", Change { time: NOON, ..schema(2, &["tows"]) }),
        ("people's work before it", Change { after: vec![known], ..schema(2, &["tows"]) }),
        ("a fact in it", Change { entries: vec![note], ..schema(2, &[]) }),
        ("more sections than a document may have", schema(2, &many)),
    ];
    for (what, change) in wrong {
        let mut document = desk.document.clone();
        let run = run(&document, change);
        let refused = replay(&mut document, &run, Author::default());
        assert!(matches!(refused, Err(Refusal::Reserved | Refusal::Limit(_))), "{what}");
        assert_eq!(document.fingerprint(), desk.document.fingerprint(), "{what}");
    }
    // A fact for a section that is not there, and a change of the schema that leaves one out.
    let mut document = desk.document.clone();
    let early = Change { after: vec![], entries: vec![fact], ..tow(&document) };
    let nowhere = Run { doc: a_job(), changes: vec![early], last_hash: automerge_hash(1) };
    let refused = replay(&mut document, &nowhere, technician());
    assert_eq!(refused, Err(Refusal::UnknownSection(tows())));
    let gap = schema(3, &["tows"]);
    let gap = Run { doc: a_job(), changes: vec![gap], last_hash: automerge_hash(1) };
    let refused = replay(&mut document, &gap, Author::default());
    assert!(matches!(refused, Err(Refusal::Missing(_))), "{refused:?}");
}
