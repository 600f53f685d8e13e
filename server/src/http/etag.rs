//! Versions of things: ETag on what is read, If-Match on what is changed.

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponseParts, ResponseParts};

use super::{Code, Problem};
use crate::app::App;

/// The version of a thing as the client sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ETag(String);

impl ETag {
    /// Version of a document: the fingerprint of its heads.
    pub fn of_document(fingerprint: u64) -> Self {
        Self(format!("\"{fingerprint:016x}\""))
    }

    /// Version of a row.
    pub fn of_row(version: i64) -> Self {
        Self(format!("\"v{version}\""))
    }

    /// The tag as it stands in the header, quotes included.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl IntoResponseParts for ETag {
    type Error = std::convert::Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Self::Error> {
        if let Ok(value) = HeaderValue::from_str(&self.0) {
            parts.headers_mut().insert(header::ETAG, value);
        }
        Ok(parts)
    }
}

/// The version the client says it saw; `*` is any.
#[derive(Debug, Clone)]
pub struct IfMatch(Vec<String>);

impl IfMatch {
    /// Compares with the present version.
    ///
    /// # Errors
    /// `changed_meanwhile` when it is another.
    pub fn check(&self, present: &ETag) -> Result<(), Problem> {
        if self.0.iter().any(|tag| tag == "*" || tag == present.as_str()) {
            return Ok(());
        }
        let now = format!("It is now {}.", present.as_str());
        Err(Problem::new(Code::Changed).detail(now))
    }
}

impl FromRequestParts<App> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        let value = parts.headers.get(header::IF_MATCH);
        let value = value.ok_or_else(|| Problem::new(Code::IfMatchMissing))?;
        let text = value.to_str().map_err(|_| Problem::new(Code::BadHeader).field("If-Match"))?;
        Ok(Self(text.split(',').map(|tag| tag.trim().to_owned()).collect()))
    }
}

impl OptionalFromRequestParts<App> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Option<Self>, Problem> {
        if !parts.headers.contains_key(header::IF_MATCH) {
            return Ok(None);
        }
        <Self as FromRequestParts<App>>::from_request_parts(parts, app).await.map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_version_that_was_seen_may_be_changed() {
        let seen = IfMatch(vec!["\"v3\"".to_owned()]);
        assert!(seen.check(&ETag::of_row(3)).is_ok());
        assert!(seen.check(&ETag::of_row(4)).is_err());
        assert!(IfMatch(vec!["*".to_owned()]).check(&ETag::of_row(4)).is_ok());
    }
}
