//! People over REST: staff and technicians.

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;
use store::rows::audit::Note;
use store::rows::users::{self, User};
use sync_core::id::{BranchId, UserId};
use sync_core::schema::DocId;
use utoipa::ToSchema;

use super::account::{self, Wanted, Writes};
use super::check;
use super::jobs::assign::recall_page;
use super::jobs::fields::{Given, given};
use crate::app::App;
use crate::auth::{Caller, Role, Staff};
use crate::http::created;
use crate::http::cursor::{Page, PageQuery};
use crate::http::{Code, Cursor, ETag, Id, IfMatch, Json, List, Operation, Problem, Query, Tagged};

/// A person to be added.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"login": "bo", "name": "Bo Chen", "role": "technician", "language": "zh-TW"}))]
pub struct NewUser {
    /// Name at login, unique in the tenant; case does not matter.
    #[schema(min_length = 1, max_length = 100)]
    pub login: String,
    /// Name.
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    /// What they are.
    pub role: Role,
    /// Where they belong; the branch of the caller who works for one if not given.
    pub branch: Option<BranchId>,
    /// BCP 47 tag; `en` if not given.
    #[schema(min_length = 1, max_length = 35)]
    pub language: Option<String>,
    /// For staff: 10 to 256 bytes. Technicians use phones and need none.
    #[schema(min_length = 10, max_length = 256)]
    pub password: Option<String>,
}

/// What may change. What is left out stays; `null` clears the branch.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UserChange {
    /// Name.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, required = false, min_length = 1, max_length = 100)]
    pub name: Given<String>,
    /// What they are.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Role, required = false)]
    pub role: Given<Role>,
    /// Where they belong; empty for all branches.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<BranchId>, required = false)]
    pub branch: Given<BranchId>,
    /// BCP 47 tag.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, required = false, min_length = 1, max_length = 35)]
    pub language: Given<String>,
    /// Whether they may log in. `false` ends every session and phone at once, and takes a
    /// technician's open jobs back, where they are many soon after.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = bool, required = false)]
    pub active: Given<bool>,
    /// A new password; ends every session.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, required = false, min_length = 10, max_length = 256)]
    pub password: Given<String>,
}

/// Which people are wanted.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct UsersQuery {
    /// Only these.
    pub role: Option<Role>,
    /// `next` of the page before.
    pub cursor: Option<String>,
    /// Rows in a page, 1 to 200; 50 if not given.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<i64>,
}

/// People of the tenant. Staff of one branch see its own, and those without one.
#[utoipa::path(
    get, path = "/v1/users", tag = "users", operation_id = "list_users",
    params(UsersQuery),
    responses((status = 200, body = Page<Tagged<User>>)),
)]
pub async fn list(
    State(app): State<App>,
    caller: Staff,
    Query(which): Query<UsersQuery>,
) -> Result<Json<Page<Tagged<User>>>, Problem> {
    let page = PageQuery { cursor: which.cursor, limit: which.limit };
    let after = page.after_id::<UserId>(List::Users)?;
    let mut connection = app.read().await?;
    let rows = page.rows()?;
    let (tenant, branch) = (caller.tenant(), caller.branch());
    let found = users::list_seen(&mut connection, tenant, branch, which.role, after, rows + 1);
    let items = found.await?;
    drop(connection);
    let place = |user: &User| Cursor { key: 0, id: user.id.as_bytes().to_vec() };
    let page = Page::cut(List::Users, items, rows, place);
    let technicians = page.items.iter().filter(|user| user.role == Role::Technician);
    let records: Vec<DocId> = technicians.map(|user| user.id.into()).collect();
    let records = app.store.positions(tenant, &records).await?;
    let tags = app.tags();
    let tagged = |row: User| {
        let record = || records.get(&row.id.into()).copied().unwrap_or(0);
        let etag = match row.role {
            Role::Technician => tags.of_technician(row.version, record()),
            _ => tags.of_row(row.version),
        };
        Tagged { row, etag }
    };
    Ok(Json(page.map(tagged)))
}

