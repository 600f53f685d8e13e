//! Signed tokens: how they are made, and the one `verify` that everything passes.
//!
//! Every claim is required and every comparison is made here, because the library treats a
//! missing claim as agreement, ignores `typ`, and leaves `nbf` unchecked unless asked.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{SigningKey, VerifyingKey};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sync_core::id::{DeviceId, TenantId};

use super::provider;

/// `typ` of an access token (RFC 9068).
pub const ACCESS_TYP: &str = "at+jwt";
/// `typ` of the assertion by which a phone logs in (RFC 7523 names none; this is the common one).
pub const ASSERTION_TYP: &str = "JWT";
/// Seconds by which two clocks may differ.
pub const LEEWAY_S: i64 = 30;
/// Longest token that is looked at, bytes.
const TOKEN_BYTES: usize = 4096;

/// The claims of an access token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Who made it.
    pub iss: String,
    /// Who it is about: a user id, or the device in an assertion.
    pub sub: String,
    /// Who it is for.
    pub aud: String,
    /// Valid until, Unix seconds.
    pub exp: i64,
    /// Valid from, Unix seconds.
    pub nbf: i64,
    /// Made at, Unix seconds.
    pub iat: i64,
    /// Its own id.
    pub jti: String,
    /// Tenant; in access tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tid: Option<TenantId>,
    /// Device; in access tokens of phones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub did: Option<DeviceId>,
}

/// What a token must be.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// `typ` header, exactly.
    pub typ: &'a str,
    /// `iss`; absent where the key already belongs to one issuer that is compared afterwards.
    pub issuer: Option<&'a str>,
    /// `aud`, exactly and alone.
    pub audience: &'a str,
    /// Longest time between `iat` and `exp`, seconds.
    pub lifetime_s: i64,
    /// Seconds by which `nbf` and `iat` may lie ahead.
    pub early_s: i64,
}

/// Why a token is not valid. Clients are told only "expired" or "not valid".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not a token of the form we make, or a claim is missing.
    #[error("malformed: {0}")]
    Malformed(String),
    /// Another `typ`.
    #[error("wrong typ")]
    Type,
    /// No `kid`, or one we do not know.
    #[error("unknown key")]
    Key,
    /// The signature is not of that key, or the algorithm is not EdDSA.
    #[error("wrong signature or algorithm")]
    Signature,
    /// Another issuer.
    #[error("wrong issuer")]
    Issuer,
    /// Another audience.
    #[error("wrong audience")]
    Audience,
    /// `exp` has passed.
    #[error("expired")]
    Expired,
    /// `nbf` or `iat` is in the future.
    #[error("not valid yet")]
    Early,
    /// It would live longer than such tokens may.
    #[error("lifetime too long")]
    Lifetime,
}

/// Makes a token.
///
/// # Errors
/// Only if the library cannot write JSON.
pub fn sign(
    claims: &Claims,
    typ: &str,
    kid: &str,
    key: &SigningKey,
) -> Result<String, jsonwebtoken::errors::Error> {
    provider::install();
    let mut header = Header::new(Algorithm::EdDSA);
    header.typ = Some(typ.to_owned());
    header.kid = Some(kid.to_owned());
    jsonwebtoken::encode(&header, claims, &EncodingKey::from_ed_der(&key.to_bytes()))
}

/// The `kid` a token names, unverified: only for finding the key to verify it with.
///
/// # Errors
/// When there is none to be read.
pub fn kid(token: &str) -> Result<String, TokenError> {
    if token.len() > TOKEN_BYTES {
        return Err(TokenError::Malformed("too long".to_owned()));
    }
    let header = jsonwebtoken::decode_header(token)
        .map_err(|error| TokenError::Malformed(error.to_string()))?;
    header.kid.ok_or(TokenError::Key)
}

