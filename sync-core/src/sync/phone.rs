//! The phone's side of sync: one exchange at a time until both agree, then quiet.

mod backoff;
mod page;

use std::collections::{BTreeMap, BTreeSet};

use ed25519_dalek::{Signature, Signer, SigningKey};

use page::PageSize;

use super::codec::{decode_response, encode_request};
use super::frame::{Fault, Frame, Inventory, Request, Response, Sent};
use super::repair::told_fingerprints;
use crate::admission::{Attested, Verdict};
use crate::change::ChangeRef;
use crate::document::Digest;
use crate::id::DeviceId;
use crate::schema::DocId;

/// Inventories in one sync before the phone gives up until later.
const INVENTORIES: u32 = 3;
/// After so many of them what still misses something is passed over as if it were told *later*.
const REPAIRS_OF_MISSING: u32 = 1;
/// Exchanges in a row that change nothing before the phone gives up until later.
const FRUITLESS: u32 = 2;
/// Exchanges in one sync, whatever the server says: then the phone rests, and the next sync goes on.
const EXCHANGES: u32 = 256;
/// A sync that ends with something waiting is tried again as after so many failures, the next one as
/// after one more.
const STALLED: u32 = 3;

/// What happens to the phone's machine.
#[derive(Debug)]
pub enum PhoneEvent<'a> {
    /// There is a reason to sync: new work, coverage, foreground, a notification, a timer.
    Wake,
    /// The store has read what [`PhoneEffect::Read`] asked for.
    Outbox(Outbox),
    /// A frame came in.
    Frame(&'a [u8]),
    /// The inbox is stored and on disk.
    Stored {
        /// Sum of the fingerprints of the documents in scope, as they are now without changes
        /// that wait for a verdict.
        digest: Digest,
        /// Whether changes wait that should be sent at once.
        waiting: bool,
        /// Documents into which what came did not fit ([`super::Taken::left`]).
        left: Vec<DocId>,
    },
    /// The exchange did not come to an end.
    Failed(Failure),
}

/// Why an exchange did not come to an end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// No coverage, no route, cut off, timed out.
    Unreachable,
    /// Something answered that is not the server, such as a captive portal's page.
    NotTheServer,
    /// The server asks to come back later, after so many milliseconds.
    Busy(u64),
    /// The device's login was refused; a person has to act.
    Unauthorised,
    /// Something on the way takes no request as large as this one. The page is cut smaller and sent
    /// again; it ends the sync only where no smaller one helps.
    TooLarge,
    /// The driver ended the sync: it took too long, or someone asked.
    Stopped,
}

/// What the driver must do next.
#[derive(Debug)]
pub enum PhoneEffect {
    /// Read changes without a verdict, oldest first, up to so many bytes; then `Outbox`.
    Read {
        /// Encoded bytes of one page.
        page_bytes: usize,
        /// Also the fingerprints of every document held.
        inventory: bool,
        /// Documents of which the page has nothing: the server takes them later, and what is behind
        /// them need not wait for that.
        pass_over: BTreeSet<DocId>,
    },
    /// Send this frame; then `Frame` or `Failed`.
    Send(Vec<u8>),
    /// Store this in one transaction, on disk; then `Stored`.
    Store(Inbox),
    /// Come back with `Wake` after so many milliseconds, or earlier if there is a reason.
    WakeAfter(u64),
    /// What the server said last agrees with what is stored: drop what was kept long enough.
    Tidy,
    /// The sync is over.
    Finished(SyncOutcome),
}

/// How a sync ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SyncOutcome {
    /// Both sides hold the same.
    UpToDate,
    /// Something waits for a person or another version; the rest went through.
    Waiting,
    /// The two do not agree after repair; it is tried again later.
    Diverged,
    /// It failed; it is tried again later.
    Failed(Failure),
    /// The server refused the message as a whole.
    Fault(Fault),
}

