//! One job: read it with its story, change its fields.

use std::sync::Arc;

use axum::extract::State;
use serde::Serialize;
use serde_json::Value;
use store::rows::numbers::{Numbering, Taken};
use sync_core::id::JobId;
use sync_core::job::{Job, taken_in};
use sync_core::schema::{key, section};
use utoipa::ToSchema;

use super::create::{LikelyDuplicate, duplicates, likeness};
use super::fields::{self, JobChange};
use super::numbers;
use super::{Answer, JobView, answer, begin, find, shown};
use crate::api::bounded::{ListQuery, fold};
use crate::api::{check, edit};
use crate::app::App;
use crate::auth::Staff;
use crate::http::cursor::Page;
use crate::http::{ETag, Id, IfMatch, Json, Problem, Query};

/// A job as it is looked at.
#[derive(Debug, Serialize, ToSchema)]
pub struct Looked {
    /// The job.
    #[serde(flatten)]
    pub job: JobView,
    /// Jobs that may be the same rescue: calls before walk-ups, of each the nearest first. They do
    /// not change the job's ETag.
    pub likely_duplicates: Vec<LikelyDuplicate>,
}

/// One job with its timeline, and the jobs that may be the same rescue.
#[utoipa::path(
    get, path = "/v1/jobs/{id}", tag = "jobs", operation_id = "get_job",
    params(("id" = inline(JobId), Path, description = "The job.")),
    responses((status = 200, body = Looked)),
)]
pub async fn get(
    State(app): State<App>,
    caller: Staff,
    Id(id): Id<JobId>,
) -> Result<(ETag, Json<Looked>), Problem> {
    let (document, pos) = find(&app, &caller, id).await?;
    let document = Arc::new(document);
    let likeness = fold(Arc::clone(&document), |document| likeness(&Job::of(document))).await?;
    let job = shown(&app, caller.tenant(), document).await?;
    let likely_duplicates = duplicates(&app, &caller, &likeness).await?;
    Ok((app.tags().of_row(pos), Json(Looked { job, likely_duplicates })))
}

/// The job as a write answers it.
///
/// # Errors
/// `not_found`, if the caller may not see it.
pub(crate) async fn answered(app: &App, caller: &Staff, id: JobId) -> Answer {
    let (document, pos) = find(app, caller, id).await?;
    let job = shown(app, caller.tenant(), Box::new(document)).await?;
    Ok((app.tags().of_row(pos), Json(job)))
}

/// One list of a job, page by page: where `more` of the job says that there is more of it.
///
/// Each page has the rows before those of the page before, oldest first; `totals`, `checklist` and `missing` go on from their beginning.
#[utoipa::path(
    get, path = "/v1/jobs/{id}/list", tag = "jobs", operation_id = "list_rows_of_job",
    params(("id" = inline(JobId), Path, description = "The job."), ListQuery),
    responses((status = 200, body = Page<Object>), (status = 422, description = "invalid: there is no such list.")),
)]
pub async fn list(
    State(app): State<App>,
    caller: Staff,
    Id(id): Id<JobId>,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<Value>>, Problem> {
    let (document, _) = find(&app, &caller, id).await?;
    let page = fold(Box::new(document), move |document| JobView::page(document, &query)).await?;
    Ok(Json(page?))
}

/// Changes fields of a job that still stands as the client saw it.
#[utoipa::path(
    patch, path = "/v1/jobs/{id}", tag = "jobs", operation_id = "update_job",
    request_body = JobChange,
    params(("id" = inline(JobId), Path, description = "The job."), IfMatch),
    responses((status = 200, body = JobView)),
)]
pub async fn update(
    State(app): State<App>,
    caller: Staff,
    Id(id): Id<JobId>,
    seen: IfMatch,
    Json(change): Json<JobChange>,
) -> Answer {
    let expect = begin(&app, &caller, id, Some(&seen)).await?;
    let before = numbers::branch_of_job(&find(&app, &caller, id).await?.0);
    let branch = change.branch.unwrap_or(before);
    // Before a number is taken there.
    caller.reach().moves(before, branch)?;
    let mut connection = app.read().await?;
    let fallback = app.config.phone_region;
    let region = check::dialled(&mut connection, caller.tenant(), branch, fallback).await?;
    let sets = change.checked(region)?;
    fields::check_branch(&mut connection, caller.tenant(), &sets).await?;
    let number =
        fields::intake(&sets, &key::NUMBER).and_then(|number| number.as_text()).map(str::to_owned);
    // To none is a move too.
    let moves = sets.iter().any(|(of, name, _)| (of, name) == (&section::INTAKE, &key::BRANCH));
    let mut given = None;
    if number.is_some() || moves {
        let (document, _) = find(&app, &caller, id).await?;
        let before = numbers::branch_of_job(&document);
        let branch = if moves { numbers::branch_of(&sets) } else { before };
        let own = taken_in(&document, &key::NUMBER).and_then(|number| number.as_text());
        let stays = number.is_none();
        // A number is one of its branch: the one a job has has to be free where it goes.
        let number = number.or_else(|| own.filter(|_| branch != before).map(str::to_owned));
        if let Some(number) = number {
            let now = app.now();
            let numbering =
                Numbering::of(&mut connection, caller.tenant(), branch, id, now).await?;
            let taken = match stays {
                true => numbers::bring(&app.store, &numbering, &number).await?,
                false => numbers::take(&app.store, &numbering, &number).await?,
            };
            match taken {
                Taken::Now => given = Some((numbering, number)),
                Taken::Before => {}
                Taken::ByAnother(free) if stays => {
                    return Err(numbers::refused_there(&number, &free));
                }
                Taken::ByAnother(free) => return Err(numbers::refused(&number, &free)),
            }
        }
    }
    drop(connection);
    let names: Vec<String> =
        sets.iter().map(|(section, key, _)| format!("{section}.{key}")).collect();
    let note =
        caller.note("job.update", id).shown_at("jobs").detail(serde_json::json!({"fields": names}));
    let edited = edit::edit(&app, &caller, id.into(), expect, note, move |document| {
        fields::check_together(document, &sets)?;
        Ok(fields::entries(document, sets))
    })
    .await;
    if let (Err(_), Some((numbering, number))) = (&edited, given) {
        numbers::give_back(&app.store, &numbering, &number).await?;
    }
    answer(&app, caller.tenant(), edited?).await
}
