//! One-time codes by which a technician's phone is enrolled: shown once, kept as what they stand for.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use sqlx::{AnyConnection, Row as _};
use sync_core::enrol::{self, CodeSecret};
use sync_core::id::{TenantId, UserId};
use utoipa::ToSchema;

use super::audit::Note;
use super::sql::{self, Raw as _};
use super::users;
use crate::app::App;
use crate::auth::{Role, Staff};
use crate::clock::random;
use crate::http::idempotency::NotKept;
use crate::http::{Code, Json, Problem, ProblemBody};

/// For whom a code is wanted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CodeFor {
    /// The technician.
    #[schema(value_type = String, format = Uuid)]
    pub user: UserId,
}

/// A code, shown once.
#[derive(Serialize, ToSchema)]
pub struct CodeShown {
    /// To type in: `XXXX-XXXX-XXXX`.
    pub code: String,
    /// To show as a QR code: `towline:enrol?` with `url` and `code`.
    pub qr: String,
    /// Until when it can be used, Unix milliseconds.
    pub expires_at: i64,
}

/// Makes a one-time code by which a technician's phone can be enrolled.
#[utoipa::path(
    post, path = "/v1/devices/codes", tag = "devices", request_body = CodeFor,
    responses((status = 201, body = CodeShown), (status = 422, body = ProblemBody))
)]
pub async fn make_code(
    State(app): State<App>,
    Staff(caller): Staff,
    Json(wanted): Json<CodeFor>,
) -> Result<Response, Problem> {
    let mut connection = app.read().await?;
    let user = users::get(&mut connection, caller.tenant, wanted.user).await?;
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
    let note = Note::by(&caller, "device.code", user.id);
    app.store
        .write::<(), Problem, _>(move |tx| {
            Box::pin(async move {
                insert_code(tx, caller.tenant, user.id, caller.user, secret, now, expires_at)
                    .await?;
                Ok(note.write(tx, now).await?)
            })
        })
        .await?;
    let url = app.config.public_url.as_deref().unwrap_or_default();
    let qr = format!("towline:enrol?url={}&code={code}", escape(url));
    let mut response =
        (StatusCode::CREATED, Json(CodeShown { code, qr, expires_at })).into_response();
    response.extensions_mut().insert(NotKept);
    Ok(response)
}

/// Keeps the secret of a code for a technician; `by` is who asked for it.
///
/// # Errors
/// When the database refuses.
pub async fn insert_code(
    tx: &mut AnyConnection,
    tenant: TenantId,
    user: UserId,
    by: UserId,
    secret: CodeSecret,
    now: i64,
    expires_at: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM enrolment_codes WHERE expires_at < $1")
        .bind(now)
        .execute(&mut *tx)
        .await?;
    sqlx::query(
        "INSERT INTO enrolment_codes \
         (code_hash, tenant, user_id, created_by, created_at, expires_at, secret) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(secret.name().to_vec())
    .bind(tenant.raw())
    .bind(user.raw())
    .bind(by.raw())
    .bind(now)
    .bind(expires_at)
    .bind(secret.0.to_vec())
    .execute(tx)
    .await?;
    Ok(())
}

/// Uses up the code of this name; whose it was and what it stands for, if it was good.
///
/// # Errors
/// When the database refuses.
pub async fn use_code(
    tx: &mut AnyConnection,
    name: [u8; 32],
    now: i64,
) -> Result<Option<(TenantId, UserId, CodeSecret)>, sqlx::Error> {
    let row = sqlx::query(
        "UPDATE enrolment_codes SET used_at = $2 \
         WHERE code_hash = $1 AND used_at IS NULL AND expires_at > $2 AND secret IS NOT NULL \
         RETURNING tenant, user_id, secret",
    )
    .bind(name.to_vec())
    .bind(now)
    .fetch_optional(tx)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let secret: Vec<u8> = row.try_get("secret")?;
    let secret = secret.try_into().map_err(|_| sqlx::Error::Decode("a code's secret".into()))?;
    Ok(Some((sql::id(&row, "tenant")?, sql::id(&row, "user_id")?, CodeSecret(secret))))
}

fn escape(url: &str) -> String {
    serde_urlencoded::to_string([("u", url)]).unwrap_or_default().split_off(2)
}
