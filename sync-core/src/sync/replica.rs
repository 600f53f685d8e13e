//! One document as a phone holds it: what the server has, and the phone's own work on top.
//!
//! Every rule of keeping work safe is here: what a verdict does to a change, how refused work is
//! taken out without touching the rest, how a restored copy of a phone re-authors its work, and
//! what is brought back to a server that lost it. The engine only stores what [`Delta`] says.

mod order;
mod row;
mod take;

pub use row::{Delta, LocalWriter, RefusedWork, StoredRun, SyncStatus};

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::admission::{ACTOR_NOT_YOURS, RecordError, Verdict, record, replay};
use crate::change::{Change, ChangeRef, Entry, Run};
use crate::codes;
use crate::document::{Author, ChangeHash, Document, Refusal};
use crate::id::ActorId;
use crate::policy::Principal;
use crate::schema::DocId;

/// A document with its rows.
#[derive(Debug, Clone)]
pub struct Replica {
    document: Document,
    held: Vec<StoredRun>,
}

impl Replica {
    /// A document nobody here has seen yet.
    pub fn new(doc: DocId) -> Self {
        Self { document: Document::new(doc), held: Vec::new() }
    }

    /// Rebuilds a document from its rows, in order of `n`.
    pub fn load(doc: DocId, held: Vec<StoredRun>) -> Result<Self, Refusal> {
        let mut document = Document::new(doc);
        for row in held.iter().filter(|row| row.status.is_in_document()) {
            replay(&mut document, &row.run, row.author)?;
        }
        Ok(Self { document, held })
    }

    /// The document with everything, waiting work included.
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// The rows, in order of `n`.
    pub fn held(&self) -> &[StoredRun] {
        &self.held
    }

    /// Saves own work; the row is durable on this phone once the delta is.
    pub fn record(
        &mut self,
        writer: &mut LocalWriter<'_>,
        time: i64,
        principal: &Principal,
        author: Author,
        entries: Vec<Entry>,
    ) -> Result<Delta, RecordError> {
        let run = record(&mut self.document, writer.actor, time, principal, author, entries)?;
        let row = StoredRun { n: writer.number(), run, author, status: SyncStatus::Waiting };
        self.held.push(row.clone());
        Ok(Delta { put: vec![row], ..Delta::default() })
    }

    /// Acts on verdicts for changes that are in this document. What is refused leaves it and is given
    /// back with its reason, also what the server had and lost.
    pub fn settle(
        &mut self,
        writer: &mut LocalWriter<'_>,
        verdicts: &[(ChangeRef, Verdict)],
    ) -> Result<Delta, Refusal> {
        let mut delta = Delta::default();
        let mut rewrite = None;
        let (mut gone, mut taken) = (BTreeSet::new(), Vec::new());
        let mut moved = BTreeSet::new();
        let places = self.places(SyncStatus::is_in_document);
        for (change, verdict) in verdicts {
            let place = places.get(change).and_then(|places| places.front());
            let Some(row) = place.and_then(|at| self.held.get_mut(*at)) else { continue };
            match verdict {
                Verdict::Durable => {
                    row.status = match row.status {
                        SyncStatus::Waiting | SyncStatus::Resend => SyncStatus::Durable,
                        SyncStatus::Lost(receipt) => SyncStatus::Attested(receipt),
                        settled => settled,
                    };
                    moved.insert(row.n);
                }
                Verdict::Missing(_) | Verdict::Later { .. } => {}
                // The numbers are someone else's now: what waits, and what the server had and has
                // lost, is re-authored under numbers of its own.
                _ if is_taken(verdict)
                    && matches!(row.status, SyncStatus::Waiting | SyncStatus::Resend) =>
                {
                    row.status = SyncStatus::Waiting;
                    delta.rotated = true;
                    rewrite = Some(writer.fresh_actor);
                }
                // So are those of others' work, which only the server can re-author. What it refuses
                // as it is goes the same way once: the server then has it, or keeps why it never will.
                Verdict::Fork | Verdict::Refused { .. } | Verdict::Reauthor
                    if matches!(row.status, SyncStatus::Lost(_)) =>
                {
                    taken.push(row.n);
                }
                // The server had it and has lost it, and would take it no more. Others may hold it still,
                // so its numbers, and those of what it holds up, are used by nothing else.
                Verdict::Refused { .. } | Verdict::Reauthor
                    if matches!(row.status, SyncStatus::Resend) =>
                {
                    row.status = SyncStatus::Waiting;
                    delta.rotated = true;
                    rewrite = Some(writer.fresh_actor);
                    if let Verdict::Refused { code, sentence } = verdict
                        && gone.insert(row.n)
                    {
                        delta.refused.extend(refused(&row.run, code, sentence));
                    }
                }
                _ if row.status != SyncStatus::Waiting => {}
                Verdict::Refused { code, sentence } => {
                    if gone.insert(row.n) {
                        delta.refused.extend(refused(&row.run, code, sentence));
                    }
                    rewrite.get_or_insert(writer.actor);
                }
                Verdict::Reauthor | Verdict::Fork => {
                    rewrite.get_or_insert(writer.actor);
                }
            }
        }
        self.held.retain(|row| !gone.contains(&row.n));
        delta.dropped.extend(&gone);
        delta.put.extend(self.held.iter().filter(|row| moved.contains(&row.n)).cloned());
        if rewrite.is_none() && taken.is_empty() {
            return Ok(delta);
        }
        let before = self.held.clone();
        let done = match rewrite {
            // It fails if others' work follows what has to be re-authored.
            Some(actor) if taken.is_empty() => self.rewrite(writer, actor, &mut delta).is_ok(),
            _ => false,
        };
        if !done {
            let rebased = self.rebase(writer, before, &[], &taken)?;
            delta.dropped.extend(rebased.dropped);
            delta.refused.extend(rebased.refused);
            delta.put = rebased.put;
            delta.rotated = true;
        }
        delta.settle();
        Ok(delta)
    }

