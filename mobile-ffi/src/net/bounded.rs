//! A way to the server that ends when its time is over or someone asks, whatever the network does.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{NetError, Post, Reply, Transport};

/// How long one request may take until its answer is whole.
const EXCHANGE: Duration = Duration::from_secs(300);
/// How long one sync may take; what it brought is stored, and the next goes on from there.
const SYNC: Duration = Duration::from_secs(15 * 60);

/// Tells an exchange under way that it is over.
type Tell = Box<dyn Fn() + Send>;

/// When the sync under way has to end.
#[derive(Default)]
pub(crate) struct Stop {
    /// How many wait for it to be over.
    waiting: AtomicUsize,
    cancelled: AtomicBool,
    until: Mutex<Option<Instant>>,
    exchange: Mutex<Option<Tell>>,
}

/// Keeps syncs from going on until it is dropped.
pub(crate) struct Hold<'a>(&'a Stop);

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Stop {
    /// A sync begins.
    pub fn begin(&self) {
        self.cancelled.store(false, Ordering::SeqCst);
        *lock(&self.until) = Some(Instant::now() + SYNC);
    }

    /// The sync under way ends as soon as it can.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::SeqCst);
        self.tell();
    }

    /// The same for every sync until what this gives is dropped.
    pub fn hold(&self) -> Hold<'_> {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        self.tell();
        Hold(self)
    }

    fn tell(&self) {
        if let Some(tell) = lock(&self.exchange).as_ref() {
            tell();
        }
    }

    fn is_asked(&self) -> bool {
        self.cancelled.load(Ordering::SeqCst) || self.waiting.load(Ordering::SeqCst) > 0
    }

    /// Waits for `work`, which a thread of its own does, no longer than it may take. What is given up
    /// ends by itself, and nobody hears of it.
    fn wait<T: Send + 'static>(
        &self,
        abort: &dyn Fn(),
        work: impl FnOnce() -> Result<T, NetError> + Send + 'static,
    ) -> Result<T, NetError> {
        let (sender, heard) = mpsc::channel();
        let stopped = sender.clone();
        *lock(&self.exchange) = Some(Box::new(move || drop(stopped.send(Err(NetError::Stopped)))));
        let left = *lock(&self.until);
        let left = left.map_or(EXCHANGE, |it| it.saturating_duration_since(Instant::now()));
        if self.is_asked() || left.is_zero() {
            *lock(&self.exchange) = None;
            return Err(NetError::Stopped);
        }
        let failed = || NetError::Cut("the transport failed".to_owned());
        let run = move || {
            let done = catch_unwind(AssertUnwindSafe(work));
            drop(sender.send(done.unwrap_or_else(|_| Err(failed()))));
        };
        let thread = std::thread::Builder::new().name("towline-exchange".to_owned()).spawn(run);
        let answer = match thread {
            Ok(_) => heard.recv_timeout(left.min(EXCHANGE)),
            Err(error) => Ok(Err(NetError::Unreachable(error.to_string()))),
        };
        *lock(&self.exchange) = None;
        match answer {
            Ok(Err(NetError::Stopped)) => {
                abort();
                Err(NetError::Stopped)
            }
            Ok(answer) => answer,
            Err(RecvTimeoutError::Timeout) => {
                abort();
                match left < EXCHANGE {
                    true => Err(NetError::Stopped),
                    false => Err(NetError::Cut("the answer took too long".to_owned())),
                }
            }
            Err(RecvTimeoutError::Disconnected) => Err(failed()),
        }
    }
}

/// A transport whose requests [`Stop`] ends.
pub(crate) struct Bounded {
    /// The way itself.
    pub inner: Arc<dyn Transport>,
    /// What ends it.
    pub stop: Arc<Stop>,
}

impl Transport for Bounded {
    fn post(&self, request: Post<'_>) -> Result<Reply, NetError> {
        let [path, media_type, accept] =
            [request.path, request.media_type, request.accept].map(str::to_owned);
        let (bearer, body) = (request.bearer.map(str::to_owned), request.body.to_vec());
        let inner = Arc::clone(&self.inner);
        self.stop.wait(&|| self.inner.abort(), move || {
            inner.post(Post {
                path: &path,
                media_type: &media_type,
                accept: &accept,
                bearer: bearer.as_deref(),
                body: &body,
            })
        })
    }

    fn sync(&self, bearer: &str, frame: &[u8]) -> Result<Vec<u8>, NetError> {
        let (bearer, frame) = (bearer.to_owned(), frame.to_vec());
        let inner = Arc::clone(&self.inner);
        self.stop.wait(&|| self.inner.abort(), move || inner.sync(&bearer, &frame))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
