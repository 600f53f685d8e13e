//! A phone of the world: a real engine on real files, its clock, its luck and its link.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::VerifyingKey;
use mobile_ffi::{
    Clock, Connector, Engine, NetError, Options, Post, Reply, SYNC_MEDIA_TYPE, SpaceLimits,
    Transport,
};
use serde_json::json;
use sync_core::id::{DeviceId, TenantId, UserId};
use tests::random::Random;
use tests::sim::SimServer;
use tests::storm::STARTS;

/// Time that everybody in a world shares.
#[derive(Clone)]
pub struct Time(pub Arc<AtomicI64>);

impl Time {
    pub fn now(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }

    pub fn pass(&self, ms: i64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for Time {
    fn wall_ms(&self) -> i64 {
        self.now()
    }

    fn up_ms(&self) -> i64 {
        self.now() - STARTS + 1
    }

    fn boot(&self) -> String {
        "one".to_owned()
    }
}

/// Randomness of one opening of one phone.
struct Seeded(Mutex<Random>);

impl mobile_ffi::Random for Seeded {
    fn fill(&self, bytes: &mut [u8]) -> std::io::Result<()> {
        let mut random = self.0.lock().unwrap();
        bytes.iter_mut().for_each(|byte| *byte = (random.next() >> 56) as u8);
        Ok(())
    }
}

/// One phone's way to the server.
#[derive(Clone)]
pub struct Link {
    pub server: Arc<Mutex<SimServer>>,
    pub time: Time,
    pub user: UserId,
    pub device: DeviceId,
    /// Draws what goes wrong; nothing does without it.
    pub faults: Arc<Mutex<Option<Random>>>,
}

impl Connector for Link {
    fn connect(&self, _server_url: &str) -> Result<Arc<dyn Transport>, NetError> {
        Ok(Arc::new(self.clone()))
    }
}

impl Transport for Link {
    fn post(&self, request: Post<'_>) -> Result<Reply, NetError> {
        let mut server = self.server.lock().unwrap();
        if request.path == "/v1/devices/enrol" {
            let asked: serde_json::Value = serde_json::from_slice(request.body).unwrap();
            let key = URL_SAFE_NO_PAD.decode(asked["public_key"].as_str().unwrap()).unwrap();
            let key = VerifyingKey::from_bytes(&key.try_into().unwrap()).unwrap();
            server.enrol(self.user, self.device, key);
            return Ok(reply(&json!({
                "device": self.device, "user": self.user, "tenant": TenantId::new(STARTS, [1; 10]),
                "nonce": URL_SAFE_NO_PAD.encode([7; 16]), "audience": "test",
                "server_time": self.time.now(),
            })));
        }
        if request.path == "/v1/token" {
            return Ok(reply(&json!({"access_token": "t", "expires_in": 900})));
        }
        let mut exchange = || server.exchange(self.time.now(), self.device, request.body);
        let fault = self.faults.lock().unwrap().as_mut().map(|random| random.below(6));
        let mut reply = reply(&json!(null));
        reply.media_type = SYNC_MEDIA_TYPE.to_owned();
        match fault {
            Some(0) => return Err(NetError::Unreachable("lost on the way".to_owned())),
            Some(1) => {
                exchange();
                return Err(NetError::Cut("lost on the way back".to_owned()));
            }
            Some(2) => {
                exchange();
                reply.body = exchange();
            }
            _ => reply.body = exchange(),
        }
        Ok(reply)
    }
}

fn reply(body: &serde_json::Value) -> Reply {
    Reply {
        status: 200,
        media_type: "application/json".to_owned(),
        retry_after_s: None,
        date_s: None,
        body: body.to_string().into_bytes(),
    }
}

/// A technician's phone; its files move to a fresh folder whenever it loses power.
pub struct Handset {
    engine: Option<Engine>,
    pub link: Link,
    pub folder: PathBuf,
    generation: u32,
    pub image: Option<PathBuf>,
}

impl Handset {
    pub fn new(folder: PathBuf, link: Link, random: Random) -> Self {
        let mut handset = Self { engine: None, link, folder, generation: 0, image: None };
        std::fs::create_dir_all(handset.place()).unwrap();
        handset.open(random);
        handset.engine().enrol("test", "0123-4567-89AZ", "phone").unwrap();
        handset
    }

    pub fn engine(&self) -> &Engine {
        self.engine.as_ref().unwrap()
    }

    fn place(&self) -> PathBuf {
        self.folder.join(format!("generation-{}", self.generation))
    }

    fn open(&mut self, random: Random) {
        let options = Options {
            clock: Arc::new(self.link.time.clone()),
            random: Arc::new(Seeded(Mutex::new(random))),
            connector: Arc::new(self.link.clone()),
            space: SpaceLimits { reserve_bytes: 0, ..SpaceLimits::default() },
            ..Options::default()
        };
        self.engine = Some(Engine::open(self.place().join("phone.db"), options).unwrap());
    }

    /// What is on the disk at this moment, without anything being closed first.
    pub fn copy_to(&self, to: &Path) {
        std::fs::create_dir_all(to).unwrap();
        for file in ["phone.db", "phone.db-wal", "phone.db.secret"] {
            let from = self.place().join(file);
            if from.exists() {
                std::fs::copy(from, to.join(file)).unwrap();
            }
        }
    }

    pub fn lose_power(&mut self, random: Random) {
        let next = self.folder.join(format!("generation-{}", self.generation + 1));
        self.copy_to(&next);
        self.engine = None;
        self.generation += 1;
        self.open(random);
    }

    /// Puts an old image back: the phone forgets, and its secret is as it was.
    pub fn put_back(&mut self, image: &Path, random: Random) {
        self.engine = None;
        self.generation += 1;
        std::fs::rename(image, self.place()).unwrap();
        self.open(random);
    }
}
