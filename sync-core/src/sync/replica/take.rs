//! What the server sent into what a phone holds, even where the two do not fit.

use std::collections::{BTreeMap, BTreeSet};

use super::{Delta, LocalWriter, Replica, StoredRun, SyncStatus};
use crate::admission::{Attested, Replayed, replay};
use crate::change::{ChangeRef, Run};
use crate::document::{Document, Refusal};
use crate::id::ActorId;

/// How often in one rebase a run may come in by half: each time the document is made again, and only
/// a server that lies about runs of several changes brings one.
const TORN: usize = 8;

/// Rows by actor and first number, each with its place among what is held.
type Unconfirmed = BTreeSet<(ActorId, u64, usize)>;

impl Replica {
    /// Takes in what the server sent for this document. With `whole`, that is all the server
    /// has, and what is held beyond it was lost there.
    pub fn take(
        &mut self,
        writer: &mut LocalWriter<'_>,
        runs: &[Attested],
        whole: bool,
    ) -> Result<Delta, Refusal> {
        if !whole {
            let mut delta = self.join(writer, runs)?;
            delta.settle();
            return Ok(delta);
        }
        let before = self.held.clone();
        let joined = self.join(writer, runs).map(|mut delta| {
            self.mark_lost(writer, runs, &mut delta);
            delta.settle();
            delta
        });
        joined.or_else(|_| self.rebase(writer, before, runs, &[]))
    }

    /// Takes in runs on top of what is held.
    fn join(&mut self, writer: &mut LocalWriter<'_>, runs: &[Attested]) -> Result<Delta, Refusal> {
        let mut delta = Delta::default();
        let mut base: Option<Document> = None;
        let mut unconfirmed = self.unconfirmed();
        for attested in runs {
            let Attested { run, author, receipt } = attested;
            let target = base.as_mut().unwrap_or(&mut self.document);
            let own = run.actor() == writer.actor;
            let replayed = match replay(target, run, *author) {
                Err(Refusal::Fork) if base.is_none() => {
                    // Another copy of this phone wrote under our numbers: its work stands, and
                    // what waits here is written again on top of it.
                    let mut durable = self.without_waiting()?;
                    let replayed = replay(&mut durable, run, *author)?;
                    base = Some(durable);
                    replayed
                }
                other => other?,
            };
            // Once another copy's history was met, the same numbers mean other work.
            if base.is_none() {
                self.confirm(run, &mut unconfirmed, &mut delta);
            }
            match replayed {
                Replayed::Known => {}
                Replayed::New(_) => {
                    delta.rotated |= own;
                    let status = SyncStatus::Attested(*receipt);
                    let (run, author) = (run.clone(), *author);
                    let row = StoredRun { n: writer.number(), run, author, status };
                    self.held.push(row.clone());
                    delta.put.push(row);
                }
            }
        }
        if delta.rotated || base.is_some() {
            delta.rotated = true;
            self.rewrite(writer, writer.fresh_actor, &mut delta)?;
        }
        Ok(delta)
    }

    /// The server sent what is here without a verdict: it has it. Others' work may follow it, so
    /// it must not stand as if it were still to be taken.
    fn confirm(&mut self, run: &Run, unconfirmed: &mut Unconfirmed, delta: &mut Delta) {
        let (actor, last) = (run.actor(), run.last_seq());
        let within = (actor, run.first_seq(), 0)..=(actor, last, usize::MAX);
        let found = unconfirmed.range(within).copied();
        let found: Vec<(ActorId, u64, usize)> =
            found.filter(|(.., at)| self.held[*at].is_up_to(last)).collect();
        for key in found {
            unconfirmed.remove(&key);
            let row = &mut self.held[key.2];
            row.status = match row.status {
                SyncStatus::Waiting | SyncStatus::Resend => SyncStatus::Durable,
                SyncStatus::Lost(receipt) => SyncStatus::Attested(receipt),
                SyncStatus::Durable | SyncStatus::Attested(_) | SyncStatus::Orphaned(_) => continue,
            };
            delta.put.push(row.clone());
        }
    }

    /// Rows the server has not confirmed, by actor and first number, each with its place.
    fn unconfirmed(&self) -> Unconfirmed {
        let rows = self.held.iter().enumerate();
        let rows = rows.filter(|(_, row)| row.status.is_in_document() && row.status.is_owed());
        rows.map(|(at, row)| (row.run.actor(), row.run.first_seq(), at)).collect()
    }