/// Checks a token in every respect.
///
/// # Errors
/// The first respect in which it fails.
pub fn verify(
    token: &str,
    key: &VerifyingKey,
    expected: &Expected<'_>,
    now_s: i64,
) -> Result<Claims, TokenError> {
    provider::install();
    if token.len() > TOKEN_BYTES {
        return Err(TokenError::Malformed("too long".to_owned()));
    }
    // The library checks algorithm and signature; the claims are compared below, where a missing
    // one already failed to deserialise.
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    let key = DecodingKey::from_ed_der(key.as_bytes());
    let data = jsonwebtoken::decode::<Claims>(token, &key, &validation).map_err(|error| {
        use jsonwebtoken::errors::ErrorKind;
        match error.kind() {
            ErrorKind::InvalidSignature | ErrorKind::InvalidAlgorithm => TokenError::Signature,
            _ => TokenError::Malformed(error.to_string()),
        }
    })?;
    refuse_what_is_passed_over(token)?;
    if data.header.typ.as_deref() != Some(expected.typ) {
        return Err(TokenError::Type);
    }
    compare(&data.claims, expected, now_s)?;
    Ok(data.claims)
}

/// Whether claims are what they must be: everything [`verify`] asks of a token but who signed it.
///
/// # Errors
/// The first respect in which they fail.
pub fn compare(claims: &Claims, expected: &Expected<'_>, now_s: i64) -> Result<(), TokenError> {
    if expected.issuer.is_some_and(|issuer| issuer != claims.iss) {
        return Err(TokenError::Issuer);
    }
    if claims.aud != expected.audience {
        return Err(TokenError::Audience);
    }
    if claims.exp.saturating_add(LEEWAY_S) <= now_s {
        return Err(TokenError::Expired);
    }
    if claims.nbf.max(claims.iat).saturating_sub(expected.early_s) > now_s {
        return Err(TokenError::Early);
    }
    if claims.exp.saturating_sub(claims.iat) > expected.lifetime_s || claims.jti.is_empty() {
        return Err(TokenError::Lifetime);
    }
    Ok(())
}

/// Refuses what the library passes over: a header with `crit`, which names what must be understood,
/// and we understand no extension (RFC 7515, 4.1.11); and claims nobody asks for that are no JSON in
/// UTF-8 (RFC 7519, 7.2), which others would read differently or not at all.
fn refuse_what_is_passed_over(token: &str) -> Result<(), TokenError> {
    let mut parts = token.split('.');
    let header = json(parts.next(), "header")?;
    json(parts.next(), "claims")?;
    match header.get("crit") {
        None | Some(Value::Null) => Ok(()),
        Some(_) => Err(TokenError::Malformed("crit".to_owned())),
    }
}

