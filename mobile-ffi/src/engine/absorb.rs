//! What an answer of the server brings, stored in one transaction.

use std::collections::{BTreeMap, BTreeSet};

use sync_core::admission::{Attested, Verdict};
use sync_core::change::ChangeRef;
use sync_core::document::Refusal;
use sync_core::id::ActorId;
use sync_core::schema::DocId;
use sync_core::sync::{Delta, Inbox, Replica, Writer};

use super::{State, delta};
use crate::error::EngineError;
use crate::store::meta::{self, Anchor, LastSynced, Position};
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
    /// Changes written anew.
    pub reauthored: u64,
    /// Changes that came from the server.
    pub received: u64,
}

/// What an inbox says about one document.
#[derive(Default)]
struct News {
    verdicts: Vec<(ChangeRef, Verdict)>,
    runs: Vec<Attested>,
    whole: bool,
    unknown: bool,
}

impl State {
    /// Stores an inbox: everything or nothing, on disk when this returns. `fresh` is an actor
    /// nobody has used, taken if the present one turns out to have a double.
    pub(super) fn absorb(
        &mut self,
        inbox: &Inbox,
        fresh: ActorId,
        anchor: Anchor,
    ) -> Result<Absorbed, EngineError> {
        let mut absorbed = Absorbed::default();
        absorbed.count(inbox);
        let mut next_n = self.next_n;
        let mut changed: Vec<(Replica, Vec<Delta>)> = Vec::new();
        for (doc, news) in sort(inbox) {
            let mut replica = self.cache.take(self.store.read(), doc)?;
            let (actor, fresh_actor) = (self.actor, fresh);
            let mut writer = Writer { next_n: &mut next_n, actor, fresh_actor };
            // What does not fit is left as it was: the digests then differ, and the next
            // exchange repairs the document.
            if let Ok(deltas) = take_in(&mut replica, &mut writer, &news) {
                changed.push((replica, deltas));
            }
        }
        if inbox.renew {
            self.renew(&mut changed, &mut next_n, fresh)?;
        }
        let rotated =
            inbox.renew || changed.iter().flat_map(|(_, deltas)| deltas).any(|delta| delta.rotated);
        let now = anchor.wall_ms;
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
                meta::put(tx, &meta::Writer(fresh))?;
            }
            meta::put(tx, &Position { epoch: inbox.epoch, cursor: inbox.cursor })?;
            meta::put(tx, &anchor)?;
            meta::put(tx, &LastSynced(now))
        })?;
        self.next_n = next_n;
        self.anchor = Some(anchor);
        if rotated {
            self.actor = fresh;
        }
        absorbed.docs.extend(&inbox.released);
        for (replica, _) in changed {
            absorbed.docs.insert(replica.document().id());
            self.cache.put(replica);
        }
        Ok(absorbed)
    }
}

impl State {
    /// Writes everything that waits again under the fresh actor, beside what changed already.
    fn renew(
        &mut self,
        changed: &mut Vec<(Replica, Vec<Delta>)>,
        next_n: &mut u64,
        fresh: ActorId,
    ) -> Result<(), EngineError> {
        let touched: BTreeSet<DocId> = changed.iter().map(|(it, _)| it.document().id()).collect();
        for doc in runs::docs_waiting(self.store.read())? {
            if !touched.contains(&doc) {
                changed.push((self.cache.take(self.store.read(), doc)?, Vec::new()));
            }
        }
        for (replica, deltas) in changed {
            let mut writer = Writer { next_n, actor: self.actor, fresh_actor: fresh };
            deltas.push(replica.renew(&mut writer).map_err(delta::damaged)?);
        }
        Ok(())
    }
}

/// Verdicts first, then what is new, then what the server has lost.
fn take_in(
    replica: &mut Replica,
    writer: &mut Writer<'_>,
    news: &News,
) -> Result<Vec<Delta>, Refusal> {
    let mut deltas = Vec::new();
    if !news.verdicts.is_empty() {
        deltas.push(replica.settle(writer, &news.verdicts)?);
    }
    if !news.runs.is_empty() || news.whole {
        deltas.push(replica.take(writer, &news.runs, news.whole)?);
    }
    if news.unknown {
        deltas.push(replica.lost());
    }
    Ok(deltas)
}

fn sort(inbox: &Inbox) -> BTreeMap<DocId, News> {
    let mut sorted: BTreeMap<DocId, News> = BTreeMap::new();
    for pushed in &inbox.verdicts {
        let news = sorted.entry(pushed.doc).or_default();
        news.verdicts.push((pushed.change, pushed.verdict.clone()));
    }
    for attested in &inbox.runs {
        sorted.entry(attested.run.doc).or_default().runs.push(attested.clone());
    }
    for doc in &inbox.whole {
        sorted.entry(*doc).or_default().whole = true;
    }
    for doc in &inbox.unknown {
        sorted.entry(*doc).or_default().unknown = true;
    }
    sorted
}

impl Absorbed {
    fn count(&mut self, inbox: &Inbox) {
        for pushed in &inbox.verdicts {
            match &pushed.verdict {
                Verdict::Durable => self.durable += 1,
                Verdict::Refused { .. } => self.refused += 1,
                Verdict::Reauthor | Verdict::Fork => self.reauthored += 1,
                Verdict::Missing(_) | Verdict::Later { .. } => {}
            }
        }
        self.received = inbox.runs.iter().map(|it| it.run.changes.len() as u64).sum();
    }
}
