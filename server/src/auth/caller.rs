//! The person behind a request, as every handler gets them.

use std::net::IpAddr;
use std::ops::Deref;
use std::time::Duration;

use axum::extract::{FromRequestParts, MatchedPath, Request};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, Method, Uri, header};
use store::rows::audit::Note;
use store::rows::devices;
use store::{Reader, StoreError, reading};
use sync_core::document::Author;
use sync_core::id::{BranchId, DeviceId, TenantId, UserId};
use sync_core::policy;
use tokio::time::timeout;

use super::access::{self, Holder};
use super::cookie::Cookie;
use super::scope::{self, Scope};
use super::session::Session;
use super::token::{self, TokenError};
use super::{Reach, Role, api_token, attempt, session};
use crate::app::App;
use crate::http::{Code, Problem, csrf, idempotency, request_id};
use crate::net::shed::StrangersPlace;
use crate::net::{Peer, shed};
use serde_json::Value;

/// How long a request waits for the note that its session was used.
const NOTE_WAIT: Duration = Duration::from_millis(250);

/// Who asks. [`authenticate`] alone makes one, so a handler that has one needs no further check of
/// tokens.
#[derive(Debug, Clone)]
pub struct Caller {
    tenant: TenantId,
    user: UserId,
    role: Role,
    branch: Option<BranchId>,
    device: Option<DeviceId>,
    revoked: bool,
    session: Option<String>,
    until_s: Option<i64>,
    token: Option<Grant>,
}

/// What the token of an integration says of its caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// What people call the token.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
}

impl Caller {
    /// Their tenant; every query names it.
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// The person, or the token of an integration, which is the author of what it writes.
    pub fn user(&self) -> UserId {
        self.user
    }

    /// What they are, read from the database for this request; of a token what its scope is on this
    /// route.
    pub fn role(&self) -> Role {
        self.role
    }

    /// The one branch a dispatcher or manager works for; absent for those who serve all.
    pub fn branch(&self) -> Option<BranchId> {
        self.branch
    }

    /// The phone, if it is one.
    pub fn device(&self) -> Option<DeviceId> {
        self.device
    }

    /// Whether the phone was revoked, or its technician may not log in: all it may do is submit
    /// what it has, for a person to look at. The gate lets it nowhere else.
    pub fn is_revoked(&self) -> bool {
        self.revoked
    }

    /// The session token, if it is one; to log out with.
    pub fn session(&self) -> Option<&str> {
        self.session.as_deref()
    }

    /// The token of an integration, if it is one.
    pub fn token(&self) -> Option<&Grant> {
        self.token.as_ref()
    }

    /// Lets people pass, and no token: what makes people more than they were is theirs.
    ///
    /// # Errors
    /// `forbidden`.
    pub fn in_person(&self, what: &str) -> Result<(), Problem> {
        match self.token {
            None => Ok(()),
            Some(_) => {
                let detail = format!("An API token may not {what}; an administrator may.");
                Err(Problem::new(Code::Forbidden).reason("not_for_tokens").detail(detail))
            }
        }
    }

    /// When the phone's access token ends, Unix seconds.
    pub fn until_s(&self) -> Option<i64> {
        self.until_s
    }

    /// The caller as author of changes.
    pub fn author(&self) -> Author {
        Author { user: Some(self.user), device: self.device }
    }

    /// The caller as the policy of documents sees them.
    pub fn policy(&self) -> policy::Principal {
        policy::Principal { user: self.user, role: self.role }
    }

    /// What is written down about a write of theirs.
    pub fn note(&self, action: &'static str, object: impl ToString) -> Note {
        Note {
            tenant: self.tenant,
            user: Some(self.user),
            device: self.device,
            token: self.token.as_ref().map(|grant| grant.name.clone()),
            action,
            object: object.to_string(),
            detail: Value::Object(Default::default()),
            request_id: request_id::current(),
            key: idempotency::keyed(self.user),
        }
    }

    /// Which branches they reach: what every write of something of a branch is asked.
    pub fn reach(&self) -> Reach {
        Reach::of(self.branch)
    }

