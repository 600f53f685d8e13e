//! One document as a phone holds it: what the server has, and the phone's own work on top.
//!
//! Every rule of keeping work safe is here: what a verdict does to a change, how refused work is
//! taken out without touching the rest, how a restored copy of a phone writes its work anew, and
//! what is brought back to a server that lost it. The engine only stores what [`Delta`] says.

mod row;
mod take;

pub use row::{Delta, Held, RefusedWork, Standing, Writer};

use crate::admission::{ACTOR_NOT_YOURS, RecordError, Verdict, record, replay};
use crate::change::{Change, ChangeRef, Entry, Run};
use crate::document::{Author, ChangeHash, Document, Refusal};
use crate::id::ActorId;
use crate::policy::Caller;
use crate::schema::DocId;

/// A document with its rows.
#[derive(Debug, Clone)]
pub struct Replica {
    document: Document,
    held: Vec<Held>,
}

impl Replica {
    /// A document nobody here has seen yet.
    pub fn new(doc: DocId) -> Self {
        Self { document: Document::new(doc), held: Vec::new() }
    }

    /// Rebuilds a document from its rows, in order of `n`.
    pub fn load(doc: DocId, held: Vec<Held>) -> Result<Self, Refusal> {
        let mut document = Document::new(doc);
        for row in held.iter().filter(|row| row.standing.is_in_document()) {
            replay(&mut document, &row.run, row.author)?;
        }
        Ok(Self { document, held })
    }

    /// The document with everything, waiting work included.
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// The rows, in order of `n`.
    pub fn held(&self) -> &[Held] {
        &self.held
    }

    /// Saves own work; the row is durable on this phone once the delta is.
    pub fn record(
        &mut self,
        writer: &mut Writer<'_>,
        time: i64,
        caller: &Caller,
        author: Author,
        entries: Vec<Entry>,
    ) -> Result<Delta, RecordError> {
        let run = record(&mut self.document, writer.actor, time, caller, author, entries)?;
        let row = Held { n: writer.number(), run, author, standing: Standing::Waiting };
        self.held.push(row.clone());
        Ok(Delta { put: vec![row], ..Delta::default() })
    }

