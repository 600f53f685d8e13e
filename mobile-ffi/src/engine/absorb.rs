//! What an answer of the server brings, stored in one transaction.

use std::collections::BTreeSet;

use sync_core::admission::Verdict;
use sync_core::document::Refusal;
use sync_core::id::ActorId;
use sync_core::schema::DocId;
use sync_core::sync::{Anchor, Inbox, LocalWriter, Replica, ReplicaStore, Taken, take_in};

use super::room::{self, KeepLimits};
use super::{State, delta};
use crate::error::EngineError;
use crate::store::meta::{self, LastSynced, Position};
use crate::store::{docs, runs};

/// What storing came to.
#[derive(Default)]
pub(super) struct Absorbed {
    /// Documents that changed, came or went.
    pub docs: BTreeSet<DocId>,
    /// Changes that became durable.
    pub durable: u64,
    /// Changes the server refused.
    pub refused: u64,
    /// Changes re-authored.
    pub reauthored: u64,
    /// Changes that came from the server.
    pub received: u64,
    /// Why the server did not take some of it yet: the code it gave last.
    pub later: Option<String>,
    /// Documents into which what came did not fit.
    pub left: Vec<DocId>,
}

impl State {
    /// Stores an inbox: everything or nothing, on disk when this returns. `fresh` is an actor
    /// nobody has used, taken if the present one turns out to have a double.
    pub(super) fn absorb(
        &mut self,
        inbox: &Inbox,
        fresh: ActorId,
        anchor: Anchor,
        keeps: &KeepLimits,
    ) -> Result<Absorbed, EngineError> {
        let mut absorbed = Absorbed::default();
        let (inbox, too_much) = room::within(self.store.read(), keeps, inbox)?;
        let inbox = inbox.as_ref();
        absorbed.count(inbox);
        let mut next_n = self.next_n;
        let (actor, fresh_actor) = (self.actor, fresh);
        let device = self.identity.as_ref().map(|it| it.device);
        let mut writer = LocalWriter { next_n: &mut next_n, actor, fresh_actor, device };
        let Taken { changed, rotated, mut left } = take_in(self, &mut writer, inbox)?;
        left.extend(too_much);
        // These times inform; how long things are kept is counted by both clocks
        // (`sync_core::sync::Retention`).
        let now = anchor.server_ms;
        let wall = anchor.wall_ms;
        self.store.write(|tx| {
            for (replica, deltas) in &changed {
                for delta in deltas {
                    delta::store(tx, replica, delta, now)?;
                }
            }
            inbox.runs.iter().try_for_each(|it| docs::set_scope(tx, it.run.doc, true, now))?;
            if inbox.repair {
                let out: Vec<DocId> =
                    inbox.released.iter().chain(&inbox.unknown).copied().collect();
                docs::rescope(tx, &out)?;
            }
            inbox.released.iter().try_for_each(|doc| docs::set_scope(tx, *doc, false, now))?;
            if rotated {
                meta::put(tx, &meta::OwnActor(fresh))?;
            }
            meta::put(tx, &Position { epoch: inbox.epoch, cursor: inbox.cursor })?;
            meta::put(tx, &anchor)?;
            meta::put(tx, &LastSynced(wall))
        })?;
        self.next_n = next_n;
        self.anchor = Some(anchor);
        if rotated {
            self.actor = fresh;
        }
        absorbed.left = left;
        absorbed.docs.extend(&inbox.released);
        for (replica, _) in changed {
            absorbed.docs.insert(replica.document().id());
            self.cache.put(replica);
        }
        Ok(absorbed)
    }
}

/// A document whose rows do not make a document any more is damage of the store.
impl From<Refusal> for EngineError {
    fn from(refusal: Refusal) -> Self {
        delta::damaged(refusal)
    }
}

impl ReplicaStore for State {
    type Error = EngineError;

    fn take(&mut self, doc: DocId) -> Result<Replica, EngineError> {
        self.cache.take(self.store.read(), doc)
    }

    fn waiting(&mut self) -> Result<Vec<DocId>, EngineError> {
        runs::docs_waiting(self.store.read())
    }
}

impl Absorbed {
    fn count(&mut self, inbox: &Inbox) {
        for pushed in &inbox.verdicts {
            match &pushed.verdict {
                Verdict::Durable => self.durable += 1,
                Verdict::Refused { .. } => self.refused += 1,
                Verdict::Reauthor | Verdict::Fork => self.reauthored += 1,
                Verdict::Later { code } => self.later = Some(code.clone()),
                Verdict::Missing(_) => {}
            }
        }
        self.received = inbox.runs.iter().map(|it| it.run.changes.len() as u64).sum();
    }
}
