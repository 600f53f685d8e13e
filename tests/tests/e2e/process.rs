//! The `towline` program as a process of its own, which can be killed.

use std::io::{BufRead as _, BufReader, Lines};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::OnceLock;

/// A running `towline serve`.
pub struct ServerProcess {
    child: Child,
    /// Kept, or the server could not print.
    _out: Lines<BufReader<ChildStdout>>,
    address: SocketAddr,
}

impl ServerProcess {
    /// Starts one on a folder and waits until it answers.
    pub fn start(data: &Path, address: SocketAddr) -> Self {
        let mut child = Command::new(program())
            .args(["serve", "--log", "error", "--password-memory-kib", "64", "--listen"])
            .arg(address.to_string())
            .arg("--data")
            .arg(data)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let greets = |line: std::io::Result<String>| line.unwrap().contains("listens on");
        assert!(lines.any(greets), "the server does not come up");
        Self { child, _out: lines, address }
    }

    /// Its address with scheme.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Kills it with SIGKILL: nothing of it runs any more when this returns.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// An address on this machine that nobody listens on now.
pub fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// The built program; cargo builds it if it is not up to date.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        // The test itself lies in `target/PROFILE/deps`.
        let test = std::env::current_exe().unwrap();
        let profile = test.parent().and_then(Path::parent).unwrap();
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "-p", "server", "--bin", "towline"]);
        if profile.ends_with("release") {
            cargo.arg("--release");
        }
        let built = cargo.arg("--target-dir").arg(profile.parent().unwrap()).status().unwrap();
        assert!(built.success(), "the towline program does not build");
        profile.join("towline")
    })
}
