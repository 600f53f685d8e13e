//! Simulated time: one clock for the day and the server, one a phone that may be wrong.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// A moment that only moves forward, Unix milliseconds of the true simulated time.
#[derive(Debug, Clone)]
pub struct SimTime(Arc<AtomicI64>);

impl SimTime {
    /// Begins at this moment.
    pub fn new(start_ms: i64) -> Self {
        Self(Arc::new(AtomicI64::new(start_ms)))
    }

    /// The moment.
    pub fn now(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }

    /// Moves on to a moment, unless it is later already.
    pub fn reach(&self, at_ms: i64) {
        self.0.fetch_max(at_ms, Ordering::SeqCst);
    }
}

/// The clocks of one phone: its wall clock is off by what the plan says, its time since boot is
/// right and begins again with each reboot.
pub struct PhoneClock {
    time: SimTime,
    off_ms: i64,
    booted_ms: AtomicI64,
    boots: AtomicU64,
}

impl PhoneClock {
    /// A phone that was booted an hour before.
    pub fn new(time: SimTime, off_ms: i64) -> Self {
        let booted_ms = AtomicI64::new(time.now() - 3_600_000);
        Self { time, off_ms, booted_ms, boots: AtomicU64::new(1) }
    }

    /// The phone boots now.
    pub fn reboot(&self) {
        self.booted_ms.store(self.time.now(), Ordering::SeqCst);
        self.boots.fetch_add(1, Ordering::SeqCst);
    }
}

impl mobile_ffi::Clock for PhoneClock {
    fn wall_ms(&self) -> i64 {
        self.time.now() + self.off_ms
    }

    fn up_ms(&self) -> i64 {
        self.time.now() - self.booted_ms.load(Ordering::SeqCst)
    }

    fn boot(&self) -> String {
        format!("boot {}", self.boots.load(Ordering::SeqCst))
    }
}
