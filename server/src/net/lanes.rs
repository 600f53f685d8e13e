//! Places for requests at work, in two lanes: a fleet that comes back takes none from the desk.
//!
//! A phone's page waits in line for its place, because its body is here already and sending it
//! again would cost more. When the line is full a phone gets an appointment: the moment at which,
//! at the pace of now, there will be room. So ten thousand phones come back at the pace of the
//! disk, not all of them every few seconds.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, SemaphorePermit};

/// The longest appointment.
const LATEST: Duration = Duration::from_secs(300);
/// Time between two pages while nothing is known of the pace.
const PACE: Duration = Duration::from_millis(10);
/// A pause longer than this says nothing about how fast pages go through.
const PAUSE: Duration = Duration::from_secs(1);

/// The two lanes of one server.
#[derive(Debug)]
pub struct Lanes {
    desk: Semaphore,
    line: Semaphore,
    /// How many the line holds.
    room: u32,
    phones: Semaphore,
    pace: Mutex<Pace>,
}

/// The place of a phone's page at work; given back when dropped.
#[derive(Debug)]
pub struct PhonePlace<'l> {
    lanes: &'l Lanes,
    _line: SemaphorePermit<'l>,
    _work: SemaphorePermit<'l>,
}

/// How fast pages go through, and up to when appointments are given.
#[derive(Debug)]
struct Pace {
    between: Duration,
    last: Option<Instant>,
    next: Option<Instant>,
}

impl Lanes {
    /// `requests` for each lane, of the phones' at most `syncs` at work and the others in line.
    pub fn new(requests: usize, syncs: usize) -> Self {
        Self {
            desk: Semaphore::new(requests),
            line: Semaphore::new(requests),
            room: u32::try_from(requests).unwrap_or(u32::MAX),
            phones: Semaphore::new(syncs.max(1)),
            pace: Mutex::new(Pace { between: PACE, last: None, next: None }),
        }
    }

    /// A place for anything but a phone's page, if there is one.
    pub fn desk(&self) -> Option<SemaphorePermit<'_>> {
        self.desk.try_acquire().ok()
    }

    /// A place for a phone's page, after those in line before it.
    ///
    /// # Errors
    /// The line is full; the seconds after which to come again.
    pub async fn phone(&self) -> Result<PhonePlace<'_>, u64> {
        let Ok(line) = self.line.try_acquire() else { return Err(self.appointment()) };
        match self.phones.acquire().await {
            Ok(work) => Ok(PhonePlace { lanes: self, _line: line, _work: work }),
            // The lanes are never closed.
            Err(_) => Err(self.appointment()),
        }
    }

    /// Seconds until there will be room for one more.
    fn appointment(&self) -> u64 {
        let now = Instant::now();
        let mut pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
        let drained = now + pace.between.saturating_mul(self.room).min(LATEST);
        let at = pace.next.map_or(drained, |next| next.max(drained)).min(now + LATEST);
        pace.next = Some(at + pace.between);
        1 + at.saturating_duration_since(now).as_secs()
    }
}

impl Drop for PhonePlace<'_> {
    fn drop(&mut self) {
        let now = Instant::now();
        let mut pace = self.lanes.pace.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(between) = pace.last.map(|last| now.saturating_duration_since(last))
            && between < PAUSE
        {
            // The mean of the last few dozen.
            pace.between = (pace.between * 31 + between) / 32;
        }
        pace.last = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn ready<T>(future: impl Future<Output = T>) -> Option<T> {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(value) => Some(value),
            Poll::Pending => None,
        }
    }

    #[test]
    fn phones_take_nothing_from_the_desk() {
        let lanes = Lanes::new(3, 1);
        let first = ready(lanes.phone()).expect("there is room");
        assert!(first.is_ok());
        let mut second = pin!(lanes.phone());
        let mut context = Context::from_waker(Waker::noop());
        assert!(second.as_mut().poll(&mut context).is_pending(), "it waits in line");
        let desk: Vec<_> = (0..3).map(|_| lanes.desk()).collect();
        assert!(desk.iter().all(Option::is_some), "the desk has all of its places");
        drop(first);
        assert!(second.poll(&mut context).is_ready(), "it was next");
    }

    #[test]
    fn appointments_follow_each_other_at_the_pace_of_the_line() {
        let lanes = Lanes::new(0, 1);
        let asked = |lanes: &Lanes| ready(lanes.phone()).and_then(Result::err).expect("no room");
        let times: Vec<u64> = (0..1000).map(|_| asked(&lanes)).collect();
        assert!(times.is_sorted(), "later come later");
        let last = times.last().copied().unwrap_or_default();
        assert!((9..=12).contains(&last), "a thousand at ten milliseconds each: {last} s");
        let all: Vec<u64> = (0..100_000).map(|_| asked(&lanes)).collect();
        assert!(all.iter().all(|seconds| *seconds <= 301), "nobody waits for ever");
    }
}
