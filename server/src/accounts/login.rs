//! Staff come in by password and go out again; anybody asks who they are.

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sync_core::id::{BranchId, DeviceId, TenantId, UserId};
use utoipa::ToSchema;

use super::audit::Note;
use super::{tenants, users};
use crate::app::App;
use crate::auth::throttle::{self, ACCOUNT, ADDRESS};
use crate::auth::{Caller, Role, session};
use crate::http::{Code, Json, Problem, ProblemBody};
use crate::net::Peer;
use crate::telemetry::metrics::Case;

/// What a person types to come in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
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
pub struct Opened {
    /// Token for `Authorization: Bearer`; browsers use the cookie instead.
    pub token: String,
    /// Until when it is good, Unix milliseconds.
    pub expires_at: i64,
    /// Who came in.
    pub user: Me,
}

/// Who somebody is.
#[derive(Debug, Serialize, ToSchema)]
pub struct Me {
    /// Id.
    #[schema(value_type = String, format = Uuid)]
    pub id: UserId,
    /// Tenant.
    #[schema(value_type = String, format = Uuid)]
    pub tenant: TenantId,
    /// Name in full of the tenant.
    pub tenant_name: String,
    /// Name.
    pub name: String,
    /// What they are.
    pub role: Role,
    /// Where they belong.
    #[schema(value_type = Option<String>, format = Uuid)]
    pub branch: Option<BranchId>,
    /// BCP 47 tag.
    pub language: String,
    /// The phone, if it is one.
    #[schema(value_type = Option<String>, format = Uuid)]
    pub device: Option<DeviceId>,
}

/// Opens a session with a password.
///
/// Failures are counted for the account and for the address, and slow both down.
#[utoipa::path(
    post, path = "/v1/session", tag = "session", request_body = Login,
    responses(
        (status = 200, body = Opened),
        (status = 401, description = "bad_credentials", body = ProblemBody),
        (status = 429, description = "too_many_attempts", body = ProblemBody),
    )
)]
pub async fn log_in(
    State(app): State<App>,
    peer: Option<Extension<Peer>>,
    Json(login): Json<Login>,
) -> Result<Response, Problem> {
    let slug = login.tenant.trim().to_lowercase();
    let name = login.login.trim().to_lowercase();
    let account = format!("{slug}/{name}");
    let address = peer.map_or_else(String::new, |Extension(Peer(ip))| ip.to_string());
    charge(&app, account.clone(), address.clone()).await?;
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
    let fits = app.passwords.check(stored, &login.password).await?;
    let (Some(tenant), Some(user), true) = (tenant, user, fits) else {
        app.metrics.logins.get_or_create(&Case::of("password_refused")).inc();
        return Err(Problem::new(Code::BadCredentials));
    };
    let now = app.now();
    let life = i64::try_from(app.config.session.as_millis()).unwrap_or(i64::MAX);
    let expires_at = now.saturating_add(life);
    let (tenant_id, user_id) = (tenant.id, user.id);
    let token = app
        .store
        .write::<String, Problem, _>(move |tx| {
            Box::pin(async move {
                throttle::refund(tx, ACCOUNT, &account, true).await?;
                throttle::refund(tx, ADDRESS, &address, false).await?;
                Ok(session::open(tx, tenant_id, user_id, now, expires_at).await?)
            })
        })
        .await?;
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
    };
    let cookie = cookie(&app, &token, app.config.session.as_secs());
    let mut response = Json(Opened { token, expires_at, user: me }).into_response();
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    Ok(response)
}

/// Closes the session.
#[utoipa::path(
    delete, path = "/v1/session", tag = "session",
    responses((status = 204), (status = 401, body = ProblemBody))
)]
pub async fn log_out(State(app): State<App>, caller: Caller) -> Result<Response, Problem> {
    if let Some(token) = caller.session {
        app.store
            .write::<(), Problem, _>(move |tx| {
                Box::pin(async move { Ok(session::close(tx, &token).await?) })
            })
            .await?;
    }
    let mut response = StatusCode::NO_CONTENT.into_response();
    response.headers_mut().insert(header::SET_COOKIE, cookie(&app, "", 0));
    Ok(response)
}

/// Who the caller is.
#[utoipa::path(
    get, path = "/v1/me", tag = "session",
    responses((status = 200, body = Me), (status = 401, body = ProblemBody))
)]
pub async fn me(State(app): State<App>, caller: Caller) -> Result<Json<Me>, Problem> {
    let mut connection = app.read().await?;
    let user = users::get(&mut connection, caller.tenant, caller.user).await?;
    let user = user.ok_or_else(Problem::not_found)?;
    let tenant = tenants::by_id(&mut connection, caller.tenant).await?;
    Ok(Json(Me {
        id: user.id,
        tenant: caller.tenant,
        tenant_name: tenant.map_or_else(String::new, |tenant| tenant.name),
        name: user.name,
        role: user.role,
        branch: user.branch,
        language: user.language,
        device: caller.device,
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
    post, path = "/v1/me/password", tag = "session", request_body = NewPassword,
    responses((status = 204), (status = 401, body = ProblemBody), (status = 422, body = ProblemBody))
)]
pub async fn change_password(
    State(app): State<App>,
    caller: Caller,
    Json(new): Json<NewPassword>,
) -> Result<StatusCode, Problem> {
    let account = format!("user/{}", caller.user);
    charge(&app, account.clone(), String::new()).await?;
    let mut connection = app.read().await?;
    let user = users::get(&mut connection, caller.tenant, caller.user).await?;
    let user = user.ok_or_else(Problem::not_found)?;
    let stored = users::by_login(&mut connection, caller.tenant, &user.login).await?;
    drop(connection);
    let stored = stored.and_then(|(_, hash)| hash);
    if !app.passwords.check(stored, &new.current).await? {
        return Err(Problem::new(Code::BadCredentials).field("current"));
    }
    let hash = app.passwords.make(&new.password).await?;
    let (now, note) = (app.now(), Note::by(&caller, "user.password", caller.user));
    app.store
        .write::<(), Problem, _>(move |tx| {
            Box::pin(async move {
                throttle::refund(tx, ACCOUNT, &account, true).await?;
                users::set_password(tx, caller.tenant, caller.user, hash).await?;
                Ok(note.detail(json!({"own": true})).write(tx, now).await?)
            })
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn charge(app: &App, account: String, address: String) -> Result<(), Problem> {
    let now = app.now();
    app.store
        .write(move |tx| {
            Box::pin(async move {
                throttle::charge(tx, ACCOUNT, &account, now).await?;
                if !address.is_empty() {
                    throttle::charge(tx, ADDRESS, &address, now).await?;
                }
                Ok(())
            })
        })
        .await
}

fn cookie(app: &App, token: &str, seconds: u64) -> HeaderValue {
    let https = app.config.public_url.as_deref().is_some_and(|url| url.starts_with("https://"));
    let (prefix, secure) = if https { ("__Host-", "; Secure") } else { ("", "") };
    let name = session::COOKIE;
    let text = format!(
        "{prefix}{name}={token}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}"
    );
    // Our tokens are plain ASCII, so this always fits.
    HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static(""))
}
