//! The countersignature for each seal that comes in: which key the phone had, and when it came.
//!
//! It is given after the phone has its verdicts, so that it delays nobody. What did not fit into
//! the queue, what a crash or a database in trouble left without it, is looked for in the tables.

mod sign;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use store::{SealCursor, Store};
use sync_core::change::Entry;
use sync_core::id::{JobId, TenantId};
use sync_core::schema::section;
use sync_core::seal;
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep_until};

use crate::auth::keys::Keys;
use crate::clock::Clock;

/// Jobs that may wait in the queue; more are looked for when it is their turn.
pub(crate) const QUEUE: usize = 4096;
/// Time between a trouble of the database and the next look for what it left.
pub(crate) const PAUSE: Duration = Duration::from_secs(30);
/// While the trouble lasts the time doubles, up to so many times.
const LONGEST: u32 = 64;
/// Jobs with signatures looked at in one query: it takes a moment, whatever the table holds.
const PAGE: i64 = 256;
/// Jobs worked on at a time, so that they share commits.
const GROUP: usize = 64;
/// The same of those that a search found: requests read too, and these have time.
const FOUND: usize = 8;

/// A job with a seal that may lack the countersignature.
type Waiting = (TenantId, JobId);
/// The jobs in the queue, each once however often a phone sends its seals again.
type Jobs = Arc<Mutex<HashSet<Waiting>>>;

/// With what the server countersigns. It keeps no server alive.
#[derive(Clone)]
pub struct SigningContext {
    /// Where seals and countersignatures are.
    pub store: Store,
    /// The keys that sign.
    pub keys: Keys,
    /// Tells when.
    pub clock: Clock,
}

/// Where jobs with new seals queue.
#[derive(Debug, Clone)]
pub struct Countersigner {
    queue: mpsc::Sender<Waiting>,
    here: Jobs,
    left_out: Arc<Notify>,
}

/// The other end, until the task runs.
#[derive(Debug)]
pub struct Queue {
    waiting: mpsc::Receiver<Waiting>,
    here: Jobs,
    /// Told when something did not fit.
    left_out: Arc<Notify>,
    pause: Duration,
}

impl Countersigner {
    /// An empty queue for so many jobs; after a trouble the task looks again when `pause` is over.
    pub fn new(size: usize, pause: Duration) -> (Self, Queue) {
        let (queue, waiting) = mpsc::channel(size);
        let left_out = Arc::new(Notify::new());
        let here = Jobs::default();
        let (left, same) = (Arc::clone(&left_out), Arc::clone(&here));
        let other_end = Queue { waiting, here: same, left_out: left, pause };
        (Self { queue, here, left_out }, other_end)
    }

    /// Queues a job in which a seal is durable now, unless it waits there already.
    pub fn take(&self, tenant: TenantId, job: JobId) {
        let mut here = self.here.lock().unwrap_or_else(PoisonError::into_inner);
        if here.contains(&(tenant, job)) {
            return;
        }
        if self.queue.try_send((tenant, job)).is_err() {
            self.left_out.notify_one();
        } else {
            here.insert((tenant, job));
        }
    }
}

/// Whether an entry is a customer's seal.
pub(super) fn is_seal(entry: &Entry) -> bool {
    let Entry::Fact { section: name, record, .. } = entry else { return false };
    *name == section::SIGNATURES && seal::is_seal(record)
}

/// Countersigns what queues, and what was left out, until every [`Countersigner`] of the queue is gone.
pub async fn run(context: SigningContext, queue: Queue) {
    let Queue { mut waiting, here, left_out, pause } = queue;
    // What was left without the countersignature before this start.
    let mut search = Some(SealCursor::default());
    let (mut again, mut wait) = (None, pause);
    let mut group = Vec::with_capacity(GROUP);
    let refused = sign::Refused::default();
    loop {
        if search.is_some() {
            // What comes meanwhile does not wait for the end of the search, nor it for a pause.
            while group.len() < GROUP
                && let Ok(job) = waiting.try_recv()
            {
                group.push(job);
            }
        } else {
            tokio::select! {
                came = waiting.recv_many(&mut group, GROUP) => if came == 0 { break },
                () = left_out.notified() => search = Some(SealCursor::default()),
                () = sleep_until(again.unwrap_or_else(Instant::now)), if again.is_some() => {
                    again = None;
                    search = Some(SealCursor::default());
                }
            }
        }
        if waiting.is_closed() && group.is_empty() {
            break;
        }
        {
            // Before their seals are read: one that comes from now on queues its job again.
            let mut here = here.lock().unwrap_or_else(PoisonError::into_inner);
            for job in &group {
                here.remove(job);
            }
        }
        let mut well = give(&context, &group, GROUP, &refused).await;
        group.clear();
        if let Some(cursor) = search.take() {
            match context.store.jobs_lacking_countersignatures(cursor, PAGE).await {
                Ok((jobs, next)) => {
                    well &= give(&context, &jobs, FOUND, &refused).await;
                    search = next;
                }
                Err(error) => {
                    tracing::warn!(%error, "seals without a countersignature were not looked for");
                    well = false;
                }
            }
        }
        if !well && again.is_none() {
            again = Some(Instant::now() + wait);
            wait = (wait * 2).min(pause * LONGEST);
        } else if well && search.is_none() && again.is_none() {
            wait = pause;
        }
    }
}

/// Gives the countersignature in these jobs, so many at a time; `false` if the database kept it from
/// doing so and may not the next time.
async fn give(
    context: &SigningContext,
    jobs: &[Waiting],
    together: usize,
    refused: &sign::Refused,
) -> bool {
    let mut well = true;
    for group in jobs.chunks(together) {
        let given = group.iter().map(|(tenant, job)| async move {
            let Err(error) = sign::give(context, *tenant, *job, refused).await else { return true };
            tracing::warn!(%job, %error, "the seals of a job were not countersigned");
            !error.is_retryable()
        });
        well &= join_all(given).await.into_iter().all(|well| well);
    }
    well
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_whose_seals_come_again_and_again_queues_once() {
        let (countersigner, mut queue) = Countersigner::new(8, PAUSE);
        let (tenant, job) = (TenantId::new(1, [1; 10]), JobId::new(1, [2; 10]));
        (0..5).for_each(|_| countersigner.take(tenant, job));
        assert_eq!(queue.waiting.try_recv(), Ok((tenant, job)));
        assert!(queue.waiting.try_recv().is_err());
    }
}
