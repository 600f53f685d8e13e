//! The console of the dispatchers: files that are part of the program (`server/console`, put into it by
//! `build.rs`), below a path that is their hash, so that browsers keep them for ever.

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;

use crate::app::App;
use crate::http::Problem;

include!(concat!(env!("OUT_DIR"), "/console.rs"));

/// One file as it is, and gzipped.
struct File {
    name: &'static str,
    media: &'static str,
    plain: &'static [u8],
    gzip: &'static [u8],
}

/// Scripts and styles come from files of ours alone, and only lit-html's templates become HTML. The default policy is
/// that of the map, which lets one address become a worker (`lib/map.js`).
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; \
    font-src 'self'; connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; \
    form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
    trusted-types lit-html towline default";
const KEEP: &str = "public, max-age=31536000, immutable";

/// The page at `/`, the one behind invite and reset links, and the files.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/", get(page))
        .route("/password", get(page))
        .route("/c/{tree}/{*name}", get(file))
}

async fn page(headers: HeaderMap) -> Response {
    let tag = format!("\"{TREE}\"");
    let seen = headers.get(header::IF_NONE_MATCH).and_then(|seen| seen.to_str().ok());
    let mut response = match FILES.iter().find(|file| file.name == "index.html") {
        Some(_) if seen.is_some_and(|seen| seen.contains(&tag)) => {
            StatusCode::NOT_MODIFIED.into_response()
        }
        Some(file) => file.answer(&headers),
        None => return Problem::not_found().into_response(),
    };
    let to = response.headers_mut();
    let fixed = [
        (header::CACHE_CONTROL, "no-cache"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ];
    to.extend(fixed.map(|(name, value)| (name, HeaderValue::from_static(value))));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        to.insert(header::ETAG, tag);
    }
    response
}

async fn file(Path((tree, name)): Path<(String, String)>, headers: HeaderMap) -> Response {
    let found = FILES.iter().find(|file| tree == TREE && file.name == name && name != "index.html");
    let Some(found) = found else { return Problem::not_found().into_response() };
    let mut response = found.answer(&headers);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(KEEP));
    response
}

impl File {
    fn answer(&self, asked: &HeaderMap) -> Response {
        let accepted = asked.get(header::ACCEPT_ENCODING).and_then(|it| it.to_str().ok());
        let gzip = accepted.is_some_and(|it| it.split(',').any(is_gzip));
        let mut response = if gzip { self.gzip } else { self.plain }.into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.media));
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        if gzip {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        response
    }
}

/// Whether an entry of `Accept-Encoding` takes gzip; one with `q=0` refuses it.
fn is_gzip(entry: &str) -> bool {
    let mut parts = entry.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default();
    let weight = parts.find_map(|part| part.strip_prefix("q="));
    let refused =
        weight.is_some_and(|weight| weight.parse::<f32>().is_ok_and(|weight| weight <= 0.0));
    matches!(name, "gzip" | "*") && !refused
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_encoding_that_is_accepted_is_used() {
        assert!(is_gzip("gzip") && is_gzip(" gzip;q=0.5") && is_gzip("*"));
        assert!(!is_gzip("br") && !is_gzip("gzip;q=0") && !is_gzip("gzip; q=0.0"));
    }

    #[test]
    fn every_file_has_a_media_type_and_types_and_locks_stay_out() {
        assert!(FILES.iter().any(|file| file.name == "index.html"));
        for file in FILES {
            assert!(!file.media.is_empty(), "{}", file.name);
            assert!(
                !file.name.ends_with(".d.ts") && !file.name.ends_with("lock.json"),
                "{}",
                file.name
            );
        }
    }
}
