//! In which order a phone brings a document back: the words that give the right to work before the work.
//!
//! A server that lost a job judges own work anew, while what carries its receipt is taken as it is. Once
//! given, no word of the office takes away the right to have worked ([`crate::policy`]), so own work goes
//! behind whatever the server will believe, wherever that may stand before it.

use std::collections::BTreeMap;

use super::{Delta, LocalWriter, Replica, StoredRun, SyncStatus};
use crate::change::Run;
use crate::document::Refusal;
use crate::id::ActorId;
use crate::job::opens_a_job;

/// Own work that is held back: by actor and first number, the place in the queue.
type Places = BTreeMap<(ActorId, u64), usize>;

impl Replica {
    /// Puts what has to be sent into the order in which it has to be judged. What the server has stays
    /// where it is, ahead of it.
    pub(super) fn put_in_order(
        &mut self,
        writer: &mut LocalWriter<'_>,
        delta: &mut Delta,
    ) -> Result<(), Refusal> {
        let held = std::mem::take(&mut self.held);
        let (owed, mut held): (Vec<StoredRun>, Vec<_>) =
            held.into_iter().partition(|row| row.status.is_owed());
        let owed = receipts_first(owed);
        if owed.is_sorted_by_key(|row| row.n) {
            held.extend(owed);
            held.sort_by_key(|row| row.n);
            self.held = held;
            return Ok(());
        }
        for row in owed {
            delta.dropped.push(row.n);
            let row = StoredRun { n: writer.number(), ..row };
            delta.put.push(row.clone());
            held.push(row);
        }
        *self = Self::load(self.document.id(), held)?;
        delta.settle();
        Ok(())
    }
}

/// Own work behind everything else, but for what others follow, and for the walk-up that opens a job.
fn receipts_first(owed: Vec<StoredRun>) -> Vec<StoredRun> {
    let mut ordered = Vec::with_capacity(owed.len());
    let mut held_back: Vec<Option<StoredRun>> = Vec::new();
    let mut places = Places::new();
    let mut released = 0;
    for row in owed {
        crate::cost::step();
        let own = matches!(row.status, SyncStatus::Waiting | SyncStatus::Resend);
        if own && !opens_a_job(&row.run) {
            places.insert((row.run.actor(), row.run.first_seq()), held_back.len());
            held_back.push(Some(row));
            continue;
        }
        // What is orphaned follows nothing that is here: the server re-authors it.
        if row.status.is_in_document()
            && let Some(last) = follows(&row.run, &places)
        {
            for at in released..=last {
                ordered.extend(held_back[at].take());
            }
            released = released.max(last + 1);
        }
        ordered.push(row);
    }
    ordered.extend(held_back.into_iter().flatten());
    ordered
}

/// The last place held back that a run follows.
fn follows(run: &Run, places: &Places) -> Option<usize> {
    let after = run.changes.iter().flat_map(|change| &change.after);
    let after = after.map(|it| (it.actor, it.seq));
    let own = (run.actor(), run.first_seq());
    let last = after.chain([own]).filter_map(|(actor, seq)| {
        places.range((actor, 0)..=(actor, seq)).next_back().map(|(_, at)| *at)
    });
    last.max()
}
