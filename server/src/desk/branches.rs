//! Branches over REST.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use sync_core::id::BranchId;
use utoipa::ToSchema;

use super::check;
use crate::accounts::audit::Note;
use crate::accounts::branches::{self, Branch, BranchKind};
use crate::app::App;
use crate::auth::{Caller, Role, Staff};
use crate::http::cursor::Page;
use crate::http::{ETag, Id, IfMatch, Json, Operation, Problem, ProblemBody};

/// A branch to be added.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewBranch {
    /// Name.
    pub name: String,
    /// Whose store it is.
    pub kind: BranchKind,
    /// ISO 4217 code of its amounts.
    pub currency: String,
    /// IANA name of its time zone.
    pub time_zone: String,
}

/// What may change; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BranchChange {
    /// Name.
    pub name: Option<String>,
    /// Whose store it is.
    pub kind: Option<BranchKind>,
    /// ISO 4217 code.
    pub currency: Option<String>,
    /// IANA name.
    pub time_zone: Option<String>,
    /// Whether it takes new work.
    pub active: Option<bool>,
}

/// Every branch of the tenant.
#[utoipa::path(get, path = "/v1/branches", tag = "branches", responses((status = 200, body = Page<Branch>)))]
pub async fn list(State(app): State<App>, caller: Caller) -> Result<Json<Page<Branch>>, Problem> {
    let mut connection = app.read().await?;
    let items = branches::list(&mut connection, caller.tenant).await?;
    Ok(Json(Page { items, next: None }))
}

/// One branch.
#[utoipa::path(
    get, path = "/v1/branches/{id}", tag = "branches", params(("id" = String, Path)),
    responses((status = 200, body = Branch), (status = 404, body = ProblemBody))
)]
pub async fn get(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<BranchId>,
) -> Result<(ETag, Json<Branch>), Problem> {
    let mut connection = app.read().await?;
    let branch = branches::get(&mut connection, caller.tenant, id).await?;
    let branch = branch.ok_or_else(Problem::not_found)?;
    Ok((ETag::of_row(branch.version), Json(branch)))
}

/// Adds a branch.
#[utoipa::path(
    post, path = "/v1/branches", tag = "branches", request_body = NewBranch,
    responses((status = 201, body = Branch), (status = 422, body = ProblemBody))
)]
pub async fn create(
    State(app): State<App>,
    Staff(caller): Staff,
    operation: Operation,
    Json(new): Json<NewBranch>,
) -> Result<Response, Problem> {
    caller.at_least(Role::Administrator)?;
    let now = app.now();
    let (ms, random) = operation.seed(0);
    let branch = Branch {
        id: BranchId::new(ms, random),
        name: check::text("name", &new.name, 100)?,
        kind: new.kind,
        currency: check::currency("currency", &new.currency)?,
        time_zone: check::text("time_zone", &new.time_zone, 64)?,
        active: true,
        version: 1,
        created_at: now,
    };
    let (tenant, added) = (caller.tenant, branch.clone());
    let note = Note::by(&caller, "branch.create", branch.id);
    app.store
        .write::<(), Problem, _>(move |tx| {
            Box::pin(async move {
                if branches::get(tx, tenant, added.id).await?.is_none() {
                    branches::insert(tx, tenant, &added).await?;
                    note.write(tx, now).await?;
                }
                Ok(())
            })
        })
        .await?;
    Ok((StatusCode::CREATED, ETag::of_row(1), Json(branch)).into_response())
}

/// Changes a branch.
#[utoipa::path(
    patch, path = "/v1/branches/{id}", tag = "branches", request_body = BranchChange,
    params(("id" = String, Path), ("If-Match" = String, Header, description = "ETag that was seen.")),
    responses((status = 200, body = Branch), (status = 404, body = ProblemBody), (status = 412, body = ProblemBody))
)]
pub async fn update(
    State(app): State<App>,
    Staff(caller): Staff,
    Id(id): Id<BranchId>,
    seen: IfMatch,
    Json(change): Json<BranchChange>,
) -> Result<(ETag, Json<Branch>), Problem> {
    caller.at_least(Role::Administrator)?;
    let now = app.now();
    let tenant = caller.tenant;
    let note = Note::by(&caller, "branch.update", id);
    let branch = app
        .store
        .write::<Branch, Problem, _>(move |tx| {
            Box::pin(async move {
                let found = branches::get(tx, tenant, id).await?;
                let mut branch = found.ok_or_else(Problem::not_found)?;
                seen.check(&ETag::of_row(branch.version))?;
                if let Some(name) = &change.name {
                    branch.name = check::text("name", name, 100)?;
                }
                if let Some(currency) = &change.currency {
                    branch.currency = check::currency("currency", currency)?;
                }
                if let Some(zone) = &change.time_zone {
                    branch.time_zone = check::text("time_zone", zone, 64)?;
                }
                branch.kind = change.kind.unwrap_or(branch.kind);
                branch.active = change.active.unwrap_or(branch.active);
                branches::update(tx, tenant, &branch).await?;
                note.write(tx, now).await?;
                branch.version += 1;
                Ok(branch)
            })
        })
        .await?;
    Ok((ETag::of_row(branch.version), Json(branch)))
}
