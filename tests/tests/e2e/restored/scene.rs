//! The world of a restore: a server in a process of its own, a desk, phones with real engines.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::VerifyingKey;
use mobile_ffi::{PartUsed, SyncEnd, WalkUp};
use serde_json::json;
use store::Store;
use sync_core::document::Document;
use sync_core::id::{FactId, JobId, TenantId, UserId};
use sync_core::job::Step;
use sync_core::schema::DocId;
use sync_core::seal::{Countersignature, Point, Signer};
use tests::ledger::Ledger;
use tests::process::{ServerProcess, free_address, towline};
use tests::rest::Rest;
use tests::server_log::ServerLog;

use crate::office::{self, Folder, Phone, Wire};

const PHONES: usize = 3;
/// Syncs within which a phone must be at rest with a restored server.
const ROUNDS: usize = 8;
/// Exchanges after which the server must long have given its word on a seal.
const EXCHANGES: usize = 10_000;

/// A server in a process of its own, its desk, and phones.
pub struct Scene {
    pub folder: Folder,
    pub data: PathBuf,
    address: SocketAddr,
    pub url: String,
    runtime: tokio::runtime::Runtime,
    server: Option<ServerProcess>,
    tenant: TenantId,
    pub users: Vec<UserId>,
    pub admin: Rest,
    pub desk: Rest,
    pub phones: Vec<Phone>,
    /// How many days were worked.
    days: AtomicUsize,
}

impl Scene {
    pub fn open(wire: Wire) -> Self {
        let folder = Folder::new();
        let data = folder.path().join("server");
        std::fs::create_dir_all(&data).unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let (tenant, users) = runtime.block_on(async {
            let store = Store::open(&url(&data)).await.unwrap();
            let tenant = office::settle(&store).await;
            let mut users = Vec::new();
            for n in 0..PHONES {
                let role = server::auth::Role::Technician;
                users.push(office::add(&store, tenant, &format!("tech{n}"), role, None).await);
            }
            store.close().await;
            (tenant, users)
        });
        let address = free_address().unwrap();
        let server = ServerProcess::start(&data, address).unwrap();
        let url = server.url();
        let admin = Rest::log_in(&url, office::TENANT, "admin", office::PASSWORD).unwrap();
        let desk = Rest::log_in(&url, office::TENANT, "desk", office::PASSWORD).unwrap();
        for (n, user) in users.iter().enumerate() {
            let van = json!({"name": format!("Van {n}"), "technician": user});
            admin.post("/v1/vans", &van).unwrap();
        }
        let phones = users.iter().enumerate().map(|(n, user)| {
            let path = folder.path().join(format!("phone{n}.db"));
            let phone = Phone::enrolled(&admin, &url, *user, path, wire.connector());
            phone.sync();
            phone
        });
        let phones = phones.collect();
        let (server, days) = (Some(server), AtomicUsize::new(0));
        Self {
            folder,
            data,
            address,
            url,
            runtime,
            server,
            tenant,
            users,
            admin,
            desk,
            phones,
            days,
        }
    }

    pub fn job(&self) -> JobId {
        let call = json!({"problem": "flat_tyre", "address": "Harbour Road 5"});
        self.desk.post("/v1/jobs", &call).unwrap().text("id").unwrap().parse().unwrap()
    }

    pub fn remark(&self, job: JobId, text: &str) {
        self.desk.post(&format!("/v1/jobs/{job}/notes"), &json!({"text": text})).unwrap();
    }

    pub fn log(&self) -> ServerLog {
        self.runtime.block_on(ServerLog::open(&url(&self.data), self.tenant)).unwrap()
    }

