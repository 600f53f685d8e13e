//! The end of a connection whose client is still sending: what comes is heard out, within bounds.
//!
//! Closing a socket on which bytes stand unread tells the client that the connection is broken,
//! and the answer that was sent before may never be seen. So the server says that it is done,
//! throws away what still comes, and closes when the client does or when it has had enough.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::body::{Body, Frame, SizeHint};
use sync_core::limits;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};
use tokio_util::sync::CancellationToken;

use super::stream::Watch;

/// Bytes thrown away at once.
const PIECE: usize = 16 * 1024;

/// How much is heard out, and for how long.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    bytes: usize,
    time: Duration,
    /// The time while the server stops.
    stopping: Duration,
}

impl Bounds {
    /// Bytes: an honest client has at most one frame of a phone under way, and this is two of
    /// them. Time: less than a silent connection is borne for, so nobody gains a place by it.
    pub const HONEST: Self = Self {
        bytes: 2 * limits::FRAME_BYTES,
        time: Duration::from_secs(8),
        stopping: Duration::from_secs(1),
    };
}

/// Whether a client may be sending what nobody will read. Clones are one and the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Unread(Arc<AtomicBool>);

impl Unread {
    /// A body that tells when all of it was read.
    pub fn watch<B: Body + Unpin>(&self, body: B) -> WatchedBody<B> {
        if body.is_end_stream() {
            self.set(false);
        }
        WatchedBody { body, unread: self.clone() }
    }

    /// Says whether something may be unread.
    pub fn set(&self, unread: bool) {
        self.0.store(unread, Ordering::Relaxed);
    }

    fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The body of a request, watched by [`Unread`].
#[derive(Debug)]
pub(super) struct WatchedBody<B> {
    body: B,
    unread: Unread,
}

impl<B: Body + Unpin> Body for WatchedBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let this = self.get_mut();
        let frame = ready!(Pin::new(&mut this.body).poll_frame(cx));
        if frame.is_none() || this.body.is_end_stream() {
            this.unread.set(false);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Watches a stream, whose end then waits for a client that is still sending.
#[derive(Debug)]
pub(super) struct Lingering {
    unread: Unread,
    /// The server stops. Who waits for the end of this stream looks again when that happens.
    stop: CancellationToken,
    bounds: Bounds,
    ending: Option<Ending>,
}

/// What may still come.
#[derive(Debug)]
struct Ending {
    bytes: usize,
    timer: Pin<Box<Sleep>>,
    /// The time that is left once the server stops, until that happens.
    stopping: Option<Duration>,
}

impl Lingering {
    /// Lingers at its end if something may be unread then, and not for long once `stop` is told.
    pub fn new(unread: Unread, stop: CancellationToken) -> Self {
        Self { unread, stop, bounds: Bounds::HONEST, ending: None }
    }
}

impl Ending {
    fn new(bounds: Bounds) -> Self {
        let Bounds { bytes, time, stopping } = bounds;
        Self { bytes, timer: Box::pin(sleep(time)), stopping: Some(stopping) }
    }

    /// Throws away what comes until the client closes, or a bound is passed.
    fn poll<S: AsyncRead + Unpin>(
        &mut self,
        stream: &mut S,
        stopped: bool,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        if stopped && let Some(left) = self.stopping.take() {
            let soon = self.timer.deadline().min(Instant::now() + left);
            self.timer.as_mut().reset(soon);
        }
        while self.timer.as_mut().poll(cx).is_pending() {
            let mut piece = [0; PIECE];
            let mut piece = ReadBuf::new(&mut piece);
            let read = ready!(Pin::new(&mut *stream).poll_read(cx, &mut piece));
            let came = piece.filled().len();
            self.bytes = self.bytes.saturating_sub(came);
            if read.is_err() || came == 0 || self.bytes == 0 {
                break;
            }
        }
        Poll::Ready(())
    }
}

impl Watch for Lingering {
    fn read(
        &mut self,
        _cx: &mut Context<'_>,
        came: usize,
        poll: Poll<io::Result<()>>,
    ) -> Poll<io::Result<()>> {
        ready!(poll)?;
        // Until someone says otherwise this is a part of something longer.
        self.unread.set(came > 0);
        Poll::Ready(Ok(()))
    }

    fn shutdown<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        if self.ending.is_none() {
            ready!(Pin::new(&mut *stream).poll_shutdown(cx))?;
            if !self.unread.get() {
                return Poll::Ready(Ok(()));
            }
        }
        let ending = self.ending.get_or_insert_with(|| Ending::new(self.bounds));
        ending.poll(stream, self.stop.is_cancelled(), cx).map(Ok)
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body as AnyBody;
    use http_body_util::BodyExt as _;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
    use tokio::time::timeout;

    use super::*;
    use crate::net::stream::Watched;

    const NEVER: Duration = Duration::from_secs(3600);
    const BOUNDS: Bounds = Bounds { bytes: 1000, time: NEVER, stopping: NEVER };

    fn lingering(bounds: Bounds, unread: bool) -> (Watched<DuplexStream, Lingering>, DuplexStream) {
        let (near, far) = duplex(16);
        let flag = Unread::default();
        flag.set(unread);
        let watch = Lingering { bounds, ..Lingering::new(flag, CancellationToken::new()) };
        (Watched::over(near, watch), far)
    }

    /// Whether the stream ends; only so that a failing test does.
    async fn ends(stream: &mut Watched<DuplexStream, Lingering>) -> bool {
        timeout(Duration::from_secs(20), stream.shutdown()).await.is_ok()
    }

    #[tokio::test]
    async fn what_was_read_whole_ends_at_once() {
        let (mut stream, _far) = lingering(BOUNDS, false);
        assert!(ends(&mut stream).await);
    }

    #[tokio::test]
    async fn the_peer_is_told_at_once_and_its_end_is_the_end() {
        let (mut stream, mut far) = lingering(BOUNDS, true);
        let peer = async {
            assert_eq!(far.read(&mut [0]).await.ok(), Some(0), "told before anything is heard");
            far.write_all(&[7; 900]).await.expect("it is heard out");
            drop(far);
        };
        assert!(tokio::join!(ends(&mut stream), peer).0);
    }

    #[tokio::test]
    async fn one_who_sends_for_ever_is_cut_off_by_bytes_and_one_who_is_silent_by_time() {
        let (mut stream, mut far) = lingering(BOUNDS, true);
        let flood = tokio::spawn(async move { while far.write_all(&[7; 10]).await.is_ok() {} });
        assert!(ends(&mut stream).await);
        drop(stream);
        assert!(flood.await.is_ok(), "the peer notices");
        let hasty = Bounds { time: Duration::from_millis(5), ..BOUNDS };
        let (mut stream, _far) = lingering(hasty, true);
        assert!(ends(&mut stream).await);
    }

    #[tokio::test]
    async fn a_server_that_stops_does_not_wait_for_the_silent() {
        let bounds = Bounds { stopping: Duration::from_millis(5), ..BOUNDS };
        let (mut stream, _far) = lingering(bounds, true);
        let first = timeout(Duration::from_millis(50), stream.shutdown()).await;
        assert!(first.is_err(), "nobody stops yet");
        stream.watch.stop.cancel();
        assert!(ends(&mut stream).await);
    }

    #[tokio::test]
    async fn a_message_is_unread_from_its_first_byte_until_its_body_was_read_whole() {
        let (mut stream, mut far) = lingering(BOUNDS, false);
        let unread = stream.watch.unread.clone();
        far.write_all(b"x").await.expect("it is open");
        stream.read_u8().await.expect("a byte");
        assert!(unread.get());
        let halves = [Ok::<_, io::Error>("one"), Ok("two")];
        let body = AnyBody::from_stream(futures_util::stream::iter(halves));
        let mut body = unread.watch(body);
        body.frame().await.expect("a half").expect("no error");
        assert!(unread.get());
        drop(body.collect().await.expect("the other half"));
        assert!(!unread.get());
        unread.set(true);
        drop(unread.watch(AnyBody::empty()));
        assert!(!unread.get(), "there is nothing to read");
    }
}
