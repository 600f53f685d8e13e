//! API tokens: how an administrator lets another system in, and takes it out again.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::AnyConnection;
use store::rows::audit::Note;
use store::rows::room::RowKind;
use store::rows::tokens::{self, Token};
use sync_core::id::{BranchId, TenantId, UserId};
use utoipa::ToSchema;

use super::check;
use crate::app::App;
use crate::auth::{Role, Scope, Staff, api_token};
use crate::http::cursor::{Page, PageQuery};
use crate::http::idempotency::NotKept;
use crate::http::query::LATEST;
use crate::http::{Code, Cursor, Id, Json, List, Operation, Problem, Query};

/// Tokens of a tenant that are good at a time.
pub const MOST: i64 = 100;

/// An API token, without its secret.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ApiToken, example = json!({"id": "019a8c6e-5b1d-7c0e-8000-2f6d1a9b3c4e", "name": "DMS", "scopes": ["jobs:read"], "branch": null, "created_by": "019a8c6e-5b1d-7c0e-8000-000000000001", "created_at": 1795000000000i64, "expires_at": null, "revoked_at": null, "last_used_at": 1795000060000i64}))]
pub struct TokenView {
    /// Its id, which stands where a person's would: a token is the author of what it writes.
    pub id: UserId,
    /// What people call it; the audit list shows it as `detail.token`.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// The one branch it works for; absent for all.
    pub branch: Option<BranchId>,
    /// Who made it; absent for the command line.
    pub created_by: Option<UserId>,
    /// Unix milliseconds.
    pub created_at: i64,
    /// Until when it is good, Unix milliseconds; absent for one that ends when it is revoked.
    pub expires_at: Option<i64>,
    /// When it was revoked, Unix milliseconds.
    pub revoked_at: Option<i64>,
    /// When it was last used, to the minute, Unix milliseconds.
    pub last_used_at: Option<i64>,
}

impl From<Token> for TokenView {
    fn from(token: Token) -> Self {
        Self {
            id: token.id,
            name: token.name,
            scopes: Scope::list(&token.scopes),
            branch: token.branch,
            created_by: token.created_by,
            created_at: token.created_at,
            expires_at: token.expires_at,
            revoked_at: token.revoked_at,
            last_used_at: token.last_used_at,
        }
    }
}

/// An API token that was made. Its text is shown this once and is nowhere kept.
#[derive(Serialize, ToSchema)]
#[schema(as = NewApiTokenShown)]
pub struct TokenShown {
    /// For `Authorization: Bearer`: `twl_` and 72 letters, digits, `-` and `_`.
    #[schema(pattern = "^twl_[A-Za-z0-9_-]{72}$")]
    pub token: String,
    /// What was made.
    #[serde(flatten)]
    pub view: TokenView,
}

/// A token to be made.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewApiToken, example = json!({"name": "DMS", "scopes": ["jobs:read", "masters:write"], "expires_at": 1826000000000i64}))]
pub struct NewToken {
    /// What people call it: the system that uses it.
    #[schema(min_length = 1, max_length = 60)]
    pub name: String,
    /// What it may do, and nothing else.
    #[schema(min_items = 1, max_items = 8)]
    pub scopes: Vec<Scope>,
    /// The one branch it works for; all if not given.
    pub branch: Option<BranchId>,
    /// Until when it is good, Unix milliseconds; until it is revoked if not given.
    #[schema(minimum = 946684800000i64, maximum = 253402300799999i64)]
    pub expires_at: Option<i64>,
}

/// API tokens of the tenant, also those that ended.
#[utoipa::path(
    get, path = "/v1/tokens", tag = "tokens", operation_id = "list_api_tokens",
    params(PageQuery),
    responses((status = 200, body = Page<TokenView>)),
)]
pub async fn list(
    State(app): State<App>,
    caller: Staff,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<TokenView>>, Problem> {
    let after = page.after_id::<UserId>(List::Tokens)?;
    let rows = page.rows()?;
    let mut connection = app.read().await?;
    let found = tokens::list(&mut connection, caller.tenant(), after, rows + 1).await?;
    let items = found.into_iter().map(TokenView::from).collect();
    let place = |view: &TokenView| Cursor { key: 0, id: view.id.as_bytes().to_vec() };
    Ok(Json(Page::cut(List::Tokens, items, rows, place)))
}

/// One API token.
#[utoipa::path(
    get, path = "/v1/tokens/{id}", tag = "tokens", operation_id = "get_api_token",
    params(("id" = inline(UserId), Path, description = "The token.")),
    responses((status = 200, body = TokenView)),
)]
pub async fn get(
    State(app): State<App>,
    caller: Staff,
    Id(id): Id<UserId>,
) -> Result<Json<TokenView>, Problem> {
    let mut connection = app.read().await?;
    let found = tokens::get(&mut connection, caller.tenant(), id).await?;
    Ok(Json(found.ok_or_else(Problem::not_found)?.into()))
}