    /// Backs the server up while everybody works: the copy is sound, and holds at least all that
    /// was acknowledged before the backup began, in the order of the log.
    pub fn backup_under_load(&mut self) -> PathBuf {
        let phones = std::mem::take(&mut self.phones);
        let stop = AtomicBool::new(false);
        let durable: Vec<Mutex<Ledger>> = phones.iter().map(|_| Mutex::default()).collect();
        let syncs = AtomicUsize::new(0);
        let backup = self.folder.path().join("morning.db");
        let (data, desk) = (&self.data, &self.desk);
        let mut acknowledged = Vec::new();
        let phones = std::thread::scope(|scope| {
            let working: Vec<_> = phones
                .into_iter()
                .zip(&durable)
                .map(|(phone, durable)| scope.spawn(|| works(phone, durable, &stop, &syncs)))
                .collect();
            let writing = scope.spawn(|| {
                while !stop.load(Ordering::SeqCst) {
                    let call = json!({"problem": "battery", "address": "Harbour Road 7"});
                    desk.post("/v1/jobs", &call).unwrap();
                }
            });
            while syncs.load(Ordering::SeqCst) < 4 * PHONES {
                std::thread::yield_now();
            }
            for ledger in &durable {
                acknowledged.push(ledger.lock().unwrap().clone());
            }
            let began = syncs.load(Ordering::SeqCst);
            let arguments =
                ["backup".as_ref(), backup.as_os_str(), "--data".as_ref(), data.as_os_str()];
            let said = succeeds(&arguments);
            assert!(said.contains("holds a sound copy"), "{said}");
            assert!(syncs.load(Ordering::SeqCst) > began, "nobody worked during the backup");
            let again = fails(&arguments);
            assert!(again.contains("exists already"), "{again}");
            stop.store(true, Ordering::SeqCst);
            writing.join().unwrap();
            working.into_iter().map(|it| it.join().unwrap()).collect()
        });
        self.phones = phones;

        let copy = self.folder.path().join("copy of it.db");
        std::fs::copy(&backup, &copy).unwrap();
        let url = format!("sqlite://{}", copy.display());
        succeeds(&["verify".as_ref(), "--database".as_ref(), url.as_ref()]);
        let then = self.runtime.block_on(ServerLog::open(&url, self.tenant)).unwrap();
        for (key, hash) in acknowledged.iter().flat_map(Ledger::facts) {
            assert_eq!(then.facts.get(key), Some(&vec![*hash]), "{key:?} is not in the backup");
        }
        let now = self.log();
        assert!(then.facts.iter().all(|(key, stood)| now.facts.get(key) == Some(stood)));
        assert!(then.facts.len() < now.facts.len(), "the day went on after the backup");
        backup
    }

    pub fn a_broken_backup_and_an_open_place_are_refused(&self, backup: &Path) {
        let before = self.log().facts;
        let data = self.data.as_os_str();
        let over = fails(&["restore".as_ref(), backup.as_os_str(), "--data".as_ref(), data]);
        assert!(over.contains("exists already"), "{over}");
        assert_eq!(self.log().facts, before);
        let elsewhere = self.folder.path().join("elsewhere");
        let bytes = std::fs::read(backup).unwrap();
        let middle = bytes.len() / 2;
        let mut garbled = bytes.clone();
        garbled[middle..middle + 4096].fill(0x5a);
        for (name, bytes) in [
            ("cut off.db", &bytes[..middle]),
            ("garbled.db", &garbled[..]),
            ("no database.db", b"Dear server, please restore me."),
        ] {
            let broken = self.folder.path().join(name);
            std::fs::write(&broken, bytes).unwrap();
            let arguments = ["restore".as_ref(), broken.as_os_str(), "--data".as_ref()];
            let said = fails(&[&arguments[..], &[elsewhere.as_os_str()]].concat());
            assert!(!said.is_empty() && !said.contains("panicked"), "{name}: {said}");
            let left = std::fs::read_dir(&elsewhere).map_or(0, Iterator::count);
            assert_eq!(left, 0, "{name} left something behind");
        }
    }

    /// A job for each phone, from the call to the customer's signature and the countersignature on
    /// it; the jobs with their seals.
    pub fn rescues(&mut self) -> Vec<(JobId, FactId)> {
        let day = self.days.fetch_add(1, Ordering::SeqCst);
        let mut sealed = Vec::new();
        for n in 0..self.phones.len() {
            let job = self.job();
            let to = json!({"technician": self.users[n]});
            self.desk.post(&format!("/v1/jobs/{job}/assign"), &to).unwrap();
            self.remark(job, &format!("The gate code is {day}{n}."));
            self.phones[n].sync();
            let seal = rescue(&mut self.phones[n], job);
            self.phones[n].sync();
            sealed.push((job, seal));
        }
        for (phone, (job, seal)) in self.phones.iter().zip(&sealed) {
            until_countersigned(phone, *job, *seal);
        }
        for phone in &self.phones {
            assert_eq!(phone.engine.status().unwrap().waiting, 0, "acknowledged as a whole");
        }
        sealed
    }

    pub fn export(&self, job: JobId, seal: FactId) -> Vec<u8> {
        let bundle = self.desk.get(&format!("/v1/jobs/{job}/seals/{seal}")).unwrap().body;
        serde_json::to_vec(&bundle).unwrap()
    }

    pub fn keys(&self) -> Vec<(String, VerifyingKey)> {
        let set = self.desk.get("/.well-known/jwks.json").unwrap().body;
        let key = |key: &serde_json::Value| {
            let bytes = URL_SAFE_NO_PAD.decode(key["x"].as_str().unwrap()).unwrap();
            let bytes = <[u8; 32]>::try_from(bytes).unwrap();
            (key["kid"].as_str().unwrap().to_owned(), VerifyingKey::from_bytes(&bytes).unwrap())
        };
        set["keys"].as_array().unwrap().iter().map(key).collect()
    }

