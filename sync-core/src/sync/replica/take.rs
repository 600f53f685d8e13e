//! What the server sent into what a phone holds, even where the two do not fit.

use super::{Delta, Held, Replica, Standing, Writer};
use crate::admission::{Attested, Replayed, replay};
use crate::change::{ChangeRef, Run};
use crate::document::{Document, Refusal};
use crate::id::ActorId;

impl Replica {
    /// Takes in what the server sent for this document. With `whole`, that is all the server
    /// has, and what is held beyond it was lost there.
    pub fn take(
        &mut self,
        writer: &mut Writer<'_>,
        runs: &[Attested],
        whole: bool,
    ) -> Result<Delta, Refusal> {
        if !whole {
            return self.join(writer, runs);
        }
        let before = self.held.clone();
        let joined = self.join(writer, runs).map(|mut delta| {
            self.mark_lost(runs, &mut delta);
            delta
        });
        joined.or_else(|_| self.rebase(writer, before, runs, &[]))
    }

    /// Takes in runs on top of what is held.
    fn join(&mut self, writer: &mut Writer<'_>, runs: &[Attested]) -> Result<Delta, Refusal> {
        let mut delta = Delta::default();
        let mut base: Option<Document> = None;
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
                self.confirm(run, &mut delta);
            }
            match replayed {
                Replayed::Known => {}
                Replayed::New(_) => {
                    delta.rotated |= own;
                    let standing = Standing::Attested(*receipt);
                    let (run, author) = (run.clone(), *author);
                    let row = Held { n: writer.number(), run, author, standing };
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
    fn confirm(&mut self, run: &Run, delta: &mut Delta) {
        let seqs = run.first_seq()..=run.last_seq();
        for row in self.held.iter_mut().filter(|row| row.run.actor() == run.actor()) {
            if !seqs.contains(&row.run.first_seq()) || !seqs.contains(&row.run.last_seq()) {
                continue;
            }
            row.standing = match row.standing {
                Standing::Waiting | Standing::Resend => Standing::Durable,
                Standing::Lost(receipt) => Standing::Attested(receipt),
                Standing::Durable | Standing::Attested(_) | Standing::Stranded(_) => continue,
            };
            delta.put.retain(|put| put.n != row.n);
            delta.put.push(row.clone());
        }
    }

    /// Starts anew from what the server has, because it does not fit what is held: a restored
    /// server lost acknowledged work, and another copy of this phone filled the gap with other
    /// work under the same numbers. What still fits is brought back as it is. Own work that does
    /// not waits again to be written anew, its facts under their ids. Others' work that does not is
    /// handed to the server with its receipt, to be written anew there. None of it is dropped.
    /// Rows in `taken` do not fit, since the server has other work under their numbers that it did
    /// not send: the document need not be in this phone's scope any more.
    pub(super) fn rebase(
        &mut self,
        writer: &mut Writer<'_>,
        held: Vec<Held>,
        server_has: &[Attested],
        taken: &[u64],
    ) -> Result<Delta, Refusal> {
        let mut document = Document::new(self.document.id());
        let mut rows = Vec::new();
        for Attested { run, author, receipt } in server_has {
            replay(&mut document, run, *author)?;
            let standing = Standing::Attested(*receipt);
            rows.push(Held { n: writer.number(), run: run.clone(), author: *author, standing });
        }
        let mut delta = Delta { rotated: true, ..Delta::default() };
        delta.dropped.extend(held.iter().map(|row| row.n));
        let mut left = Vec::new();
        for row in held {
            let last = ChangeRef { actor: row.run.actor(), seq: row.run.last_seq() };
            if document.hash_of(&last) == Some(row.run.last_hash) {
                continue;
            }
            let mut trial = document.clone();
            let fits = row.standing != Standing::Waiting
                && !taken.contains(&row.n)
                && replay(&mut trial, &row.run, row.author).is_ok();
            match row.standing {
                Standing::Durable | Standing::Resend if fits => {
                    rows.push(Held { n: writer.number(), standing: Standing::Resend, ..row });
                }
                Standing::Attested(receipt)
                | Standing::Lost(receipt)
                | Standing::Stranded(receipt)
                    if fits =>
                {
                    let standing = Standing::Lost(receipt);
                    rows.push(Held { n: writer.number(), standing, ..row });
                }
                Standing::Waiting | Standing::Durable | Standing::Resend => {
                    left.push(row);
                    continue;
                }
                // Others' work that follows what is gone: this phone may not write in their names,
                // so it brings the receipt, and the server writes it anew.
                Standing::Attested(receipt)
                | Standing::Lost(receipt)
                | Standing::Stranded(receipt) => {
                    left.push(Held { standing: Standing::Stranded(receipt), ..row });
                    continue;
                }
            }
            document = trial;
        }
        delta.put.extend(rows.iter().cloned());
        self.document = document;
        self.held = rows;
        self.put_anew(writer, writer.fresh_actor, left, &mut delta);
        Ok(delta)
    }

    pub(super) fn mark_lost(&mut self, server_has: &[Attested], delta: &mut Delta) {
        let mut there = Vec::new();
        for Attested { run, .. } in server_has {
            there.push((run.actor(), run.first_seq()..=run.last_seq()));
        }
        let has = |actor: ActorId, seq: u64| {
            there.iter().any(|(other, seqs)| *other == actor && seqs.contains(&seq))
        };
        for row in &mut self.held {
            let run = &row.run;
            if (run.first_seq()..=run.last_seq()).all(|seq| has(run.actor(), seq)) {
                continue;
            }
            row.standing = match row.standing {
                Standing::Durable => Standing::Resend,
                Standing::Attested(receipt) => Standing::Lost(receipt),
                waiting => waiting,
            };
            delta.put.retain(|put| put.n != row.n);
            delta.put.push(row.clone());
        }
    }
}
