//! The driver of the phone's sync machine: reads, sends, stores, one sync at a time.

use std::collections::VecDeque;
use std::sync::{Arc, MutexGuard, PoisonError};

use sync_core::id::DeviceId;
use sync_core::limits;
use sync_core::sync::{Anchor, Failure, Inbox, Phone, PhoneEffect, PhoneEvent, SyncOutcome};

use super::absorb::Absorbed;
use super::login::Way;
use super::{Engine, Event, outbox};
use crate::error::EngineError;
use crate::net::{Bounded, NetError, REVOKED};
use crate::platform;
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
    /// Changes re-authored under a fresh actor.
    pub reauthored: u64,
    /// Changes that came from the server.
    pub received: u64,
    /// Why the server did not take some of it yet: a stable code, such as `quota`.
    pub later: Option<String>,
    /// Positions that the server answered.
    pub positions: u64,
}

/// What lives from one sync to the next.
#[derive(Default)]
pub(super) struct Session {
    machine: Option<(DeviceId, Phone)>,
    /// Why the last exchange failed, in more words than the machine needs.
    failure: Option<NetError>,
    /// Of a revoked phone, the last row the office has been handed.
    submitted: u64,
    /// How the last sync ended.
    last_end: Option<SyncEnd>,
}

impl Session {
    /// Encoded bytes at which a page ends.
    fn page_bytes(&self) -> usize {
        self.machine.as_ref().map_or(limits::PAGE_BYTES, |(_, machine)| machine.page_bytes())
    }
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
        let Some(mut turn) = self.next_turn() else { return Ok(SyncReport::start()) };
        self.0.stop.begin();
        let mut report = self.sync(&mut turn.session);
        if let Ok(report) = &mut report
            && matches!(report.end, SyncEnd::UpToDate | SyncEnd::Waiting | SyncEnd::Diverged)
        {
            report.positions = self.send_positions(&self.bounded_way()?)?;
        }
        let end = report.as_ref().ok().map(|report| report.end.clone());
        let news = turn.session.last_end != end;
        turn.session.last_end = end;
        drop(turn);
        if news {
            // Only news is told: a listener that syncs on every event comes to rest.
            self.0.watchers.tell(&Event { status: true, ..Event::default() });
        }
        report
    }

    /// Ends the sync under way, if there is one: it stores what it has of the server's answers and
    /// returns at once, whatever the network does. Everything else waits and goes with the next.
    pub fn cancel_sync(&self) {
        self.0.stop.cancel();
    }

    /// Ends the sync under way and keeps others from beginning; absent on the thread of the sync
    /// itself, which cannot wait for its own end.
    pub(super) fn turn(&self) -> Option<Turn<'_>> {
        let _hold = self.0.stop.hold();
        self.next_turn()
    }

    /// The way to the server, of which every request ends when the sync has to.
    fn bounded_way(&self) -> Result<Way, EngineError> {
        let way = self.way()?;
        let bounded = Bounded { inner: way.transport, stop: Arc::clone(&self.0.stop) };
        Ok(Way { transport: Arc::new(bounded), ..way })
    }

    /// Waits until no sync is under way and keeps others from beginning; absent on the thread of
    /// the sync itself.
    fn next_turn(&self) -> Option<Turn<'_>> {
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
        let way = self.bounded_way()?;
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
                PhoneEffect::Read { page_bytes, inventory, pass_over } => {
                    let state = self.state();
                    let db = state.store.read();
                    let page = outbox::read(db, page_bytes, inventory, &pass_over)?;
                    drop(state);
                    self.next(session, PhoneEvent::Outbox(page))?
                }
                PhoneEffect::Send(frame) => match self.exchange(&way, &frame) {
                    Ok(answer) => {
                        report.round_trips += 1;
                        report.bytes_up += frame.len() as u64;
                        report.bytes_down += answer.len() as u64;
                        session.submitted = 0;
                        self.next(session, PhoneEvent::Frame(&answer))?
                    }
                    Err(error) => {
                        if let NetError::Login { code, reason, .. } = &error
                            && code == REVOKED
                        {
                            let page_bytes = session.page_bytes();
                            session.submitted = match reason {
                                Some(_) => self.settle_submitted(&way, page_bytes)?,
                                None => self.submit(&way, session.submitted, page_bytes)?,
                            };
                        }
                        if error == NetError::Stopped {
                            // What was given up may still hold the way for a while.
                            self.state().transport = None;
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
                PhoneEffect::Tidy => {
                    self.state().tidy()?;
                    continue;
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
        let random = u64::from_le_bytes(platform::bytes(self.random())?);
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
            server_ms: inbox
                .server_time
                .clamp(limits::TIME_RANGE.start, limits::TIME_RANGE.end - 1),
            up_ms: clock.up_ms(),
            wall_ms: clock.wall_ms(),
            boot: clock.boot(),
        };
        let mut state = self.state();
        let fresh = state.fresh_actor(&self.0.options)?;
        let absorbed = state.absorb(inbox, fresh, anchor, &self.0.options.keeps)?;
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
            later: None,
            positions: 0,
        }
    }

    fn add(&mut self, absorbed: &Absorbed) {
        self.durable += absorbed.durable;
        self.refused += absorbed.refused;
        self.reauthored += absorbed.reauthored;
        self.received += absorbed.received;
        self.later.clone_from(&absorbed.later);
    }
}

fn failure(error: &NetError) -> Failure {
    match error {
        NetError::Unreachable(_)
        | NetError::Cut(_)
        | NetError::BadAddress(_)
        | NetError::Cleartext(_) => Failure::Unreachable,
        NetError::Portal
        | NetError::Certificate(_)
        | NetError::CertificateTime(_)
        | NetError::Garbled(_)
        | NetError::Redirected { .. }
        | NetError::NotPassedOn { .. } => Failure::NotTheServer,
        NetError::TooLarge { .. } => Failure::TooLarge,
        NetError::Busy { retry_after_s } | NetError::Gateway { retry_after_s, .. } => {
            Failure::Busy(retry_after_s.unwrap_or(0).saturating_mul(1000))
        }
        NetError::Login { .. } | NetError::Refused { .. } => Failure::Unauthorised,
        NetError::Stopped => Failure::Stopped,
    }
}

fn end(outcome: SyncOutcome, failure: Option<NetError>) -> SyncEnd {
    match outcome {
        SyncOutcome::UpToDate => SyncEnd::UpToDate,
        SyncOutcome::Waiting => SyncEnd::Waiting,
        SyncOutcome::Diverged => SyncEnd::Diverged,
        SyncOutcome::Fault(fault) => SyncEnd::Fault { code: fault.code, sentence: fault.sentence },
        SyncOutcome::Failed(Failure::NotTheServer) => {
            SyncEnd::Failed(failure.unwrap_or(NetError::Garbled("not a sync frame".to_owned())))
        }
        SyncOutcome::Failed(Failure::Busy(ms)) => SyncEnd::Failed(
            failure.unwrap_or(NetError::Busy { retry_after_s: Some(ms.div_ceil(1000)) }),
        ),
        SyncOutcome::Failed(Failure::Stopped) => SyncEnd::Failed(NetError::Stopped),
        SyncOutcome::Failed(Failure::Unreachable | Failure::Unauthorised | Failure::TooLarge) => {
            SyncEnd::Failed(failure.unwrap_or(NetError::Unreachable("no answer".to_owned())))
        }
    }
}
