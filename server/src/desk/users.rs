//! People over REST: staff and technicians.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use serde_json::json;
use sync_core::document::Document;
use sync_core::id::{BranchId, UserId};
use utoipa::ToSchema;

use super::{check, edit, technicians};
use crate::accounts::audit::Note;
use crate::accounts::users::{self, User};
use crate::app::App;
use crate::auth::{Caller, Role, Staff};
use crate::http::cursor::{Page, PageQuery};
use crate::http::{Cursor, ETag, Id, IfMatch, Json, Operation, Problem, ProblemBody, Query};
use crate::writer::Expect;

/// A person to be added.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    /// Name at login, unique in the tenant; case does not matter.
    pub login: String,
    /// Name.
    pub name: String,
    /// What they are.
    pub role: Role,
    /// Where they belong.
    #[schema(value_type = Option<String>, format = Uuid)]
    pub branch: Option<BranchId>,
    /// BCP 47 tag; `en` if not given.
    pub language: Option<String>,
    /// For staff: 10 to 256 bytes. Technicians use phones and need none.
    pub password: Option<String>,
}

/// What may change; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UserChange {
    /// Name.
    pub name: Option<String>,
    /// What they are.
    pub role: Option<Role>,
    /// Where they belong.
    #[schema(value_type = Option<String>, format = Uuid)]
    pub branch: Option<BranchId>,
    /// BCP 47 tag.
    pub language: Option<String>,
    /// Whether they may log in; `false` ends every session and phone at once.
    pub active: Option<bool>,
    /// A new password; ends every session.
    pub password: Option<String>,
}

/// Which people are wanted.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// Only these.
    pub role: Option<Role>,
    /// `next` of the page before.
    pub cursor: Option<String>,
    /// Rows in a page, 1 to 200.
    pub limit: Option<i64>,
}

/// People of the tenant. Staff of one branch see its own, and those without one.
#[utoipa::path(get, path = "/v1/users", tag = "users", params(Which), responses((status = 200, body = Page<User>)))]
pub async fn list(
    State(app): State<App>,
    Staff(caller): Staff,
    Query(which): Query<Which>,
) -> Result<Json<Page<User>>, Problem> {
    let page = PageQuery { cursor: which.cursor, limit: which.limit };
    let after = page.after_id::<UserId>()?;
    let mut connection = app.read().await?;
    let rows = page.rows();
    let (tenant, branch) = (caller.tenant, caller.branch);
    let found = users::list_seen(&mut connection, tenant, branch, which.role, after, rows + 1);
    let items = found.await?;
    let place = |user: &User| Cursor { key: 0, id: user.id.as_bytes().to_vec() };
    Ok(Json(Page::cut(items, rows, place)))
}

/// One person.
#[utoipa::path(
    get, path = "/v1/users/{id}", tag = "users", params(("id" = String, Path)),
    responses((status = 200, body = User), (status = 404, body = ProblemBody))
)]
pub async fn get(
    State(app): State<App>,
    Staff(caller): Staff,
    Id(id): Id<UserId>,
) -> Result<(ETag, Json<User>), Problem> {
    let mut connection = app.read().await?;
    let user = users::get(&mut connection, caller.tenant, id).await?;
    let user = user.filter(|user| caller.sees_branch(user.branch));
    let user = user.ok_or_else(Problem::not_found)?;
    Ok((ETag::of_row(user.version), Json(user)))
}

