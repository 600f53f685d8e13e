//! Finds the request that a database refuses, so that nobody beside it is harmed.
//!
//! A batch is written behind a savepoint. When the database says no to a statement of it, the two
//! halves are tried, and so on down to one request, and in a push down to one run. An error of the
//! connection, of the disk or of the log as a whole concerns everybody and is not isolated.

use std::collections::BTreeSet;

use sqlx::AnyConnection;
use sync_core::admission::Verdict;
use sync_core::schema::DocId;

use super::request::{Committed, Edit, EditRequest, PushRequest, RunVerdicts};
use super::task::{CONFLICTS, GroupWrite, Task};
use super::{Request, Told};
use crate::{Reach, StoreError};

/// Code of a run that the database refuses to keep. Nothing is wrong with the work that a person
/// could mend, so it is not refused: the phone keeps it and brings it again, and it is taken once the
/// defect is gone.
pub const UNSTORABLE: &str = sync_core::codes::UNSTORABLE.word;

/// A request as it is worked on; it stays whole, to be worked on again.
pub(super) enum Asked<'r> {
    Push(&'r PushRequest),
    Edit(&'r EditRequest, &'r mut dyn Edit),
}

/// Results of requests whose rows were written.
pub(super) struct Attempt {
    /// For each request, in order.
    pub told: Vec<Told>,
    pub news: Vec<Committed>,
    /// Whether there was anything to write.
    pub wrote: bool,
}

/// Pushes and edits as they are worked on.
pub(super) fn asked(batch: &mut [Request]) -> Vec<Asked<'_>> {
    batch.iter_mut().filter_map(Request::asked).collect()
}

impl Request {
    fn asked(&mut self) -> Option<Asked<'_>> {
        match self {
            Self::Push(push, _) => Some(Asked::Push(push)),
            Self::Edit(edit, work) => Some(Asked::Edit(edit, &mut **work)),
            Self::Plain(_) | Self::Both(_) | Self::Stop(_) => None,
        }
    }
}

impl Task {
    /// Writes the batches that are left, each behind a savepoint. Says whether anything was written.
    pub(super) async fn isolate(
        &mut self,
        tx: &mut AnyConnection,
        work: &mut GroupWrite,
    ) -> Result<bool, StoreError> {
        let (mut wrote, mut sound) = (false, false);
        while let Some(mut batch) = work.batches.pop() {
            let error = match self.within(&mut *tx, &mut asked(&mut batch)).await {
                Ok(done) => {
                    wrote |= done.wrote;
                    work.take(batch, done);
                    continue;
                }
                Err(error) => error,
            };
            let (reach, many) = (error.reach(), batch.len() > 1);
            if reach == Reach::Moment && self.conflicts < CONFLICTS {
                work.again.append(&mut batch);
            } else if reach == Reach::Store || !(sound || self.takes_runs(&mut *tx).await?) {
                work.batches.push(batch);
                return Err(error);
            } else if many {
                let later = batch.split_off(batch.len() / 2);
                work.batches.extend([later, batch]);
            } else if let Some(request) = batch.pop() {
                tracing::error!(code = error.code(), %error, "a request could not be stored");
                let told = match &request {
                    Request::Push(push, _) => self.by_run(&mut *tx, push, &mut work.news).await,
                    Request::Edit(..) | Request::Plain(_) | Request::Both(_) | Request::Stop(_) => {
                        Ok(Told::Failed(error))
                    }
                };
                match told {
                    Ok(told) => {
                        wrote |= matches!(told, Told::Push(_));
                        work.told.push((request, told));
                    }
                    Err(error) => {
                        work.batches.push(vec![request]);
                        return Err(error);
                    }
                }
            }
            sound = true;
        }
        Ok(wrote)
    }

