//! Vans and their stock over REST.

pub mod desk;
pub mod period;
pub mod stock;

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use sqlx::AnyConnection;
use store::writer::Expect;
use sync_core::check as core_check;
use sync_core::document::Document;
use sync_core::id::{BranchId, TenantId, UserId, VanId};
use sync_core::schema::{Key, Section, key, section};
use sync_core::value::Value;
use sync_core::van::{StockLine, Van};
use utoipa::ToSchema;

use super::bounded::{self, Cut, ListBudget, ListQuery, More};
use super::findings::{self, Finding};
use super::jobs::assign::check_technician;
use super::jobs::fields::{Given, entries, given};
use super::jobs::no_list;
use super::{check, edit};
use crate::app::App;
use crate::auth::{Caller, Staff};
use crate::http::created;
use crate::http::cursor::{Page, PageQuery};
use crate::http::{Code, Cursor, ETag, Id, IfMatch, Json, List, Operation, Problem, Query, Tags};

/// A van with its stock.
#[derive(Debug, Serialize, ToSchema)]
pub struct VanView {
    /// The van.
    #[serde(flatten)]
    pub van: Van,
    /// Its version.
    pub version: i64,
    /// Its ETag.
    #[schema(value_type = String)]
    pub etag: ETag,
    /// What a desk should look after: values kept as said; and, only in the answers about one van,
    /// too many lines of stock, parts of technicians who never drove the van, late counts.
    pub findings: Vec<Finding>,
    /// Lists that are longer than shown (`lines`, `unassigned`, `late_counts`, `notes`,
    /// `equipment`): how many rows there are,
    /// and the cursor with which `/v1/vans/{id}/list` gives the others. Of `lines` those that are not
    /// empty are shown first, of the others the latest. In a list each van has the same room.
    #[serde(skip_serializing_if = "Cut::is_empty")]
    #[schema(value_type = BTreeMap<String, More>)]
    pub more: Cut,
}

impl VanView {
    fn of((mut van, version): (Van, i64), tags: Tags, mut room: ListBudget) -> Self {
        van.stock.lines = by_weight(van.stock.lines);
        room.latest("equipment", &mut van.equipment);
        room.first("lines", &mut van.stock.lines);
        room.latest("unassigned", &mut van.stock.unassigned);
        room.latest("late_counts", &mut van.stock.late_counts);
        room.latest("notes", &mut van.notes);
        let findings = findings::unverified(std::mem::take(&mut van.findings));
        Self { van, version, etag: tags.of_row(version), findings, more: room.take_cut() }
    }
}

/// Lines of stock as they count: what was taken and is not there, then what is there, then what has been used up.
fn by_weight(mut lines: Vec<StockLine>) -> Vec<StockLine> {
    lines.sort_by_key(|line| (!line.oversold, line.quantity == 0));
    lines
}

/// A van to be added.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Van 7", "plate": "ABC-1234", "equipment": ["winch"]}))]
pub struct NewVan {
    /// Name on the board.
    pub name: String,
    /// Licence plate.
    pub plate: Option<String>,
    /// Branch it belongs to; that of the caller who works for one if not given.
    pub branch: Option<BranchId>,
    /// Who drives it.
    pub technician: Option<UserId>,
    /// What it carries besides stock: winch, wheel lift, charger and the like.
    #[serde(default)]
    pub equipment: Vec<String>,
}

/// What may change. What is left out stays; `null` clears plate, branch and technician.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VanChange {
    /// Name on the board.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, required = false, min_length = 1, max_length = 60)]
    pub name: Given<String>,
    /// Licence plate.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, required = false)]
    pub plate: Given<String>,
    /// Branch it belongs to.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<BranchId>, required = false)]
    pub branch: Given<BranchId>,
    /// Who drives it; a dispatcher may set this.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<UserId>, required = false)]
    pub technician: Given<UserId>,
    /// What it carries besides stock.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Vec<String>, required = false, max_items = 20)]
    pub equipment: Given<Vec<String>>,
    /// Whether it is in use; a dispatcher may set this.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = bool, required = false)]
    pub active: Given<bool>,
}

/// Vans read at a time for a list.
const TOGETHER: u32 = 8;

