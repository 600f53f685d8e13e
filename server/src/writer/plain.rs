//! Plain writes: statements of the accounts and the like, each taken back alone if it fails.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use sqlx::AnyConnection;
use tokio::sync::oneshot;

use super::WriteFuture;
use super::task::Answer;
use crate::store::StoreError;

/// A plain write whose types are known only to its caller.
pub(super) trait Plain: Send {
    /// Runs it. The answer is held back until the group is committed.
    fn run<'t>(self: Box<Self>, tx: &'t mut AnyConnection) -> BoxFuture<'t, Ran>;
    /// Gives it up without running it.
    fn abandon(self: Box<Self>) -> Answer;
}

/// What came of one plain write.
pub(super) struct Ran {
    /// Whether its statements stay.
    pub keep: bool,
    /// Tells the caller, once it is known whether the group was committed.
    pub answer: Answer,
}

/// Wraps a caller's closure and its answer.
pub(super) fn boxed<T, E, F>(work: F, answer: oneshot::Sender<Result<T, E>>) -> Box<dyn Plain>
where
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
    F: for<'t> FnOnce(&'t mut AnyConnection) -> WriteFuture<'t, T, E> + Send + 'static,
{
    Box::new(Work { work, answer })
}

/// Runs one inside the group's transaction, behind a savepoint of its own. With an error the
/// group's transaction is gone; who asked for this one is told what became of it all the same.
pub(super) async fn run(
    plain: Box<dyn Plain>,
    tx: &mut AnyConnection,
) -> (Ran, Result<(), StoreError>) {
    if let Err(error) = sqlx::raw_sql("SAVEPOINT plain").execute(&mut *tx).await {
        return (Ran { keep: false, answer: plain.abandon() }, Err(error.into()));
    }
    let ran = plain.run(&mut *tx).await;
    let end = if ran.keep {
        "RELEASE SAVEPOINT plain"
    } else {
        "ROLLBACK TO SAVEPOINT plain; RELEASE SAVEPOINT plain"
    };
    let ended = sqlx::raw_sql(end).execute(tx).await;
    (ran, ended.map(drop).map_err(StoreError::from))
}

struct Work<T, E, F> {
    work: F,
    answer: oneshot::Sender<Result<T, E>>,
}

impl<T, E, F> Plain for Work<T, E, F>
where
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
    F: for<'t> FnOnce(&'t mut AnyConnection) -> WriteFuture<'t, T, E> + Send + 'static,
{
    fn run<'t>(self: Box<Self>, tx: &'t mut AnyConnection) -> BoxFuture<'t, Ran> {
        let Self { work, answer } = *self;
        Box::pin(async move {
            // Making the future runs the caller's code too, so both stand inside the guard.
            let guarded = AssertUnwindSafe(async move { work(tx).await }).catch_unwind().await;
            let result = guarded.unwrap_or_else(|_| Err(StoreError::Panicked.into()));
            Ran {
                keep: result.is_ok(),
                answer: Box::new(move |committed| {
                    // Nobody may be waiting any more; the work stands all the same.
                    let _ = answer.send(match (result, committed) {
                        (Ok(_), Err(error)) => Err(error.into()),
                        (result, _) => result,
                    });
                }),
            }
        })
    }

    fn abandon(self: Box<Self>) -> Answer {
        Box::new(move |result| {
            let error = result.err().unwrap_or(StoreError::GroupFailed);
            let _ = self.answer.send(Err(error.into()));
        })
    }
}
