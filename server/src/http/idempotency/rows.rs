//! The table of keys: reserved, leased to an attempt, answered.

use axum::body::{Body, Bytes};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use sqlx::{AnyConnection, Row as _};

use super::{KEPT_BYTES, LEASE_MS, Operation, REPLAYED};

/// A key that was used, and the result.
pub struct Row {
    pub request: Vec<u8>,
    pub operation: Option<Operation>,
    pub created_at: i64,
    pub leased_to: i64,
    /// What a committed write of the request says it did.
    pub done: Option<String>,
    pub answer: Option<Response>,
}

pub async fn find(
    tx: &mut AnyConnection,
    tenant: Vec<u8>,
    user: Vec<u8>,
    key: &str,
) -> Result<Option<Row>, sqlx::Error> {
    let row = sqlx::query(
        "SELECT request, operation, created_at, leased_to, done, status, headers, body \
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
        done: row.try_get("done")?,
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

/// Frees a key whose row was made at or before `until`. Another node may have taken the key since
/// it was looked up: that row stays.
pub async fn forget(
    tx: &mut AnyConnection,
    tenant: Vec<u8>,
    user: Vec<u8>,
    key: &str,
    until: i64,
) -> Result<(), sqlx::Error> {
    let query = sqlx::query(
        "DELETE FROM idempotency WHERE tenant = $1 AND user_id = $2 AND key = $3 \
         AND created_at <= $4",
    );
    query.bind(tenant).bind(user).bind(key.to_owned()).bind(until).execute(tx).await?;
    Ok(())
}

/// How many keys of a person were made after `since`; counted up to `most`. Older ones are nobody's
/// any more, whether the sweep came by or not.
pub async fn live(
    tx: &mut AnyConnection,
    tenant: Vec<u8>,
    user: Vec<u8>,
    since: i64,
    most: i64,
) -> Result<i64, sqlx::Error> {
    let query = sqlx::query(
        "SELECT COUNT(*) FROM (SELECT 1 FROM idempotency WHERE tenant = $1 AND user_id = $2 \
         AND created_at > $3 LIMIT $4) AS keys",
    );
    query.bind(tenant).bind(user).bind(since).bind(most).fetch_one(tx).await?.try_get(0)
}

/// Whether the key was free: another node may have taken it at the same moment.
pub async fn insert(
    tx: &mut AnyConnection,
    tenant: Vec<u8>,
    user: Vec<u8>,
    key: &str,
    print: Vec<u8>,
    operation: Operation,
    now: i64,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "INSERT INTO idempotency (tenant, user_id, key, request, operation, created_at, leased_to) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (tenant, user_id, key) DO NOTHING",
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
    Ok(done.rows_affected() == 1)
}

/// An answer to be kept.
#[derive(Clone)]
pub struct Answer {
    pub status: i64,
    pub headers: String,
    pub body: Bytes,
}

/// Whether the answer is kept: the person may have as much as is kept of one already.
pub async fn keep(
    tx: &mut AnyConnection,
    tenant: Vec<u8>,
    user: Vec<u8>,
    key: &str,
    answer: Answer,
) -> Result<bool, sqlx::Error> {
    let bytes = i64::try_from(answer.body.len()).unwrap_or(i64::MAX);
    let done = sqlx::query(
        "UPDATE idempotency SET status = $4, headers = $5, body = $6, bytes = $7 \
         WHERE tenant = $1 AND user_id = $2 AND key = $3 AND (SELECT COALESCE(SUM(bytes), 0) \
         FROM idempotency WHERE tenant = $1 AND user_id = $2) <= $8",
    )
    .bind(tenant)
    .bind(user)
    .bind(key.to_owned())
    .bind(answer.status)
    .bind(answer.headers)
    .bind(answer.body.to_vec())
    .bind(bytes)
    .bind(KEPT_BYTES - bytes)
    .execute(tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Lets another attempt have the key at once.
pub async fn release(
    tx: &mut AnyConnection,
    tenant: Vec<u8>,
    user: Vec<u8>,
    key: &str,
) -> Result<(), sqlx::Error> {
    let query = sqlx::query(
        "UPDATE idempotency SET leased_to = 0 WHERE tenant = $1 AND user_id = $2 AND key = $3",
    );
    query.bind(tenant).bind(user).bind(key.to_owned()).execute(tx).await?;
    Ok(())
}

/// Whether the lease that ended was still there: another node may have taken it over.
pub async fn lease(
    tx: &mut AnyConnection,
    tenant: Vec<u8>,
    user: Vec<u8>,
    key: &str,
    ended: i64,
    now: i64,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "UPDATE idempotency SET leased_to = $4 WHERE tenant = $1 AND user_id = $2 AND key = $3 \
         AND leased_to = $5 AND status IS NULL",
    )
    .bind(tenant)
    .bind(user)
    .bind(key.to_owned())
    .bind(now + LEASE_MS)
    .bind(ended)
    .execute(tx)
    .await?;
    Ok(done.rows_affected() == 1)
}