/// One person.
#[utoipa::path(
    get, path = "/v1/users/{id}", tag = "users", operation_id = "get_user",
    params(("id" = inline(UserId), Path, description = "The user.")),
    responses((status = 200, body = User)),
)]
pub async fn get(
    State(app): State<App>,
    caller: Staff,
    Id(id): Id<UserId>,
) -> Result<(ETag, Json<User>), Problem> {
    let mut connection = app.read().await?;
    let user = users::get(&mut connection, caller.tenant(), id).await?;
    let user = user.filter(|user| caller.sees_branch(user.branch));
    let user = user.ok_or_else(Problem::not_found)?;
    drop(connection);
    Ok((tag(&app, &caller, &user).await?, Json(user)))
}

/// Adds a person.
#[utoipa::path(
    post, path = "/v1/users", tag = "users", operation_id = "create_user",
    request_body = NewUser,
    responses((status = 201, body = User), (status = 409, description = "The login is taken.")),
)]
pub async fn create(
    State(app): State<App>,
    caller: Staff,
    operation: Operation,
    Json(new): Json<NewUser>,
) -> Result<Response, Problem> {
    caller.at_least(Role::Administrator)?;
    for_tokens(&caller, new.role, new.password.is_some())?;
    let hash = match &new.password {
        Some(password) => Some(app.passwords.make(password).await?),
        None => None,
    };
    let now = app.now();
    let (ms, random) = operation.seed(0);
    let user = checked(&new, UserId::new(ms, random), hash.is_some(), now)?;
    let user = User { branch: caller.reach().home(user.branch), ..user };
    let note = caller.note("user.create", user.id).detail(json!({"role": user.role}));
    let writes = writes(&app, &caller, now, note);
    let region = Some(app.config.phone_region);
    let wanted = Wanted { account: user.clone(), hash, sets: Vec::new(), region };
    account::add(writes, wanted).await?;
    let tag = tag(&app, &caller, &user).await?;
    Ok(created(&format!("/v1/users/{}", user.id), tag, Json(user)))
}

/// The account of a new person, of values that were checked. The command line makes it too.
///
/// # Errors
/// `invalid` for the first value that breaks a rule.
pub fn checked(new: &NewUser, id: UserId, has_password: bool, now: i64) -> Result<User, Problem> {
    normal(User {
        id,
        login: new.login.clone(),
        name: new.name.clone(),
        role: new.role,
        branch: new.branch,
        language: new.language.clone().unwrap_or_else(|| "en".to_owned()),
        active: true,
        deactivated_at: None,
        has_password,
        version: 1,
        created_at: now,
    })
}

/// A person with their values in one form.
///
/// # Errors
/// `invalid` for the first value that breaks a rule.
pub fn normal(user: User) -> Result<User, Problem> {
    Ok(User {
        login: check::login("login", &user.login)?,
        name: check::text("name", &user.name, 100)?,
        language: check::text("language", &user.language, 35)?,
        ..user
    })
}

/// A write of an account on behalf of a caller.
pub fn writes<'a>(app: &'a App, caller: &Caller, now: i64, note: Note) -> Writes<'a> {
    let (tenant, policy, reach) = (caller.tenant(), caller.policy(), caller.reach());
    Writes { store: &app.store, tenant, caller: policy, reach, now, note }
}

/// The version of a person: of a technician that of account and document together, whichever route
/// shows them.
async fn tag(app: &App, caller: &Caller, user: &User) -> Result<ETag, Problem> {
    if user.role != Role::Technician {
        return Ok(app.tags().of_row(user.version));
    }
    Ok(app.tags().of_technician(user.version, record(app, caller, user).await?))
}

/// The version of a technician's document; 0 while there is none.
async fn record(app: &App, caller: &Caller, user: &User) -> Result<i64, Problem> {
    let standing = app.store.document(caller.tenant(), user.id.into()).await?;
    Ok(standing.map_or(0, |standing| standing.pos))
}