/// One page of what the phone has to say.
#[derive(Debug, Clone, Default)]
pub struct Outbox {
    /// Epoch the phone last heard; 0 for never.
    pub epoch: u64,
    /// Stored up to here.
    pub cursor: u64,
    /// Changes without a verdict, each after everything it follows.
    pub runs: Vec<Sent>,
    /// Fingerprints, if asked for.
    pub inventory: Option<Inventory>,
    /// There is another page.
    pub more: bool,
}

/// The verdict for one change that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushedVerdict {
    /// The document.
    pub doc: DocId,
    /// The change.
    pub change: ChangeRef,
    /// Whether it was sent as [`Sent::Orphaned`]: then other work may stand under its number in the
    /// document, and the verdict is not about that.
    pub orphaned: bool,
    /// The result.
    pub verdict: Verdict,
}

/// What an answer brings, to be stored in one transaction.
#[derive(Debug, Clone, Default)]
pub struct Inbox {
    /// Epoch of the server's log.
    pub epoch: u64,
    /// Stored up to here once this is stored; 0 until a repair is complete, so that a repair that
    /// is cut off starts again.
    pub cursor: u64,
    /// The epoch is another than before (the server was restored, or this is the first contact):
    /// take a fresh actor and write what waits again ([`super::Replica::renew`]). Another copy of this installation, also unaware of the
    /// restore, could otherwise use the same numbers for other work.
    pub renew: bool,
    /// The server's wall clock when it answered, Unix milliseconds.
    pub server_time: i64,
    /// Verdicts, in the order in which the changes were sent.
    pub verdicts: Vec<PushedVerdict>,
    /// New runs, in the order of the log.
    pub runs: Vec<Attested>,
    /// Documents of which `runs` holds everything the server has: what the phone holds beyond
    /// that, the server has lost, and the next outbox brings it back.
    pub whole: Vec<DocId>,
    /// Documents the server does not have as this phone does, and that are not in its scope.
    pub unknown: Vec<DocId>,
    /// Of those the ones of which the next outbox brings everything back.
    pub lost: Vec<DocId>,
    /// Documents to drop once nothing of them waits.
    pub released: Vec<DocId>,
    /// Whether this answers an inventory: every document held that is neither released nor
    /// unknown is in scope.
    pub repair: bool,
}

/// The machine. It holds nothing that a crash may not lose.
#[derive(Debug)]
pub struct Phone<K = SigningKey> {
    device: DeviceId,
    key: K,
    state: State,
    failures: u32,
    /// Syncs since the two last agreed that ended with something waiting: what waits for a newer
    /// server or a person is not tried again every few seconds for days.
    stalled: u32,
    page: PageSize,
    /// Documents of which the server takes something later. Every sync sends everything else first,
    /// then one page of these.
    later: BTreeSet<DocId>,
    /// Those of them that had their page since all of them had one: the others come first.
    tried: BTreeSet<DocId>,
}

#[derive(Debug)]
enum State {
    Idle,
    Reading(Progress),
    Sent { progress: Progress, changes: Vec<Pushed>, inventory: bool, more: bool },
    Storing { progress: Progress, answer: Answer },
}

/// A change that was sent: its document, itself, and whether it is orphaned.
type Pushed = (DocId, ChangeRef, bool);

/// What one sync remembers from exchange to exchange.
#[derive(Debug, Default)]
struct Progress {
    /// Documents that are being brought back. They are marked once a sync: marked at each page
    /// again, what the server has just taken would be sent for ever, and nothing after it.
    lost: BTreeSet<DocId>,
    /// Documents the server sent whole, with the fingerprint they have there. The next inventory says
    /// that: what did not fit here, or has more here than there until it is sent, would come again
    /// before all others.
    told_whole: BTreeMap<DocId, u64>,
    inventories: u32,
    fruitless: u32,
    /// What was sent last. Sent again, its verdicts have moved nothing.
    sent: Vec<Pushed>,
    exchanges: u32,
    /// Documents of which the server takes something later, as it said in this sync.
    told: BTreeSet<DocId>,
    /// Whether what was told *later* in earlier syncs has its page now, and whether it had it.
    trying: bool,
    had_page: bool,
    /// The server has more to say, or the two have to be compared.
    has_to_ask: bool,
    /// Whether what was stored last is what the server has, as far as it has a verdict.
    agrees: bool,
    /// How long what is told *later* has to wait, milliseconds.
    retry_after_ms: u64,
    epoch: u64,
    cursor: u64,
    wants_inventory: bool,
}

