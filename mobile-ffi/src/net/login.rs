//! Enrolment with a one-time code, and login by an assertion signed with the device's key.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer as _, SigningKey};
use serde::{Deserialize, Serialize};
use sync_core::id::{DeviceId, TenantId, UserId};
use sync_core::limits;

use super::{NetError, Post, Reply, Transport};

const JSON: &str = "application/json";
/// The longest access token that is taken, bytes.
const TOKEN_BYTES: usize = 4096;
/// The longest time for which one is used, seconds, whatever the server says.
const TOKEN_S: i64 = 24 * 60 * 60;
/// Clocks this close are not why a login was refused, seconds.
const CLOCKS_AGREE_S: i64 = 30;

/// What the phone sends to enrol.
#[derive(Debug, Serialize)]
pub(crate) struct EnrolmentRequest {
    /// By what the server finds the code, base64url; the code itself is not sent.
    pub code_name: String,
    /// Ed25519 public key, base64url.
    pub public_key: String,
    /// Sixteen random bytes, base64url.
    pub nonce: String,
    /// Signature over the proof message, base64url.
    pub proof: String,
    /// What the phone calls itself.
    pub name: String,
    /// Version of the engine.
    pub app_version: &'static str,
}

/// What the server answers.
#[derive(Debug, Deserialize)]
pub(crate) struct Enrolment {
    pub device: DeviceId,
    pub user: UserId,
    pub tenant: TenantId,
    /// The technician's name.
    #[serde(default)]
    pub user_name: String,
    /// Audience of login assertions.
    pub audience: String,
    /// The server's nonce, base64url.
    pub nonce: String,
    /// Server time, Unix milliseconds.
    pub server_time: i64,
}

impl Enrolment {
    /// The server's nonce as bytes.
    pub fn server_nonce(&self) -> Result<[u8; 16], NetError> {
        let bytes = URL_SAFE_NO_PAD.decode(&self.nonce).ok();
        let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
        bytes.ok_or_else(|| NetError::Garbled("the enrolment's nonce".to_owned()))
    }
}

/// Posts the enrolment.
pub(crate) fn enrol(
    transport: &dyn Transport,
    request: &EnrolmentRequest,
) -> Result<Enrolment, NetError> {
    let body = serde_json::to_vec(request).map_err(|e| NetError::Garbled(e.to_string()))?;
    let path = "/v1/devices/enrol";
    let post = Post { path, media_type: JSON, accept: JSON, bearer: None, body: &body };
    let body = transport.post(post)?.expect(JSON)?;
    let answer: Enrolment =
        serde_json::from_slice(&body).map_err(|e| NetError::Garbled(e.to_string()))?;
    let time = limits::TIME_RANGE;
    Ok(Enrolment { server_time: answer.server_time.clamp(time.start, time.end - 1), ..answer })
}

/// An access token.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Token {
    /// The bearer token.
    pub access_token: String,
    /// Seconds it lives.
    pub expires_in: i64,
}

/// Logs in. `now_s` is Unix seconds as the server would say, as well as the phone knows; where
/// the server finds that too early or too late it is tried once more with the server's own clock,
/// so a phone whose clock is years off still gets in. `jtis` are used up one a try.
pub(crate) fn token(
    transport: &dyn Transport,
    key: &SigningKey,
    device: DeviceId,
    audience: &str,
    now_s: i64,
    jtis: [[u8; 16]; 2],
) -> Result<Token, NetError> {
    let [first, second] = jtis;
    let reply = ask(transport, key, device, audience, now_s, first)?;
    let servers = clock_of(&reply).filter(|clock_s| (clock_s - now_s).abs() > CLOCKS_AGREE_S);
    let reply = match servers {
        Some(clock_s) => ask(transport, key, device, audience, clock_s, second)?,
        None => reply,
    };
    let body = reply.expect(JSON).map_err(|error| match error {
        // RFC 7523 answers a bad assertion with 400.
        NetError::Refused { status: 400, code, sentence } => {
            NetError::Login { code, reason: None, verdicts: None, sentence }
        }
        other => other,
    })?;
    let token: Token =
        serde_json::from_slice(&body).map_err(|e| NetError::Garbled(e.to_string()))?;
    if !is_bearer(&token.access_token) {
        return Err(NetError::Garbled("the access token".to_owned()));
    }
    Ok(Token { expires_in: token.expires_in.clamp(0, TOKEN_S), ..token })
}

/// Whether a header can carry it (RFC 6750, `b64token`), and it is not longer than any header may be.
fn is_bearer(token: &str) -> bool {
    let body = token.trim_end_matches('=');
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
    !body.is_empty() && token.len() <= TOKEN_BYTES && body.bytes().all(plain)
}

/// The clock of a server that refused a login, Unix seconds: as its answer says it, else by the
/// header, which a proxy may have written.
fn clock_of(reply: &Reply) -> Option<i64> {
    #[derive(Deserialize, Default)]
    struct Told {
        server_time: Option<i64>,
    }
    let json = matches!(reply.media_type.as_str(), "application/problem+json" | JSON);
    if !json || !matches!(reply.status, 400 | 401) {
        return None;
    }
    let told: Told = serde_json::from_slice(&reply.body).unwrap_or_default();
    told.server_time.map(|ms| ms.div_euclid(1000)).or(reply.date_s)
}

fn ask(
    transport: &dyn Transport,
    key: &SigningKey,
    device: DeviceId,
    audience: &str,
    now_s: i64,
    jti: [u8; 16],
) -> Result<Reply, NetError> {
    let input = sync_core::enrol::assertion_input(device, audience, now_s, jti);
    let signature = key.sign(input.as_bytes()).to_bytes();
    let assertion = sync_core::enrol::assertion(&input, &signature);
    let grant = sync_core::enrol::GRANT_TYPE.replace(':', "%3A");
    // An assertion is base64url and dots, which a form takes as they are.
    let body = format!("grant_type={grant}&assertion={assertion}");
    transport.post(Post {
        path: "/v1/token",
        media_type: "application/x-www-form-urlencoded",
        accept: JSON,
        bearer: None,
        body: body.as_bytes(),
    })
}
