//! Open jobs of someone who was deactivated go back to the board. The desk takes the first page back
//! itself; of someone with more, the rest goes here, and the desk does not wait for it.

use std::convert::Infallible;
use std::sync::Weak;

use store::rows::users;
use store::writer::{EditRequest, Expect};
use store::{JobOrder, StoreError, in_turn};
use sync_core::id::{JobId, TenantId, UserId};
use sync_core::policy::Principal;
use tokio::time::sleep;

use super::{BREATH, PAUSE, noted};
use crate::api::jobs::assign::{open_jobs_of, recall_entries};
use crate::app::Shared;

/// Jobs of one person that go back in a round.
const OF_ONE: u32 = 100;

/// Takes jobs back until the server is gone.
pub(super) async fn run(shared: Weak<Shared>) {
    loop {
        let Some(app) = shared.upgrade() else { break };
        let recalled = recall_jobs(&app, app.now()).await;
        drop(app);
        let recalled = recalled.unwrap_or_else(|error| {
            tracing::warn!(%error, "jobs of people who were deactivated were not taken back");
            0
        });
        sleep(if recalled > 0 { BREATH } else { PAUSE }).await;
    }
}

/// Takes back a share of the open jobs of each person who was deactivated, in turn. Returns how many;
/// a person or a job that cannot be read keeps no other waiting.
///
/// # Errors
/// If the database does not answer; then the last error of those that there were.
pub async fn recall_jobs(app: &Shared, now: i64) -> Result<usize, StoreError> {
    let (mut recalled, mut failed, mut after) = (0, None, None);
    loop {
        let people = app.store.to_recall(after).await?;
        let Some(last) = people.last().copied() else { break };
        after = Some(last);
        let mut of_each = Vec::new();
        for (tenant, user) in people {
            match open_jobs(app, tenant, user, now).await {
                Ok(jobs) => {
                    of_each.push(jobs.into_iter().map(|job| (tenant, user, job)).collect());
                }
                Err(error) => {
                    tracing::warn!(%user, %error, "the jobs of one person were not looked for");
                    failed = Some(error);
                }
            }
        }
        for (tenant, user, job) in in_turn(of_each) {
            match recall(app, tenant, user, job, now).await {
                Ok(done) => recalled += usize::from(done),
                Err(error) => failed = Some(noted(job, error, "was not taken back")),
            }
        }
    }
    failed.map_or(Ok(recalled), Err)
}

/// Open jobs that someone has now, at most a share; notes that they have all gone back if there are none.
async fn open_jobs(
    app: &Shared,
    tenant: TenantId,
    user: UserId,
    now: i64,
) -> Result<Vec<JobId>, StoreError> {
    let jobs = held(app, tenant, user, now).await?;
    if jobs.is_empty() {
        let done = app.store.write::<(), StoreError, _>(move |tx| {
            Box::pin(async move { Ok(users::recalled(tx, tenant, user).await?) })
        });
        done.await?;
    }
    Ok(jobs)
}

async fn recall(
    app: &Shared,
    tenant: TenantId,
    user: UserId,
    job: JobId,
    now: i64,
) -> Result<bool, StoreError> {
    let (caller, doc, expect) = (Principal::system(), job.into(), Expect::Existing);
    let request = EditRequest { tenant, caller, doc, expect, now, note: None };
    let edited = app
        .writer()
        .edit(request, move |document| Ok::<_, Infallible>(recall_entries(document, user, now)));
    let edited = edited.await?;
    if let Err(error) = &edited {
        tracing::warn!(%job, %error, "a job was not taken back");
    }
    Ok(edited.is_ok())
}

/// Open jobs that someone has now, at most a share. An offer that expired is nobody's any more.
async fn held(
    app: &Shared,
    tenant: TenantId,
    user: UserId,
    now: i64,
) -> Result<Vec<JobId>, StoreError> {
    let mut order = JobOrder::default();
    loop {
        let page = open_jobs_of(app, tenant, user, order, now, OF_ONE).await?;
        let rows = page.rows.into_iter().filter(|row| row.summary.technician == Some(user));
        let held: Vec<_> = rows.map(|row| row.summary.id).collect();
        match page.next {
            Some(next) if held.is_empty() => order = next,
            _ => return Ok(held),
        }
    }
}
