//! Concurrency limits: permits for requests at work, of which neither a fleet that comes back nor
//! strangers take any from the desk.
//!
//! A phone's page waits in line for its permit, because its body is here already and sending it
//! again would cost more. When the line is full a phone is told after how long to retry:
//! when, at the pace of now, there will be room. So ten thousand phones come back at the pace of the
//! disk, not all of them every few seconds.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, SemaphorePermit};

/// The longest time to retry after.
const LATEST: Duration = Duration::from_secs(300);
/// Time between two pages while nothing is known of the pace.
const PACE: Duration = Duration::from_millis(10);
/// A pause longer than this says nothing about how fast pages go through.
const PAUSE: Duration = Duration::from_secs(1);

/// The concurrency limits of one server.
#[derive(Debug)]
pub struct ConcurrencyLimits {
    desk: Semaphore,
    public: Semaphore,
    phone_requests: Semaphore,
    line: Semaphore,
    /// How many the line holds.
    room: u32,
    phones: Semaphore,
    pace: Mutex<Pace>,
}

/// The permit of a phone's page at work; given back when dropped.
#[derive(Debug)]
pub struct PhonePermit<'l> {
    concurrency: &'l ConcurrencyLimits,
    _line: SemaphorePermit<'l>,
    _work: SemaphorePermit<'l>,
}

/// How fast pages go through, and up to when phones were told to retry.
#[derive(Debug)]
struct Pace {
    between: Duration,
    last: Option<Instant>,
    next: Option<Instant>,
}

impl ConcurrencyLimits {
    /// `requests` of each kind, of the phones' at most `syncs` at work and the others in line.
    pub fn new(requests: usize, syncs: usize) -> Self {
        Self {
            desk: Semaphore::new(requests),
            public: Semaphore::new(requests.div_ceil(4)),
            phone_requests: Semaphore::new(requests.div_ceil(4)),
            line: Semaphore::new(requests),
            room: u32::try_from(requests).unwrap_or(u32::MAX),
            phones: Semaphore::new(syncs.max(1)),
            pace: Mutex::new(Pace::new()),
        }
    }

    /// A permit for anything but a phone's page, if there is one.
    pub fn desk(&self) -> Option<SemaphorePermit<'_>> {
        self.desk.try_acquire().ok()
    }

    /// A permit for a request nobody has logged in for, if there is one: a quarter of what the desk has,
    /// so that strangers take none of its permits.
    pub fn public(&self) -> Option<SemaphorePermit<'_>> {
        self.public.try_acquire().ok()
    }

    /// A place for what a phone asks for beside its pages, if there is one: as many as strangers have.
    /// Positions that find none come again with the next sync.
    pub fn phone_request(&self) -> Option<SemaphorePermit<'_>> {
        self.phone_requests.try_acquire().ok()
    }

    /// A permit for a phone's page, after those in line before it.
    ///
    /// # Errors
    /// The line is full; the seconds after which to come again.
    pub async fn phone(&self) -> Result<PhonePermit<'_>, u64> {
        let Ok(line) = self.line.try_acquire() else { return Err(self.retry_after()) };
        match self.phones.acquire().await {
            Ok(work) => Ok(PhonePermit { concurrency: self, _line: line, _work: work }),
            // The semaphores are never closed.
            Err(_) => Err(self.retry_after()),
        }
    }

    /// Seconds until there will be room for one more.
    fn retry_after(&self) -> u64 {
        self.pace().retry_after(self.room, Instant::now())
    }

    fn pace(&self) -> MutexGuard<'_, Pace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for PhonePermit<'_> {
    fn drop(&mut self) {
        self.concurrency.pace().went_through(Instant::now());
    }
}

impl Pace {
    fn new() -> Self {
        Self { between: PACE, last: None, next: None }
    }

    /// Seconds from now until a line of so many will have room for one more.
    fn retry_after(&mut self, room: u32, now: Instant) -> u64 {
        let drained = now + self.between.saturating_mul(room).min(LATEST);
        let at = self.next.map_or(drained, |next| next.max(drained)).min(now + LATEST);
        self.next = Some(at + self.between);
        1 + at.saturating_duration_since(now).as_secs()
    }

