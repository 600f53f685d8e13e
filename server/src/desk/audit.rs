//! Who did what, over REST.

use axum::extract::State;
use serde::Deserialize;

use crate::accounts::audit::{self, Entry};
use crate::app::App;
use crate::auth::{Role, Staff};
use crate::http::cursor::{Page, PageQuery};
use crate::http::{Cursor, Json, Problem, Query};

/// Which rows are wanted.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// Only what was done to this: an id or a part number.
    pub object: Option<String>,
    /// `next` of the page before.
    pub cursor: Option<String>,
    /// Rows in a page, 1 to 200.
    pub limit: Option<i64>,
}

/// What the office did, newest first. For managers and administrators.
///
/// Managers of one branch see what its own people did, and people without a branch.
#[utoipa::path(get, path = "/v1/audit", tag = "audit", params(Which), responses((status = 200, body = Page<Entry>)))]
pub async fn list(
    State(app): State<App>,
    Staff(caller): Staff,
    Query(which): Query<Which>,
) -> Result<Json<Page<Entry>>, Problem> {
    caller.at_least(Role::Manager)?;
    let page = PageQuery { cursor: which.cursor, limit: which.limit };
    let before = page.after()?;
    let mut connection = app.read().await?;
    let (tenant, branch, object) = (caller.tenant, caller.branch, which.object.as_deref());
    let rows = page.rows();
    let found = audit::list(&mut connection, tenant, branch, object, before.as_ref(), rows + 1);
    let items = found.await?;
    let place = |entry: &Entry| Cursor { key: entry.at, id: entry.id.as_bytes().to_vec() };
    Ok(Json(Page::cut(items, rows, place)))
}
