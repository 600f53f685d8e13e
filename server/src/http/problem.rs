//! Problems as RFC 9457 has them: one shape for everything that goes wrong.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::Code;
use super::request_id;
use crate::store::StoreError;

/// What is said when nothing can be written for want of room.
const FULL: &str = "The server's disk is full. Nothing was saved; somebody has to free some space.";

/// What the client is told; everything else goes to the log.
#[derive(Debug, Clone)]
pub struct Problem {
    code: Code,
    detail: Option<String>,
    field: Option<String>,
    reason: Option<String>,
    retry_after: Option<u64>,
}

/// The body of an answer that is a problem (RFC 9457), `application/problem+json`.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProblemBody {
    /// `urn:towline:problem:` and the code.
    #[serde(rename = "type")]
    pub kind: String,
    /// One plain sentence, the same each time.
    pub title: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// Stable word that programs may match on.
    pub code: &'static str,
    /// What it is about this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The field of the request concerned, as a path such as `place.lat`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// A finer stable word, such as the rule of the policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Under which id the log has it.
    pub request_id: String,
}

impl Problem {
    /// A problem with its fixed sentence only.
    pub fn new(code: Code) -> Self {
        Self { code, detail: None, field: None, reason: None, retry_after: None }
    }

    /// A value of the request that breaks a rule.
    pub fn invalid(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(Code::Invalid).field(field).detail(detail)
    }

    /// Nothing here that the caller may see; the same for what exists elsewhere.
    pub fn not_found() -> Self {
        Self::new(Code::NotFound)
    }

    /// Says what it is about this time.
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Names the field of the request concerned.
    pub fn field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// Adds a finer stable word.
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// Says after how many seconds to try again.
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// The stable code.
    pub fn code(&self) -> Code {
        self.code
    }

    /// An error the client cannot help: logged here, `internal` there.
    pub fn internal(error: impl std::fmt::Display) -> Self {
        tracing::error!(%error, "a request failed");
        Self::new(Code::Internal)
    }
}

impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::PoolTimedOut | sqlx::Error::Io(_) => {
                tracing::warn!(%error, "the store does not answer");
                Self::new(Code::Unavailable).retry_after(2)
            }
            sqlx::Error::Database(inner) if inner.is_unique_violation() => {
                Self::new(Code::Conflict)
            }
            // PostgreSQL keeps no NUL in a text; nobody's name or search has one.
            sqlx::Error::Database(inner) if inner.code().as_deref() == Some("22021") => {
                Self::new(Code::Invalid).detail("A text has a character that cannot be kept.")
            }
            _ => match StoreError::from(error) {
                StoreError::Database(error) => Self::internal(error),
                other => other.into(),
            },
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status: StatusCode = self.code.status();
        let body = ProblemBody {
            kind: format!("urn:towline:problem:{}", self.code.as_str()),
            title: self.code.title(),
            status: status.as_u16(),
            code: self.code.as_str(),
            detail: self.detail,
            field: self.field,
            reason: self.reason,
            request_id: request_id::current(),
        };
        let bytes = serde_json::to_vec(&body).unwrap_or_default();
        let mut response = (status, bytes).into_response();
        let headers = response.headers_mut();
        let media = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, media);
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response.extensions_mut().insert(self.code);
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        if error.is_retryable() {
            tracing::warn!(%error, "the store cannot do it now");
            let problem = match error {
                StoreError::Busy => Self::new(Code::Overloaded),
                StoreError::Full => Self::new(Code::Unavailable).detail(FULL),
                _ => Self::new(Code::Unavailable),
            };
            return problem.reason(error.code()).retry_after(2);
        }
        match error {
            StoreError::Database(inner) => inner.into(),
            other => Self::internal(other),
        }
    }
}
