//! A server killed with -9 while phones push: nothing it acknowledged is lost, nothing doubles.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, RwLock};

use mobile_ffi::{SyncEnd, WalkUp};
use sync_core::id::TenantId;
use tests::ledger::Ledger;
use tests::process::{ServerProcess, free_address};
use tests::rest::Rest;
use tests::server_log::ServerLog;

use crate::office::{self, Folder, Phone, Wire, over_both};

const PHONES: usize = 4;
const KILLS: usize = 4;
/// Acknowledged syncs before each kill.
const BETWEEN: usize = 24;

over_both!(nothing_acknowledged_is_lost_when_the_server_is_killed);

fn nothing_acknowledged_is_lost_when_the_server_is_killed(wire: Wire) {
    let folder = Folder::new();
    let data = folder.path().join("server");
    std::fs::create_dir_all(&data).unwrap();
    let address = free_address().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (tenant, users) = runtime.block_on(staff(&data));
    let mut server = ServerProcess::start(&data, address).unwrap();
    let admin = Rest::log_in(&server.url(), office::TENANT, "admin", office::PASSWORD).unwrap();
    let phones: Vec<Phone> = users
        .into_iter()
        .enumerate()
        .map(|(index, user)| {
            let path = folder.path().join(format!("phone{index}.db"));
            Phone::enrolled(&admin, &server.url(), user, path, wire.connector())
        })
        .collect();

    let work = Work::new(phones.len());
    std::thread::scope(|scope| {
        let (acknowledge, acknowledged) = channel();
        let working: Vec<_> = phones
            .into_iter()
            .enumerate()
            .map(|(index, phone)| {
                let (work, acknowledge) = (&work, acknowledge.clone());
                scope.spawn(move || work.on(index, phone, &acknowledge))
            })
            .collect();
        for _ in 0..KILLS {
            (0..BETWEEN).for_each(|_| acknowledged.recv().unwrap());
            let gone = work.gone.write().unwrap();
            server.kill().unwrap();
            // Before anybody can send it again: what is on the disk is what was acknowledged.
            let log = read(&runtime, &data, tenant);
            for ledger in &work.durable {
                assert_once(&ledger.lock().unwrap(), &log);
            }
            server = ServerProcess::start(&data, address).unwrap();
            drop(gone);
        }
        work.stop.store(true, Ordering::SeqCst);
        let phones: Vec<Phone> = working.into_iter().map(|it| it.join().unwrap()).collect();
        for phone in &phones {
            while phone.engine.sync_now().unwrap().end != SyncEnd::UpToDate {
                std::thread::yield_now();
            }
        }
        server.kill().unwrap();
        let log = read(&runtime, &data, tenant);
        phones.iter().for_each(|phone| phone.assert_all_on(&log));
        assert!(log.refused.is_empty());
    });
}

/// What the phones do, and what each was told is durable.
struct Work {
    stop: AtomicBool,
    /// Held for writing while the server is down.
    gone: RwLock<()>,
    durable: Vec<Mutex<Ledger>>,
}

impl Work {
    fn new(phones: usize) -> Self {
        let durable = (0..phones).map(|_| Mutex::default()).collect();
        Self { stop: AtomicBool::new(false), gone: RwLock::default(), durable }
    }

    /// Saves and pushes until told to stop; the server may be gone at any time.
    fn on(&self, index: usize, mut phone: Phone, acknowledge: &Sender<()>) -> Phone {
        while !self.stop.load(Ordering::SeqCst) {
            let job = phone.engine.walk_up(WalkUp::default()).unwrap();
            for step in ["hi_vis", "cones", "area_safe"] {
                phone.engine.checklist(job, step, "pass", None).unwrap();
            }
            phone.engine.note(job, "No signal on scene.").unwrap();
            phone.note_saved(job);
            let report = phone.engine.sync_now().unwrap();
            if report.end == SyncEnd::UpToDate && phone.engine.status().unwrap().waiting == 0 {
                // Everything this phone ever saved was said to be durable.
                *self.durable[index].lock().unwrap() = phone.ledger.clone();
                // Nobody listens any more once the last kill is done.
                let _ = acknowledge.send(());
            } else {
                drop(self.gone.read().unwrap());
            }
        }
        phone
    }
}

async fn staff(data: &Path) -> (TenantId, Vec<sync_core::id::UserId>) {
    let store = store::Store::open(&url(data)).await.unwrap();
    let tenant = office::settle(&store).await;
    let mut users = Vec::new();
    for index in 0..PHONES {
        let role = server::auth::Role::Technician;
        users.push(office::add(&store, tenant, &format!("tech{index}"), role, None).await);
    }
    store.close().await;
    (tenant, users)
}

fn url(data: &Path) -> String {
    format!("sqlite://{}", data.join("towline.db").display())
}

fn read(runtime: &tokio::runtime::Runtime, data: &Path, tenant: TenantId) -> ServerLog {
    runtime.block_on(ServerLog::open(&url(data), tenant)).unwrap()
}

fn assert_once(ledger: &Ledger, log: &ServerLog) {
    for (key, hash) in ledger.facts() {
        assert_eq!(log.facts.get(key), Some(&vec![*hash]), "{key:?} was acknowledged");
    }
}