    /// Whether the caller's work reaches a branch's jobs, or those without one.
    pub fn sees_branch(&self, branch: Option<BranchId>) -> bool {
        self.reach().sees(branch)
    }

    /// Lets only these roles and higher ones pass.
    ///
    /// # Errors
    /// `forbidden`.
    pub fn at_least(&self, role: Role) -> Result<(), Problem> {
        if self.role >= role {
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
        let caller = authenticate(app, &Asked::of_parts(parts)).await?;
        if caller.revoked { Err(Problem::new(Code::DeviceRevoked)) } else { Ok(caller) }
    }
}

/// A caller at a desk: anybody but a technician.
#[derive(Debug, Clone)]
pub struct Staff(Caller);

impl Staff {
    /// The caller, if they are staff.
    ///
    /// # Errors
    /// `forbidden`.
    pub fn of(caller: Caller) -> Result<Self, Problem> {
        caller.at_least(Role::Dispatcher)?;
        Ok(Self(caller))
    }
}

impl Deref for Staff {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.0
    }
}

impl FromRequestParts<App> for Staff {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        Self::of(Caller::from_request_parts(parts, app).await?)
    }
}

/// What of a request says who sent it, and what for.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    method: &'a Method,
    uri: &'a Uri,
    headers: &'a HeaderMap,
    extensions: &'a Extensions,
}

impl<'a> Asked<'a> {
    /// What a request says.
    pub fn of(request: &'a Request) -> Self {
        let (method, uri) = (request.method(), request.uri());
        Self { method, uri, headers: request.headers(), extensions: request.extensions() }
    }

    /// The same of a request that was taken apart.
    pub fn of_parts(parts: &'a Parts) -> Self {
        let Parts { method, uri, headers, extensions, .. } = parts;
        Self { method, uri, headers, extensions }
    }

    /// The path as the router has it.
    fn template(&self) -> &'a str {
        self.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str)
    }
}

/// Finds out who sent a request, by session, signed token or API token, and that they still may.
///
/// # Errors
/// `not_logged_in`, `bad_token`, `token_expired`, `device_revoked`, `cross_site`; `forbidden` of API tokens;
/// `too_many_attempts` and `overloaded` of who brings nothing that was found good before.
pub async fn authenticate(app: &App, asked: &Asked<'_>) -> Result<Caller, Problem> {
    let headers = asked.headers;
    let address = asked.extensions.get::<Peer>().map(|Peer(ip)| *ip);
    if let Some(bearer) = bearer(headers) {
        if bearer.starts_with(api_token::PREFIX) {
            return by_api_token(app, bearer, address, asked).await;
        }
        if bearer.starts_with(session::PREFIX) {
            return by_session(app, bearer, address).await;
        }
        return by_token(app, bearer).await;
    }
    let cookie = Cookie::new(session::COOKIE, &app.config).read(headers);
    let cookie = cookie.ok_or_else(|| Problem::new(Code::NotLoggedIn))?;
    csrf::check(asked.method, headers, app.config.public_url.as_deref())?;
    by_session(app, cookie, address).await
}

/// Whether the session of a caller is open and its person may do what they might then, for what outlives its
/// request. It counts as a use of the session.
///
/// # Errors
/// If the database does not answer; that says nothing about the session.
pub async fn still_open(app: &App, caller: &Caller) -> Result<bool, StoreError> {
    let Some(token) = caller.session() else { return Ok(false) };
    let found = reading(Reader::Brief, async {
        let mut connection = app.store.readers().acquire().await?;
        Ok::<_, StoreError>(
            session::owner(&mut connection, token, app.now(), app.sessions()).await?,
        )
    });
    let Session::Open(owner, used) = found.await? else { return Ok(false) };
    if let Some(used) = used {
        note(app, used).await;
    }
    let before = (caller.tenant, caller.user, caller.role, caller.branch);
    Ok(before == (owner.tenant, owner.user, owner.role, owner.branch))
}

/// The place of who brings a secret that was not found good yet: until it is, they are a stranger.
async fn unproven<'a>(
    app: &'a App,
    secret: &str,
    address: Option<IpAddr>,
) -> Result<Option<StrangersPlace<'a>>, Problem> {
    match app.proven.has(secret) {
        true => Ok(None),
        false => shed::strangers_place(app, address).await.map(Some),
    }
}

