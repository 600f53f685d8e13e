//! Branches over REST.

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use store::rows::branches::{self, Branch, BranchKind};
use store::rows::room::RowKind;
use sync_core::id::BranchId;
use utoipa::ToSchema;

use super::jobs::fields::{Given, given};
use super::{check, technicians};
use crate::app::App;
use crate::auth::{Caller, Role, Staff};
use crate::http::created;
use crate::http::cursor::Page;
use crate::http::{ETag, Id, IfMatch, Json, Operation, Problem, Tagged};

/// A branch to be added.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Taipei North", "kind": "owned", "currency": "TWD", "time_zone": "Asia/Taipei"}))]
pub struct NewBranch {
    /// Name.
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    /// Whose store it is.
    pub kind: BranchKind,
    /// ISO 4217 code of its amounts.
    #[schema(pattern = "^[A-Z]{3}$", examples("TWD"))]
    pub currency: String,
    /// IANA name of its time zone.
    #[schema(min_length = 1, max_length = 64, examples("Asia/Taipei"))]
    pub time_zone: String,
    /// ISO 3166 code of the country in which its people dial numbers without `+`; if not given the
    /// server's `phone_region`.
    #[schema(pattern = "^[A-Z]{2}$", examples("TW"))]
    pub region: Option<String>,
}

/// What may change. What is left out stays; `null` clears the region and nothing else.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BranchChange {
    /// Name.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, required = false, min_length = 1, max_length = 100)]
    pub name: Given<String>,
    /// Whose store it is.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = BranchKind, required = false)]
    pub kind: Given<BranchKind>,
    /// ISO 4217 code.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, required = false, pattern = "^[A-Z]{3}$")]
    pub currency: Given<String>,
    /// IANA name.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, required = false, min_length = 1, max_length = 64)]
    pub time_zone: Given<String>,
    /// ISO 3166 code; `null` for the server's own.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, required = false, pattern = "^[A-Z]{2}$")]
    pub region: Given<String>,
    /// Whether it takes new jobs.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = bool, required = false)]
    pub active: Given<bool>,
}

/// Every branch of the tenant.
#[utoipa::path(
    get, path = "/v1/branches", tag = "branches", operation_id = "list_branches",
    responses((status = 200, body = Page<Tagged<Branch>>)),
)]
pub async fn list(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<Page<Tagged<Branch>>>, Problem> {
    let mut connection = app.read().await?;
    let items = branches::list(&mut connection, caller.tenant()).await?;
    let tags = app.tags();
    let tagged = |row: Branch| Tagged { etag: tags.of_row(row.version), row };
    Ok(Json(Page { items: items.into_iter().map(tagged).collect(), next: None }))
}

/// One branch.
#[utoipa::path(
    get, path = "/v1/branches/{id}", tag = "branches", operation_id = "get_branch",
    params(("id" = inline(BranchId), Path, description = "The branch.")),
    responses((status = 200, body = Branch)),
)]
pub async fn get(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<BranchId>,
) -> Result<(ETag, Json<Branch>), Problem> {
    let mut connection = app.read().await?;
    let branch = branches::get(&mut connection, caller.tenant(), id).await?;
    let branch = branch.ok_or_else(Problem::not_found)?;
    Ok((app.tags().of_row(branch.version), Json(branch)))
}

/// Adds a branch.
#[utoipa::path(
    post, path = "/v1/branches", tag = "branches", operation_id = "create_branch",
    request_body = NewBranch,
    responses((status = 201, body = Branch)),
)]
pub async fn create(
    State(app): State<App>,
    caller: Staff,
    operation: Operation,
    Json(new): Json<NewBranch>,
) -> Result<Response, Problem> {
    caller.at_least(Role::Administrator)?;
    caller.reach().owns(None)?;
    let now = app.now();
    let (ms, random) = operation.seed(0);
    let branch = Branch {
        id: BranchId::new(ms, random),
        name: check::text("name", &new.name, 100)?,
        kind: new.kind,
        currency: check::currency("currency", &new.currency)?,
        time_zone: check::time_zone("time_zone", &new.time_zone)?,
        region: new.region.as_deref().map(check::region).transpose()?,
        active: true,
        version: 1,
        created_at: now,
    };
    let (tenant, added) = (caller.tenant(), branch.clone());
    let note = caller.note("branch.create", branch.id);
    app.store
        .write::<(), Problem, _>(move |tx| {
            Box::pin(async move {
                if branches::get(tx, tenant, added.id).await?.is_none() {
                    check::room(tx, tenant, RowKind::Branches).await?;
                    branches::insert(tx, tenant, &added).await?;
                    note.write(tx, now).await?;
                }
                Ok(())
            })
        })
        .await?;
    let path = format!("/v1/branches/{}", branch.id);
    Ok(created(&path, app.tags().of_row(1), Json(branch)))
}

/// Changes a branch.
#[utoipa::path(
    patch, path = "/v1/branches/{id}", tag = "branches", operation_id = "update_branch",
    request_body = BranchChange,
    params(("id" = inline(BranchId), Path, description = "The branch."), IfMatch),
    responses((status = 200, body = Branch)),
)]
pub async fn update(
    State(app): State<App>,
    caller: Staff,
    Id(id): Id<BranchId>,
    seen: IfMatch,
    operation: Operation,
    Json(change): Json<BranchChange>,
) -> Result<(ETag, Json<Branch>), Problem> {
    caller.at_least(Role::Administrator)?;
    caller.reach().owns(Some(id))?;
    let now = app.now();
    let (tenant, tags) = (caller.tenant(), app.tags());
    let note = caller.note("branch.update", id);
    let is_moved = change.region.is_some();
    let branch = app
        .store
        .write::<Branch, Problem, _>(move |tx| {
            Box::pin(async move {
                let found = branches::get(tx, tenant, id).await?;
                let mut branch = found.ok_or_else(Problem::not_found)?;
                if operation.has_begun() {
                    return Ok(branch);
                }
                seen.check(&tags.of_row(branch.version))?;
                apply(&mut branch, change)?;
                branches::update(tx, tenant, &branch).await?;
                note.write(tx, now).await?;
                branch.version += 1;
                Ok(branch)
            })
        })
        .await?;
    if is_moved {
        // In the background: a branch may have many technicians.
        technicians::follow::in_background(&app, tenant);
    }
    Ok((app.tags().of_row(branch.version), Json(branch)))
}

fn apply(branch: &mut Branch, change: BranchChange) -> Result<(), Problem> {
    if let Some(name) = check::kept("name", change.name)? {
        branch.name = check::text("name", &name, 100)?;
    }
    if let Some(currency) = check::kept("currency", change.currency)? {
        branch.currency = check::currency("currency", &currency)?;
    }
    if let Some(zone) = check::kept("time_zone", change.time_zone)? {
        branch.time_zone = check::time_zone("time_zone", &zone)?;
    }
    if let Some(region) = change.region {
        branch.region = region.as_deref().map(check::region).transpose()?;
    }
    branch.kind = check::kept("kind", change.kind)?.unwrap_or(branch.kind);
    branch.active = check::kept("active", change.active)?.unwrap_or(branch.active);
    Ok(())
}
