//! The table of keys: reserved, leased to an attempt, answered.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use sqlx::{AnyConnection, Row as _};

use super::{KEEP_MS, LEASE_MS, Operation, REPLAYED};

/// A key that was used, and what came of it.
pub struct Row {
    pub request: Vec<u8>,
    pub operation: Option<Operation>,
    pub created_at: i64,
    pub leased_to: i64,
    pub answer: Option<Response>,
}

pub async fn find(
    tx: &mut AnyConnection,
    tenant: Vec<u8>,
    user: Vec<u8>,
    key: &str,
) -> Result<Option<Row>, sqlx::Error> {
    let row = sqlx::query(
        "SELECT request, operation, created_at, leased_to, status, headers, body \
         FROM idempotency WHERE tenant = $1 AND user_id = $2 AND key = $3",
    )
    .bind(tenant)
    .bind(user)
    .bind(key.to_owned())
    .fetch_optional(tx)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let status: Option<i64> = row.try_get("status")?;
    let headers: Option<String> = row.try_get("headers")?;
    let body: Option<Vec<u8>> = row.try_get("body")?;
    let operation: Vec<u8> = row.try_get("operation")?;
    Ok(Some(Row {
        request: row.try_get("request")?,
        operation: Operation::from_bytes(&operation),
        created_at: row.try_get("created_at")?,
        leased_to: row.try_get("leased_to")?,
        answer: status.map(|status| answer(status, headers, body)),
    }))
}

fn answer(status: i64, headers: Option<String>, body: Option<Vec<u8>>) -> Response {
    let status = u16::try_from(status).ok().and_then(|s| StatusCode::from_u16(s).ok());
    let mut response = Response::new(Body::from(body.unwrap_or_default()));
    *response.status_mut() = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for line in headers.unwrap_or_default().lines() {
        let Some((name, value)) = line.split_once(": ") else { continue };
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    response
}

pub async fn sweep(tx: &mut AnyConnection, now: i64) -> Result<(), sqlx::Error> {
    let query = sqlx::query("DELETE FROM idempotency WHERE created_at <= $1");
    query.bind(now - KEEP_MS).execute(tx).await?;
    Ok(())
}

pub async fn insert(
    tx: &mut AnyConnection,
    tenant: Vec<u8>,
    user: Vec<u8>,
    key: &str,
    print: Vec<u8>,
    operation: Operation,
    now: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO idempotency (tenant, user_id, key, request, operation, created_at, leased_to) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(tenant)
    .bind(user)
    .bind(key.to_owned())
    .bind(print)
    .bind(operation.to_bytes())
    .bind(now)
    .bind(now + LEASE_MS)
    .execute(tx)
    .await?;
    Ok(())
}

pub async fn lease(
    tx: &mut AnyConnection,
    tenant: Vec<u8>,
    user: Vec<u8>,
    key: &str,
    now: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE idempotency SET leased_to = $4 WHERE tenant = $1 AND user_id = $2 AND key = $3",
    )
    .bind(tenant)
    .bind(user)
    .bind(key.to_owned())
    .bind(now + LEASE_MS)
    .execute(tx)
    .await?;
    Ok(())
}
