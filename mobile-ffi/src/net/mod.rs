//! The way to the server: one small trait, HTTP and WebSocket behind it, and what can go wrong.

mod bounded;
mod date;
mod http;
mod login;
mod redirect;
mod socket;

use std::time::Duration;

pub use http::{CleartextConnector, HttpConnector, HttpTransport};
pub use socket::{SocketConnector, SocketTransport};

pub(crate) use bounded::{Bounded, Stop};
pub(crate) use login::{EnrolmentRequest, enrol, token};

/// Media type of sync frames.
pub const SYNC_MEDIA_TYPE: &str = "application/vnd.towline.sync";

/// The server's code for a phone that was revoked.
pub(crate) const REVOKED: &str = "device_revoked";

/// The server's code for a token that has ended.
const EXPIRED: &str = "token_expired";

/// The status of a body that is too large, whoever on the way says so.
pub(crate) const TOO_LARGE: u16 = 413;

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
        if reply.status == TOO_LARGE {
            return Err(NetError::TooLarge { bytes: frame.len() });
        }
        reply.expect(SYNC_MEDIA_TYPE)
    }

    /// Waits up to `timeout` for the server to say that there is something new; whether it did.
    /// Absent at once for a way on which the server cannot speak first.
    fn news(&self, _bearer: &str, _timeout: Duration) -> Result<Option<bool>, NetError> {
        Ok(None)
    }

    /// Ends the exchange under way, for which nobody waits any more, where that can be done. By
    /// default it ends by its own limits of time.
    fn abort(&self) {}
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
    /// The address sends phones on to another one, which a phone never follows with its work.
    #[error(
        "{from} sends phones on to {to}; the office has to set public_url to the address that answers \
         itself, then enrol this phone again with a new code"
    )]
    Redirected {
        /// Address that was asked.
        from: String,
        /// Where it sent the phone.
        to: String,
    },
    /// Something between phone and server answered in its place with an error.
    #[error(
        "something between this phone and the server answered {status} in its place; sign in to this \
         network in a browser, or, if other networks answer the same, the office has to let its proxy \
         pass /v1/ on to the server"
    )]
    NotPassedOn {
        /// HTTP status.
        status: u16,
    },
    /// A proxy answers for a server that does not answer it.
    #[error(
        "the proxy in front of the server answers {status} because the server does not answer it; the \
         phone tries again by itself"
    )]
    Gateway {
        /// HTTP status.
        status: u16,
        /// Seconds the proxy asked to wait, if it said.
        retry_after_s: Option<u64>,
    },
    /// Something on the way takes no request of this size, and none smaller can be made.
    #[error(
        "something between this phone and the server takes no request of {bytes} bytes; the office has \
         to let its proxy pass on 2 MiB (nginx: client_max_body_size 2m)"
    )]
    TooLarge {
        /// Size of the request, bytes.
        bytes: usize,
    },
    /// The server's certificate does not hold at the phone's date.
    #[error(
        "the server's certificate is not valid at this phone's date and time; set the phone's clock, and \
         if it is right tell the office that the certificate has to be renewed ({0})"
    )]
    CertificateTime(String),
    /// The server cannot show that it is the one.
    #[error(
        "the server's certificate is not trusted, so nothing was sent; sign in to this network in a \
         browser, or use another one, and if that does not help tell the office ({0})"
    )]
    Certificate(String),
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
        /// A finer stable word, such as the decision about the submission of a revoked phone.
        reason: Option<String>,
        /// What was decided about each change of that submission, as the server wrote it.
        verdicts: Option<String>,
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
    /// The sync took too long, or was cancelled; what it brought so far is stored.
    #[error("the sync was stopped before it was over; the phone tries again by itself")]
    Stopped,
    /// The address is not one.
    #[error("{0} is not the address of a server")]
    BadAddress(String),
    /// The address has no TLS: anybody on the way could read and change everything.
    #[error("{0} is not protected; use the server's address that begins with https://")]
    Cleartext(String),
}

impl NetError {
    /// The stable code, snake case.
    pub fn code(&self) -> &str {
        match self {
            Self::Unreachable(_) => "offline",
            Self::Cut(_) => "connection_cut",
            Self::Portal => "captive_portal",
            Self::Redirected { .. } => "redirected",
            Self::NotPassedOn { .. } => "not_passed_on",
            Self::Gateway { .. } => "bad_gateway",
            Self::TooLarge { .. } => "request_too_large",
            Self::CertificateTime(_) => "certificate_time",
            Self::Certificate(_) => "certificate_untrusted",
            Self::Busy { .. } => "server_busy",
            Self::Login { code, .. } | Self::Refused { code, .. } => code,
            Self::Garbled(_) => "bad_answer",
            Self::Stopped => "stopped",
            Self::BadAddress(_) => "bad_address",
            Self::Cleartext(_) => "cleartext_address",
        }
    }
}

