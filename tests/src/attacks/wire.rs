//! A client that sends whatever it is told to, from an address of its choice.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use rustix::net::{AddressFamily, SocketType, bind, connect, socket};

/// From where attacks come; the honest come from 127.0.0.1.
pub const ATTACKER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 66);
/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// An answer.
#[derive(Debug, Clone, Default)]
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Reply {
    /// The status, and the code if it is a problem.
    pub fn told(&self) -> String {
        match self.json()["code"].as_str() {
            Some(code) if self.status >= 400 => format!("{} {code}", self.status),
            _ => self.status.to_string(),
        }
    }

    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// A header.
    pub fn header(&self, name: &str) -> &str {
        let found = self.head.lines().filter_map(|line| line.split_once(':'));
        let mut found = found.filter(|(known, _)| known.eq_ignore_ascii_case(name));
        found.next().map_or("", |(_, value)| value.trim())
    }
}

/// A connection from an address of this machine.
pub fn open(from: Ipv4Addr, to: SocketAddr) -> io::Result<TcpStream> {
    let fd = socket(AddressFamily::INET, SocketType::STREAM, None)?;
    bind(&fd, &SocketAddr::from((from, 0)))?;
    connect(&fd, &to)?;
    let stream = TcpStream::from(fd);
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// One request on a connection of its own.
pub fn call(
    from: Ipv4Addr,
    to: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Reply {
    let mut request =
        format!("{method} {path} HTTP/1.1\r\nhost: {to}\r\nconnection: close\r\n").into_bytes();
    for (name, value) in headers {
        request.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    if !body.is_empty() || matches!(method, "POST" | "PUT" | "PATCH") {
        request.extend_from_slice(format!("content-length: {}\r\n", body.len()).as_bytes());
    }
    request.extend_from_slice(b"\r\n");
    request.extend_from_slice(body);
    replies(&send(from, to, &[&request])).into_iter().next().unwrap_or_default()
}

/// Sends pieces and reads until the server closes; it may close while we still write.
pub fn send(from: Ipv4Addr, to: SocketAddr, pieces: &[&[u8]]) -> Vec<u8> {
    let Ok(mut stream) = open(from, to) else { return b"unreachable".to_vec() };
    for piece in pieces {
        if stream.write_all(piece).is_err() {
            break;
        }
    }
    rest(&mut stream)
}

/// Everything the server still says until it closes.
pub fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut all = Vec::new();
    let mut buffer = [0; 65_536];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return all,
            Ok(count) => all.extend_from_slice(buffer.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                all.extend_from_slice(b"SILENT");
                return all;
            }
            Err(_) => return all,
        }
    }
}

/// What a server said on one connection, as `status code` for each answer; `closed` for nothing.
pub fn told(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "closed".to_owned();
    }
    let replies = replies(bytes);
    if replies.is_empty() {
        return format!("not HTTP: {}", String::from_utf8_lossy(bytes));
    }
    replies.iter().map(Reply::told).collect::<Vec<_>>().join(", ")
}

/// The answers on one connection.
pub fn replies(bytes: &[u8]) -> Vec<Reply> {
    let mut replies = Vec::new();
    let mut left = bytes;
    while let Some(end) = left.windows(4).position(|four| four == b"\r\n\r\n") {
        let head = String::from_utf8_lossy(left.get(..end).unwrap_or_default()).into_owned();
        let status = head.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5));
        let Some(status) = status.and_then(|status| status.parse().ok()) else { break };
        let mut reply = Reply { status, head, body: Vec::new() };
        left = left.get(end + 4..).unwrap_or_default();
        let length: usize = reply.header("content-length").parse().unwrap_or(0);
        reply.body = left.get(..length.min(left.len())).unwrap_or_default().to_vec();
        left = left.get(length.min(left.len())..).unwrap_or_default();
        if status != 100 {
            replies.push(reply);
        }
    }
    replies
}
