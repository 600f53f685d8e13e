//! Bodies: read with a size limit and a deadline, then understood with errors that name the field.

use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Code, Problem};
use crate::app::App;

/// Largest JSON or form body, bytes.
pub const JSON_BYTES: usize = 256 * 1024;

/// Reads a whole body within a size and a time.
///
/// # Errors
/// `too_large`, `timeout`, or `bad_json` when the client breaks off.
pub async fn read(body: Body, limit: usize, deadline: Duration) -> Result<Bytes, Problem> {
    let too_large = || Problem::new(Code::TooLarge).detail(format!("At most {limit} bytes."));
    // Who says at once that it will be too much need not send it.
    if body.size_hint().lower() > u64::try_from(limit).unwrap_or(u64::MAX) {
        return Err(too_large());
    }
    let collected = tokio::time::timeout(deadline, Limited::new(body, limit).collect()).await;
    match collected {
        Ok(Ok(whole)) => Ok(whole.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(Problem::new(Code::BadJson).detail("The body broke off.")),
        Err(_) => Err(Problem::new(Code::Timeout)),
    }
}

/// Checks a media type, ignoring its parameters.
///
/// # Errors
/// `wrong_media_type` with the one that is expected.
pub fn expect_media(headers: &HeaderMap, wanted: &str) -> Result<(), Problem> {
    let given = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or("");
    let essence = given.split(';').next().unwrap_or("").trim();
    if essence.eq_ignore_ascii_case(wanted) {
        return Ok(());
    }
    Err(Problem::new(Code::WrongMediaType).detail(format!("Send Content-Type: {wanted}.")))
}

/// A JSON body, or a JSON answer.
#[derive(Debug)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned> FromRequest<App> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        expect_media(request.headers(), "application/json")?;
        let bytes = read(request.into_body(), JSON_BYTES, app.config.net.body_timeout).await?;
        parse(&bytes).map(Self)
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(bytes) => {
                let media = HeaderValue::from_static("application/json");
                ([(header::CONTENT_TYPE, media)], bytes).into_response()
            }
            Err(error) => Problem::internal(error).into_response(),
        }
    }
}

/// Understands JSON; the error names the field.
///
/// # Errors
/// `bad_json` with the path of the field and what is wrong with it.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        let problem = Problem::new(Code::BadJson).detail(plain(&error.into_inner()));
        if path == "." { problem } else { problem.field(path) }
    })?;
    json.end().map_err(|_| Problem::new(Code::BadJson).detail("Something follows the JSON."))?;
    Ok(value)
}

/// A form body (`application/x-www-form-urlencoded`).
#[derive(Debug)]
pub struct Form<T>(pub T);

impl<T: DeserializeOwned> FromRequest<App> for Form<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        expect_media(request.headers(), "application/x-www-form-urlencoded")?;
        let bytes = read(request.into_body(), JSON_BYTES, app.config.net.body_timeout).await?;
        serde_urlencoded::from_bytes(&bytes)
            .map(Self)
            .map_err(|error| Problem::new(Code::BadForm).detail(error.to_string()))
    }
}

fn plain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    // Serde appends the position; it stays, and the sentence gets its capital and full stop.
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_uppercase().collect::<String>()).unwrap_or_default();
    format!("{first}{}.", chars.as_str())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Inner {
        lat: i64,
    }

    #[derive(Debug, serde::Deserialize)]
    #[allow(dead_code)]
    struct Outer {
        place: Inner,
    }

    #[test]
    fn a_wrong_type_deep_inside_is_named_by_its_path() {
        let problem = parse::<Outer>(br#"{"place": {"lat": "north"}}"#).unwrap_err();
        assert!(format!("{problem:?}").contains("place.lat"), "{problem:?}");
        assert_eq!(problem.code(), Code::BadJson);
    }

    #[tokio::test]
    async fn a_body_over_the_limit_and_one_that_never_ends_are_refused() {
        let long = read(Body::from(vec![0; 11]), 10, Duration::from_secs(5)).await.unwrap_err();
        assert_eq!(long.code(), Code::TooLarge);
        let stuck = futures_util::stream::pending::<Result<Bytes, std::io::Error>>();
        let slow = read(Body::from_stream(stuck), 10, Duration::from_millis(1)).await.unwrap_err();
        assert_eq!(slow.code(), Code::Timeout);
    }
}