/// What of the answer decides how to go on.
#[derive(Debug)]
struct Answer {
    digest: Digest,
    more: bool,
    resync: bool,
    fruitful: bool,
    retry_after_ms: u64,
    outbox_more: bool,
    /// Documents of which the server takes something later.
    later: BTreeSet<DocId>,
    /// Documents of which it has decided something.
    decided: BTreeSet<DocId>,
    /// Fingerprints of the documents it holds whole.
    whole: BTreeMap<DocId, u64>,
}

impl<K: Signer<Signature>> Phone<K> {
    /// A machine for an enrolled device, whose work `key` signs.
    pub fn new(device: DeviceId, key: K) -> Self {
        Self {
            device,
            key,
            state: State::Idle,
            failures: 0,
            stalled: 0,
            page: PageSize::default(),
            later: BTreeSet::new(),
            tried: BTreeSet::new(),
        }
    }

    /// Encoded bytes at which a page ends now ([`Failure::TooLarge`]).
    pub fn page_bytes(&self) -> usize {
        self.page.bytes()
    }

    /// Whether a sync is under way.
    pub fn is_busy(&self) -> bool {
        !matches!(self.state, State::Idle)
    }

    /// One step. `random` is any number nobody can guess; it spreads reconnects.
    pub fn handle(&mut self, random: u64, event: PhoneEvent<'_>) -> Vec<PhoneEffect> {
        let state = std::mem::replace(&mut self.state, State::Idle);
        match (state, event) {
            (State::Idle, PhoneEvent::Wake) => self.begin(),
            (State::Reading(progress), PhoneEvent::Outbox(outbox)) => {
                self.send(random, progress, outbox)
            }
            (State::Sent { progress, changes, inventory, more }, PhoneEvent::Frame(bytes)) => {
                match decode_response(bytes) {
                    Ok(Frame::Response(response)) => {
                        self.receive(random, progress, changes, inventory, more, *response)
                    }
                    Ok(Frame::Fault(fault)) => self.faulted(random, fault),
                    Ok(Frame::Notification) => {
                        self.state = State::Sent { progress, changes, inventory, more };
                        Vec::new()
                    }
                    Err(_) => self.fail(random, Failure::NotTheServer),
                }
            }
            (
                State::Storing { mut progress, answer },
                PhoneEvent::Stored { digest, waiting, left },
            ) => {
                // What was decided of a document changed it there.
                progress.told_whole.retain(|doc, _| !answer.decided.contains(doc));
                progress.told_whole.extend(&answer.whole);
                self.stored(random, progress, answer, digest, waiting, &left)
            }
            (State::Idle, PhoneEvent::Frame(bytes)) => match decode_response(bytes) {
                Ok(Frame::Notification) => self.begin(),
                _ => Vec::new(),
            },
            (State::Idle, PhoneEvent::Failed(_)) => Vec::new(),
            (State::Sent { progress, .. }, PhoneEvent::Failed(Failure::TooLarge))
                if self.page.shrink() =>
            {
                self.read(progress)
            }
            (_, PhoneEvent::Failed(failure)) => self.fail(random, failure),
            // Anything else is out of step and changes nothing.
            (state, _) => {
                self.state = state;
                Vec::new()
            }
        }
    }

    fn begin(&mut self) -> Vec<PhoneEffect> {
        if self.later.is_empty() {
            std::mem::swap(&mut self.later, &mut self.tried);
        }
        self.read(Progress::default())
    }

