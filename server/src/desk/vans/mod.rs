//! Vans and their stock over REST.

pub mod stock;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use sync_core::check as core_check;
use sync_core::id::{BranchId, UserId, VanId};
use sync_core::schema::{Key, Section, key, section};
use sync_core::value::Value;
use sync_core::van::Van;
use utoipa::ToSchema;

use super::jobs::assign::check_technician;
use super::jobs::fields::{Given, entries, given};
use super::{check, edit};
use crate::accounts::audit::Note;
use crate::app::App;
use crate::auth::{Caller, Staff};
use crate::http::cursor::{Page, PageQuery};
use crate::http::{Cursor, ETag, Id, IfMatch, Json, Operation, Problem, ProblemBody, Query};
use crate::writer::Expect;

/// A van with its stock.
#[derive(Debug, Serialize, ToSchema)]
pub struct VanView {
    /// `id`, `name`, `plate`, `branch`, `technician`, `equipment`, `active`, `notes`, and `stock.lines` with
    /// `part_no`, `bin`, `quantity` (thousandths), `oversold`, `counted_at`.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub van: Van,
    /// Its version; `"v` version `"` is its ETag.
    pub version: i64,
}

/// A van to be added.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewVan {
    /// Name on the board.
    pub name: String,
    /// Licence plate.
    pub plate: Option<String>,
    /// Branch it belongs to.
    #[schema(value_type = Option<String>, format = Uuid)]
    pub branch: Option<BranchId>,
    /// Who drives it.
    #[schema(value_type = Option<String>, format = Uuid)]
    pub technician: Option<UserId>,
    /// What it carries besides stock: winch, wheel lift, charger and the like.
    #[serde(default)]
    pub equipment: Vec<String>,
}

/// What may change; what is left out stays, `null` clears plate, branch and technician.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct VanChange {
    /// Name on the board.
    pub name: Option<String>,
    /// Licence plate.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    pub plate: Given<String>,
    /// Branch it belongs to.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<String>, format = Uuid)]
    pub branch: Given<BranchId>,
    /// Who drives it; a dispatcher may set this.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<String>, format = Uuid)]
    pub technician: Given<UserId>,
    /// What it carries besides stock.
    pub equipment: Option<Vec<String>>,
    /// Whether it is in use; a dispatcher may set this.
    pub active: Option<bool>,
}

/// Vans with their stock. Staff of one branch see its vans, and those without one.
#[utoipa::path(get, path = "/v1/vans", tag = "vans", params(PageQuery), responses((status = 200, body = Page<VanView>)))]
pub async fn list(
    State(app): State<App>,
    Staff(caller): Staff,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<VanView>>, Problem> {
    let after = page.after_id::<VanId>()?;
    let rows = page.rows();
    let limit = u32::try_from(rows + 1).unwrap_or(1);
    let found = app.store.vans(caller.tenant, after, limit).await?;
    let items = found.into_iter().map(|(van, version)| VanView { van, version }).collect();
    let place = |view: &VanView| Cursor { key: 0, id: view.van.id.as_bytes().to_vec() };
    let mut page = Page::cut(items, rows, place);
    page.items.retain(|view| caller.sees_branch(view.van.branch));
    Ok(Json(page))
}

/// One van with its stock.
#[utoipa::path(
    get, path = "/v1/vans/{id}", tag = "vans", params(("id" = String, Path)),
    responses((status = 200, body = VanView), (status = 404, body = ProblemBody))
)]
pub async fn get(
    State(app): State<App>,
    Staff(caller): Staff,
    Id(id): Id<VanId>,
) -> Result<(ETag, Json<VanView>), Problem> {
    view(&app, &caller, id).await
}

/// Adds a van. For managers and administrators.
#[utoipa::path(
    post, path = "/v1/vans", tag = "vans", request_body = NewVan,
    responses((status = 201, body = VanView), (status = 403, body = ProblemBody), (status = 422, body = ProblemBody))
)]
pub async fn create(
    State(app): State<App>,
    Staff(caller): Staff,
    operation: Operation,
    Json(new): Json<NewVan>,
) -> Result<Response, Problem> {
    let change = VanChange {
        name: Some(new.name),
        plate: new.plate.map(Some),
        branch: new.branch.map(Some),
        technician: new.technician.map(Some),
        equipment: Some(new.equipment),
        active: None,
    };
    let sets = checked(&app, &caller, change).await?;
    let (ms, random) = operation.seed(0);
    let id = VanId::new(ms, random);
    let note = Note::by(&caller, "van.create", id);
    edit::edit(&app, &caller, id.into(), Expect::Any, note, move |document| {
        Ok(if document.is_empty() { entries(document, sets) } else { Vec::new() })
    })
    .await?;
    Ok((StatusCode::CREATED, view(&app, &caller, id).await?).into_response())
}

/// Changes a van that still stands as the client saw it.
#[utoipa::path(
    patch, path = "/v1/vans/{id}", tag = "vans", request_body = VanChange,
    params(("id" = String, Path), ("If-Match" = String, Header, description = "ETag that was seen.")),
    responses((status = 200, body = VanView), (status = 404, body = ProblemBody), (status = 412, body = ProblemBody))
)]
pub async fn update(
    State(app): State<App>,
    Staff(caller): Staff,
    Id(id): Id<VanId>,
    seen: IfMatch,
    Json(change): Json<VanChange>,
) -> Result<(ETag, Json<VanView>), Problem> {
    view(&app, &caller, id).await?;
    let expect = edit::expectation(&app, &caller, id.into(), Some(&seen)).await?;
    let sets = checked(&app, &caller, change).await?;
    let note = Note::by(&caller, "van.update", id);
    edit::edit(&app, &caller, id.into(), expect, note, move |document| Ok(entries(document, sets)))
        .await?;
    view(&app, &caller, id).await
}

async fn view(app: &App, caller: &Caller, id: VanId) -> Result<(ETag, Json<VanView>), Problem> {
    let found = app.store.van(caller.tenant, id).await?;
    let found = found.filter(|(van, _)| caller.sees_branch(van.branch));
    let (van, version) = found.ok_or_else(Problem::not_found)?;
    Ok((ETag::of_row(version), Json(VanView { van, version })))
}

async fn checked(
    app: &App,
    caller: &Caller,
    change: VanChange,
) -> Result<Vec<(Section, Key, Value)>, Problem> {
    let mut sets = Vec::new();
    let mut set = |key: Key, value: Value| sets.push((section::DETAILS, key, value));
    if let Some(name) = &change.name {
        set(key::NAME, check::text("name", name, 60)?.into());
    }
    if let Some(plate) = &change.plate {
        let plate = plate.as_deref().map(core_check::plate).transpose();
        let plate = plate.map_err(|error| edit::checked(&error))?;
        set(key::PLATE, plate.map(|plate| plate.shown).into());
    }
    if let Some(branch) = change.branch {
        if let Some(branch) = branch {
            let mut connection = app.read().await?;
            check::branch(&mut connection, caller.tenant, "branch", branch).await?;
        }
        set(key::BRANCH, branch.map_or(Value::Null, |branch| edit::raw(branch.as_bytes())));
    }
    if let Some(technician) = change.technician {
        if let Some(user) = technician {
            check_technician(app, caller, user).await?;
        }
        set(key::TECHNICIAN, technician.map_or(Value::Null, |user| edit::raw(user.as_bytes())));
    }
    if let Some(equipment) = &change.equipment {
        set(key::EQUIPMENT, check::names("equipment", equipment)?);
    }
    if let Some(active) = change.active {
        set(key::ACTIVE, active.into());
    }
    Ok(sets)
}
