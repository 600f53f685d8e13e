//! Technicians over REST: who they are, what they may do, when they work.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use sync_core::check as core_check;
use sync_core::document::Document;
use sync_core::id::{BranchId, UserId};
use sync_core::limits::TIME_RANGE;
use sync_core::schema::{DocId, Key, Section, key, section};
use sync_core::technician::Technician;
use sync_core::value::Value;
use utoipa::ToSchema;

use super::jobs::fields::entries;
use super::{check, edit};
use crate::accounts::audit::Note;
use crate::accounts::users::{self, User};
use crate::app::App;
use crate::auth::{Caller, Role, Staff};
use crate::http::cursor::{Page, PageQuery};
use crate::http::{Cursor, ETag, Id, IfMatch, Json, Operation, Problem, ProblemBody, Query};
use crate::writer::Expect;

/// A technician: their account, and what their document says.
#[derive(Debug, Serialize, ToSchema)]
pub struct TechnicianView {
    /// The account.
    #[serde(flatten)]
    pub user: User,
    /// `phone`, `provider`, `certificates`, `shifts`, `notes` and the like.
    #[schema(value_type = Object)]
    pub record: Technician,
    /// Skills in date now.
    pub skills: Vec<String>,
    /// Whether they work now.
    pub on_shift: bool,
    /// Version of the record; `"v` version `"` is its ETag.
    pub record_version: i64,
}

/// Technicians of the tenant. Staff of one branch see its own, and those without one.
#[utoipa::path(get, path = "/v1/technicians", tag = "technicians", params(PageQuery), responses((status = 200, body = Page<TechnicianView>)))]
pub async fn list(
    State(app): State<App>,
    Staff(caller): Staff,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<TechnicianView>>, Problem> {
    let after = page.after_id::<UserId>()?;
    let rows = page.rows();
    let role = Some(Role::Technician);
    let mut connection = app.read().await?;
    let (tenant, branch) = (caller.tenant, caller.branch);
    let found = users::list_seen(&mut connection, tenant, branch, role, after, rows + 1).await?;
    drop(connection);
    let place = |user: &User| Cursor { key: 0, id: user.id.as_bytes().to_vec() };
    let page = Page::cut(found, rows, place);
    let mut items = Vec::with_capacity(page.items.len());
    for user in page.items {
        items.push(view(&app, &caller, user).await?);
    }
    Ok(Json(Page { items, next: page.next }))
}

/// One technician.
#[utoipa::path(
    get, path = "/v1/technicians/{id}", tag = "technicians", params(("id" = String, Path)),
    responses((status = 200, body = TechnicianView), (status = 404, body = ProblemBody))
)]
pub async fn get(State(app): State<App>, Staff(caller): Staff, Id(id): Id<UserId>) -> Answer {
    let user = find(&app, &caller, id).await?;
    answer(view(&app, &caller, user).await?)
}

/// What may change; what is left out stays.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RecordChange {
    /// Name as phones show it.
    pub name: Option<String>,
    /// Their number; kept as E.164.
    pub phone: Option<String>,
    /// BCP 47 tag.
    pub language: Option<String>,
    /// Branch they work for.
    #[schema(value_type = Option<String>, format = Uuid)]
    pub branch: Option<BranchId>,
    /// Outsourced company they work for.
    pub provider: Option<String>,
}

/// Changes a technician's record. For managers and administrators.
#[utoipa::path(
    patch, path = "/v1/technicians/{id}", tag = "technicians", request_body = RecordChange,
    params(("id" = String, Path), ("If-Match" = String, Header, description = "ETag that was seen.")),
    responses((status = 200, body = TechnicianView), (status = 404, body = ProblemBody), (status = 412, body = ProblemBody))
)]
pub async fn update(
    State(app): State<App>,
    Staff(caller): Staff,
    Id(id): Id<UserId>,
    seen: IfMatch,
    Json(change): Json<RecordChange>,
) -> Answer {
    let user = find(&app, &caller, id).await?;
    let standing = view(&app, &caller, user).await?.record_version;
    seen.check(&ETag::of_row(standing))?;
    let expect = if standing == 0 { Expect::New } else { Expect::At(standing) };
    let sets = checked(&app, &caller, change).await?;
    let note = Note::by(&caller, "technician.update", id);
    edit::edit(&app, &caller, id.into(), expect, note, move |doc| Ok(entries(doc, sets))).await?;
    reload(&app, &caller, id).await
}

/// A skill, with the paper for it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCertificate {
    /// What it is for.
    pub skill: String,
    /// Number of the paper.
    pub serial: Option<String>,
    /// From when, Unix milliseconds.
    pub starts: Option<i64>,
    /// Until when, Unix milliseconds.
    pub expires: Option<i64>,
}

/// Adds a skill or certificate. For managers and administrators.
#[utoipa::path(
    post, path = "/v1/technicians/{id}/certificates", tag = "technicians",
    request_body = NewCertificate, params(("id" = String, Path)),
    responses((status = 200, body = TechnicianView), (status = 404, body = ProblemBody))
)]
pub async fn add_certificate(
    State(app): State<App>,
    Staff(caller): Staff,
    Id(id): Id<UserId>,
    operation: Operation,
    Json(new): Json<NewCertificate>,
) -> Answer {
    find(&app, &caller, id).await?;
    let pairs = vec![
        (key::SKILL, check::text("skill", &new.skill, 60)?.into()),
        (key::SERIAL, new.serial.into()),
        (key::STARTS, time("starts", new.starts)?.into()),
        (key::EXPIRES, time("expires", new.expires)?.into()),
    ];
    let note = Note::by(&caller, "technician.certificate", id);
    add(&app, &caller, id, operation, section::CERTIFICATES, pairs, note).await
}

