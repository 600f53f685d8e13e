//! Requests over HTTP with ureq: one agent a server, its connections kept between requests.

use std::net::IpAddr;
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
    /// To the server at `base`, such as `https://towline.example`. Without TLS only to this very
    /// machine, such as `http://127.0.0.1:8080`.
    ///
    /// # Errors
    /// [`NetError::BadAddress`], [`NetError::Cleartext`].
    pub fn new(base: &str) -> Result<Self, NetError> {
        Self::to(base, is_here)
    }

    /// The same, and without TLS to any server: whoever is on the way reads everything and can
    /// answer in its place. For laboratories only.
    ///
    /// # Errors
    /// [`NetError::BadAddress`].
    pub fn allowing_cleartext(base: &str) -> Result<Self, NetError> {
        Self::to(base, |_| true)
    }

    fn to(base: &str, cleartext: impl Fn(&str) -> bool) -> Result<Self, NetError> {
        let base = base.trim().trim_end_matches('/');
        match base.split_once("://") {
            Some(("https", _)) => {}
            Some(("http", authority)) if cleartext(authority) => {}
            Some(("http", _)) => return Err(NetError::Cleartext(base.to_owned())),
            _ => return Err(NetError::BadAddress(base.to_owned())),
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
        let to = header("location").filter(|_| response.status().is_redirection());
        if let Some(to) =
            to.and_then(|to| super::redirect::of_the_server(&self.base, request.path, to))
        {
            return Err(NetError::Redirected { from: self.base.clone(), to });
        }
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

/// Connects by HTTP, and without TLS to any server; see [`HttpTransport::allowing_cleartext`].
#[derive(Debug, Clone, Copy, Default)]
pub struct CleartextConnector;

impl Connector for CleartextConnector {
    fn connect(&self, server_url: &str) -> Result<Arc<dyn Transport>, NetError> {
        Ok(Arc::new(HttpTransport::allowing_cleartext(server_url)?))
    }
}

/// Whether an authority (host, perhaps a port, perhaps a path after it) is this very machine.
fn is_here(authority: &str) -> bool {
    let host = authority.split(['/', '?', '#']).next().unwrap_or_default();
    // What stands before an @ is a name to log in with, and no host.
    let host = host.rsplit('@').next().unwrap_or_default();
    let host = match host.strip_prefix('[') {
        Some(six) => six.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
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
            ErrorKind::InvalidData if super::tls_inside(io).is_some() => {
                super::tls_inside(io).unwrap_or(NetError::Portal)
            }
            ErrorKind::ConnectionRefused
            | ErrorKind::NetworkUnreachable
            | ErrorKind::HostUnreachable
            | ErrorKind::AddrNotAvailable => NetError::Unreachable(error.to_string()),
            _ => NetError::Cut(error.to_string()),
        },
        ureq::Error::BodyExceedsLimit(_) => NetError::Garbled(error.to_string()),
        ureq::Error::Protocol(_) => NetError::Cut(error.to_string()),
        ureq::Error::Rustls(ref error) => super::tls(error),
        ureq::Error::Tls(_) => NetError::Portal,
        other => NetError::Cut(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_tls_only_this_very_machine_is_a_server() {
        for here in ["localhost:8080", "127.0.0.1", "127.8.0.1:1", "[::1]:8080", "LOCALHOST/x"] {
            assert!(HttpTransport::new(&format!("http://{here}")).is_ok(), "{here}");
        }
        let others = [
            "towline.example",
            "10.0.0.1:8080",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "localhost@evil.example",
            "[2001:db8::1]",
        ];
        for other in others {
            let refused = HttpTransport::new(&format!("http://{other}")).err();
            assert!(matches!(refused, Some(NetError::Cleartext(_))), "{other}");
            assert!(HttpTransport::allowing_cleartext(&format!("http://{other}")).is_ok());
            assert!(HttpTransport::new(&format!("https://{other}")).is_ok(), "{other}");
        }
    }
}
