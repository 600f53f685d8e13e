//! Who sets a field names the values that give way to the new one: each must be there.

#![allow(clippy::expect_used)]

mod scene;

use ed25519_dalek::{Signer as _, SigningKey};
use scene::{Hand, NOON, a_job, assigned, meet};
use sync_core::admission::{Received, RefusedBefore, Verdict, admit, push_message};
use sync_core::change::{Change, Entry, OpId};
use sync_core::document::{Document, FieldValue};
use sync_core::id::{ActorId, DeviceId};
use sync_core::limits;
use sync_core::policy::Role;
use sync_core::schema::{key, section};

const CODE: &str = "unknown_replaced_value";

/// A desk, which may set fields, over a job whose problem was set twice and whose plate once.
fn desk() -> Hand {
    let (mut desk, _) = assigned();
    desk.set(section::INTAKE, key::PROBLEM, "flat_tyre");
    desk.set(section::INTAKE, key::PLATE, "ABC-1234");
    desk
}

fn problem(replaces: Vec<OpId>) -> Entry {
    Entry::Field { section: section::INTAKE, key: key::PROBLEM, value: "fuel".into(), replaces }
}

/// What of a document would show that a change reached it.
fn state(document: &Document) -> (u64, usize, Vec<FieldValue>) {
    let values = document.field_history(&section::INTAKE, &key::PROBLEM).to_vec();
    (document.fingerprint(), document.changes().len(), values)
}

/// Lists of values of which at least one was never set on this field, and one that is too long.
fn lies() -> Vec<(&'static str, Vec<OpId>)> {
    let document = desk().document;
    let op = |key| document.field_values(&section::INTAKE, &key).first().expect("it is set").op;
    let standing = op(key::PROBLEM);
    let at = |counter| OpId { counter, ..standing };
    let of = |actor| OpId { actor, ..standing };
    vec![
        ("operation 0", vec![at(0)]),
        ("operation 2^32", vec![at(1 << 32)]),
        ("operation 2^64 - 1", vec![at(u64::MAX)]),
        ("an actor that wrote nothing", vec![of(ActorId::new(NOON, [77; 10]))]),
        ("the actor of the genesis", vec![of(ActorId::GENESIS)]),
        ("a value of another field", vec![op(key::PLATE)]),
        ("one that was never set beside one that was", vec![standing, at(1 << 32)]),
        ("more values than a field may replace", vec![standing; limits::FIELD_REPLACES + 1]),
    ]
}

#[test]
fn a_desk_that_replaces_a_value_nobody_set_is_refused_and_the_document_stays() {
    for (lie, replaces) in lies() {
        let mut desk = desk();
        let before = state(&desk.document);
        let refused = desk.attempt(vec![problem(replaces)]).expect_err(lie);
        assert_eq!(refused.code(), CODE, "{lie}");
        assert_eq!(state(&desk.document), before, "{lie}");
        // It was the lie that was refused: the same desk may set the same field.
        desk.set(section::INTAKE, key::PROBLEM, "fuel");
    }
}

#[test]
fn the_server_gives_the_same_refusal_to_who_may_set_fields_and_the_document_stays() {
    let (device, key) = (DeviceId::new(NOON, [5; 10]), SigningKey::from_bytes(&[5; 32]));
    for (lie, replaces) in lies() {
        let Hand { mut document, caller, .. } = desk();
        let actor = ActorId::new(NOON, [78; 10]);
        let entries = vec![problem(replaces)];
        let change = Change { actor, seq: 1, after: Vec::new(), time: NOON, entries };
        let run = document.run(vec![change]).expect("it can be hashed");
        let signature = key.sign(&push_message(device, [&run].into_iter())).to_bytes();
        let push = vec![Received(run)];
        let push = Received::verify(push, &signature, &key.verifying_key(), caller.user, device);
        let verified = push.expect("it is signed").pop().expect("one run");

        let before = state(&document);
        let admission = admit(&mut document, verified, &caller, None, &RefusedBefore::new());
        let [Verdict::Refused { code, .. }] = admission.verdicts.as_slice() else {
            panic!("{lie}: {:?}", admission.verdicts);
        };
        assert_eq!(code, CODE, "{lie}");
        assert!(admission.admitted.is_none(), "{lie}");
        assert_eq!(state(&document), before, "{lie}");
    }
}

#[test]
fn two_desks_may_replace_the_same_value_without_knowing_of_each_other() {
    let mut one = desk();
    let mut other = Hand::new(a_job(), 101, Role::Dispatcher);
    meet(&mut one, &mut other);
    let standing = one.document.field_values(&section::INTAKE, &key::PROBLEM);
    let replaces: Vec<OpId> = standing.iter().map(|value| value.op).collect();
    one.write(vec![problem(replaces.clone())]);
    other.write(vec![problem(replaces)]);
    // What one of them replaced gave way already where the other's comes in.
    meet(&mut one, &mut other);
    assert_eq!(state(&one.document).0, state(&other.document).0);
    assert_eq!(one.document.field_values(&section::INTAKE, &key::PROBLEM).len(), 2);
}
