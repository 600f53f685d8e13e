//! Sync over a WebSocket: the same frames, and a notification when there is something new.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Extension, State};
use axum::response::Response;
use store::writer::Committed;
use store::{Reader, reading};
use sync_core::id::DeviceId;
use sync_core::limits;
use sync_core::sync::{Frame, close, encode_response};
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};

use super::exchange::{Phone, exchange};
use super::sockets::Seen;
use crate::app::App;
use crate::auth::Caller;
use crate::auth::access::LONGEST_S;
use crate::http::{Code, Problem};
use crate::net::bodies::BodyPool;
use crate::net::body_budget::BodyBudget;
use crate::net::{AddressPermit, Peer};

/// How often a silent phone is asked whether it is there.
const TICK: Duration = Duration::from_secs(20);
/// Silence after which a phone is taken for gone.
const SILENCE: Duration = Duration::from_secs(70);
/// Time in which a phone must take what is sent to it.
const SEND: Duration = Duration::from_secs(60);
/// Time for a socket to hear why it is closed.
const FAREWELL: Duration = Duration::from_secs(2);
/// Longest life of a socket: no token lives longer.
const LONGEST: Duration = Duration::from_secs(LONGEST_S.unsigned_abs());
/// Bytes read at once, and gathered before they are written: thousands of phones do nothing all
/// day, and each of them holds both.
const BUFFER: usize = 4 * 1024;
/// Bytes that may wait to be sent: one frame, and control messages.
const WRITE_BUFFER: usize = limits::FRAME_BYTES + 64 * 1024;

/// Opens a WebSocket for sync frames, one binary message each. The server also sends notification frames.
#[utoipa::path(
    get, path = "/v1/sync/ws", tag = "sync", operation_id = "open_sync_socket",
    responses((status = 101, description = "The connection is a WebSocket from now on."), (status = 400, description = "bad_header")),
)]
pub async fn watch(
    State(app): State<App>,
    caller: Caller,
    Extension(peer): Extension<Peer>,
    Extension(body_budget): Extension<BodyBudget>,
    Extension(permit): Extension<Arc<AddressPermit>>,
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
        body_budget.charge(app.bodies.reserve(peer.0, BodyPool::Phone));
        watching.inc();
        let device = caller.device().unwrap_or_else(|| DeviceId::new(0, [0; 10]));
        let known = app.sockets.add(caller.tenant(), caller.user(), device);
        // A task of its own that the end of the server waits for.
        let watch = Watch { app, caller, socket, body_budget, known, seen: 0, notified: false };
        let task = tracked.spawn(reading(Reader::Phones, watch.run()));
        drop(task.await);
        watching.dec();
        // Until now the connection counted against its address.
        drop(permit);
    }))
}

struct Watch {
    app: App,
    caller: Caller,
    socket: WebSocket,
    /// What has come in and is not answered yet.
    body_budget: BodyBudget,
    /// By what it hears that its phone may not be let in any more.
    known: Seen,
    /// Up to where in the log this phone has everything.
    seen: i64,
    /// It was told that there is something new, and has not asked for it yet.
    notified: bool,
}

