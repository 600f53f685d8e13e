//! The server under attack: a process of its own, whose memory and log are watched.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::Mutex;

use crate::process::{Launch, ServerProcess, towline};

/// Settings under which timeouts come soon, and a phone's hour is as long as a night of attacks;
/// everything else is as it is for everybody.
const SETTINGS: &[(&str, &str)] = &[
    ("--header-timeout", "3"),
    ("--body-timeout", "2"),
    ("--sync-body-timeout", "3"),
    ("--idle-timeout", "5"),
    ("--max-connections", "11000"),
    ("--max-connections-per-address", "10000"),
    ("--phone-hour-mib", "4096"),
    ("--phone-hour-changes", "10000000"),
];

/// A running `towline serve`.
#[derive(Debug)]
pub struct ServerUnderAttack {
    process: Mutex<ServerProcess>,
    pid: u32,
    /// Where it listens.
    pub address: SocketAddr,
    data: PathBuf,
    log: PathBuf,
    read: Mutex<u64>,
}

impl ServerUnderAttack {
    /// Starts the program on a folder and waits until it listens.
    pub fn start(data: &Path) -> Result<Self, String> {
        let log = data.join("server.log");
        let launch = Launch::on(data).complains_into(log.clone()).variable("RUST_BACKTRACE", "0");
        let launch = SETTINGS.iter().fold(launch, |launch, (flag, value)| launch.with(flag, value));
        let mut process = launch.start().map_err(|e| e.to_string())?;
        let address = process.listens().map_err(|e| e.to_string())?;
        let (pid, data, read) = (process.id(), data.to_owned(), Mutex::new(0));
        Ok(Self { process: Mutex::new(process), pid, address, data, log, read })
    }

    /// Its resident memory now and at most so far, bytes.
    pub fn memory(&self) -> (u64, u64) {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid)).unwrap_or_default();
        let kib = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0)
        };
        (kib("VmRSS:") << 10, kib("VmHWM:") << 10)
    }

    /// What is wrong with it: that it ended, or what it complained of since the last question.
    pub fn complaint(&self) -> Option<String> {
        if !matches!(self.process.lock().ok()?.runs(), Ok(true)) {
            return Some("the server ended".to_owned());
        }
        let mut from = self.read.lock().ok()?;
        let mut file = File::open(&self.log).ok()?;
        file.seek(SeekFrom::Start(*from)).ok()?;
        let mut new = String::new();
        *from += file.read_to_string(&mut new).ok()? as u64;
        let bad = |line: &&str| line.contains("panic") || line.contains("ERROR");
        new.lines().find(bad).map(str::to_owned)
    }

    /// Runs `towline verify` on its data.
    pub fn verify(&self) -> Result<Output, String> {
        let arguments = [OsStr::new("verify"), OsStr::new("--data"), self.data.as_os_str()];
        towline(&arguments).map_err(|e| e.to_string())
    }

    /// The address of its database.
    pub fn database(&self) -> String {
        format!("sqlite://{}", self.data.join("towline.db").display())
    }
}
