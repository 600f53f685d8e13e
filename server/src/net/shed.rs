//! Turning requests away while too many are at work, and telling what became of each.
//!
//! A request takes a place when there is something to do: after its body has come, however slow
//! the link. So neither phones in a valley nor somebody who dawdles on purpose hold places. The
//! desk and the phones have places of their own ([`super::lanes`]). What has come of the bodies is
//! bounded by the memory it takes ([`super::bodies`]).

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use sync_core::limits;

use super::Peer;
use super::bodies::{Lane, Room};
use crate::app::App;
use crate::http::{Code, Problem, body};
use crate::telemetry::metrics::{self, Case};

/// Largest body of somebody who is not known yet, bytes.
const OPEN_BYTES: usize = 16 * 1024;

/// Counts, times and logs a request.
pub async fn observe(State(app): State<App>, request: Request, next: Next) -> Response {
    let route = route(&request);
    // A client may make up a method of any length: neither a counter nor a line is kept of it.
    let method = metrics::method(request.method());
    let started = Instant::now();
    let response = next.run(request).await;
    let status = response.status();
    app.metrics.answered(&route, method, status.as_u16(), started.elapsed());
    let code = response.extensions().get::<Code>().map_or("", |code| code.as_str());
    let ms = started.elapsed().as_millis();
    tracing::info!(method, %route, status = status.as_u16(), code, ms, "answered");
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
    let (request, _room) = match whole(&app, request, Lane::Desk, OPEN_BYTES, deadline).await {
        Ok(whole) => whole,
        Err(problem) => return problem.into_response(),
    };
    // What this route gives is signed, and not with a key that another process has retired.
    if &*route == "/v1/token"
        && let Err(problem) = app.fresh_keys().await
    {
        return problem.into_response();
    }
    placed(&app, request, next).await
}

/// The request of somebody who is known, with its whole body in memory, and the room that it
/// takes there, to be held until the request is answered.
///
/// # Errors
/// `too_large`, `timeout`, `overloaded`.
pub async fn arrived(app: &App, request: Request) -> Result<(Request, Room), Problem> {
    let net = &app.config.net;
    let (lane, limit, deadline) = match &*route(&request) {
        // A page of a phone may need minutes over a poor link.
        "/v1/sync" => (Lane::Phone, limits::FRAME_BYTES, net.sync_body_timeout),
        _ => (Lane::Desk, body::JSON_BYTES, net.body_timeout),
    };
    whole(app, request, lane, limit, deadline).await
}

/// Takes a place for the time of the request, or answers 503.
pub async fn placed(app: &App, request: Request, next: Next) -> Response {
    if &*route(&request) == "/v1/sync" {
        return match app.lanes.phone().await {
            Ok(_place) => next.run(request).await,
            Err(seconds) => turned_away(app, "requests", seconds).into_response(),
        };
    }
    match app.lanes.desk() {
        Some(_place) => next.run(request).await,
        None => turned_away(app, "requests", soon()).into_response(),
    }
}

fn turned_away(app: &App, limit: &str, seconds: u64) -> Problem {
    app.metrics.shed.get_or_create(&Case::of(limit)).inc();
    Problem::new(Code::Overloaded).retry_after(seconds)
}

/// Seconds: everybody who is turned away now must not come back in the same one.
fn soon() -> u64 {
    1 + u64::from(crate::clock::random::<1>()[0] % 5)
}

async fn whole(
    app: &App,
    request: Request,
    lane: Lane,
    limit: usize,
    deadline: Duration,
) -> Result<(Request, Room), Problem> {
    let mut room = app.bodies.room(address(&request), lane);
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        return Ok((request, room));
    }
    let (parts, body) = request.into_parts();
    let seconds = || match lane {
        // To send a page again costs a phone more than to wait.
        Lane::Phone => 10 * soon(),
        Lane::Desk => soon(),
    };
    let more = |bytes| room.grow(bytes).map_err(|_| turned_away(app, "bodies", seconds()));
    let bytes = body::gather(body, limit, deadline, more).await?;
    Ok((Request::from_parts(parts, Body::from(bytes)), room))
}

/// Whose body it is; those of whom nothing is known share one address.
fn address(request: &Request) -> IpAddr {
    let peer = request.extensions().get::<Peer>();
    peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0)
}

fn route(request: &Request) -> Arc<str> {
    static UNMATCHED: LazyLock<Arc<str>> = LazyLock::new(|| Arc::from("unmatched"));
    match request.extensions().get::<MatchedPath>() {
        Some(path) => Arc::from(path.as_str()),
        None => Arc::clone(&UNMATCHED),
    }
}
