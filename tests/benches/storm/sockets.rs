//! What an idle WebSocket costs the server.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::client::Device;
use crate::ours::runtime;
use crate::process::{Child, resident_kb};

/// Opens so many, lets them be, prints.
pub fn run(count: u64) {
    let mut server = Child::start(count, 0);
    let (before, after, open) = runtime().block_on(async {
        let mut devices = Vec::new();
        for index in 0..count {
            devices.push(Device::log_in(server.address, &server.audience, index).await);
        }
        let before = resident_kb(server.id());
        let mut sockets = Vec::new();
        for device in &devices {
            sockets.push(open(&server, device.token()).await);
        }
        // Two of the server's own pings pass.
        tokio::time::sleep(Duration::from_secs(45)).await;
        let after = resident_kb(server.id());
        let mut alive = 0;
        for socket in &mut sockets {
            alive += u64::from(pinged(socket).await);
        }
        (before, after, alive)
    });
    server.stop();
    println!("{count} idle WebSockets, {open} of them open and pinged by the server");
    println!(
        "  memory of the server     {:>10.1} MB before, {:.1} MB with them",
        before / 1024.0,
        after / 1024.0
    );
    println!("  a socket                 {:>10.1} KiB", (after - before) / count as f64);
}

async fn open(server: &Child, token: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.address).await.expect("a connection");
    let head = format!(
        "GET /v1/sync/ws HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Authorization: Bearer {token}\r\n\r\n",
        server.address
    );
    stream.write_all(head.as_bytes()).await.expect("the request goes out");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.expect("an answer"));
    }
    let text = String::from_utf8_lossy(&head);
    assert!(text.starts_with("HTTP/1.1 101"), "{text}");
    stream
}

/// Whether the server's ping is in the socket: opcode 9, no payload.
async fn pinged(socket: &mut TcpStream) -> bool {
    let mut bytes = [0; 2];
    let read = tokio::time::timeout(Duration::from_secs(5), socket.read_exact(&mut bytes)).await;
    matches!(read, Ok(Ok(_))) && bytes == [0x89, 0]
}
