//! The gate before every route that needs a login: who it is, then repeats, then the handler.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::caller::{Caller, authenticate};
use crate::app::App;
use crate::http::{Code, Problem, idempotency};
use crate::net::shed;

/// Authenticates before a byte of the body is read, waits for the body, takes a place, and runs
/// the request once per key.
pub async fn layer(State(app): State<App>, request: Request, next: Next) -> Response {
    let caller = match authenticate(&app, request.method(), request.headers()).await {
        Ok(caller) => caller,
        Err(problem) => return problem.into_response(),
    };
    if caller.revoked && !matches!(request.uri().path(), "/v1/sync" | "/v1/sync/ws") {
        return Problem::new(Code::DeviceRevoked).into_response();
    }
    // What the body takes is given back when the request is answered.
    let (mut request, _room) = match shed::arrived(&app, request).await {
        Ok(arrived) => arrived,
        Err(problem) => return problem.into_response(),
    };
    request.extensions_mut().insert(caller);
    shed::placed(&app, request, next).await
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
