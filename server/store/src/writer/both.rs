//! A plain write and the edit of a document that belong together: both are committed, or neither is.

use sqlx::AnyConnection;
use tokio::sync::oneshot;

use super::isolate::Asked;
use super::plain::{self, Plain, Ran};
use super::request::{self, Edit, EditOutcome, EditRequest, Edited};
use super::task::{CONFLICTS, GroupWrite, Task};
use super::{Request, Told, WriteFuture, Writer, not_taken};
use crate::{Reach, StoreError};
use sync_core::change::Entry;
use sync_core::document::Document;

/// A write of rows with the edit that goes with it.
pub(super) struct Both {
    pub rows: Box<dyn Plain>,
    pub edit: EditRequest,
    pub work: Box<dyn Edit>,
}

/// The result of the edit of one, or that the database or its own rows failed it.
pub(super) type ToldOfEdit = Result<EditOutcome, StoreError>;

impl Both {
    /// Tells the caller.
    pub fn answer(self, told: Result<ToldOfEdit, StoreError>) {
        let Self { rows, work, .. } = self;
        match told {
            Ok(Ok(outcome)) => {
                // Of an edit that is refused, the refusal is the answer; nothing is wrong with the store.
                if matches!(outcome, EditOutcome::Edited(_)) {
                    rows.answer(Ok(()));
                }
                work.answer(Ok(outcome));
            }
            Ok(Err(error)) => {
                work.answer(Err(StoreError::GroupFailed));
                rows.answer(Err(error));
            }
            Err(error) => {
                work.answer(Err(StoreError::GroupFailed));
                rows.answer(Err(error));
            }
        }
    }
}

impl Writer {
    /// Writes rows, as [`crate::Store::write`], and edits a document, as [`Writer::edit`], in one
    /// transaction: whatever keeps one from being done keeps both.
    ///
    /// # Errors
    /// What `rows` says, or why the edit was not made, made into the same type.
    pub async fn write_and_edit<T, E, R, F>(
        &self,
        rows: R,
        edit: EditRequest,
        work: F,
    ) -> Result<(T, Edited), E>
    where
        T: Send + 'static,
        E: From<StoreError> + From<request::EditError<E>> + Send + 'static,
        R: for<'t> FnOnce(&'t mut AnyConnection) -> WriteFuture<'t, T, E> + Clone + Send + 'static,
        F: FnOnce(&Document) -> Result<Vec<Entry>, E> + Clone + Send + 'static,
    {
        let (of_rows, rows_answered) = oneshot::channel();
        let (of_edit, edit_answered) = oneshot::channel();
        let (rows, work) = (plain::boxed(rows, of_rows), request::edit(work, of_edit));
        self.queue(Request::Both(Both { rows, edit, work }))?;
        let rows = rows_answered.await;
        let edited = edit_answered.await.unwrap_or_else(|_| Err(not_taken()));
        // An error of the store is made into the caller's only where it is the answer: that may be logged.
        match (edited, rows) {
            (Ok(Ok(edited)), Ok(rows)) => Ok((rows?, edited)),
            (Ok(Ok(_)), Err(_)) => Err(not_taken().into()),
            (Ok(Err(refused)), _) => Err(refused.into()),
            // The rows know why.
            (Err(_), Ok(Err(own))) => Err(own),
            (Err(error), _) => Err(error.into()),
        }
    }
}

impl Task {
    /// Does those of a group, each behind a savepoint of its own. Says whether anything of them stays.
    pub(super) async fn both(
        &mut self,
        tx: &mut AnyConnection,
        work: &mut GroupWrite,
    ) -> Result<bool, StoreError> {
        let mut kept = false;
        while let Some(mut both) = work.both.pop_front() {
            sqlx::raw_sql("SAVEPOINT pair").execute(&mut *tx).await?;
            let told = match plain::run(&mut *both.rows, &mut *tx).await? {
                Ran::Kept => {
                    let asked = &mut [Asked::Edit(&both.edit, &mut *both.work)];
                    match self.within(&mut *tx, asked).await {
                        Ok(mut done) => match done.told.pop() {
                            Some(Told::Edit(outcome)) => {
                                work.news.append(&mut done.news);
                                Ok(outcome)
                            }
                            _ => Err(StoreError::GroupFailed),
                        },
                        Err(error) if error.reach() == Reach::Store => {
                            work.both.push_front(both);
                            return Err(error);
                        }
                        Err(error) if error.reach() == Reach::Moment => {
                            undo(&mut *tx).await?;
                            self.put_off(work, both, error);
                            continue;
                        }
                        Err(error) => Err(error),
                    }
                }
                Ran::Conflict => {
                    undo(&mut *tx).await?;
                    self.put_off(work, both, StoreError::GroupFailed);
                    continue;
                }
                Ran::TakenBack => Err(StoreError::GroupFailed),
            };
            if matches!(told, Ok(EditOutcome::Edited(_))) {
                sqlx::raw_sql("RELEASE SAVEPOINT pair").execute(&mut *tx).await?;
                kept = true;
            } else {
                undo(&mut *tx).await?;
            }
            work.told.push((Request::Both(both), Told::Both(told)));
        }
        Ok(kept)
    }

    /// To the next group, because another server was in the way; not for ever.
    fn put_off(&self, work: &mut GroupWrite, both: Both, error: StoreError) {
        if self.conflicts < CONFLICTS {
            work.again.push(Request::Both(both));
        } else {
            work.told.push((Request::Both(both), Told::Both(Err(error))));
        }
    }
}

async fn undo(tx: &mut AnyConnection) -> Result<(), StoreError> {
    let back = "ROLLBACK TO SAVEPOINT pair; RELEASE SAVEPOINT pair";
    sqlx::raw_sql(back).execute(tx).await?;
    Ok(())
}
