//! Human numbers of jobs that technicians opened at the roadside, once they are here.

use std::convert::Infallible;
use std::sync::Weak;

use store::rows::numbers::Numbering;
use store::writer::{EditRequest, Expect};
use store::{StoreError, in_turn};
use sync_core::document::Document;
use sync_core::id::{JobId, TenantId};
use sync_core::job::walk_up_author;
use sync_core::policy::Principal;
use sync_core::schema::{key, section};
use sync_core::value::Value;
use tokio::time::sleep;

use super::{BREATH, PAUSE, alike, noted, passed_over};
use crate::api::jobs::numbers::{self, branch_of_job};
use crate::api::jobs::{billing, fields};
use crate::app::Shared;

/// Jobs of one technician that are numbered in a round: the oldest, so that theirs alone wait who
/// opened more.
const OF_ONE: usize = 20;

/// Numbers jobs until the server is gone.
pub(super) async fn run(shared: Weak<Shared>) {
    loop {
        let Some(app) = shared.upgrade() else { break };
        let numbered = number_jobs(&app, app.now()).await;
        drop(app);
        let numbered = numbered.unwrap_or_else(|error| {
            tracing::warn!(%error, "jobs from the roadside were not numbered");
            0
        });
        sleep(if numbered > 0 { BREATH } else { PAUSE }).await;
    }
}

/// Gives jobs from the roadside their human number, `now` being Unix milliseconds: a share of each
/// technician's, of all tenants in turn. Returns how many; a job or a tenant that cannot be read keeps no
/// other from its own.
///
/// # Errors
/// If the database does not answer; then the last error of those that there were.
pub async fn number_jobs(app: &Shared, now: i64) -> Result<usize, StoreError> {
    let (mut of_tenants, mut numbered, mut failed) = (Vec::new(), 0, None);
    for tenant in app.store.unnumbered_tenants().await? {
        match app.store.unnumbered_jobs(tenant, OF_ONE).await {
            Ok(jobs) => of_tenants.push(jobs.into_iter().map(|job| (tenant, job)).collect()),
            Err(error) => failed = Some(passed_over(tenant, error, "jobs were not numbered")),
        }
    }
    for (tenant, job) in in_turn(of_tenants) {
        match number(app, tenant, job, now).await {
            Ok(given) => numbered += usize::from(given),
            Err(error) => failed = Some(noted(job, error, "was not numbered")),
        }
    }
    failed.map_or(Ok(numbered), Err)
}

async fn number(app: &Shared, tenant: TenantId, job: JobId, now: i64) -> Result<bool, StoreError> {
    let Some(standing) = app.store.document(tenant, job.into()).await? else { return Ok(false) };
    let has_one = |document: &Document| {
        document.field(&section::INTAKE, &key::NUMBER).is_some()
            || walk_up_author(document).is_none()
    };
    if has_one(&standing.document) {
        return Ok(false);
    }
    // Before the number, which says that the job has been looked after.
    look_for_alike(app, tenant, &standing.document, now).await?;
    let branch = branch_of_job(&standing.document);
    let mut connection = app.store.readers().acquire().await?;
    let numbering = Numbering::of(&mut connection, tenant, branch, job, now).await?;
    let billing = billing::defaults(&mut connection, tenant, branch).await?;
    drop(connection);
    let number = numbers::next(&app.store, &numbering).await?;
    let (caller, doc, expect) = (Principal::system(), job.into(), Expect::Existing);
    let request = EditRequest { tenant, caller, doc, expect, now, note: None };
    let edited = app.writer().edit(request, move |document| {
        let number = Value::from(number.as_str());
        // Another server may have been faster.
        let missing = !has_one(document);
        let mut sets = vec![(section::INTAKE, key::NUMBER, number)];
        // What a customer has signed already stays as it was billed then.
        if document.facts(&section::SIGNATURES).next().is_none() {
            sets.extend(billing);
        }
        sets.retain(|(section, key, _)| missing && document.field(section, key).is_none());
        Ok::<_, Infallible>(fields::entries(document, sets))
    });
    Ok(edited.await?.is_ok())
}

/// Looks for likely duplicates. One of them that cannot be read keeps this job neither from its number
/// nor from the other signs; what the database could not do now is done in another round.
async fn look_for_alike(
    app: &Shared,
    tenant: TenantId,
    document: &Document,
    now: i64,
) -> Result<(), StoreError> {
    match alike::look(app, tenant, document, now).await {
        Err(error) if !error.is_retryable() => {
            tracing::warn!(job = ?document.id(), %error, "a likely duplicate cannot be read");
            Ok(())
        }
        looked => looked,
    }
}