    /// Writes a push whose runs cannot all be stored, without those that cannot. What follows one in
    /// its document waits with it.
    async fn by_run(
        &mut self,
        tx: &mut AnyConnection,
        push: &PushRequest,
        news: &mut Vec<Committed>,
    ) -> Result<Told, StoreError> {
        let mut verdicts: RunVerdicts = vec![Vec::new(); push.runs.len()];
        let mut held: BTreeSet<DocId> = BTreeSet::new();
        // What is known to fail is not tried as a whole again, unless it is one run.
        let mut parts: Vec<Vec<usize>> = halves((0..push.runs.len()).collect()).into();
        while let Some(mut part) = parts.pop() {
            part.retain(|index| {
                let run = push.runs.get(*index).map(|submitted| submitted.run());
                let waits = run.is_none_or(|run| held.contains(&run.doc));
                if waits && let (Some(run), Some(verdicts)) = (run, verdicts.get_mut(*index)) {
                    *verdicts = vec![later(); run.changes.len()];
                }
                !waits
            });
            if part.is_empty() {
                continue;
            }
            let runs = part.iter().filter_map(|index| push.runs.get(*index).cloned()).collect();
            let some = PushRequest { runs, ..push.clone() };
            match self.within(&mut *tx, &mut [Asked::Push(&some)]).await {
                Ok(done) => {
                    news.extend(done.news);
                    if let [Told::Push(of_part)] = &done.told[..] {
                        for (index, of_run) in part.iter().zip(of_part) {
                            verdicts[*index].clone_from(of_run);
                        }
                    }
                }
                Err(error) if error.reach() == Reach::Store => return Err(error),
                Err(error) if part.len() == 1 => {
                    let run = some.runs.first().map(|submitted| submitted.run());
                    let doc = run.map(|run| run.doc);
                    tracing::error!(
                        code = error.code(), %error, tenant = %push.tenant, document = ?doc,
                        device = %push.device, "a run cannot be stored; its phone keeps it"
                    );
                    held.extend(doc);
                    parts.push(part);
                }
                Err(_) => parts.extend(halves(part)),
            }
        }
        Ok(Told::Push(verdicts))
    }

    /// Writes the rows of these requests behind a savepoint. Unless the transaction is gone, nothing
    /// of them is left after an error.
    pub(super) async fn within(
        &mut self,
        tx: &mut AnyConnection,
        asked: &mut [Asked<'_>],
    ) -> Result<Attempt, StoreError> {
        sqlx::raw_sql("SAVEPOINT batch").execute(&mut *tx).await?;
        let done = self.attempt(&mut *tx, asked).await;
        let end = match &done {
            Ok(done) if done.wrote => "RELEASE SAVEPOINT batch",
            Err(error) if error.reach() == Reach::Store => return done,
            Ok(_) | Err(_) => "ROLLBACK TO SAVEPOINT batch; RELEASE SAVEPOINT batch",
        };
        sqlx::raw_sql(end).execute(tx).await?;
        done
    }

    /// Whether the log takes a row at all. If not, it is nobody's fault in particular.
    async fn takes_runs(&self, tx: &mut AnyConnection) -> Result<bool, StoreError> {
        sqlx::raw_sql("SAVEPOINT trial").execute(&mut *tx).await?;
        let run = sqlx::query(
            "INSERT INTO runs (tenant, pos, doc, actor, first_seq, last_seq, last_hash, \
             received_at, payload) VALUES ($1, 1, $1, $1, 1, 1, $1, 1, $1)",
        );
        // No tenant has this id.
        let taken = run.bind(vec![0_u8; 16]).execute(&mut *tx).await;
        let back = "ROLLBACK TO SAVEPOINT trial; RELEASE SAVEPOINT trial";
        sqlx::raw_sql(back).execute(tx).await?;
        Ok(taken.is_ok())
    }
}

/// The later half before the first, which is taken from the end; one that cannot be halved alone.
fn halves(mut part: Vec<usize>) -> [Vec<usize>; 2] {
    let later = part.split_off(part.len().div_ceil(2));
    [later, part]
}

fn later() -> Verdict {
    Verdict::Later { code: UNSTORABLE.to_owned() }
}
