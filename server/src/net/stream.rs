//! A stream with something beside it that watches what is read and written.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What watches a stream. What it does not look at passes.
pub(super) trait Watch {
    /// `poll` came of reading, `came` bytes of it.
    fn read(
        &mut self,
        _cx: &mut Context<'_>,
        _came: usize,
        poll: Poll<io::Result<()>>,
    ) -> Poll<io::Result<()>> {
        poll
    }

    /// Whether what is read is thrown away instead of passed on.
    fn discards(&self) -> bool {
        false
    }

    /// `poll` came of writing, flushing or closing.
    fn write<T>(
        &mut self,
        _cx: &mut Context<'_>,
        poll: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        poll
    }

    /// The peer took bytes.
    fn took(&mut self) {}

    /// Closes the stream.
    fn shutdown<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        let poll = Pin::new(stream).poll_shutdown(cx);
        self.write(cx, poll)
    }
}

/// A stream and what watches it.
#[derive(Debug)]
pub(super) struct Watched<S, W> {
    stream: S,
    pub watch: W,
}

impl<S, W> Watched<S, W> {
    /// The stream, watched.
    pub fn over(stream: S, watch: W) -> Self {
        Self { stream, watch }
    }
}

impl<S: AsyncRead + Unpin, W: Watch + Unpin> AsyncRead for Watched<S, W> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        let poll = Pin::new(&mut this.stream).poll_read(cx, buf);
        let came = buf.filled().len() - before;
        let poll = this.watch.read(cx, came, poll);
        if came > 0 && poll.is_ready() && this.watch.discards() {
            buf.set_filled(before);
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        poll
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin, W: Watch + Unpin> AsyncWrite for Watched<S, W> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let poll = Pin::new(&mut this.stream).poll_write(cx, bytes);
        if matches!(poll, Poll::Ready(Ok(count)) if count > 0) {
            this.watch.took();
        }
        this.watch.write(cx, poll)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let poll = Pin::new(&mut this.stream).poll_flush(cx);
        this.watch.write(cx, poll)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.watch.shutdown(&mut this.stream, cx)
    }
}
