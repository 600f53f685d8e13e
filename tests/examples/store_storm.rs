//! The reconnect storm against the store alone: no sockets, everything else as the server does it.

#![allow(clippy::unwrap_used)]

use std::time::Instant;

use ed25519_dalek::SigningKey;
use server::store::Store;
use server::writer::{EditRequest, Expect, PushRequest};
use sync_core::change::{Entry, Run};
use sync_core::id::{FactId, JobId, TenantId, UserId};
use sync_core::policy::{Caller, Role};
use sync_core::schema::{DocId, key, section};
use sync_core::sync::{Request, Sent, ServerEffect, ServerEvent, Session, encode_request};
use sync_core::value::{Record, Value};
use tests::storm::{Phone, STARTS, work};

fn main() {
    let url = std::env::args().nth(1).unwrap_or_else(|| {
        let dir = std::env::temp_dir().join(format!("storm{}", std::process::id()));
        format!("sqlite://{}/t.db", dir.display())
    });
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.unwrap().block_on(storm(&url));
}

async fn storm(url: &str) {
    let store = Store::open(url).await.unwrap();
    let tenant = TenantId::new(STARTS, [3; 10]);
    let desk = UserId::new(STARTS, [1; 10]);
    let (devices, jobs) = (100, 5);
    let phones: Vec<_> = (0..devices).map(Phone::new).collect();
    let prepare = Instant::now();
    let mut frames = Vec::new();
    for (index, phone) in phones.iter().enumerate() {
        let mut runs: Vec<Run> = Vec::new();
        for job in 0..jobs {
            let seed = (index * jobs + job) as u64;
            let mut random = [0; 10];
            random[..8].copy_from_slice(&(seed + 1).to_be_bytes());
            let doc = DocId::from(JobId::new(STARTS - 600_000, random));
            let edit = EditRequest {
                tenant,
                caller: Caller { user: desk, role: Role::Dispatcher },
                doc,
                expect: Expect::New,
                now: STARTS - 600_000,
            };
            let user = phone.user;
            let edited = store
                .writer()
                .edit::<(), _>(edit, move |document| {
                    let mut entries: Vec<Entry> = [
                        (key::CALLER, Value::from("陳淑芬")),
                        (key::PHONE, "+886912345678".into()),
                        (key::PLATE, "ABC-1234".into()),
                        (key::VIN, "1HGCM82633A004352".into()),
                        (key::PROBLEM, "flat_tyre".into()),
                        (key::ADDRESS, "台北市信義區市府路45號".into()),
                        (key::NUMBER, (seed as i64).into()),
                    ]
                    .into_iter()
                    .map(|(key, value)| document.set(section::INTAKE, key, value))
                    .collect();
                    entries.push(Entry::Fact {
                        section: section::ASSIGNMENT,
                        id: FactId::new(STARTS, random),
                        record: Record::from([
                            (key::KIND, "assign".into()),
                            (key::EPOCH, 1.into()),
                            (key::TECHNICIAN, user.as_bytes().to_vec().into()),
                        ]),
                    });
                    Ok(entries)
                })
                .await
                .unwrap()
                .unwrap();
            let mut document = (*edited.document).clone();
            runs.push(work(&mut document, phone, seed));
        }
        let key = SigningKey::from_bytes(&[index as u8; 32]);
        use ed25519_dalek::Signer;
        let message = sync_core::admission::push_message(phone.device, runs.iter());
        let frame = encode_request(&Request {
            epoch: store.epoch(),
            cursor: 1_000_000,
            runs: runs.into_iter().map(Sent::Signed).collect(),
            signature: Some(key.sign(&message).to_bytes()),
            ..Request::default()
        });
        frames.push((*phone, key, frame));
    }
    println!("prepared in {:?}; rss {} MB", prepare.elapsed(), rss());
    if std::env::var("COLD").is_ok() {
        println!("(cold cache)");
    }
    for round in 0..2 {
        let (cpu, wall) = (cpu_ms(), Instant::now());
        let bytes: usize = frames.iter().map(|(_, _, frame)| frame.len()).sum();
        let tasks: Vec<_> = frames
            .iter()
            .cloned()
            .map(|(phone, key, frame)| {
                let store = store.clone();
                tokio::spawn(async move {
                    let mut session =
                        Session::new(phone.user, phone.device, key.verifying_key(), store.epoch());
                    let mut effect = session.handle(STARTS, ServerEvent::Frame(&frame));
                    loop {
                        effect = match effect {
                            ServerEffect::Admit(runs) => {
                                let push = PushRequest {
                                    tenant,
                                    caller: Caller { user: phone.user, role: Role::Technician },
                                    device: phone.device,
                                    runs,
                                    evidence: None,
                                    now: STARTS,
                                };
                                let verdicts = store.writer().push(push).await.unwrap();
                                assert!(verdicts.iter().flatten().all(|v| v.is_durable()));
                                session.handle(STARTS, ServerEvent::Admitted(verdicts))
                            }
                            ServerEffect::Pull(pull) => {
                                let pulled = store.pull(tenant, &pull, 256 * 1024).await.unwrap();
                                session.handle(STARTS, ServerEvent::Pulled(pulled))
                            }
                            ServerEffect::Send(frame) => return frame.len(),
                        }
                    }
                })
            })
            .collect();
        let mut down = 0;
        for task in tasks {
            down += task.await.unwrap();
        }
        let wall = wall.elapsed();
        let total = (devices as usize * jobs) as f64;
        println!(
            "round {round}: {:.0} jobs/s, wall {wall:?}, cpu {:.3} ms/job, {:.0}+{:.0} bytes/job, rss {} MB",
            total / wall.as_secs_f64(),
            (cpu_ms() - cpu) / total,
            bytes as f64 / total,
            down as f64 / total,
            rss(),
        );
    }
    store.close().await;
}

fn cpu_ms() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/schedstat").unwrap();
    let _ = stat;
    let mut total = 0.0;
    for task in std::fs::read_dir("/proc/self/task").unwrap() {
        let path = task.unwrap().path().join("schedstat");
        if let Ok(text) = std::fs::read_to_string(path) {
            total += text.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e6;
        }
    }
    total
}

fn rss() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}
