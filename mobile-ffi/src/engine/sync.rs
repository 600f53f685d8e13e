//! The driver of the phone's sync machine: reads, sends, stores, one sync at a time.

use std::collections::VecDeque;
use std::sync::{MutexGuard, PoisonError};

use sync_core::id::DeviceId;
use sync_core::sync::{Anchor, Failure, Inbox, Outcome, Phone, PhoneEffect, PhoneEvent};

use super::absorb::Absorbed;
use super::{Engine, Event, outbox};
use crate::error::EngineError;
use crate::net::{NetError, REVOKED};
use crate::power;
use crate::store::{docs, runs};

/// How a sync ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SyncEnd {
    /// Phone and server hold the same.
    UpToDate,
    /// The server answered; something is still waiting, for a person or a newer version.
    Waiting,
    /// Phone and server do not agree after repair; it is tried again later.
    Diverged,
    /// It did not get through; everything saved is still here and waits.
    Failed(NetError),
    /// The server refused the message as a whole.
    Fault {
        /// Stable code.
        code: String,
        /// Plain sentence.
        sentence: String,
    },
}

/// What one sync came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncReport {
    /// How it ended.
    pub end: SyncEnd,
    /// Milliseconds after which to sync again, unless there is a reason earlier.
    pub again_in_ms: u64,
    /// Requests that were answered.
    pub round_trips: u64,
    /// Bytes of frames sent.
    pub bytes_up: u64,
    /// Bytes of frames received.
    pub bytes_down: u64,
    /// Changes that became durable on the server.
    pub durable: u64,
    /// Changes the server refused.
    pub refused: u64,
    /// Changes written anew under a fresh actor.
    pub reauthored: u64,
    /// Changes that came from the server.
    pub received: u64,
}

/// What lives from one sync to the next.
#[derive(Default)]
pub(super) struct Session {
    machine: Option<(DeviceId, Phone)>,
    /// Why the last exchange failed, in more words than the machine needs.
    failure: Option<NetError>,
    /// Of a revoked phone, the last row the office has been handed.
    handed_in: u64,
    /// How the last sync ended.
    last_end: Option<SyncEnd>,
}

