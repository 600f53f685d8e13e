//! Charges what a WebSocket takes in to the common room for bodies, as its bytes arrive.
//!
//! A message that comes slowly is held by the socket until it is whole, and no handler sees it
//! before. So the connection itself counts, from the moment it became a WebSocket.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::bodies::Room;

/// What one connection has taken in and not answered yet; shared by the connection and its handler.
#[derive(Debug, Clone, Default)]
pub struct Meter(Arc<Mutex<Option<Room>>>);

impl Meter {
    /// From now on what comes is charged to this room, which has nothing yet. What was charged
    /// before is paid back.
    pub fn charge(&self, room: Room) {
        *self.lock() = Some(room);
    }

    /// What has come since is answered.
    pub fn settle(&self) {
        if let Some(room) = self.lock().as_mut() {
            room.clear();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Room>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Wraps a stream; what is read is charged once its [`Meter`] has a room.
#[derive(Debug)]
pub(super) struct Metered<S> {
    stream: S,
    meter: Meter,
}

impl<S> Metered<S> {
    pub fn new(stream: S, meter: Meter) -> Self {
        Self { stream, meter }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Metered<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(cx, buf))?;
        let came = buf.filled().len() - before;
        let full = match this.meter.lock().as_mut() {
            Some(room) => room.grow(came).is_err(),
            None => false,
        };
        // Nobody is answered on a socket that holds half a message; the phone comes again later.
        Poll::Ready(if full { Err(io::ErrorKind::QuotaExceeded.into()) } else { Ok(()) })
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Metered<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;
    use crate::net::bodies::{Bodies, Lane};

    #[tokio::test]
    async fn what_half_a_message_takes_is_charged_as_it_comes_and_paid_back_when_answered() {
        let bodies = Bodies::new(100);
        let meter = Meter::default();
        let (near, mut far) = tokio::io::duplex(1000);
        let mut near = Metered::new(near, meter.clone());
        far.write_all(&[0; 60]).await.unwrap();
        near.read_exact(&mut [0; 60]).await.unwrap();
        assert_eq!(bodies.held(), 0, "it is no WebSocket yet");

        meter.charge(bodies.room([192, 0, 2, 1].into(), Lane::Phone));
        far.write_all(&[0; 40]).await.unwrap();
        near.read_exact(&mut [0; 40]).await.unwrap();
        assert_eq!(bodies.held(), 40);
        meter.settle();
        assert_eq!(bodies.held(), 0);

        far.write_all(&[0; 60]).await.unwrap();
        let full = near.read(&mut [0; 60]).await;
        assert_eq!(full.map_err(|e| e.kind()), Err(io::ErrorKind::QuotaExceeded));
        drop((near, meter));
        assert_eq!(bodies.held(), 0);
    }
}
