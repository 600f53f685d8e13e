//! Charges what a WebSocket takes in to the common budget for bodies, as its bytes arrive.
//!
//! A message that comes slowly is held by the socket until it is whole, and no handler sees it
//! before. So the connection itself counts, from the moment it became a WebSocket. Once there is no
//! room, or a message comes too slowly, what comes is thrown away until the handler has said so.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::bodies::BodyReservation;
use super::pace::Pace;
use super::stream::Watch;

/// Bytes of a frame of a client beside its payload, for payloads of a control frame.
const HEAD_BYTES: usize = 6;

/// What one connection has taken in and not answered yet; shared by the connection and its handler.
/// What the stream that it watches reads is charged once there is a room.
#[derive(Debug, Clone, Default)]
pub struct BodyBudget {
    held: Arc<Mutex<Option<Charged>>>,
    refused: CancellationToken,
}

#[derive(Debug)]
struct Charged {
    room: BodyReservation,
    /// How fast what is held comes, if anything is.
    pace: Option<Pace>,
}

impl BodyBudget {
    /// From now on what comes is charged to this room, which has nothing yet. What was charged
    /// before is paid back.
    pub fn charge(&self, room: BodyReservation) {
        *self.lock() = Some(Charged { room, pace: None });
    }

    /// What has come since is answered.
    pub fn settle(&self) {
        if let Some(held) = self.lock().as_mut() {
            held.room.clear();
            held.pace = None;
        }
    }

    /// A control frame with so many bytes came, which may stand between the halves of a message.
    pub fn control(&self, payload: usize) {
        if let Some(held) = self.lock().as_mut() {
            held.room.shrink(HEAD_BYTES + payload);
            held.pace = held.pace.filter(|_| held.room.bytes() > 0);
        }
    }

    /// Whether half a message is held whose rest comes too slowly.
    pub fn is_too_slow(&self, now: Instant) -> bool {
        let held = self.lock();
        held.as_ref().and_then(|held| held.pace).is_some_and(|pace| pace.end() <= now)
    }

    /// Waits until there is no room for what comes, or [`BodyBudget::refuse`] was said.
    pub async fn refused(&self) {
        self.refused.cancelled().await;
    }

    /// From now on what comes is thrown away, and nothing is held.
    pub fn refuse(&self) {
        self.settle();
        self.refused.cancel();
    }

    /// Whether what comes is thrown away.
    pub fn is_refused(&self) -> bool {
        self.refused.is_cancelled()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Charged>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Charged {
    /// Whether there was room for so many bytes more.
    fn takes(&mut self, bytes: usize) -> bool {
        if self.room.grow(bytes).is_err() {
            return false;
        }
        let now = Instant::now();
        self.pace.get_or_insert_with(|| Pace::begin(now)).came(bytes, now);
        true
    }
}

impl Watch for BodyBudget {
    fn read(
        &mut self,
        _cx: &mut Context<'_>,
        came: usize,
        poll: Poll<io::Result<()>>,
    ) -> Poll<io::Result<()>> {
        ready!(poll)?;
        let is_full = !self.is_refused()
            && came > 0
            && self.lock().as_mut().is_some_and(|held| !held.takes(came));
        if is_full {
            self.refuse();
        }
        Poll::Ready(Ok(()))
    }

    fn discards(&self) -> bool {
        self.is_refused()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;
    use crate::net::bodies::{Bodies, BodyPool};
    use crate::net::stream::Watched;

    #[tokio::test]
    async fn what_half_a_message_takes_is_charged_as_it_comes_and_paid_back_when_answered() {
        let bodies = Bodies::new(100);
        let body_budget = BodyBudget::default();
        let (near, mut far) = tokio::io::duplex(1000);
        let mut near = Watched::over(near, body_budget.clone());
        far.write_all(&[0; 60]).await.unwrap();
        near.read_exact(&mut [0; 60]).await.unwrap();
        assert_eq!(bodies.held(), 0, "it is no WebSocket yet");

        body_budget.charge(bodies.reserve([192, 0, 2, 1].into(), BodyPool::Phone));
        far.write_all(&[0; 40]).await.unwrap();
        near.read_exact(&mut [0; 40]).await.unwrap();
        assert_eq!(bodies.held(), 40);
        body_budget.settle();
        assert_eq!(bodies.held(), 0);

        far.write_all(&[0; 60]).await.unwrap();
        drop(far);
        let thrown_away = near.read(&mut [0; 60]).await;
        assert_eq!(thrown_away.ok(), Some(0), "nothing is passed on until the end");
        assert!(body_budget.is_refused() && bodies.held() == 0);
    }

    #[tokio::test]
    async fn a_pong_between_the_halves_of_a_message_pays_for_itself_alone() {
        let bodies = Bodies::new(1000);
        let body_budget = BodyBudget::default();
        let (near, mut far) = tokio::io::duplex(1000);
        let mut near = Watched::over(near, body_budget.clone());
        body_budget.charge(bodies.reserve([192, 0, 2, 1].into(), BodyPool::Phone));
        far.write_all(&[0; 66]).await.unwrap();
        near.read_exact(&mut [0; 66]).await.unwrap();
        body_budget.control(0);
        assert_eq!(bodies.held(), 60);
        let now = Instant::now();
        assert!(!body_budget.is_too_slow(now));
        let later = now + std::time::Duration::from_secs(21);
        assert!(body_budget.is_too_slow(later), "half a message waits for its rest");
        body_budget.settle();
        assert!(!body_budget.is_too_slow(later) && bodies.held() == 0);
    }
}