    /// Killed, its folder gone; the backup in its place, and a server on it.
    pub fn destroy_and_restore(&mut self, backup: &Path) {
        self.server.take().unwrap().kill().unwrap();
        std::fs::remove_dir_all(&self.data).unwrap();
        let data = self.data.as_os_str();
        let said = succeeds(&["restore".as_ref(), backup.as_os_str(), "--data".as_ref(), data]);
        assert!(said.contains("Restored"), "{said}");
        self.server = Some(ServerProcess::start(&self.data, self.address).unwrap());
        let log_in = |login| Rest::log_in(&self.url, office::TENANT, login, office::PASSWORD);
        (self.admin, self.desk) = (log_in("admin").unwrap(), log_in("desk").unwrap());
    }

    /// Every phone syncs until it is at rest; what one brings may concern another.
    pub fn phones_come_back(&self) {
        for _ in 0..2 {
            self.phones.iter().for_each(at_rest);
        }
    }

    pub fn verify(&self) {
        let said = succeeds(&["verify".as_ref(), "--data".as_ref(), self.data.as_os_str()]);
        assert!(!said.is_empty());
    }
}

fn works(
    mut phone: Phone,
    durable: &Mutex<Ledger>,
    stop: &AtomicBool,
    syncs: &AtomicUsize,
) -> Phone {
    while !stop.load(Ordering::SeqCst) {
        let job = phone.engine.walk_up(WalkUp::default()).unwrap();
        phone.engine.note(job, "Before the day began.").unwrap();
        phone.note_saved(job);
        phone.sync();
        *durable.lock().unwrap() = phone.ledger.clone();
        syncs.fetch_add(1, Ordering::SeqCst);
    }
    phone
}

/// A whole rescue with a part from the van and a signature.
fn rescue(phone: &mut Phone, job: JobId) -> FactId {
    phone.work(job, &[Step::Accepted, Step::EnRoute, Step::OnScene, Step::Working]);
    let part = PartUsed { part_no: "H7".to_owned(), quantity: 1000, ..PartUsed::default() };
    phone.engine.use_part(job, part).unwrap();
    phone.engine.odometer(job, 48_210).unwrap();
    phone.work(job, &[Step::Completed]);
    let signer = Signer {
        name: "林小姐".to_owned(),
        role: "owner".to_owned(),
        language: "zh-Hant".to_owned(),
        statement: "本人確認以上服務項目無誤。".to_owned(),
    };
    let prompt = phone.engine.seal_prompt(job, signer).unwrap();
    let point = |i: i32| Point { x: i * 9, y: i * i, t: i.unsigned_abs() * 16, pressure: 700 };
    let seal = phone.engine.seal(prompt, vec![(0..40).map(point).collect()], None).unwrap();
    phone.note_saved(job);
    let van = phone.engine.stock().unwrap().unwrap().id;
    phone.note_saved(van);
    seal
}

/// The countersignature is a change like any other: the phone gets it when it syncs.
fn until_countersigned(phone: &Phone, job: JobId, seal: FactId) {
    for _ in 0..EXCHANGES {
        phone.sync();
        let document = phone.engine.document(job.into()).unwrap();
        if Countersignature::all_of(&document, seal).next().is_some() {
            return;
        }
    }
    panic!("the server did not countersign");
}

pub fn at_rest(phone: &Phone) {
    let mut ends = Vec::new();
    for _ in 0..ROUNDS {
        ends.push(phone.engine.sync_now().unwrap().end);
        if ends.last() == Some(&SyncEnd::UpToDate) && phone.engine.status().unwrap().waiting == 0 {
            return;
        }
    }
    panic!("a phone is not at rest with the restored server: {ends:?}");
}

/// Everything a phone holds.
pub fn documents(phone: &Phone) -> BTreeMap<DocId, Document> {
    let jobs = phone.engine.jobs().unwrap().into_iter().map(|(job, _)| DocId::from(job));
    let van = phone.engine.stock().unwrap().map(|van| DocId::from(van.id));
    jobs.chain(van).map(|doc| (doc, phone.engine.document(doc).unwrap())).collect()
}

fn url(data: &Path) -> String {
    format!("sqlite://{}", data.join("towline.db").display())
}

pub fn succeeds(arguments: &[&OsStr]) -> String {
    let output = towline(arguments).unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{arguments:?}: {said}");
    said + &String::from_utf8_lossy(&output.stdout)
}

fn fails(arguments: &[&OsStr]) -> String {
    let output = towline(arguments).unwrap();
    assert!(!output.status.success(), "{arguments:?} should be refused");
    String::from_utf8_lossy(&output.stderr).into_owned()
}
