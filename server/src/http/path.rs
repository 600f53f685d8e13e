//! Paths of things: ids in them, with problems instead of plain text when they are wrong.

use std::str::FromStr;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::{ETag, Problem};

/// The id in the path, `{id}`, or the word that stands for one, `{kind}`; what is none is not found.
#[derive(Debug, Clone, Copy)]
pub struct Id<T>(pub T);

impl<S: Send + Sync, T: FromStr> FromRequestParts<S> for Id<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let params = RawPathParams::from_request_parts(parts, state).await;
        let params = params.map_err(|_| Problem::not_found())?;
        let id =
            params.iter().find(|(name, _)| matches!(*name, "id" | "kind")).map(|(_, value)| value);
        id.and_then(|text| text.parse().ok()).map(Self).ok_or_else(Problem::not_found)
    }
}

/// The id of a thing and that of a fact in it, `{id}` and `{fact}`; what is no id is not found.
#[derive(Debug, Clone, Copy)]
pub struct Two<T, F>(pub T, pub F);

impl<S: Send + Sync, T: FromStr + Send, F: FromStr> FromRequestParts<S> for Two<T, F> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Id(id) = Id::from_request_parts(parts, state).await?;
        let params = RawPathParams::from_request_parts(parts, state).await;
        let params = params.map_err(|_| Problem::not_found())?;
        let fact = params.iter().find(|(name, _)| *name == "fact").map(|(_, value)| value);
        let fact = fact.and_then(|text| text.parse().ok()).ok_or_else(Problem::not_found)?;
        Ok(Self(id, fact))
    }
}

/// The answer for something that was made, with its path.
pub fn created(path: &str, tag: ETag, body: impl IntoResponse) -> Response {
    let mut response = (StatusCode::CREATED, tag, body).into_response();
    if let Ok(location) = HeaderValue::from_str(path) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}