/// Vans with their stock. Staff of one branch see its vans, and those without one.
#[utoipa::path(
    get, path = "/v1/vans", tag = "vans", operation_id = "list_vans",
    params(PageQuery),
    responses((status = 200, body = Page<VanView>)),
)]
pub async fn list(
    State(app): State<App>,
    caller: Staff,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<VanView>>, Problem> {
    let after = page.after_id::<VanId>(List::Vans)?;
    let rows = page.rows()?;
    let limit = u32::try_from(rows + 1).unwrap_or(1);
    // A few at a time, each cut before the next are read: a van can be a thousand times its view.
    let (mut items, mut last) = (Vec::new(), after);
    let share = || ListBudget::share(limit as usize);
    while items.len() < limit as usize {
        let some = TOGETHER.min(limit - items.len() as u32);
        let found = app.store.vans(caller.tenant(), last, some).await?;
        let is_end = found.len() < some as usize;
        last = found.last().map(|(van, _)| van.id);
        items.extend(found.into_iter().map(|found| VanView::of(found, app.tags(), share())));
        if is_end {
            break;
        }
    }
    let place = |view: &VanView| Cursor { key: 0, id: view.van.id.as_bytes().to_vec() };
    let mut page = Page::cut(List::Vans, items, rows, place);
    page.items.retain(|view| caller.sees_branch(view.van.branch));
    Ok(Json(page))
}

/// One van with its stock.
#[utoipa::path(
    get, path = "/v1/vans/{id}", tag = "vans", operation_id = "get_van",
    params(("id" = inline(VanId), Path, description = "The van.")),
    responses((status = 200, body = VanView)),
)]
pub async fn get(
    State(app): State<App>,
    caller: Staff,
    Id(id): Id<VanId>,
) -> Result<(ETag, Json<VanView>), Problem> {
    view(&app, &caller, id).await
}

/// Adds a van. For managers and administrators.
#[utoipa::path(
    post, path = "/v1/vans", tag = "vans", operation_id = "create_van",
    request_body = NewVan,
    responses((status = 201, body = VanView)),
)]
pub async fn create(
    State(app): State<App>,
    caller: Staff,
    operation: Operation,
    Json(new): Json<NewVan>,
) -> Result<Response, Problem> {
    let branch = caller.reach().home(new.branch);
    caller.reach().moves(None, branch)?;
    let change = VanChange {
        name: Some(Some(new.name)),
        plate: new.plate.map(Some),
        branch: branch.map(Some),
        technician: new.technician.map(Some),
        equipment: Some(Some(new.equipment)),
        active: None,
    };
    let sets = checked(&app, &caller, change).await?;
    let (ms, random) = operation.seed(0);
    let id = VanId::new(ms, random);
    let note = caller.note("van.create", id);
    edit::edit(&app, &caller, id.into(), Expect::Any, note, move |document| {
        Ok(if document.is_empty() { entries(document, sets) } else { Vec::new() })
    })
    .await?;
    let (tag, body) = written(&app, &caller, id).await?;
    Ok(created(&format!("/v1/vans/{id}"), tag, body))
}

/// Changes a van that still stands as the client saw it.
#[utoipa::path(
    patch, path = "/v1/vans/{id}", tag = "vans", operation_id = "update_van",
    request_body = VanChange,
    params(("id" = inline(VanId), Path, description = "The van."), IfMatch),
    responses((status = 200, body = VanView)),
)]
pub async fn update(
    State(app): State<App>,
    caller: Staff,
    Id(id): Id<VanId>,
    seen: IfMatch,
    Json(change): Json<VanChange>,
) -> Result<(ETag, Json<VanView>), Problem> {
    let (tag, Json(standing)) = view(&app, &caller, id).await?;
    seen.check(&tag)?;
    let branch = change.branch.unwrap_or(standing.van.branch);
    // Before another record is begun for it.
    caller.reach().moves(standing.van.branch, branch)?;
    let driver = change.technician.flatten();
    let sets = checked(&app, &caller, change).await?;
    let before = app.store.van_record(caller.tenant(), id).await?.ok_or_else(Problem::not_found)?;
    seen.check(&app.tags().of_row(before.pos))?;
    let record = record(&app, &caller, id, driver).await?;
    // Where a new record was begun just now, nobody can have seen it: it has to say what the one before it said.
    let (expect, before) = match before.document.id() == record.into() {
        true => (Expect::At(before.pos), None),
        false => (Expect::Existing, Some(Arc::new(before.document))),
    };
    let note = caller.note("van.update", id).shown_at("vans");
    edit::edit(&app, &caller, record.into(), expect, note, move |document| {
        if before.is_some_and(|before| !says_the_same(document, &before)) {
            return Err(Problem::new(Code::Changed));
        }
        Ok(entries(document, sets))
    })
    .await?;
    written(&app, &caller, id).await
}

/// Whether two records of a van have the same in every field that a change may set.
fn says_the_same(a: &Document, b: &Document) -> bool {
    let keys = [key::NAME, key::PLATE, key::BRANCH, key::TECHNICIAN, key::EQUIPMENT, key::ACTIVE];
    keys.iter().all(|key| {
        let value = |record: &Document| {
            record.field(&section::DETAILS, key).filter(|it| **it != Value::Null).cloned()
        };
        value(a) == value(b)
    })
}

async fn view(app: &App, caller: &Caller, id: VanId) -> Result<(ETag, Json<VanView>), Problem> {
    let found = app.store.van(caller.tenant(), id).await?;
    let found = found.filter(|(van, _)| caller.sees_branch(van.branch));
    shown(app, caller, found.ok_or_else(Problem::not_found)?).await
}

