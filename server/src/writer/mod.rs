//! The one writer: requests queue, and a task commits them in groups.
//!
//! One commit costs the same whatever it holds, so the task takes everything that waits into one
//! transaction, and nobody is answered before it is on the disk.
//!
//! 1. Take the tenants' counters: the lock that makes the order of commits the order of reading.
//! 2. Load the documents and leases the group needs and the cache does not hold.
//! 3. Work on each request in turn, in memory; one request's refusal harms no other.
//! 4. Write all rows in a few wide statements, and commit.
//! 5. Keep the documents, answer everybody, tell whoever listens.

mod cache;
pub(crate) mod group;
mod load;
pub(crate) mod node;
mod notify;
mod plain;
pub(crate) mod project;
pub(crate) mod project_job;
mod push;
pub(crate) mod request;
mod settle;
pub(crate) mod tables;
mod task;

use std::future::Future;
use std::pin::Pin;

use sqlx::AnyPool;
use sync_core::change::Entry;
use sync_core::document::Document;
use sync_core::id::ActorId;
use tokio::sync::{broadcast, mpsc, oneshot};

pub use request::{
    Committed, EditError, EditRequest, Edited, Evidence, Expect, PushRequest, RunVerdicts,
};

use crate::store::{Backend, Meta, StoreError};
use plain::Plain;
use request::Edit;

/// The future a plain write gives.
pub type WriteFuture<'t, T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 't>>;

/// Requests that may wait; beyond them callers are told to come back.
const QUEUE: usize = 1024;
/// Commits a listener may fall behind before it misses some and has to look for itself.
const COMMITS: usize = 1024;

/// A handle to the writer. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct Writer {
    queue: mpsc::Sender<Request>,
    commits: broadcast::Sender<Committed>,
    actor: ActorId,
}

/// One thing the writer is asked to do.
enum Request {
    Push(PushRequest, oneshot::Sender<Result<RunVerdicts, StoreError>>),
    Edit(EditRequest, Box<dyn Edit>),
    Plain(Box<dyn Plain>),
    Stop(oneshot::Sender<()>),
}

impl Writer {
    pub(crate) fn start(pool: AnyPool, backend: Backend, meta: Meta, actor: ActorId) -> Self {
        let (queue, requests) = mpsc::channel(QUEUE);
        let (commits, _) = broadcast::channel(COMMITS);
        let task = task::Task::new(pool, backend, meta, actor, commits.clone());
        tokio::spawn(task::run(task, requests));
        Self { queue, commits, actor }
    }

    /// Passes on what other nodes over the same Postgres commit.
    pub(crate) fn listen(&self, url: String, readers: AnyPool) {
        tokio::spawn(notify::listen(url, self.actor, readers, self.commits.clone()));
    }

    /// Has a phone's changes admitted. Once this returns, every change with the verdict
    /// [`sync_core::admission::Verdict::Durable`] is on the disk.
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
    /// checked by the policy, written as the server's actor, and on the disk when this returns.
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
        F: FnOnce(&Document) -> Result<Vec<Entry>, E> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        self.queue(Request::Edit(edit, request::edit(work, answer)))?;
        answered.await.unwrap_or_else(|_| Err(not_taken()))
    }

    /// See [`crate::store::Store::write`].
    pub async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: for<'t> FnOnce(&'t mut sqlx::AnyConnection) -> WriteFuture<'t, T, E> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        self.queue(Request::Plain(plain::boxed(work, answer)))?;
        answered.await.unwrap_or_else(|_| Err(not_taken().into()))
    }

    /// Hears of every commit that changed documents, of this node and of others. Who falls far behind misses
    /// some, is told so, and has to look for itself.
    pub fn commits(&self) -> broadcast::Receiver<Committed> {
        self.commits.subscribe()
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

impl Request {
    /// The answer for a request that nobody will work on.
    fn abandon(self) -> task::Answer {
        match self {
            Self::Push(_, answer) => Box::new(move |result| {
                let _ = answer.send(Err(result.err().unwrap_or(StoreError::GroupFailed)));
            }),
            Self::Edit(_, work) => Box::new(move |result| {
                work.answer(Err(result.err().unwrap_or(StoreError::GroupFailed)));
            }),
            Self::Plain(work) => work.abandon(),
            Self::Stop(_) => Box::new(|_| {}),
        }
    }
}

fn not_taken() -> StoreError {
    StoreError::Unavailable("the writer did not take the work on".to_owned())
}
