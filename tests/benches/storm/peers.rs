//! The peers on the same work, from a folder that somebody has built.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::Figures;

/// Runs automerge-repo, prints what its own measurement says and the ratios to ours.
pub fn run(folder: &Path, devices: u64, jobs: u64, ours: &Figures) {
    let data = std::env::temp_dir().join(format!("towline-peers-{}", std::process::id()));
    let _ = std::fs::create_dir_all(&data);
    let server = Command::new("node")
        .arg("automerge-repo-server.mjs")
        .arg(&data)
        .current_dir(folder)
        .stdout(Stdio::null())
        .spawn();
    let Ok(mut server) = server else {
        println!("\nautomerge-repo: node or the folder {} is missing", folder.display());
        return;
    };
    let up = (0..100).any(|_| {
        std::thread::sleep(Duration::from_millis(100));
        std::net::TcpStream::connect("127.0.0.1:3032").is_ok()
    });
    let output = up.then(|| {
        Command::new("target/release/storm")
            .args(["ws://127.0.0.1:3032/", &devices.to_string(), &jobs.to_string()])
            .arg(server.id().to_string())
            .current_dir(folder)
            .output()
    });
    let _ = server.kill();
    let _ = server.wait();
    let _ = std::fs::remove_dir_all(&data);
    let Some(Ok(output)) = output else {
        println!("\nautomerge-repo: its measurement did not run");
        return;
    };
    let text = String::from_utf8_lossy(&output.stdout);
    println!("\nautomerge-repo, answers before anything is on disk\n{text}");
    let number = |before: &str, after: &str| -> Option<f64> {
        let (_, rest) = text.rsplit_once(before)?;
        rest.split_once(after)?.0.trim().parse().ok()
    };
    if let (Some(speed), Some(cpu)) = (number("= ", " jobs/s"), number("s (", " ms/job")) {
        println!("towline against automerge-repo in this run");
        println!("  jobs per second          {:>10.1} times", ours.jobs_per_second / speed);
        println!("  server CPU per job       {:>10.3} of theirs", ours.cpu_ms_per_job / cpu);
    }
}
