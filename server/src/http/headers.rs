//! Headers that every answer carries so that browsers do not help an attacker.

use std::time::{Duration, UNIX_EPOCH};

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;

use crate::app::App;

/// Names in lower case, as they travel.
const FIXED: &[(&str, &str)] = &[
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("content-security-policy", "default-src 'self'; frame-ancestors 'none'; base-uri 'none'"),
    ("cross-origin-resource-policy", "same-origin"),
];

/// Adds the security headers; answers that say nothing about caching must not be kept.
///
/// The time is told from the clock as it is now: what HTTP libraries keep of it is not put back with
/// the clock, and phones whose clock is wrong go by it.
pub async fn layer(State(app): State<App>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in FIXED {
        let name = HeaderName::from_static(name);
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    let no_store = HeaderValue::from_static("no-store");
    headers.entry(header::CACHE_CONTROL).or_insert(no_store);
    if let Ok(date) = HeaderValue::from_str(&date(app.now())) {
        headers.insert(header::DATE, date);
    }
    response
}

/// The date of a header (RFC 9110, IMF-fixdate).
fn date(now_ms: i64) -> String {
    // Years of four digits are all it can write.
    let ms = now_ms.clamp(0, 253_402_300_799_000).unsigned_abs();
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_millis(ms))
}
