//! How a phone takes in an answer and makes up a page: the same steps whatever its store is.

use std::collections::{BTreeMap, BTreeSet};

use super::frame::Sent;
use super::phone::events::Inbox;
use super::replica::{Delta, LocalWriter, Replica, StoredRun, SyncStatus};
use crate::admission::{Attested, Verdict};
use crate::change::{ChangeRef, Run};
use crate::document::Refusal;
use crate::limits;
use crate::schema::DocId;

/// Where a phone keeps its documents.
pub trait ReplicaStore {
    /// What can go wrong there.
    type Error: From<Refusal>;

    /// Takes a document out, to be changed. It is put back once the change is stored; if it is
    /// not, the next one to ask gets it as it is stored.
    fn take(&mut self, doc: DocId) -> Result<Replica, Self::Error>;

    /// Documents with own work that waits.
    fn waiting(&mut self) -> Result<Vec<DocId>, Self::Error>;
}

/// What an inbox changes, to be stored in one transaction.
#[derive(Debug, Default)]
pub struct Taken {
    /// The documents that changed, with what there is to store of each, in order.
    pub changed: Vec<(Replica, Vec<Delta>)>,
    /// The installation writes under the fresh actor from now on.
    pub rotated: bool,
    /// Documents into which what came does not fit. They are left as they were: the digests then
    /// differ, and the next exchange repairs them.
    pub left: Vec<DocId>,
}

/// What an inbox says about one document.
#[derive(Default)]
struct News {
    verdicts: Vec<(ChangeRef, Verdict)>,
    orphaned: Vec<(ChangeRef, Verdict)>,
    runs: Vec<Attested>,
    whole: bool,
    lost: bool,
}

/// Takes an inbox in: verdicts first, then what is new, then what the server has lost.
///
/// # Errors
/// What the store says; then nothing of it may be stored.
pub fn take_in<S: ReplicaStore>(
    store: &mut S,
    writer: &mut LocalWriter<'_>,
    inbox: &Inbox,
) -> Result<Taken, S::Error> {
    let mut taken = Taken::default();
    for (doc, news) in sort(inbox) {
        let mut replica = store.take(doc)?;
        // What the server has must make a document by itself: verdicts that leave a gap do not.
        let deltas = news.take_in(&mut replica, writer);
        match deltas.and_then(|deltas| replica.settled_fingerprint().map(|_| deltas)) {
            Ok(deltas) => taken.changed.push((replica, deltas)),
            Err(_) => taken.left.push(doc),
        }
    }
    if inbox.renew {
        renew(store, writer, &mut taken)?;
    }
    let mut deltas = taken.changed.iter().flat_map(|(_, deltas)| deltas);
    taken.rotated = inbox.renew || deltas.any(|delta| delta.rotated);
    Ok(taken)
}

/// Writes everything that waits again under the fresh actor, beside what changed already.
fn renew<S: ReplicaStore>(
    store: &mut S,
    writer: &mut LocalWriter<'_>,
    taken: &mut Taken,
) -> Result<(), S::Error> {
    let touched: BTreeSet<DocId> =
        taken.changed.iter().map(|(replica, _)| replica.document().id()).collect();
    for doc in store.waiting()? {
        if !touched.contains(&doc) {
            taken.changed.push((store.take(doc)?, Vec::new()));
        }
    }
    for (replica, deltas) in &mut taken.changed {
        deltas.push(replica.renew(writer)?);
    }
    Ok(())
}

impl News {
    fn take_in(
        &self,
        replica: &mut Replica,
        writer: &mut LocalWriter<'_>,
    ) -> Result<Vec<Delta>, Refusal> {
        let mut deltas = Vec::new();
        if !self.verdicts.is_empty() {
            deltas.push(replica.settle(writer, &self.verdicts)?);
        }
        if !self.orphaned.is_empty() {
            deltas.push(replica.let_go(&self.orphaned));
        }
        if !self.runs.is_empty() || self.whole {
            deltas.push(replica.take(writer, &self.runs, self.whole)?);
        }
        if self.lost {
            deltas.push(replica.lost(writer));
        }
        Ok(deltas)
    }
}

fn sort(inbox: &Inbox) -> BTreeMap<DocId, News> {
    let mut sorted: BTreeMap<DocId, News> = BTreeMap::new();
    for pushed in &inbox.verdicts {
        let news = sorted.entry(pushed.doc).or_default();
        let of = if pushed.orphaned { &mut news.orphaned } else { &mut news.verdicts };
        of.push((pushed.change, pushed.verdict.clone()));
    }
    for attested in &inbox.runs {
        sorted.entry(attested.run.doc).or_default().runs.push(attested.clone());
    }
    for doc in &inbox.whole {
        sorted.entry(*doc).or_default().whole = true;
    }
    for doc in &inbox.lost {
        sorted.entry(*doc).or_default().lost = true;
    }
    sorted
}

/// Joins rows in local order into runs to send: consecutive changes of one document become one.
///
/// A run stands where its first change stood, so it may move later changes of a document ahead
/// of other documents, never ahead of what they follow in their own.
pub fn join(held: Vec<StoredRun>) -> Vec<Sent> {
    let mut sent: Vec<Sent> = Vec::new();
    for StoredRun { run, author, status, .. } in held {
        match status {
            SyncStatus::Lost(receipt) | SyncStatus::Attested(receipt) => {
                sent.push(Sent::Relayed(Attested { run, author, receipt }));
                continue;
            }
            SyncStatus::Orphaned(receipt) => {
                sent.push(Sent::Orphaned(Attested { run, author, receipt }));
                continue;
            }
            SyncStatus::Waiting | SyncStatus::Durable | SyncStatus::Resend => {}
        }
        let last = sent.iter_mut().rev().find(|other| other.run().doc == run.doc);
        match last {
            Some(Sent::Signed(last)) if follows(last, &run) => {
                last.changes.extend(run.changes);
                last.last_hash = run.last_hash;
            }
            _ => sent.push(Sent::Signed(run)),
        }
    }
    sent
}

fn follows(last: &Run, next: &Run) -> bool {
    last.actor() == next.actor()
        && last.last_seq() + 1 == next.first_seq()
        && last.changes.len() + next.changes.len() <= limits::RUN_CHANGES
}
