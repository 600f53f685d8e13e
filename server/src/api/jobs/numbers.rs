//! Human numbers of jobs, as the desk and the server's upkeep take them.

use store::rows::numbers::{Numbering, Taken};
use store::{Store, StoreError};
use sync_core::document::Document;
use sync_core::id::BranchId;
use sync_core::job::taken_in;
use sync_core::schema::key;
use sync_core::value::Value;

use super::fields::{self, Set};
use crate::http::{Code, Problem};

/// Takes the next number of the day.
///
/// # Errors
/// If the database does not answer.
pub(crate) async fn next(store: &Store, numbering: &Numbering) -> Result<String, StoreError> {
    let numbering = numbering.clone();
    let done = store.write(move |tx| Box::pin(async move { numbering.next(tx).await }));
    done.await
}

/// Takes a number that someone chose.
///
/// # Errors
/// If the database does not answer.
pub(super) async fn take(
    store: &Store,
    numbering: &Numbering,
    number: &str,
) -> Result<Taken, StoreError> {
    let (numbering, number) = (numbering.clone(), number.to_owned());
    let done = store.write(move |tx| Box::pin(async move { numbering.take(tx, &number).await }));
    done.await
}

/// Takes the number a job has for the branch it moves to.
///
/// # Errors
/// If the database does not answer.
pub(super) async fn bring(
    store: &Store,
    numbering: &Numbering,
    number: &str,
) -> Result<Taken, StoreError> {
    let (numbering, number) = (numbering.clone(), number.to_owned());
    let done = store.write(move |tx| Box::pin(async move { numbering.bring(tx, &number).await }));
    done.await
}

/// Gives back a number that was taken for something that was refused.
///
/// # Errors
/// If the database does not answer.
pub(super) async fn give_back(
    store: &Store,
    numbering: &Numbering,
    number: &str,
) -> Result<(), StoreError> {
    let (numbering, number) = (numbering.clone(), number.to_owned());
    let done =
        store.write(move |tx| Box::pin(async move { numbering.give_back(tx, &number).await }));
    done.await
}

/// The branch that is to be set.
pub(super) fn branch_of(sets: &[Set]) -> Option<BranchId> {
    let branch = fields::intake(sets, &key::BRANCH).and_then(Value::as_bytes)?;
    BranchId::from_slice(branch).ok()
}

/// The branch that answers for a job.
pub(crate) fn branch_of_job(document: &Document) -> Option<BranchId> {
    let branch = taken_in(document, &key::BRANCH).and_then(Value::as_bytes)?;
    BranchId::from_slice(branch).ok()
}

/// The answer to a move to a branch where another job has the same number.
pub(super) fn refused_there(number: &str, free: &str) -> Problem {
    let detail = format!(
        "A job of that branch has the number {number} already. Send another number with the branch, \
         such as {free}."
    );
    Problem::new(Code::Conflict).field("number").reason("number_taken").detail(detail)
}

/// The answer to a number that another job has.
pub(super) fn refused(number: &str, free: &str) -> Problem {
    let detail = format!(
        "Another job of this branch has the number {number} today. The next free one is {free}."
    );
    Problem::new(Code::Conflict).field("number").reason("number_taken").detail(detail)
}
