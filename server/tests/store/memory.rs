//! What the store in memory promises beyond the suite: its disk fails, and nothing answered is lost.

use crate::people::{Desk, NOW, job, note, random, tenant};
use store::StoreError;
use store::in_memory::{Database, Node, Sampled};
use store::writer::Expect;
use sync_core::id::ActorId;
use sync_core::schema::{DocId, section};

fn node(database: &Database) -> Node {
    Node::start(database, ActorId::new(NOW, random()), 1 << 20)
}

/// Writes a note as the desk.
fn write(node: &mut Node, desk: &Desk, doc: DocId, text: &str) -> Result<i64, StoreError> {
    let request = desk.request(doc, Expect::Any);
    let edited = node.edit::<(), _>(request, |_| Ok(vec![note(text)]))?;
    Ok(edited.unwrap().pos)
}

fn notes(node: &Node, desk: &Desk, doc: DocId) -> usize {
    let standing = node.document(desk.tenant, doc).unwrap();
    standing.map_or(0, |standing| standing.document.facts(&section::NOTES).count())
}

#[test]
fn whatever_the_disk_does_what_was_answered_is_there_and_positions_are_not_given_twice() {
    for seed in 0..60_u64 {
        let mut state = seed;
        let mut draw = || {
            state =
                state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
            state >> 33
        };
        let database = Database::new(1, [3; 32]);
        let (mut one, mut two) = (node(&database), node(&database));
        let (desk, doc) = (Desk::new(tenant()), DocId::from(job()));
        let (mut answered, mut last) = (0, 0);
        for round in 0..30 {
            match draw() % 6 {
                0 => database.disk(|disk| disk.fail_syncs(1)),
                1 => database.disk(|disk| disk.limit(Some((draw() % 200) as usize))),
                _ => {}
            }
            let at = if draw() % 2 == 0 { &mut one } else { &mut two };
            match write(at, &desk, doc, &format!("round {round}")) {
                Ok(pos) => {
                    assert!(pos > last, "seed {seed}");
                    (answered, last) = (answered + 1, pos);
                }
                Err(error) => assert!(error.is_retryable(), "seed {seed}: {error}"),
            }
            if draw() % 3 == 0 || database.is_broken() {
                database.disk(|disk| {
                    disk.limit(None);
                    disk.fail_syncs(0);
                });
                database.crash(&mut draw);
                let there = notes(&two, &desk, doc);
                assert!(there >= answered, "seed {seed}: {there} of {answered}");
            }
        }
        database.disk(|disk| {
            disk.limit(None);
            disk.fail_syncs(0);
        });
        database.crash(&mut draw);
        write(&mut one, &desk, doc, "last").unwrap();
        let report = one.verify(Sampled::All).unwrap();
        assert!(report.is_clean(), "seed {seed}: {report}");
    }
}

#[test]
fn a_backup_comes_back_with_another_epoch_and_the_same_receipts() {
    let database = Database::new(1, [3; 32]);
    let mut first = node(&database);
    let desk = Desk::new(tenant());
    let doc = DocId::from(job());
    write(&mut first, &desk, doc, "before").unwrap();
    let backup = database.backup();
    write(&mut first, &desk, doc, "after").unwrap();
    let runs = first.runs(desk.tenant, doc).unwrap();
    let restored = Database::restore(&backup, 2);
    let again = node(&restored);
    assert_eq!((again.epoch(), notes(&again, &desk, doc)), (2, 1));
    assert_eq!(again.runs(desk.tenant, doc).unwrap()[0].run, runs[0].run);
    restored.crash(|| 0);
    assert_eq!(restored.epoch(), 2, "the new epoch is on the disk");
    assert!(again.verify(Sampled::All).unwrap().is_clean());
}
