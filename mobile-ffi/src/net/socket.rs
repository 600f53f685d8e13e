//! Sync frames over a WebSocket that stays open between syncs, so the server can notify the phone.

use std::io::ErrorKind;
use std::net::{Shutdown, TcpStream, ToSocketAddrs as _};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sync_core::limits;
use sync_core::sync::close;
use tungstenite::client::IntoClientRequest as _;
use tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tungstenite::stream::MaybeTlsStream;
use tungstenite::{Message, WebSocket};

use super::{Connector, EXPIRED, HttpTransport, NetError, Post, REVOKED, Reply, Transport};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
const READ_TIMEOUT: Duration = Duration::from_secs(120);
/// How long one exchange may take, whatever the server sends meanwhile.
const EXCHANGE: Duration = Duration::from_secs(300);
/// Addresses of a name that are tried, in the order in which the system gives them.
const ADDRESSES: usize = 8;
/// How long a sync may have to wait for someone who listens.
const LISTEN_TURN: Duration = Duration::from_millis(200);
/// How long someone who listens stands aside for a sync at a time.
const YIELD: Duration = Duration::from_millis(1);
/// How long frames are posted where something on the way lets no socket through, before one is tried again.
const POSTING: Duration = Duration::from_secs(600);
const PATH: &str = "/v1/sync/ws";

type Socket = WebSocket<MaybeTlsStream<TcpStream>>;

/// WebSocket for sync frames, HTTP for everything else, for the frames of a revoked phone, and where a
/// proxy lets no socket through.
pub struct SocketTransport {
    http: HttpTransport,
    /// Address of the socket: `ws://…` or `wss://…`.
    url: String,
    /// Host and port to connect to.
    address: String,
    open: Mutex<Option<(String, Socket)>>,
    /// Syncs that wait for someone who listens.
    syncs: AtomicUsize,
    /// Since when it is known that the way lets no socket through, while posts do get through.
    posting: Mutex<Option<Instant>>,
    /// The connection of the exchange under way.
    under_way: Mutex<Option<TcpStream>>,
    /// How long one exchange may take.
    exchange: Duration,
}

impl SocketTransport {
    /// To the server at `base`, such as `https://towline.example` or `http://127.0.0.1:8080`.
    pub fn new(base: &str) -> Result<Self, NetError> {
        let http = HttpTransport::new(base)?;
        let base = base.trim().trim_end_matches('/');
        let (scheme, authority, port) = match base.split_once("://") {
            Some(("https", authority)) => ("wss", authority, 443),
            Some((_, authority)) => ("ws", authority, 80),
            None => return Err(NetError::BadAddress(base.to_owned())),
        };
        let host = authority.split('/').next().unwrap_or_default();
        let has_port = host.rsplit_once(':').is_some_and(|(_, port)| !port.contains(']'));
        let address = if has_port { host.to_owned() } else { format!("{host}:{port}") };
        let url = format!("{scheme}://{authority}{PATH}");
        let (open, under_way, posting) = (Mutex::new(None), Mutex::new(None), Mutex::new(None));
        let syncs = AtomicUsize::new(0);
        Ok(Self { http, url, address, open, syncs, posting, under_way, exchange: EXCHANGE })
    }

    /// Whether a socket is worth a try.
    fn may_open(&self) -> bool {
        let posting = *self.posting.lock().unwrap_or_else(PoisonError::into_inner);
        posting.is_none_or(|since| since.elapsed() >= POSTING)
    }

    fn lets_no_socket_through(&self) {
        *self.posting.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Posts a frame that no socket took. Sending again is safe, as the server gives the same change the
    /// same verdict; where it gets through, the way is one for posts.
    fn post_instead(&self, bearer: &str, frame: &[u8]) -> Result<Vec<u8>, NetError> {
        let answer = self.http.sync(bearer, frame)?;
        self.lets_no_socket_through();
        Ok(answer)
    }

    /// Connects to the first address of the server that answers.
    fn reach(&self) -> Result<TcpStream, NetError> {
        let unreachable = |error: std::io::Error| NetError::Unreachable(error.to_string());
        let mut failed = NetError::BadAddress(self.address.clone());
        for address in self.address.to_socket_addrs().map_err(unreachable)?.take(ADDRESSES) {
            match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
                Ok(stream) => return Ok(stream),
                Err(error) => failed = unreachable(error),
            }
        }
        Err(failed)
    }

    fn under_way(&self) -> MutexGuard<'_, Option<TcpStream>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// After an error nothing of the connection stays open. Only while `open` is locked.
    fn closing<T>(&self, result: Result<T, NetError>) -> Result<T, NetError> {
        if result.is_err() {
            self.abort();
        }
        result
    }

