//! Hand-made attacks on a running server, each with the answer it must get.
//!
//! The server is a process of its own, so that what it uses can be watched. While the attacks run
//! an honest dispatcher and an honest phone go on working: they must be served, and nothing they
//! hold may change. Each file below is a table of attacks; [`run`] carries all of them out.

mod assertions;
mod changes;
mod child;
mod desk;
mod frames;
mod hand;
mod honest;
mod http;
mod limits;
mod policy;
mod run;
mod shares;
mod sockets;
mod tenants;
mod tokens;
mod town;
mod watch;
mod websocket;
mod wire;

pub use honest::Latency;
pub use run::{Group, Report, run};
use town::Town;

use std::time::Duration;

/// No honest request may take longer while the server is attacked.
pub const HONEST_BOUND: Duration = Duration::from_secs(5);
/// The server may never hold more memory than this, bytes.
pub const MEMORY_BOUND: u64 = 256 << 20;
/// Connections that one address opens and leaves idle.
pub const IDLE_SOCKETS: usize = 10_000;

/// One attack.
pub struct Attack {
    /// The table it stands in.
    pub group: &'static str,
    /// What it does.
    pub name: &'static str,
    /// The answer it must get: codes, verdicts, or how the connection ends.
    pub expected: &'static str,
    /// It waits for a timeout of the server or keeps it busy, so it runs beside the others.
    pub beside: bool,
    act: fn(&Town) -> String,
}

impl std::fmt::Debug for Attack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.group, self.name)
    }
}

/// A line of a table: what it does, what it gets, how it is done.
type Row = (&'static str, &'static str, fn(&Town) -> String);

/// Every attack, in the order in which they run.
pub fn corpus() -> Vec<Attack> {
    let one_by_one: [(&'static str, &'static [Row]); 10] = [
        ("frames", frames::ROWS),
        ("frames", limits::FRAMES),
        ("changes", changes::ROWS),
        ("changes", limits::CHANGES),
        ("policy", policy::ROWS),
        ("shares", shares::ROWS),
        ("tenants", tenants::ROWS),
        ("tokens", tokens::ROWS),
        ("assertions", assertions::ROWS),
        ("desk", desk::ROWS),
    ];
    let beside: [(&'static str, &'static [Row]); 2] =
        [("http", http::ROWS), ("sockets", sockets::ROWS)];
    let mut corpus = attacks_of(&one_by_one, false);
    corpus.extend(attacks_of(&beside, true));
    corpus
}

fn attacks_of(tables: &[(&'static str, &'static [Row])], beside: bool) -> Vec<Attack> {
    let mut attacks = Vec::new();
    for (group, rows) in tables {
        for (name, expected, act) in *rows {
            attacks.push(Attack { group, name, expected, beside, act: *act });
        }
    }
    attacks
}
