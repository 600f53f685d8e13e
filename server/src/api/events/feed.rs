//! What one stream sends next: it is asked for it when the client has taken what came before.
//!
//! Nothing is queued for a client. The stream keeps its position in the log and whose points came, and
//! reads when it is asked. So a slow reader costs one event of memory and loses nothing.

use std::future::pending;
use std::time::Duration;

use serde::Serialize;
use store::rows::positions;
use store::writer::{Committed, Moved};
use store::{StoreError, reading};
use sync_core::id::UserId;
use tokio::sync::Semaphore;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, sleep_until};

use super::moved::MovedTechnicians;
use super::streams::StreamPermit;
use super::{READER, frame};
use crate::api::jobs::changes;
use crate::app::App;
use crate::auth::{Staff, still_open};

/// Least time between two events of jobs: changes in between are one.
const JOBS_PAUSE: Duration = Duration::from_millis(250);
/// Least time between two positions of a technician.
const POSITIONS_PAUSE: Duration = Duration::from_secs(1);
/// How often the session is looked at though nobody said that it changed.
const LOOK: Duration = Duration::from_secs(60);
/// Longest life of a stream: a client that is gone without a word holds its place no longer.
const LONGEST: Duration = Duration::from_secs(30 * 60);
/// Wait after the store did not answer.
const AGAIN: Duration = Duration::from_secs(1);
/// Jobs in one event.
const JOBS: u32 = 100;
/// Technicians whose points are read at once.
const POINTS: usize = 100;

/// One stream.
pub(super) struct Feed {
    app: App,
    caller: Staff,
    permit: StreamPermit,
    commits: Receiver<Committed>,
    moves: Receiver<Moved>,
    /// Up to where the client has everything; absent until it was told where it begins.
    after: Option<i64>,
    begun: bool,
    over: bool,
    beat: Duration,
    /// When the next heartbeat is due.
    beat_at: Instant,
    look_at: Instant,
    end_at: Instant,
    /// When jobs are to be read; absent while nothing is known to have changed.
    jobs_at: Option<Instant>,
    /// Before this they are not.
    jobs_from: Instant,
    moved: MovedTechnicians,
    points_from: Instant,
}

#[derive(Serialize)]
struct Start {
    resumed: bool,
    user: UserId,
}

#[derive(Serialize)]
struct End {
    reason: &'static str,
}

/// What happened while a stream waited.
enum Woken {
    Stopping,
    Aged,
    Look,
    Jobs,
    Points,
    Nothing,
}

impl Feed {
    pub(super) fn new(
        app: App,
        caller: Staff,
        permit: StreamPermit,
        after: Option<i64>,
        beat: Duration,
    ) -> Self {
        let now = Instant::now();
        // From here on nothing is missed: the position is read after this.
        let (commits, moves) = (app.writer().commits(), app.writer().moves());
        Self {
            app,
            caller,
            permit,
            commits,
            moves,
            after,
            begun: false,
            over: false,
            beat,
            beat_at: now + beat,
            look_at: now,
            end_at: now + LONGEST,
            jobs_at: Some(now),
            jobs_from: now,
            moved: MovedTechnicians::anybody(),
            points_from: now,
        }
    }

    /// The next bytes; absent when the stream is over.
    pub(super) async fn next(&mut self) -> Option<String> {
        loop {
            if self.over {
                return None;
            }
            let done = match self.wait().await {
                Woken::Stopping => Ok(Some(self.end("stopping"))),
                Woken::Aged => Ok(Some(self.end("age"))),
                Woken::Look => self.look().await,
                Woken::Jobs => self.jobs().await,
                Woken::Points => self.points().await,
                Woken::Nothing => Ok(None),
            };
            match done {
                Ok(Some(chunk)) => return Some(chunk),
                Ok(None) => {}
                // No heartbeat until it answers: a client must not take this for calm.
                Err(error) => {
                    tracing::warn!(%error, "a stream could not read what changed");
                    let again = Instant::now() + AGAIN;
                    (self.jobs_at, self.jobs_from, self.points_from) = (Some(again), again, again);
                }
            }
        }
    }

    async fn wait(&mut self) -> Woken {
        let closing = self.app.streams.closing();
        let jobs_at = self.jobs_at.filter(|_| self.begun).map(|at| at.max(self.jobs_from));
        let points_at = (self.begun && self.moved.is_any()).then_some(self.points_from);
        let beat_at = (self.begun && jobs_at.is_none()).then_some(self.beat_at);
        tokio::select! {
            biased;
            () = closing.cancelled() => Woken::Stopping,
            () = sleep_until(self.end_at) => Woken::Aged,
            () = self.permit.asked() => Woken::Look,
            () = sleep_until(self.look_at) => Woken::Look,
            () = at(jobs_at) => Woken::Jobs,
            // A heartbeat says that nothing is missed, so it is looked whether that is so.
            () = at(beat_at) => Woken::Jobs,
            () = at(points_at) => Woken::Points,
            commit = self.commits.recv() => self.hear(commit),
            moved = self.moves.recv() => self.hear_move(moved),
        }
    }

