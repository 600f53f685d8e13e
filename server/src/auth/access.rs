//! Access tokens of phones, without clock or database: what an assertion must be, what is given
//! for it, and what the token says when it comes back.

use ed25519_dalek::VerifyingKey;
use sync_core::enrol::ASSERTION_SECONDS;
use sync_core::id::{DeviceId, TenantId, UserId};

use super::keys::Key;
use super::token::{self, ACCESS_TYP, ASSERTION_TYP, Claims, Expected, LEEWAY_S, TokenError};

/// Longest life of an access token, seconds.
pub const LONGEST_S: i64 = 3600;

/// Seconds by which our own tokens may come from the future: by so much a clock may be put back
/// without sending every phone to log in again.
const STEP_S: i64 = 300;

/// Whose token it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder {
    /// The tenant.
    pub tenant: TenantId,
    /// The technician.
    pub user: UserId,
    /// The phone.
    pub device: DeviceId,
}

/// Checks the assertion of a phone against the key it was enrolled with.
///
/// # Errors
/// The first respect in which it fails.
pub fn assertion(
    assertion: &str,
    device: DeviceId,
    key: &VerifyingKey,
    issuer: &str,
    now_s: i64,
) -> Result<Claims, TokenError> {
    let id = device.to_string();
    let claims = token::verify(assertion, key, &of_phone(&id, issuer), now_s)?;
    if claims.sub == id { Ok(claims) } else { Err(TokenError::Malformed("sub".to_owned())) }
}

/// Checks what an assertion says where it is known who signed it.
///
/// # Errors
/// As [`assertion`].
pub fn asserted(
    claims: &Claims,
    device: DeviceId,
    issuer: &str,
    now_s: i64,
) -> Result<(), TokenError> {
    let id = device.to_string();
    token::compare(claims, &of_phone(&id, issuer), now_s)?;
    if claims.sub == id { Ok(()) } else { Err(TokenError::Malformed("sub".to_owned())) }
}

fn of_phone<'a>(id: &'a str, issuer: &'a str) -> Expected<'a> {
    Expected {
        typ: ASSERTION_TYP,
        issuer: Some(id),
        audience: issuer,
        lifetime_s: ASSERTION_SECONDS + 180,
        early_s: LEEWAY_S,
    }
}

/// Makes an access token that lives `life_s` seconds. `jti` has to be fresh.
///
/// # Errors
/// Only if the library cannot write JSON.
pub fn give(
    holder: &Holder,
    issuer: &str,
    key: &Key,
    life_s: i64,
    now_s: i64,
    jti: &[u8],
) -> Result<String, jsonwebtoken::errors::Error> {
    let claims = claims(holder, issuer, life_s, now_s, jti);
    token::sign(&claims, ACCESS_TYP, &key.kid, &key.signing)
}

/// What an access token says that lives `life_s` seconds.
pub fn claims(holder: &Holder, issuer: &str, life_s: i64, now_s: i64, jti: &[u8]) -> Claims {
    Claims {
        iss: issuer.to_owned(),
        sub: holder.user.to_string(),
        aud: issuer.to_owned(),
        exp: now_s + life_s,
        nbf: now_s,
        iat: now_s,
        jti: jti.iter().map(|byte| format!("{byte:02x}")).collect(),
        tid: Some(holder.tenant),
        did: Some(holder.device),
    }
}

/// Whose token this is. Whether they still may is looked up for each request.
///
/// # Errors
/// The first respect in which the token fails.
pub fn believe(
    token: &str,
    key: &VerifyingKey,
    issuer: &str,
    now_s: i64,
) -> Result<Holder, TokenError> {
    holder(&proven(token, key, issuer, now_s)?)
}

/// What a token says, once it is known who signed it.
///
/// # Errors
/// As [`believe`].
pub fn proven(
    token: &str,
    key: &VerifyingKey,
    issuer: &str,
    now_s: i64,
) -> Result<Claims, TokenError> {
    token::verify(token, key, &access(issuer), now_s)
}

/// Whose token it is that says this, where it is known that it is one of ours.
///
/// # Errors
/// As [`believe`].
pub fn believed(claims: &Claims, issuer: &str, now_s: i64) -> Result<Holder, TokenError> {
    token::compare(claims, &access(issuer), now_s)?;
    holder(claims)
}

fn access(issuer: &str) -> Expected<'_> {
    Expected {
        typ: ACCESS_TYP,
        issuer: Some(issuer),
        audience: issuer,
        lifetime_s: LONGEST_S,
        early_s: STEP_S,
    }
}

fn holder(claims: &Claims) -> Result<Holder, TokenError> {
    let malformed = || TokenError::Malformed("tid, did or sub".to_owned());
    Ok(Holder {
        tenant: claims.tid.ok_or_else(malformed)?,
        user: claims.sub.parse().map_err(|_| malformed())?,
        device: claims.did.ok_or_else(malformed)?,
    })
}