impl Watch {
    async fn run(mut self) {
        let mut commits = self.app.writer().commits();
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard = Instant::now();
        let closing = self.app.sockets.closing.clone();
        // By the clock of the machine's uptime: one that is put right must not make it last.
        let left_ms = self.caller.until_s().map_or(0, |until| until * 1000 - self.app.now());
        let end = heard + Duration::from_millis(u64::try_from(left_ms).unwrap_or(0)).min(LONGEST);
        loop {
            let goes_on = tokio::select! {
                () = closing.cancelled() => {
                    self.say_goodbye(close::GOING_AWAY, "The server stops.").await;
                    false
                }
                () = sleep_until(end) => {
                    self.refuse(Problem::new(Code::TokenExpired)).await;
                    false
                }
                () = self.known.displaced().cancelled() => {
                    self.say_goodbye(close::TRY_LATER, "The phone has newer connections.").await;
                    false
                }
                () = self.known.asked() => match Phone::of(&self.app, &self.caller).await {
                    Err(problem) if problem.code() == Code::DeviceRevoked => {
                        self.refuse(problem).await;
                        false
                    }
                    // A store that does not answer says nothing about the phone.
                    Ok(_) | Err(_) => true,
                },
                () = self.body_budget.refused() => {
                    self.say_goodbye(close::TRY_LATER, "There is no room for the message.").await;
                    false
                }
                message = self.socket.recv() => {
                    heard = Instant::now();
                    match message {
                        // Half a message may still be held: only what these took is given back.
                        Some(Ok(Message::Ping(bytes) | Message::Pong(bytes))) => {
                            self.body_budget.control(bytes.len());
                            true
                        }
                        Some(Ok(message)) => {
                            let goes_on = self.message(message).await;
                            self.body_budget.settle();
                            goes_on
                        }
                        Some(Err(_)) | None => false,
                    }
                }
                commit = commits.recv() => match commit {
                    Ok(commit) if !self.concerns(&commit) => true,
                    Ok(_) | Err(RecvError::Lagged(_)) => self.notify_of_news().await,
                    Err(RecvError::Closed) => false,
                },
                _ = ticks.tick() => {
                    if self.body_budget.is_too_slow(Instant::now()) {
                        self.body_budget.refuse();
                        continue;
                    }
                    heard.elapsed() < SILENCE && self.send(Message::Ping(Bytes::new())).await
                }
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
                self.say_goodbye(close::POLICY, "Frames are binary.").await;
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
                self.refuse(problem).await;
                false
            }
        }
    }

    async fn exchange(&mut self, phone: &Phone, frame: &[u8]) -> Result<Vec<u8>, Problem> {
        let app = self.app.clone();
        // A phone's exchanges wait for each other before they wait in the line of all phones.
        let Some(turn) = app.budgets.turn(phone.device) else {
            return Ok(exchange(&app, phone, frame, None).await.frame);
        };
        // As long as the phone itself would wait for an answer.
        let Ok(Ok(_permit)) = timeout(Duration::from_secs(30), app.concurrency.phone()).await
        else {
            return Err(Problem::new(Code::Overloaded));
        };
        self.notified = false;
        let outcome = exchange(&app, phone, frame, Some(&turn)).await;
        self.seen = outcome.seen.unwrap_or(self.seen);
        Ok(outcome.frame)
    }

    /// Whether a commit may have brought something this phone has not seen yet.
    fn concerns(&self, commit: &Committed) -> bool {
        commit.tenant == self.caller.tenant()
            && commit.pos > self.seen
            && commit.users.contains(&self.caller.user())
    }

    /// Notifies the phone if it would get something by a sync. A commit also names those who once had
    /// a job, and who missed commits does not know whom they concerned. Once is enough until it asks.
    async fn notify_of_news(&mut self) -> bool {
        if self.notified {
            return true;
        }
        let (tenant, user) = (self.caller.tenant(), self.caller.user());
        match self.app.store.has_news(tenant, user, self.seen).await {
            Ok(false) => return true,
            Ok(true) => {}
            Err(error) => tracing::warn!(%error, "a socket could not look for news"),
        }
        self.notified = true;
        self.send(Message::Binary(Bytes::from(encode_response(&Frame::Notification)))).await
    }

    /// Closes with the code that tells the phone what to do.
    async fn refuse(&mut self, problem: Problem) {
        let code = match problem.code() {
            Code::DeviceRevoked => close::REVOKED,
            Code::TokenExpired => close::LOG_IN_AGAIN,
            Code::Overloaded | Code::Unavailable => close::TRY_LATER,
            _ => close::POLICY,
        };
        self.say_goodbye(code, problem.code().as_str()).await;
    }

    async fn send(&mut self, message: Message) -> bool {
        // Who takes nothing must not keep a place that a newer connection needs.
        let displaced = self.known.displaced().clone();
        let sending = timeout(SEND, self.socket.send(message));
        matches!(displaced.run_until_cancelled(sending).await, Some(Ok(Ok(()))))
    }

    async fn say_goodbye(&mut self, code: u16, reason: &str) {
        let frame = CloseFrame { code, reason: reason.to_owned().into() };
        // Who does not hear it will notice that the connection is gone.
        let refused = self.body_budget.is_refused();
        let farewell = async {
            let said = self.socket.send(Message::Close(Some(frame))).await;
            // Closing on bytes that stand unread would break the connection before the code is seen.
            while said.is_ok() && refused && matches!(self.socket.recv().await, Some(Ok(_))) {}
        };
        drop(timeout(FAREWELL, farewell).await);
    }
}
