//! Whether the process lives, whether it can serve, and its counters.

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use sha2::{Digest as _, Sha256};

use crate::app::App;
use crate::http::{Code, Problem};

/// The process lives.
#[utoipa::path(
    get, path = "/health/live", tag = "health", operation_id = "get_liveness",
    responses((status = 200, body = String, content_type = "text/plain")),
)]
pub async fn live() -> &'static str {
    "live\n"
}

/// The database answers, and no newer version has taken it over.
#[utoipa::path(
    get, path = "/health/ready", tag = "health", operation_id = "get_readiness",
    responses((status = 200, body = String, content_type = "text/plain"), (status = 503, description = "unavailable")),
)]
pub async fn ready(State(app): State<App>) -> Result<&'static str, Problem> {
    app.store.current().await?;
    Ok("ready\n")
}

/// The counters, for Prometheus.
#[utoipa::path(
    get, path = "/metrics", tag = "health", operation_id = "get_metrics",
    security(("metrics" = [])),
    responses(
        (status = 200, body = String, content_type = "application/openmetrics-text"),
        (status = 401, description = "not_logged_in"), (status = 404, description = "not_found: no token for metrics is set."), (status = 503, description = "unavailable"),
    ),
)]
pub async fn metrics(State(app): State<App>, headers: HeaderMap) -> Result<Response, Problem> {
    if app.config.metrics_token.is_none() {
        return Err(Problem::not_found());
    }
    counters(&app, &headers)
}

/// The router of the address that has nothing but the counters. Who may reach it may read them,
/// unless the settings have a token.
pub fn metrics_router(app: &App) -> Router {
    let answer =
        |State(app): State<App>, headers: HeaderMap| std::future::ready(counters(&app, &headers));
    Router::new()
        .route("/metrics", get(answer))
        .fallback(|| std::future::ready(Problem::not_found()))
        .with_state(app.clone())
}

/// What is in memory: neither a row is read for this nor a lock waited for.
fn counters(app: &App, headers: &HeaderMap) -> Result<Response, Problem> {
    if let Some(token) = &app.config.metrics_token {
        let given = headers.get(header::AUTHORIZATION).map(|value| value.as_bytes());
        let given = given.and_then(|value| value.strip_prefix(b"Bearer "));
        // Of digests, so that the time it takes tells nothing about the token.
        let same = |given: &[u8]| Sha256::digest(given) == Sha256::digest(token.reveal());
        if !given.is_some_and(same) {
            return Err(Problem::new(Code::NotLoggedIn));
        }
    }
    let media = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok((StatusCode::OK, [(header::CONTENT_TYPE, media)], app.metrics.text()).into_response())
}
