//! Whether the process lives, whether it can serve, and its counters.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sqlx::Row as _;

use crate::app::App;
use crate::http::{Code, Problem};

/// The process lives.
#[utoipa::path(get, path = "/health/live", tag = "health", responses((status = 200, body = String)))]
pub async fn live() -> &'static str {
    "live\n"
}

/// The database answers.
#[utoipa::path(
    get, path = "/health/ready", tag = "health",
    responses((status = 200, body = String), (status = 503, description = "The database does not answer."))
)]
pub async fn ready(State(app): State<App>) -> Result<&'static str, Problem> {
    let mut connection = app.read().await?;
    sqlx::query("SELECT 1").execute(&mut *connection).await?;
    Ok("ready\n")
}

/// The counters, for Prometheus.
#[utoipa::path(get, path = "/metrics", tag = "health", responses((status = 200, body = String)))]
pub async fn metrics(State(app): State<App>, headers: HeaderMap) -> Result<Response, Problem> {
    if let Some(token) = &app.config.metrics_token {
        let wanted = format!("Bearer {}", token.reveal());
        let given = headers.get(header::AUTHORIZATION).map(|value| value.as_bytes());
        if given != Some(wanted.as_bytes()) {
            return Err(Problem::new(Code::NotLoggedIn));
        }
    }
    let mut connection = app.read().await?;
    let waiting = sqlx::query("SELECT CAST(COALESCE(SUM(waiting), 0) AS BIGINT) FROM jobs");
    let waiting: i64 = waiting.fetch_one(&mut *connection).await?.try_get(0)?;
    app.metrics.decisions.set(waiting);
    let media = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok((StatusCode::OK, [(header::CONTENT_TYPE, media)], app.metrics.text()).into_response())
}
