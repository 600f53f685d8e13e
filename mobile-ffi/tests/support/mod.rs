//! What the tests of the engine share: a folder, and a server that enrols and is otherwise away.

#![allow(dead_code, clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mobile_ffi::{
    Connector, Engine, EngineError, NetError, Options, Post, Random, Reply, SystemRandom,
};
use mobile_ffi::{Transport, WalkUp};
use sync_core::id::{DeviceId, FactId, JobId, TenantId, UserId};

/// A code any test may use: the server below takes every one.
pub const CODE: &str = "0123-4567-89AZ";

/// A folder that is gone when the test is over.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("towline-{name}-{:016x}", random()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Enrols every phone as a fresh device of one technician; cannot be reached for anything else.
#[derive(Clone)]
pub struct Enroller {
    user: UserId,
    /// What it answers instead, if anything.
    pub says: Arc<Mutex<Option<Reply>>>,
}

impl Enroller {
    pub fn of_technician(n: u8) -> Self {
        Self { user: UserId::new(1_790_000_000_000, [n; 10]), says: Arc::default() }
    }

    pub fn options(&self) -> Options {
        Options { connector: Arc::new(self.clone()), ..Options::default() }
    }
}

impl Connector for Enroller {
    fn connect(&self, _server_url: &str) -> Result<Arc<dyn Transport>, NetError> {
        Ok(Arc::new(self.clone()))
    }
}

impl Transport for Enroller {
    fn post(&self, request: Post<'_>) -> Result<Reply, NetError> {
        if let Some(reply) = self.says.lock().unwrap().clone() {
            return Ok(reply);
        }
        if request.path != "/v1/devices/enrol" {
            return Err(NetError::Unreachable("no coverage".to_owned()));
        }
        let ms = 1_790_000_000_000;
        let body = serde_json::json!({
            "device": DeviceId::new(ms, random().to_be_bytes().repeat(2)[..10].try_into().unwrap()),
            "user": self.user,
            "tenant": TenantId::new(ms, [1; 10]),
            "user_name": "Lin",
            "nonce": URL_SAFE_NO_PAD.encode([7; 16]),
            "audience": "https://towline.example",
            "server_time": ms,
        });
        Ok(json(201, &body))
    }
}

/// An answer with a JSON body.
pub fn json(status: u16, body: &serde_json::Value) -> Reply {
    Reply {
        status,
        media_type: "application/json".to_owned(),
        retry_after_s: None,
        date_s: None,
        body: body.to_string().into_bytes(),
    }
}

/// An enrolled engine with one walk-up job.
pub fn with_job(path: &Path, options: Options) -> (Engine, JobId) {
    let engine = Engine::open(path, options).unwrap();
    engine.enrol("http://towline.example", CODE, "test phone").unwrap();
    let seen = WalkUp { plate: Some("ABC-1234".to_owned()), ..WalkUp::default() };
    let job = engine.walk_up(seen).unwrap();
    (engine, job)
}

/// Saves a note on the last of the jobs, or on a new one once the technician's share of it is used
/// up: only the disk ends this.
pub fn note_somewhere(
    engine: &Engine,
    jobs: &mut Vec<JobId>,
    text: &str,
) -> Result<FactId, EngineError> {
    match engine.note(*jobs.last().unwrap(), text) {
        Err(error) if error.code() == "document_full" => {
            let seen = WalkUp { plate: Some("ABC-1234".to_owned()), ..WalkUp::default() };
            jobs.push(engine.walk_up(seen)?);
            engine.note(*jobs.last().unwrap(), text)
        }
        noted => noted,
    }
}

pub fn random() -> u64 {
    let mut bytes = [0; 8];
    SystemRandom.fill(&mut bytes).unwrap();
    u64::from_le_bytes(bytes)
}
