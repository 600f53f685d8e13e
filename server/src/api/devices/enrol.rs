//! How a phone becomes a device: a code, a key that is proven, six digits compared by people.

use std::net::IpAddr;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signature, VerifyingKey};
use serde::{Deserialize, Serialize};
use store::rows::audit::Note;
use store::rows::devices::{self, Device, DeviceState};
use store::rows::room::RowKind;
use store::rows::{codes, users};
use sync_core::enrol::{self, CodeSecret};
use sync_core::id::{DeviceId, TenantId, UserId};
use utoipa::ToSchema;

use super::get_seen;
use crate::api::check;
use crate::app::App;
use crate::auth::Staff;
use crate::auth::attempt::{self, elsewhere};
use crate::auth::throttle::Charged;
use crate::clock::random;
use crate::http::{Code, Id, Json, Operation, Problem, request_id};
use crate::net::Peer;

/// Wrong digits after which a waiting phone is revoked.
const TRIES: i64 = 3;

/// What a phone sends to become a device.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Enrolment {
    /// `sync_core::enrol::CodeSecret::name` of the code, 32 bytes, base64url without padding. The
    /// code itself never leaves the phone.
    pub code_name: String,
    /// Ed25519 public key, 32 bytes, base64url without padding.
    pub public_key: String,
    /// 16 fresh random bytes, base64url without padding.
    pub nonce: String,
    /// Signature by the key over `sync_core::enrol::proof_message`, 64 bytes, base64url.
    pub proof: String,
    /// What the phone calls itself.
    #[serde(default)]
    pub name: String,
    /// Version of the app.
    #[serde(default)]
    pub app_version: String,
}

/// What a phone needs to go on.
#[derive(Serialize, ToSchema)]
pub struct Enrolled {
    /// The device, which waits until its digits were compared.
    pub device: DeviceId,
    /// Tenant.
    pub tenant: TenantId,
    /// The technician.
    pub user: UserId,
    /// The technician's name, to be seen by whoever holds the phone.
    pub user_name: String,
    /// 16 random bytes of the server, base64url; with them the phone computes the six digits.
    pub nonce: String,
    /// `aud` of the phone's logins at `/v1/token`.
    pub audience: String,
    /// The server's clock, Unix milliseconds.
    pub server_time: i64,
}

/// Enrols a phone with a code; it waits until someone compares its six digits.
#[utoipa::path(
    post, path = "/v1/devices/enrol", tag = "devices", operation_id = "enrol_device",
    request_body = Enrolment,
    responses((status = 201, body = Enrolled), (status = 401, description = "bad_code, bad_proof"), (status = 409, description = "conflict"), (status = 429, description = "too_many_attempts")),
)]
pub async fn enrol_device(
    State(app): State<App>,
    peer: Option<Extension<Peer>>,
    operation: Operation,
    Json(wanted): Json<Enrolment>,
) -> Result<Response, Problem> {
    let code_name: [u8; 32] = bytes("code_name", &wanted.code_name)?;
    let public_key: [u8; 32] = bytes("public_key", &wanted.public_key)?;
    let phone_nonce: [u8; 16] = bytes("nonce", &wanted.nonce)?;
    let proof: [u8; 64] = bytes("proof", &wanted.proof)?;
    let now = app.now();
    let server_nonce: [u8; 16] = random();
    let (ms, seed) = operation.seed(0);
    let device = Device {
        id: DeviceId::new(ms, seed),
        // These and the digits are the code's; put in when it is found.
        user: UserId::new(0, [0; 10]),
        tenant: TenantId::new(0, [0; 10]),
        held_at: None,
        state: DeviceState::Pending,
        name: short(&wanted.name),
        app_version: short(&wanted.app_version),
        created_at: now,
        confirmed_at: None,
        revoked_at: None,
        seen_at: None,
        public_key: public_key.to_vec(),
        digits: String::new(),
        tries: 0,
    };
    let address = peer.map(|Extension(Peer(ip))| ip);
    let request_id = request_id::current();
    let enrolled = app
        .store
        .write::<Device, Problem, _>(move |tx| {
            Box::pin(async move {
                let (tenant, user, secret) = codes::use_up(tx, code_name, now)
                    .await?
                    .ok_or_else(|| Problem::new(Code::BadCode))?;
                // Without a proof nothing is committed: who was not told the code cannot use it up.
                prove(&secret, &public_key, &phone_nonce, &proof)?;
                let digits = enrol::digits(&secret, &public_key, &phone_nonce, &server_nonce);
                let device = Device { tenant, user, digits, ..device };
                check::room(tx, tenant, RowKind::Devices).await?;
                devices::insert(tx, &device).await?;
                let note = Note {
                    tenant,
                    user: Some(user),
                    device: Some(device.id),
                    token: None,
                    action: "device.enrol",
                    object: device.id.to_string(),
                    detail: serde_json::json!({"name": device.name}),
                    request_id,
                    key: None,
                };
                note.write(tx, now).await?;
                Ok(device)
            })
        })
        .await;
    let device = match enrolled {
        Ok(device) => device,
        Err(problem) => return Err(missed(&app, address, problem).await?),
    };
    let mut connection = app.read().await?;
    let user = users::get(&mut connection, device.tenant, device.user).await?;
    let body = Enrolled {
        device: device.id,
        tenant: device.tenant,
        user: device.user,
        user_name: user.map_or_else(String::new, |user| user.name),
        nonce: URL_SAFE_NO_PAD.encode(server_nonce),
        audience: app.issuer().to_owned(),
        server_time: app.now(),
    };
    Ok((StatusCode::CREATED, Json(body)).into_response())
}

