//! A whole fleet back from the valley within a minute, while a dispatcher goes on working.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use sync_core::sync::{Frame, decode_response};
use tests::random::Random;

use crate::client::{Device, MEDIA_TYPE};
use crate::http;
use crate::ours::{millis, runtime};
use crate::process::{Child, usage};
use crate::server::{DESK, PASSWORD, TENANT};

/// What happened to the fleet's requests.
#[derive(Default)]
struct Counts {
    done: AtomicU64,
    durable: AtomicU64,
    /// 503 with Retry-After.
    shed: AtomicU64,
    /// A frame that says to come again.
    busy: AtomicU64,
    /// Anything else.
    wrong: AtomicU64,
}

/// Prepares the fleet, lets it come back, prints.
pub fn run(devices: u64, jobs: u64, window_s: u64) {
    println!(
        "{devices} devices x {jobs} jobs reconnect within {window_s} s, SQLite, a dispatcher working\n"
    );
    let mut server = Child::start(devices, jobs);
    let runtime = runtime();
    let mut packed = Vec::new();
    let mut changes = 0;
    let began = Instant::now();
    runtime.block_on(async {
        for index in 0..devices {
            let mut device = Device::log_in(server.address, &server.audience, index).await;
            device.first_sync().await;
            device.work();
            let (token, frame, count) = device.packed();
            changes += count as u64;
            packed.push((token, frame));
        }
    });
    println!("prepared in {:.0} s: {changes} changes wait", began.elapsed().as_secs_f64());
    let before = server.usage();
    let counts = Arc::new(Counts::default());
    let over = Arc::new(AtomicBool::new(false));
    let clock = Instant::now();
    let (latencies, refused) = runtime.block_on(async {
        let desk = tokio::task::spawn(dispatcher(server.address, Arc::clone(&over)));
        let mut rng = Random::new(60);
        let mut tasks = Vec::new();
        for (token, frame) in packed {
            let at = Duration::from_millis(rng.below(window_s * 1000));
            let counts = Arc::clone(&counts);
            let seed = rng.next();
            tasks.push(tokio::task::spawn(async move {
                tokio::time::sleep(at).await;
                come_back(server.address, &token, &frame, &counts, seed).await;
            }));
        }
        let watched = tokio::task::spawn(progress(Arc::clone(&counts), devices, clock));
        for task in tasks {
            task.await.expect("a device is done");
        }
        over.store(true, Ordering::SeqCst);
        watched.abort();
        desk.await.expect("the dispatcher is done")
    });
    let wall = clock.elapsed();
    let after = usage(server.id());
    let stored = server.stored_changes();
    server.stop();
    let get = |counter: &AtomicU64| counter.load(Ordering::SeqCst);
    println!("  drained in                   {:>9.1} s", wall.as_secs_f64());
    println!("  durable verdicts             {:>9} of {changes}", get(&counts.durable));
    println!("  changes of phones on disk    {stored:>9}, lost {}", changes.abs_diff(stored));
    println!(
        "  turned away                  {:>9} with 503 and Retry-After, {} by frame",
        get(&counts.shed),
        get(&counts.busy)
    );
    println!("  other answers                {:>9}", get(&counts.wrong));
    println!("  server CPU                   {:>9.1} s", (after.cpu - before.cpu).as_secs_f64());
    println!("  peak memory                  {:>9.1} MB", after.peak_mb);
    println!(
        "  dispatcher                   {:>9} requests, {refused} turned away, p50 {:.0} ms, \
         p99 {:.0} ms, slowest {:.0} ms",
        latencies.len(),
        part(&latencies, 50),
        part(&latencies, 99),
        part(&latencies, 100)
    );
}

async fn come_back(address: SocketAddr, token: &str, frame: &[u8], counts: &Counts, seed: u64) {
    let mut rng = Random::new(seed);
    loop {
        let wait_s = match http::post(address, "/v1/sync", MEDIA_TYPE, Some(token), frame).await {
            Ok(answer) if answer.status == 200 => match decode_response(&answer.body) {
                Ok(Frame::Response(response)) => {
                    let durable = response.verdicts.iter().filter(|v| v.is_durable()).count();
                    counts.durable.fetch_add(durable as u64, Ordering::SeqCst);
                    counts.done.fetch_add(1, Ordering::SeqCst);
                    return;
                }
                Ok(Frame::Fault(fault)) if fault.retry_after_ms > 0 => {
                    counts.busy.fetch_add(1, Ordering::SeqCst);
                    fault.retry_after_ms as f64 / 1000.0
                }
                _ => {
                    counts.wrong.fetch_add(1, Ordering::SeqCst);
                    5.0
                }
            },
            Ok(http::Answer { status: 503, retry_after: Some(after), .. }) => {
                counts.shed.fetch_add(1, Ordering::SeqCst);
                after
            }
            _ => {
                counts.wrong.fetch_add(1, Ordering::SeqCst);
                5.0
            }
        };
        // As a phone does: not all at the same moment again.
        let jitter = 0.5 + rng.below(1000) as f64 / 1000.0;
        tokio::time::sleep(Duration::from_secs_f64(wait_s * jitter)).await;
    }
}

/// Takes calls, looks at lists and jobs, ten times a second; latencies, sorted, and refusals.
async fn dispatcher(address: SocketAddr, over: Arc<AtomicBool>) -> (Vec<Duration>, u64) {
    let json = "application/json";
    let body = serde_json::json!({"tenant": TENANT, "login": DESK, "password": PASSWORD});
    let body = body.to_string();
    let opened = http::post(address, "/v1/session", json, None, body.as_bytes()).await;
    let opened = opened.expect("an answer").json();
    let token = opened["token"].as_str().unwrap_or_else(|| panic!("no session: {opened}"));
    let (mut latencies, mut refused) = (Vec::new(), 0);
    let mut last_job = None;
    for n in 0u64.. {
        if over.load(Ordering::SeqCst) {
            break;
        }
        let began = Instant::now();
        let answer = match (n % 3, &last_job) {
            (1, _) => http::send(address, "GET", "/v1/jobs?limit=50", json, Some(token), b"").await,
            (2, Some(job)) => {
                let path = format!("/v1/jobs/{job}");
                http::send(address, "GET", &path, json, Some(token), b"").await
            }
            _ => {
                let call = serde_json::json!({"problem": "flat_tyre",
                    "address": format!("Harbour Road {n}"), "plate": format!("ABC-{:04}", n % 10_000)});
                let call = call.to_string();
                http::post(address, "/v1/jobs", json, Some(token), call.as_bytes()).await
            }
        };
        latencies.push(began.elapsed());
        match answer {
            Ok(answer) if answer.status < 300 => {
                if let Some(id) = answer.json()["id"].as_str() {
                    last_job = Some(id.to_owned());
                }
            }
            Ok(answer) if answer.status == 503 && answer.retry_after.is_some() => refused += 1,
            other => panic!("the dispatcher got {other:?}"),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    latencies.sort();
    (latencies, refused)
}

async fn progress(counts: Arc<Counts>, devices: u64, clock: Instant) {
    loop {
        tokio::time::sleep(Duration::from_secs(10)).await;
        let done = counts.done.load(Ordering::SeqCst);
        println!("  {:>4.0} s: {done} of {devices} devices done", clock.elapsed().as_secs_f64());
    }
}

/// The latency that so many of a hundred stay within, milliseconds.
fn part(sorted: &[Duration], percent: usize) -> f64 {
    let at = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(at).copied().map_or(0.0, millis)
}
