//! Requests over HTTP with ureq: one agent a server, its connections kept between requests.

use std::sync::Arc;
use std::time::Duration;

use sync_core::limits;

use super::{Connector, NetError, Post, Reply, Transport};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// A page over a link of a few kilobits a second takes minutes; a link without any bytes does not.
const WHOLE_TIMEOUT: Duration = Duration::from_secs(300);

/// HTTP to one server.
#[derive(Debug, Clone)]
pub struct HttpTransport {
    agent: ureq::Agent,
    base: String,
}

impl HttpTransport {
    /// To the server at `base`, such as `https://towline.example` or `http://127.0.0.1:8080`.
    pub fn new(base: &str) -> Result<Self, NetError> {
        let base = base.trim().trim_end_matches('/');
        if !(base.starts_with("https://") || base.starts_with("http://")) {
            return Err(NetError::BadAddress(base.to_owned()));
        }
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_global(Some(WHOLE_TIMEOUT))
            .user_agent(concat!("towline-phone/", env!("CARGO_PKG_VERSION")))
            .build();
        Ok(Self { agent: config.new_agent(), base: base.to_owned() })
    }
}

impl Transport for HttpTransport {
    fn post(&self, request: Post<'_>) -> Result<Reply, NetError> {
        let url = format!("{}{}", self.base, request.path);
        let mut call = self
            .agent
            .post(&url)
            .header("content-type", request.media_type)
            .header("accept", request.accept);
        if let Some(token) = request.bearer {
            call = call.header("authorization", format!("Bearer {token}"));
        }
        let mut response = call.send(request.body).map_err(error)?;
        let header = |name: &str| response.headers().get(name).and_then(|v| v.to_str().ok());
        let media_type = header("content-type").unwrap_or_default();
        let media_type = media_type.split(';').next().unwrap_or_default().trim();
        let media_type = media_type.to_ascii_lowercase();
        let retry_after_s = header("retry-after").and_then(|value| value.trim().parse().ok());
        let date_s = header("date").and_then(super::date::parse);
        let status = response.status().as_u16();
        let limit = limits::FRAME_BYTES as u64 + 1;
        let body = response.body_mut().with_config().limit(limit).read_to_vec().map_err(error)?;
        Ok(Reply { status, media_type, retry_after_s, date_s, body })
    }
}

/// Connects by HTTP.
#[derive(Debug, Clone, Copy, Default)]
pub struct HttpConnector;

impl Connector for HttpConnector {
    fn connect(&self, server_url: &str) -> Result<Arc<dyn Transport>, NetError> {
        Ok(Arc::new(HttpTransport::new(server_url)?))
    }
}

fn error(error: ureq::Error) -> NetError {
    use std::io::ErrorKind;
    match error {
        ureq::Error::BadUri(uri) => NetError::BadAddress(uri),
        ureq::Error::HostNotFound | ureq::Error::ConnectionFailed => {
            NetError::Unreachable(error.to_string())
        }
        ureq::Error::Timeout(ureq::Timeout::Connect | ureq::Timeout::Resolve) => {
            NetError::Unreachable(error.to_string())
        }
        ureq::Error::Io(ref io) => match io.kind() {
            ErrorKind::ConnectionRefused
            | ErrorKind::NetworkUnreachable
            | ErrorKind::HostUnreachable
            | ErrorKind::AddrNotAvailable => NetError::Unreachable(error.to_string()),
            _ => NetError::Cut(error.to_string()),
        },
        ureq::Error::BodyExceedsLimit(_) => NetError::Garbled(error.to_string()),
        ureq::Error::Protocol(_) => NetError::Cut(error.to_string()),
        // A portal that terminates TLS cannot show the server's certificate.
        ureq::Error::Tls(_) | ureq::Error::Rustls(_) => NetError::Portal,
        other => NetError::Cut(other.to_string()),
    }
}