/// The digits a person read on the phone.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Digits {
    /// Six digits.
    pub digits: String,
}

/// Confirms a waiting phone with the six digits it shows. After three wrong ones it is revoked.
#[utoipa::path(
    post, path = "/v1/devices/{id}/confirm", tag = "devices", operation_id = "confirm_device",
    request_body = Digits,
    params(("id" = inline(DeviceId), Path, description = "The phone.")),
    responses((status = 200, body = Device), (status = 409, description = "wrong_state"), (status = 422, description = "wrong_digits")),
)]
pub async fn confirm(
    State(app): State<App>,
    caller: Staff,
    Id(id): Id<DeviceId>,
    operation: Operation,
    Json(given): Json<Digits>,
) -> Result<Json<Device>, Problem> {
    let now = app.now();
    let given: String = given.digits.chars().filter(char::is_ascii_digit).collect();
    let note = caller.note("device.confirm", id);
    // Wrong digits are an answer, not an error, so that the count of them is committed.
    let (device, fits) = app
        .store
        .write::<_, Problem, _>(move |tx| {
            Box::pin(async move {
                let tenant = caller.tenant();
                let device = get_seen(tx, &caller, id).await?;
                let device = device.ok_or_else(Problem::not_found)?;
                if operation.has_begun() {
                    return Ok((device, true));
                }
                if device.state != DeviceState::Pending {
                    let detail = format!("The device is {}.", device.state.as_str());
                    return Err(Problem::new(Code::WrongState).detail(detail));
                }
                let fits = device.digits == given;
                if fits {
                    devices::confirm(tx, tenant, id, caller.user(), now).await?;
                    note.write(tx, now).await?;
                } else {
                    devices::missed(tx, tenant, id).await?;
                    if device.tries + 1 >= TRIES {
                        devices::revoke(tx, tenant, id, Some(caller.user()), now).await?;
                    }
                }
                Ok((devices::get(tx, tenant, id).await?.unwrap_or(device), fits))
            })
        })
        .await?;
    if fits { Ok(Json(device)) } else { Err(Problem::new(Code::WrongDigits).field("digits")) }
}

/// Counts a wrong code or proof for where it came from; what is answered, which gets slow there.
/// The right code passes whatever others tried: nobody guesses 60 bits in the minutes it lives.
async fn missed(app: &App, from: Option<IpAddr>, problem: Problem) -> Result<Problem, Problem> {
    if !matches!(problem.code(), Code::BadCode | Code::BadProof) {
        return Ok(problem);
    }
    Ok(match attempt::charge(app, &elsewhere(app, from)).await? {
        Charged::After(_) => problem,
        Charged::Wait(seconds, _) => Problem::new(Code::TooMany).retry_after(seconds),
    })
}

fn prove(
    secret: &CodeSecret,
    public_key: &[u8; 32],
    nonce: &[u8; 16],
    proof: &[u8; 64],
) -> Result<(), Problem> {
    let bad = || Problem::new(Code::BadProof).field("proof");
    let key = VerifyingKey::from_bytes(public_key)
        .map_err(|_| Problem::new(Code::BadProof).field("public_key"))?;
    let message = enrol::proof_message(secret, public_key, nonce);
    key.verify_strict(&message, &Signature::from_bytes(proof)).map_err(|_| bad())
}

fn bytes<const N: usize>(field: &str, text: &str) -> Result<[u8; N], Problem> {
    let decoded = URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok();
    decoded.and_then(|bytes| bytes.try_into().ok()).ok_or_else(|| {
        Problem::invalid(field, format!("Send {N} bytes in base64url without padding."))
    })
}

fn short(text: &str) -> String {
    text.trim().chars().take(100).collect()
}
