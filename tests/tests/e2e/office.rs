//! A server in this process with one tenant, and phones enrolled at it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mobile_ffi::{
    Connector, Engine, HttpConnector, Options, SocketConnector, StepDetails, SyncEnd,
};
use serde_json::json;
use server::admin::{self, NewUser};
use server::auth::Role;
use server::{Config, Running, Server};
use store::Store;
use sync_core::id::{DeviceId, JobId, TenantId, UserId};
use sync_core::job::Step;
use tests::ledger::{FactKey, Ledger};
use tests::rest::Rest;
use tests::server_log::ServerLog;

/// Short name of the tenant.
pub const TENANT: &str = "acme";
/// Everybody's password.
pub const PASSWORD: &str = "correct horse battery";
/// Little memory for passwords: hashing is not what is tested here.
const MEMORY_KIB: u32 = 64;

/// Which way sync frames travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    /// One post a frame.
    Http,
    /// Messages of one connection.
    WebSocket,
}

impl Wire {
    /// Makes transports of this kind.
    pub fn connector(self) -> Arc<dyn Connector> {
        match self {
            Self::Http => Arc::new(HttpConnector),
            Self::WebSocket => Arc::new(SocketConnector),
        }
    }
}

/// Runs a scenario over HTTP and over WebSocket, as two tests.
macro_rules! over_both {
    ($($name:ident),* $(,)?) => {
        $(mod $name {
            #[test]
            fn over_http() {
                super::$name(crate::office::Wire::Http);
            }

            #[test]
            fn over_websocket() {
                super::$name(crate::office::Wire::WebSocket);
            }
        })*
    };
}
pub(crate) use over_both;

/// A folder that is gone when the test is over.
pub struct Folder(PathBuf);

