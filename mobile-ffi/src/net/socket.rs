//! Sync frames over a WebSocket that stays open between syncs, so the server can notify the phone.

use std::io::ErrorKind;
use std::net::{Shutdown, TcpStream, ToSocketAddrs as _};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
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
/// How long frames are posted where something on the way lets no socket through, before one is tried again.
const POSTING: Duration = Duration::from_secs(600);
const PATH: &str = "/v1/sync/ws";

type Socket = WebSocket<MaybeTlsStream<TcpStream>>;

/// What syncs and those who listen share: one of them uses the socket at a time.
#[derive(Default)]
struct Link {
    /// The socket that waits for the next one, with the token it was opened with.
    open: Option<(String, Socket)>,
    /// Whether someone uses it, or opens one.
    in_use: bool,
    /// Syncs that wait for it.
    syncs: usize,
    /// Since when it is known that the way lets no socket through, while posts do get through.
    posting: Option<Instant>,
}

/// The use of the socket. It ends with this value, and the socket that stands in it is kept open.
struct Turn<'t> {
    transport: &'t SocketTransport,
    open: Option<(String, Socket)>,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut link = self.transport.link();
        link.open = self.open.take();
        link.in_use = false;
        drop(link);
        self.transport.free.notify_all();
    }
}

/// WebSocket for sync frames, HTTP for everything else, for the frames of a revoked phone, and where a
/// proxy lets no socket through.
pub struct SocketTransport {
    http: HttpTransport,
    /// Address of the socket: `ws://…` or `wss://…`.
    url: String,
    /// Host and port to connect to.
    address: String,
    link: Mutex<Link>,
    /// Notified when a use of the socket ends.
    free: Condvar,
    /// The connection of the exchange under way, for [`Transport::abort`], which waits for no exchange.
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
        let (link, free, under_way) = (Mutex::default(), Condvar::new(), Mutex::new(None));
        Ok(Self { http, url, address, link, free, under_way, exchange: EXCHANGE })
    }

    fn link(&self) -> MutexGuard<'_, Link> {
        self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the socket is free for a sync.
    fn turn_to_sync(&self) -> Turn<'_> {
        let mut link = self.link();
        link.syncs += 1;
        let wait = self.free.wait_while(link, |link| link.in_use);
        let mut link = wait.unwrap_or_else(PoisonError::into_inner);
        link.syncs -= 1;
        self.begin(link)
    }

    /// Waits until the socket is free and no sync waits for it.
    fn turn_to_listen(&self) -> Turn<'_> {
        let wait = self.free.wait_while(self.link(), |link| link.in_use || link.syncs > 0);
        self.begin(wait.unwrap_or_else(PoisonError::into_inner))
    }

    fn begin(&self, mut link: MutexGuard<'_, Link>) -> Turn<'_> {
        link.in_use = true;
        Turn { transport: self, open: link.open.take() }
    }

    /// Whether a socket is worth a try.
    fn may_open(&self) -> bool {
        self.link().posting.is_none_or(|since| since.elapsed() >= POSTING)
    }

    fn lets_no_socket_through(&self) {
        self.link().posting = Some(Instant::now());
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

    /// After an error nothing of the connection stays open. Only for whoever uses the socket.
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
        let mut turn = self.turn_to_sync();
        if let Some((token, mut socket)) = turn.open.take() {
            // A socket that died meanwhile is found out only by using it; sending again is safe,
            // because the server gives the same change the same verdict.
            if token == bearer
                && let Ok(answer) = exchange(&mut socket, frame, self.exchange)
            {
                turn.open = Some((token, socket));
                return Ok(answer);
            }
        }
        if !self.may_open() {
            drop(turn);
            return self.http.sync(bearer, frame);
        }
        let mut socket = match self.closing(self.connect(bearer)) {
            Ok(socket) => socket,
            Err(error) if may_be_revoked(&error) => {
                drop(turn);
                // A revoked phone gets no socket. A post is refused as well, but what it brings is
                // handed to the office, which looks at it.
                return self.http.sync(bearer, frame);
            }
            Err(error) if is_answer(&error) || matches!(error, NetError::Cut(_)) => {
                drop(turn);
                return self.post_instead(bearer, frame);
            }
            Err(error) => return Err(error),
        };
        match self.closing(exchange(&mut socket, frame, self.exchange)) {
            Ok(answer) => {
                turn.open = Some((bearer.to_owned(), socket));
                Ok(answer)
            }
            // A proxy may open a socket and pass nothing on.
            Err(NetError::Cut(_) | NetError::Garbled(_)) => {
                drop(turn);
                self.post_instead(bearer, frame)
            }
            Err(error) => Err(error),
        }
    }

    /// Listens in short turns, so that a sync need not wait for the listening to end.
    fn news(&self, bearer: &str, timeout: Duration) -> Result<Option<bool>, NetError> {
        let until = Instant::now() + timeout;
        loop {
            let mut turn = self.turn_to_listen();
            let (token, mut socket) = match turn.open.take() {
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
            turn.open = Some((token, socket));
            drop(turn);
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

    #[test]
    fn a_sync_goes_before_those_who_listen() {
        for _ in 0..50 {
            let transport = SocketTransport::new("http://127.0.0.1:9").unwrap();
            let order = Mutex::new(Vec::new());
            let say = |who| order.lock().unwrap().push(who);
            std::thread::scope(|threads| {
                let turn = transport.turn_to_listen();
                threads.spawn(|| {
                    let _turn = transport.turn_to_listen();
                    say("listens");
                });
                threads.spawn(|| {
                    let _turn = transport.turn_to_sync();
                    say("syncs");
                });
                while transport.link().syncs == 0 {
                    std::thread::yield_now();
                }
                drop(turn);
            });
            assert_eq!(order.into_inner().unwrap(), ["syncs", "listens"]);
        }
    }

    #[test]
    fn a_socket_that_was_left_open_is_there_for_the_next_use() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = std::thread::spawn(move || {
            // One connection alone is answered.
            let mut socket = tungstenite::accept(listener.accept().unwrap().0).unwrap();
            drop(listener);
            while let Ok(Message::Binary(frame)) = socket.read() {
                socket.send(Message::Binary(frame)).unwrap();
            }
        });
        let transport = SocketTransport::new(&url).unwrap();
        for frame in [b"one", b"two"] {
            assert_eq!(transport.sync("t", frame).unwrap(), frame);
        }
        assert!(transport.link().open.is_some() && !transport.link().in_use);
        transport.abort();
        assert!(transport.sync("t", b"three").is_err());
        assert!(transport.link().open.is_none() && !transport.link().in_use);
        server.join().unwrap();
    }
}
