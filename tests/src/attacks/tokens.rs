//! Access tokens that the server never gave, though some are signed with its own key.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer as _, SigningKey};
use serde_json::{Value, json};
use server::clock::random;
use sha2::{Digest as _, Sha256};

use super::hand::{MEDIA, now};
use super::{Row, Town};

const BAD: &str = "401 bad_token";
const MISSING: &str = "401 not_logged_in";

pub const ROWS: &[Row] = &[
    ("a token as the server makes it", "200", |t| with(t, |_, _| {})),
    ("alg none", BAD, |t| with(t, |h, _| h["alg"] = json!("none"))),
    ("alg none, and no signature", BAD, |t| unsigned(t, "none")),
    ("alg None, and no signature", BAD, |t| unsigned(t, "None")),
    ("alg NONE, and no signature", BAD, |t| unsigned(t, "NONE")),
    ("alg HS256 with the public key as the secret", BAD, |t| hmac(t, public(t))),
    ("alg HS256 with the public key in base64 as the secret", BAD, |t| {
        hmac(t, URL_SAFE_NO_PAD.encode(public(t)).into_bytes())
    }),
    ("alg HS256 with nothing as the secret", BAD, |t| hmac(t, vec![])),
    ("alg RS256 over an Ed25519 signature", BAD, |t| with(t, |h, _| h["alg"] = json!("RS256"))),
    ("alg ES256 over an Ed25519 signature", BAD, |t| with(t, |h, _| h["alg"] = json!("ES256"))),
    ("alg Ed448", BAD, |t| with(t, |h, _| h["alg"] = json!("Ed448"))),
    ("no alg", BAD, |t| with(t, |h, _| without(h, "alg"))),
    ("alg as a list", BAD, |t| with(t, |h, _| h["alg"] = json!(["EdDSA"]))),
    ("the key of a phone", BAD, |t| signed(t, &t.mallory.key, |_, _| {})),
    ("a key of nobody", BAD, |t| signed(t, &SigningKey::from_bytes(&random()), |_, _| {})),
    ("a key in the header", BAD, |t| {
        let own = &t.mallory.key;
        let x = URL_SAFE_NO_PAD.encode(own.verifying_key().as_bytes());
        signed(t, own, |h, _| h["jwk"] = json!({"kty": "OKP", "crv": "Ed25519", "x": x}))
    }),
    ("a key to be fetched", BAD, |t| {
        let own = &t.mallory.key;
        signed(t, own, |h, _| h["jku"] = json!("http://127.0.0.1:1/jwks.json"))
    }),
    ("no kid", BAD, |t| with(t, |h, _| without(h, "kid"))),
    ("a kid of nobody", BAD, |t| with(t, |h, _| h["kid"] = json!("nobody"))),
    ("a kid that is a path", BAD, |t| with(t, |h, _| h["kid"] = json!("../../../../dev/null"))),
    ("a kid that is SQL", BAD, |t| with(t, |h, _| h["kid"] = json!("' OR 1=1 --"))),
    ("an empty kid", BAD, |t| with(t, |h, _| h["kid"] = json!(""))),
    ("a kid with NUL", BAD, |t| with(t, |h, _| h["kid"] = json!("\u{0}"))),
    ("the kid of a phone", BAD, |t| {
        let kid = t.mallory.device.to_string();
        signed(t, &t.mallory.key, |h, _| h["kid"] = json!(kid))
    }),
    ("typ of an assertion", BAD, |t| with(t, |h, _| h["typ"] = json!("JWT"))),
    ("typ in capitals", BAD, |t| with(t, |h, _| h["typ"] = json!("AT+JWT"))),
    ("no typ", BAD, |t| with(t, |h, _| without(h, "typ"))),
    ("crit of something unknown", BAD, |t| with(t, |h, _| h["crit"] = json!(["exp", "b64"]))),
    ("crit of nothing", BAD, |t| with(t, |h, _| h["crit"] = json!([]))),
    ("b64 false, which nobody has to know", "200", |t| with(t, |h, _| h["b64"] = json!(false))),
    ("no iss", BAD, |t| with(t, |_, c| without(c, "iss"))),
    ("no sub", BAD, |t| with(t, |_, c| without(c, "sub"))),
    ("no aud", BAD, |t| with(t, |_, c| without(c, "aud"))),
    ("no exp", BAD, |t| with(t, |_, c| without(c, "exp"))),
    ("no nbf", BAD, |t| with(t, |_, c| without(c, "nbf"))),
    ("no iat", BAD, |t| with(t, |_, c| without(c, "iat"))),
    ("no jti", BAD, |t| with(t, |_, c| without(c, "jti"))),
    ("an empty jti", BAD, |t| with(t, |_, c| c["jti"] = json!(""))),
    ("no tenant", BAD, |t| with(t, |_, c| without(c, "tid"))),
    ("no device", BAD, |t| with(t, |_, c| without(c, "did"))),
    ("another issuer", BAD, |t| with(t, |_, c| c["iss"] = json!("them"))),
    ("another audience", BAD, |t| with(t, |_, c| c["aud"] = json!("them"))),
    ("a list of audiences", BAD, |t| with(t, |_, c| c["aud"] = json!([c["aud"], "them"]))),
    ("a list of one audience", BAD, |t| with(t, |_, c| c["aud"] = json!([c["aud"]]))),
    ("another tenant", BAD, |t| with(t, |_, c| c["tid"] = json!(t.other.tenant))),
    ("another person", BAD, |t| with(t, |_, c| c["sub"] = json!(t.bo.user))),
    ("another phone", BAD, |t| with(t, |_, c| c["did"] = json!(t.bo.device))),
    ("a phone of another tenant", BAD, |t| with(t, |_, c| c["did"] = json!(t.foreign.device))),
    ("a person that is no id", BAD, |t| with(t, |_, c| c["sub"] = json!("admin"))),
    ("a revoked phone", "401 device_revoked", |t| {
        with(t, |_, c| c["did"] = json!(t.revoked.device))
    }),
    ("a phone that waits for its digits", "401 device_revoked", |t| {
        with(t, |_, c| c["did"] = json!(t.pending.device))
    }),
    ("expired", "401 token_expired", |t| with(t, |_, c| shift(c, "exp", -1_000))),
    ("expired in the year 1", "401 token_expired", |t| with(t, |_, c| c["exp"] = json!(i64::MIN))),
    ("for ever", BAD, |t| with(t, |_, c| c["exp"] = json!(i64::MAX))),
    ("for a day", BAD, |t| with(t, |_, c| shift(c, "exp", 86_400))),
    ("from tomorrow", BAD, |t| with(t, |_, c| shift(c, "nbf", 86_400))),
    ("made tomorrow", BAD, |t| with(t, |_, c| shift(c, "iat", 86_400))),
    ("made in the year 1", BAD, |t| with(t, |_, c| c["iat"] = json!(i64::MIN))),
    ("times as fractions", BAD, |t| with(t, |_, c| c["exp"] = json!(1e99))),
    ("times as text", BAD, |t| with(t, |_, c| c["exp"] = json!("never"))),
    ("the same claim twice", BAD, |t| {
        let (header, claims) = good(t);
        let twice = claims.to_string().replacen('{', "{\"sub\":\"x\",", 1);
        me(t, &token(&t.signing, &header.to_string(), &twice))
    }),
    ("the same header twice", BAD, |t| {
        let (header, claims) = good(t);
        let twice = header.to_string().replacen('{', "{\"alg\":\"none\",", 1);
        me(t, &token(&t.signing, &twice, &claims.to_string()))
    }),
    // A token of more than 4,096 bytes is refused for that: deeper would not be looked at.
    ("claims nested 2,000 deep", BAD, |t| {
        let (header, _) = good(t);
        me(t, &token(&t.signing, &header.to_string(), &"[".repeat(2000)))
    }),
    ("5,000 bytes", BAD, |t| me(t, &"a".repeat(5_000))),
    ("a signature cut short", BAD, |t| {
        let token = token_of(t);
        me(t, &token[..token.len() - 10])
    }),
    ("a signature in another alphabet", BAD, |t| me(t, &format!("{}==", token_of(t)))),
    ("a signature that is not canonical", BAD, |t| {
        // The last letter of 64 bytes in base64 has four bits to spare.
        let mut token = token_of(t);
        let last = token.pop().unwrap_or('A');
        token.push(if last == 'w' { 'x' } else { char::from(last as u8 + 1) });
        me(t, &token)
    }),
    ("four parts", BAD, |t| me(t, &format!("{}.x", token_of(t)))),
    ("one part", BAD, |t| me(t, "aaaa")),
    ("three empty parts", BAD, |t| me(t, "..")),
    ("no token after Bearer", MISSING, |t| auth(t, "Bearer ")),
    ("Basic", MISSING, |t| auth(t, "Basic YWRtaW46YWRtaW4=")),
    ("an assertion for a token", BAD, |t| me(t, &t.mallory.assertion())),
    ("a session that was made up", MISSING, |t| me(t, &format!("tws_{}", "a".repeat(43)))),
    ("a session of 100 bytes", MISSING, |t| me(t, &format!("tws_{}", "a".repeat(100)))),
    ("a desk's session where phones sync", "403 forbidden", |t| {
        t.admin.send("POST", "/v1/sync", &[("content-type", MEDIA)], &[1]).told()
    }),
    ("a desk's session where phones say where they are", "403 forbidden", |t| {
        t.admin.post("/v1/positions", &json!({"points": []})).told()
    }),
    ("a phone's token where the desk works", "403 forbidden", |t| {
        t.mallory.client.get("/v1/jobs").told()
    }),
    ("a phone's token as a cookie", MISSING, |t| {
        let cookie = format!("towline={}", t.mallory.client.token);
        t.anybody.send("GET", "/v1/me", &[("cookie", &cookie)], b"").told()
    }),
    (
        "a session in a cookie, written from another site",
        "403 cross_site | 401 not_logged_in",
        |t| {
            let session = t.admin.token.clone();
            let cookie = format!("{}={session}", server::auth::session::COOKIE);
            let headers = [
                ("cookie", cookie.as_str()),
                ("origin", "https://evil.example"),
                ("content-type", "application/json"),
                ("x-towline-csrf", "1"),
            ];
            t.anybody.send("POST", "/v1/jobs", &headers, b"{}").told()
        },
    ),
    ("a session in a cookie, written from nowhere", "403 cross_site | 401 not_logged_in", |t| {
        let cookie = format!("{}={}", server::auth::session::COOKIE, t.admin.token);
        let headers = [("cookie", cookie.as_str()), ("content-type", "application/json")];
        t.anybody.send("POST", "/v1/jobs", &headers, b"{}").told()
    }),
];

