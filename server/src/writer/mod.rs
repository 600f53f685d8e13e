//! The one writer: requests queue, and a task commits them in groups.
//!
//! One commit costs the same whatever it holds, so the task takes everything that waits into one
//! transaction, and nobody is answered before it is on the disk.

mod plain;
mod task;

use std::future::Future;
use std::pin::Pin;

use sqlx::AnyPool;
use tokio::sync::{mpsc, oneshot};

use crate::store::{Backend, Meta, StoreError};
use plain::Plain;

/// The future a plain write gives.
pub type WriteFuture<'t, T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 't>>;

/// Requests that may wait; beyond them callers are told to come back.
const QUEUE: usize = 1024;

/// A handle to the writer. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct Writer {
    queue: mpsc::Sender<Request>,
}

/// One thing the writer is asked to do.
enum Request {
    Plain(Box<dyn Plain>),
    Stop(oneshot::Sender<()>),
}

impl Writer {
    pub(crate) fn start(pool: AnyPool, backend: Backend, meta: Meta) -> Self {
        let (queue, requests) = mpsc::channel(QUEUE);
        tokio::spawn(task::run(task::Task::new(pool, backend, meta), requests));
        Self { queue }
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
        answered.await.unwrap_or_else(|_| Err(stopped().into()))
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
            mpsc::error::TrySendError::Closed(_) => stopped(),
        })
    }
}

fn stopped() -> StoreError {
    StoreError::Unavailable("the writer did not take the work on".to_owned())
}