    fn read(&mut self, progress: Progress) -> Vec<PhoneEffect> {
        let inventory = progress.wants_inventory;
        let mut pass_over: BTreeSet<DocId> = self.tried.union(&progress.told).copied().collect();
        if !progress.trying {
            pass_over.extend(&self.later);
        }
        self.state = State::Reading(progress);
        vec![PhoneEffect::Read { page_bytes: self.page.bytes(), inventory, pass_over }]
    }

    fn send(
        &mut self,
        random: u64,
        mut progress: Progress,
        mut outbox: Outbox,
    ) -> Vec<PhoneEffect> {
        if outbox.runs.is_empty() {
            // Everything else has gone.
            if !progress.trying && !progress.had_page && !self.later.is_empty() {
                progress.trying = true;
                return self.read(progress);
            }
            if progress.trying {
                // Nothing of them waits any more.
                self.later.retain(|doc| progress.told.contains(doc));
            }
            if progress.exchanges > 0 && !progress.has_to_ask {
                return self.rest(random, &progress);
            }
        }
        let repair = outbox.epoch != 0 && outbox.cursor == 0;
        if repair && outbox.inventory.is_none() {
            progress.wants_inventory = true;
            return self.read(progress);
        }
        if let Some(inventory) = &mut outbox.inventory {
            inventory.set_aside(&progress.told_whole);
        }
        let refs = outbox.runs.iter().flat_map(|sent| {
            let (run, orphaned) = (sent.run(), matches!(sent, Sent::Orphaned(_)));
            let refs = run.changes.iter().map(|c| ChangeRef { actor: c.actor, seq: c.seq });
            refs.map(move |change| (run.doc, change, orphaned))
        });
        let changes: Vec<Pushed> = refs.collect();
        let signature = Sent::sign(&outbox.runs, self.device, &self.key);
        progress.epoch = outbox.epoch;
        progress.cursor = outbox.cursor;
        let (inventory, more) = (outbox.inventory.is_some(), outbox.more);
        let frame = encode_request(&Request {
            epoch: outbox.epoch,
            cursor: outbox.cursor,
            runs: outbox.runs,
            signature,
            inventory: outbox.inventory,
            more,
        });
        self.state = State::Sent { progress, changes, inventory, more };
        vec![PhoneEffect::Send(frame)]
    }

    fn receive(
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

    fn stored(
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

    /// Nothing more can be done in this sync.
    fn rest(&mut self, random: u64, progress: &Progress) -> Vec<PhoneEffect> {
        if progress.retry_after_ms > 0 {
            let wait = backoff::after(progress.retry_after_ms, random);
            return self.finish(SyncOutcome::Waiting, wait, progress.agrees);
        }
        self.stall(SyncOutcome::Waiting, random, progress.agrees)
    }

    fn stall(&mut self, outcome: SyncOutcome, random: u64, tidy: bool) -> Vec<PhoneEffect> {
        let wait = backoff::delay(STALLED.saturating_add(self.stalled), random);
        self.stalled = self.stalled.saturating_add(1);
        self.finish(outcome, wait, tidy)
    }

    fn faulted(&mut self, random: u64, fault: Fault) -> Vec<PhoneEffect> {
        self.failures = self.failures.saturating_add(1);
        let wait =
            backoff::after(fault.retry_after_ms, random).max(backoff::delay(self.failures, random));
        self.finish(SyncOutcome::Fault(fault), wait, false)
    }

    fn fail(&mut self, random: u64, failure: Failure) -> Vec<PhoneEffect> {
        self.failures = self.failures.saturating_add(1);
        let asked = match failure {
            Failure::Busy(ms) => backoff::after(ms, random),
            _ => 0,
        };
        let wait = asked.max(backoff::delay(self.failures, random));
        self.finish(SyncOutcome::Failed(failure), wait, false)
    }

    fn finish(&mut self, outcome: SyncOutcome, wake_after: u64, tidy: bool) -> Vec<PhoneEffect> {
        self.state = State::Idle;
        let tidy = tidy.then_some(PhoneEffect::Tidy).into_iter();
        tidy.chain([PhoneEffect::Finished(outcome), PhoneEffect::WakeAfter(wake_after)]).collect()
    }
}
