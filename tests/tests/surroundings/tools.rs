//! Programs of the system that a test runs in front, on a folder of its own.

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// Set where a missing program is a failure and no reason to skip.
const DEMANDED: &str = "TOWLINE_REQUIRE_SURROUNDINGS";

/// The program of this name; without it the test is skipped, said straight to the terminal.
pub fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var("PATH").unwrap_or_default();
    let folders = path.split(':').chain(["/usr/sbin", "/usr/local/sbin"]);
    let found = folders.map(|folder| PathBuf::from(folder).join(name)).find(|it| it.is_file());
    if found.is_none() {
        let demanded = std::env::var(DEMANDED).is_ok_and(|value| value == "1");
        assert!(!demanded, "{name} is demanded by {DEMANDED} and not installed");
        let said =
            format!("SKIPPED: what needs {name}, which is not installed (apt-get install {name})");
        let _ = writeln!(std::io::stderr(), "{said}");
    }
    found
}

/// A program that listens until it is dropped.
pub struct Listening {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Listening {
    /// Starts it and waits until someone answers at the address.
    pub fn start(mut command: Command, address: SocketAddr) -> Self {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
        let mut started = Self { child, address };
        while TcpStream::connect(address).is_err() {
            let ended = started.child.try_wait().unwrap();
            assert!(ended.is_none(), "{command:?} ended before it listened: {ended:?}");
            std::thread::yield_now();
        }
        started
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        // Asked first, so that it ends the processes it has started itself.
        let _ = Command::new("kill").args(["-TERM", &self.id().to_string()]).status();
        let _ = self.child.wait();
    }
}
