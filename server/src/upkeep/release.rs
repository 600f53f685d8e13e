//! Jobs that are over and decided leave the phones.

use std::convert::Infallible;
use std::sync::Weak;
use std::time::Duration;

use store::StoreError;
use store::writer::{EditRequest, Expect};
use sync_core::id::{FactId, JobId, TenantId};
use sync_core::policy::Principal;
use sync_core::scope;
use tokio::time::sleep;

use super::{noted, passed_over};
use crate::app::Shared;
use crate::clock::random;

/// Time between two looks.
const PAUSE: Duration = Duration::from_secs(30 * 60);
/// Jobs of one tenant that are looked at before it is the next one's turn.
const PAGE: usize = 200;

/// Releases jobs until the server is gone.
pub(super) async fn run(shared: Weak<Shared>) {
    loop {
        let Some(app) = shared.upgrade() else { break };
        if let Err(error) = release_when_sure(&app).await {
            tracing::warn!(%error, "jobs that are over were not released");
        }
        drop(app);
        sleep(PAUSE).await;
    }
}

/// A clock that runs ahead takes no job from a phone: nothing is released while the time is in doubt.
async fn release_when_sure(app: &Shared) -> Result<usize, StoreError> {
    match app.sweep_time().await? {
        Ok(time) => release_jobs(app, time.ms()).await,
        Err(_) => Ok(0),
    }
}

/// Releases from the phones the jobs that are over and decided and have not changed for as long as
/// the settings say, `now` being Unix milliseconds: of all tenants in turn, a page at a time. Returns
/// how many; a job or a tenant that cannot be read keeps no other on the phones.
///
/// # Errors
/// If the database does not answer; then the last error of those that there were.
pub async fn release_jobs(app: &Shared, now: i64) -> Result<usize, StoreError> {
    let kept = i64::try_from(app.config.release.as_millis()).unwrap_or(i64::MAX);
    let before = now.saturating_sub(kept);
    let tenants = app.store.writing_tenants().await?;
    let mut left: Vec<_> = tenants.into_iter().map(|tenant| (tenant, None)).collect();
    let (mut released, mut failed) = (0, None);
    while !left.is_empty() {
        let mut next = Vec::new();
        for (tenant, after) in left {
            let (quiet, more) = match app.store.quiet_jobs(tenant, before, after, PAGE).await {
                Ok(found) => found,
                Err(error) => {
                    failed = Some(passed_over(tenant, error, "jobs were not released"));
                    continue;
                }
            };
            for job in quiet {
                match release(app, tenant, job, now).await {
                    Ok(done) => released += usize::from(done),
                    Err(error) => failed = Some(noted(job, error, "was not released")),
                }
            }
            next.extend(more.map(|last| (tenant, Some(last))));
        }
        left = next;
    }
    failed.map_or(Ok(released), Err)
}

async fn release(app: &Shared, tenant: TenantId, job: JobId, now: i64) -> Result<bool, StoreError> {
    let Some(standing) = app.store.document(tenant, job.into()).await? else { return Ok(false) };
    if !scope::may_be_released(&standing.document) {
        return Ok(false);
    }
    let (caller, doc, expect) = (Principal::system(), job.into(), Expect::At(standing.pos));
    let request = EditRequest { tenant, caller, doc, expect, now, note: None };
    let edited = app.writer().edit(request, move |document| {
        let may = scope::may_be_released(document);
        let entry = may.then(|| scope::release(FactId::new(now, random()), now));
        Ok::<_, Infallible>(entry.into_iter().collect())
    });
    // Whoever changed it meanwhile keeps it on the phones for another while.
    Ok(edited.await?.is_ok())
}
