//! How a sync of the phone ends, and how long the phone then waits.

use super::events::{Failure, PhoneEffect, SyncOutcome};
use super::progress::Progress;
use super::{Phone, State, backoff};
use crate::sync::frame::Fault;

/// A sync that ends with something waiting is tried again as after so many failures, the next one as
/// after one more.
const STALLED: u32 = 3;

impl<K> Phone<K> {
    /// Nothing more can be done in this sync.
    pub(super) fn rest(&mut self, random: u64, progress: &Progress) -> Vec<PhoneEffect> {
        if progress.retry_after_ms > 0 {
            let wait = backoff::after(progress.retry_after_ms, random);
            return self.finish(SyncOutcome::Waiting, wait, progress.agrees);
        }
        self.stall(SyncOutcome::Waiting, random, progress.agrees)
    }

    pub(super) fn stall(
        &mut self,
        outcome: SyncOutcome,
        random: u64,
        tidy: bool,
    ) -> Vec<PhoneEffect> {
        let wait = backoff::delay(STALLED.saturating_add(self.stalled), random);
        self.stalled = self.stalled.saturating_add(1);
        self.finish(outcome, wait, tidy)
    }

    pub(super) fn faulted(&mut self, random: u64, fault: Fault) -> Vec<PhoneEffect> {
        self.failures = self.failures.saturating_add(1);
        let wait =
            backoff::after(fault.retry_after_ms, random).max(backoff::delay(self.failures, random));
        self.finish(SyncOutcome::Fault(fault), wait, false)
    }

    pub(super) fn fail(&mut self, random: u64, failure: Failure) -> Vec<PhoneEffect> {
        self.failures = self.failures.saturating_add(1);
        let asked = match failure {
            Failure::Busy(ms) => backoff::after(ms, random),
            _ => 0,
        };
        let wait = asked.max(backoff::delay(self.failures, random));
        self.finish(SyncOutcome::Failed(failure), wait, false)
    }

    pub(super) fn finish(
        &mut self,
        outcome: SyncOutcome,
        wake_after: u64,
        tidy: bool,
    ) -> Vec<PhoneEffect> {
        self.state = State::Idle;
        let tidy = tidy.then_some(PhoneEffect::Tidy).into_iter();
        tidy.chain([PhoneEffect::Finished(outcome), PhoneEffect::WakeAfter(wake_after)]).collect()
    }
}