    /// A page went through now.
    fn went_through(&mut self, now: Instant) {
        if let Some(between) = self.last.map(|last| now.saturating_duration_since(last))
            && between < PAUSE
        {
            // The mean of the last few dozen.
            self.between = (self.between * 31 + between) / 32;
        }
        self.last = Some(now);
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
        let concurrency = ConcurrencyLimits::new(3, 1);
        let first = ready(concurrency.phone()).expect("there is room");
        assert!(first.is_ok());
        let mut second = pin!(concurrency.phone());
        let mut context = Context::from_waker(Waker::noop());
        assert!(second.as_mut().poll(&mut context).is_pending(), "it waits in line");
        let desk: Vec<_> = (0..3).map(|_| concurrency.desk()).collect();
        assert!(desk.iter().all(Option::is_some), "the desk has all of its permits");
        drop(first);
        assert!(second.poll(&mut context).is_ready(), "it was next");
    }

    #[test]
    fn what_phones_ask_for_beside_their_pages_takes_nothing_from_desk_or_pages() {
        let concurrency = ConcurrencyLimits::new(3, 1);
        let held: Vec<_> = std::iter::from_fn(|| concurrency.phone_request()).collect();
        assert_eq!(held.len(), 1);
        let desk: Vec<_> = (0..3).map(|_| concurrency.desk()).collect();
        assert!(desk.iter().all(Option::is_some), "the desk has all of its permits");
        assert!(ready(concurrency.phone()).is_some_and(|it| it.is_ok()), "and phones their line");
        drop(held);
        assert!(concurrency.phone_request().is_some(), "what is done takes no room");
    }

    #[test]
    fn a_line_holds_so_many_and_one_more_is_told_when_to_retry() {
        let concurrency = ConcurrencyLimits::new(2, 1);
        let mut context = Context::from_waker(Waker::noop());
        let working = ready(concurrency.phone()).expect("there is room");
        let mut waiting = pin!(concurrency.phone());
        assert!(waiting.as_mut().poll(&mut context).is_pending(), "it waits in line");
        let third = ready(concurrency.phone()).expect("it is told at once");
        assert_eq!(third.err(), Some(1), "two pages take no second");
        drop(working);
        assert!(waiting.poll(&mut context).is_ready(), "it was next");
        assert!(
            ready(concurrency.phone()).is_some_and(|it| it.is_ok()),
            "what is done takes no room"
        );
        assert!(concurrency.pace().last.is_some(), "and is noticed");
    }

    #[test]
    fn times_to_retry_follow_each_other_at_the_pace_of_the_line() {
        let now = Instant::now();
        for (pace, last) in [(PACE, 10), (PACE * 5, 50), (PACE / 10, 1)] {
            let mut it = Pace { between: pace, ..Pace::new() };
            let times: Vec<u64> = (0..1000).map(|_| it.retry_after(0, now)).collect();
            assert!(times.is_sorted(), "later come later");
            assert_eq!(times.last(), Some(&last), "a thousand at {pace:?} each");
            // Whoever comes after some of them were kept is not later than the last of them.
            let then = now + pace * 500;
            assert_eq!(it.retry_after(0, then), 1 + (pace * 500).as_secs(), "at {pace:?}");
        }
        let mut it = Pace::new();
        assert_eq!(it.retry_after(500, now), 6, "those in line come first");
        let all: Vec<u64> = (0..100_000).map(|_| it.retry_after(500, now)).collect();
        assert_eq!(all.iter().max(), Some(&301), "nobody waits for ever");
        let late = now + LATEST * 2;
        assert_eq!(it.retry_after(500, late), 6, "whoever was told has come");
    }

    #[test]
    fn the_pace_is_that_of_the_pages_that_went_through_and_a_pause_says_nothing() {
        let mut it = Pace::new();
        let mut now = Instant::now();
        for _ in 0..300 {
            now += Duration::from_millis(80);
            it.went_through(now);
        }
        let near = |ms: u64| Duration::from_millis(ms - 1)..Duration::from_millis(ms + 1);
        assert!(near(80).contains(&it.between), "{:?}", it.between);
        it.went_through(now + Duration::from_secs(3600));
        assert!(near(80).contains(&it.between), "{:?}", it.between);
        for _ in 0..300 {
            it.went_through(now);
            now += Duration::from_millis(2);
        }
        assert!(near(2).contains(&it.between), "{:?}", it.between);
    }
}
