//! The peers on the same work, from a folder that someone has built.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::compare::Figures;

/// What a peer gets for one storm before it is stopped.
const PATIENCE: Duration = Duration::from_secs(120);
/// What it gets before that, to take in what the office knew.
const SEEDING: Duration = Duration::from_secs(300);

/// One peer.
pub struct Peer {
    /// Its name.
    pub name: &'static str,
    /// The command of its server in the folder, before the data directory.
    server: &'static [&'static str],
    address: &'static str,
    url: &'static str,
    /// Whether it answers only when the work is on the disk.
    pub durable: bool,
}

/// The server of automerge-repo on Node.
pub const AUTOMERGE_REPO: Peer = Peer {
    name: "automerge-repo",
    server: &["node", "automerge-repo-server.mjs"],
    address: "127.0.0.1:3032",
    url: "ws://127.0.0.1:3032/",
    durable: false,
};

/// samod, automerge-repo in Rust.
pub const SAMOD: Peer = Peer {
    name: "samod",
    server: &["target/release/storm", "serve-samod"],
    address: "127.0.0.1:3031",
    url: "ws://127.0.0.1:3031/",
    durable: false,
};

/// Runs one peer and reads what its own measurement says.
pub fn run(peer: &Peer, folder: &Path, devices: u64, jobs: u64) -> Result<Figures, String> {
    let name = format!("towline-peers-{}-{}", peer.name, std::process::id());
    let data = std::env::temp_dir().join(name);
    let _ = std::fs::create_dir_all(&data);
    let result = measure(peer, folder, &data, devices, jobs);
    let _ = std::fs::remove_dir_all(&data);
    result
}

fn measure(
    peer: &Peer,
    folder: &Path,
    data: &Path,
    devices: u64,
    jobs: u64,
) -> Result<Figures, String> {
    let (program, first) = peer.server.split_first().expect("a command");
    let mut server = Ended(
        Command::new(program)
            .args(first)
            .arg(data)
            .current_dir(folder)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| {
                format!("{program} in {} does not start: {error}", folder.display())
            })?,
    );
    let up = (0..100).any(|_| {
        std::thread::sleep(Duration::from_millis(100));
        std::net::TcpStream::connect(peer.address).is_ok()
    });
    if !up {
        return Err(format!("nothing listens on {}", peer.address));
    }
    let out = data.join("measurement.txt");
    let complaints = data.join("complaints.txt");
    let into =
        |path| std::fs::File::create(path).map_err(|error: std::io::Error| error.to_string());
    let mut storm = Ended(
        Command::new(folder.join("target/release/storm"))
            .args([peer.url, &devices.to_string(), &jobs.to_string()])
            .arg(server.0.id().to_string())
            .current_dir(folder)
            .stdout(into(&out)?)
            .stderr(into(&complaints)?)
            .spawn()
            .map_err(|error| format!("its measurement does not start: {error}"))?,
    );
    let began = Instant::now();
    let mut storming: Option<Instant> = None;
    let ended = loop {
        if let Some(status) = storm.0.try_wait().map_err(|error| error.to_string())? {
            break status;
        }
        if storming.is_none() && std::fs::read_to_string(&out).is_ok_and(|t| t.contains("payload"))
        {
            storming = Some(Instant::now());
        }
        if storming.is_some_and(|since| since.elapsed() > PATIENCE) {
            return Err(format!("not done in {} s", PATIENCE.as_secs()));
        }
        if storming.is_none() && began.elapsed() > SEEDING {
            return Err(format!("not ready for the storm in {} s", SEEDING.as_secs()));
        }
        if server.0.try_wait().is_ok_and(|ended| ended.is_some()) {
            return Err("its server ended".to_owned());
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    let text = std::fs::read_to_string(&out).map_err(|error| error.to_string())?;
    read(peer, devices, jobs, &text).ok_or_else(|| {
        let said = std::fs::read_to_string(&complaints).unwrap_or_default() + &text;
        let said = said.lines().find(|line| !line.trim().is_empty()).unwrap_or("nothing");
        format!("its measurement ended with {ended} and said: {said}")
    })
}

/// Reads the line that begins with `storm`.
fn read(peer: &Peer, devices: u64, jobs: u64, text: &str) -> Option<Figures> {
    let line = text.lines().find(|line| line.starts_with("storm "))?;
    let between = |before: &str, after: &str| -> Option<&str> {
        Some(line.split_once(before)?.1.split_once(after)?.0.trim())
    };
    let messages: f64 = {
        let (up, down) = between("msgs ", ";")?.split_once('/')?;
        up.parse::<f64>().ok()? + down.parse::<f64>().ok()?
    };
    Some(Figures {
        engine: peer.name,
        size: (devices, jobs),
        durable: peer.durable,
        jobs_per_second: between("= ", " jobs/s")?.parse().ok()?,
        cpu_ms_per_job: between("s (", " ms/job")?.parse().ok()?,
        bytes_per_job: between("total/job ", " ")?.parse().ok()?,
        messages_per_job: messages / (devices * jobs) as f64,
        peak_mb: between("-> ", " kB")?.parse::<f64>().ok()? / 1024.0,
    })
}

/// A process that does not outlive its measurement.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