impl Folder {
    /// A fresh one.
    pub fn new() -> Self {
        let mark: [u8; 8] = server::clock::random();
        let name = format!("towline-e2e-{:016x}", u64::from_be_bytes(mark));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed is left to the system's own tidying.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Settings of a server on a folder, on any free port.
pub fn config(folder: &Path) -> Config {
    let mut config = Config::for_data(folder).unwrap();
    config.listen = SocketAddr::from(([127, 0, 0, 1], 0));
    config.password_memory_kib = MEMORY_KIB;
    config
}

/// Adds the tenant and its staff to a store.
pub async fn settle(store: &Store) -> TenantId {
    let now = server::clock::Clock::system().now();
    let tenant = admin::create_tenant(store, now, TENANT, "Acme Motors").await.unwrap();
    for (login, role) in [("admin", Role::Administrator), ("desk", Role::Dispatcher)] {
        add(store, tenant, login, role, Some(PASSWORD)).await;
    }
    tenant
}

/// Adds a person.
pub async fn add(
    store: &Store,
    tenant: TenantId,
    login: &str,
    role: Role,
    password: Option<&str>,
) -> UserId {
    let now = server::clock::Clock::system().now();
    let user = NewUser {
        login: login.to_owned(),
        name: login.to_owned(),
        role,
        branch: None,
        language: "en".to_owned(),
    };
    admin::create_user(store, now, tenant, user, password, MEMORY_KIB).await.unwrap()
}

/// A server with its staff logged in.
pub struct Office {
    /// Runs the server.
    pub runtime: tokio::runtime::Runtime,
    /// The server.
    pub server: Running,
    /// Its tenant.
    pub tenant: TenantId,
    /// The administrator's session.
    pub admin: Rest,
    /// The dispatcher's session.
    pub desk: Rest,
    folder: Folder,
}

impl Office {
    /// Starts a server on a fresh folder.
    pub fn open() -> Self {
        Self::with(|_| ())
    }

    /// The same with other settings.
    pub fn with(change: impl FnOnce(&mut Config)) -> Self {
        let folder = Folder::new();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let mut config = config(folder.path());
        change(&mut config);
        let server = runtime.block_on(Server::start(config)).unwrap();
        let tenant = runtime.block_on(settle(&server.app().store));
        let admin = Rest::log_in(&server.url(), TENANT, "admin", PASSWORD).unwrap();
        let desk = Rest::log_in(&server.url(), TENANT, "desk", PASSWORD).unwrap();
        Self { runtime, server, tenant, admin, desk, folder }
    }

    /// Hires a technician.
    pub fn technician(&self, login: &str) -> UserId {
        let store = &self.server.app().store;
        self.runtime.block_on(add(store, self.tenant, login, Role::Technician, None))
    }

    /// Enrols a new phone for a technician.
    pub fn phone(&self, user: UserId, wire: Wire) -> Phone {
        self.phone_with(user, wire.connector())
    }

    /// Enrols a new phone with a way to the server of its own.
    pub fn phone_with(&self, user: UserId, connector: Arc<dyn Connector>) -> Phone {
        let mark: [u8; 4] = server::clock::random();
        let path = self.folder.path().join(format!("{:08x}.db", u32::from_be_bytes(mark)));
        Phone::enrolled(&self.admin, &self.server.url(), user, path, connector)
    }

    /// Takes a call.
    pub fn job(&self) -> JobId {
        let call =
            json!({"problem": "flat_tyre", "address": "Harbour Road 5", "plate": "ABC-1234"});
        self.desk.post("/v1/jobs", &call).unwrap().text("id").unwrap().parse().unwrap()
    }

    /// Gives a job to a technician.
    pub fn assign(&self, job: JobId, user: UserId) {
        self.desk.post(&format!("/v1/jobs/{job}/assign"), &json!({"technician": user})).unwrap();
    }

    /// Cancels a job for the customer.
    pub fn cancel(&self, job: JobId) {
        let why = json!({"reason": "customer_cancelled"});
        self.desk.post(&format!("/v1/jobs/{job}/cancel"), &why).unwrap();
    }

    /// A job as the desk sees it.
    pub fn see(&self, job: JobId) -> Seen {
        Seen(self.desk.get(&format!("/v1/jobs/{job}")).unwrap().body)
    }

    /// The server's log, read apart from the server.
    pub fn log(&self) -> ServerLog {
        let url = self.server.app().config.database.reveal();
        self.runtime.block_on(ServerLog::open(url, self.tenant)).unwrap()
    }
}

/// A job as the desk sees it.
pub struct Seen(serde_json::Value);

impl Seen {
    /// Where it stands.
    pub fn state(&self) -> &str {
        self.0["state"].as_str().unwrap()
    }

    /// Whose it is.
    pub fn technician(&self) -> Option<UserId> {
        self.0["assignment"]["technician"].as_str().map(|id| id.parse().unwrap())
    }

    /// What waits for a decision.
    pub fn waiting(&self) -> Vec<&str> {
        let waiting = self.0["exceptions"].as_array().unwrap().iter();
        waiting.map(|exception| exception["about"].as_str().unwrap()).collect()
    }
}

/// An enrolled phone.
pub struct Phone {
    /// The engine.
    pub engine: Engine,
    /// Its device.
    pub device: DeviceId,
    /// What it said was saved.
    pub ledger: Ledger,
    path: PathBuf,
    options: Options,
}

impl Phone {
    /// A new phone, enrolled as people do it.
    pub fn enrolled(
        admin: &Rest,
        url: &str,
        user: UserId,
        path: PathBuf,
        connector: Arc<dyn Connector>,
    ) -> Self {
        let options = Options { connector, ..Options::default() };
        let engine = Engine::open(&path, options.clone()).unwrap();
        let code = admin.post("/v1/devices/codes", &json!({"user": user})).unwrap();
        let enrolled = engine.enrol(url, &code.text("code").unwrap(), "phone").unwrap();
        let confirm = format!("/v1/devices/{}/confirm", enrolled.device);
        admin.post(&confirm, &json!({"digits": enrolled.digits})).unwrap();
        let ledger = Ledger::default();
        Self { engine, device: enrolled.device, ledger, path, options }
    }

    /// Writes down everything the engine holds as saved on a document.
    pub fn note_saved(&mut self, doc: impl Into<sync_core::schema::DocId>) {
        let document = self.engine.document(doc.into()).unwrap();
        let own = |user: Option<UserId>| user == self.engine.status().unwrap().user;
        for section in document.fact_sections() {
            for fact in document.facts(section).filter(|fact| own(fact.author)) {
                let (section, id) = (section.clone(), fact.id);
                let key = FactKey { doc: document.id(), section, id };
                self.ledger.saved(key, &fact.record).unwrap();
            }
        }
    }

    /// Works on a job from here to its end, without ever asking the server.
    pub fn work(&mut self, job: JobId, steps: &[Step]) {
        for step in steps {
            self.engine.step(job, *step, StepDetails::default()).unwrap();
        }
        self.note_saved(job);
    }

    /// Syncs and is up to date.
    pub fn sync(&self) {
        assert_eq!(self.engine.sync_now().unwrap().end, SyncEnd::UpToDate);
    }

    /// The app is closed and opened again.
    pub fn reopen(self) -> Self {
        let Self { engine, device, ledger, path, options } = self;
        drop(engine);
        let engine = Engine::open(&path, options.clone()).unwrap();
        Self { engine, device, ledger, path, options }
    }

    /// Everything saved stands in the server's log once and says what it said.
    pub fn assert_all_on(&self, log: &ServerLog) {
        assert!(!self.ledger.is_empty());
        for (key, hash) in self.ledger.facts() {
            assert_eq!(log.facts.get(key), Some(&vec![*hash]), "{key:?}");
        }
    }
}
