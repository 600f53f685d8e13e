//! The server's word for each seal that comes in: which key the phone had, and when it came.
//!
//! It is given after the phone has its verdicts, so that it delays nobody. What did not fit into
//! the queue, what a crash or a database in trouble left without it, is looked for in the tables.

mod missing;
mod word;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use sync_core::change::Entry;
use sync_core::id::{JobId, TenantId};
use sync_core::schema::{key, section};
use sync_core::value::Value;
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep_until};

use crate::app::{App, Shared};
use missing::Cursor;

/// Jobs that may wait in the queue; more are looked for when it is their turn.
pub(crate) const QUEUE: usize = 4096;
/// Time between a trouble of the database and the next look for what it left.
pub(crate) const PAUSE: Duration = Duration::from_secs(30);
/// While the trouble lasts the time doubles, up to so many times.
const LONGEST: u32 = 64;
/// Jobs worked on at a time, so that they share commits.
const GROUP: usize = 64;
/// The same of those that a search found: requests read too, and these have time.
const FOUND: usize = 8;

/// A job with a seal that may lack the server's word.
type Waiting = (TenantId, JobId);

/// Where jobs with new seals queue.
#[derive(Debug, Clone)]
pub struct Countersigner {
    queue: mpsc::Sender<Waiting>,
    left_out: Arc<Notify>,
}

/// The other end, until the task runs.
#[derive(Debug)]
pub struct Queue {
    waiting: mpsc::Receiver<Waiting>,
    /// Told when something did not fit.
    left_out: Arc<Notify>,
    pause: Duration,
}

impl Countersigner {
    /// An empty queue for so many jobs; after a trouble the task looks again when `pause` is over.
    pub fn new(size: usize, pause: Duration) -> (Self, Queue) {
        let (queue, waiting) = mpsc::channel(size);
        let left_out = Arc::new(Notify::new());
        let other_end = Queue { waiting, left_out: Arc::clone(&left_out), pause };
        (Self { queue, left_out }, other_end)
    }

    /// Queues a job in which a seal is durable now.
    pub fn take(&self, tenant: TenantId, job: JobId) {
        if self.queue.try_send((tenant, job)).is_err() {
            self.left_out.notify_one();
        }
    }
}

/// Whether an entry is a customer's seal.
pub(super) fn is_seal(entry: &Entry) -> bool {
    let Entry::Fact { section: name, record, .. } = entry else { return false };
    let kind = record.get(&key::KIND).and_then(Value::as_text);
    *name == section::SIGNATURES && kind == Some("seal")
}

/// Countersigns what queues, and what was left out, until the server is gone.
pub async fn run(app: App, queue: Queue) {
    let Queue { mut waiting, left_out, pause } = queue;
    // The task must not keep alive what would end it: only the queue's other end does.
    let shared = app.downgrade();
    drop(app);
    // What was left without the server's word before this start.
    let mut search = Some(Cursor::default());
    let (mut again, mut wait) = (None, pause);
    let mut group = Vec::with_capacity(GROUP);
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
                () = left_out.notified() => search = Some(Cursor::default()),
                () = sleep_until(again.unwrap_or_else(Instant::now)), if again.is_some() => {
                    again = None;
                    search = Some(Cursor::default());
                }
            }
        }
        let Some(app) = shared.upgrade() else { break };
        let mut well = give(&app, &group, GROUP).await;
        group.clear();
        if let Some(cursor) = search.take() {
            match missing::page(&app, cursor).await {
                Ok((jobs, next)) => {
                    well &= give(&app, &jobs, FOUND).await;
                    search = next;
                }
                Err(error) => {
                    tracing::warn!(%error, "seals without the server's word were not looked for");
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

/// Gives the server's word in these jobs, so many at a time; `false` if the database kept it from
/// doing so and may not the next time.
async fn give(app: &Arc<Shared>, jobs: &[Waiting], together: usize) -> bool {
    let mut well = true;
    for group in jobs.chunks(together) {
        let given = group.iter().map(|(tenant, job)| async move {
            let Err(error) = word::give(app, *tenant, *job).await else { return true };
            tracing::warn!(%job, %error, "the seals of a job were not countersigned");
            !error.is_retryable()
        });
        well &= join_all(given).await.into_iter().all(|well| well);
    }
    well
}