/// Header and claims as the server makes them for the attacker's phone.
fn good(town: &Town) -> (Value, Value) {
    let at = now() / 1000;
    let header = json!({"alg": "EdDSA", "typ": "at+jwt", "kid": town.kid});
    let claims = json!({"iss": town.issuer, "aud": town.issuer, "sub": town.mallory.user,
        "exp": at + 900, "nbf": at, "iat": at, "jti": "j", "tid": town.acme.tenant,
        "did": town.mallory.device});
    (header, claims)
}

/// A token signed with the server's own key, bent in one place.
fn with(town: &Town, bend: impl FnOnce(&mut Value, &mut Value)) -> String {
    signed(town, &town.signing, bend)
}

fn signed(town: &Town, key: &SigningKey, bend: impl FnOnce(&mut Value, &mut Value)) -> String {
    let (mut header, mut claims) = good(town);
    bend(&mut header, &mut claims);
    me(town, &token(key, &header.to_string(), &claims.to_string()))
}

fn token_of(town: &Town) -> String {
    let (header, claims) = good(town);
    token(&town.signing, &header.to_string(), &claims.to_string())
}

fn input(header: &str, claims: &str) -> String {
    format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims))
}

fn token(key: &SigningKey, header: &str, claims: &str) -> String {
    let input = input(header, claims);
    let signature = URL_SAFE_NO_PAD.encode(key.sign(input.as_bytes()).to_bytes());
    format!("{input}.{signature}")
}

