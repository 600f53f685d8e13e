//! A way to the server as narrow and slow as a rural cell: a TCP relay with a rate and a delay.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// A relay in front of a server; it goes on until the process ends.
#[derive(Clone, Copy)]
pub struct Narrow {
    /// Bits a second, each way.
    pub bits_per_second: u64,
    /// From one end to the other and back.
    pub round_trip: Duration,
}

impl Narrow {
    /// Listens on a port of its own.
    pub fn before(self, server: SocketAddr) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        thread::spawn(move || {
            for phone in listener.incoming().flatten() {
                let Ok(there) = TcpStream::connect(server) else { continue };
                let (Ok(back), Ok(forth)) = (phone.try_clone(), there.try_clone()) else {
                    continue;
                };
                self.relay(phone, there);
                self.relay(forth, back);
            }
        });
        address
    }

    /// Carries one direction: each piece arrives when the line had time for it, plus the way.
    fn relay(self, mut from: TcpStream, mut to: TcpStream) {
        let (pieces, arriving) = mpsc::sync_channel::<(Instant, Vec<u8>)>(256);
        thread::spawn(move || {
            let mut free = Instant::now();
            let mut buffer = [0; 1400];
            while let Ok(read) = from.read(&mut buffer) {
                if read == 0 {
                    break;
                }
                let bits = 8 * read as u64;
                let takes = Duration::from_nanos(bits * 1_000_000_000 / self.bits_per_second);
                free = free.max(Instant::now()) + takes;
                thread::sleep(free.saturating_duration_since(Instant::now()));
                let piece = (free + self.round_trip / 2, buffer[..read].to_vec());
                if pieces.send(piece).is_err() {
                    break;
                }
            }
        });
        thread::spawn(move || {
            while let Ok((at, piece)) = arriving.recv() {
                thread::sleep(at.saturating_duration_since(Instant::now()));
                if to.write_all(&piece).is_err() {
                    return;
                }
            }
            // Half closed: the other direction may still have something to say.
            let _ = to.shutdown(Shutdown::Write);
        });
    }
}