    fn hear(&mut self, commit: Result<Committed, RecvError>) -> Woken {
        let is_news = match commit {
            Ok(commit) => {
                commit.tenant == self.caller.tenant()
                    && self.after.is_none_or(|after| commit.pos > after)
                    && commit.docs.iter().any(|doc| doc.job().is_some())
            }
            // What was missed stands in the log.
            Err(RecvError::Lagged(_)) => true,
            Err(RecvError::Closed) => return Woken::Stopping,
        };
        if is_news {
            self.jobs_at.get_or_insert_with(Instant::now);
        }
        Woken::Nothing
    }

    fn hear_move(&mut self, moved: Result<Moved, RecvError>) -> Woken {
        match moved {
            Ok(moved) if moved.tenant == self.caller.tenant() => self.moved.add(moved.user),
            Ok(_) => {}
            Err(RecvError::Lagged(_)) => self.moved.add(None),
            Err(RecvError::Closed) => return Woken::Stopping,
        }
        Woken::Nothing
    }

    /// Whether the session is still open; begins the stream the first time.
    async fn look(&mut self) -> Result<Option<String>, StoreError> {
        self.look_at = Instant::now() + if self.begun { LOOK } else { AGAIN };
        if !still_open(&self.app, &self.caller).await? {
            return Ok(Some(self.end("session")));
        }
        if self.begun {
            return Ok(None);
        }
        let (resumed, user) = (self.after.is_some(), self.caller.user());
        if !resumed {
            let store = self.app.store.clone();
            let tenant = self.caller.tenant();
            let reads = self.app.streams.reads();
            self.after = Some(in_turn(&reads, store.log_position(tenant)).await?);
        }
        self.begun = true;
        // Who has everything already is told so at once.
        self.beat_at = Instant::now();
        self.look_at = Instant::now() + LOOK;
        Ok(Some(frame::event("start", Some(&self.id()), &Start { resumed, user })))
    }

    /// Jobs that changed; a heartbeat if none did and one is due.
    async fn jobs(&mut self) -> Result<Option<String>, StoreError> {
        let after = self.after.unwrap_or(0);
        // What is heard of from here on may not be among what is read.
        self.jobs_at = None;
        let (store, now) = (self.app.store.clone(), self.app.now());
        let (tenant, branch) = (self.caller.tenant(), self.caller.branch());
        let read = store.job_changes(tenant, branch, after, now, JOBS);
        let found = in_turn(&self.app.streams.reads(), read).await?;
        let is_due = self.beat_at <= Instant::now();
        self.after = Some(found.upto);
        let is_news = !found.rows.is_empty() || !found.left.is_empty();
        if !is_news && !is_due {
            self.jobs_at = found.more.then(Instant::now);
            return Ok(None);
        }
        self.beat_at = Instant::now() + self.beat;
        if found.more {
            self.jobs_at = Some(Instant::now());
        } else {
            self.jobs_from = Instant::now() + JOBS_PAUSE;
        }
        if !is_news {
            return Ok(Some(frame::heartbeat(&self.id())));
        }
        let told = changes::told(&self.app, found, false);
        Ok(Some(frame::event("jobs", Some(&told.next), &told)))
    }

    /// The last points of some who moved.
    async fn points(&mut self) -> Result<Option<String>, StoreError> {
        let (store, tenant) = (self.app.store.clone(), self.caller.tenant());
        let (branch, reads) = (self.caller.branch(), self.app.streams.reads());
        let whose = self.moved.page(POINTS);
        let read = async {
            let mut connection = store.readers().acquire().await?;
            let most = i64::try_from(POINTS).unwrap_or(i64::MAX);
            Ok(positions::latest_of(&mut connection, tenant, branch, whose, most).await?)
        };
        let seen = in_turn(&reads, read).await?;
        let last = seen.last().filter(|_| seen.len() >= POINTS).map(|seen| seen.user);
        if self.moved.read(POINTS, last) {
            self.points_from = Instant::now() + POSITIONS_PAUSE;
        }
        let events = seen.iter().map(|seen| frame::event("position", None, seen));
        let events: String = events.collect();
        Ok((!events.is_empty()).then_some(events))
    }

    fn id(&self) -> String {
        changes::position(&self.app, self.after.unwrap_or(0))
    }

    fn end(&mut self, reason: &'static str) -> String {
        self.over = true;
        frame::event("end", None, &End { reason })
    }
}

/// Reads with the connections of streams, of which few do at a time.
async fn in_turn<T>(
    reads: &Semaphore,
    work: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    // It is never closed.
    let _turn = reads.acquire().await;
    reading(READER, work).await
}

/// That moment; never without one.
async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => pending().await,
    }
}
