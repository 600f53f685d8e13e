//! Laws of the wire: what is encoded decodes to the same, and bytes have one form only.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use sync_core::admission::{Attested, Verdict};
use sync_core::change::{Change, ChangeRef, Entry, OpId, Run, decode_run, encode_run};
use sync_core::document::{Author, ChangeHash, Digest};
use sync_core::id::{ActorId, DeviceId, FactId, UserId};
use sync_core::limits;
use sync_core::schema::{DocId, DocKind, Key, Section, key, section};
use sync_core::sync::{
    Fault, Frame, Inventory, Request, Response, Sent, decode_request, decode_response,
    encode_request, encode_response,
};
use sync_core::value::Value;
use sync_core::wire::{Reader, WireError, Writer};

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        "[a-z _é陳]{0,20}".prop_map(Value::Text),
        prop_oneof!["accepted", "pass", "TWD", "flat_tyre"].prop_map(Value::Text),
        vec(any::<u8>(), 0..40).prop_map(Value::Bytes),
    ]
}

fn any_key() -> impl Strategy<Value = Key> {
    prop_oneof![
        Just(key::AT),
        Just(key::UP),
        Just(key::KIND),
        Just(key::LAT),
        Just(key::EXPIRES),
        "[a-z][a-z0-9_]{0,12}".prop_filter_map("in the dictionary", |name| Key::parse(&name)),
    ]
}

fn any_section() -> impl Strategy<Value = Section> {
    prop_oneof![
        Just(section::STATUS),
        Just(section::SHIFTS),
        Just(Section::parse("from_the_future").expect("a plain name")),
    ]
}

fn actor() -> impl Strategy<Value = ActorId> {
    prop_oneof![
        Just(ActorId::GENESIS),
        (0u8..4).prop_map(|n| ActorId::new(1_700_000_000_000, [n; 10]))
    ]
}

fn entry() -> impl Strategy<Value = Entry> {
    let op = (any::<u64>(), actor()).prop_map(|(counter, actor)| OpId { counter, actor });
    prop_oneof![
        4 => (any_section(), 0i64..1 << 47, any::<[u8; 10]>(), btree_map(any_key(), value(), 0..8))
            .prop_map(|(section, ms, random, record)| Entry::Fact {
                section, id: FactId::new(ms, random), record: record.into_iter().collect()
            }),
        2 => (any_section(), any_key(), prop_oneof![Just(Value::Null), value()], vec(op, 0..4))
            .prop_map(|(section, key, value, mut replaces)| {
                replaces.sort();
                replaces.dedup();
                Entry::Field { section, key, value, replaces }
            }),
        1 => any_section().prop_map(|name| Entry::Section { name }),
    ]
}

prop_compose! {
    fn run()(
        kind in 0u8..6,
        id in any::<[u8; 10]>(),
        author in (0u8..4).prop_map(|n| ActorId::new(1_700_000_000_000, [n; 10])),
        first_seq in 1u64..1 << 40,
        changes in vec((any::<i64>(), vec((actor(), 1u64..99), 0..3), vec(entry(), 1..4)), 1..6),
        hash in any::<[u8; 32]>(),
    ) -> Run {
        let doc = DocId::new(DocKind::from_code(kind), *FactId::new(1, id).as_bytes());
        let changes = changes.into_iter().zip(first_seq..).map(|((time, after, entries), seq)| {
            let refs = after.into_iter().map(|(actor, seq)| ChangeRef { actor, seq });
            let mut after: Vec<_> = refs.collect();
            after.sort();
            after.dedup();
            Change { actor: author, seq, after, time, entries }
        });
        Run { doc: doc.expect("a version 7 id"), changes: changes.collect(), last_hash: ChangeHash(hash) }
    }
}

prop_compose! {
    fn attested()(
        run in run(),
        user in proptest::option::of(any::<[u8; 10]>()),
        device in proptest::option::of(any::<[u8; 10]>()),
        receipt in any::<[u8; 16]>(),
    ) -> Attested {
        let author = Author {
            user: user.map(|random| UserId::new(5, random)),
            device: device.map(|random| DeviceId::new(5, random)),
        };
        Attested { run, author, receipt }
    }
}

fn verdict() -> impl Strategy<Value = Verdict> {
    prop_oneof![
        4 => Just(Verdict::Durable),
        1 => "[a-z_]{1,9}".prop_map(|code| Verdict::refused(code, "A reason.")),
        1 => Just(Verdict::Reauthor),
        1 => Just(Verdict::Fork),
        1 => vec((actor(), 1u64..9), 0..3).prop_map(|missing| Verdict::Missing(
            missing.into_iter().map(|(actor, seq)| ChangeRef { actor, seq }).collect()
        )),
        1 => Just(Verdict::Later { code: "section_unknown".to_owned() }),
    ]
}

