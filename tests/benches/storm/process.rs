//! The server as a process of its own, and what the kernel says it used.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

/// A running server process with its folder.
pub struct Child {
    process: std::process::Child,
    folder: PathBuf,
    /// Where it listens.
    pub address: SocketAddr,
    /// Its name in tokens.
    pub audience: String,
}

/// What a process used so far.
#[derive(Clone, Copy)]
pub struct Usage {
    /// User and system time.
    pub cpu: Duration,
    /// Peak resident memory, MB.
    pub peak_mb: f64,
}

impl Child {
    /// Starts this very program as a server with a prepared database.
    pub fn start(devices: u64, jobs: u64) -> Self {
        let folder =
            std::env::temp_dir().join(format!("towline-storm-{}-{jobs}", std::process::id()));
        let program = std::env::current_exe().expect("this program has a path");
        let mut process = Command::new(program)
            .arg("serve")
            .arg(&folder)
            .args([devices.to_string(), jobs.to_string()])
            .stdout(Stdio::piped())
            .stdin(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut lines = BufReader::new(process.stdout.take().expect("its output")).lines();
        let mut line = || lines.next().and_then(Result::ok).expect("the server says where it is");
        let address = line().parse().expect("an address");
        let audience = line();
        Self { process, folder, address, audience }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Changes of phones in its database, read beside it.
    pub fn stored_changes(&self) -> u64 {
        let url = format!("sqlite://{}?mode=ro", self.folder.join("towline.db").display());
        crate::server::stored_changes(&url)
    }

    /// What it used so far.
    pub fn usage(&self) -> Usage {
        usage(self.process.id())
    }

    /// Ends it and removes its folder.
    pub fn stop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// What the process of this id used so far.
pub fn usage(pid: u32) -> Usage {
    let read =
        |file: &str| std::fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
    // Nanoseconds on a processor, thread by thread: `stat` counts in hundredths of a second.
    let mut cpu = 0;
    for task in std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
        let text = std::fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
        cpu += text.split(' ').next().and_then(|n| n.parse::<u64>().ok()).unwrap_or(0);
    }
    let status = read("status");
    let peak = status.lines().find(|line| line.starts_with("VmHWM"));
    let peak = peak.and_then(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok());
    Usage { cpu: Duration::from_nanos(cpu), peak_mb: peak.unwrap_or(0.0) / 1024.0 }
}

/// Resident memory of the process of this id, KiB.
pub fn resident_kb(pid: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap_or(0.0)
}
