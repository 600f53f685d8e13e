//! The two things rules never reach for themselves: what time it is, and randomness.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

pub use store::random;

/// Tells the time; a simulated day brings its own.
#[derive(Clone)]
pub struct Clock {
    now: Arc<dyn Fn() -> i64 + Send + Sync>,
    is_system: bool,
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        let clock = Self::new(|| {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
        });
        Self { is_system: true, ..clock }
    }

    /// A clock that asks `now` for Unix milliseconds.
    pub fn new(now: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        Self { now: Arc::new(now), is_system: false }
    }

    /// Unix milliseconds.
    pub fn now(&self) -> i64 {
        (self.now)()
    }

    /// Whether it is the machine's clock, which goes as time passes unless it is put right.
    pub fn is_system(&self) -> bool {
        self.is_system
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Clock({})", self.now())
    }
}
