//! One job: read it with its story, change its fields.

use axum::extract::State;
use sync_core::id::JobId;

use super::fields::{self, JobFields};
use super::{Answer, JobView, answer, begin, find};
use crate::accounts::audit::Note;
use crate::app::App;
use crate::auth::Staff;
use crate::desk::edit;
use crate::http::{ETag, Id, IfMatch, Json, ProblemBody};

/// One job with its timeline.
#[utoipa::path(
    get, path = "/v1/jobs/{id}", tag = "jobs", params(("id" = String, Path)),
    responses((status = 200, body = JobView), (status = 404, body = ProblemBody))
)]
pub async fn get(State(app): State<App>, Staff(caller): Staff, Id(id): Id<JobId>) -> Answer {
    let (document, pos) = find(&app, &caller, id).await?;
    Ok((ETag::of_row(pos), Json(JobView::of(&document, app.now()))))
}

/// Changes fields of a job that still stands as the client saw it.
#[utoipa::path(
    patch, path = "/v1/jobs/{id}", tag = "jobs", request_body = JobFields,
    params(("id" = String, Path), ("If-Match" = String, Header, description = "ETag that was seen.")),
    responses(
        (status = 200, body = JobView),
        (status = 404, body = ProblemBody),
        (status = 412, description = "changed_meanwhile", body = ProblemBody),
        (status = 422, body = ProblemBody),
        (status = 428, description = "if_match_required", body = ProblemBody),
    )
)]
pub async fn update(
    State(app): State<App>,
    Staff(caller): Staff,
    Id(id): Id<JobId>,
    seen: IfMatch,
    Json(change): Json<JobFields>,
) -> Answer {
    let expect = begin(&app, &caller, id, Some(&seen)).await?;
    let sets = change.checked(&app.config.phone_region)?;
    let mut connection = app.read().await?;
    fields::check_branch(&mut connection, caller.tenant, &sets).await?;
    drop(connection);
    let names: Vec<String> =
        sets.iter().map(|(section, key, _)| format!("{section}.{key}")).collect();
    let note = Note::by(&caller, "job.update", id).detail(serde_json::json!({"fields": names}));
    let edited = edit::edit(&app, &caller, id.into(), expect, note, move |document| {
        Ok(fields::entries(document, sets))
    })
    .await?;
    Ok(answer(&app, edited))
}
