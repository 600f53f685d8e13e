//! Turning requests away while too many are at work, and timing those that are.

use std::sync::{Arc, LazyLock};
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::app::App;
use crate::http::{Code, Problem};
use crate::telemetry::metrics::Case;

/// Takes a place for the time of the request, or answers 503 at once.
pub async fn layer(State(app): State<App>, request: Request, next: Next) -> Response {
    static UNMATCHED: LazyLock<Arc<str>> = LazyLock::new(|| Arc::from("unmatched"));
    let route: Arc<str> = match request.extensions().get::<MatchedPath>() {
        Some(path) => Arc::from(path.as_str()),
        None => Arc::clone(&UNMATCHED),
    };
    let method = request.method().clone();
    let started = Instant::now();
    // Health must be told even when nothing else is.
    let free = route.starts_with("/health") || &*route == "/metrics";
    let place = if free { None } else { Some(app.places.try_acquire()) };
    let response = match place {
        Some(Err(_)) => {
            app.metrics.shed.get_or_create(&Case::of("requests")).inc();
            // Everybody who is turned away now must not come back in the same second.
            let seconds = 1 + u64::from(crate::clock::random::<1>()[0] % 5);
            Problem::new(Code::Overloaded).retry_after(seconds).into_response()
        }
        _ => next.run(request).await,
    };
    let status = response.status();
    app.metrics.answered(&route, method.as_str(), status.as_u16(), started.elapsed());
    let code = response.extensions().get::<Code>().map_or("", |code| code.as_str());
    let ms = started.elapsed().as_millis();
    tracing::info!(%method, %route, status = status.as_u16(), code, ms, "answered");
    response
}
