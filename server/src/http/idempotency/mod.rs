//! Idempotency-Key: the second attempt of a write gets the answer of the first.
//!
//! A key is reserved before the handler runs and carries an operation id from which the handler
//! makes its ids, so even an attempt after a crash makes the same things and not new ones. What was
//! done is said in the key's row by the transaction that did it ([`Keyed`]). A repeat whose answer is
//! not kept, because the server died before or because it is large, gets it made again from what
//! stands there now.

mod rows;

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use sha2::{Digest as _, Sha256};
use store::retention::RuleName;
use store::rows::audit::Keyed;
use store::rows::columns::Raw as _;
use sync_core::id::UserId;
use tokio::time::{Instant, sleep};

use super::{Code, Problem, body};
use crate::api::again;
use crate::app::App;
use crate::auth::Caller;
use crate::clock::random;
use rows::{Answer, find, forget, insert, keep, lease, live, release};

/// The request header.
pub const HEADER: HeaderName = HeaderName::from_static("idempotency-key");
/// Set on an answer that was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// After this an attempt that left no answer is taken for dead, milliseconds.
pub(crate) const LEASE_MS: i64 = 90 * 1000;
/// How long a repeat waits for the answer of the attempt that is at work.
const WAIT: Duration = Duration::from_secs(20);
/// Longest pause between two looks for it.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// Longest answer that is kept, bytes.
const ANSWER_BYTES: usize = 64 * 1024;
/// Most keys kept of one person.
const KEYS: i64 = 5000;
/// Bytes of answers kept of one person; a further answer is made again for its repeat.
pub(crate) const KEPT_BYTES: i64 = 16 * 1024 * 1024;
const KEPT_HEADERS: &[HeaderName] = &[header::CONTENT_TYPE, header::ETAG, header::LOCATION];

/// On an answer that holds a secret shown once: it is not kept, and a repeat runs again.
#[derive(Debug, Clone, Copy)]
pub struct NotKept;

tokio::task_local! {
    static KEY: String;
}

/// The key of the request that is answered, for the note of what it does; it is this person's.
pub fn keyed(user: UserId) -> Option<Keyed> {
    let key = KEY.try_with(Clone::clone).ok()?;
    Some(Keyed { user, key, done: String::new() })
}

/// Where the ids of one write come from.
#[derive(Debug, Clone, Copy)]
pub struct Operation {
    ms: i64,
    random: [u8; 10],
    begun: bool,
}

impl Operation {
    fn fresh(now: i64) -> Self {
        Self { ms: now, random: random(), begun: false }
    }

    /// Time and randomness of the `n`th id this write makes.
    pub fn seed(&self, n: u8) -> (i64, [u8; 10]) {
        let mut random = self.random;
        random[9] ^= n;
        (self.ms, random)
    }

    /// Whether an attempt that broke off has committed a write with a note: what is left to do is
    /// what follows it.
    pub fn has_begun(&self) -> bool {
        self.begun
    }

    fn to_bytes(self) -> Vec<u8> {
        [&self.ms.to_be_bytes()[..], &self.random].concat()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (ms, random) = bytes.split_first_chunk::<8>()?;
        Some(Self { ms: i64::from_be_bytes(*ms), random: random.try_into().ok()?, begun: false })
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
    let is_plain = |key: &&str| key.bytes().all(|byte| byte.is_ascii_graphic());
    let key = key.to_str().ok().filter(|key| (1..=128).contains(&key.len())).filter(is_plain);
    let key = key.ok_or_else(|| {
        Problem::new(Code::BadHeader)
            .field("Idempotency-Key")
            .detail("1 to 128 characters of ASCII, none of them a space.")
    })?;
    let (mut parts, body) = request.into_parts();
    let bytes = body::read(body, body::JSON_BYTES, app.config.net.body_timeout).await?;
    let prints = Prints::of(app, &parts, &bytes);
    match first_or_answer(app, caller, key, &prints).await? {
        Reserved::Answered(response) => return Ok(response),
        Reserved::Done(path) => {
            let mut response = again::shown(app, caller, &path).await?;
            response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
            return Ok(response);
        }
        Reserved::Ours(operation) => parts.extensions.insert(operation),
        Reserved::Busy => return Err(Problem::new(Code::KeyBusy).retry_after(1)),
    };
    let work = next.run(Request::from_parts(parts, Body::from(bytes)));
    let response = KEY.scope(key.to_owned(), work).await;
    settle(app, caller, key, response).await
}

enum Reserved {
    /// This attempt does the work.
    Ours(Operation),
    /// It was done.
    Answered(Response),
    /// It was done, and its answer shows what stands at this path.
    Done(String),
    /// Another attempt is at it, on this node or another.
    Busy,
}

/// What a request is recognised by.
#[derive(Clone)]
struct Prints {
    /// With our key: bodies hold passwords, and who reads the table must not be able to try some.
    own: Vec<u8>,
    /// As versions before this one kept it.
    plain: Vec<u8>,
}

impl Prints {
    fn of(app: &App, parts: &Parts, bytes: &Bytes) -> Self {
        let if_match = parts.headers.get(header::IF_MATCH).map_or(&b""[..], HeaderValue::as_bytes);
        let uri = parts.uri.to_string();
        let all = [parts.method.as_str().as_bytes(), uri.as_bytes(), if_match, bytes];
        let mut sha = Sha256::new();
        for part in all {
            sha.update((part.len() as u64).to_be_bytes());
            sha.update(part);
        }
        let own = [&[1], &app.installation.request(&all)[..]].concat();
        Self { own, plain: sha.finalize().to_vec() }
    }

