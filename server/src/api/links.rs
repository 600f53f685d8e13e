//! Invite and reset links: an administrator gets one to send, a person sets their password with it.
//!
//! There is no mail server. The link is answered to the administrator, who sends it in their own way;
//! nobody but the person ever knows the password. The secret stands behind the `#`, which browsers
//! send to no server and so into no log.

use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use sqlx::AnyConnection;
use store::rows::audit::Note;
use store::rows::links::{self, Link, LinkKind};
use store::rows::tenants;
use store::rows::users::{self, User};
use sync_core::id::{TenantId, UserId};
use utoipa::ToSchema;

use crate::app::App;
use crate::auth::installation::Installation;
use crate::auth::password::Turn;
use crate::auth::{Role, Staff, attempt};
use crate::clock::random;
use crate::config::Config;
use crate::http::idempotency::NotKept;
use crate::http::{Code, Id, Json, Problem, request_id};
use crate::net::Peer;

/// What secrets of links begin with.
const PREFIX: &str = "twp_";
/// Path of the page on which a person sets their password.
const PAGE: &str = "/password";

/// A link, shown once.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"kind": "invite", "url": "https://rescue.example.com/password#twp_…", "secret": "twp_…", "expires_at": 1795000000000i64}))]
pub struct LinkShown {
    /// Why: `invite` for a person without a password, `reset` for one who has one.
    pub kind: LinkKind,
    /// To send to the person. Without the setting `public_url` it begins with `/`: put the server's
    /// address before it.
    pub url: String,
    /// What stands behind the `#` of `url`, for a page of one's own.
    pub secret: String,
    /// Until when it can be used, Unix milliseconds.
    pub expires_at: i64,
}

/// A secret that was just made, and what is kept of it.
pub struct Fresh {
    /// The secret.
    pub text: String,
    /// Its hash.
    pub hash: Vec<u8>,
}

/// Makes the secret of a link.
pub fn fresh() -> Fresh {
    let text = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(random::<32>()));
    Fresh { hash: hash(&text), text }
}

/// What is to be sent.
pub fn url(config: &Config, secret: &str) -> String {
    format!("{}{PAGE}#{secret}", config.public_url.as_deref().unwrap_or_default())
}

/// Makes a one-time link by which a person sets their password; an earlier one is good no more.
///
/// There is no mail server: the answer has the link, for the administrator to send.
#[utoipa::path(
    post, path = "/v1/users/{id}/password-link", tag = "users", operation_id = "create_password_link",
    params(("id" = inline(UserId), Path, description = "The user.")),
    responses((status = 201, body = LinkShown), (status = 409, description = "wrong_state")),
)]
pub async fn create(
    State(app): State<App>,
    caller: Staff,
    Id(id): Id<UserId>,
) -> Result<Response, Problem> {
    caller.at_least(Role::Administrator)?;
    caller.in_person("make links that set passwords")?;
    let (now, tenant, by) = (app.now(), caller.tenant(), Some(caller.user()));
    let (fresh, lives) = (fresh(), Lives::of(&app.config));
    let (hash, note) = (fresh.hash, caller.note("user.password_link", id));
    let link = app.store.write::<Link, Problem, _>(move |tx| {
        Box::pin(async move { put(tx, tenant, id, by, hash, lives, note, now).await })
    });
    let Link { kind, expires_at, .. } = link.await?;
    let url = url(&app.config, &fresh.text);
    let shown = LinkShown { kind, url, secret: fresh.text, expires_at };
    let mut response = (StatusCode::CREATED, Json(shown)).into_response();
    response.extensions_mut().insert(NotKept);
    Ok(response)
}

/// How long links live, milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct Lives {
    invite_ms: i64,
    reset_ms: i64,
}

impl Lives {
    /// As the settings say.
    pub fn of(config: &Config) -> Self {
        let ms = |life: Duration| i64::try_from(life.as_millis()).unwrap_or(i64::MAX / 4);
        Self { invite_ms: ms(config.invite), reset_ms: ms(config.reset) }
    }
}

