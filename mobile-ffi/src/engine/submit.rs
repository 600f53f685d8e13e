//! What a revoked phone has beyond the page of its sync: handed to the office page by page.
//!
//! The server answers a revoked phone nothing but that it is revoked, so its sync ends with its first
//! page. The server has kept that page for the office all the same, and keeps the others. Once the
//! office has decided, the server tells the verdict on each change of the page it was asked about,
//! and that page is settled: what was refused goes to the refused work, with its reason.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sync_core::admission::Verdict;
use sync_core::change::ChangeRef;
use sync_core::codes;
use sync_core::id::ActorId;
use sync_core::schema::DocId;
use sync_core::sync::{
    Inbox, LocalWriter, PushedVerdict, Request, Sent, StoredRun, Taken, decode_verdict_list,
    encode_request, join, take_in,
};

use super::login::Way;
use super::{Engine, Event, State, delta};
use crate::error::EngineError;
use crate::net::{NetError, REVOKED};
use crate::store::meta::{self, Position};
use crate::store::runs;

impl Engine {
    /// Sends the pages after the first, but for those up to the row `done`. Gives the last row that
    /// was submitted; whatever else comes in between, the next sync goes on from there.
    pub(super) fn submit(
        &self,
        way: &Way,
        done: u64,
        page_bytes: usize,
    ) -> Result<u64, EngineError> {
        let (first, mut more) = self.page(0, page_bytes)?;
        let mut done = done.max(first.last());
        while more {
            let (page, rest) = self.page(done, page_bytes)?;
            if page.held.is_empty() {
                break;
            }
            match self.exchange(way, &page.sealed(way, rest)) {
                Err(NetError::Login { code, .. }) if code == REVOKED => {}
                _ => break,
            }
            (done, more) = (page.last(), rest);
        }
        Ok(done)
    }

    /// The office has decided about a page: sends each once more, and settles those about which the
    /// server then says what was decided. Gives the last row that was submitted.
    ///
    /// They are sent again so that what is settled is what was asked about: work may have been saved
    /// since.
    pub(super) fn settle_submitted(
        &self,
        way: &Way,
        page_bytes: usize,
    ) -> Result<u64, EngineError> {
        let mut done = 0;
        loop {
            let (page, rest) = self.page(done, page_bytes)?;
            if page.held.is_empty() {
                return Ok(done);
            }
            let (reason, told) = match self.exchange(way, &page.sealed(way, rest)) {
                Err(NetError::Login { code, reason, verdicts, .. }) if code == REVOKED => {
                    (reason, verdicts)
                }
                _ => return Ok(done),
            };
            if let Some(verdicts) = decided(reason.as_deref(), told.as_deref(), page.changes()) {
                self.settle(&page, &verdicts)?;
            }
            done = page.last();
        }
    }

    fn settle(&self, page: &Page, verdicts: &[Verdict]) -> Result<(), EngineError> {
        let now = self.server_clock();
        let mut state = self.state();
        let fresh = state.fresh_actor(&self.0.options)?;
        let docs = state.settle(&page.held, verdicts, fresh, now)?;
        drop(state);
        self.0.watchers.tell(&Event::of_docs(docs.into_iter()));
        Ok(())
    }

    /// The page after a row, and whether there is another.
    fn page(&self, after: u64, page_bytes: usize) -> Result<(Page, bool), EngineError> {
        let state = self.state();
        let position = meta::get(state.store.read())?.unwrap_or_default();
        let none = Default::default();
        let (held, more) = runs::unsettled(state.store.read(), after, page_bytes, &none)?;
        Ok((Page { position, held, after }, more))
    }
}

/// One verdict for each change of a page about which the server says what was decided. Absent where
/// it says nothing that this version understands: the work then waits on.
///
/// A server of an early version tells only that all was accepted, which may hide refusals, or that all
/// was discarded.
fn decided(reason: Option<&str>, told: Option<&str>, changes: usize) -> Option<Vec<Verdict>> {
    match (told, reason) {
        (Some(told), _) => {
            let bytes = URL_SAFE_NO_PAD.decode(told).ok()?;
            decode_verdict_list(&bytes).ok().filter(|verdicts| verdicts.len() == changes)
        }
        (None, Some("discarded")) => {
            let code = codes::DISCARDED;
            Some(vec![Verdict::refused(code.word, code.sentence); changes])
        }
        (None, _) => None,
    }
}

impl State {
    /// Acts on one verdict for each change of these rows as they were sent, in one transaction. Gives
    /// the documents that changed.
    fn settle(
        &mut self,
        held: &[StoredRun],
        verdicts: &[Verdict],
        fresh: ActorId,
        now: i64,
    ) -> Result<Vec<DocId>, EngineError> {
        let sent = join(held.to_vec());
        let changes = sent.iter().flat_map(|sent| {
            let orphaned = matches!(sent, Sent::Orphaned(_));
            let run = sent.run();
            run.changes.iter().map(move |change| (run.doc, change, orphaned))
        });
        let pushed =
            changes.zip(verdicts).map(|((doc, change, orphaned), verdict)| PushedVerdict {
                doc,
                change: ChangeRef { actor: change.actor, seq: change.seq },
                orphaned,
                verdict: verdict.clone(),
            });
        let inbox = Inbox { verdicts: pushed.collect(), ..Inbox::default() };
        let mut next_n = self.next_n;
        let (actor, fresh_actor) = (self.actor, fresh);
        let device = self.identity.as_ref().map(|it| it.device);
        let mut writer = LocalWriter { next_n: &mut next_n, actor, fresh_actor, device };
        let Taken { changed, rotated, .. } = take_in(self, &mut writer, &inbox)?;
        self.store.write(|tx| {
            for (replica, deltas) in &changed {
                deltas.iter().try_for_each(|delta| delta::store(tx, replica, delta, now))?;
            }
            if rotated { meta::put(tx, &meta::OwnActor(fresh)) } else { Ok(()) }
        })?;
        self.next_n = next_n;
        if rotated {
            self.actor = fresh;
        }
        let docs = changed.iter().map(|(replica, _)| replica.document().id()).collect();
        changed.into_iter().for_each(|(replica, _)| self.cache.put(replica));
        Ok(docs)
    }
}

struct Page {
    position: Position,
    held: Vec<StoredRun>,
    /// The row it begins after.
    after: u64,
}

impl Page {
    /// The row it ends with.
    fn last(&self) -> u64 {
        self.held.last().map_or(self.after, |row| row.n)
    }

    /// Changes in it.
    fn changes(&self) -> usize {
        self.held.iter().map(|row| row.run.changes.len()).sum()
    }

    fn sealed(&self, way: &Way, more: bool) -> Vec<u8> {
        let runs = join(self.held.clone());
        encode_request(&Request {
            epoch: self.position.epoch,
            cursor: self.position.cursor,
            signature: Sent::sign(&runs, way.device, &way.key),
            runs,
            inventory: None,
            more,
        })
    }
}