async fn by_session(app: &App, token: &str, address: Option<IpAddr>) -> Result<Caller, Problem> {
    let place = unproven(app, token, address).await?;
    let mut connection = app.read().await?;
    let found = session::owner(&mut connection, token, app.now(), app.sessions()).await?;
    drop(connection);
    let refused = Problem::new(Code::NotLoggedIn);
    let (owner, used) = match found {
        Session::Open(owner, used) => (owner, used),
        Session::Over | Session::Unknown if app.proven.has(token) => {
            // A browser whose session was closed elsewhere is no guesser.
            app.proven.forget(token);
            return Err(refused);
        }
        Session::Over => return Err(refused),
        Session::Unknown => return Err(attempt::wrong_secret(app, address, refused).await?),
    };
    app.proven.learn(token);
    drop(place);
    if let Some(used) = used {
        note(app, used).await;
    }
    Ok(Caller {
        tenant: owner.tenant,
        user: owner.user,
        role: owner.role,
        branch: owner.branch,
        device: None,
        revoked: false,
        session: Some(token.to_owned()),
        until_s: None,
        token: None,
    })
}

/// Notes a use of a session. What is asked does not fail for it, and does not wait long for it: a
/// store that cannot write is still read.
async fn note(app: &App, used: session::Use) {
    let written = app.store.write::<(), StoreError, _>(move |tx| {
        Box::pin(async move { Ok(session::note(tx, used).await?) })
    });
    if let Ok(Err(error)) = timeout(NOTE_WAIT, written).await {
        tracing::warn!(%error, "the use of a session was not noted");
    }
}

async fn by_token(app: &App, token: &str) -> Result<Caller, Problem> {
    let kid = token::kid(token).map_err(refused)?;
    let key = app.verifying_key(&kid).await?.ok_or_else(|| refused(TokenError::Key))?;
    let now_s = app.now() / 1000;
    let claims = access::proven(token, &key, app.issuer(), now_s).map_err(refused)?;
    let believed = access::believed(&claims, app.issuer(), now_s);
    let Holder { tenant, user, device } = believed.map_err(refused)?;
    let until_s = Some(claims.exp);
    // The rows are looked at each time, so that a revocation works at once.
    let mut connection = app.read().await?;
    let may = devices::may_log_in(&mut connection, tenant, device, user).await?;
    // A phone is a technician's. Whoever got a desk meanwhile uses a password there.
    let revoked = !may.ok_or_else(|| Problem::new(Code::BadToken))?;
    let (role, device) = (Role::Technician, Some(device));
    let (branch, session, token) = (None, None, None);
    Ok(Caller { tenant, user, role, branch, device, revoked, session, until_s, token })
}

async fn by_api_token(
    app: &App,
    text: &str,
    address: Option<IpAddr>,
    asked: &Asked<'_>,
) -> Result<Caller, Problem> {
    let place = unproven(app, text, address).await?;
    let (tenant, found, scopes) = match api_token::check(app, text, address).await {
        Ok(found) => found,
        Err(problem) => {
            if [Code::BadToken, Code::TokenExpired].contains(&problem.code()) {
                app.proven.forget(text);
            }
            return Err(problem);
        }
    };
    app.proven.learn(text);
    drop(place);
    let template = asked.template();
    let role = match scope::asked(asked.method, template, asked.uri.path()) {
        Some((scope, role)) if scopes.contains(&scope) => role,
        Some((scope, _)) => {
            let detail = format!("This API token lacks the scope {}.", scope.as_str());
            return Err(Problem::new(Code::Forbidden).reason("scope").detail(detail));
        }
        None if template == scope::ME => Role::Dispatcher,
        None => {
            let detail = "API tokens may not do this, whatever their scopes.";
            return Err(Problem::new(Code::Forbidden).reason("not_for_tokens").detail(detail));
        }
    };
    Ok(Caller {
        tenant,
        user: found.id,
        role,
        branch: found.branch,
        device: None,
        revoked: false,
        session: None,
        until_s: None,
        token: Some(Grant { name: found.name, scopes }),
    })
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