    fn connect(&self, bearer: &str) -> Result<Socket, NetError> {
        let unreachable = |error: std::io::Error| NetError::Unreachable(error.to_string());
        let stream = self.reach()?;
        *self.under_way() = stream.try_clone().ok();
        stream.set_nodelay(true).map_err(unreachable)?;
        stream.set_read_timeout(Some(READ_TIMEOUT)).map_err(unreachable)?;
        stream.set_write_timeout(Some(READ_TIMEOUT)).map_err(unreachable)?;
        let mut request = self.url.as_str().into_client_request().map_err(error)?;
        let token = format!("Bearer {bearer}").parse();
        let token = token.map_err(|_| NetError::Garbled("the access token".to_owned()))?;
        request.headers_mut().insert("authorization", token);
        let config = WebSocketConfig::default()
            .max_message_size(Some(limits::FRAME_BYTES))
            .max_frame_size(Some(limits::FRAME_BYTES))
            .max_write_buffer_size(2 * limits::FRAME_BYTES);
        match tungstenite::client_tls_with_config(request, stream, Some(config), None) {
            Ok((socket, _)) => Ok(socket),
            Err(tungstenite::HandshakeError::Failure(failure)) => Err(error(failure)),
            Err(tungstenite::HandshakeError::Interrupted(_)) => {
                Err(NetError::Cut("the handshake timed out".to_owned()))
            }
        }
    }
}

impl Transport for SocketTransport {
    fn post(&self, request: Post<'_>) -> Result<Reply, NetError> {
        self.http.post(request)
    }

    fn abort(&self) {
        if let Some(stream) = self.under_way().take() {
            // One that is closed already needs nothing.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn sync(&self, bearer: &str, frame: &[u8]) -> Result<Vec<u8>, NetError> {
        self.syncs.fetch_add(1, Ordering::SeqCst);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        self.syncs.fetch_sub(1, Ordering::SeqCst);
        if let Some((token, mut socket)) = open.take() {
            // A socket that died meanwhile is found out only by using it; sending again is safe,
            // because the server gives the same change the same verdict.
            if token == bearer
                && let Ok(answer) = exchange(&mut socket, frame, self.exchange)
            {
                *open = Some((token, socket));
                return Ok(answer);
            }
        }
        if !self.may_open() {
            drop(open);
            return self.http.sync(bearer, frame);
        }
        let mut socket = match self.closing(self.connect(bearer)) {
            Ok(socket) => socket,
            Err(error) if may_be_revoked(&error) => {
                drop(open);
                // A revoked phone gets no socket. A post is refused as well, but what it brings is
                // handed to the office, which looks at it.
                return self.http.sync(bearer, frame);
            }
            Err(error) if is_answer(&error) || matches!(error, NetError::Cut(_)) => {
                drop(open);
                return self.post_instead(bearer, frame);
            }
            Err(error) => return Err(error),
        };
        match self.closing(exchange(&mut socket, frame, self.exchange)) {
            Ok(answer) => {
                *open = Some((bearer.to_owned(), socket));
                Ok(answer)
            }
            // A proxy may open a socket and pass nothing on.
            Err(NetError::Cut(_) | NetError::Garbled(_)) => {
                drop(open);
                self.post_instead(bearer, frame)
            }
            Err(error) => Err(error),
        }
    }

    /// Listens in short turns, so that a sync need not wait for the listening to end.
    fn news(&self, bearer: &str, timeout: Duration) -> Result<Option<bool>, NetError> {
        let until = Instant::now() + timeout;
        loop {
            while self.syncs.load(Ordering::SeqCst) > 0 {
                std::thread::sleep(YIELD);
            }
            let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            let (token, mut socket) = match open.take() {
                Some(open) => open,
                None if !self.may_open() => return Ok(None),
                None => match self.closing(self.connect(bearer)) {
                    Ok(socket) => (bearer.to_owned(), socket),
                    Err(error) if is_answer(&error) => {
                        self.lets_no_socket_through();
                        return Ok(None);
                    }
                    Err(error) => return Err(error),
                },
            };
            let heard = self.closing(listen(&mut socket))?;
            *open = Some((token, socket));
            drop(open);
            if heard || Instant::now() >= until {
                return Ok(Some(heard));
            }
        }
    }
}

/// Connects by WebSocket.
#[derive(Debug, Clone, Copy, Default)]
pub struct SocketConnector;

impl Connector for SocketConnector {
    fn connect(&self, server_url: &str) -> Result<Arc<dyn Transport>, NetError> {
        Ok(Arc::new(SocketTransport::new(server_url)?))
    }
}

/// Whether a socket was refused because the phone was revoked, or may have been: of an answer to
/// a handshake only so much is read as came together with its head, perhaps not the code.
fn may_be_revoked(error: &NetError) -> bool {
    let NetError::Login { code, .. } = error else { return false };
    code == REVOKED || code == &super::unnamed(401)
}

/// Whether the handshake was answered, and not by a server that can be asked for a socket: a proxy
/// passed it on without `Upgrade` or answered it itself.
fn is_answer(error: &NetError) -> bool {
    match error {
        NetError::Refused { status, .. } => !matches!(status, 403 | 429),
        NetError::NotPassedOn { .. }
        | NetError::Gateway { .. }
        | NetError::Redirected { .. }
        | NetError::Portal
        | NetError::Garbled(_) => true,
        _ => false,
    }
}

fn exchange(socket: &mut Socket, frame: &[u8], within: Duration) -> Result<Vec<u8>, NetError> {
    let until = Instant::now() + within;
    socket.send(Message::binary(frame.to_vec())).map_err(error)?;
    loop {
        // A server that only pings, or sends a byte now and then, has no more time than a silent one.
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(NetError::Cut("the answer took too long".to_owned()));
        }
        read_timeout(socket, left.min(READ_TIMEOUT))?;
        match socket.read().map_err(error)? {
            // A notification may come at any moment and says only that a sync is worthwhile: this is one.
            Message::Binary(bytes) if is_notification(&bytes) => {}
            Message::Binary(bytes) => return Ok(bytes.to_vec()),
            Message::Close(frame) => return Err(closed(frame)),
            Message::Text(_) => return Err(NetError::Garbled("text on the sync socket".into())),
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
        }
    }
}

