//! Turning requests away while too many are at work, and telling what became of each.
//!
//! A request takes a place when there is something to do: after its body has come, however slow
//! the link. So neither phones in a valley nor somebody who dawdles on purpose hold places. The
//! desk and the phones have places of their own ([`super::lanes`]).

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use sync_core::limits;

use crate::app::App;
use crate::http::{Code, Problem, body};
use crate::telemetry::metrics::Case;

/// Largest body of somebody who is not known yet, bytes.
const OPEN_BYTES: usize = 16 * 1024;

/// Counts, times and logs a request.
pub async fn observe(State(app): State<App>, request: Request, next: Next) -> Response {
    let route = route(&request);
    let method = request.method().clone();
    let started = Instant::now();
    let response = next.run(request).await;
    let status = response.status();
    app.metrics.answered(&route, method.as_str(), status.as_u16(), started.elapsed());
    let code = response.extensions().get::<Code>().map_or("", |code| code.as_str());
    let ms = started.elapsed().as_millis();
    tracing::info!(%method, %route, status = status.as_u16(), code, ms, "answered");
    response
}

/// Lets a request of somebody who is not known yet wait for its body and take a place.
pub async fn open(State(app): State<App>, request: Request, next: Next) -> Response {
    // Health must be told even when nothing else is.
    let route = route(&request);
    if route.starts_with("/health") || &*route == "/metrics" {
        return next.run(request).await;
    }
    let deadline = app.config.net.body_timeout;
    match whole(request, OPEN_BYTES, deadline).await {
        Ok(request) => placed(&app, request, next).await,
        Err(problem) => problem.into_response(),
    }
}

/// The request of somebody who is known, with its whole body in memory.
///
/// # Errors
/// `too_large`, `timeout`.
pub async fn arrived(app: &App, request: Request) -> Result<Request, Problem> {
    let net = &app.config.net;
    let (limit, deadline) = match &*route(&request) {
        // A page of a phone may need minutes over a poor link.
        "/v1/sync" => (limits::FRAME_BYTES, net.sync_body_timeout),
        _ => (body::JSON_BYTES, net.body_timeout),
    };
    whole(request, limit, deadline).await
}

/// Takes a place for the time of the request, or answers 503.
pub async fn placed(app: &App, request: Request, next: Next) -> Response {
    if &*route(&request) == "/v1/sync" {
        return match app.lanes.phone().await {
            Ok(_place) => next.run(request).await,
            Err(seconds) => turned_away(app, seconds),
        };
    }
    match app.lanes.desk() {
        Some(_place) => next.run(request).await,
        // Everybody who is turned away now must not come back in the same second.
        None => turned_away(app, 1 + u64::from(crate::clock::random::<1>()[0] % 5)),
    }
}

fn turned_away(app: &App, seconds: u64) -> Response {
    app.metrics.shed.get_or_create(&Case::of("requests")).inc();
    Problem::new(Code::Overloaded).retry_after(seconds).into_response()
}

async fn whole(request: Request, limit: usize, deadline: Duration) -> Result<Request, Problem> {
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        return Ok(request);
    }
    let (parts, body) = request.into_parts();
    let bytes = body::read(body, limit, deadline).await?;
    Ok(Request::from_parts(parts, Body::from(bytes)))
}

fn route(request: &Request) -> Arc<str> {
    static UNMATCHED: LazyLock<Arc<str>> = LazyLock::new(|| Arc::from("unmatched"));
    match request.extensions().get::<MatchedPath>() {
        Some(path) => Arc::from(path.as_str()),
        None => Arc::clone(&UNMATCHED),
    }
}