/// Changes a person.
#[utoipa::path(
    patch, path = "/v1/users/{id}", tag = "users", operation_id = "update_user",
    request_body = UserChange,
    params(("id" = inline(UserId), Path, description = "The user."), IfMatch),
    responses((status = 200, body = User)),
)]
pub async fn update(
    State(app): State<App>,
    caller: Staff,
    Id(id): Id<UserId>,
    seen: IfMatch,
    operation: Operation,
    Json(change): Json<UserChange>,
) -> Result<(ETag, Json<User>), Problem> {
    caller.at_least(Role::Administrator)?;
    let own_rights = change.active == Some(Some(false)) || change.role.is_some();
    if id == caller.user() && own_rights {
        let detail = "You cannot remove your own rights; ask another administrator.";
        return Err(Problem::new(Code::WrongState).detail(detail));
    }
    let hash = match check::kept("password", change.password.clone())? {
        Some(password) => Some(app.passwords.make(&password).await?),
        None => None,
    };
    for_tokens(&caller, change.role.flatten().unwrap_or(Role::Technician), hash.is_some())?;
    let (now, tenant) = (app.now(), caller.tenant());
    let detail = json!({"role": change.role, "active": change.active, "password": hash.is_some()});
    let note = caller.note("user.update", id).detail(detail);
    let mut connection = app.read().await?;
    let found = users::get(&mut connection, tenant, id).await?;
    drop(connection);
    let found = found.filter(|found| caller.sees_branch(found.branch));
    let found = found.ok_or_else(Problem::not_found)?;
    for_tokens(&caller, found.role, false)?;
    // An attempt that broke off has written it; what follows from it is still to do.
    let user = if operation.has_begun() {
        found
    } else {
        let record = record(&app, &caller, &found).await?;
        let standing = match found.role {
            Role::Technician => app.tags().of_technician(found.version, record),
            _ => app.tags().of_row(found.version),
        };
        seen.check(&standing)?;
        let mut account = found.clone();
        apply(&mut account, change, now)?;
        let region = Some(app.config.phone_region);
        let wanted = Wanted { account, hash, sets: Vec::new(), region };
        let writes = writes(&app, &caller, now, note);
        account::change(writes, &found, record, wanted).await?
    };
    app.writer().access_changed(tenant, user.id);
    // The open jobs of one who takes none any more go back to the board; what they recorded stays.
    if user.role != Role::Technician || !user.active {
        recall(&app, &caller, user.id).await?;
    }
    Ok((tag(&app, &caller, &user).await?, Json(user)))
}

/// Open jobs of one who is no technician any more, or was deactivated, go back to the board, where they
/// are many soon after.
async fn recall(app: &App, caller: &Caller, id: UserId) -> Result<(), Problem> {
    let tenant = caller.tenant();
    let mut connection = app.read().await?;
    let is_due = users::is_to_recall(&mut connection, tenant, id).await?;
    drop(connection);
    if is_due && recall_page(app, caller, id).await {
        app.store
            .write::<(), Problem, _>(move |tx| {
                Box::pin(async move { Ok(users::recalled(tx, tenant, id).await?) })
            })
            .await?;
    }
    Ok(())
}

/// Whether only a person adds or changes people of this role, and no API token.
pub(crate) fn is_in_person(role: Role) -> bool {
    role >= Role::Administrator
}

/// An API token makes nobody an administrator, changes none, and sets no password: with it whoever
/// holds the token could become more than the token is.
fn for_tokens(caller: &Caller, role: Role, with_password: bool) -> Result<(), Problem> {
    if is_in_person(role) {
        caller.in_person("add or change administrators")?;
    }
    if with_password {
        caller.in_person("set passwords")?;
    }
    Ok(())
}

fn apply(user: &mut User, change: UserChange, now: i64) -> Result<(), Problem> {
    if let Some(name) = check::kept("name", change.name)? {
        user.name = check::text("name", &name, 100)?;
    }
    if let Some(language) = check::kept("language", change.language)? {
        user.language = check::text("language", &language, 35)?;
    }
    user.role = check::kept("role", change.role)?.unwrap_or(user.role);
    user.branch = change.branch.unwrap_or(user.branch);
    if let Some(active) = check::kept("active", change.active)? {
        user.deactivated_at = (!active).then(|| user.deactivated_at.unwrap_or(now));
        user.active = active;
    }
    Ok(())
}
