//! Phones over REST: which there are, and ending one.

pub mod code;
pub mod enrol;
pub mod submissions;

use axum::extract::State;
use serde::Deserialize;
use sqlx::AnyConnection;
use store::rows::devices::{self, Device};
use store::rows::users;
use sync_core::id::{DeviceId, UserId};

use crate::app::App;
use crate::auth::{Caller, Staff};
use crate::http::cursor::{Page, PageQuery};
use crate::http::{Cursor, Id, Json, List, Problem, Query};

/// Which phones are wanted.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DevicesQuery {
    /// Only this person's.
    pub user: Option<UserId>,
    /// `next` of the page before.
    pub cursor: Option<String>,
    /// Rows in a page, 1 to 200; 50 if not given.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<i64>,
}

/// Phones of the tenant. Staff of one branch see those of its people, and of people without one.
#[utoipa::path(
    get, path = "/v1/devices", tag = "devices", operation_id = "list_devices",
    params(DevicesQuery),
    responses((status = 200, body = Page<Device>)),
)]
pub async fn list(
    State(app): State<App>,
    caller: Staff,
    Query(which): Query<DevicesQuery>,
) -> Result<Json<Page<Device>>, Problem> {
    let page = PageQuery { cursor: which.cursor, limit: which.limit };
    let after = page.after_id::<DeviceId>(List::Devices)?;
    let mut connection = app.read().await?;
    let rows = page.rows()?;
    let (tenant, branch) = (caller.tenant(), caller.branch());
    let found = devices::list(&mut connection, tenant, branch, which.user, after, rows + 1);
    let items = found.await?;
    let place = |device: &Device| Cursor { key: 0, id: device.id.as_bytes().to_vec() };
    Ok(Json(Page::cut(List::Devices, items, rows, place)))
}

/// One phone.
#[utoipa::path(
    get, path = "/v1/devices/{id}", tag = "devices", operation_id = "get_device",
    params(("id" = inline(DeviceId), Path, description = "The phone.")),
    responses((status = 200, body = Device)),
)]
pub async fn get(
    State(app): State<App>,
    caller: Staff,
    Id(id): Id<DeviceId>,
) -> Result<Json<Device>, Problem> {
    let mut connection = app.read().await?;
    let device = get_seen(&mut connection, &caller, id).await?;
    device.map(Json).ok_or_else(Problem::not_found)
}

/// Revokes a phone: its next request is refused, and so is every later one.
#[utoipa::path(
    post, path = "/v1/devices/{id}/revoke", tag = "devices", operation_id = "revoke_device",
    params(("id" = inline(DeviceId), Path, description = "The phone.")),
    responses((status = 200, body = Device)),
)]
pub async fn revoke(
    State(app): State<App>,
    caller: Staff,
    Id(id): Id<DeviceId>,
) -> Result<Json<Device>, Problem> {
    let (now, tenant) = (app.now(), caller.tenant());
    let note = caller.note("device.revoke", id);
    let device = app
        .store
        .write::<Device, Problem, _>(move |tx| {
            Box::pin(async move {
                get_seen(tx, &caller, id).await?.ok_or_else(Problem::not_found)?;
                if devices::revoke(tx, tenant, id, Some(caller.user()), now).await? {
                    note.write(tx, now).await?;
                }
                devices::get(tx, tenant, id).await?.ok_or_else(Problem::not_found)
            })
        })
        .await?;
    app.writer().access_changed(tenant, device.user);
    Ok(Json(device))
}

/// Lets a phone sync again that waits since a restore with `--hold-phones`.
#[utoipa::path(
    post, path = "/v1/devices/{id}/release", tag = "devices", operation_id = "release_device",
    params(("id" = inline(DeviceId), Path, description = "The phone.")),
    responses((status = 200, body = Device)),
)]
pub async fn release(
    State(app): State<App>,
    caller: Staff,
    Id(id): Id<DeviceId>,
) -> Result<Json<Device>, Problem> {
    let (now, tenant) = (app.now(), caller.tenant());
    let note = caller.note("device.release", id);
    let device = app
        .store
        .write::<Device, Problem, _>(move |tx| {
            Box::pin(async move {
                if devices::release(tx, tenant, id).await? {
                    note.write(tx, now).await?;
                }
                devices::get(tx, tenant, id).await?.ok_or_else(Problem::not_found)
            })
        })
        .await?;
    Ok(Json(device))
}

/// One phone, if its technician is someone the caller may see.
///
/// # Errors
/// When the database refuses.
pub async fn get_seen(
    connection: &mut AnyConnection,
    caller: &Caller,
    device: DeviceId,
) -> Result<Option<Device>, sqlx::Error> {
    let Some(found) = devices::get(connection, caller.tenant(), device).await? else {
        return Ok(None);
    };
    let user = users::get(connection, caller.tenant(), found.user).await?;
    Ok(user.filter(|user| caller.sees_branch(user.branch)).map(|_| found))
}
