//! The person behind a request, as every handler gets them.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use sqlx::Row as _;
use sync_core::document::Author;
use sync_core::id::{BranchId, DeviceId, TenantId, UserId};
use sync_core::policy;

use super::access::{self, Holder};
use super::token::{self, TokenError};
use super::{Role, session};
use crate::accounts::sql::{self, Raw as _};
use crate::app::App;
use crate::http::{Code, Problem, csrf};

/// Who asks. Nobody else makes one, so a handler that has one needs no further check of tokens.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Their tenant; every query names it.
    pub tenant: TenantId,
    /// The person.
    pub user: UserId,
    /// What they are, read from the database for this request.
    pub role: Role,
    /// The one branch a dispatcher or manager works for; absent for those who serve all.
    pub branch: Option<BranchId>,
    /// The phone, if it is one.
    pub device: Option<DeviceId>,
    /// The phone was revoked, or its technician may not log in: all it may do is hand in what it
    /// has, for a person to look at. The gate lets it nowhere else.
    pub revoked: bool,
    /// The session token, if it is one; to log out with.
    pub session: Option<String>,
}

impl Caller {
    /// The caller as author of changes.
    pub fn author(&self) -> Author {
        Author { user: Some(self.user), device: self.device }
    }

    /// The caller as the policy of documents sees them.
    pub fn policy(&self) -> policy::Caller {
        policy::Caller { user: self.user, role: self.role.policy() }
    }

    /// Whether the caller's work reaches a branch's jobs, or those without one.
    pub fn sees_branch(&self, branch: Option<BranchId>) -> bool {
        self.branch.is_none() || branch.is_none() || self.branch == branch
    }

    /// Lets only these roles and higher ones pass.
    ///
    /// # Errors
    /// `forbidden`.
    pub fn at_least(&self, role: Role) -> Result<(), Problem> {
        if self.role.at_least(role) {
            return Ok(());
        }
        let detail = format!("This needs the role {} or a higher one.", role.as_str());
        Err(Problem::new(Code::Forbidden).detail(detail))
    }
}

impl FromRequestParts<App> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        // The gate has usually authenticated already, before it read the body.
        if let Some(caller) = parts.extensions.get::<Self>() {
            return Ok(caller.clone());
        }
        let caller = authenticate(app, &parts.method, &parts.headers).await?;
        if caller.revoked { Err(Problem::new(Code::DeviceRevoked)) } else { Ok(caller) }
    }
}

/// A caller at a desk: anybody but a technician.
#[derive(Debug, Clone)]
pub struct Staff(pub Caller);

impl FromRequestParts<App> for Staff {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, app).await?;
        caller.at_least(Role::Dispatcher)?;
        Ok(Self(caller))
    }
}

/// Finds out who sent a request, by session or signed token, and that they still may.
///
/// # Errors
/// `not_logged_in`, `bad_token`, `token_expired`, `device_revoked`, `cross_site`.
pub async fn authenticate(
    app: &App,
    method: &Method,
    headers: &HeaderMap,
) -> Result<Caller, Problem> {
    if let Some(bearer) = bearer(headers) {
        if bearer.starts_with(session::PREFIX) {
            return by_session(app, bearer).await;
        }
        return by_token(app, bearer).await;
    }
    let cookie = cookie(headers).ok_or_else(|| Problem::new(Code::NotLoggedIn))?;
    csrf::check(method, headers)?;
    by_session(app, &cookie).await
}

async fn by_session(app: &App, token: &str) -> Result<Caller, Problem> {
    let mut connection = app.read().await?;
    let owner = session::owner(&mut connection, token, app.now()).await?;
    let owner = owner.ok_or_else(|| Problem::new(Code::NotLoggedIn))?;
    Ok(Caller {
        tenant: owner.tenant,
        user: owner.user,
        role: owner.role,
        branch: owner.branch,
        device: None,
        revoked: false,
        session: Some(token.to_owned()),
    })
}

async fn by_token(app: &App, token: &str) -> Result<Caller, Problem> {
    let kid = token::kid(token).map_err(refused)?;
    let key = app.verifying_key(&kid).await?.ok_or_else(|| refused(TokenError::Key))?;
    let believed = access::believe(token, &key, app.issuer(), app.now() / 1000);
    let Holder { tenant, user, device } = believed.map_err(refused)?;
    // The rows are looked at each time, so that a revocation works at once.
    let mut connection = app.read().await?;
    let row = sqlx::query(
        "SELECT state, role, active FROM devices \
         JOIN users ON users.tenant = devices.tenant AND users.id = devices.user_id \
         WHERE devices.tenant = $1 AND devices.id = $2 AND user_id = $3",
    )
    .bind(tenant.raw())
    .bind(device.raw())
    .bind(user.raw())
    .fetch_optional(&mut *connection)
    .await?;
    let row = row.ok_or_else(|| Problem::new(Code::BadToken))?;
    let state: String = row.try_get("state")?;
    let role: String = row.try_get("role")?;
    // A phone is a technician's. Whoever got a desk meanwhile uses a password there.
    let technician = Role::parse(&role) == Some(Role::Technician);
    let revoked = state != "active" || !sql::flag(&row, "active")? || !technician;
    let (role, device) = (Role::Technician, Some(device));
    Ok(Caller { tenant, user, role, branch: None, device, revoked, session: None })
}

fn refused(error: TokenError) -> Problem {
    tracing::debug!(%error, "a token was refused");
    Problem::new(if error == TokenError::Expired { Code::TokenExpired } else { Code::BadToken })
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn cookie(headers: &HeaderMap) -> Option<String> {
    let pairs = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    pairs.flat_map(|line| line.split(';')).find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        let ours = name == session::COOKIE || name.strip_prefix("__Host-") == Some(session::COOKIE);
        ours.then(|| value.to_owned())
    })
}
