//! The way to the server: one small trait, HTTP and WebSocket behind it, and what can go wrong.

mod date;
mod http;
mod login;
mod socket;

use std::time::Duration;

pub use http::{HttpConnector, HttpTransport};
pub use socket::{SocketConnector, SocketTransport};

pub(crate) use login::{EnrolmentRequest, enrol, token};

/// Media type of sync frames.
pub const SYNC_MEDIA_TYPE: &str = "application/vnd.towline.sync";

/// The server's code for a phone that was revoked.
pub(crate) const REVOKED: &str = "device_revoked";

/// The code of an answer that names none.
fn unnamed(status: u16) -> String {
    format!("http_{status}")
}

/// Carries requests to one server. Implementations block; the engine never holds a lock meanwhile.
pub trait Transport: Send + Sync {
    /// Posts a body to a path of the server and waits for the whole answer.
    fn post(&self, request: Post<'_>) -> Result<Reply, NetError>;

    /// Sends one sync frame and waits for the server's answer to it. By default over
    /// [`Transport::post`] to `/v1/sync`.
    fn sync(&self, bearer: &str, frame: &[u8]) -> Result<Vec<u8>, NetError> {
        let request = Post {
            path: "/v1/sync",
            media_type: SYNC_MEDIA_TYPE,
            accept: SYNC_MEDIA_TYPE,
            bearer: Some(bearer),
            body: frame,
        };
        let reply = self.post(request)?;
        reply.expect(SYNC_MEDIA_TYPE)
    }

    /// Waits up to `timeout` for the server to say that there is something new; whether it did.
    /// Absent at once for a way on which the server cannot speak first.
    fn news(&self, _bearer: &str, _timeout: Duration) -> Result<Option<bool>, NetError> {
        Ok(None)
    }
}

/// Makes the transport to a server from its address, such as `https://towline.example`.
pub trait Connector: Send + Sync {
    /// A transport to the server at this address.
    fn connect(&self, server_url: &str) -> Result<std::sync::Arc<dyn Transport>, NetError>;
}

/// One request.
#[derive(Debug, Clone, Copy)]
pub struct Post<'a> {
    /// Path on the server, with the leading slash.
    pub path: &'a str,
    /// Media type of the body.
    pub media_type: &'a str,
    /// Media type wanted back.
    pub accept: &'a str,
    /// Access token, if the request needs one.
    pub bearer: Option<&'a str>,
    /// The body.
    pub body: &'a [u8],
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Media type without parameters, lower case; empty if none was given.
    pub media_type: String,
    /// Seconds of a `Retry-After` header.
    pub retry_after_s: Option<u64>,
    /// The server's clock by a `Date` header, Unix seconds.
    pub date_s: Option<i64>,
    /// The body, at most [`sync_core::limits::FRAME_BYTES`].
    pub body: Vec<u8>,
}

/// Why the server's answer was not had. All of these leave saved work waiting, unharmed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NetError {
    /// No connection could be made.
    #[error("the server cannot be reached: {0}")]
    Unreachable(String),
    /// The connection ended or timed out before the answer was complete.
    #[error("the connection broke before the server's answer arrived: {0}")]
    Cut(String),
    /// Something else answered: a hotel's or carrier's login page, a proxy.
    #[error(
        "another site answers in place of the server; open a browser and sign in to this network"
    )]
    Portal,
    /// The server asks to come back later.
    #[error("the server is busy; the phone tries again by itself")]
    Busy {
        /// Seconds the server asked to wait, if it said.
        retry_after_s: Option<u64>,
    },
    /// The token or assertion is not accepted.
    #[error("the server does not accept this phone's login: {sentence}")]
    Login {
        /// Stable code of the server, such as `device_revoked`.
        code: String,
        /// Plain sentence.
        sentence: String,
    },
    /// The server refused the request as a whole.
    #[error("{sentence}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// Stable code of the server.
        code: String,
        /// Plain sentence.
        sentence: String,
    },
    /// The bytes are not what the protocol says.
    #[error("the server's answer cannot be read: {0}")]
    Garbled(String),
    /// The address is not one.
    #[error("{0} is not the address of a server")]
    BadAddress(String),
}

impl NetError {
    /// The stable code, snake case.
    pub fn code(&self) -> &str {
        match self {
            Self::Unreachable(_) => "offline",
            Self::Cut(_) => "connection_cut",
            Self::Portal => "captive_portal",
            Self::Busy { .. } => "server_busy",
            Self::Login { code, .. } | Self::Refused { code, .. } => code,
            Self::Garbled(_) => "bad_answer",
            Self::BadAddress(_) => "bad_address",
        }
    }
}

impl Reply {
    /// The body, if the server answered 200 with this media type; else the error it stands for.
    pub fn expect(self, media_type: &str) -> Result<Vec<u8>, NetError> {
        match self.status {
            200 | 201 if self.media_type == media_type => Ok(self.body),
            429 | 502 | 503 | 504 => Err(NetError::Busy { retry_after_s: self.retry_after_s }),
            _ => Err(self.into_error()),
        }
    }

    fn into_error(self) -> NetError {
        #[derive(serde::Deserialize, Default)]
        struct Problem {
            code: Option<String>,
            error: Option<String>,
            detail: Option<String>,
            error_description: Option<String>,
            title: Option<String>,
        }
        let json =
            matches!(self.media_type.as_str(), "application/problem+json" | "application/json");
        if !json || self.status < 400 {
            // Whatever is no answer of ours comes from something between us and the server.
            return match self.status {
                500..=599 => NetError::Busy { retry_after_s: self.retry_after_s },
                _ => NetError::Portal,
            };
        }
        let problem: Problem = serde_json::from_slice(&self.body).unwrap_or_default();
        let code = problem.code.or(problem.error).unwrap_or_else(|| unnamed(self.status));
        let sentence = problem.detail.or(problem.error_description).or(problem.title);
        let sentence = sentence.unwrap_or_else(|| format!("The server answered {}.", self.status));
        match self.status {
            401 => NetError::Login { code, sentence },
            status => NetError::Refused { status, code, sentence },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(status: u16, media_type: &str, body: &str) -> Reply {
        Reply {
            status,
            media_type: media_type.to_owned(),
            retry_after_s: None,
            date_s: None,
            body: body.as_bytes().to_vec(),
        }
    }

    #[test]
    fn a_login_page_in_place_of_the_server_is_a_captive_portal() {
        let page = reply(200, "text/html", "<html>Welcome to Hotel Wi-Fi</html>");
        assert_eq!(page.expect(SYNC_MEDIA_TYPE), Err(NetError::Portal));
        let redirect = reply(302, "", "");
        assert_eq!(redirect.expect(SYNC_MEDIA_TYPE), Err(NetError::Portal));
    }

    #[test]
    fn a_problem_gives_its_code_and_sentence() {
        let body = r#"{"code":"device_revoked","detail":"This phone was revoked."}"#;
        let error = reply(401, "application/problem+json", body).expect(SYNC_MEDIA_TYPE);
        let sentence = "This phone was revoked.".to_owned();
        assert_eq!(error, Err(NetError::Login { code: "device_revoked".to_owned(), sentence }));
    }

    #[test]
    fn a_busy_server_says_when_to_come_back() {
        let mut busy = reply(503, "text/plain", "later");
        busy.retry_after_s = Some(7);
        let error = busy.expect(SYNC_MEDIA_TYPE);
        assert_eq!(error, Err(NetError::Busy { retry_after_s: Some(7) }));
    }
}
