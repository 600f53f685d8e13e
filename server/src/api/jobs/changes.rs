//! Jobs as they change, for programs that keep a copy of the board.

use axum::extract::State;
use serde::Serialize;
use sync_core::id::JobId;
use utoipa::ToSchema;

use super::list::JobListed;
use crate::app::App;
use crate::auth::Staff;
use crate::http::cursor::PageQuery;
use crate::http::{Cursor, Json, List, Problem, Query};

/// Jobs that changed.
#[derive(Debug, Serialize, ToSchema)]
pub struct JobChanges {
    /// The jobs as they are now, those that changed first at the front.
    pub items: Vec<JobListed>,
    /// Jobs that staff of one branch do not see any more, because they went to another: take them out of the copy.
    /// They may be named again.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub left: Vec<JobId>,
    /// What to send as `cursor` the next time. Keep it with the copy.
    pub next: String,
    /// Whether more has changed: ask again at once. Otherwise ask when you like.
    pub more: bool,
    /// Whether this begins with the first job again: no cursor was sent, or the server was restored from a
    /// backup since it was given. Then jobs of the copy that do not come again are gone.
    pub from_start: bool,
}

/// Jobs in the order in which they last changed. Send `next` as `cursor` the next time, and every change comes once or more, none never.
///
/// Without a cursor it begins with the first job. To begin with a copy of lists, send `changes` of the first page
/// that was read of `/v1/jobs`. The order is the server's own and follows no clock. Staff of one branch see its
/// jobs, and those without one; of a job that goes to another branch `left` has the id.
#[utoipa::path(
    get, path = "/v1/jobs/changes", tag = "jobs", operation_id = "list_job_changes",
    params(PageQuery),
    responses((status = 200, body = JobChanges)),
)]
pub async fn list(
    State(app): State<App>,
    caller: Staff,
    Query(page): Query<PageQuery>,
) -> Result<Json<JobChanges>, Problem> {
    let epoch = app.store.epoch().to_be_bytes();
    let known = page.after(List::JobChanges)?.filter(|cursor| cursor.id == epoch);
    let after = known.as_ref().map_or(0, |cursor| cursor.key);
    let limit = u32::try_from(page.rows()?).unwrap_or(1);
    let (tenant, branch) = (caller.tenant(), caller.branch());
    let found = app.store.job_changes(tenant, branch, after, app.now(), limit).await?;
    Ok(Json(told(&app, found, known.is_none())))
}

/// Changes as a client is told of them.
pub fn told(app: &App, found: store::JobChanges, from_start: bool) -> JobChanges {
    JobChanges {
        items: found.rows.into_iter().map(|row| JobListed::of(row, app.tags())).collect(),
        left: found.left,
        next: position(app, found.upto),
        more: found.more,
        from_start,
    }
}

/// A position of the log as clients keep it: it counts until the server is restored from a backup.
pub fn position(app: &App, pos: i64) -> String {
    Cursor { key: pos, id: app.store.epoch().to_be_bytes().to_vec() }.encode(List::JobChanges)
}
