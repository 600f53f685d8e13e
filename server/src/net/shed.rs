//! Turning requests away while too many are at work, and telling the result of each.
//!
//! A request takes a permit when there is something to do: after its body has come, however slow
//! the link. So neither phones in a valley nor someone who dawdles on purpose hold permits. The
//! desk, the phones and those nobody knows yet have permits of their own ([`super::concurrency`]), of which
//! each person, phone and source has a share ([`super::shares`]). What has come of the bodies is
//! bounded by the memory it takes ([`super::bodies`]), by their number for each sender
//! ([`super::coming`]), and by their pace ([`super::pace`]).

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, LazyLock};
use std::time::Instant;

use axum::body::{Body, HttpBody as _};
use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use store::reading;
use tokio::sync::SemaphorePermit;

use super::Peer;
use super::bodies::{BodyPool, BodyReservation};
use super::class::{Class, Pool};
use super::coming::{OF_A_PERSON, OF_A_PHONE};
use super::per_address::holder;
use super::shares::Share;
use crate::app::{App, Shared};
use crate::auth::Caller;
use crate::http::{Code, Problem, body};
use crate::telemetry::metrics::{self, Case};

/// Bytes of a body that is heard even of a phone that has nothing left of its hour: it is answered in
/// the protocol.
const SMALL: u64 = 4 * 1024;

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

/// Lets a request that needs no authentication wait for its body and take a permit.
pub async fn open(State(app): State<App>, request: Request, next: Next) -> Response {
    let class = Class::of(&request);
    if class.pool == Pool::None {
        return next.run(request).await;
    }
    let mut room = app.bodies.reserve(address(&request), class.body_pool());
    let request = match whole(&app, request, &mut room).await {
        Ok(request) => request,
        Err(problem) => return problem.into_response(),
    };
    // What such a route gives is signed, and not with a key that another process has retired.
    if class.signs
        && let Err(problem) = app.fresh_keys().await
    {
        return problem.into_response();
    }
    placed(&app, request, next).await
}

/// Has a request read with the connections of its class.
pub async fn reads(request: Request, next: Next) -> Response {
    reading(Class::of(&request).reader(request.method()), next.run(request)).await
}

/// Ends a request that takes too long, whether it waits for its body or is at work.
pub async fn in_time(State(app): State<App>, request: Request, next: Next) -> Response {
    let net = &app.config.net;
    let limit = net.request_timeout + Class::of(&request).body_timeout(net);
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::new(Code::Slow).retry_after(5).into_response(),
    }
}

/// A request with its whole body in memory, and the room that it takes there, to be held until the
/// request is answered. What arrived of a body that never ends counts against its phone's hour.
///
/// # Errors
/// `too_large`, `timeout`, `overloaded`; `quota` for a phone that has nothing left of its hour.
pub async fn arrived(
    app: &App,
    caller: &Caller,
    request: Request,
) -> Result<(Request, BodyReservation), Problem> {
    let class = Class::of(&request);
    let mut room = app.bodies.reserve(address(&request), class.body_pool());
    let (id, most) = match caller.device() {
        Some(device) => (*device.as_bytes(), OF_A_PHONE),
        None => (*caller.user().as_bytes(), OF_A_PERSON),
    };
    if let Some(device) = caller.device()
        && request.body().size_hint().upper().is_none_or(|bytes| bytes > SMALL)
        && let Err(used_up) = app.budgets.left(device, app.now())
    {
        app.metrics.over_budget.inc();
        return Err(used_up.into());
    }
    let arrival = app.coming.begin((id, class.pool), most);
    let came = arrival.unless_displaced(whole(app, request, &mut room)).await;
    let came = came.unwrap_or_else(|| {
        Err(turned_away(app, "sender", soon()).detail("Newer requests took its place."))
    });
    if let (Err(_), Some(device)) = (&came, caller.device()) {
        app.budgets.charge(device, app.now(), room.bytes(), 0);
    }
    Ok((came?, room))
}

/// Takes a permit for the time of the request, or answers 503; 429 if the person has too many.
pub async fn placed(app: &App, request: Request, next: Next) -> Response {
    match Class::of(&request).pool {
        Pool::None | Pool::Streams => next.run(request).await,
        Pool::Public => match strangers_place(app, Some(address(&request))).await {
            Ok(_permit) => next.run(request).await,
            Err(problem) => problem.into_response(),
        },
        Pool::Phones => match app.concurrency.phone().await {
            Ok(_permit) => next.run(request).await,
            Err(seconds) => turned_away(app, "requests", seconds).into_response(),
        },
        pool @ (Pool::Desk | Pool::PhoneRequests) => {
            let caller = request.extensions().get::<Caller>().map(Caller::user);
            let share = match caller {
                Some(user) => app.people.enter(user).await.map(Some),
                None => Ok(None),
            };
            let Ok(_share) = share else {
                app.metrics.shed.get_or_create(&Case::of("person")).inc();
                return Problem::new(Code::Crowded).retry_after(soon()).into_response();
            };
            let place = match pool {
                Pool::PhoneRequests => app.concurrency.phone_request(),
                _ => app.concurrency.desk(),
            };
            match place {
                Some(_permit) => next.run(request).await,
                None => turned_away(app, "requests", soon()).into_response(),
            }
        }
    }
}

/// A place among those nobody knows yet; given back when dropped.
#[derive(Debug)]
pub struct StrangersPlace<'a> {
    _share: Share<IpAddr>,
    _permit: SemaphorePermit<'a>,
}

/// Waits for a place among those nobody knows yet, of which each source has a share.
///
/// # Errors
/// `overloaded`, if too many of them are here.
pub async fn strangers_place(
    app: &App,
    address: Option<IpAddr>,
) -> Result<StrangersPlace<'_>, Problem> {
    let share = app.sources.enter(holder(address_of(address))).await;
    match share.ok().and_then(|share| Some((share, app.concurrency.public()?))) {
        Some((share, permit)) => Ok(StrangersPlace { _share: share, _permit: permit }),
        None => Err(turned_away(app, "strangers", soon())),
    }
}

/// That there is no room now, which is counted by the limit that says so.
pub fn turned_away(app: &Shared, limit: &str, seconds: u64) -> Problem {
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
    room: &mut BodyReservation,
) -> Result<Request, Problem> {
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        return Ok(request);
    }
    let class = Class::of(&request);
    let (parts, body) = request.into_parts();
    let seconds = || match class.body_pool() {
        // To send a page again costs a phone more than to wait.
        BodyPool::Phone => 10 * soon(),
        BodyPool::Desk => soon(),
    };
    let more = |bytes| room.grow(bytes).map_err(|_| turned_away(app, "bodies", seconds()));
    let deadline = class.body_timeout(&app.config.net);
    let bytes = body::gather(body, class.body_bytes, deadline, more).await?;
    Ok(Request::from_parts(parts, Body::from(bytes)))
}

/// Whose body it is.
fn address(request: &Request) -> IpAddr {
    address_of(request.extensions().get::<Peer>().map(|peer| peer.0))
}

/// Whose it is; those of whom nothing is known share one address.
fn address_of(peer: Option<IpAddr>) -> IpAddr {
    peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
}

fn route(request: &Request) -> Arc<str> {
    static UNMATCHED: LazyLock<Arc<str>> = LazyLock::new(|| Arc::from("unmatched"));
    match request.extensions().get::<MatchedPath>() {
        Some(path) => Arc::from(path.as_str()),
        None => Arc::clone(&UNMATCHED),
    }
}
