//! A real server within the process of a phone, for phones that need one; its own files are not
//! those that are watched.

use std::path::Path;
use std::sync::Arc;

use mobile_ffi::{Connector, Engine, HttpConnector, NetError, Options, Post, Reply, Transport};
use serde_json::json;
use server::{Config, Running, Server};
use sync_core::id::JobId;
use sync_core::sync::{Frame, decode_response, encode_response};
use tokio::runtime::Runtime;

use crate::kills::Trouble;
use crate::kills::child::options;
use crate::kills::place::{PASSWORD, People, Place, TENANT};
use crate::rest::Rest;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// The server with its people, and the desk logged in.
pub struct Office {
    /// Its people.
    pub people: People,
    admin: Rest,
    runtime: Runtime,
    server: Option<Running>,
    _place: Place,
}

impl Office {
    /// Opens one with so many technicians.
    pub fn open(technicians: usize) -> Result<Self, Trouble> {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).enable_all().build()?;
        let place = Place::fresh(&runtime, None)?;
        let people = runtime.block_on(place.hire(technicians))?;
        let mut config = Config::for_data(place.data())?;
        config.listen = ([127, 0, 0, 1], 0).into();
        config.password_memory_kib = 64;
        config.log = "off".to_owned();
        let server = runtime.block_on(Server::start(config))?;
        let admin = Rest::log_in(&server.url(), TENANT, "admin", PASSWORD)?;
        Ok(Self { people, admin, runtime, server: Some(server), _place: place })
    }

    /// Its address.
    pub fn url(&self) -> String {
        self.server.as_ref().map(Running::url).unwrap_or_default()
    }

    /// A code with which a phone of the `n`th technician is enrolled.
    pub fn code(&self, n: usize) -> Result<String, Trouble> {
        let user = self.people.technicians[n].0;
        Ok(self.admin.post("/v1/devices/codes", &json!({"user": user}))?.text("code")?)
    }

    /// The office has compared the digits.
    pub fn confirm(&self, enrolled: &mobile_ffi::Enrolled) -> Result<(), Trouble> {
        let path = format!("/v1/devices/{}/confirm", enrolled.device);
        self.admin.post(&path, &json!({"digits": enrolled.digits}))?;
        Ok(())
    }

    /// A phone of the `n`th technician in this folder, enrolled.
    pub fn phone(&self, n: usize, folder: &Path) -> Result<Engine, Trouble> {
        let engine = Engine::open(folder.join("phone.db"), options())?;
        self.confirm(&engine.enrol(&self.url(), &self.code(n)?, "phone")?)?;
        Ok(engine)
    }

    /// A call that is given to the `n`th technician.
    pub fn job(&self, n: usize) -> Result<JobId, Trouble> {
        let call = json!({"problem": "flat_tyre", "address": "Harbour Road 5"});
        let job: JobId = self.admin.post("/v1/jobs", &call)?.text("id")?.parse()?;
        self.assign(job, n)?;
        Ok(job)
    }

    /// Gives a job to the `n`th technician.
    pub fn assign(&self, job: JobId, n: usize) -> Result<(), Trouble> {
        let to = json!({"technician": self.people.technicians[n].0});
        self.admin.post(&format!("/v1/jobs/{job}/assign"), &to)?;
        Ok(())
    }
}

impl Drop for Office {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            self.runtime.block_on(server.shutdown());
        }
    }
}

/// A clock that is ahead by so many days.
pub struct Ahead(pub i64);

impl mobile_ffi::Clock for Ahead {
    fn wall_ms(&self) -> i64 {
        mobile_ffi::SystemClock.wall_ms() + self.0 * DAY_MS
    }

    fn up_ms(&self) -> i64 {
        mobile_ffi::SystemClock.up_ms() + self.0 * DAY_MS
    }

    fn boot(&self) -> String {
        mobile_ffi::SystemClock.boot()
    }
}

/// How a phone is opened on a day to come, which it is for the server too.
pub fn days_later(days: i64) -> Options {
    Options { clock: Arc::new(Ahead(days)), connector: Arc::new(Later(days)), ..options() }
}

/// A way to the server on which its answers tell a time that is later by so many days.
struct Later(i64);

impl Connector for Later {
    fn connect(&self, server_url: &str) -> Result<Arc<dyn Transport>, NetError> {
        Ok(Arc::new(LaterWay { days: self.0, way: HttpConnector.connect(server_url)? }))
    }
}

struct LaterWay {
    days: i64,
    way: Arc<dyn Transport>,
}

impl Transport for LaterWay {
    fn post(&self, request: Post<'_>) -> Result<Reply, NetError> {
        let mut reply = self.way.post(request)?;
        if let Ok(Frame::Response(mut response)) = decode_response(&reply.body) {
            response.server_time += self.days * DAY_MS;
            reply.body = encode_response(&Frame::Response(response));
        }
        Ok(reply)
    }
}
