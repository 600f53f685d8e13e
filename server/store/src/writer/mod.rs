//! The one writer: requests queue, and a task commits them in groups.
//!
//! One commit costs the same whatever it holds, so the task takes everything that waits into one
//! transaction, and nobody is answered before it is on the disk.
//!
//! 1. Run the plain writes, each behind a savepoint of its own, and those that an edit goes with
//!    together with it (`both`).
//! 2. Take the tenants' counters: the lock that makes the order of commits the order of reading.
//! 3. Load the documents and actor owners the group needs and the cache does not hold.
//! 4. Work on each request in turn, in memory; one request's refusal harms no other.
//! 5. Write all rows in a few wide statements. If the database refuses one of them, find the request
//!    it came from by halves: that one alone is told (`isolate`), the others are written.
//! 6. Commit, keep the documents, answer everybody, tell whoever listens.

mod both;
mod cache;
mod ending;
pub(crate) mod group;
mod isolate;
mod load;
pub(crate) mod node;
mod notify;
mod plain;
pub(crate) mod project;
pub(crate) mod project_job;
mod push;
pub(crate) mod request;
pub(crate) mod settle;
mod share;
pub(crate) mod table_specs;
pub(crate) mod tables;
mod task;
mod usage;

use std::future::Future;
use std::pin::Pin;

use sqlx::{AnyConnection, AnyPool};
use sync_core::change::Entry;
use sync_core::document::Document;
use sync_core::id::{ActorId, TenantId, UserId};
use tokio::sync::{broadcast, mpsc, oneshot};

pub use isolate::UNSTORABLE;
pub(crate) use project_job::NO_BRANCH;
pub use request::{
    Committed, EditError, EditRequest, Edited, Evidence, Expect, PushRequest, RunVerdicts,
};
pub use usage::{Bounds, TurnedAway};

use crate::{Backend, Meta, StoreError, meta, migrate};
use both::{Both, ToldOfEdit};
use notify::Channels;
use plain::Plain;
use request::{Edit, EditOutcome};

/// The future a plain write gives.
pub type WriteFuture<'t, T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 't>>;

/// Requests that may wait; beyond them callers are told to come back.
const QUEUE: usize = 1024;
/// Commits a listener may fall behind before it misses some and has to look for itself.
const COMMITS: usize = 1024;

/// Points of someone came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moved {
    /// Their tenant.
    pub tenant: TenantId,
    /// Whose; absent if points of anybody may have come without being heard of.
    pub user: Option<UserId>,
}

/// A handle to the writer. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct Writer {
    queue: mpsc::Sender<Request>,
    channels: Channels,
    actor: ActorId,
    turned_away: TurnedAway,
}

/// Whether no newer version has taken the database over: beside it this one would write rows as it
/// computes them over those that were made again.
///
/// # Errors
/// [`StoreError::Superseded`], or the database does not answer.
pub(crate) async fn current(
    connection: &mut AnyConnection,
    backend: Backend,
) -> Result<(), StoreError> {
    let newer = migrate::newest(connection).await? > migrate::known(backend)
        || meta::claimed_version(connection).await? > project::FOLD_VERSION;
    if newer { Err(StoreError::Superseded) } else { Ok(()) }
}

/// One thing the writer is asked to do.
enum Request {
    Push(PushRequest, oneshot::Sender<Result<RunVerdicts, StoreError>>),
    Edit(EditRequest, Box<dyn Edit>),
    Plain(Box<dyn Plain>),
    Both(Both),
    Stop(oneshot::Sender<()>),
}

impl Writer {
    pub(crate) fn start(
        pool: AnyPool,
        backend: Backend,
        meta: Meta,
        actor: ActorId,
        bounds: Bounds,
    ) -> Self {
        let (queue, requests) = mpsc::channel(QUEUE);
        let (commits, _) = broadcast::channel(COMMITS);
        let (access, _) = broadcast::channel(COMMITS);
        let (moved, _) = broadcast::channel(COMMITS);
        let channels = Channels { commits, access, moved };
        let mut task = task::Task::new(pool, backend, meta, actor, channels.commits.clone());
        task.node.bounds = bounds;
        let turned_away = task.node.turned_away.clone();
        tokio::spawn(task::run(task, requests));
        Self { queue, channels, actor, turned_away }
    }

    /// Passes on what other nodes over the same Postgres commit.
    ///
    /// # Errors
    /// If the database does not answer.
    pub(crate) async fn listen(&self, url: String, readers: AnyPool) -> Result<(), StoreError> {
        let (channels, heard) = (self.channels.clone(), notify::positions(&readers).await?);
        tokio::spawn(notify::listen(url, self.actor, readers, heard, channels));
        Ok(())
    }

