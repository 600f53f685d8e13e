//! The gate before every route that needs a login: who it is, then repeats, then the handler.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::caller::authenticate;
use crate::app::App;
use crate::http::idempotency;

/// Authenticates before a byte of the body is read, then runs the request once per key.
pub async fn layer(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let caller = match authenticate(&app, request.method(), request.headers()).await {
        Ok(caller) => caller,
        Err(problem) => return problem.into_response(),
    };
    request.extensions_mut().insert(caller.clone());
    idempotency::run(&app, &caller, request, next).await
}
