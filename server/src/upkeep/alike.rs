//! A job from the roadside that may be a rescue someone called for: both would be billed and paid, so
//! both say so, and a person decides. Nobody's work waits for that.

use std::convert::Infallible;

use store::StoreError;
use store::writer::{EditRequest, Expect};
use sync_core::document::Document;
use sync_core::id::{FactId, JobId, TenantId};
use sync_core::job::{self, Job, State};
use sync_core::policy::Principal;

use crate::api::jobs::create::likeness;
use crate::app::Shared;
use crate::clock::random;

/// Looks for the likeliest job that is the same rescue, a call if there is one, and notes it at both.
pub(super) async fn look(
    app: &Shared,
    tenant: TenantId,
    document: &Document,
    now: i64,
) -> Result<(), StoreError> {
    let job = Job::of(document);
    let mut likeness = likeness(&job);
    // Near the time at which it was opened, as it may have waited on a phone for days. Where nothing but
    // the phone's clock tells that, it was opened when it arrived.
    let opened = job::opened(document);
    let is_known = opened.uncertainty.is_some() || !job.walk_up;
    likeness.at = if is_known { opened.at.min(now) } else { now };
    let alike = app.store.duplicates(tenant, &likeness, now).await?;
    let other = alike.into_iter().find(|(row, _)| row.summary.state != State::Cancelled);
    let Some((other, _)) = other else { return Ok(()) };
    note(app, tenant, job.id, other.summary.id, now).await?;
    // What is settled stays so; the one that is new says it.
    if other.summary.state != State::Closed {
        note(app, tenant, other.summary.id, job.id, now).await?;
    }
    Ok(())
}

async fn note(
    app: &Shared,
    tenant: TenantId,
    of: JobId,
    other: JobId,
    now: i64,
) -> Result<(), StoreError> {
    let (caller, doc, expect) = (Principal::system(), of.into(), Expect::Existing);
    let request = EditRequest { tenant, caller, doc, expect, now, note: None };
    let edited = app.writer().edit(request, move |document| {
        let said = job::say_alike(document, other, FactId::new(now, random()), now);
        Ok::<_, Infallible>(said.into_iter().collect())
    });
    // A document without room for it has other troubles.
    if let Err(error) = edited.await? {
        tracing::warn!(job = %of, %error, "a likely duplicate was not noted");
    }
    Ok(())
}