fn json(part: Option<&str>, what: &str) -> Result<Value, TokenError> {
    let malformed = || TokenError::Malformed(what.to_owned());
    let bytes = URL_SAFE_NO_PAD.decode(part.unwrap_or_default()).map_err(|_| malformed())?;
    serde_json::from_slice(&bytes).map_err(|_| malformed())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use ed25519_dalek::Signer as _;
    use serde_json::json;

    use super::*;

    const NOW: i64 = 1_800_000_000;
    const EXPECTED: Expected<'_> = Expected {
        typ: ACCESS_TYP,
        issuer: Some("us"),
        audience: "us",
        lifetime_s: 900,
        early_s: LEEWAY_S,
    };

    fn key() -> SigningKey {
        SigningKey::from_bytes(&[7; 32])
    }

    fn claims() -> Value {
        json!({"iss": "us", "sub": "x", "aud": "us", "exp": NOW + 900, "nbf": NOW, "iat": NOW, "jti": "j"})
    }

    fn token(header: Value, claims: &Value) -> String {
        let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let input = format!("{}.{}", part(&header), part(claims));
        let signature = URL_SAFE_NO_PAD.encode(key().sign(input.as_bytes()).to_bytes());
        format!("{input}.{signature}")
    }

    fn header() -> Value {
        json!({"alg": "EdDSA", "typ": "at+jwt", "kid": "k"})
    }

    fn check(token: &str) -> Result<Claims, TokenError> {
        verify(token, &key().verifying_key(), &EXPECTED, NOW)
    }

    #[test]
    fn what_we_sign_we_accept() {
        let claims: Claims = serde_json::from_value(claims()).unwrap();
        let token = sign(&claims, ACCESS_TYP, "k", &key()).unwrap();
        assert_eq!(check(&token), Ok(claims));
        assert_eq!(kid(&token), Ok("k".to_owned()));
    }

    #[test]
    fn every_claim_is_required() {
        for name in ["iss", "sub", "aud", "exp", "nbf", "iat", "jti"] {
            let mut without = claims();
            without.as_object_mut().unwrap().remove(name);
            let result = check(&token(header(), &without));
            assert!(matches!(result, Err(TokenError::Malformed(_))), "{name}: {result:?}");
        }
    }

    #[test]
    fn claims_that_are_no_json_in_utf8_are_refused_also_where_nobody_reads_them() {
        let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        for odd in [&b"\xad"[..], b"\\ud800"] {
            let mut bytes = claims().to_string().into_bytes();
            bytes.truncate(bytes.len() - 1);
            bytes.extend_from_slice(b",\"alg\":\"");
            bytes.extend_from_slice(odd);
            bytes.extend_from_slice(b"\"}");
            let input = format!("{}.{}", part(header().to_string().as_bytes()), part(&bytes));
            let signature = part(&key().sign(input.as_bytes()).to_bytes());
            let result = check(&format!("{input}.{signature}"));
            assert!(matches!(result, Err(TokenError::Malformed(_))), "{result:?}");
        }
    }

    #[test]
    fn a_claim_with_another_value_is_refused() {
        let refused = [
            ("iss", json!("them"), TokenError::Issuer),
            ("aud", json!("them"), TokenError::Audience),
            ("exp", json!(NOW - 31), TokenError::Expired),
            ("nbf", json!(NOW + 31), TokenError::Early),
            ("iat", json!(NOW + 31), TokenError::Early),
            ("exp", json!(NOW + 901), TokenError::Lifetime),
        ];
        for (name, value, error) in refused {
            let mut other = claims();
            other[name] = value;
            assert_eq!(check(&token(header(), &other)), Err(error), "{name}");
        }
        let mut list = claims();
        list["aud"] = json!(["us", "them"]);
        assert!(check(&token(header(), &list)).is_err(), "a list of audiences");
    }

    #[test]
    fn other_algorithms_types_and_keys_are_refused() {
        let good = claims();
        for alg in ["none", "HS256", "RS256", "ES256"] {
            let header = json!({"alg": alg, "typ": "at+jwt", "kid": "k"});
            assert!(check(&token(header, &good)).is_err(), "{alg}");
        }
        let unsigned = token(json!({"alg": "none", "typ": "at+jwt", "kid": "k"}), &good);
        let (input, _) = unsigned.rsplit_once('.').unwrap();
        assert!(check(&format!("{input}.")).is_err(), "no signature");
        let typ = json!({"alg": "EdDSA", "typ": "JWT", "kid": "k"});
        assert_eq!(check(&token(typ, &good)), Err(TokenError::Type));
        let none = json!({"alg": "EdDSA", "kid": "k"});
        assert_eq!(check(&token(none, &good)), Err(TokenError::Type));
        let crit = json!({"alg": "EdDSA", "typ": "at+jwt", "kid": "k", "crit": ["b64"]});
        assert!(matches!(check(&token(crit, &good)), Err(TokenError::Malformed(_))), "crit");
        let other = SigningKey::from_bytes(&[8; 32]).verifying_key();
        let result = verify(&token(header(), &good), &other, &EXPECTED, NOW);
        assert_eq!(result, Err(TokenError::Signature));
    }
}
