//! Sync over a WebSocket: the same frames, and a poke when there is something new.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Extension, State};
use axum::response::Response;
use sync_core::limits;
use sync_core::sync::{Frame, encode_response};
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::exchange::{Phone, exchange};
use crate::app::App;
use crate::auth::Caller;
use crate::http::{Code, Problem, ProblemBody};
use crate::net::Peer;
use crate::net::bodies::Lane;
use crate::net::meter::Meter;
use crate::store::Backend;
use crate::writer::Committed;

/// How often a silent phone is asked whether it is there, and another node's log looked at.
const TICK: Duration = Duration::from_secs(20);
/// Silence after which a phone is taken for gone.
const SILENCE: Duration = Duration::from_secs(70);
/// Time in which a phone must take what is sent to it.
const SEND: Duration = Duration::from_secs(60);
/// Bytes read at once, and gathered before they are written: thousands of phones do nothing all
/// day, and each of them holds both.
const BUFFER: usize = 4 * 1024;
/// Bytes that may wait to be sent: one frame, and control messages.
const WRITE_BUFFER: usize = limits::FRAME_BYTES + 64 * 1024;

/// Opens a WebSocket for sync frames, one binary message each. The server also sends poke frames.
#[utoipa::path(
    get, path = "/v1/sync/ws", tag = "sync",
    responses(
        (status = 101, description = "WebSocket"),
        (status = 401, description = "device_revoked", body = ProblemBody),
        (status = 503, description = "overloaded", body = ProblemBody),
    )
)]
pub async fn watch(
    State(app): State<App>,
    caller: Caller,
    Extension(peer): Extension<Peer>,
    Extension(meter): Extension<Meter>,
    upgrade: Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    Phone::of(&app, &caller).await?;
    let upgrade = upgrade.map_err(|error| {
        Problem::new(Code::BadHeader).field("Upgrade").detail(error.to_string())
    })?;
    let limit = i64::try_from(app.config.net.max_connections).unwrap_or(i64::MAX);
    if app.metrics.watching.get() >= limit {
        return Err(Problem::new(Code::Overloaded).retry_after(30));
    }
    let upgrade = upgrade
        .max_message_size(limits::FRAME_BYTES)
        .max_frame_size(limits::FRAME_BYTES)
        .read_buffer_size(BUFFER)
        .write_buffer_size(BUFFER)
        .max_write_buffer_size(WRITE_BUFFER);
    Ok(upgrade.on_upgrade(move |socket| async move {
        let tracked = app.sockets.open.clone();
        let watching = app.metrics.watching.clone();
        meter.charge(app.bodies.room(peer.0, Lane::Phone));
        watching.inc();
        // A task of its own that the end of the server waits for.
        let task = tracked.spawn(Watch { app, caller, socket, meter, seen: 0 }.run());
        drop(task.await);
        watching.dec();
    }))
}

struct Watch {
    app: App,
    caller: Caller,
    socket: WebSocket,
    /// What has come in and is not answered yet.
    meter: Meter,
    /// Up to where in the log this phone has everything.
    seen: i64,
}

impl Watch {
    async fn run(mut self) {
        let mut commits = self.app.writer().commits();
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard = Instant::now();
        let closing = self.app.sockets.closing.clone();
        loop {
            let goes_on = tokio::select! {
                () = closing.cancelled() => {
                    self.say_goodbye("The server stops.").await;
                    false
                }
                message = self.socket.recv() => {
                    heard = Instant::now();
                    let goes_on = match message {
                        Some(Ok(message)) => self.message(message).await,
                        Some(Err(_)) | None => false,
                    };
                    self.meter.settle();
                    goes_on
                }
                commit = commits.recv() => match commit {
                    Ok(commit) if !self.concerns(&commit) => true,
                    Ok(_) | Err(RecvError::Lagged(_)) => self.poke().await,
                    Err(RecvError::Closed) => false,
                },
                _ = ticks.tick() => heard.elapsed() < SILENCE && self.tick().await,
            };
            if !goes_on {
                break;
            }
        }
    }

    async fn message(&mut self, message: Message) -> bool {
        let frame = match message {
            Message::Binary(frame) => frame,
            Message::Text(_) => {
                self.say_goodbye("Frames are binary.").await;
                return false;
            }
            Message::Ping(_) | Message::Pong(_) => return true,
            Message::Close(_) => return false,
        };
        // The row is looked at for every frame, so that a revocation works at once.
        let answered = match Phone::of(&self.app, &self.caller).await {
            Ok(phone) => self.exchange(&phone, &frame).await,
            Err(problem) => Err(problem),
        };
        match answered {
            Ok(frame) => self.send(Message::Binary(Bytes::from(frame))).await,
            Err(problem) => {
                self.say_goodbye(problem.code().as_str()).await;
                false
            }
        }
    }

    async fn exchange(&mut self, phone: &Phone, frame: &[u8]) -> Result<Vec<u8>, Problem> {
        let app = self.app.clone();
        // As long as the phone itself would wait for an answer.
        let Ok(Ok(_place)) = timeout(Duration::from_secs(30), app.lanes.phone()).await else {
            return Err(Problem::new(Code::Overloaded));
        };
        let outcome = exchange(&app, phone, frame).await;
        self.seen = outcome.seen.unwrap_or(self.seen);
        Ok(outcome.frame)
    }

    /// Whether a commit brought something this phone has not seen yet.
    fn concerns(&self, commit: &Committed) -> bool {
        commit.tenant == self.caller.tenant
            && commit.pos > self.seen
            && commit.users.contains(&self.caller.user)
    }

    async fn tick(&mut self) -> bool {
        if self.app.store.backend() == Backend::Postgres && !self.look_at_other_nodes().await {
            return false;
        }
        self.send(Message::Ping(Bytes::new())).await
    }

    /// Commits of other nodes are not heard here, only seen.
    async fn look_at_other_nodes(&mut self) -> bool {
        match self.app.store.position(self.caller.tenant).await {
            Ok(pos) if pos > self.seen && self.seen > 0 => self.poke().await,
            Ok(_) => true,
            Err(error) => {
                tracing::warn!(%error, "a socket could not look at the log");
                true
            }
        }
    }

    async fn poke(&mut self) -> bool {
        self.send(Message::Binary(Bytes::from(encode_response(&Frame::Poke)))).await
    }

    async fn send(&mut self, message: Message) -> bool {
        matches!(timeout(SEND, self.socket.send(message)).await, Ok(Ok(())))
    }

    async fn say_goodbye(&mut self, reason: &str) {
        let code = axum::extract::ws::close_code::POLICY;
        let frame = CloseFrame { code, reason: reason.to_owned().into() };
        // Who does not hear it will notice that the connection is gone.
        drop(timeout(Duration::from_secs(2), self.socket.send(Message::Close(Some(frame)))).await);
    }
}