/// A time of work or of absence.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewShift {
    /// Whether they are away.
    #[serde(default)]
    pub absence: bool,
    /// From, Unix milliseconds.
    pub starts: i64,
    /// Until, Unix milliseconds.
    pub ends: i64,
}

/// Adds a shift or an absence.
#[utoipa::path(
    post, path = "/v1/technicians/{id}/shifts", tag = "technicians", request_body = NewShift,
    params(("id" = String, Path)),
    responses((status = 200, body = TechnicianView), (status = 404, body = ProblemBody), (status = 422, body = ProblemBody))
)]
pub async fn add_shift(
    State(app): State<App>,
    Staff(caller): Staff,
    Id(id): Id<UserId>,
    operation: Operation,
    Json(new): Json<NewShift>,
) -> Answer {
    find(&app, &caller, id).await?;
    if new.ends <= new.starts {
        return Err(Problem::invalid("ends", "A shift ends after it starts."));
    }
    let kind = if new.absence { "absence" } else { "shift" };
    let pairs = vec![
        (key::KIND, kind.into()),
        (key::STARTS, time("starts", Some(new.starts))?.into()),
        (key::ENDS, time("ends", Some(new.ends))?.into()),
    ];
    let note = Note::by(&caller, "technician.shift", id);
    add(&app, &caller, id, operation, section::SHIFTS, pairs, note).await
}

type Answer = Result<(ETag, Json<TechnicianView>), Problem>;

fn answer(view: TechnicianView) -> Answer {
    Ok((ETag::of_row(view.record_version), Json(view)))
}

async fn reload(app: &App, caller: &Caller, id: UserId) -> Answer {
    let user = find(app, caller, id).await?;
    answer(view(app, caller, user).await?)
}

async fn add(
    app: &App,
    caller: &Caller,
    id: UserId,
    operation: Operation,
    section: Section,
    pairs: Vec<(Key, Value)>,
    note: Note,
) -> Answer {
    let now = app.now();
    edit::edit(app, caller, id.into(), Expect::Any, note, move |document| {
        Ok(edit::fact(document, &operation, 0, section, now, pairs).into_iter().collect())
    })
    .await?;
    reload(app, caller, id).await
}

async fn find(app: &App, caller: &Caller, id: UserId) -> Result<User, Problem> {
    let mut connection = app.read().await?;
    let user = users::get(&mut connection, caller.tenant, id).await?;
    let user = user.filter(|user| user.role == Role::Technician);
    user.filter(|user| caller.sees_branch(user.branch)).ok_or_else(Problem::not_found)
}

async fn view(app: &App, caller: &Caller, user: User) -> Result<TechnicianView, Problem> {
    let doc = DocId::from(user.id);
    let standing = app.store.document(caller.tenant, doc).await?;
    let (document, record_version) =
        standing.map_or_else(|| (Document::new(doc), 0), |s| (s.document, s.pos));
    let record = Technician::of(&document);
    let now = app.now();
    let skills = record.skills_at(now).into_iter().map(str::to_owned).collect();
    Ok(TechnicianView { user, skills, on_shift: record.is_on_shift(now), record, record_version })
}

async fn checked(
    app: &App,
    caller: &Caller,
    change: RecordChange,
) -> Result<Vec<(Section, Key, Value)>, Problem> {
    let mut sets = Vec::new();
    let mut set = |key: Key, value: Value| sets.push((section::DETAILS, key, value));
    if let Some(name) = &change.name {
        set(key::NAME, check::text("name", name, 100)?.into());
    }
    if let Some(phone) = &change.phone {
        let region = &app.config.phone_region;
        let phone = core_check::phone(phone, region).map_err(|error| edit::checked(&error))?;
        set(key::PHONE, phone.into());
    }
    if let Some(language) = &change.language {
        set(key::LANGUAGE, check::text("language", language, 35)?.into());
    }
    if let Some(branch) = change.branch {
        let mut connection = app.read().await?;
        check::branch(&mut connection, caller.tenant, "branch", branch).await?;
        set(key::BRANCH, edit::raw(branch.as_bytes()));
    }
    if let Some(provider) = &change.provider {
        set(key::PROVIDER, check::text("provider", provider, 100)?.into());
    }
    Ok(sets)
}

fn time(field: &str, at: Option<i64>) -> Result<Option<i64>, Problem> {
    match at {
        Some(at) if !TIME_RANGE.contains(&at) => {
            Err(Problem::invalid(field, "Unix milliseconds of this or the next century."))
        }
        at => Ok(at),
    }
}

/// The first fields of a technician's document, from their account.
pub fn first_fields(document: &Document, user: &User) -> Vec<sync_core::change::Entry> {
    let branch = user.branch.map_or(Value::Null, |branch| edit::raw(branch.as_bytes()));
    let sets = vec![
        (section::DETAILS, key::NAME, user.name.clone().into()),
        (section::DETAILS, key::LANGUAGE, user.language.clone().into()),
        (section::DETAILS, key::BRANCH, branch),
    ];
    if document.is_empty() { entries(document, sets) } else { Vec::new() }
}