/// Adds a person.
#[utoipa::path(
    post, path = "/v1/users", tag = "users", request_body = NewUser,
    responses(
        (status = 201, body = User),
        (status = 409, description = "The login is taken.", body = ProblemBody),
        (status = 422, body = ProblemBody),
    )
)]
pub async fn create(
    State(app): State<App>,
    Staff(caller): Staff,
    operation: Operation,
    Json(new): Json<NewUser>,
) -> Result<Response, Problem> {
    caller.at_least(Role::Administrator)?;
    let hash = match &new.password {
        Some(password) => Some(app.passwords.make(password).await?),
        None => None,
    };
    let now = app.now();
    let (ms, random) = operation.seed(0);
    let user = User {
        id: UserId::new(ms, random),
        login: check::text("login", &new.login, 100)?.to_lowercase(),
        name: check::text("name", &new.name, 100)?,
        role: new.role,
        branch: new.branch,
        language: check::text("language", new.language.as_deref().unwrap_or("en"), 35)?,
        active: true,
        deactivated_at: None,
        has_password: hash.is_some(),
        version: 1,
        created_at: now,
    };
    let (tenant, added) = (caller.tenant, user.clone());
    let note = Note::by(&caller, "user.create", user.id).detail(json!({"role": user.role}));
    app.store
        .write::<(), Problem, _>(move |tx| {
            Box::pin(async move {
                if let Some(branch) = added.branch {
                    check::branch(tx, tenant, "branch", branch).await?;
                }
                if users::get(tx, tenant, added.id).await?.is_none() {
                    users::insert(tx, tenant, &added, hash).await?;
                    note.write(tx, now).await?;
                }
                Ok(())
            })
        })
        .await?;
    if user.role == Role::Technician {
        open_record(&app, &caller, &user).await?;
    }
    Ok((StatusCode::CREATED, ETag::of_row(1), Json(user)).into_response())
}

/// A technician's document exists from the first day, so that their phone has it.
async fn open_record(app: &App, caller: &Caller, user: &User) -> Result<(), Problem> {
    let first = user.clone();
    let note = Note::by(caller, "technician.create", user.id);
    let work = move |document: &Document| Ok(technicians::first_fields(document, &first));
    edit::edit(app, caller, user.id.into(), Expect::Any, note, work).await?;
    Ok(())
}

/// Changes a person.
#[utoipa::path(
    patch, path = "/v1/users/{id}", tag = "users", request_body = UserChange,
    params(("id" = String, Path), ("If-Match" = String, Header, description = "ETag that was seen.")),
    responses((status = 200, body = User), (status = 404, body = ProblemBody), (status = 412, body = ProblemBody))
)]
pub async fn update(
    State(app): State<App>,
    Staff(caller): Staff,
    Id(id): Id<UserId>,
    seen: IfMatch,
    Json(change): Json<UserChange>,
) -> Result<(ETag, Json<User>), Problem> {
    caller.at_least(Role::Administrator)?;
    let own_rights = change.active == Some(false) || change.role.is_some();
    if id == caller.user && own_rights {
        let detail = "Nobody takes their own rights away; ask another administrator.";
        return Err(Problem::new(crate::http::Code::WrongState).detail(detail));
    }
    let hash = match &change.password {
        Some(password) => Some(app.passwords.make(password).await?),
        None => None,
    };
    let (now, tenant) = (app.now(), caller.tenant);
    let detail = json!({"role": change.role, "active": change.active, "password": hash.is_some()});
    let note = Note::by(&caller, "user.update", id).detail(detail);
    let user = app
        .store
        .write::<User, Problem, _>(move |tx| {
            Box::pin(async move {
                let mut user = users::get(tx, tenant, id).await?.ok_or_else(Problem::not_found)?;
                seen.check(&ETag::of_row(user.version))?;
                apply(&mut user, &change, now)?;
                if let Some(branch) = change.branch {
                    check::branch(tx, tenant, "branch", branch).await?;
                }
                users::update(tx, tenant, &user).await?;
                if let Some(hash) = hash {
                    users::set_password(tx, tenant, id, hash).await?;
                } else if !user.active {
                    users::end_sessions(tx, tenant, id).await?;
                }
                note.write(tx, now).await?;
                users::get(tx, tenant, id).await?.ok_or_else(Problem::not_found)
            })
        })
        .await?;
    Ok((ETag::of_row(user.version), Json(user)))
}

fn apply(user: &mut User, change: &UserChange, now: i64) -> Result<(), Problem> {
    if let Some(name) = &change.name {
        user.name = check::text("name", name, 100)?;
    }
    if let Some(language) = &change.language {
        user.language = check::text("language", language, 35)?;
    }
    user.role = change.role.unwrap_or(user.role);
    user.branch = change.branch.or(user.branch);
    if let Some(active) = change.active {
        user.deactivated_at = (!active).then(|| user.deactivated_at.unwrap_or(now));
        user.active = active;
    }
    Ok(())
}
