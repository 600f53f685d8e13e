//! One-time codes by which a technician's phone is enrolled: shown once, kept as what they stand for.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use store::rows::{codes, users};
use sync_core::enrol::{self, CodeSecret};
use sync_core::id::UserId;
use utoipa::ToSchema;

use crate::app::App;
use crate::auth::{Role, Staff};
use crate::clock::random;
use crate::http::idempotency::NotKept;
use crate::http::{Code, Json, Problem};

/// For whom a code is wanted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CodeFor {
    /// The technician.
    pub user: UserId,
}

/// A code, shown once.
#[derive(Serialize, ToSchema)]
pub struct CodeShown {
    /// To type in: `XXXX-XXXX-XXXX`.
    pub code: String,
    /// To show as a QR code: `towline:enrol?` with `url` and `code`; `code` alone where the setting
    /// `public_url` is empty.
    pub qr: String,
    /// That the phone is not told where the server is, and what to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning: Option<&'static str>,
    /// Until when it can be used, Unix milliseconds.
    pub expires_at: i64,
}

/// Makes a one-time code by which a technician's phone can be enrolled.
#[utoipa::path(
    post, path = "/v1/devices/codes", tag = "devices", operation_id = "create_enrolment_code",
    request_body = CodeFor,
    responses((status = 201, body = CodeShown)),
)]
pub async fn make_code(
    State(app): State<App>,
    caller: Staff,
    Json(wanted): Json<CodeFor>,
) -> Result<Response, Problem> {
    let mut connection = app.read().await?;
    let user = users::get(&mut connection, caller.tenant(), wanted.user).await?;
    drop(connection);
    let user = user.filter(|user| user.active && user.role == Role::Technician);
    let user = user.filter(|user| caller.sees_branch(user.branch)).ok_or_else(|| {
        let detail = "There is no active technician with this id.";
        Problem::new(Code::UnknownReference).field("user").detail(detail)
    })?;
    let now = app.now();
    let expires_at = now + i64::try_from(app.config.code.as_millis()).unwrap_or(0);
    let code = enrol::code(random());
    let secret = CodeSecret::of(&code);
    let note = caller.note("device.code", user.id);
    app.store
        .write::<(), Problem, _>(move |tx| {
            Box::pin(async move {
                codes::insert(tx, caller.tenant(), user.id, caller.user(), secret, now, expires_at)
                    .await?;
                Ok(note.write(tx, now).await?)
            })
        })
        .await?;
    let url = app.config.public_url.as_deref();
    let (qr, warning) = (qr(url, &code), url.is_none().then_some(NO_URL));
    let mut response =
        (StatusCode::CREATED, Json(CodeShown { code, qr, warning, expires_at })).into_response();
    response.extensions_mut().insert(NotKept);
    Ok(response)
}

/// What is said where a code does not say where the server is.
pub const NO_URL: &str = "The phone is not told where the server is: set public_url (--public-url, \
    TOWLINE_PUBLIC_URL) to the address that phones reach, or type the address into the phone.";

/// The text of the QR code by which a phone is enrolled.
pub fn qr(url: Option<&str>, code: &str) -> String {
    match url {
        Some(url) => format!("towline:enrol?url={}&code={code}", escape(url)),
        None => format!("towline:enrol?code={code}"),
    }
}

fn escape(url: &str) -> String {
    serde_urlencoded::to_string([("u", url)]).unwrap_or_default().split_off(2)
}
