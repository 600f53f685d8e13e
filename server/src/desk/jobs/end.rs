//! Cancelling a job, and taking it up again.

use axum::extract::State;
use serde::Deserialize;
use sync_core::id::JobId;
use sync_core::job::{Job, State as JobState, Step};
use sync_core::schema::{key, section};
use utoipa::ToSchema;

use super::{Answer, JobView, answer, begin_fact};
use crate::accounts::audit::Note;
use crate::app::App;
use crate::auth::Staff;
use crate::desk::{check, edit};
use crate::http::{Code, Id, IfMatch, Json, Operation, Problem, ProblemBody};

/// Why a job ends.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Cancel {
    /// A word such as `customer_cancelled`, `duplicate`, `other_provider`.
    pub reason: String,
    /// More, in words.
    pub note: Option<String>,
}

/// Cancels a job. Work somebody did meanwhile without coverage is kept and becomes a decision.
#[utoipa::path(
    post, path = "/v1/jobs/{id}/cancel", tag = "jobs", request_body = Cancel,
    params(("id" = String, Path)),
    responses(
        (status = 200, body = JobView),
        (status = 404, body = ProblemBody),
        (status = 409, description = "wrong_state: the job is over.", body = ProblemBody),
    )
)]
pub async fn cancel(
    State(app): State<App>,
    Staff(caller): Staff,
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
    let note = Note::by(&caller, "job.cancel", id).detail(detail);
    let edited = edit::edit(&app, &caller, id.into(), expect, note, move |document| {
        if edit::done(document, &operation, 0, &section::STATUS) {
            return Ok(Vec::new());
        }
        let job = Job::of(document);
        let state = job.state_at(now);
        if state.is_over() {
            let detail = format!("The job is {}.", state.word());
            return Err(Problem::new(Code::WrongState).detail(detail));
        }
        let pairs = [
            (key::KIND, Step::Cancelled.word().into()),
            (key::REASON, reason.into()),
            (key::NOTE, text.into()),
            (key::STAGE, state.word().into()),
        ];
        let fact = edit::fact(document, &operation, 0, section::STATUS, now, pairs);
        Ok(fact.into_iter().collect())
    })
    .await?;
    Ok(answer(&app, edited))
}

/// Why a job is taken up again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Reopen {
    /// Why, in words.
    pub note: Option<String>,
}

/// Takes a cancelled job up again.
#[utoipa::path(
    post, path = "/v1/jobs/{id}/reopen", tag = "jobs", request_body = Reopen,
    params(("id" = String, Path)),
    responses(
        (status = 200, body = JobView),
        (status = 404, body = ProblemBody),
        (status = 409, description = "wrong_state: it is not cancelled.", body = ProblemBody),
    )
)]
pub async fn reopen(
    State(app): State<App>,
    Staff(caller): Staff,
    Id(id): Id<JobId>,
    seen: Option<IfMatch>,
    operation: Operation,
    Json(why): Json<Reopen>,
) -> Answer {
    let expect = begin_fact(&app, &caller, id, seen.as_ref(), &operation, &section::STATUS).await?;
    let text = why.note.as_deref().map(|text| check::text("note", text, 1000)).transpose()?;
    let now = app.now();
    let note = Note::by(&caller, "job.reopen", id);
    let edited = edit::edit(&app, &caller, id.into(), expect, note, move |document| {
        if edit::done(document, &operation, 0, &section::STATUS) {
            return Ok(Vec::new());
        }
        let job = Job::of(document);
        if job.state != JobState::Cancelled {
            let detail = format!("The job is {}.", job.state_at(now).word());
            return Err(Problem::new(Code::WrongState).detail(detail));
        }
        let pairs = [(key::KIND, Step::Reopened.word().into()), (key::NOTE, text.into())];
        let fact = edit::fact(document, &operation, 0, section::STATUS, now, pairs);
        Ok(fact.into_iter().collect())
    })
    .await?;
    Ok(answer(&app, edited))
}
