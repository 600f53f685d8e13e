//! As much of HTTP/1.1 as a device of the benchmark speaks: one request, one answer, closed.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Seconds after which to come again, if it says so.
    pub retry_after: Option<f64>,
    /// Its body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as JSON; null if it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// Posts a body.
pub async fn post(
    address: SocketAddr,
    path: &str,
    media: &str,
    token: Option<&str>,
    body: &[u8],
) -> io::Result<Answer> {
    send(address, "POST", path, media, token, body).await
}

/// Sends a request on a connection of its own and reads the whole answer.
pub async fn send(
    address: SocketAddr,
    method: &str,
    path: &str,
    media: &str,
    token: Option<&str>,
    body: &[u8],
) -> io::Result<Answer> {
    let stream = TcpStream::connect(address).await?;
    send_on(stream, method, path, media, token, body).await
}

/// The same on a connection that is open already.
pub async fn send_on(
    mut stream: TcpStream,
    method: &str,
    path: &str,
    media: &str,
    token: Option<&str>,
    body: &[u8],
) -> io::Result<Answer> {
    let address = stream.peer_addr()?;
    let bearer = token.map(|token| format!("Authorization: Bearer {token}\r\n"));
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
         Content-Type: {media}\r\n{}Content-Length: {}\r\n\r\n",
        bearer.unwrap_or_default(),
        body.len()
    );
    let mut message = head.into_bytes();
    message.extend_from_slice(body);
    // A server that is full may answer and close before it took the body.
    let sent = stream.write_all(&message).await;
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer).await;
    if answer.is_empty() {
        sent?;
        read?;
    }
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
    let end = end.ok_or_else(|| io::Error::other("the answer has no head"))? + 4;
    let head = String::from_utf8_lossy(&answer[..end]).to_lowercase();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let after = head.lines().find_map(|line| line.strip_prefix("retry-after:"));
    Ok(Answer {
        status: status.ok_or_else(|| io::Error::other("the answer has no status"))?,
        retry_after: after.and_then(|after| after.trim().parse().ok()),
        body: answer.split_off(end),
    })
}
