//! Cancelling a job, and taking it up again.

use axum::extract::State;
use serde::Deserialize;
use sync_core::id::JobId;
use sync_core::job::{self, Job, State as JobState, Step};
use sync_core::schema::{key, section};
use sync_core::value::Value;
use utoipa::ToSchema;

use super::{Answer, JobView, answer, begin_fact};
use crate::api::{check, edit, words};
use crate::app::App;
use crate::auth::Staff;
use crate::http::{Code, Id, IfMatch, Json, JsonOrNothing, MaybeIfMatch, Operation, Problem};

/// Why a job ends.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"reason": "customer_cancelled", "note": "The car starts again."}))]
pub struct Cancel {
    /// A word such as `customer_cancelled`, `duplicate`, `other_provider`.
    #[schema(schema_with = words::reason)]
    pub reason: String,
    /// More, in words.
    #[schema(min_length = 1, max_length = 1000)]
    pub note: Option<String>,
}

/// Cancels a job. Work someone did meanwhile without coverage is kept and becomes a decision.
#[utoipa::path(
    post, path = "/v1/jobs/{id}/cancel", tag = "jobs", operation_id = "cancel_job",
    request_body = Cancel,
    params(("id" = inline(JobId), Path, description = "The job."), MaybeIfMatch),
    responses((status = 200, body = JobView), (status = 409, description = "wrong_state: the job is over.")),
)]
pub async fn cancel(
    State(app): State<App>,
    caller: Staff,
    Id(id): Id<JobId>,
    seen: Option<IfMatch>,
    operation: Operation,
    Json(why): Json<Cancel>,
) -> Answer {
    let expect = begin_fact(&app, &caller, id, seen.as_ref(), &operation, &section::STATUS).await?;
    let reason = check::text("reason", &why.reason, 60)?;
    let text = why.note.as_deref().map(|text| check::text("note", text, 1000)).transpose()?;
    let now = app.now();
    let detail = serde_json::json!({"reason": reason});
    let note = caller.note("job.cancel", id).shown_at("jobs").detail(detail);
    let edited = edit::edit(&app, &caller, id.into(), expect, note, move |document| {
        if edit::done(document, &operation, 0, &section::STATUS) {
            return Ok(Vec::new());
        }
        let job = Job::of(document);
        let state = job.state_at(now);
        if state.is_over() {
            let detail = format!("The job is {}.", state.as_str());
            return Err(Problem::new(Code::WrongState).detail(detail));
        }
        let pairs = [
            (key::KIND, Step::Cancelled.as_str().into()),
            (key::REASON, reason.into()),
            (key::NOTE, text.into()),
            (key::STAGE, state.as_str().into()),
        ];
        let fact = edit::fact(document, &operation, 0, section::STATUS, now, pairs);
        Ok(fact.into_iter().collect())
    })
    .await?;
    answer(&app, caller.tenant(), edited).await
}

/// Why a job is taken up again.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Reopen {
    /// Why, in words.
    #[schema(min_length = 1, max_length = 1000)]
    pub note: Option<String>,
}

/// Takes a job that is over up again: it goes back to whoever has it. One that the dealership system
/// has accepted stays as it is.
#[utoipa::path(
    post, path = "/v1/jobs/{id}/reopen", tag = "jobs", operation_id = "reopen_job",
    request_body = Option<Reopen>,
    params(("id" = inline(JobId), Path, description = "The job."), MaybeIfMatch),
    responses((status = 200, body = JobView), (status = 409, description = "wrong_state: it is not over, or it is settled.")),
)]
pub async fn reopen(
    State(app): State<App>,
    caller: Staff,
    Id(id): Id<JobId>,
    seen: Option<IfMatch>,
    operation: Operation,
    JsonOrNothing(why): JsonOrNothing<Reopen>,
) -> Answer {
    let expect = begin_fact(&app, &caller, id, seen.as_ref(), &operation, &section::STATUS).await?;
    let text = why.note.as_deref().map(|text| check::text("note", text, 1000)).transpose()?;
    let now = app.now();
    let note = caller.note("job.reopen", id).shown_at("jobs");
    let edited = edit::edit(&app, &caller, id.into(), expect, note, move |document| {
        if edit::done(document, &operation, 0, &section::STATUS) {
            return Ok(Vec::new());
        }
        let job = Job::of(document);
        let is_cancelled = job.state == JobState::Cancelled;
        if !job.state.is_over() || job.is_accepted() {
            let word = if job.is_accepted() { "settled" } else { job.state_at(now).as_str() };
            return Err(Problem::new(Code::WrongState).detail(format!("The job is {word}.")));
        }
        // Naming none takes back the cancellations; each other ending is taken back by its name. Where
        // there are more of them than an operation has facts, another reopening goes on.
        let endings = if is_cancelled { Vec::new() } else { job::endings(document) };
        let named = endings.iter().map(|id| edit::raw(id.as_bytes()));
        let reopened =
            [Value::Null].into_iter().chain(named).zip(0..=u8::MAX).filter_map(|(id, n)| {
                let pairs = [
                    (key::KIND, Step::Reopened.as_str().into()),
                    (key::VOIDS, id),
                    (key::NOTE, text.clone().into()),
                ];
                edit::fact(document, &operation, n, section::STATUS, now, pairs)
            });
        Ok(reopened.collect())
    })
    .await?;
    answer(&app, caller.tenant(), edited).await
}
