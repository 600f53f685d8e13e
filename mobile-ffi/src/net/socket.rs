//! Sync frames over a WebSocket that stays open between syncs, so the server can poke the phone.

use std::io::ErrorKind;
use std::net::{TcpStream, ToSocketAddrs as _};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sync_core::limits;
use tungstenite::client::IntoClientRequest as _;
use tungstenite::protocol::WebSocketConfig;
use tungstenite::stream::MaybeTlsStream;
use tungstenite::{Message, WebSocket};

use super::{Connector, HttpTransport, NetError, Post, REVOKED, Reply, Transport};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
const READ_TIMEOUT: Duration = Duration::from_secs(120);
/// How long a sync may have to wait for somebody who listens.
const LISTEN_TURN: Duration = Duration::from_millis(200);
/// How long somebody who listens stands aside for a sync at a time.
const YIELD: Duration = Duration::from_millis(1);
const PATH: &str = "/v1/sync/ws";

type Socket = WebSocket<MaybeTlsStream<TcpStream>>;

/// WebSocket for sync frames, HTTP for everything else, and for the frames of a revoked phone.
pub struct SocketTransport {
    http: HttpTransport,
    /// Address of the socket: `ws://…` or `wss://…`.
    url: String,
    /// Host and port to connect to.
    address: String,
    open: Mutex<Option<(String, Socket)>>,
    /// Syncs that wait for somebody who listens.
    syncs: AtomicUsize,
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
        Ok(Self { http, url, address, open: Mutex::new(None), syncs: AtomicUsize::new(0) })
    }

    fn connect(&self, bearer: &str) -> Result<Socket, NetError> {
        let unreachable = |error: std::io::Error| NetError::Unreachable(error.to_string());
        let address = self.address.to_socket_addrs().map_err(unreachable)?.next();
        let address = address.ok_or_else(|| NetError::BadAddress(self.address.clone()))?;
        let stream = TcpStream::connect_timeout(&address, CONNECT_TIMEOUT).map_err(unreachable)?;
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

    fn sync(&self, bearer: &str, frame: &[u8]) -> Result<Vec<u8>, NetError> {
        self.syncs.fetch_add(1, Ordering::SeqCst);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        self.syncs.fetch_sub(1, Ordering::SeqCst);
        if let Some((token, mut socket)) = open.take() {
            // A socket that died meanwhile is found out only by using it; sending again is safe,
            // because the server gives the same change the same verdict.
            if token == bearer
                && let Ok(answer) = exchange(&mut socket, frame)
            {
                *open = Some((token, socket));
                return Ok(answer);
            }
        }
        let mut socket = match self.connect(bearer) {
            Ok(socket) => socket,
            Err(error) if may_be_revoked(&error) => {
                drop(open);
                // A revoked phone gets no socket. A post is refused as well, but what it brings is
                // handed to the office, which looks at it.
                return self.http.sync(bearer, frame);
            }
            Err(error) => return Err(error),
        };
        let answer = exchange(&mut socket, frame)?;
        *open = Some((bearer.to_owned(), socket));
        Ok(answer)
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
                None => (bearer.to_owned(), self.connect(bearer)?),
            };
            let heard = listen(&mut socket)?;
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

fn exchange(socket: &mut Socket, frame: &[u8]) -> Result<Vec<u8>, NetError> {
    socket.send(Message::binary(frame.to_vec())).map_err(error)?;
    loop {
        match socket.read().map_err(error)? {
            // A poke may come at any moment and says only that a sync is worthwhile: this is one.
            Message::Binary(bytes) if is_poke(&bytes) => {}
            Message::Binary(bytes) => return Ok(bytes.to_vec()),
            Message::Close(_) => return Err(NetError::Cut("the server closed the socket".into())),
            Message::Text(_) => return Err(NetError::Garbled("text on the sync socket".into())),
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
        }
    }
}

/// One turn of listening; whether a poke came.
fn listen(socket: &mut Socket) -> Result<bool, NetError> {
    read_timeout(socket, LISTEN_TURN)?;
    let heard = match socket.read() {
        Ok(Message::Binary(bytes)) => is_poke(&bytes),
        Ok(Message::Close(_)) => {
            return Err(NetError::Cut("the server closed the socket".to_owned()));
        }
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

fn read_timeout(socket: &Socket, timeout: Duration) -> Result<(), NetError> {
    let stream = match socket.get_ref() {
        MaybeTlsStream::Plain(stream) => stream,
        MaybeTlsStream::Rustls(tls) => &tls.sock,
        _ => return Ok(()),
    };
    stream.set_read_timeout(Some(timeout)).map_err(|error| NetError::Cut(error.to_string()))
}

fn is_poke(bytes: &[u8]) -> bool {
    use sync_core::sync::{Frame, decode_response};
    matches!(decode_response(bytes), Ok(Frame::Poke))
}

fn error(error: tungstenite::Error) -> NetError {
    use tungstenite::Error;
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
        // A portal that ends TLS cannot show the server's certificate.
        Error::Tls(_) => NetError::Portal,
        Error::Url(_) | Error::HttpFormat(_) => NetError::BadAddress(error.to_string()),
        other => NetError::Cut(other.to_string()),
    }
}