/// The answer of a write that was done, whoever may see the van by now.
async fn written(app: &App, caller: &Caller, id: VanId) -> Result<(ETag, Json<VanView>), Problem> {
    let found = app.store.van(caller.tenant(), id).await?;
    shown(app, caller, found.ok_or_else(Problem::not_found)?).await
}

async fn shown(
    app: &App,
    caller: &Caller,
    (van, version): (Van, i64),
) -> Result<(ETag, Json<VanView>), Problem> {
    let id = van.id;
    let record = app.store.van_record(caller.tenant(), id).await?;
    let found = record.map(|it| findings::of_van(van.id, &it.document, &van.stock));
    let mut view = VanView::of((van, version), app.tags(), ListBudget::default());
    view.findings.extend(found.unwrap_or_default());
    Ok((view.etag.clone(), Json(view)))
}

/// One list of a van, page by page: where `more` of the van says that there is more of it.
///
/// `lines` go on; of the others each page has the rows before those of the page before.
#[utoipa::path(
    get, path = "/v1/vans/{id}/list", tag = "vans", operation_id = "list_rows_of_van",
    params(("id" = inline(VanId), Path, description = "The van."), ListQuery),
    responses((status = 200, body = Page<Object>), (status = 422, description = "invalid: there is no such list.")),
)]
pub async fn part(
    State(app): State<App>,
    caller: Staff,
    Id(id): Id<VanId>,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<serde_json::Value>>, Problem> {
    let found = app.store.van(caller.tenant(), id).await?;
    let found = found.filter(|(van, _)| caller.sees_branch(van.branch));
    let (van, _) = found.ok_or_else(Problem::not_found)?;
    let page = match query.of.as_str() {
        "lines" => bounded::page_on(by_weight(van.stock.lines), &query),
        "unassigned" => bounded::page_back(van.stock.unassigned, &query),
        "late_counts" => bounded::page_back(van.stock.late_counts, &query),
        "notes" => bounded::page_back(van.notes, &query),
        "equipment" => bounded::page_back(van.equipment, &query),
        other => Err(no_list(other)),
    };
    Ok(Json(page?))
}

/// The record of a van that the desk writes to, with room for what it writes.
async fn record(
    app: &App,
    caller: &Caller,
    van: VanId,
    driver: Option<UserId>,
) -> Result<VanId, Problem> {
    let present = period::present(&app.store, caller.tenant(), van, driver, app.now()).await?;
    present.ok_or_else(Problem::not_found)
}

async fn checked(
    app: &App,
    caller: &Caller,
    change: VanChange,
) -> Result<Vec<(Section, Key, Value)>, Problem> {
    if let Some(Some(user)) = change.technician {
        check_technician(app, caller, user).await?;
    }
    let mut connection = app.read().await?;
    check_branch(&mut connection, caller.tenant(), &change).await?;
    sets(change)
}

/// The fields of a van that a request, or the command line, sets.
///
/// # Errors
/// The first value that breaks a rule.
pub async fn checked_fields(
    connection: &mut AnyConnection,
    tenant: TenantId,
    change: VanChange,
) -> Result<Vec<(Section, Key, Value)>, Problem> {
    check_branch(connection, tenant, &change).await?;
    if let Some(user) = change.technician.flatten() {
        check::technician(connection, tenant, "technician", user).await?;
    }
    sets(change)
}

async fn check_branch(
    connection: &mut AnyConnection,
    tenant: TenantId,
    change: &VanChange,
) -> Result<(), Problem> {
    if let Some(branch) = change.branch.flatten() {
        check::branch(connection, tenant, "branch", branch).await?;
    }
    Ok(())
}

/// What a change sets, each value in one form; what it names is not looked up.
///
/// # Errors
/// `invalid` for the first value that breaks a rule.
pub fn sets(change: VanChange) -> Result<Vec<(Section, Key, Value)>, Problem> {
    let mut sets = Vec::new();
    let mut set = |key: Key, value: Value| sets.push((section::DETAILS, key, value));
    if let Some(name) = check::kept("name", change.name)? {
        set(key::NAME, check::text("name", &name, 60)?.into());
    }
    if let Some(plate) = &change.plate {
        let plate = plate.as_deref().map(core_check::plate).transpose();
        let plate = plate.map_err(|error| edit::checked(&error))?;
        set(key::PLATE, plate.map(|plate| plate.value).into());
    }
    if let Some(branch) = change.branch {
        set(key::BRANCH, branch.map_or(Value::Null, |branch| edit::raw(branch.as_bytes())));
    }
    if let Some(technician) = change.technician {
        set(key::TECHNICIAN, technician.map_or(Value::Null, |user| edit::raw(user.as_bytes())));
    }
    if let Some(equipment) = check::kept("equipment", change.equipment)? {
        set(key::EQUIPMENT, check::names("equipment", &equipment)?);
    }
    if let Some(active) = check::kept("active", change.active)? {
        set(key::ACTIVE, active.into());
    }
    Ok(sets)
}
