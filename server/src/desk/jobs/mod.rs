//! Jobs over REST: taken in, changed, given to somebody, ended, decided about.

pub mod assign;
pub mod create;
pub mod decide;
pub mod end;
pub mod extra;
pub mod fields;
pub mod follow_up;
pub mod list;
pub mod one;
pub mod seals;
mod sets;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use sync_core::document::Document;
use sync_core::id::JobId;
use sync_core::job::{Job, TimelineItem, timeline};
use sync_core::schema::Section;
use utoipa::ToSchema;

use super::edit;
use crate::app::App;
use crate::auth::Caller;
use crate::http::{ETag, IfMatch, Json, Operation, Problem};
use crate::writer::{Edited, Expect};

/// A job with its story.
///
/// The fields besides `timeline` are the fold over the job's facts and fields: `id`, `state`,
/// `walk_up`, `intake`, `promise`, `assignment`, `next_epoch`, `superseded`, `times`, `parts`,
/// `charges`, `totals`, `checklist`, `missing`, `work`, `observed`, `attachments`, `notes`,
/// `feedback`, `settlement`, `exceptions`, `decided`. Places in it are in degrees.
#[derive(Debug, Serialize, ToSchema)]
pub struct JobView {
    /// The fold.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub job: Job,
    /// Everything that happened, oldest first.
    #[schema(value_type = Vec<Object>)]
    pub timeline: Vec<TimelineItem>,
}

impl JobView {
    /// The view of a document at `now`, Unix milliseconds.
    pub fn of(document: &Document, now: i64) -> Self {
        let mut job = Job::of(document);
        job.state = job.state_at(now);
        Self { job, timeline: timeline(document) }
    }
}

/// What an edit of a job answers.
pub(super) type Answer = Result<(ETag, Json<JobView>), Problem>;

/// The answer for an edit that was made.
pub(super) fn answer(app: &App, edited: Edited) -> (ETag, Json<JobView>) {
    let (document, tag) = edit::shared(edited);
    (tag, Json(JobView::of(&document, app.now())))
}

/// The answer for a job that was made, with where it is.
pub(super) fn created(id: JobId, tag: ETag, body: impl IntoResponse) -> Response {
    let mut response = (StatusCode::CREATED, tag, body).into_response();
    if let Ok(location) = HeaderValue::from_str(&format!("/v1/jobs/{id}")) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

/// A job the caller may see.
///
/// # Errors
/// `not_found` for those of other tenants, and of other branches for staff of one branch.
pub(super) async fn find(
    app: &App,
    caller: &Caller,
    id: JobId,
) -> Result<(Document, i64), Problem> {
    let (document, pos) = edit::load(app, caller, id.into()).await?;
    may_see(caller, &Job::of(&document))?;
    Ok((document, pos))
}

/// The start of every write to a job: the caller may see it, and it stands as they saw it.
///
/// # Errors
/// `not_found`, `changed_meanwhile`.
pub(super) async fn begin(
    app: &App,
    caller: &Caller,
    id: JobId,
    seen: Option<&IfMatch>,
) -> Result<Expect, Problem> {
    let (_, pos) = find(app, caller, id).await?;
    let Some(seen) = seen else { return Ok(Expect::Existing) };
    seen.check(&ETag::of_row(pos))?;
    // Checked again by the writer, so that nothing can come in between.
    Ok(Expect::At(pos))
}

/// As [`begin`] for an operation whose first fact belongs to `section`. The attempt whose answer
/// was lost has changed the job itself, so its repeat is not held to what was seen before that.
///
/// # Errors
/// `not_found`, `changed_meanwhile`.
pub(super) async fn begin_fact(
    app: &App,
    caller: &Caller,
    id: JobId,
    seen: Option<&IfMatch>,
    operation: &Operation,
    section: &Section,
) -> Result<Expect, Problem> {
    let (document, pos) = find(app, caller, id).await?;
    let Some(seen) = seen.filter(|_| !edit::done(&document, operation, 0, section)) else {
        return Ok(Expect::Existing);
    };
    seen.check(&ETag::of_row(pos))?;
    Ok(Expect::At(pos))
}

/// Staff of one branch see its jobs, and those that have no branch yet.
///
/// # Errors
/// `not_found`.
fn may_see(caller: &Caller, job: &Job) -> Result<(), Problem> {
    if caller.sees_branch(job.intake.branch) { Ok(()) } else { Err(Problem::not_found()) }
}
