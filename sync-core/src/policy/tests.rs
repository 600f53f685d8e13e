//! The policy's promises beyond the table: what only history or the rest of a change can decide.

use super::{Denied, Principal, Role, decide, decide_change};
use crate::change::Entry;
use crate::document::{Author, Document};
use crate::id::{ActorId, FactId, JobId, UserId, VanId};
use crate::schema::{DocId, Key, Section, key, section};
use crate::scope::{Member, members};
use crate::value::{Record, Value};

const NOW: i64 = 1_790_000_000_000;

fn user(who: u8) -> UserId {
    UserId::new(NOW, [who; 10])
}

fn technician(who: u8) -> Principal {
    Principal { user: user(who), role: Role::Technician }
}

fn id(id: UserId) -> Value {
    Value::Bytes(id.as_bytes().to_vec())
}

fn fact(section: Section, number: u8, record: &[(Key, Value)]) -> Entry {
    let record: Record = record.iter().cloned().collect();
    Entry::Fact { section, id: FactId::new(NOW, [number; 10]), record }
}

fn write(document: &mut Document, who: u8, entries: Vec<Entry>) {
    let actor = ActorId::new(NOW, [who; 10]);
    let rebuilt = document.author(actor, NOW, entries).expect("the change builds");
    document.apply(rebuilt, Author::desk(user(who)));
}

fn assign(number: u8, epoch: i64, who: u8) -> Entry {
    let record = [
        (key::KIND, "assign".into()),
        (key::EPOCH, epoch.into()),
        (key::TECHNICIAN, id(user(who))),
    ];
    fact(section::ASSIGNMENT, number, &record)
}

fn step(number: u8, kind: &str, epoch: i64) -> Entry {
    fact(section::STATUS, number, &[(key::KIND, kind.into()), (key::EPOCH, epoch.into())])
}

fn job() -> Document {
    Document::new(DocId::from(JobId::new(NOW, [1; 10])))
}

fn code(result: Result<(), Denied>) -> &'static str {
    result.expect_err("denied").code
}

#[test]
fn a_technician_keeps_writing_under_the_epoch_that_was_theirs_after_reassignment() {
    let mut job = job();
    write(&mut job, 9, vec![assign(1, 1, 1)]);
    write(&mut job, 9, vec![assign(2, 2, 2)]);
    assert_eq!(decide(&technician(1), &job, &step(3, "completed", 1)), Ok(()));
    assert_eq!(code(decide(&technician(1), &job, &step(3, "completed", 2))), "epoch_not_yours");
    assert_eq!(code(decide(&technician(3), &job, &step(3, "completed", 1))), "job_not_yours");
    let both = [Member { user: user(1), current: false }, Member { user: user(2), current: true }];
    assert_eq!(members(&job), both);
}

#[test]
fn a_walk_up_opens_a_new_job_for_the_rest_of_its_change_and_for_its_author_after() {
    let mut job = job();
    let walk_up = fact(section::STATUS, 1, &[(key::KIND, "walk_up".into())]);
    let note = fact(section::NOTES, 2, &[(key::TEXT, "waving at the exit".into())]);
    let change = [walk_up.clone(), step(3, "on_scene", 0), note.clone()];
    assert_eq!(decide_change(&technician(1), &job, &change), Ok(()));
    assert_eq!(
        code(decide_change(&technician(1), &job, &[note.clone(), walk_up.clone()])),
        "job_not_yours"
    );
    write(&mut job, 1, vec![walk_up.clone()]);
    assert_eq!(decide(&technician(1), &job, &step(3, "working", 0)), Ok(()));
    let second = fact(section::STATUS, 4, &[(key::KIND, "walk_up".into())]);
    assert_eq!(code(decide(&technician(1), &job, &second)), "walk_up_not_new");
    assert_eq!(decide(&technician(1), &job, &walk_up), Ok(()), "said again, it does nothing");
    assert_eq!(code(decide(&technician(2), &job, &walk_up)), "walk_up_not_new");
    assert_eq!(code(decide(&technician(2), &job, &note)), "job_not_yours");
    assert_eq!(members(&job), [Member { user: user(1), current: true }]);
}

#[test]
fn a_technician_takes_back_only_what_they_recorded() {
    let mut job = job();
    write(&mut job, 9, vec![assign(1, 1, 1), assign(2, 1, 2)]);
    write(&mut job, 1, vec![fact(section::PARTS, 3, &[(key::PART_NO, "H7".into())])]);
    let voids = |number| {
        let target = FactId::new(NOW, [number; 10]);
        fact(section::PARTS, 4, &[(key::VOIDS, Value::Bytes(target.as_bytes().to_vec()))])
    };
    assert_eq!(decide(&technician(1), &job, &voids(3)), Ok(()));
    assert_eq!(code(decide(&technician(2), &job, &voids(3))), "fact_not_yours");
    assert_eq!(code(decide(&technician(1), &job, &voids(5))), "fact_unknown");
    let manager = Principal { user: user(8), role: Role::Manager };
    assert_eq!(decide(&manager, &job, &voids(3)), Ok(()));
}

#[test]
fn yesterdays_driver_still_hands_in_the_stock_they_moved() {
    let mut van = Document::new(DocId::from(VanId::new(NOW, [1; 10])));
    for who in [1, 2] {
        let entry = van.set(section::DETAILS, key::TECHNICIAN, id(user(who)));
        write(&mut van, 9, vec![entry]);
    }
    let load = fact(section::MOVEMENTS, 1, &[(key::KIND, "load".into())]);
    assert_eq!(decide(&technician(1), &van, &load), Ok(()));
    assert_eq!(decide(&technician(2), &van, &load), Ok(()));
    assert_eq!(code(decide(&technician(3), &van, &load)), "van_not_yours");
    let both = [Member { user: user(1), current: false }, Member { user: user(2), current: true }];
    assert_eq!(members(&van), both);
}

#[test]
fn a_recalled_or_declining_technician_is_released() {
    let mut job = job();
    write(&mut job, 9, vec![assign(1, 1, 1)]);
    let declined =
        [(key::KIND, "declined".into()), (key::EPOCH, 1.into()), (key::REASON, "too_far".into())];
    write(&mut job, 1, vec![fact(section::STATUS, 2, &declined)]);
    assert_eq!(members(&job), [Member { user: user(1), current: false }]);
    write(&mut job, 9, vec![assign(3, 2, 1)]);
    assert_eq!(members(&job), [Member { user: user(1), current: true }]);
    let recall = [(key::KIND, "recall".into()), (key::EPOCH, 3.into())];
    write(&mut job, 9, vec![fact(section::ASSIGNMENT, 4, &recall)]);
    assert_eq!(members(&job), [Member { user: user(1), current: false }]);
}