/// Keeps a link for a person, with its row in the audit list.
///
/// # Errors
/// `not_found`, and `wrong_state` for who needs no password.
#[allow(clippy::too_many_arguments)]
pub async fn put(
    tx: &mut AnyConnection,
    tenant: TenantId,
    user: UserId,
    created_by: Option<UserId>,
    hash: Vec<u8>,
    lives: Lives,
    note: Note,
    now: i64,
) -> Result<Link, Problem> {
    let found = users::get(tx, tenant, user).await?.ok_or_else(Problem::not_found)?;
    let refused = |detail: &str| Err(Problem::new(Code::WrongState).detail(detail));
    if !found.active {
        return refused("This person may not log in. Make them active first.");
    }
    if found.role == Role::Technician {
        return refused("A technician has no password: enrol their phone with a code.");
    }
    let (kind, life) = match found.has_password {
        false => (LinkKind::Invite, lives.invite_ms),
        true => (LinkKind::Reset, lives.reset_ms),
    };
    let expires_at = now.saturating_add(life);
    let link = Link { tenant, user, kind, created_by, created_at: now, expires_at };
    links::put(tx, &link, hash).await?;
    note.detail(json!({"kind": kind, "expires_at": expires_at})).write(tx, now).await?;
    Ok(link)
}

/// A link that is used.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"secret": "twp_…", "password": "correct horse battery"}))]
pub struct Redeem {
    /// What stands behind the `#` of the link.
    pub secret: String,
    /// The password, 10 to 256 bytes.
    #[schema(min_length = 10, max_length = 256)]
    pub password: String,
}

/// Whose password was set.
#[derive(Serialize, ToSchema)]
pub struct Redeemed {
    /// Short name of the tenant, to log in with.
    pub tenant: String,
    /// Name at login.
    pub login: String,
    /// Name.
    pub name: String,
}

/// Sets a password with a link, which is used up by it, and closes every session of the account.
#[utoipa::path(
    post, path = "/v1/password-links/redeem", tag = "session", operation_id = "redeem_password_link",
    request_body = Redeem,
    responses((status = 200, body = Redeemed), (status = 401, description = "bad_link"), (status = 422, description = "weak_password"), (status = 429, description = "too_many_attempts")),
)]
pub async fn redeem(
    State(app): State<App>,
    peer: Option<Extension<Peer>>,
    Json(given): Json<Redeem>,
) -> Result<Json<Redeemed>, Problem> {
    let (now, hash) = (app.now(), hash(&given.secret));
    let found = links::find(&mut *app.read().await?, hash.clone(), now).await?;
    let Some(Link { tenant, user, .. }) = found else {
        let address = peer.map(|Extension(Peer(ip))| ip);
        let problem = Problem::new(Code::BadLink);
        return Err(attempt::wrong_secret(&app, address, problem).await?);
    };
    // Only for a link that is good is anything hashed; a password that is refused leaves it good.
    let stored = app.passwords.make_for(&given.password, Turn::Stranger).await?;
    let (keys, request_id) = (app.installation.clone(), request_id::current());
    let redeemed = app.store.write::<Redeemed, Problem, _>(move |tx| {
        Box::pin(async move { set(tx, &keys, hash, stored, request_id, now).await })
    });
    let redeemed = redeemed.await?;
    app.writer().access_changed(tenant, user);
    Ok(Json(redeemed))
}

/// Sets the password and uses the link up, if it is still good.
async fn set(
    tx: &mut AnyConnection,
    keys: &Installation,
    hash: Vec<u8>,
    stored: String,
    request_id: String,
    now: i64,
) -> Result<Redeemed, Problem> {
    let bad = || Problem::new(Code::BadLink);
    let Link { tenant, user, kind, .. } = links::find(tx, hash, now).await?.ok_or_else(bad)?;
    let found = users::get(tx, tenant, user).await?;
    let User { login, name, .. } = found.filter(|user| user.active).ok_or_else(bad)?;
    let slug = tenants::by_id(tx, tenant).await?.ok_or_else(bad)?.slug;
    users::set_password(tx, tenant, user, stored).await?;
    attempt::clear(tx, keys, &slug, &login).await?;
    let note = Note {
        tenant,
        user: Some(user),
        device: None,
        token: None,
        action: "user.password",
        object: user.to_string(),
        detail: json!({"by": kind}),
        request_id,
        key: None,
    };
    note.write(tx, now).await?;
    Ok(Redeemed { tenant: slug, login, name })
}

fn hash(secret: &str) -> Vec<u8> {
    Sha256::digest(secret.as_bytes()).to_vec()
}
