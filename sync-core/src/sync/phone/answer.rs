//! What an answer of the server means: what to store of it, and what to do once it is stored.

use std::collections::BTreeSet;

use ed25519_dalek::Signature;
use ed25519_dalek::Signer;

use super::events::{Failure, Inbox, PhoneEffect, PushedVerdict, SyncOutcome};
use super::progress::{Answer, Progress, Pushed};
use super::{Phone, State, backoff};
use crate::admission::Verdict;
use crate::document::Digest;
use crate::schema::DocId;
use crate::sync::frame::Response;
use crate::sync::repair::told_fingerprints;

/// Inventories in one sync before the phone gives up until later.
const INVENTORIES: u32 = 3;
/// After so many of them what still misses something is passed over as if it were told *later*.
const REPAIRS_OF_MISSING: u32 = 1;
/// Exchanges in a row that change nothing before the phone gives up until later.
const FRUITLESS: u32 = 2;
/// Exchanges in one sync, whatever the server says: then the phone rests, and the next sync goes on.
const EXCHANGES: u32 = 256;

impl<K: Signer<Signature>> Phone<K> {
    pub(super) fn receive(
        &mut self,
        random: u64,
        mut progress: Progress,
        changes: Vec<Pushed>,
        inventory: bool,
        outbox_more: bool,
        response: Response,
    ) -> Vec<PhoneEffect> {
        if response.verdicts.len() != changes.len() {
            return self.fail(random, Failure::NotTheServer);
        }
        let settled =
            |verdict: &Verdict| !matches!(verdict, Verdict::Missing(_) | Verdict::Later { .. });
        let missing = response.verdicts.iter().any(|v| matches!(v, Verdict::Missing(_)))
            && progress.inventories <= REPAIRS_OF_MISSING;
        let fruitful = (response.verdicts.iter().any(settled) && changes != progress.sent)
            || !response.runs.is_empty()
            || !response.released.is_empty()
            || response.cursor != progress.cursor;
        // After a restore nothing was looked at, and what is missing is brought back first.
        let is_later = |verdict: &Verdict| match verdict {
            Verdict::Later { .. } => !response.resync,
            Verdict::Missing(_) => progress.inventories > REPAIRS_OF_MISSING,
            Verdict::Durable | Verdict::Refused { .. } | Verdict::Reauthor | Verdict::Fork => false,
        };
        let verdicts = || changes.iter().map(|(doc, ..)| *doc).zip(&response.verdicts);
        let later: BTreeSet<DocId> =
            verdicts().filter(|(_, it)| is_later(it)).map(|(doc, _)| doc).collect();
        let decided: BTreeSet<DocId> =
            verdicts().filter(|(_, it)| settled(it)).map(|(doc, _)| doc).collect();
        let fruitful = fruitful || !later.is_subset(&progress.told);
        let repairing = response.resync || (inventory && response.more);
        let answer = Answer {
            digest: response.digest,
            more: response.more,
            resync: repairing || missing,
            fruitful,
            retry_after_ms: response.retry_after_ms,
            outbox_more,
            later,
            decided,
            whole: told_fingerprints(&response.whole, &response.runs),
        };
        progress.sent.clone_from(&changes);
        let verdicts = changes.into_iter().zip(response.verdicts);
        let verdicts = verdicts.map(|((doc, change, orphaned), verdict)| PushedVerdict {
            doc,
            change,
            orphaned,
            verdict,
        });
        let unknown = response.unknown.iter().copied();
        let lost = unknown.filter(|doc| progress.lost.insert(*doc)).collect();
        let inbox = Inbox {
            epoch: response.epoch,
            cursor: if repairing { 0 } else { response.cursor },
            renew: response.epoch != progress.epoch || response.resync,
            server_time: response.server_time,
            verdicts: verdicts.collect(),
            runs: response.runs,
            whole: response.whole,
            unknown: response.unknown,
            lost,
            released: response.released,
            repair: inventory,
        };
        if inbox.renew {
            // What another server would have taken later, this one may take now, and it may lack what
            // has to go first.
            (self.stalled, self.later, self.tried) = Default::default();
            progress.told.clear();
        }
        self.state = State::Storing { progress, answer };
        vec![PhoneEffect::Store(inbox)]
    }

    pub(super) fn stored(
        &mut self,
        random: u64,
        mut progress: Progress,
        answer: Answer,
        digest: Digest,
        waiting: bool,
        left: &[DocId],
    ) -> Vec<PhoneEffect> {
        if answer.fruitful {
            self.failures = 0;
        }
        progress.exchanges += 1;
        self.hear(&mut progress, &answer, left);
        let more = answer.more || answer.outbox_more;
        progress.agrees = !answer.more && !answer.resync && digest == answer.digest;
        let differs = !more && !waiting && digest != answer.digest;
        progress.wants_inventory = answer.resync || differs;
        progress.has_to_ask = answer.more || progress.wants_inventory;
        progress.fruitless = if answer.fruitful { 0 } else { progress.fruitless + 1 };
        // A repair in several pages is one repair.
        if progress.wants_inventory && !answer.more {
            progress.inventories += 1;
        }
        progress.retry_after_ms = progress.retry_after_ms.max(answer.retry_after_ms);
        // Asked for together with *later* a wait is about that, and what is behind it goes on.
        if answer.retry_after_ms > 0 && answer.later.is_empty() {
            return self.rest(random, &progress);
        }
        if progress.inventories > INVENTORIES {
            return self.stall(SyncOutcome::Diverged, random, false);
        }
        if !progress.has_to_ask && !waiting {
            (self.stalled, self.later, self.tried) = Default::default();
            self.page.grow();
            return self.finish(SyncOutcome::UpToDate, backoff::idle(random), true);
        }
        let fruitless = progress.fruitless >= FRUITLESS && !progress.wants_inventory;
        if fruitless || progress.exchanges >= EXCHANGES {
            return self.rest(random, &progress);
        }
        self.read(progress)
    }

    /// Notes which documents the server takes later, and which not any more.
    fn hear(&mut self, progress: &mut Progress, answer: &Answer, left: &[DocId]) {
        for doc in answer.decided.difference(&answer.later) {
            self.later.remove(doc);
            self.tried.remove(doc);
        }
        // An answer that does not fit what was sent is no answer: it is asked for again later.
        let sent = progress.sent.iter().map(|(doc, ..)| doc);
        let unfit: BTreeSet<&DocId> = sent.filter(|doc| left.contains(doc)).collect();
        for doc in answer.later.iter().chain(unfit) {
            progress.told.insert(*doc);
            let (to, from) = match progress.trying {
                true => (&mut self.tried, &mut self.later),
                false => (&mut self.later, &mut self.tried),
            };
            from.remove(doc);
            to.insert(*doc);
        }
        // As long as the server takes what it did not take before, it is given the next page.
        if progress.trying && answer.decided.is_empty() {
            (progress.trying, progress.had_page) = (false, true);
        }
    }
}
