//! A WebSocket of someone who writes its frames by hand.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::Town;
use super::hand::{Hand, said};
use super::wire::{ATTACKER, open};

/// How long a message is waited for, whatever else comes meanwhile: a server's pings too.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why no message came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The server said that it closes, or the connection is gone.
    Closed,
    /// The connection stands, and nothing was said on it in time.
    Silent,
}

impl End {
    /// As an answer.
    pub fn told(self) -> String {
        match self {
            Self::Closed => "closed".to_owned(),
            Self::Silent => "silent".to_owned(),
        }
    }
}

/// The socket.
pub struct Socket {
    pub stream: TcpStream,
    /// Why the server closed it, as it said.
    pub farewell: String,
}

impl Socket {
    /// Opens one with a phone's token.
    pub fn open(town: &Town, hand: &Hand) -> Option<Self> {
        let version = "sec-websocket-version: 13\r\n";
        let mut stream = upgrade(town, &hand.client.token, version)?;
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte).ok()?;
            head.push(byte[0]);
        }
        head.starts_with(b"HTTP/1.1 101").then_some(Self { stream, farewell: String::new() })
    }

    /// Sends a binary message and gives what comes back.
    pub fn ask(&mut self, message: &[u8]) -> String {
        self.write(&frame(0x82, message));
        self.answer()
    }

    /// Sends bytes as they are; the server may have closed already.
    pub fn write(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    /// The next binary message that is no notification, or why there is none.
    pub fn answer(&mut self) -> String {
        self.next_within(PATIENCE).map_or_else(End::told, |bytes| said(&bytes))
    }

    fn next_within(&mut self, patience: Duration) -> Result<Vec<u8>, End> {
        let until = Instant::now() + patience;
        loop {
            let mut head = [0; 2];
            self.fill(&mut head, until)?;
            let length = match head[1] & 0x7f {
                126 => {
                    let mut more = [0; 2];
                    self.fill(&mut more, until)?;
                    u64::from(u16::from_be_bytes(more))
                }
                127 => {
                    let mut more = [0; 8];
                    self.fill(&mut more, until)?;
                    u64::from_be_bytes(more)
                }
                short => u64::from(short),
            };
            let mut body = vec![0; usize::try_from(length).map_err(|_| End::Closed)?];
            self.fill(&mut body, until)?;
            match head[0] & 0x0f {
                2 if said(&body) == "notification" => {}
                2 => return Ok(body),
                8 => {
                    self.farewell =
                        String::from_utf8_lossy(body.get(2..).unwrap_or_default()).into();
                    return Err(End::Closed);
                }
                _ => {}
            }
        }
    }

    /// Reads exactly so many bytes.
    fn fill(&mut self, mut bytes: &mut [u8], until: Instant) -> Result<(), End> {
        while !bytes.is_empty() {
            let left = until.saturating_duration_since(Instant::now());
            // A timeout of nothing would be none at all.
            if left.is_zero() {
                return Err(End::Silent);
            }
            self.stream.set_read_timeout(Some(left)).map_err(|_| End::Closed)?;
            match self.stream.read(bytes) {
                Ok(0) => return Err(End::Closed),
                Ok(count) => bytes = bytes.get_mut(count..).unwrap_or_default(),
                Err(error) => match error.kind() {
                    ErrorKind::Interrupted => {}
                    ErrorKind::WouldBlock | ErrorKind::TimedOut => return Err(End::Silent),
                    _ => return Err(End::Closed),
                },
            }
        }
        Ok(())
    }
}

/// One frame of a WebSocket, masked with zeros.
pub fn frame(first: u8, body: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match body.len() {
        short @ 0..=125 => frame.push(0x80 | short as u8),
        middle @ 126..=65_535 => {
            frame.push(0x80 | 126);
            frame.extend((middle as u16).to_be_bytes());
        }
        long => {
            frame.push(0x80 | 127);
            frame.extend((long as u64).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(body);
    frame
}

/// Asks for a socket; the answer is still to be read.
pub fn upgrade(town: &Town, token: &str, headers: &str) -> Option<TcpStream> {
    let mut stream = open(ATTACKER, town.server.address).ok()?;
    let auth = match token {
        "" => String::new(),
        token => format!("authorization: Bearer {token}\r\n"),
    };
    let head = format!(
        "GET /v1/sync/ws HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}{auth}\r\n"
    );
    stream.write_all(head.as_bytes()).ok()?;
    Some(stream)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn ends() -> (Socket, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let stream = TcpStream::connect(address).expect("a connection");
        (Socket { stream, farewell: String::new() }, listener.accept().expect("it is taken").0)
    }

    const SOON: Duration = Duration::from_millis(50);

    #[test]
    fn who_says_nothing_or_only_pings_is_silent() {
        let (mut socket, mut server) = ends();
        assert_eq!(socket.next_within(SOON), Err(End::Silent));
        server.write_all(&[0x89, 0, 0x89]).expect("it is sent");
        assert_eq!(socket.next_within(SOON), Err(End::Silent));
    }

    #[test]
    fn who_hangs_up_or_says_so_is_closed() {
        let (mut socket, mut server) = ends();
        server.write_all(&[0x89, 0, 0x88, 0]).expect("it is sent");
        assert_eq!(socket.next_within(PATIENCE), Err(End::Closed));
        let (mut socket, server) = ends();
        drop(server);
        assert_eq!(socket.next_within(PATIENCE), Err(End::Closed));
    }

    #[test]
    fn a_message_after_a_ping_is_the_answer() {
        let (mut socket, mut server) = ends();
        server.write_all(&[0x89, 0, 0x82, 2, 7, 8]).expect("it is sent");
        assert_eq!(socket.next_within(PATIENCE), Ok(vec![7, 8]));
    }
}