    /// Acts on verdicts for what was orphaned. The server has it, or has kept why it never will, and
    /// nothing can be done here; a run of which something has to wait is kept whole. What a server
    /// says it never had is nowhere else, and moves to the refused list.
    pub fn let_go(&mut self, verdicts: &[(ChangeRef, Verdict)]) -> Delta {
        let (mut gone, mut waits) = (BTreeSet::new(), BTreeSet::new());
        let mut places = self.places(|status| !status.is_in_document());
        let mut unknown: BTreeMap<u64, &str> = BTreeMap::new();
        for (change, verdict) in verdicts {
            // Several may stand under one number; each verdict is about the next of them.
            let next = places.get_mut(change).and_then(|places| places.pop_front());
            let Some(row) = next.and_then(|at| self.held.get(at)) else { continue };
            gone.insert(row.n);
            if matches!(verdict, Verdict::Missing(_) | Verdict::Later { .. }) {
                waits.insert(row.n);
            }
            if let Verdict::Refused { code, sentence } = verdict
                && code == codes::RECEIPT_NOT_GENUINE.word
            {
                unknown.insert(row.n, sentence);
            }
        }
        gone.retain(|n| !waits.contains(n));
        let rows = self.held.iter().filter(|row| gone.contains(&row.n));
        let code = codes::RECEIPT_NOT_GENUINE.word;
        let kept = rows.filter_map(|row| Some(refused(&row.run, code, unknown.get(&row.n)?)));
        let refused = kept.flatten().collect();
        self.held.retain(|row| !gone.contains(&row.n));
        Delta { dropped: gone.into_iter().collect(), refused, ..Delta::default() }
    }

    /// Where what has such a status stands among what is held, by its changes.
    fn places(&self, which: impl Fn(SyncStatus) -> bool) -> BTreeMap<ChangeRef, VecDeque<usize>> {
        let mut places: BTreeMap<ChangeRef, VecDeque<usize>> = BTreeMap::new();
        for (at, row) in self.held.iter().enumerate().filter(|(_, row)| which(row.status)) {
            for change in &row.run.changes {
                crate::cost::step();
                let change = ChangeRef { actor: change.actor, seq: change.seq };
                places.entry(change).or_default().push_back(at);
            }
        }
        places
    }

    /// Writes what waits again under the fresh actor: this store was restored from a copy or the
    /// server from a backup, and another copy may still write under the old one.
    pub fn renew(&mut self, writer: &mut LocalWriter<'_>) -> Result<Delta, Refusal> {
        let mut delta = Delta { rotated: true, ..Delta::default() };
        if self.held.iter().any(|row| row.status == SyncStatus::Waiting) {
            let before = self.held.clone();
            if self.rewrite(writer, writer.fresh_actor, &mut delta).is_err() {
                // What the server has follows what waits: everything is put in its place again.
                return self.rebase(writer, before, &[], &[]);
            }
        }
        Ok(delta)
    }