fn unsigned(town: &Town, alg: &str) -> String {
    let (mut header, claims) = good(town);
    header["alg"] = json!(alg);
    me(town, &format!("{}.", input(&header.to_string(), &claims.to_string())))
}

/// A token under HMAC-SHA-256 (RFC 2104), as if the server knew one kind of key only.
fn hmac(town: &Town, secret: Vec<u8>) -> String {
    let (mut header, claims) = good(town);
    header["alg"] = json!("HS256");
    let input = input(&header.to_string(), &claims.to_string());
    let mut block = [0; 64];
    block.iter_mut().zip(&secret).for_each(|(place, byte)| *place = *byte);
    let pad = |with: u8| block.map(|byte| byte ^ with).to_vec();
    let inner = Sha256::digest([pad(0x36), input.clone().into_bytes()].concat());
    let outer = Sha256::digest([pad(0x5c), inner.to_vec()].concat());
    me(town, &format!("{input}.{}", URL_SAFE_NO_PAD.encode(outer)))
}

fn public(town: &Town) -> Vec<u8> {
    town.signing.verifying_key().as_bytes().to_vec()
}

fn without(json: &mut Value, name: &str) {
    if let Some(map) = json.as_object_mut() {
        map.remove(name);
    }
}

fn shift(claims: &mut Value, name: &str, seconds: i64) {
    claims[name] = json!(claims[name].as_i64().unwrap_or(0) + seconds);
}

fn me(town: &Town, token: &str) -> String {
    town.anybody.with(token).get("/v1/me").told()
}

fn auth(town: &Town, value: &str) -> String {
    town.anybody.send("GET", "/v1/me", &[("authorization", value)], b"").told()
}
