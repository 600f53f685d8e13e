//! Load on real processes and sockets, beside the peers where they are installed.
//!
//! `cargo bench -p tests --bench storm` prints the figures of docs/benchmarks.md; what it can do
//! besides, `-- help` says. With `TOWLINE_PEERS=DIR`, the folder of a built peer measurement (its
//! `automerge-repo-server.mjs` with `node_modules`, its `target/release/storm`), the peers run on
//! the same work in the same minutes.

mod client;
mod compare;
mod fleet;
mod http;
mod long;
mod narrow;
mod ours;
mod peers;
mod process;
mod server;
mod sockets;

const HELP: &str = "\
cargo bench -p tests --bench storm [-- WHAT ...]

  [DEVICES JOBS]         the reconnect storm, by default 100 devices with 5 jobs each, and an idle
                         reconnect; with TOWLINE_PEERS=DIR the peers on the same work
  grow                   the storm at 100x5, 500x5 and 2000x5, each engine in turn, and how the
                         figures grow; a peer gets two minutes a size
  fleet [DEVICES JOBS SECONDS]
                         a whole fleet (10000 devices, 8 jobs each) reconnects within 60 seconds
                         while a dispatcher works
  sockets [COUNT]        memory of idle WebSockets (5000)
  long [JOBS]            a real phone engine, thirty days offline (193 jobs, 5000 changes), synced
                         over 1 Mbit/s and 300 ms
";

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let number =
        |at: usize, default: u64| args.get(at).map_or(default, |n| n.parse().unwrap_or(default));
    let peers = std::env::var_os("TOWLINE_PEERS").map(std::path::PathBuf::from);
    match args.first().map(String::as_str) {
        Some("serve") => server::serve(&args[1..]),
        Some("help" | "--help" | "-h") => println!("{HELP}"),
        Some("grow") => compare::sizes(peers.as_deref(), &[(100, 5), (500, 5), (2000, 5)]),
        Some("fleet") => fleet::run(number(1, 10_000), number(2, 8), number(3, 60)),
        Some("sockets") => sockets::run(number(1, 5000)),
        Some("long") => long::run(number(1, 193)),
        _ => {
            compare::sizes(peers.as_deref(), &[(number(0, 100), number(1, 5))]);
            ours::idle();
        }
    }
}