    /// The server does not have this document at all: everything has to be brought back.
    pub fn lost(&mut self, writer: &mut LocalWriter<'_>) -> Delta {
        let mut delta = Delta::default();
        self.mark_lost(writer, &[], &mut delta);
        delta
    }

    /// Fingerprint of what the server should have: the document without waiting work.
    pub fn settled_fingerprint(&self) -> Result<u64, Refusal> {
        if self.held.iter().any(|row| row.status == SyncStatus::Waiting) {
            let settled = self.held.iter().filter(|row| row.status.is_settled());
            self.document.fingerprint_of(settled.flat_map(|row| &row.run.changes))
        } else {
            Ok(self.document.fingerprint())
        }
    }

    fn without_waiting(&self) -> Result<Document, Refusal> {
        let mut document = Document::new(self.document.id());
        for row in self.held.iter().filter(|row| row.status.is_settled()) {
            replay(&mut document, &row.run, row.author)?;
        }
        Ok(document)
    }

    /// Writes the waiting work again, same entries and times, as new changes of `actor` on top
    /// of everything settled. Fact ids stay, so nothing can count twice. What is orphaned keeps its
    /// place among it.
    fn rewrite(
        &mut self,
        writer: &mut LocalWriter<'_>,
        actor: ActorId,
        delta: &mut Delta,
    ) -> Result<(), Refusal> {
        let document = self.without_waiting()?;
        self.document = document;
        let held = std::mem::take(&mut self.held);
        let (settled, left): (Vec<StoredRun>, _) =
            held.into_iter().partition(|row| row.status.is_settled());
        self.held = settled;
        for old in &left {
            delta.dropped.push(old.n);
        }
        self.put_again(writer, actor, left, delta);
        Ok(())
    }

    /// Puts rows that are in no document behind those that are: a walk-up before what the office said
    /// of it, what is done on a job after the word that gave it.
    fn put_again(
        &mut self,
        writer: &mut LocalWriter<'_>,
        actor: ActorId,
        left: Vec<StoredRun>,
        delta: &mut Delta,
    ) {
        for row in left {
            match row.status {
                SyncStatus::Orphaned(_) => {
                    let row = StoredRun { n: writer.number(), ..row };
                    self.held.push(row.clone());
                    delta.put.push(row);
                }
                _ => self.reauthor(writer, actor, row, delta),
            }
        }
        self.put_in_order(writer, delta);
    }

    /// Writes own work again as new changes that wait. What says nothing new is left out, and what
    /// the document cannot take any more is moved to the refused list.
    fn reauthor(
        &mut self,
        writer: &mut LocalWriter<'_>,
        actor: ActorId,
        old: StoredRun,
        delta: &mut Delta,
    ) {
        let author = Author { device: writer.device.or(old.author.device), ..old.author };
        for change in old.run.changes {
            if self.document.says(&change, author) {
                continue;
            }
            let rebuilt = match self.document.reauthored(actor, change.clone()) {
                Ok(rebuilt) => rebuilt,
                Err(refusal) => {
                    let code = refusal.code().to_owned();
                    delta.refused.push(RefusedWork { change, code, sentence: refusal.sentence() });
                    continue;
                }
            };
            let (change, last_hash): (Change, ChangeHash) =
                (rebuilt.change().clone(), rebuilt.hash());
            self.document.apply(rebuilt, author);
            let run = Run { doc: self.document.id(), changes: vec![change], last_hash };
            let row = StoredRun { n: writer.number(), run, author, status: SyncStatus::Waiting };
            self.held.push(row.clone());
            delta.put.push(row);
        }
    }
}

fn refused(run: &Run, code: &str, sentence: &str) -> impl Iterator<Item = RefusedWork> {
    run.changes.iter().map(move |change| RefusedWork {
        change: change.clone(),
        code: code.to_owned(),
        sentence: sentence.to_owned(),
    })
}

/// Whether another wrote under this actor: a copy of this phone, or, on a restored server that
/// lost whose it is, anybody.
fn is_taken(verdict: &Verdict) -> bool {
    match verdict {
        Verdict::Fork => true,
        Verdict::Refused { code, .. } => code == ACTOR_NOT_YOURS,
        Verdict::Durable | Verdict::Reauthor | Verdict::Missing(_) | Verdict::Later { .. } => false,
    }
}