/// One turn of listening; whether a notification came.
fn listen(socket: &mut Socket) -> Result<bool, NetError> {
    read_timeout(socket, LISTEN_TURN)?;
    let heard = match socket.read() {
        Ok(Message::Binary(bytes)) => is_notification(&bytes),
        Ok(Message::Close(frame)) => return Err(closed(frame)),
        Ok(_) => false,
        Err(tungstenite::Error::Io(io))
            if matches!(io.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
        {
            false
        }
        Err(other) => return Err(error(other)),
    };
    read_timeout(socket, READ_TIMEOUT)?;
    Ok(heard)
}

/// Why the server closed a socket, by the code it gave.
fn closed(frame: Option<CloseFrame>) -> NetError {
    let (code, reason) = frame
        .map_or((close::GOING_AWAY, String::new()), |it| (it.code.into(), it.reason.to_string()));
    let login = |code: &str, sentence: &str| NetError::Login {
        code: code.to_owned(),
        reason: None,
        verdicts: None,
        sentence: sentence.to_owned(),
    };
    match code {
        close::LOG_IN_AGAIN => login(EXPIRED, "The login has ended; log in again."),
        close::REVOKED => login(REVOKED, "This phone was revoked."),
        close::TRY_LATER => NetError::Busy { retry_after_s: None },
        _ => NetError::Cut(format!("the server closed the socket ({code} {reason})")),
    }
}

fn read_timeout(socket: &Socket, timeout: Duration) -> Result<(), NetError> {
    let stream = match socket.get_ref() {
        MaybeTlsStream::Plain(stream) => stream,
        MaybeTlsStream::Rustls(tls) => &tls.sock,
        _ => return Ok(()),
    };
    stream.set_read_timeout(Some(timeout)).map_err(|error| NetError::Cut(error.to_string()))
}

fn is_notification(bytes: &[u8]) -> bool {
    use sync_core::sync::{Frame, decode_response};
    matches!(decode_response(bytes), Ok(Frame::Notification))
}

fn error(error: tungstenite::Error) -> NetError {
    use tungstenite::Error;
    use tungstenite::error::TlsError;
    match error {
        Error::Http(response) => {
            let header = |name: &str| response.headers().get(name).and_then(|v| v.to_str().ok());
            let media_type = header("content-type").unwrap_or_default();
            let media_type = media_type.split(';').next().unwrap_or_default().trim();
            let reply = Reply {
                status: response.status().as_u16(),
                media_type: media_type.to_ascii_lowercase(),
                retry_after_s: header("retry-after").and_then(|value| value.parse().ok()),
                date_s: None,
                body: response.body().clone().unwrap_or_default(),
            };
            match reply.expect(super::SYNC_MEDIA_TYPE) {
                Err(error) => error,
                Ok(_) => NetError::Garbled("the socket's handshake".to_owned()),
            }
        }
        Error::Capacity(_) | Error::Protocol(_) | Error::Utf8(_) => {
            NetError::Garbled(error.to_string())
        }
        Error::Tls(TlsError::Rustls(ref error)) => super::tls(error),
        Error::Tls(_) => NetError::Portal,
        Error::Io(ref io) => super::tls_inside(io).unwrap_or(NetError::Cut(error.to_string())),
        Error::Url(_) | Error::HttpFormat(_) => NetError::BadAddress(error.to_string()),
        other => NetError::Cut(other.to_string()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_only_pings_has_no_more_time_than_a_silent_one() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = std::thread::spawn(move || {
            let mut socket = tungstenite::accept(listener.accept().unwrap().0).unwrap();
            while socket.send(Message::Ping(Vec::new().into())).is_ok() {
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        let mut transport = SocketTransport::new(&url).unwrap();
        transport.exchange = Duration::from_millis(50);
        let end = transport.sync("t", b"frame");
        assert!(matches!(end, Err(NetError::Cut(_))), "{end:?}");
        server.join().unwrap();
    }
}
