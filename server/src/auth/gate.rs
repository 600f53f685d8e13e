//! The gate before every route that needs a login: who it is, then repeats, then the handler.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use store::{Reader, reading};

use super::caller::{Asked, Caller, authenticate};
use super::person;
use crate::app::App;
use crate::http::{Code, Problem, idempotency};
use crate::net::{Access, Class, Pool, shed};

/// Authenticates before a byte of the body is read, checks that the route is for the caller, waits
/// for the body, and takes a permit.
pub async fn layer(State(app): State<App>, request: Request, next: Next) -> Response {
    let known = Asked::of(&request);
    let caller = match reading(Reader::Brief, authenticate(&app, &known)).await {
        Ok(caller) => caller,
        Err(problem) => return problem.into_response(),
    };
    let allowed = person::check(request.headers(), &caller)
        .and_then(|()| admit(Class::of(&request).access, &caller))
        .and_then(|()| charge(&app, &request, &caller));
    if let Err(problem) = allowed {
        return problem.into_response();
    }
    // What the body takes is given back when the request is answered.
    let (mut request, _room) = match shed::arrived(&app, &caller, request).await {
        Ok(arrived) => arrived,
        Err(problem) => return problem.into_response(),
    };
    // A phone's pages wait for each other before they wait in the line of all phones.
    if let (Pool::Phones, Some(device)) = (Class::of(&request).pool, caller.device()) {
        match app.budgets.turn(device) {
            Some(turn) => request.extensions_mut().insert(Arc::new(turn)),
            None if caller.is_revoked() => {
                return shed::turned_away(&app, "sender", 1).into_response();
            }
            // It has two under way: that is answered in the protocol, and nothing is read for it.
            None => return next.run(with(request, caller)).await,
        };
    }
    shed::placed(&app, with(request, caller), next).await
}

fn with(mut request: Request, caller: Caller) -> Request {
    request.extensions_mut().insert(caller);
    request
}

/// Whether a route is for this caller.
fn admit(access: Access, caller: &Caller) -> Result<(), Problem> {
    if caller.is_revoked() && access != Access::RevokedPhone {
        return Err(Problem::new(Code::DeviceRevoked));
    }
    match access {
        Access::Public | Access::Authenticated => Ok(()),
        Access::Staff(role) => caller.at_least(role),
        Access::Phone | Access::RevokedPhone if caller.device().is_some() => Ok(()),
        Access::Phone | Access::RevokedPhone => {
            Err(Problem::new(Code::Forbidden).detail("Only enrolled phones may do this."))
        }
    }
}

/// Takes a write of the hour of a desk or token. Phones have budgets of their own.
fn charge(app: &App, request: &Request, caller: &Caller) -> Result<(), Problem> {
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if is_read || caller.device().is_some() {
        return Ok(());
    }
    Ok(app.writes.take(caller.user(), app.now())?)
}

/// Runs a request of a known caller once per key; inside of [`layer`].
pub async fn once(
    State(app): State<App>,
    caller: Caller,
    request: Request,
    next: Next,
) -> Response {
    idempotency::run(&app, &caller, request, next).await
}
