//! A phone's way to the server: the product's own transport behind a link in simulated time.
//!
//! Every request really goes over a socket. Before and after, the link model says when its bytes
//! are through; the phone's time moves on accordingly, and what does not get through in time is
//! lost: a request before the server sees it, an answer after the server has acted on it.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use mobile_ffi::{Connector, HttpTransport, NetError, Post, Reply, SocketTransport, Transport};
use tests::drives::Drive;
use tests::links::{Link, Lost};
use tests::random::Random;

use crate::simtime::SimTime;

/// Bytes of HTTP around a body in each direction, for the link model.
const HEAD_BYTES: u64 = 420;
/// Bytes of a WebSocket message around its payload.
const MESSAGE_BYTES: u64 = 14;

/// What crossed a phone's link.
#[derive(Debug, Default)]
pub struct Traffic {
    /// Sync frames answered.
    pub round_trips: AtomicU64,
    /// Bytes of sync frames sent, lost ones too.
    pub bytes_up: AtomicU64,
    /// Bytes of sync frames received, lost ones too.
    pub bytes_down: AtomicU64,
    /// Requests that never reached the server.
    pub requests_lost: AtomicU64,
    /// Answers that never reached the phone although the server had acted.
    pub answers_lost: AtomicU64,
}

/// Where and when one phone is.
pub struct Radio {
    /// The phone's own time.
    pub time: SimTime,
    /// The server's time, which a request moves on when it arrives.
    pub server: SimTime,
    link: Link,
    drive: Drive,
    /// What is added to a moment to find it in the drive.
    drive_shift_ms: i64,
    /// When the phone crashes next; nothing crosses after that.
    crash_ms: AtomicI64,
    /// Before the first moment and after the second the phone is at the branch, with coverage.
    away_ms: (i64, i64),
    chance: Mutex<Random>,
    /// What crossed.
    pub traffic: Traffic,
}

impl Radio {
    /// A phone on this link, moved along this drive.
    pub fn new(
        (time, server): (SimTime, SimTime),
        link: Link,
        (drive, drive_shift_ms): (Drive, i64),
        away_ms: (i64, i64),
        chance: Random,
    ) -> Self {
        let crash_ms = AtomicI64::new(i64::MAX);
        let (chance, traffic) = (Mutex::new(chance), Traffic::default());
        Self { time, server, link, drive, drive_shift_ms, crash_ms, away_ms, chance, traffic }
    }

    /// Whether there is any coverage at a moment.
    pub fn covered(&self, at_ms: i64) -> bool {
        let on_air = || self.drive.at(at_ms + self.drive_shift_ms).covered;
        self.at_home(at_ms) || (self.link.covered(at_ms) && on_air())
    }

    /// When to look for coverage again after a moment without any.
    pub fn look_again(&self, at_ms: i64) -> i64 {
        self.link.outages().end_of(at_ms).unwrap_or(at_ms)
    }

    fn at_home(&self, at_ms: i64) -> bool {
        at_ms < self.away_ms.0 || at_ms >= self.away_ms.1
    }

    /// Latitude and longitude at a moment, 1e-7 degrees.
    pub fn place(&self, at_ms: i64) -> (i64, i64) {
        let sample = self.drive.at(at_ms + self.drive_shift_ms);
        (sample.lat, sample.lon)
    }

    /// Says when the phone crashes next.
    pub fn crash_at(&self, at_ms: i64) {
        self.crash_ms.store(at_ms, Ordering::SeqCst);
    }

    /// Lets a request cross, does it, and lets the answer cross.
    fn cross<T>(
        &self,
        up: u64,
        act: impl FnOnce() -> Result<T, NetError>,
        size: impl Fn(&T) -> u64,
    ) -> Result<T, NetError> {
        let lost = |at_ms, counter: &AtomicU64| {
            counter.fetch_add(1, Ordering::SeqCst);
            self.time.reach(at_ms);
            NetError::Cut("the radio link went away".to_owned())
        };
        let start = self.time.now();
        let arrived = self.through(start, self.link.up(start, up));
        let arrived = arrived.map_err(|at| lost(at, &self.traffic.requests_lost))?;
        self.time.reach(arrived);
        self.server.reach(arrived);
        let began = Instant::now();
        let answer = act()?;
        let worked = i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX);
        let leaves = arrived + worked;
        let back = self.through(leaves, self.link.down(leaves, size(&answer)));
        let back = back.map_err(|at| lost(at, &self.traffic.answers_lost))?;
        self.time.reach(back);
        Ok(answer)
    }

    /// When a transfer is through, or when the phone knows that it is not.
    fn through(&self, start_ms: i64, at: Result<i64, Lost>) -> Result<i64, i64> {
        const PATIENCE_MS: i64 = 30_000;
        if self.at_home(start_ms) {
            return Ok(at.unwrap_or(start_ms + 40).min(start_ms + PATIENCE_MS));
        }
        let crash = self.crash_ms.load(Ordering::SeqCst);
        let mut chance = self.chance.lock().unwrap_or_else(PoisonError::into_inner);
        // A hand-over between two cells now and then swallows what is under way.
        let swallowed = chance.percent(2);
        match at {
            Ok(at) if at >= crash => Err(crash),
            Ok(_) if swallowed => Err(start_ms + PATIENCE_MS),
            Ok(at) => Ok(at),
            Err(Lost { at_ms }) => Err(at_ms.min(crash)),
        }
    }
}

/// Makes transports over one phone's radio.
pub struct ShapedConnector {
    /// The phone's radio.
    pub radio: Arc<Radio>,
    /// Whether sync frames go over a WebSocket instead of HTTP posts.
    pub socket: bool,
}

impl Connector for ShapedConnector {
    fn connect(&self, server_url: &str) -> Result<Arc<dyn Transport>, NetError> {
        let inner: Arc<dyn Transport> = if self.socket {
            Arc::new(SocketTransport::new(server_url)?)
        } else {
            Arc::new(HttpTransport::new(server_url)?)
        };
        Ok(Arc::new(Shaped { inner, radio: Arc::clone(&self.radio), socket: self.socket }))
    }
}

struct Shaped {
    inner: Arc<dyn Transport>,
    radio: Arc<Radio>,
    socket: bool,
}

impl Transport for Shaped {
    fn post(&self, request: Post<'_>) -> Result<Reply, NetError> {
        let up = request.body.len() as u64 + HEAD_BYTES;
        self.radio.cross(
            up,
            || self.inner.post(request),
            |reply| reply.body.len() as u64 + HEAD_BYTES,
        )
    }

    fn sync(&self, bearer: &str, frame: &[u8]) -> Result<Vec<u8>, NetError> {
        let around = if self.socket { MESSAGE_BYTES } else { HEAD_BYTES };
        let traffic = &self.radio.traffic;
        let up = frame.len() as u64;
        traffic.bytes_up.fetch_add(up, Ordering::SeqCst);
        let act = || {
            let answer = self.inner.sync(bearer, frame)?;
            traffic.round_trips.fetch_add(1, Ordering::SeqCst);
            traffic.bytes_down.fetch_add(answer.len() as u64, Ordering::SeqCst);
            Ok(answer)
        };
        self.radio.cross(up + around, act, |answer| answer.len() as u64 + around)
    }
}