    /// Starts again from what the server has, because it does not fit what is held: a restored
    /// server lost acknowledged work, and another copy of this phone filled the gap with other
    /// work under the same numbers. What still fits is brought back as it is. Own work that does
    /// not waits again to be re-authored, its facts under their ids. Others' work that does not is
    /// handed to the server with its receipt, to be re-authored there. None of it is dropped.
    /// Rows in `taken` do not fit, since the server has other work under their numbers that it did
    /// not send: the document need not be in this phone's scope any more.
    pub(super) fn rebase(
        &mut self,
        writer: &mut LocalWriter<'_>,
        held: Vec<StoredRun>,
        server_has: &[Attested],
        taken: &[u64],
    ) -> Result<Delta, Refusal> {
        let mut document = Document::new(self.document.id());
        let mut rows = Vec::new();
        for Attested { run, author, receipt } in server_has {
            replay(&mut document, run, *author)?;
            let status = SyncStatus::Attested(*receipt);
            rows.push(StoredRun { n: writer.number(), run: run.clone(), author: *author, status });
        }
        let taken: BTreeSet<u64> = taken.iter().copied().collect();
        let mut torn = 0;
        let mut delta = Delta { rotated: true, ..Delta::default() };
        delta.dropped.extend(held.iter().map(|row| row.n));
        let mut left = Vec::new();
        for row in held {
            let last = ChangeRef { actor: row.run.actor(), seq: row.run.last_seq() };
            if document.hash_of(&last) == Some(row.run.last_hash) {
                continue;
            }
            let before = document.changes().len();
            let fits = row.status != SyncStatus::Waiting
                && !taken.contains(&row.n)
                && (torn < TORN || row.run.changes.len() == 1)
                && replay(&mut document, &row.run, row.author).is_ok();
            if !fits && document.changes().len() > before {
                // A part of the run came in before the rest did not fit.
                torn += 1;
                document = Document::new(self.document.id());
                for StoredRun { run, author, .. } in &rows {
                    replay(&mut document, run, *author)?;
                }
            }
            match row.status {
                SyncStatus::Durable | SyncStatus::Resend if fits => {
                    rows.push(StoredRun { n: writer.number(), status: SyncStatus::Resend, ..row });
                }
                SyncStatus::Attested(receipt)
                | SyncStatus::Lost(receipt)
                | SyncStatus::Orphaned(receipt)
                    if fits =>
                {
                    let status = SyncStatus::Lost(receipt);
                    rows.push(StoredRun { n: writer.number(), status, ..row });
                }
                SyncStatus::Waiting | SyncStatus::Durable | SyncStatus::Resend => {
                    left.push(row);
                    continue;
                }
                // Others' work that follows what is gone: this phone may not write in their names,
                // so it brings the receipt, and the server re-authors it.
                SyncStatus::Attested(receipt)
                | SyncStatus::Lost(receipt)
                | SyncStatus::Orphaned(receipt) => {
                    left.push(StoredRun { status: SyncStatus::Orphaned(receipt), ..row });
                    continue;
                }
            }
        }
        delta.put.extend(rows.iter().cloned());
        self.document = document;
        self.held = rows;
        self.put_again(writer, writer.fresh_actor, left, &mut delta);
        Ok(delta)
    }

    pub(super) fn mark_lost(
        &mut self,
        writer: &mut LocalWriter<'_>,
        server_has: &[Attested],
        delta: &mut Delta,
    ) {
        // Of each actor the numbers that are there, as ranges that do not meet.
        let mut there: BTreeMap<ActorId, BTreeMap<u64, u64>> = BTreeMap::new();
        for Attested { run, .. } in server_has {
            let ranges = there.entry(run.actor()).or_default();
            let last = ranges.entry(run.first_seq()).or_default();
            *last = run.last_seq().max(*last);
        }
        for ranges in there.values_mut() {
            let mut joined: BTreeMap<u64, u64> = BTreeMap::new();
            for (first, last) in std::mem::take(ranges) {
                match joined.last_entry() {
                    Some(mut before) if first <= before.get().saturating_add(1) => {
                        let whole = last.max(*before.get());
                        before.insert(whole);
                    }
                    _ => drop(joined.insert(first, last)),
                }
            }
            *ranges = joined;
        }
        let has = |run: &Run| {
            crate::cost::step();
            let ranges = there.get(&run.actor());
            let before = ranges.and_then(|it| it.range(..=run.first_seq()).next_back());
            before.is_some_and(|(_, last)| run.last_seq() <= *last)
        };
        for row in &mut self.held {
            if has(&row.run) {
                continue;
            }
            row.status = match row.status {
                SyncStatus::Durable => SyncStatus::Resend,
                SyncStatus::Attested(receipt) => SyncStatus::Lost(receipt),
                waiting => waiting,
            };
            delta.put.push(row.clone());
        }
        self.put_in_order(writer, delta);
    }
}