    fn fit(&self, stored: &[u8]) -> bool {
        stored == self.own || stored == self.plain
    }
}

/// Reserves the key for this attempt, or waits for the answer of another that is at it.
async fn first_or_answer(
    app: &App,
    caller: &Caller,
    key: &str,
    prints: &Prints,
) -> Result<Reserved, Problem> {
    let end = Instant::now() + WAIT.min(app.config.net.request_timeout / 2);
    let mut pause = Duration::from_millis(10);
    loop {
        let reserved = reserve(app, caller, key, prints.clone()).await?;
        if !matches!(reserved, Reserved::Busy) || Instant::now() >= end {
            return Ok(reserved);
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

async fn reserve(
    app: &App,
    caller: &Caller,
    key: &str,
    prints: Prints,
) -> Result<Reserved, Problem> {
    let (tenant, user, key) = (caller.tenant(), caller.user(), key.to_owned());
    let (now, keep) = (app.now(), app.config.keep.ms(RuleName::Idempotency));
    let operation = Operation::fresh(now);
    app.store
        .write(move |tx| {
            Box::pin(async move {
                let row = find(tx, tenant.raw(), user.raw(), &key).await?;
                let Some(row) = row.filter(|row| row.created_at > now - keep) else {
                    let (tenant, user) = (tenant.raw(), user.raw());
                    forget(tx, tenant.clone(), user.clone(), &key, now - keep).await?;
                    if live(tx, tenant.clone(), user.clone(), now - keep, KEYS).await? >= KEYS {
                        return Err(Problem::new(Code::Quota).retry_after(3600));
                    }
                    let ours = insert(tx, tenant, user, &key, prints.own, operation, now).await?;
                    return Ok(if ours { Reserved::Ours(operation) } else { Reserved::Busy });
                };
                if !prints.fit(&row.request) {
                    return Err(Problem::new(Code::KeyReused));
                }
                if let Some(answer) = row.answer {
                    return Ok(Reserved::Answered(answer));
                }
                let begun = row.done.is_some();
                if let Some(path) = row.done.filter(|path| !path.is_empty()) {
                    return Ok(Reserved::Done(path));
                }
                // Longer than a lease lasts: a clock that was ahead wrote it.
                let wrong = row.leased_to > now + 2 * LEASE_MS;
                if row.leased_to > now && !wrong {
                    return Ok(Reserved::Busy);
                }
                let ours = lease(tx, tenant.raw(), user.raw(), &key, row.leased_to, now).await?;
                let operation = Operation { begun, ..row.operation.unwrap_or(operation) };
                Ok(if ours { Reserved::Ours(operation) } else { Reserved::Busy })
            })
        })
        .await
}

/// Keeps the answer; one that a second attempt may better is not kept, nor one for which there is no
/// room. Of a request that was refused nothing is: it changed nothing, and is refused again.
async fn settle(
    app: &App,
    caller: &Caller,
    key: &str,
    response: Response,
) -> Result<Response, Problem> {
    let (tenant, user, key) = (caller.tenant().raw(), caller.user().raw(), key.to_owned());
    let (parts, body) = response.into_parts();
    // It is in memory already, however large it is.
    let bytes = body::read(body, usize::MAX, app.config.net.request_timeout).await?;
    let status = parts.status;
    let headers: String = KEPT_HEADERS
        .iter()
        .filter_map(|name| Some((name, parts.headers.get(name)?.to_str().ok()?)))
        .map(|(name, value)| format!("{name}: {value}\n"))
        .collect();
    let retry = status.is_server_error()
        || parts.extensions.get::<NotKept>().is_some()
        || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT);
    let answer = Answer { status: i64::from(status.as_u16()), headers, body: bytes.clone() };
    let is_small = bytes.len() <= ANSWER_BYTES;
    let settled = app.store.write::<(), Problem, _>(move |tx| {
        Box::pin(async move {
            if status.is_client_error() && !retry {
                return Ok(forget(tx, tenant, user, &key, i64::MAX).await?);
            }
            if !retry && is_small && keep(tx, tenant.clone(), user.clone(), &key, answer).await? {
                return Ok(());
            }
            Ok(release(tx, tenant, user, &key).await?)
        })
    });
    // The write is done. Whoever repeats it gets the answer made again.
    if let Err(problem) = settled.await {
        tracing::warn!(code = problem.code().as_str(), "the answer of a keyed write was not kept");
    }
    Ok(Response::from_parts(parts, Body::from(bytes)))
}