/// Makes an API token for another system. The answer shows it once.
#[utoipa::path(
    post, path = "/v1/tokens", tag = "tokens", operation_id = "create_api_token",
    request_body = NewToken,
    responses((status = 201, body = TokenShown), (status = 409, description = "wrong_state")),
)]
pub async fn create(
    State(app): State<App>,
    caller: Staff,
    operation: Operation,
    Json(new): Json<NewToken>,
) -> Result<Response, Problem> {
    caller.at_least(Role::Administrator)?;
    caller.in_person("make API tokens")?;
    let (ms, random) = operation.seed(0);
    let (now, tenant) = (app.now(), caller.tenant());
    let token = checked(&new, UserId::new(ms, random), Some(caller.user()), now)?;
    let note = caller.note("token.create", token.id);
    let fresh = api_token::fresh(token.id);
    let made = (token.clone(), fresh.hash);
    app.store
        .write::<(), Problem, _>(move |tx| {
            Box::pin(async move { add(tx, tenant, made.0, made.1, note, now).await })
        })
        .await?;
    let shown = TokenShown { token: fresh.text, view: token.into() };
    let mut response = (StatusCode::CREATED, Json(shown)).into_response();
    response.extensions_mut().insert(NotKept);
    Ok(response)
}

/// Revokes an API token: its next request is refused, and so is every later one.
#[utoipa::path(
    post, path = "/v1/tokens/{id}/revoke", tag = "tokens", operation_id = "revoke_api_token",
    params(("id" = inline(UserId), Path, description = "The token.")),
    responses((status = 200, body = TokenView)),
)]
pub async fn revoke(
    State(app): State<App>,
    caller: Staff,
    Id(id): Id<UserId>,
) -> Result<Json<TokenView>, Problem> {
    caller.at_least(Role::Administrator)?;
    let (now, tenant, note) = (app.now(), caller.tenant(), caller.note("token.revoke", id));
    let token = app.store.write::<Token, Problem, _>(move |tx| {
        Box::pin(async move { end(tx, tenant, id, note, now).await })
    });
    Ok(Json(token.await?.into()))
}

/// A token as it is to be stored.
///
/// # Errors
/// `invalid` for the first value that breaks a rule.
pub fn checked(
    new: &NewToken,
    id: UserId,
    created_by: Option<UserId>,
    now: i64,
) -> Result<Token, Problem> {
    if new.scopes.is_empty() {
        return Err(Problem::invalid("scopes", "Name one at least."));
    }
    if new.expires_at.is_some_and(|at| !(now + 1..=LATEST).contains(&at)) {
        return Err(Problem::invalid("expires_at", "Send a time to come, before the year 10000."));
    }
    Ok(Token {
        id,
        name: check::line("name", &new.name, 60)?,
        scopes: Scope::stored(&new.scopes),
        branch: new.branch,
        created_by,
        created_at: now,
        expires_at: new.expires_at,
        revoked_at: None,
        last_used_at: None,
    })
}

/// Adds a token with its row in the audit list.
///
/// # Errors
/// `unknown_reference`, and `wrong_state` where there are too many, or an earlier attempt has made it and
/// it is in use.
pub async fn add(
    tx: &mut AnyConnection,
    tenant: TenantId,
    token: Token,
    hash: Vec<u8>,
    note: Note,
    now: i64,
) -> Result<(), Problem> {
    if let Some(branch) = token.branch {
        check::branch(tx, tenant, "branch", branch).await?;
    }
    let is_new = tokens::get(tx, tenant, token.id).await?.is_none();
    let live = tokens::live(tx, tenant, now, MOST).await?;
    if is_new && i64::try_from(live).is_ok_and(|live| live >= MOST) {
        let detail = format!("There are {MOST} API tokens. Revoke one that is not used any more.");
        return Err(Problem::new(Code::WrongState).reason("too_many_tokens").detail(detail));
    }
    if is_new {
        check::room(tx, tenant, RowKind::Tokens).await?;
    }
    if !tokens::insert(tx, tenant, &token, hash).await? {
        let detail = "This request has made a token before, and that one is in use. If you lost it, \
                      revoke it and make another.";
        return Err(Problem::new(Code::WrongState).reason("token_in_use").detail(detail));
    }
    let detail = json!({"name": token.name, "scopes": token.scopes, "branch": token.branch,
        "expires_at": token.expires_at});
    Ok(note.detail(detail).write(tx, now).await?)
}

/// Revokes a token with its row in the audit list. One that was revoked stays so.
///
/// # Errors
/// `not_found`.
pub async fn end(
    tx: &mut AnyConnection,
    tenant: TenantId,
    id: UserId,
    note: Note,
    now: i64,
) -> Result<Token, Problem> {
    let found = tokens::get(tx, tenant, id).await?.ok_or_else(Problem::not_found)?;
    if tokens::revoke(tx, tenant, id, now).await? {
        note.detail(json!({"name": found.name})).write(tx, now).await?;
    }
    tokens::get(tx, tenant, id).await?.ok_or_else(Problem::not_found)
}