fn docs() -> impl Strategy<Value = Vec<DocId>> {
    vec(any::<[u8; 10]>(), 0..3).prop_map(|ids| {
        let doc = |random| DocId::new(DocKind::Job, *FactId::new(9, random).as_bytes());
        ids.into_iter().map(|random| doc(random).expect("a version 7 id")).collect()
    })
}

prop_compose! {
    fn request()(
        epoch: u64, cursor: u64, more: bool,
        runs in vec(prop_oneof![run().prop_map(Sent::Signed), attested().prop_map(Sent::Relayed), attested().prop_map(Sent::Orphaned)], 0..4),
        signature in proptest::option::of(any::<[u8; 32]>()),
        inventory in proptest::option::of(docs()),
    ) -> Request {
        let inventory = inventory.map(|docs| Inventory(docs.into_iter().zip(1..).collect()));
        let signed = runs.iter().any(|sent| sent.own().is_some());
        let signature = signature.filter(|_| signed).map(|half| {
            let mut whole = [0; 64];
            whole[..32].copy_from_slice(&half);
            whole
        });
        Request { epoch, cursor, runs, signature, inventory, more }
    }
}

prop_compose! {
    fn response()(
        epoch: u64, cursor: u64, digest: u64, server_time: i64, retry_after_ms: u64,
        verdicts in vec(verdict(), 0..8),
        runs in vec(attested(), 0..3),
        whole in docs(), released in docs(), unknown in docs(), more: bool, resync: bool,
    ) -> Response {
        let digest = Digest(digest);
        Response {
            epoch, cursor, digest, server_time, retry_after_ms, verdicts, runs, whole, released,
            unknown, more, resync,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_request_survives_the_wire(request in request()) {
        prop_assert_eq!(decode_request(&encode_request(&request)), Ok(request));
    }

    #[test]
    fn an_answer_survives_the_wire(response in response()) {
        let frame = Frame::Response(Box::new(response));
        prop_assert_eq!(decode_response(&encode_response(&frame)), Ok(frame));
    }

    #[test]
    fn damaged_requests_are_errors_or_other_requests_and_never_two_forms_of_one(
        request in request(), at: prop::sample::Index, bit in 0u8..8,
    ) {
        let mut bytes = encode_request(&request);
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        if let Ok(other) = decode_request(&bytes) {
            // A compressed body may have several forms; what it says may not.
            prop_assert_eq!(decode_request(&encode_request(&other)), Ok(other));
        }
    }

    #[test]
    fn a_cut_request_is_an_error(request in request(), at: prop::sample::Index) {
        let bytes = encode_request(&request);
        prop_assert!(decode_request(&bytes[..at.index(bytes.len())]).is_err());
    }
}

/// A first change and the one after it, which follow these.
fn following(first: Vec<ChangeRef>, second: Vec<ChangeRef>) -> Run {
    let actor = ActorId::new(1_700_000_000_000, [1; 10]);
    let doc = DocId::new(DocKind::Job, *actor.as_bytes()).expect("an id");
    let entries = vec![Entry::Section { name: section::STATUS }];
    let changes = [first, second].into_iter().zip(1..);
    let changes =
        changes.map(|(after, seq)| Change { actor, seq, after, time: 0, entries: entries.clone() });
    Run { doc, changes: changes.collect(), last_hash: ChangeHash([0; 32]) }
}

#[test]
fn new_work_that_spells_out_an_implied_dependency_is_malformed() {
    let genesis = ChangeRef { actor: ActorId::GENESIS, seq: 1 };
    let other = ChangeRef { actor: ActorId::new(1_700_000_000_000, [9; 10]), seq: 1 };
    let own = |seq| ChangeRef { actor: ActorId::new(1_700_000_000_000, [1; 10]), seq };
    let read = |sent| {
        let request = Request { runs: vec![sent], ..Request::default() };
        decode_request(&encode_request(&request)).map(drop)
    };
    let malformed = Err(WireError::Malformed("dependencies"));
    for (first, second) in
        [(vec![genesis], vec![]), (vec![], vec![own(1)]), (vec![other], vec![own(1), other])]
    {
        let run = following(first, second);
        assert_eq!(read(Sent::Signed(run.clone())), malformed);
        assert_eq!(read(Sent::Relayed(attest(run))), Ok(()), "a receipt covers every byte");
    }
    // These say something: they are part of the hash.
    let said = following(vec![genesis, other], vec![genesis, other]);
    assert_eq!(read(Sent::Signed(said)), Ok(()));
}

#[test]
fn a_signature_over_no_work_is_malformed() {
    let read = |runs| {
        let request = Request { runs, signature: Some([7; 64]), ..Request::default() };
        decode_request(&encode_request(&request)).map(drop)
    };
    let run = following(Vec::new(), Vec::new());
    assert_eq!(read(Vec::new()), Err(WireError::Malformed("signature")));
    assert_eq!(
        read(vec![Sent::Relayed(attest(run.clone()))]),
        Err(WireError::Malformed("signature"))
    );
    assert_eq!(read(vec![Sent::Signed(run)]), Ok(()));
}

#[test]
fn an_empty_inventory_is_one_and_an_empty_list_of_runs_is_malformed() {
    let request = Request { inventory: Some(Inventory(Vec::new())), ..Request::default() };
    assert_eq!(decode_request(&encode_request(&request)), Ok(request));
    let body = [[0; 9].as_slice(), &[1, 0]].concat();
    let frame = [[1, 1, 0].as_slice(), &body].concat();
    assert_eq!(decode_request(&frame), Err(WireError::Malformed("runs")));
}

#[test]
fn faults_and_notifications_survive_the_wire() {
    let fault = Fault { code: "busy".into(), sentence: "Later.".into(), retry_after_ms: 700 };
    for frame in [Frame::Fault(fault), Frame::Notification] {
        assert_eq!(decode_response(&encode_response(&frame)), Ok(frame));
    }
}

#[test]
fn a_run_counts_the_values_its_decoder_counts() {
    let mut runner = proptest::test_runner::TestRunner::default();
    let counted = runner.run(&run(), |run| {
        let mut writer = Writer::new();
        encode_run(&mut writer, &run);
        let bytes = writer.into_bytes();
        let within = |values| decode_run(&mut Reader::bounded(&bytes, values)).map(drop);
        prop_assert_eq!(within(run.values()), Ok(()));
        prop_assert_eq!(within(run.values() - 1), Err(TOO_MANY));
        Ok(())
    });
    counted.expect("whatever the run is");
}

#[test]
fn a_page_of_more_values_than_a_page_may_hold_is_too_large_however_small_its_bytes() {
    let page = |changes: usize| {
        let runs = vec![Sent::Signed(dense(changes))];
        decode_request(&encode_request(&Request { runs, ..Request::default() })).map(drop)
    };
    let fits = limits::PAGE_VALUES / (limits::CHANGE_ENTRIES + 1);
    assert_eq!(page(fits), Ok(()));
    assert_eq!(page(fits + 1), Err(TOO_MANY));
}

#[test]
fn an_answer_of_more_values_than_a_document_may_hold_is_too_large_however_small_its_bytes() {
    let answer = |changes: usize| {
        let runs = vec![attest(dense(changes))];
        let response = Frame::Response(Box::new(Response { runs, ..Response::default() }));
        decode_response(&encode_response(&response)).map(drop)
    };
    let fits = limits::ANSWER_VALUES / (limits::CHANGE_ENTRIES + 1);
    assert_eq!(answer(fits), Ok(()));
    assert_eq!(answer(fits + 1), Err(TOO_MANY));
}

#[test]
fn a_full_document_of_the_shortest_runs_fits_into_one_answer() {
    let run = |number: u32| {
        let mut random = [1; 10];
        random[..4].copy_from_slice(&number.to_be_bytes());
        let actor = ActorId::new(1_700_000_000_000, random);
        let Ok(doc) = DocId::new(DocKind::Van, *actor.as_bytes()) else { panic!("an id") };
        let entries = vec![Entry::Field {
            section: section::DETAILS,
            key: key::KIND,
            value: Value::Null,
            replaces: Vec::new(),
        }];
        let change = Change { actor, seq: 1, after: Vec::new(), time: 1_800_000_000_000, entries };
        Run { doc, changes: vec![change], last_hash: ChangeHash([number as u8; 32]) }
    };
    let mut weight = 0;
    let whole = (0..).map(run).take_while(|run| {
        weight += run.changes.iter().map(Change::weight).sum::<usize>();
        weight <= limits::DOCUMENT_BYTES
    });
    let runs: Vec<_> = whole.map(attest).collect();
    assert!(runs.len() > limits::PAGE_RUNS, "{} runs", runs.len());
    let response = Frame::Response(Box::new(Response { runs, ..Response::default() }));
    assert_eq!(decode_response(&encode_response(&response)), Ok(response));
}

const TOO_MANY: WireError = WireError::TooLarge("number of values");

/// Changes as full of entries as may be: a byte each on the wire, a thousandth of that deflated.
fn dense(changes: usize) -> Run {
    let actor = ActorId::new(1_700_000_000_000, [1; 10]);
    let doc = DocId::new(DocKind::Job, *actor.as_bytes()).expect("an id");
    let section = Entry::Section { name: section::STATUS };
    let change = |seq| Change {
        actor,
        seq,
        after: Vec::new(),
        time: 0,
        entries: vec![section.clone(); limits::CHANGE_ENTRIES],
    };
    Run { doc, changes: (1..=changes as u64).map(change).collect(), last_hash: ChangeHash([0; 32]) }
}

fn attest(run: Run) -> Attested {
    let device = DeviceId::new(5, [2; 10]);
    let author = Author { user: Some(UserId::new(5, [1; 10])), device: Some(device) };
    Attested { run, author, receipt: [7; 16] }
}