    /// Acts on verdicts for changes that are in this document.
    pub fn settle(
        &mut self,
        writer: &mut Writer<'_>,
        verdicts: &[(ChangeRef, Verdict)],
    ) -> Result<Delta, Refusal> {
        let mut delta = Delta::default();
        let mut rewrite = None;
        let (mut gone, mut taken) = (Vec::new(), Vec::new());
        for (change, verdict) in verdicts {
            let holds = |row: &&mut Held| row.standing.is_in_document() && row.is_of(change);
            let Some(row) = self.held.iter_mut().find(holds) else { continue };
            match verdict {
                Verdict::Durable => {
                    row.standing = match row.standing {
                        Standing::Waiting | Standing::Resend => Standing::Durable,
                        Standing::Lost(receipt) => Standing::Attested(receipt),
                        settled => settled,
                    };
                    delta.put.push(row.clone());
                }
                Verdict::Missing(_) | Verdict::Later { .. } => {}
                // The numbers are somebody else's now: what waits, and what the server had and has
                // lost, is written anew under numbers of its own.
                _ if is_taken(verdict)
                    && matches!(row.standing, Standing::Waiting | Standing::Resend) =>
                {
                    row.standing = Standing::Waiting;
                    delta.rotated = true;
                    rewrite = Some(writer.fresh_actor);
                }
                // So are those of others' work, which only the server can write anew.
                Verdict::Fork if matches!(row.standing, Standing::Lost(_)) => taken.push(row.n),
                _ if row.standing != Standing::Waiting => {}
                Verdict::Refused { code, sentence } => {
                    delta.refused.extend(row.run.changes.iter().map(|change| RefusedWork {
                        change: change.clone(),
                        code: code.clone(),
                        sentence: sentence.clone(),
                    }));
                    gone.push(row.n);
                    rewrite.get_or_insert(writer.actor);
                }
                Verdict::Reauthor | Verdict::Fork => {
                    rewrite.get_or_insert(writer.actor);
                }
            }
        }
        self.held.retain(|row| !gone.contains(&row.n));
        delta.dropped.extend(&gone);
        if rewrite.is_none() && taken.is_empty() {
            return Ok(delta);
        }
        let before = self.held.clone();
        let done = match rewrite {
            // It fails if others' work follows what has to be written anew.
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
        Ok(delta)
    }

    /// Acts on verdicts for what was stranded. The server has it, or has kept why it never will, and
    /// nothing can be done here; a run of which something has to wait is kept whole.
    pub fn let_go(&mut self, verdicts: &[(ChangeRef, Verdict)]) -> Delta {
        let (mut answered, mut waits) = (Vec::new(), Vec::new());
        for (change, verdict) in verdicts {
            let is_next = |row: &&Held| {
                let stranded = !row.standing.is_in_document() && row.is_of(change);
                stranded && !answered.contains(&(row.n, change.seq))
            };
            let Some(row) = self.held.iter().find(is_next) else { continue };
            answered.push((row.n, change.seq));
            if matches!(verdict, Verdict::Missing(_) | Verdict::Later { .. }) {
                waits.push(row.n);
            }
        }
        let mut gone: Vec<u64> = answered.into_iter().map(|(n, _)| n).collect();
        gone.dedup();
        gone.retain(|n| !waits.contains(n));
        self.held.retain(|row| !gone.contains(&row.n));
        Delta { dropped: gone, ..Delta::default() }
    }

    /// Writes what waits again under the fresh actor: this store was restored from a copy or the
    /// server from a backup, and another copy may still write under the old one.
    pub fn renew(&mut self, writer: &mut Writer<'_>) -> Result<Delta, Refusal> {
        let mut delta = Delta { rotated: true, ..Delta::default() };
        if self.held.iter().any(|row| row.standing == Standing::Waiting) {
            self.rewrite(writer, writer.fresh_actor, &mut delta)?;
        }
        Ok(delta)
    }

    /// The server does not have this document at all: everything has to be brought back.
    pub fn lost(&mut self) -> Delta {
        let mut delta = Delta::default();
        self.mark_lost(&[], &mut delta);
        delta
    }

    /// Fingerprint of what the server should have: the document without waiting work.
    pub fn settled_fingerprint(&self) -> Result<u64, Refusal> {
        if self.held.iter().any(|row| row.standing == Standing::Waiting) {
            let settled = self.held.iter().filter(|row| row.standing.is_settled());
            self.document.fingerprint_of(settled.flat_map(|row| &row.run.changes))
        } else {
            Ok(self.document.fingerprint())
        }
    }

    fn without_waiting(&self) -> Result<Document, Refusal> {
        let mut document = Document::new(self.document.id());
        for row in self.held.iter().filter(|row| row.standing.is_settled()) {
            replay(&mut document, &row.run, row.author)?;
        }
        Ok(document)
    }

    /// Writes the waiting work again, same entries and times, as new changes of `actor` on top
    /// of everything settled. Fact ids stay, so nothing can count twice. What is stranded keeps its
    /// place among it.
    fn rewrite(
        &mut self,
        writer: &mut Writer<'_>,
        actor: ActorId,
        delta: &mut Delta,
    ) -> Result<(), Refusal> {
        let document = self.without_waiting()?;
        self.document = document;
        let held = std::mem::take(&mut self.held);
        let (settled, left): (Vec<Held>, _) =
            held.into_iter().partition(|row| row.standing.is_settled());
        self.held = settled;
        for old in &left {
            delta.dropped.push(old.n);
            delta.put.retain(|put| put.n != old.n);
        }
        self.put_anew(writer, actor, left, delta);
        Ok(())
    }

    /// Puts rows that are in no document behind those that are, in the order in which they came to
    /// be: a walk-up before what the office said of it, what is done on a job after the word that
    /// gave it.
    fn put_anew(
        &mut self,
        writer: &mut Writer<'_>,
        actor: ActorId,
        left: Vec<Held>,
        delta: &mut Delta,
    ) {
        for row in left {
            match row.standing {
                Standing::Stranded(_) => {
                    let row = Held { n: writer.number(), ..row };
                    self.held.push(row.clone());
                    delta.put.push(row);
                }
                _ => self.write_anew(writer, actor, row, delta),
            }
        }
    }

    /// Writes own work again as new changes that wait. What says nothing new is left out, and what
    /// the document cannot take any more is moved to the refused list.
    fn write_anew(
        &mut self,
        writer: &mut Writer<'_>,
        actor: ActorId,
        old: Held,
        delta: &mut Delta,
    ) {
        for change in old.run.changes {
            if self.document.says(&change, old.author) {
                continue;
            }
            let rebuilt = match self.document.anew(actor, change.clone()) {
                Ok(rebuilt) => rebuilt,
                Err(refusal) => {
                    let code = refusal.code().to_owned();
                    delta.refused.push(RefusedWork { change, code, sentence: refusal.sentence() });
                    continue;
                }
            };
            let (change, last_hash): (Change, ChangeHash) =
                (rebuilt.change().clone(), rebuilt.hash());
            self.document.apply(rebuilt, old.author);
            let run = Run { doc: self.document.id(), changes: vec![change], last_hash };
            let (author, standing) = (old.author, Standing::Waiting);
            let row = Held { n: writer.number(), run, author, standing };
            self.held.push(row.clone());
            delta.put.push(row);
        }
    }
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
