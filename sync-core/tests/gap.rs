//! Verdicts that no server should give: they harm the document they are about, and nothing else.

#![allow(clippy::expect_used, clippy::unwrap_used)]

mod scene;

use std::collections::BTreeMap;

use scene::phone_copy::{PhoneCopy, actor, from_desk, given, writer};
use sync_core::admission::{Attested, Verdict};
use sync_core::change::ChangeRef;
use sync_core::document::Refusal;
use sync_core::id::JobId;
use sync_core::schema::DocId;
use sync_core::sync::{Inbox, PushedVerdict, Replica, ReplicaStore, SyncStatus, take_in};

/// Documents in memory.
struct Shelf(BTreeMap<DocId, Replica>);

impl ReplicaStore for Shelf {
    type Error = Refusal;

    fn take(&mut self, doc: DocId) -> Result<Replica, Refusal> {
        Ok(self.0.get(&doc).cloned().unwrap_or_else(|| Replica::new(doc)))
    }

    fn waiting(&mut self) -> Result<Vec<DocId>, Refusal> {
        let waits = |it: &&Replica| it.held().iter().any(|row| row.status == SyncStatus::Waiting);
        Ok(self.0.values().filter(waits).map(|it| it.document().id()).collect())
    }
}

fn said(phone: &PhoneCopy, verdicts: &[Verdict]) -> Vec<PushedVerdict> {
    let waiting = phone.replica.held().iter().filter(|row| row.status == SyncStatus::Waiting);
    let of = |(row, verdict): (&sync_core::sync::StoredRun, &Verdict)| PushedVerdict {
        doc: row.run.doc,
        change: ChangeRef { actor: row.run.actor(), seq: row.run.last_seq() },
        orphaned: false,
        verdict: verdict.clone(),
    };
    waiting.zip(verdicts).map(of).collect()
}

#[test]
fn verdicts_that_leave_a_gap_are_left_and_the_rest_of_the_answer_is_stored() {
    let (desk, mut phone) = given();
    for id in 1..4 {
        phone.note(id);
    }
    let later = Verdict::Later { code: "busy".to_owned() };
    let verdicts = said(&phone, &[Verdict::Durable, later, Verdict::Durable]);
    assert_eq!(verdicts.len(), 3);
    // The same answer brings another job.
    let other = DocId::from(JobId::new(scene::NOON, [8; 10]));
    let moved = |mut attested: Attested| {
        attested.run.doc = other;
        attested
    };
    let runs = from_desk(&desk).into_iter().map(moved).collect();
    let doc = phone.replica.document().id();
    let mut shelf = Shelf(BTreeMap::from([(doc, phone.replica.clone())]));
    let inbox = Inbox { verdicts, runs, ..Inbox::default() };
    let mut next_n = phone.next_n;
    let taken = take_in(&mut shelf, &mut writer(&mut next_n, actor(1)), &inbox).expect("stored");
    assert_eq!(taken.left, [doc]);
    let changed: Vec<DocId> = taken.changed.iter().map(|(it, _)| it.document().id()).collect();
    assert_eq!(changed, [other]);
    for (replica, _) in &taken.changed {
        replica.settled_fingerprint().expect("it can be stored");
    }
}
