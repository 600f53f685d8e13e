//! Who did what, over REST.

use axum::extract::State;
use serde::Deserialize;
use store::rows::audit::{self, Entry};

use crate::app::App;
use crate::auth::{Role, Staff};
use crate::http::cursor::{Page, PageQuery};
use crate::http::{Code, Cursor, Json, List, Problem, Query};

/// Which rows are wanted.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    /// Only what was done to this: an id or a part number.
    pub object: Option<String>,
    /// `next` of the page before.
    pub cursor: Option<String>,
    /// Rows in a page, 1 to 200; 50 if not given.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<i64>,
}

/// What the office did, newest first. For managers and administrators.
///
/// Managers of one branch see what its own people did, and people without a branch.
#[utoipa::path(
    get, path = "/v1/audit", tag = "audit", operation_id = "list_audit_entries",
    params(AuditQuery),
    responses((status = 200, body = Page<Entry>)),
)]
pub async fn list(
    State(app): State<App>,
    caller: Staff,
    Query(which): Query<AuditQuery>,
) -> Result<Json<Page<Entry>>, Problem> {
    caller.at_least(Role::Manager)?;
    let page = PageQuery { cursor: which.cursor, limit: which.limit };
    let before = page.after(List::Audit)?.map(|cursor| cursor.id);
    let before = before.as_deref();
    if which.object.as_deref().is_some_and(|object| object.contains('\0')) {
        let detail = "The text has the character U+0000. Remove it.";
        return Err(Problem::new(Code::BadQuery).field("object").detail(detail));
    }
    let mut connection = app.read().await?;
    let (tenant, branch, object) = (caller.tenant(), caller.branch(), which.object.as_deref());
    let rows = page.rows()?;
    let found = audit::list(&mut connection, tenant, branch, object, before, rows + 1);
    let (items, end) = found.await?;
    let place = |entry: &Entry| Cursor { key: entry.at, id: entry.id.as_bytes().to_vec() };
    let mut page = Page::cut(List::Audit, items, rows, place);
    let end = end.map(|end| Cursor { key: 0, id: end.as_bytes().to_vec() }.encode(List::Audit));
    page.next = page.next.or(end);
    Ok(Json(page))
}
