//! Staff come in by password and go out again; anybody asks who they are.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::rows::{access, tenants, users};
use sync_core::id::{BranchId, DeviceId, TenantId, UserId};
use utoipa::ToSchema;

use crate::app::App;
use crate::auth::attempt::{self, Attempt};
use crate::auth::cookie::Cookie;
use crate::auth::{Caller, Role, Scope, browser, session};
use crate::http::{Code, Json, Problem};
use crate::net::Peer;
use crate::telemetry::metrics::Case;

/// What a person types to come in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"tenant": "acme", "login": "mei", "password": "correct horse battery"}))]
pub struct Login {
    /// Short name of the tenant.
    pub tenant: String,
    /// Name at login.
    pub login: String,
    /// Password.
    pub password: String,
}

/// A session that was opened.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
pub struct Opened {
    /// Token for `Authorization: Bearer`; browsers use the cookie instead.
    pub token: String,
    /// Until when it is good however much it is used, Unix milliseconds.
    pub expires_at: i64,
    /// Seconds without a request after which it ends earlier.
    pub idle_seconds: u64,
    /// Who came in.
    pub user: Me,
}

/// Who someone is.
#[derive(Debug, Serialize, ToSchema)]
pub struct Me {
    /// Id.
    pub id: UserId,
    /// Tenant.
    pub tenant: TenantId,
    /// Name in full of the tenant.
    pub tenant_name: String,
    /// Name.
    pub name: String,
    /// What they are.
    pub role: Role,
    /// Where they belong.
    pub branch: Option<BranchId>,
    /// BCP 47 tag.
    pub language: String,
    /// The phone, if it is one.
    pub device: Option<DeviceId>,
    /// What it may do, if it is an API token; its name is then `name`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<Scope>>,
}

/// Opens a session with a password.
///
/// Failures are counted by account and address together, and by address; nobody is locked out by
/// what strangers try, and a browser in which the person logged in before is not slowed down by it.
#[utoipa::path(
    post, path = "/v1/session", tag = "session", operation_id = "log_in",
    request_body = Login,
    responses((status = 200, body = Opened, headers(("Set-Cookie" = String, description = "The session, for browsers."))), (status = 401, description = "bad_credentials"), (status = 429, description = "too_many_attempts")),
)]
pub async fn log_in(
    State(app): State<App>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    Json(login): Json<Login>,
) -> Result<Response, Problem> {
    let slug = login.tenant.trim().to_lowercase();
    let name = login.login.trim().to_lowercase();
    let account = attempt::account(&slug, &name);
    let address = peer.map(|Extension(Peer(ip))| ip);
    let own = Cookie::new(browser::COOKIE, &app.config);
    let marks = own.read(&headers).unwrap_or_default();
    let browser = browser::known(&app.installation, marks, &account, app.now());
    let attempt = Attempt::login(&app, &account, address, browser).await?;
    let mut connection = app.read().await?;
    let tenant = tenants::by_slug(&mut connection, &slug).await?;
    let found = match &tenant {
        Some(tenant) => users::by_login(&mut connection, tenant.id, &name).await?,
        None => None,
    };
    // Never hold a connection while hashing.
    drop(connection);
    let found = found.filter(|(user, _)| user.active);
    let (user, stored) = found.map_or((None, None), |(user, stored)| (Some(user), stored));
    let fits = attempt.check(&app, stored, &login.password).await?;
    let (Some(tenant), Some(user), true) = (tenant, user, fits) else {
        app.metrics.logins.get_or_create(&Case::of("password_refused")).inc();
        return Err(Problem::new(Code::BadCredentials));
    };
    let now = app.now();
    let (tenant_id, user_id, limits) = (tenant.id, user.id, app.sessions());
    let attempt = Arc::new(attempt);
    let (token, expires_at) = app
        .store
        .write::<_, Problem, _>(move |tx| {
            Box::pin(async move {
                attempt.succeeded(tx).await?;
                Ok(session::open(tx, tenant_id, user_id, now, limits).await?)
            })
        })
        .await?;
    // Its counters were given back.
    app.blocked.clear();
    app.proven.learn(&token);
    app.metrics.logins.get_or_create(&Case::of("password")).inc();
    let me = Me {
        id: user.id,
        tenant: tenant.id,
        tenant_name: tenant.name,
        name: user.name,
        role: user.role,
        branch: user.branch,
        language: user.language,
        device: None,
        scopes: None,
    };
    let idle_seconds = app.config.session_idle.as_secs();
    let session = Cookie::new(session::COOKIE, &app.config);
    let session = session.set(&token, app.config.session.as_secs());
    let marks = browser::renewed(&app.installation, marks, browser, &account, now);
    let mut response = Json(Opened { token, expires_at, idle_seconds, user: me }).into_response();
    response.headers_mut().append(header::SET_COOKIE, session);
    response.headers_mut().append(header::SET_COOKIE, own.set(&marks, browser::LIFE_S));
    Ok(response)
}

