//! A stream that ends when the peer neither gives nor takes a byte for too long.
//!
//! Who takes what is written is there, so that counts for reading too: a browser that follows events
//! sends nothing for hours, and hyper waits for its bytes all the while.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};

use super::stream::{Watch, Watched};

/// Watches a stream; reading and writing have a patience each.
#[derive(Debug)]
pub(super) struct Idle {
    limit: Duration,
    read: Patience,
    write: Patience,
}

#[derive(Debug)]
struct Patience {
    timer: Pin<Box<Sleep>>,
    waiting: bool,
}

impl Patience {
    fn new(limit: Duration) -> Self {
        Self { timer: Box::pin(sleep(limit)), waiting: false }
    }

    /// Passes progress on; turns waiting that lasts too long into an error.
    fn watch<T>(
        &mut self,
        limit: Duration,
        cx: &mut Context<'_>,
        poll: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if poll.is_ready() {
            self.waiting = false;
            return poll;
        }
        if !self.waiting {
            self.waiting = true;
            self.timer.as_mut().reset(Instant::now() + limit);
        }
        match self.timer.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

/// The stream, ended after `limit` without progress.
pub(super) fn with_idle_timeout<S>(stream: S, limit: Duration) -> Watched<S, Idle> {
    let (read, write) = (Patience::new(limit), Patience::new(limit));
    Watched::over(stream, Idle { limit, read, write })
}

impl Watch for Idle {
    fn read(
        &mut self,
        cx: &mut Context<'_>,
        _came: usize,
        poll: Poll<io::Result<()>>,
    ) -> Poll<io::Result<()>> {
        self.read.watch(self.limit, cx, poll)
    }

    fn write<T>(&mut self, cx: &mut Context<'_>, poll: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        self.write.watch(self.limit, cx, poll)
    }

    fn took(&mut self) {
        self.read.waiting = false;
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn a_peer_that_never_reads_and_one_that_never_writes_are_given_up() {
        let (near, _far) = tokio::io::duplex(16);
        let mut stream = with_idle_timeout(near, Duration::from_millis(5));
        let written = stream.write_all(&[0; 1000]).await;
        assert_eq!(written.map_err(|e| e.kind()), Err(io::ErrorKind::TimedOut));
        let read = stream.read_u8().await;
        assert_eq!(read.map_err(|e| e.kind()), Err(io::ErrorKind::TimedOut));
    }

    #[tokio::test]
    async fn a_peer_that_takes_what_is_written_is_borne_though_it_sends_nothing() {
        let (near, _far) = tokio::io::duplex(16);
        let mut idle = with_idle_timeout(near, Duration::from_secs(60)).watch;
        let mut cx = Context::from_waker(std::task::Waker::noop());
        let waits = |idle: &mut Idle, cx: &mut Context<'_>| {
            assert!(idle.read(cx, 0, Poll::Pending).is_pending());
            idle.read.timer.deadline()
        };
        let first = waits(&mut idle, &mut cx);
        assert_eq!(waits(&mut idle, &mut cx), first, "silence is counted from its beginning");
        assert!(idle.write(&mut cx, Poll::Ready(Ok(()))).is_ready());
        assert_eq!(waits(&mut idle, &mut cx), first, "there was nothing to take");
        idle.took();
        assert!(waits(&mut idle, &mut cx) > first, "it took a byte");
    }
}
