//! One table of what each engine did with the same work, and what that is relative to ours.

use std::path::Path;

use crate::peers::Peer;
use crate::{ours, peers};

/// What one engine did with one storm.
#[derive(Debug, Clone)]
pub struct Figures {
    /// Who.
    pub engine: &'static str,
    /// Devices and jobs each.
    pub size: (u64, u64),
    /// Whether it answers only when the work is on the disk.
    pub durable: bool,
    pub jobs_per_second: f64,
    /// User and system time of the server.
    pub cpu_ms_per_job: f64,
    /// Message bodies, both ways.
    pub bytes_per_job: f64,
    /// Both ways.
    pub messages_per_job: f64,
    /// Peak resident memory of the server.
    pub peak_mb: f64,
}

/// Runs the storm at each size, on every engine there is, and prints.
pub fn sizes(peers: Option<&Path>, sizes: &[(u64, u64)]) {
    println!("reconnect storm, {} changes a job\n", tests::storm::CHANGES_PER_JOB);
    println!(
        "{:<16}{:>9}{:>10}{:>13}{:>11}{:>14}{:>9}  durable before the answer",
        "", "devices", "jobs/s", "CPU ms/job", "bytes/job", "messages/job", "peak MB"
    );
    let mut all: Vec<Figures> = Vec::new();
    for (devices, jobs) in sizes.iter().copied() {
        let mut runs = vec![ours::storm(devices, jobs)];
        row(&runs[0]);
        if let Some(folder) = peers {
            for peer in [&peers::AUTOMERGE_REPO, &peers::SAMOD] {
                let done = |engine| all.iter().filter(|f| f.engine == engine).count();
                let figures = if done(peer.name) < done("towline") {
                    Err("not tried: it gave up before".to_owned())
                } else {
                    peers::run(peer, folder, devices, jobs)
                };
                match figures {
                    Ok(figures) => {
                        row(&figures);
                        runs.push(figures);
                    }
                    Err(why) => none(peer, (devices, jobs), &why),
                }
            }
        }
        all.extend(runs);
    }
    if peers.is_none() {
        println!("\npeers: not measured; set TOWLINE_PEERS to the folder of a built measurement");
    }
    ratios(&all);
}

fn row(figures: &Figures) {
    println!(
        "{:<16}{:>9}{:>10.0}{:>13.3}{:>11.0}{:>14.1}{:>9.1}  {}",
        figures.engine,
        format!("{}x{}", figures.size.0, figures.size.1),
        figures.jobs_per_second,
        figures.cpu_ms_per_job,
        figures.bytes_per_job,
        figures.messages_per_job,
        figures.peak_mb,
        durable(figures.durable)
    );
}

/// The row of an engine that has no figures at this size, and why.
fn none(peer: &Peer, (devices, jobs): (u64, u64), why: &str) {
    let size = format!("{devices}x{jobs}");
    let durable = durable(peer.durable);
    println!(
        "{:<16}{size:>9}{:>10}{:>13}{:>11}{:>14}{:>9}  {durable} ({why})",
        peer.name, "-", "-", "-", "-", "-"
    );
}

fn durable(is: bool) -> &'static str {
    if is { "yes, after fsync" } else { "no, nothing is on disk yet" }
}

fn ratios(all: &[Figures]) {
    let mut headed = false;
    for theirs in all.iter().filter(|figures| figures.engine != "towline") {
        let same = |f: &&Figures| f.engine == "towline" && f.size == theirs.size;
        let Some(ours) = all.iter().find(same) else { continue };
        if !headed {
            println!("\ntowline relative to the peer, in this run");
            headed = true;
        }
        println!(
            "{:<16}{:>9}{:>9.1}x jobs/s{:>8.3} of its CPU{:>8.2} of its bytes{:>8.2} of its messages\
             {:>8.2} of its memory",
            theirs.engine,
            format!("{}x{}", theirs.size.0, theirs.size.1),
            ours.jobs_per_second / theirs.jobs_per_second,
            ours.cpu_ms_per_job / theirs.cpu_ms_per_job,
            ours.bytes_per_job / theirs.bytes_per_job,
            ours.messages_per_job / theirs.messages_per_job,
            ours.peak_mb / theirs.peak_mb,
        );
    }
}
