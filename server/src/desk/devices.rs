//! Phones over REST: which there are, and ending one.

use axum::extract::State;
use serde::Deserialize;
use sync_core::id::{DeviceId, UserId};

use crate::accounts::audit::Note;
use crate::accounts::devices::{self, Device};
use crate::app::App;
use crate::auth::Staff;
use crate::http::cursor::{Page, PageQuery};
use crate::http::{Cursor, Id, Json, Problem, ProblemBody, Query};

/// Which phones are wanted.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// Only this person's.
    #[param(value_type = Option<String>, format = Uuid)]
    pub user: Option<UserId>,
    /// `next` of the page before.
    pub cursor: Option<String>,
    /// Rows in a page, 1 to 200.
    pub limit: Option<i64>,
}

/// Phones of the tenant. Staff of one branch see those of its people, and of people without one.
#[utoipa::path(get, path = "/v1/devices", tag = "devices", params(Which), responses((status = 200, body = Page<Device>)))]
pub async fn list(
    State(app): State<App>,
    Staff(caller): Staff,
    Query(which): Query<Which>,
) -> Result<Json<Page<Device>>, Problem> {
    let page = PageQuery { cursor: which.cursor, limit: which.limit };
    let after = page.after_id::<DeviceId>()?;
    let mut connection = app.read().await?;
    let rows = page.rows();
    let (tenant, branch) = (caller.tenant, caller.branch);
    let found = devices::list(&mut connection, tenant, branch, which.user, after, rows + 1);
    let items = found.await?;
    let place = |device: &Device| Cursor { key: 0, id: device.id.as_bytes().to_vec() };
    Ok(Json(Page::cut(items, rows, place)))
}

/// One phone.
#[utoipa::path(
    get, path = "/v1/devices/{id}", tag = "devices", params(("id" = String, Path)),
    responses((status = 200, body = Device), (status = 404, body = ProblemBody))
)]
pub async fn get(
    State(app): State<App>,
    Staff(caller): Staff,
    Id(id): Id<DeviceId>,
) -> Result<Json<Device>, Problem> {
    let mut connection = app.read().await?;
    let device = devices::get_seen(&mut connection, &caller, id).await?;
    device.map(Json).ok_or_else(Problem::not_found)
}

/// Revokes a phone: its next request is refused, and so is every later one.
#[utoipa::path(
    post, path = "/v1/devices/{id}/revoke", tag = "devices", params(("id" = String, Path)),
    responses((status = 200, body = Device), (status = 404, body = ProblemBody))
)]
pub async fn revoke(
    State(app): State<App>,
    Staff(caller): Staff,
    Id(id): Id<DeviceId>,
) -> Result<Json<Device>, Problem> {
    let (now, tenant) = (app.now(), caller.tenant);
    let note = Note::by(&caller, "device.revoke", id);
    let device = app
        .store
        .write::<Device, Problem, _>(move |tx| {
            Box::pin(async move {
                devices::get_seen(tx, &caller, id).await?.ok_or_else(Problem::not_found)?;
                if devices::revoke(tx, tenant, id, Some(caller.user), now).await? {
                    note.write(tx, now).await?;
                }
                devices::get(tx, tenant, id).await?.ok_or_else(Problem::not_found)
            })
        })
        .await?;
    Ok(Json(device))
}
