//! Problems as RFC 9457 has them: one shape for everything that goes wrong.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use store::StoreError;
use utoipa::ToSchema;

use super::Code;
use super::request_id;
use crate::sync::budget::UsedUp;

/// What is said when nothing can be written for want of room.
const FULL: &str = "The server's disk is full. Nothing was saved. Free some space on it.";

/// When a phone that is held comes again, seconds: as long as it takes a person to look.
const HELD_S: u64 = 300;

/// What the client is told; everything else goes to the log.
#[derive(Debug, Clone)]
pub struct Problem {
    code: Code,
    detail: Option<String>,
    field: Option<String>,
    reason: Option<Box<str>>,
    retry_after: Option<u64>,
    server_time: Option<i64>,
    verdicts: Option<Box<str>>,
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
    #[schema(value_type = Code)]
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
    /// The server's clock, Unix milliseconds, where the client's seems to be wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_time: Option<i64>,
    /// To a revoked phone whose submission was decided about: one verdict for each change it sent,
    /// as a response has them (protocol, section 5), base64url.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdicts: Option<String>,
    /// Under which id the log has it.
    pub request_id: String,
}

impl Problem {
    /// A problem with its fixed sentence only.
    pub fn new(code: Code) -> Self {
        Self {
            code,
            detail: None,
            field: None,
            reason: None,
            retry_after: None,
            server_time: None,
            verdicts: None,
        }
    }

    /// A value of the request that breaks a rule.
    pub fn invalid(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(Code::Invalid).field(field).detail(detail)
    }

    /// Nothing here that the caller may see; the same for what exists elsewhere.
    pub fn not_found() -> Self {
        Self::new(Code::NotFound)
    }

    /// The phone waits after a restore: it keeps its work and comes again by itself.
    pub fn held() -> Self {
        let detail = "The server was restored from a backup. This phone waits until an administrator \
                      lets it sync again; what it holds stays on it.";
        Self::new(Code::Unavailable).reason("held").detail(detail).retry_after(HELD_S)
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
        self.reason = Some(reason.into().into_boxed_str());
        self
    }

    /// Says after how many seconds to try again.
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// Tells the server's clock, Unix milliseconds.
    pub fn server_time(mut self, now: i64) -> Self {
        self.server_time = Some(now);
        self
    }

    /// Tells a phone what was decided about each change it submitted.
    pub fn verdicts(mut self, verdicts: &[u8]) -> Self {
        self.verdicts = Some(URL_SAFE_NO_PAD.encode(verdicts).into());
        self
    }

    /// The stable code.
    pub fn code(&self) -> Code {
        self.code
    }

    /// The finer word if there is one, and otherwise the code.
    pub fn reason_code(&self) -> &str {
        self.reason.as_deref().unwrap_or(self.code.as_str())
    }

    /// The field of the request concerned.
    pub fn field_name(&self) -> Option<&str> {
        self.field.as_deref()
    }

    /// What it is about this time, or its fixed sentence.
    pub fn text(&self) -> &str {
        self.detail.as_deref().unwrap_or_else(|| self.code.title())
    }

    /// It in words for someone at a terminal: the field, and what is wrong with it.
    pub fn sentence(&self) -> String {
        let text = self.text();
        self.field.as_ref().map_or_else(|| text.to_owned(), |field| format!("{field}: {text}"))
    }

    /// An error the client cannot help: logged here, `internal` there.
    pub fn internal(error: impl std::fmt::Display) -> Self {
        tracing::error!(%error, "a request failed");
        Self::new(Code::Internal)
    }
}

impl From<UsedUp> for Problem {
    fn from(used_up: UsedUp) -> Self {
        Self::new(Code::Quota).retry_after(used_up.retry_after_ms.div_ceil(1000))
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
            reason: self.reason.map(String::from),
            server_time: self.server_time,
            verdicts: self.verdicts.map(String::from),
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
