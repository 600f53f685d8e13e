//! Plain writes: statements of the accounts and the like, each taken back alone if it fails.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use sqlx::AnyConnection;
use tokio::sync::oneshot;

use super::WriteFuture;
use crate::{StoreError, noticing_conflicts};

/// A plain write whose types are known only to its caller.
pub(super) trait Plain: Send {
    /// Runs it, as often as it is asked to. Its last result is kept for the answer.
    fn run<'t>(&'t mut self, tx: &'t mut AnyConnection) -> BoxFuture<'t, Ran>;
    /// Its statements do not stay after all.
    fn fail(&mut self, error: StoreError);
    /// Tells the caller, once it is known whether the group was committed.
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);
}

/// The result of one plain write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ran {
    /// Its statements stay.
    Kept,
    /// It is taken back, and its caller is told why.
    TakenBack,
    /// It is taken back because another server changed the same rows at the same moment: once this
    /// group has let go of its rows it may be run again.
    Conflict,
}

/// Wraps a caller's closure and its answer.
pub(super) fn boxed<T, E, F>(work: F, answer: oneshot::Sender<Result<T, E>>) -> Box<dyn Plain>
where
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
    F: for<'t> FnOnce(&'t mut AnyConnection) -> WriteFuture<'t, T, E> + Clone + Send + 'static,
{
    Box::new(PlainWrite { work, result: None, answer })
}

/// Runs one inside the group's transaction, behind a savepoint of its own. With an error the
/// group's transaction is gone.
pub(super) async fn run(plain: &mut dyn Plain, tx: &mut AnyConnection) -> Result<Ran, StoreError> {
    sqlx::raw_sql("SAVEPOINT plain").execute(&mut *tx).await?;
    let mut ran = plain.run(&mut *tx).await;
    if ran == Ran::Kept {
        let released = sqlx::raw_sql("RELEASE SAVEPOINT plain").execute(&mut *tx).await;
        match released.map_err(StoreError::from) {
            Ok(_) => return Ok(ran),
            // It passed over a statement that failed: PostgreSQL then keeps nothing of it.
            Err(error @ StoreError::Database(_)) => {
                plain.fail(error);
                ran = Ran::TakenBack;
            }
            Err(error) => return Err(error),
        }
    }
    let back = "ROLLBACK TO SAVEPOINT plain; RELEASE SAVEPOINT plain";
    sqlx::raw_sql(back).execute(tx).await?;
    Ok(ran)
}

struct PlainWrite<T, E, F> {
    work: F,
    result: Option<Result<T, E>>,
    answer: oneshot::Sender<Result<T, E>>,
}

impl<T, E, F> Plain for PlainWrite<T, E, F>
where
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
    F: for<'t> FnOnce(&'t mut AnyConnection) -> WriteFuture<'t, T, E> + Clone + Send + 'static,
{
    fn run<'t>(&'t mut self, tx: &'t mut AnyConnection) -> BoxFuture<'t, Ran> {
        let work = self.work.clone();
        Box::pin(async move {
            // Making the future runs the caller's code too, so both stand inside the guard.
            let guarded = AssertUnwindSafe(async move { work(tx).await }).catch_unwind();
            let (result, conflict) = noticing_conflicts(guarded).await;
            let result = result.unwrap_or_else(|_| Err(StoreError::Panicked.into()));
            let ran = match &result {
                Ok(_) => Ran::Kept,
                Err(_) if conflict => Ran::Conflict,
                Err(_) => Ran::TakenBack,
            };
            self.result = Some(result);
            ran
        })
    }

    fn fail(&mut self, error: StoreError) {
        self.result = Some(Err(error.into()));
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreError>) {
        // Nobody may be waiting any more; the work stands all the same.
        let _ = self.answer.send(match (self.result, committed) {
            (Some(Err(own)), _) => Err(own),
            (_, Err(error)) => Err(error.into()),
            (Some(Ok(done)), Ok(())) => Ok(done),
            (None, Ok(())) => Err(StoreError::GroupFailed.into()),
        });
    }
}
