//! The server's word for each seal that comes in: which key the phone had, and when it came.
//!
//! It is given after the phone has its verdicts, so that it delays nobody; what a crash left
//! without it gets it at the next start.

use std::sync::Arc;

use ed25519_dalek::{Signer as _, VerifyingKey};
use futures_util::future::join_all;
use sqlx::Row as _;
use sync_core::admission::Verdict;
use sync_core::change::{Entry, Run};
use sync_core::document::Document;
use sync_core::id::{FactId, JobId, TenantId};
use sync_core::policy;
use sync_core::schema::{key, section};
use sync_core::seal::{Countersignature, Seal, SealError};
use sync_core::value::Value;
use tokio::sync::mpsc;

use crate::accounts::devices;
use crate::accounts::sql::{self, Raw as _};
use crate::app::{App, Shared};
use crate::clock::random;
use crate::http::Problem;
use crate::writer::{EditRequest, Expect};

/// Seals that may wait; more are left to the next start.
const QUEUE: usize = 4096;
/// Seals worked on at a time, so that they share commits.
const GROUP: usize = 64;
/// Newest seals looked at when the server starts.
const LOOKED_AT: i64 = 2000;

/// One seal that waits.
#[derive(Debug, Clone, Copy)]
pub struct Waiting {
    tenant: TenantId,
    job: JobId,
    seal: FactId,
    received_at: i64,
}

/// Where seals queue.
#[derive(Debug, Clone)]
pub struct Countersigner(mpsc::Sender<Waiting>);

/// The other end, until the task runs.
pub type Queue = mpsc::Receiver<Waiting>;

impl Countersigner {
    /// An empty queue.
    pub fn new() -> (Self, Queue) {
        let (sender, queue) = mpsc::channel(QUEUE);
        (Self(sender), queue)
    }

    /// Queues the seals of a run that are durable now.
    pub fn take(&self, tenant: TenantId, run: &Run, verdicts: &[Verdict], received_at: i64) {
        let Some(job) = run.doc.job() else { return };
        for (change, verdict) in run.changes.iter().zip(verdicts) {
            if !verdict.is_durable() {
                continue;
            }
            for entry in &change.entries {
                if let Some(seal) = seal_of(entry) {
                    // When the queue is full the next start finds it.
                    self.0.try_send(Waiting { tenant, job, seal, received_at }).unwrap_or_default();
                }
            }
        }
    }
}

/// Countersigns what queues until the server is gone.
pub async fn run(app: App, mut queue: Queue) {
    if let Err(problem) = left_over(&app).await {
        tracing::warn!(code = problem.code().as_str(), "seals of before could not be looked at");
    }
    // The task must not keep alive what would end it: only the queue's other end does.
    let shared = app.downgrade();
    drop(app);
    let mut group = Vec::with_capacity(GROUP);
    while queue.recv_many(&mut group, GROUP).await > 0 {
        let Some(app) = shared.upgrade() else { break };
        join_all(group.drain(..).map(|waiting| one(&app, waiting))).await;
    }
}

async fn one(app: &Arc<Shared>, waiting: Waiting) {
    if let Err(error) = countersign(app, waiting).await {
        // Whether a forgery or a defect: the seal stays without the server's word, visibly.
        tracing::warn!(job = %waiting.job, seal = %waiting.seal, error, "a seal was not countersigned");
    }
}

async fn countersign(app: &Arc<Shared>, waiting: Waiting) -> Result<(), String> {
    let Waiting { tenant, job, seal: fact, received_at } = waiting;
    let standing = app.store.document(tenant, job.into()).await.map_err(|e| e.to_string())?;
    let document = standing.ok_or("the job is not there")?.document;
    let Some(found) = document.fact(&section::SIGNATURES, &fact) else { return Ok(()) };
    if is_countersigned(&document, fact) {
        return Ok(());
    }
    let seal = Seal::of(job, found).map_err(|e| e.to_string())?;
    let key = device_key(app, tenant, &seal).await?;
    let own = app.keys.current().ok_or("there is no key that signs")?;
    let signed = Countersignature::of(&seal, tenant, &key, received_at, &own.kid, |message| {
        own.signing.sign(message).to_bytes()
    });
    let signed = signed.map_err(|error: SealError| error.to_string())?;
    let now = app.now();
    let caller = policy::Caller::system();
    let request = EditRequest { tenant, caller, doc: job.into(), expect: Expect::Existing, now };
    let edited = app.writer().edit(request, move |document| {
        let done = is_countersigned(document, fact);
        let id = FactId::new(now, random());
        Ok::<_, String>(if done { Vec::new() } else { vec![signed.entry(id)] })
    });
    let edited = edited.await.map_err(|error| error.to_string())?;
    edited.map(drop).map_err(|error| error.to_string())
}

async fn device_key(
    app: &Arc<Shared>,
    tenant: TenantId,
    seal: &Seal,
) -> Result<VerifyingKey, String> {
    let mut connection = app.store.readers().acquire().await.map_err(|e| e.to_string())?;
    let device = devices::get(&mut connection, tenant, seal.device).await;
    let device = device.map_err(|e| e.to_string())?.ok_or("its device is not there")?;
    let key = device.public_key.as_slice().try_into().ok();
    key.and_then(|key| VerifyingKey::from_bytes(key).ok()).ok_or_else(|| "no key".to_owned())
}

fn is_countersigned(document: &Document, seal: FactId) -> bool {
    Countersignature::all_of(document, seal).next().is_some()
}

fn seal_of(entry: &Entry) -> Option<FactId> {
    let Entry::Fact { section: name, id, record } = entry else { return None };
    let kind = record.get(&key::KIND).and_then(Value::as_text);
    (*name == section::SIGNATURES && kind == Some("seal")).then_some(*id)
}

/// Queues the newest seals again: those that have the server's word are passed over.
async fn left_over(app: &App) -> Result<(), Problem> {
    let mut connection = app.read().await?;
    let rows = sqlx::query("SELECT tenant, job, fact, at FROM seals ORDER BY at DESC LIMIT $1")
        .bind(LOOKED_AT)
        .fetch_all(&mut *connection)
        .await?;
    drop(connection);
    let received_at = app.now();
    for row in rows {
        let waiting = Waiting {
            tenant: sql::id(&row, "tenant")?,
            job: sql::id(&row, "job")?,
            seal: FactId::from_raw(&row.try_get::<Vec<u8>, _>("fact")?)
                .ok_or_else(|| sql::broken("fact"))?,
            received_at,
        };
        one(app.shared(), waiting).await;
    }
    Ok(())
}
