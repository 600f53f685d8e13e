//! Where phones meet the server: one exchange over HTTP, or many over a WebSocket.

pub mod countersign;
mod exchange;
pub mod hand_in;
mod post;
mod socket;

pub use exchange::{Outcome, Phone, admit, exchange};
pub use post::*;
pub use socket::*;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Media type of the frames.
pub const MEDIA_TYPE: &str = "application/vnd.towline.sync";

/// The open WebSockets, so that they end when the server does.
#[derive(Clone, Debug, Default)]
pub struct Sockets {
    closing: CancellationToken,
    open: TaskTracker,
}

impl Sockets {
    /// Tells every socket to close.
    pub fn close(&self) {
        self.closing.cancel();
        self.open.close();
    }

    /// Waits until every socket is closed.
    pub async fn closed(&self) {
        self.open.wait().await;
    }
}
