//! The writer's task: takes what waits, writes it in one transaction, answers after the commit.

use sqlx::AnyPool;
use sqlx::Connection;
use tokio::sync::mpsc;

use super::{Request, plain};
use crate::store::{Backend, Meta, StoreError};

/// Most requests in one group.
const GROUP: usize = 256;

/// What the task keeps between groups.
pub(super) struct Task {
    pool: AnyPool,
    backend: Backend,
    #[allow(dead_code)]
    meta: Meta,
}

impl Task {
    pub fn new(pool: AnyPool, backend: Backend, meta: Meta) -> Self {
        Self { pool, backend, meta }
    }
}

/// Runs until it is told to stop or every handle is gone.
pub(super) async fn run(mut task: Task, mut requests: mpsc::Receiver<Request>) {
    let mut group = Vec::with_capacity(GROUP);
    loop {
        if requests.recv_many(&mut group, GROUP).await == 0 {
            break;
        }
        let mut stop = None;
        let mut work = Vec::with_capacity(group.len());
        for request in group.drain(..) {
            match request {
                Request::Stop(answer) => stop = Some(answer),
                other => work.push(other),
            }
        }
        if !work.is_empty() {
            task.group(work).await;
        }
        if let Some(answer) = stop {
            task.pool.close().await;
            let _ = answer.send(());
            break;
        }
    }
}

impl Task {
    async fn group(&mut self, requests: Vec<Request>) {
        let mut answers = Vec::with_capacity(requests.len());
        let written = self.write(requests, &mut answers).await;
        let mut error = written.err();
        for answer in answers {
            answer(match error.take() {
                None => Ok(()),
                Some(first) => {
                    error = Some(StoreError::GroupFailed);
                    Err(first)
                }
            });
        }
    }

    async fn write(
        &mut self,
        requests: Vec<Request>,
        answers: &mut Vec<Box<dyn FnOnce(Result<(), StoreError>) + Send>>,
    ) -> Result<(), StoreError> {
        let mut connection = self.pool.acquire().await?;
        let mut tx = connection.begin_with(self.backend.begin()).await?;
        for request in requests {
            match request {
                Request::Plain(work) => answers.push(plain::run(work, &mut tx).await?.answer),
                Request::Stop(_) => {}
            }
        }
        tx.commit().await?;
        Ok(())
    }
}
