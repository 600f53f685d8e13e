//! Bodies: read with a size limit and a deadline, then understood with errors that name the field.

use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, timeout_at};

use super::plain::{self, Wrong};
use super::{Code, Problem};
use crate::app::App;
use crate::import;
use crate::net::pace::Pace;

/// Largest JSON or form body, bytes.
pub const JSON_BYTES: usize = 256 * 1024;

/// Room made for a body of which little has come, bytes.
const FIRST_BYTES: usize = 4 * 1024;

/// Reads a whole body within a size and a time.
///
/// # Errors
/// `too_large`, `timeout`, or `bad_json` when the client breaks off.
pub async fn read(body: Body, limit: usize, deadline: Duration) -> Result<Bytes, Problem> {
    fits(&body, limit)?;
    let collected = tokio::time::timeout(deadline, Limited::new(body, limit).collect()).await;
    match collected {
        Ok(Ok(whole)) => Ok(whole.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large(limit)),
        Ok(Err(_)) => Err(broken_off()),
        Err(_) => Err(Problem::new(Code::Timeout)),
    }
}

/// Reads a whole body as it comes from the network, asking `more` for bytes before taking them.
///
/// Who sends too slowly is not waited for ([`Pace`]), however long the `deadline` is.
///
/// It is put in one piece at once: a body in very many small pieces would take many times its
/// length. What is asked for is at most twice what has come, and never more than `limit`.
///
/// # Errors
/// As [`read`], and what `more` says.
pub async fn gather(
    mut body: Body,
    limit: usize,
    deadline: Duration,
    mut more: impl FnMut(usize) -> Result<(), Problem>,
) -> Result<Bytes, Problem> {
    fits(&body, limit)?;
    let announced = body.size_hint().upper().and_then(|bytes| usize::try_from(bytes).ok());
    let most = announced.map_or(limit, |bytes| bytes.min(limit));
    let gathering = async {
        let (mut bytes, mut asked) = (Vec::new(), 0);
        let mut pace = Pace::begin(Instant::now());
        while let Some(frame) = timeout_at(pace.end(), body.frame()).await.map_err(|_| slow())? {
            // A frame without data holds trailers, which say nothing here.
            let Ok(data) = frame.map_err(|_| broken_off())?.into_data() else { continue };
            pace.came(data.len(), Instant::now());
            let needed = bytes.len() + data.len();
            if needed > limit {
                return Err(too_large(limit));
            }
            if needed > asked {
                let wanted = needed.max((2 * asked).max(FIRST_BYTES).min(most));
                more(wanted - asked)?;
                bytes.reserve_exact(wanted - bytes.len());
                asked = wanted;
            }
            bytes.extend_from_slice(&data);
        }
        Ok(Bytes::from(bytes))
    };
    tokio::time::timeout(deadline, gathering).await.map_err(|_| slow())?
}

/// Who says at once that it will be too much need not send it.
fn fits(body: &Body, limit: usize) -> Result<(), Problem> {
    let most = u64::try_from(limit).unwrap_or(u64::MAX);
    if body.size_hint().lower() > most { Err(too_large(limit)) } else { Ok(()) }
}

fn too_large(limit: usize) -> Problem {
    Problem::new(Code::TooLarge).detail(format!("At most {limit} bytes."))
}

fn slow() -> Problem {
    Problem::new(Code::Timeout)
}

fn broken_off() -> Problem {
    Problem::new(Code::BadJson).detail("The body broke off.")
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

/// A JSON body that may be left out: then it is what an empty object is.
#[derive(Debug)]
pub struct JsonOrNothing<T>(pub T);

impl<T: DeserializeOwned + Default> FromRequest<App> for JsonOrNothing<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let bytes = read(body, JSON_BYTES, app.config.net.body_timeout).await?;
        if bytes.is_empty() {
            return Ok(Self(T::default()));
        }
        expect_media(&parts.headers, "application/json")?;
        parse(&bytes).map(Self)
    }
}

/// Understands JSON; the error names the field.
///
/// # Errors
/// `bad_json` with the path of the field and what is wrong with it.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let read = plain::parse(bytes).and_then(plain::json);
    read.map_err(|wrong| wrong_value(Code::BadJson, wrong))
}

fn wrong_value(code: Code, wrong: Wrong) -> Problem {
    let is_place = wrong.field == "place" || wrong.field.ends_with(".place");
    let code = if wrong.is_rule && is_place { Code::BadPlace } else { code };
    let problem = Problem::new(code).detail(wrong.sentence);
    if wrong.field.is_empty() { problem } else { problem.field(wrong.field) }
}

/// A body of separated values (`text/csv`), in whatever encoding.
#[derive(Debug)]
pub struct Csv(pub Bytes);

impl FromRequest<App> for Csv {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        expect_media(request.headers(), "text/csv")?;
        read(request.into_body(), import::BYTES, app.config.net.body_timeout).await.map(Self)
    }
}

/// A form body (`application/x-www-form-urlencoded`).
#[derive(Debug)]
pub struct Form<T>(pub T);

impl<T: DeserializeOwned> FromRequest<App> for Form<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        expect_media(request.headers(), "application/x-www-form-urlencoded")?;
        let bytes = read(request.into_body(), JSON_BYTES, app.config.net.body_timeout).await?;
        let pairs = serde_urlencoded::from_bytes(&bytes)
            .map_err(|_| Problem::new(Code::BadForm).detail("It is not UTF-8."))?;
        plain::texts(pairs).map(Self).map_err(|wrong| wrong_value(Code::BadForm, wrong))
    }
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

    fn in_pieces(size: usize, count: usize) -> Body {
        let piece = move |_| Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; size]));
        Body::from_stream(futures_util::stream::iter((0..count).map(piece)))
    }

    #[tokio::test]
    async fn a_body_is_asked_for_as_it_comes_and_at_most_twice() {
        let limit = 100_000;
        for (size, count) in [(1, 10), (1, 50_000), (7, 10_000), (100_000, 1), (0, 9)] {
            let mut asked = 0;
            let more = |bytes| {
                asked += bytes;
                Ok(())
            };
            let body = in_pieces(size, count);
            let bytes = gather(body, limit, Duration::from_secs(5), more).await.unwrap();
            assert_eq!(bytes.len(), size * count);
            assert!((bytes.len()..=(2 * bytes.len()).max(FIRST_BYTES)).contains(&asked), "{asked}");
        }
    }

    #[tokio::test]
    async fn a_body_that_gets_no_room_or_is_too_large_is_not_taken_further() {
        let full = |_| Err(Problem::new(Code::Overloaded));
        let stuck = futures_util::stream::pending::<Result<Bytes, std::io::Error>>();
        let first = futures_util::stream::iter([Ok(Bytes::from_static(b"x"))]);
        let body = Body::from_stream(futures_util::StreamExt::chain(first, stuck));
        let refused = gather(body, 10, Duration::from_secs(60), full).await.unwrap_err();
        assert_eq!(refused.code(), Code::Overloaded);
        let long = gather(in_pieces(1, 11), 10, Duration::from_secs(5), |_| Ok(())).await;
        assert_eq!(long.unwrap_err().code(), Code::TooLarge);
    }
}