/// Why no secure connection was made: the certificate, the clock, or what answers is no server of ours.
fn tls(error: &rustls::Error) -> NetError {
    use rustls::CertificateError as Fault;
    match error {
        rustls::Error::InvalidCertificate(
            Fault::Expired
            | Fault::ExpiredContext { .. }
            | Fault::NotValidYet
            | Fault::NotValidYetContext { .. },
        ) => NetError::CertificateTime(error.to_string()),
        rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented => {
            NetError::Certificate(error.to_string())
        }
        // Something that does not speak TLS, or not with us.
        _ => NetError::Portal,
    }
}

/// The fault of TLS inside an error of a stream, if it is one.
fn tls_inside(error: &std::io::Error) -> Option<NetError> {
    error.get_ref()?.downcast_ref::<rustls::Error>().map(tls)
}

impl Reply {
    /// The body, if the server answered 200 with this media type; else the error it stands for.
    pub fn expect(self, media_type: &str) -> Result<Vec<u8>, NetError> {
        match self.status {
            200 | 201 if self.media_type == media_type => Ok(self.body),
            502..=504 if !self.is_json() => Err(self.gateway()),
            429 | 502..=504 => Err(NetError::Busy { retry_after_s: self.retry_after_s }),
            _ => Err(self.into_error()),
        }
    }

    fn is_problem(&self) -> bool {
        self.media_type == "application/problem+json"
    }

    fn is_json(&self) -> bool {
        self.is_problem() || self.media_type == "application/json"
    }

    fn gateway(&self) -> NetError {
        NetError::Gateway { status: self.status, retry_after_s: self.retry_after_s }
    }

    fn into_error(self) -> NetError {
        #[derive(serde::Deserialize, Default)]
        struct Problem {
            code: Option<String>,
            error: Option<String>,
            reason: Option<String>,
            verdicts: Option<String>,
            detail: Option<String>,
            error_description: Option<String>,
            title: Option<String>,
        }
        if !self.is_json() || self.status < 400 {
            // Whatever is no answer of ours comes from something between us and the server. RFC 6585:
            // 511 is a network that wants a login.
            return match self.status {
                511 => NetError::Portal,
                500..=599 => self.gateway(),
                400..=499 => NetError::NotPassedOn { status: self.status },
                _ => NetError::Portal,
            };
        }
        let problem: Problem = serde_json::from_slice(&self.body).unwrap_or_default();
        let code = problem.code.or(problem.error);
        // Gateways speak JSON too, but name no code of ours.
        let Some(code) = code.or_else(|| self.is_problem().then(|| unnamed(self.status))) else {
            return match self.status {
                500..=599 => self.gateway(),
                status => NetError::NotPassedOn { status },
            };
        };
        let sentence = problem.detail.or(problem.error_description).or(problem.title);
        let sentence = sentence.unwrap_or_else(|| format!("The server answered {}.", self.status));
        match self.status {
            401 => NetError::Login {
                code,
                reason: problem.reason,
                verdicts: problem.verdicts,
                sentence,
            },
            status => NetError::Refused { status, code, sentence },
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
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
        assert_eq!(
            error,
            Err(NetError::Login {
                code: "device_revoked".to_owned(),
                reason: None,
                verdicts: None,
                sentence
            })
        );
    }

    #[test]
    fn what_a_proxy_says_for_itself_is_told_from_what_the_server_says() {
        let said = |status, media, body| {
            let error = reply(status, media, body).expect(SYNC_MEDIA_TYPE).unwrap_err();
            (error.code().to_owned(), error.to_string())
        };
        let (html, page) = ("text/html", "<html>nginx</html>");
        let bare = r#"{"message":"no Route matched with those values"}"#;
        for status in [400, 403, 404, 405, 407, 421] {
            assert_eq!(said(status, html, page).0, "not_passed_on", "{status}");
        }
        assert_eq!(said(404, "application/json", bare).0, "not_passed_on");
        assert!(said(404, html, page).1.contains("/v1/"), "it says what to change");
        for status in [500, 502, 503, 504, 520] {
            assert_eq!(said(status, html, page).0, "bad_gateway", "{status}");
        }
        assert_eq!(said(500, "application/json", bare).0, "bad_gateway");
        assert_eq!(said(511, html, page).0, "captive_portal");
        let ours = r#"{"code":"not_found","detail":"Not found."}"#;
        assert_eq!(said(404, "application/problem+json", ours).0, "not_found");
    }

    #[test]
    fn a_busy_server_says_when_to_come_back() {
        let mut busy = reply(503, "application/problem+json", r#"{"code":"overloaded"}"#);
        busy.retry_after_s = Some(7);
        let error = busy.expect(SYNC_MEDIA_TYPE);
        assert_eq!(error, Err(NetError::Busy { retry_after_s: Some(7) }));
    }
}
