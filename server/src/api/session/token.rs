//! A phone logs in with an assertion it signed and gets a short access token (RFC 7523).

use axum::extract::State;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use store::rows::assertions;
use store::rows::devices::{self, Device, DeviceState};
use sync_core::enrol::GRANT_TYPE;
use sync_core::id::DeviceId;
use utoipa::ToSchema;

use crate::app::App;
use crate::auth::access::{self, Holder, LONGEST_S};
use crate::auth::keys::Jwks;
use crate::auth::token::{self, LEEWAY_S};
use crate::clock::random;
use crate::http::body::Form;
use crate::http::{Code, Json, Problem};
use crate::telemetry::metrics::Case;

/// A token request (RFC 6749, RFC 7523).
#[derive(Deserialize, ToSchema)]
pub struct TokenRequest {
    /// `urn:ietf:params:oauth:grant-type:jwt-bearer`.
    #[schema(pattern = "^urn:ietf:params:oauth:grant-type:jwt-bearer$")]
    pub grant_type: String,
    /// A JWT signed by the device's key; `iss` and `sub` are the device id, `aud` what enrolment
    /// answered, `jti` fresh, `exp` at most 300 seconds after `iat`.
    pub assertion: String,
}

/// A short access token.
#[derive(Serialize, ToSchema)]
pub struct Token {
    /// For `Authorization: Bearer`.
    pub access_token: String,
    /// `Bearer`.
    pub token_type: &'static str,
    /// Seconds it lives.
    pub expires_in: i64,
    /// The server's clock, Unix milliseconds.
    pub server_time: i64,
}

/// Gives a phone an access token for an assertion it signed.
#[utoipa::path(
    post, path = "/v1/token", tag = "session", operation_id = "get_token",
    request_body(content = TokenRequest, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, body = Token), (status = 400, description = "bad_grant, bad_form"),
        (status = 401, description = "bad_assertion, device_revoked"),
        (status = 403, description = "device_pending"),
    ),
)]
pub async fn give_token(
    State(app): State<App>,
    Form(request): Form<TokenRequest>,
) -> Result<Json<Token>, Problem> {
    if request.grant_type != GRANT_TYPE {
        return Err(Problem::new(Code::BadGrant).field("grant_type").detail(GRANT_TYPE));
    }
    let result = log_in(&app, &request.assertion).await;
    let outcome = if result.is_ok() { "device" } else { "device_refused" };
    app.metrics.logins.get_or_create(&Case::of(outcome)).inc();
    result.map(Json)
}

async fn log_in(app: &App, assertion: &str) -> Result<Token, Problem> {
    let now = app.now();
    let device = device(app, assertion).await?;
    let key = device.public_key.as_slice().try_into().ok();
    let key = key.and_then(|key| ed25519_dalek::VerifyingKey::from_bytes(key).ok());
    let key = key.ok_or_else(|| Problem::internal("a stored device key is no key"))?;
    let id = device.id;
    let claims = access::assertion(assertion, id, &key, app.issuer(), now / 1000);
    let claims = claims.map_err(|error| {
        tracing::debug!(%error, device = %id, "an assertion was refused");
        // A clock that is wrong is the one thing the phone can do something about.
        let problem = Problem::new(Code::BadAssertion);
        match error {
            token::TokenError::Expired => problem.reason("expired").server_time(now),
            token::TokenError::Early => problem.reason("not_yet_valid").server_time(now),
            _ => problem.reason("not_valid"),
        }
    })?;
    match device.state {
        DeviceState::Active if device.held_at.is_some() => return Err(Problem::held()),
        DeviceState::Active => {}
        DeviceState::Pending => return Err(Problem::new(Code::DevicePending)),
        // A phone that was in use may still submit what it has; see `sync::revoked`. One
        // whose digits never fitted may not.
        DeviceState::Revoked if device.confirmed_at.is_some() => {}
        DeviceState::Revoked => return Err(Problem::new(Code::DeviceRevoked)),
    }
    let (tenant, device_id) = (device.tenant, device.id);
    let jti = Sha256::digest(claims.jti.as_bytes()).to_vec();
    let expires_at = (claims.exp + LEEWAY_S) * 1000;
    let fresh = app
        .store
        .write::<bool, Problem, _>(move |tx| {
            Box::pin(async move {
                devices::seen(tx, tenant, device_id, now).await?;
                Ok(assertions::use_once(tx, tenant, device_id, jti, expires_at, now).await?)
            })
        })
        .await?;
    if !fresh {
        return Err(Problem::new(Code::BadAssertion).reason("used_before"));
    }
    issue(app, &device, now)
}

/// The device an assertion speaks of, before it is believed.
async fn device(app: &App, assertion: &str) -> Result<Device, Problem> {
    let bad = || Problem::new(Code::BadAssertion).reason("not_valid");
    let id: DeviceId = token::kid(assertion).map_err(|_| bad())?.parse().map_err(|_| bad())?;
    let mut connection = app.read().await?;
    devices::find(&mut connection, id).await?.ok_or_else(bad)
}

fn issue(app: &App, device: &Device, now: i64) -> Result<Token, Problem> {
    let key = app.keys.current().ok_or_else(|| Problem::internal("there is no key that signs"))?;
    let life = i64::try_from(app.config.access.as_secs()).unwrap_or(900).min(LONGEST_S);
    let holder = Holder { tenant: device.tenant, user: device.user, device: device.id };
    let jti = random::<12>();
    let access_token = access::give(&holder, app.issuer(), &key, life, now / 1000, &jti)
        .map_err(Problem::internal)?;
    Ok(Token { access_token, token_type: "Bearer", expires_in: life, server_time: now })
}

/// The public keys with which our tokens can be verified (RFC 7517).
#[utoipa::path(
    get, path = "/.well-known/jwks.json", tag = "session", operation_id = "get_jwks",
    responses((status = 200, body = Jwks)),
)]
pub async fn jwks(State(app): State<App>) -> Json<Jwks> {
    Json(app.keys.jwks())
}
