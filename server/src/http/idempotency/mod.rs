//! Idempotency-Key: the second attempt of a write gets the answer of the first.
//!
//! A key is reserved before the handler runs and carries an operation id from which the handler
//! makes its ids, so even an attempt after a crash makes the same things and not new ones.

mod rows;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use sha2::{Digest as _, Sha256};

use super::{Code, Problem, body};
use crate::accounts::sql::Raw as _;
use crate::app::App;
use crate::auth::Caller;
use crate::clock::random;
use rows::{find, insert, lease, sweep};

/// The request header.
pub const HEADER: HeaderName = HeaderName::from_static("idempotency-key");
/// Set on an answer that was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// How long an answer is kept, milliseconds.
const KEEP_MS: i64 = 48 * 3600 * 1000;
/// After this an attempt that left no answer is taken for dead, milliseconds.
const LEASE_MS: i64 = 90 * 1000;
/// Longest answer that is kept, bytes.
const ANSWER_BYTES: usize = 512 * 1024;
const KEPT_HEADERS: &[HeaderName] = &[header::CONTENT_TYPE, header::ETAG, header::LOCATION];

/// On an answer that holds a secret shown once: it is not kept, and a repeat runs again.
#[derive(Debug, Clone, Copy)]
pub struct NotKept;

/// Where the ids of one write come from.
#[derive(Debug, Clone, Copy)]
pub struct Operation {
    ms: i64,
    random: [u8; 10],
}

impl Operation {
    fn fresh(now: i64) -> Self {
        Self { ms: now, random: random() }
    }

    /// Time and randomness of the `n`th id this write makes.
    pub fn seed(&self, n: u8) -> (i64, [u8; 10]) {
        let mut random = self.random;
        random[9] ^= n;
        (self.ms, random)
    }

    fn to_bytes(self) -> Vec<u8> {
        [&self.ms.to_be_bytes()[..], &self.random].concat()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (ms, random) = bytes.split_first_chunk::<8>()?;
        Some(Self { ms: i64::from_be_bytes(*ms), random: random.try_into().ok()? })
    }
}

impl FromRequestParts<App> for Operation {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let given = parts.extensions.get::<Self>().copied();
        Ok(given.unwrap_or_else(|| Self::fresh(app.now())))
    }
}

/// Runs a request, once if it is a write with a key.
pub async fn run(app: &App, caller: &Caller, request: Request, next: Next) -> Response {
    let write =
        matches!(*request.method(), Method::POST | Method::PUT | Method::PATCH | Method::DELETE);
    let key = request.headers().get(HEADER).cloned().filter(|_| write);
    let Some(key) = key else { return next.run(request).await };
    match once(app, caller, &key, request, next).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    }
}

async fn once(
    app: &App,
    caller: &Caller,
    key: &HeaderValue,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let key = key.to_str().ok().filter(|key| (1..=128).contains(&key.len()));
    let key = key.ok_or_else(|| {
        Problem::new(Code::BadHeader).field("Idempotency-Key").detail("1 to 128 plain characters.")
    })?;
    let (mut parts, body) = request.into_parts();
    let bytes = body::read(body, body::JSON_BYTES, app.config.net.body_timeout).await?;
    let print = fingerprint(&parts, &bytes);
    match reserve(app, caller, key, print).await? {
        Reserved::Answered(response) => return Ok(response),
        Reserved::Ours(operation) => parts.extensions.insert(operation),
    };
    let response = next.run(Request::from_parts(parts, Body::from(bytes))).await;
    settle(app, caller, key, response).await
}

enum Reserved {
    Ours(Operation),
    Answered(Response),
}

fn fingerprint(parts: &Parts, bytes: &Bytes) -> Vec<u8> {
    let mut sha = Sha256::new();
    let if_match = parts.headers.get(header::IF_MATCH).map_or(&b""[..], HeaderValue::as_bytes);
    for part in
        [parts.method.as_str().as_bytes(), parts.uri.to_string().as_bytes(), if_match, bytes]
    {
        sha.update((part.len() as u64).to_be_bytes());
        sha.update(part);
    }
    sha.finalize().to_vec()
}

async fn reserve(
    app: &App,
    caller: &Caller,
    key: &str,
    print: Vec<u8>,
) -> Result<Reserved, Problem> {
    let (tenant, user, key) = (caller.tenant, caller.user, key.to_owned());
    let now = app.now();
    let operation = Operation::fresh(now);
    app.store
        .write(move |tx| {
            Box::pin(async move {
                let row = find(tx, tenant.raw(), user.raw(), &key).await?;
                let Some(row) = row.filter(|row| row.created_at > now - KEEP_MS) else {
                    sweep(tx, now).await?;
                    insert(tx, tenant.raw(), user.raw(), &key, print, operation, now).await?;
                    return Ok(Reserved::Ours(operation));
                };
                if row.request != print {
                    return Err(Problem::new(Code::KeyReused));
                }
                if let Some(answer) = row.answer {
                    return Ok(Reserved::Answered(answer));
                }
                if row.leased_to > now {
                    return Err(Problem::new(Code::KeyBusy).retry_after(1));
                }
                lease(tx, tenant.raw(), user.raw(), &key, now).await?;
                Ok(Reserved::Ours(row.operation.unwrap_or(operation)))
            })
        })
        .await
}

/// Keeps the answer; one that a second attempt may better is not kept.
async fn settle(
    app: &App,
    caller: &Caller,
    key: &str,
    response: Response,
) -> Result<Response, Problem> {
    let (tenant, user, key) = (caller.tenant.raw(), caller.user.raw(), key.to_owned());
    let (parts, body) = response.into_parts();
    let bytes = body::read(body, ANSWER_BYTES, app.config.net.request_timeout).await?;
    let status = parts.status;
    let headers: String = KEPT_HEADERS
        .iter()
        .filter_map(|name| Some((name, parts.headers.get(name)?.to_str().ok()?)))
        .map(|(name, value)| format!("{name}: {value}\n"))
        .collect();
    let kept = bytes.clone();
    let retry = status.is_server_error()
        || parts.extensions.get::<NotKept>().is_some()
        || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT);
    app.store
        .write::<(), Problem, _>(move |tx| {
            Box::pin(async move {
                let sql = if retry {
                    "UPDATE idempotency SET leased_to = 0 \
                     WHERE tenant = $1 AND user_id = $2 AND key = $3"
                } else {
                    "UPDATE idempotency SET status = $4, headers = $5, body = $6 \
                     WHERE tenant = $1 AND user_id = $2 AND key = $3"
                };
                let mut query = sqlx::query(sql).bind(tenant).bind(user).bind(key);
                if !retry {
                    let status = i64::from(status.as_u16());
                    query = query.bind(status).bind(headers).bind(kept.to_vec());
                }
                query.execute(tx).await?;
                Ok(())
            })
        })
        .await?;
    Ok(Response::from_parts(parts, Body::from(bytes)))
}