/// The right to sync, until it is dropped.
pub(super) struct Turn<'a> {
    session: MutexGuard<'a, Session>,
    engine: &'a Engine,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let holder = self.engine.0.syncing.lock();
        *holder.unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Engine {
    /// Brings phone and server together now, whatever the back-off says. Waits for a sync that
    /// is under way; from a listener that is told by that very sync it does nothing. Fails only
    /// for reasons of this phone; a server that cannot be reached is an end in the report,
    /// because nothing is wrong: the work waits.
    pub fn sync_now(&self) -> Result<SyncReport, EngineError> {
        let Some(mut turn) = self.turn() else { return Ok(SyncReport::start()) };
        let report = self.sync(&mut turn.session);
        let end = report.as_ref().ok().map(|report| report.end.clone());
        let news = turn.session.last_end != end;
        turn.session.last_end = end;
        drop(turn);
        if news {
            // Only news is told: a listener that syncs on every event comes to rest.
            self.0.watchers.tell(&Event { status: true, ..Event::default() });
        }
        if report.as_ref().is_ok_and(|report| report.end == SyncEnd::UpToDate) {
            self.state().tidy()?;
        }
        report
    }

    /// Waits until no sync is under way and keeps others from beginning; absent on the thread of
    /// the sync itself, which cannot wait for its own end.
    pub(super) fn turn(&self) -> Option<Turn<'_>> {
        let here = std::thread::current().id();
        let holder = || self.0.syncing.lock().unwrap_or_else(PoisonError::into_inner);
        if *holder() == Some(here) {
            return None;
        }
        let session = self.0.sync.lock().unwrap_or_else(PoisonError::into_inner);
        *holder() = Some(here);
        Some(Turn { session, engine: self })
    }

    /// Whether a sync is under way.
    pub(super) fn is_syncing(&self) -> bool {
        self.0.syncing.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    fn sync(&self, session: &mut Session) -> Result<SyncReport, EngineError> {
        let way = self.way()?;
        let device = way.device;
        let known = session.machine.as_ref().is_some_and(|(of, _)| *of == device);
        if !known || session.machine.as_ref().is_some_and(|(_, machine)| machine.is_busy()) {
            session.machine = Some((device, Phone::new(device, way.key.clone())));
        }
        let mut report = SyncReport::start();
        let mut effects = self.next(session, PhoneEvent::Wake)?;
        // Effects are carried out in order; each kind but the last two brings one event.
        while let Some(effect) = effects.pop_front() {
            let next = match effect {
                PhoneEffect::Read { page_bytes, inventory } => {
                    let state = self.state();
                    let page = outbox::read(state.store.read(), page_bytes, inventory)?;
                    drop(state);
                    self.next(session, PhoneEvent::Outbox(page))?
                }
                PhoneEffect::Send(frame) => match self.exchange(&way, &frame) {
                    Ok(answer) => {
                        report.round_trips += 1;
                        report.bytes_up += frame.len() as u64;
                        report.bytes_down += answer.len() as u64;
                        session.handed_in = 0;
                        self.next(session, PhoneEvent::Frame(&answer))?
                    }
                    Err(error) => {
                        if matches!(&error, NetError::Login { code, .. } if code == REVOKED) {
                            session.handed_in = self.hand_in(&way, session.handed_in)?;
                        }
                        let failure = failure(&error);
                        session.failure = Some(error);
                        self.next(session, PhoneEvent::Failed(failure))?
                    }
                },
                PhoneEffect::Store(inbox) => {
                    let stored = self.store(&inbox, &mut report)?;
                    self.next(session, stored)?
                }
                PhoneEffect::WakeAfter(ms) => {
                    report.again_in_ms = ms;
                    continue;
                }
                PhoneEffect::Finished(outcome) => {
                    report.end = end(outcome, session.failure.take());
                    continue;
                }
            };
            effects.extend(next);
        }
        Ok(report)
    }

    fn next(
        &self,
        session: &mut Session,
        event: PhoneEvent<'_>,
    ) -> Result<VecDeque<PhoneEffect>, EngineError> {
        let random = u64::from_le_bytes(power::bytes(self.random())?);
        let machine = session.machine.as_mut();
        let (_, machine) =
            machine.ok_or_else(|| EngineError::Internal("sync without a machine".to_owned()))?;
        Ok(machine.handle(random, event).into())
    }

    fn store(
        &self,
        inbox: &Inbox,
        report: &mut SyncReport,
    ) -> Result<PhoneEvent<'static>, EngineError> {
        let clock = self.clock();
        let anchor = Anchor {
            server_ms: inbox.server_time,
            up_ms: clock.up_ms(),
            wall_ms: clock.wall_ms(),
            boot: clock.boot(),
        };
        let mut state = self.state();
        let fresh = state.fresh_actor(&self.0.options)?;
        let absorbed = state.absorb(inbox, fresh, anchor)?;
        report.add(&absorbed);
        let Absorbed { docs, left, .. } = absorbed;
        let digest = docs::digest(state.store.read())?;
        let waiting = runs::any_unsettled(state.store.read())?;
        drop(state);
        if !docs.is_empty() {
            self.0.watchers.tell(&Event::of_docs(docs.into_iter()));
        }
        Ok(PhoneEvent::Stored { digest, waiting, left })
    }
}

impl SyncReport {
    fn start() -> Self {
        Self {
            end: SyncEnd::Waiting,
            again_in_ms: 0,
            round_trips: 0,
            bytes_up: 0,
            bytes_down: 0,
            durable: 0,
            refused: 0,
            reauthored: 0,
            received: 0,
        }
    }

    fn add(&mut self, absorbed: &Absorbed) {
        self.durable += absorbed.durable;
        self.refused += absorbed.refused;
        self.reauthored += absorbed.reauthored;
        self.received += absorbed.received;
    }
}

fn failure(error: &NetError) -> Failure {
    match error {
        NetError::Unreachable(_) | NetError::Cut(_) | NetError::BadAddress(_) => {
            Failure::Unreachable
        }
        NetError::Portal | NetError::Garbled(_) => Failure::NotTheServer,
        NetError::Busy { retry_after_s } => {
            Failure::Busy(retry_after_s.unwrap_or(0).saturating_mul(1000))
        }
        NetError::Login { .. } | NetError::Refused { .. } => Failure::Unauthorised,
    }
}

fn end(outcome: Outcome, failure: Option<NetError>) -> SyncEnd {
    match outcome {
        Outcome::UpToDate => SyncEnd::UpToDate,
        Outcome::Waiting => SyncEnd::Waiting,
        Outcome::Diverged => SyncEnd::Diverged,
        Outcome::Fault(fault) => SyncEnd::Fault { code: fault.code, sentence: fault.sentence },
        Outcome::Failed(Failure::NotTheServer) => {
            SyncEnd::Failed(failure.unwrap_or(NetError::Garbled("not a sync frame".to_owned())))
        }
        Outcome::Failed(Failure::Busy(ms)) => SyncEnd::Failed(
            failure.unwrap_or(NetError::Busy { retry_after_s: Some(ms.div_ceil(1000)) }),
        ),
        Outcome::Failed(Failure::Unreachable | Failure::Unauthorised) => {
            SyncEnd::Failed(failure.unwrap_or(NetError::Unreachable("no answer".to_owned())))
        }
    }
}