/// Closes the session.
#[utoipa::path(
    delete, path = "/v1/session", tag = "session", operation_id = "log_out",
    responses((status = 204)),
)]
pub async fn log_out(State(app): State<App>, caller: Caller) -> Result<Response, Problem> {
    let (tenant, user) = (caller.tenant(), caller.user());
    if let Some(token) = caller.session().map(str::to_owned) {
        app.store
            .write::<(), Problem, _>(move |tx| {
                Box::pin(async move {
                    session::close(tx, &token).await?;
                    Ok(access::changed(tx, tenant, user).await?)
                })
            })
            .await?;
        app.writer().access_changed(tenant, user);
    }
    let mut response = StatusCode::NO_CONTENT.into_response();
    let cookie = Cookie::new(session::COOKIE, &app.config);
    response.headers_mut().insert(header::SET_COOKIE, cookie.set("", 0));
    Ok(response)
}

/// Who the caller is.
#[utoipa::path(
    get, path = "/v1/me", tag = "session", operation_id = "get_me",
    responses((status = 200, body = Me)),
)]
pub async fn me(State(app): State<App>, caller: Caller) -> Result<Json<Me>, Problem> {
    let mut connection = app.read().await?;
    let tenant = tenants::by_id(&mut connection, caller.tenant()).await?;
    if let Some(grant) = caller.token() {
        return Ok(Json(Me {
            id: caller.user(),
            tenant: caller.tenant(),
            tenant_name: tenant.map_or_else(String::new, |tenant| tenant.name),
            name: grant.name.clone(),
            role: caller.role(),
            branch: caller.branch(),
            language: "en".to_owned(),
            device: None,
            scopes: Some(grant.scopes.clone()),
        }));
    }
    let user = users::get(&mut connection, caller.tenant(), caller.user()).await?;
    let user = user.ok_or_else(Problem::not_found)?;
    Ok(Json(Me {
        id: user.id,
        tenant: caller.tenant(),
        tenant_name: tenant.map_or_else(String::new, |tenant| tenant.name),
        name: user.name,
        role: user.role,
        branch: user.branch,
        language: user.language,
        device: caller.device(),
        scopes: None,
    }))
}

/// A change of one's own password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPassword {
    /// The present password.
    pub current: String,
    /// The new one, 10 to 256 bytes.
    pub password: String,
}

/// Changes one's own password and closes every session of the account.
#[utoipa::path(
    post, path = "/v1/me/password", tag = "session", operation_id = "change_password",
    request_body = NewPassword,
    responses((status = 204), (status = 401, description = "bad_credentials"), (status = 422, description = "weak_password"), (status = 429, description = "too_many_attempts")),
)]
pub async fn change_password(
    State(app): State<App>,
    caller: Caller,
    Json(new): Json<NewPassword>,
) -> Result<StatusCode, Problem> {
    let attempt = Attempt::own(&app, caller.user()).await?;
    let mut connection = app.read().await?;
    let user = users::get(&mut connection, caller.tenant(), caller.user()).await?;
    let user = user.ok_or_else(Problem::not_found)?;
    let stored = users::by_login(&mut connection, caller.tenant(), &user.login).await?;
    drop(connection);
    let stored = stored.and_then(|(_, hash)| hash);
    if !attempt.check(&app, stored, &new.current).await? {
        return Err(Problem::new(Code::BadCredentials).field("current"));
    }
    let hash = app.passwords.make(&new.password).await?;
    let (now, note) = (app.now(), caller.note("user.password", caller.user()));
    let (tenant, user) = (caller.tenant(), caller.user());
    let attempt = Arc::new(attempt);
    app.store
        .write::<(), Problem, _>(move |tx| {
            Box::pin(async move {
                attempt.succeeded(tx).await?;
                users::set_password(tx, tenant, user, hash).await?;
                Ok(note.detail(json!({"own": true})).write(tx, now).await?)
            })
        })
        .await?;
    app.writer().access_changed(tenant, user);
    Ok(StatusCode::NO_CONTENT)
}
