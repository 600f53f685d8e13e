//! The phone's side of sync: one exchange at a time until both agree, then quiet.

mod answer;
mod backoff;
mod ending;
pub(super) mod events;
mod page;
mod progress;

use std::collections::BTreeSet;

use ed25519_dalek::{Signature, Signer, SigningKey};

use events::{Failure, Outbox, PhoneEffect, PhoneEvent};
use page::PageSize;
use progress::{Answer, Progress, Pushed};

use super::codec::{decode_response, encode_request};
use super::frame::{Frame, Request, Sent};
use crate::change::ChangeRef;
use crate::id::DeviceId;
use crate::schema::DocId;

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
}
