//! In which order a phone brings a document back: the words that give the right to work before the work.
//!
//! A server that lost a job judges own work again, while it takes what carries its receipt as it is. Once
//! given, no word of the office takes away the right to have worked ([`crate::policy`]), so own work goes
//! behind the word that gives the right to it, wherever that may stand.

use std::collections::{BTreeMap, VecDeque};

use super::{Delta, LocalWriter, Replica, StoredRun, SyncStatus};
use crate::admission::replay;
use crate::change::Run;
use crate::document::{Document, Refusal};
use crate::id::ActorId;
use crate::policy::{self, Principal, Role};
use crate::schema::DocId;

impl Replica {
    /// Puts what has to be sent into the order in which it has to be judged. Rows that keep their place
    /// keep their number; where no better order makes the same document, all do.
    pub(super) fn put_in_order(&mut self, writer: &mut LocalWriter<'_>, delta: &mut Delta) {
        if !self.held.iter().any(is_judged) {
            return;
        }
        let ordered = Order::of(self.document.id(), self.held.clone());
        let Ok((mut held, document)) = ordered else { return };
        let mut before = 0;
        let mut moved = false;
        for row in &mut held {
            if row.n < before {
                delta.dropped.push(row.n);
                row.n = writer.number();
                delta.put.push(row.clone());
                moved = true;
            }
            before = row.n;
        }
        if moved {
            (self.held, self.document) = (held, document);
            delta.settle();
        }
    }
}

/// Whether the server will ask the policy about a row.
fn is_judged(row: &StoredRun) -> bool {
    matches!(row.status, SyncStatus::Waiting | SyncStatus::Resend)
}

/// Rows being put in order.
struct Order {
    /// What the server has by then.
    document: Document,
    ordered: Vec<StoredRun>,
    /// Own work that has no right to be there yet, in its own order.
    held_back: VecDeque<StoredRun>,
    /// The same by actor and first number, each with how many came before it.
    places: BTreeMap<(ActorId, u64), usize>,
    released: usize,
}

impl Order {
    /// The rows in order, and the document that they make.
    fn of(doc: DocId, rows: Vec<StoredRun>) -> Result<(Vec<StoredRun>, Document), Refusal> {
        let mut order = Self {
            document: Document::new(doc),
            ordered: Vec::with_capacity(rows.len()),
            held_back: VecDeque::new(),
            places: BTreeMap::new(),
            released: 0,
        };
        for row in rows {
            crate::cost::step();
            if is_judged(&row) && !(order.held_back.is_empty() && order.allows(&row)) {
                let place = order.released + order.held_back.len();
                order.places.insert((row.run.actor(), row.run.first_seq()), place);
                order.held_back.push_back(row);
                continue;
            }
            // What is orphaned follows nothing that is here: the server re-authors it.
            if row.status.is_in_document() {
                while order.follows(&row.run) {
                    order.release()?;
                }
            }
            order.put(row)?;
            while order.held_back.front().is_some_and(|row| order.allows(row)) {
                order.release()?;
            }
        }
        while !order.held_back.is_empty() {
            order.release()?;
        }
        Ok((order.ordered, order.document))
    }

    /// Whether the server, as far as it is known, would let its author say this.
    fn allows(&self, row: &StoredRun) -> bool {
        let Some(user) = row.author.user else { return true };
        let author = Principal { user, role: Role::Technician };
        let mut changes = row.run.changes.iter();
        changes.all(|it| policy::decide_change(&author, &self.document, &it.entries).is_ok())
    }

    /// Whether a run follows something that is held back.
    fn follows(&self, run: &Run) -> bool {
        let after = run.changes.iter().flat_map(|change| &change.after);
        let after = after.map(|it| (it.actor, it.seq));
        // A run of another copy of this phone may hold some of its own numbers.
        let own = (run.actor(), run.last_seq());
        after.chain([own]).any(|(actor, seq)| {
            let last = self.places.range((actor, 0)..=(actor, seq)).next_back();
            last.is_some_and(|(_, place)| *place >= self.released)
        })
    }

    fn release(&mut self) -> Result<(), Refusal> {
        let Some(row) = self.held_back.pop_front() else { return Ok(()) };
        self.released += 1;
        self.put(row)
    }

    fn put(&mut self, row: StoredRun) -> Result<(), Refusal> {
        if row.status.is_in_document() {
            replay(&mut self.document, &row.run, row.author)?;
        }
        self.ordered.push(row);
        Ok(())
    }
}
