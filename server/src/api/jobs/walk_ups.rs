//! Cancelling the jobs that one technician opened at the roadside, many at a time.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use store::rows::users;
use store::writer::Expect;
use sync_core::change::Entry;
use sync_core::document::Document;
use sync_core::id::{JobId, UserId};
use sync_core::job::{Job, Step, walk_up_author};
use sync_core::schema::{key, section};
use utoipa::ToSchema;

use crate::api::{check, edit, words};
use crate::app::App;
use crate::auth::{Role, Staff};
use crate::http::{Code, Id, Json, Operation, Problem};

/// Jobs that one request looks at; it cancels as many at most.
const PAGE: usize = 100;

/// Which jobs end, and why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"reason": "duplicate", "note": "A phone out of order opened them."}))]
pub struct CancelWalkUps {
    /// A word such as `customer_cancelled`, `duplicate`, `other_provider`.
    #[schema(schema_with = words::reason)]
    pub reason: String,
    /// More, in words.
    #[schema(min_length = 1, max_length = 1000)]
    pub note: Option<String>,
    /// `next` of the answer before, to go on.
    pub after: Option<JobId>,
}

/// What was cancelled.
#[derive(Debug, Serialize, ToSchema)]
pub struct CancelledWalkUps {
    /// The jobs.
    pub cancelled: Vec<JobId>,
    /// To be sent as `after` to go on; absent once all were looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<JobId>,
}

/// Cancels jobs that a technician opened at the roadside and that are not over, a hundred at most. Each
/// can be taken up again.
#[utoipa::path(
    post, path = "/v1/technicians/{id}/cancel-walk-ups", tag = "technicians",
    operation_id = "cancel_walk_ups",
    request_body = CancelWalkUps,
    params(("id" = inline(UserId), Path, description = "The technician.")),
    responses((status = 200, body = CancelledWalkUps)),
)]
pub async fn cancel_walk_ups(
    State(app): State<App>,
    caller: Staff,
    Id(id): Id<UserId>,
    operation: Operation,
    Json(why): Json<CancelWalkUps>,
) -> Result<Json<CancelledWalkUps>, Problem> {
    let mut connection = app.read().await?;
    let found = users::get(&mut connection, caller.tenant(), id).await?;
    drop(connection);
    found
        .filter(|user| user.role == Role::Technician && caller.sees_branch(user.branch))
        .ok_or_else(Problem::not_found)?;
    let reason = check::text("reason", &why.reason, 60)?;
    let text = why.note.as_deref().map(|text| check::text("note", text, 1000)).transpose()?;
    let now = app.now();
    let (jobs, next) = app.store.jobs_ever_of(caller.tenant(), id, why.after, PAGE).await?;
    let mut cancelled = Vec::new();
    for row in jobs {
        let (job, is_open) = (row.summary.id, !row.summary.state.is_over());
        if !is_open || !row.summary.walk_up || !caller.sees_branch(row.summary.branch) {
            continue;
        }
        let detail = serde_json::json!({"reason": reason, "walk_ups_of": id});
        let note = caller.note("job.cancel", job).detail(detail);
        let (reason, text, operation) = (reason.clone(), text.clone(), operation);
        let edited =
            edit::edit(&app, &caller, job.into(), Expect::Existing, note, move |document| {
                Ok(cancel(document, id, &operation, &reason, text.as_deref(), now)
                    .into_iter()
                    .collect())
            });
        let edited = match edited.await {
            // It has gone to a branch the caller does not reach.
            Err(problem) if problem.code() == Code::NotFound => continue,
            edited => edited?,
        };
        if Job::of(&edited.document).state.is_over() {
            cancelled.push(job);
        }
    }
    Ok(Json(CancelledWalkUps { cancelled, next }))
}

/// The cancellation of a job that the technician opened, unless it is over.
fn cancel(
    document: &Document,
    technician: UserId,
    operation: &Operation,
    reason: &str,
    text: Option<&str>,
    now: i64,
) -> Option<Entry> {
    let state = Job::of(document).state_at(now);
    if state.is_over() || walk_up_author(document) != Some(technician) {
        return None;
    }
    let pairs = [
        (key::KIND, Step::Cancelled.as_str().into()),
        (key::REASON, reason.into()),
        (key::NOTE, text.map(str::to_owned).into()),
        (key::STAGE, state.as_str().into()),
    ];
    edit::fact(document, operation, 0, section::STATUS, now, pairs)
}