    /// Has a phone's changes admitted. Once this returns, every change with the verdict
    /// [`sync_core::admission::Verdict::Durable`] is on the disk.
    ///
    /// A run that the database refuses to keep is told to come later, with the code
    /// [`UNSTORABLE`], and so is what follows it in its document; the phone keeps them.
    ///
    /// # Errors
    /// If the group could not be committed; then nothing of the push counts, and it can be sent
    /// again as it is.
    pub async fn push(&self, push: PushRequest) -> Result<RunVerdicts, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.queue(Request::Push(push, answer))?;
        answered.await.unwrap_or_else(|_| Err(not_taken()))
    }

    /// Edits a document. `work` sees it under the tenant's lock and says what to write; that is
    /// checked by the policy, written as the server's actor, and on the disk when this returns. A
    /// clone of `work` is asked again if the work of others beside it could not be stored.
    ///
    /// # Errors
    /// The outer error is the store's, and nothing was written; the inner one says why the edit
    /// was not made.
    pub async fn edit<E, F>(
        &self,
        edit: EditRequest,
        work: F,
    ) -> Result<Result<Edited, EditError<E>>, StoreError>
    where
        E: Send + 'static,
        F: FnOnce(&Document) -> Result<Vec<Entry>, E> + Clone + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        self.queue(Request::Edit(edit, request::edit(work, answer)))?;
        answered.await.unwrap_or_else(|_| Err(not_taken()))
    }

    /// See [`crate::Store::write`].
    pub async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: for<'t> FnOnce(&'t mut sqlx::AnyConnection) -> WriteFuture<'t, T, E>
            + Clone
            + Send
            + 'static,
    {
        let (answer, answered) = oneshot::channel();
        self.queue(Request::Plain(plain::boxed(work, answer)))?;
        answered.await.unwrap_or_else(|_| Err(not_taken().into()))
    }

    /// Hears of every commit that changed documents, of this node and of others. Who falls far behind misses
    /// some, is told so, and has to look for itself.
    pub fn commits(&self) -> broadcast::Receiver<Committed> {
        self.channels.commits.subscribe()
    }

    /// Hears of everybody who may do less than before, on this node or another: whoever has let
    /// them in looks again.
    pub fn access_changes(&self) -> broadcast::Receiver<(TenantId, UserId)> {
        self.channels.access.subscribe()
    }

    /// Tells this node that someone may do less than before.
    pub fn access_changed(&self, tenant: TenantId, user: UserId) {
        // Nobody need be listening.
        let _ = self.channels.access.send((tenant, user));
    }

    /// Hears whose points came, to this node or another.
    pub fn moves(&self) -> broadcast::Receiver<Moved> {
        self.channels.moved.subscribe()
    }

    /// Tells this node that points of someone came. Other nodes hear it from the database.
    pub fn moved(&self, tenant: TenantId, user: UserId) {
        // Nobody need be listening.
        let _ = self.channels.moved.send(Moved { tenant, user: Some(user) });
    }

    /// What was turned away since the start of the process.
    pub fn turned_away(&self) -> &TurnedAway {
        &self.turned_away
    }

    /// The actor under which this process writes.
    pub fn actor(&self) -> ActorId {
        self.actor
    }

    /// Finishes what is queued, then stops. Later requests are told that the store is closed.
    pub async fn stop(&self) {
        let (answer, answered) = oneshot::channel();
        if self.queue.send(Request::Stop(answer)).await.is_ok() {
            answered.await.ok();
        }
    }

    fn queue(&self, request: Request) -> Result<(), StoreError> {
        self.queue.try_send(request).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => StoreError::Busy,
            mpsc::error::TrySendError::Closed(_) => not_taken(),
        })
    }
}

/// The result of one request, before it is known whether the group is committed.
enum Told {
    Push(RunVerdicts),
    Edit(EditOutcome),
    Plain,
    Both(ToldOfEdit),
    /// The database or its own work failed this one, and no other.
    Failed(StoreError),
}

impl Request {
    /// Tells the caller. Nobody may be waiting any more; what was written stands all the same.
    fn answer(self, told: Result<Told, StoreError>) {
        match (self, told) {
            (Self::Push(_, answer), Ok(Told::Push(verdicts))) => {
                let _ = answer.send(Ok(verdicts));
            }
            (Self::Push(_, answer), told) => {
                let _ = answer.send(Err(why_not(told)));
            }
            (Self::Edit(_, work), Ok(Told::Edit(outcome))) => work.answer(Ok(outcome)),
            (Self::Edit(_, work), told) => work.answer(Err(why_not(told))),
            (Self::Plain(work), Ok(Told::Plain)) => work.answer(Ok(())),
            (Self::Plain(work), told) => work.answer(Err(why_not(told))),
            (Self::Both(both), Ok(Told::Both(told))) => both.answer(Ok(told)),
            (Self::Both(both), told) => both.answer(Err(why_not(told))),
            (Self::Stop(_), _) => {}
        }
    }
}

fn why_not(told: Result<Told, StoreError>) -> StoreError {
    match told {
        Err(error) | Ok(Told::Failed(error)) => error,
        Ok(Told::Push(_) | Told::Edit(_) | Told::Plain | Told::Both(_)) => StoreError::GroupFailed,
    }
}

fn not_taken() -> StoreError {
    StoreError::Unavailable("the writer did not take the work on".to_owned())
}
