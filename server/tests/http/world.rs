//! A real server on a fresh SQLite file, and small clients to talk to it.

use std::io::Write as _;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer as _, SigningKey};
use serde_json::{Value, json};
use server::admin::{self, NewUser};
use server::auth::Role;
use server::clock::random;
use server::{Config, Running, Server};
use sqlx::Connection as _;
use sync_core::enrol;
use sync_core::id::{DeviceId, TenantId, UserId};
use sync_core::technician::Technician;
use tokio::runtime::Runtime;

/// The password of everybody at a desk.
pub const PASSWORD: &str = "correct horse battery";

/// A server with one tenant, `acme`, and nobody in it but `admin`.
pub struct World {
    runtime: Runtime,
    running: Option<Running>,
    dir: PathBuf,
    postgres: Option<Postgres>,
    pub tenant: TenantId,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: ureq::http::HeaderMap,
    pub body: Value,
    pub text: String,
}

impl Answer {
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or("")
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
    }

    /// Asserts the status and gives the body.
    #[track_caller]
    pub fn ok(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        self.body
    }

    /// Asserts a problem.
    #[track_caller]
    pub fn problem(self, status: u16, code: &str) -> Value {
        assert_eq!((self.status, self.code()), (status, code), "{}", self.text);
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(self.body["request_id"].as_str().unwrap(), self.header("x-request-id"));
        self.body
    }
}

/// What a test reads of an answer. A field that is missing fails it, rather than stand for nothing.
pub trait Told {
    fn text(&self) -> &str;
    fn list(&self) -> &[Value];
}

impl Told for Value {
    #[track_caller]
    fn text(&self) -> &str {
        self.as_str().unwrap_or_else(|| panic!("no text: {self}"))
    }

    #[track_caller]
    fn list(&self) -> &[Value] {
        self.as_array().unwrap_or_else(|| panic!("no list: {self}"))
    }
}

impl World {
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    /// A server on each kind of database there is.
    pub fn on_each_database() -> impl Iterator<Item = Self> {
        Self::on_each_database_with(|_| ())
    }

    /// The same with settings of one's own.
    pub fn on_each_database_with(change: fn(&mut Config)) -> impl Iterator<Item = Self> {
        [Some(Self::with(change)), Self::on_postgres_with(change)].into_iter().flatten()
    }

    /// A server on a fresh PostgreSQL database; says loudly when there is none to be had.
    pub fn on_postgres() -> Option<Self> {
        Self::on_postgres_with(|_| ())
    }

    fn on_postgres_with(change: fn(&mut Config)) -> Option<Self> {
        let postgres = Postgres::fresh()?;
        let url = server::config::Secret::new(postgres.url.clone());
        let mut world = Self::with(|config| {
            config.database = url;
            change(config);
        });
        world.postgres = Some(postgres);
        Some(world)
    }

    /// Whether it is on PostgreSQL, where other nodes may be.
    pub fn is_on_postgres(&self) -> bool {
        self.postgres.is_some()
    }

    /// A server with other settings.
    pub fn with(change: impl FnOnce(&mut Config)) -> Self {
        let runtime = Runtime::new().unwrap();
        let name: String = random::<8>().iter().map(|b| format!("{b:02x}")).collect();
        let dir = std::env::temp_dir().join(format!("towline-test-{name}"));
        let mut config = Config::for_data(&dir).unwrap();
        config.listen = "127.0.0.1:0".parse().unwrap();
        config.password_memory_kib = 64;
        change(&mut config);
        let running = runtime.block_on(Server::start(config)).unwrap();
        let mut world = Self {
            runtime,
            running: Some(running),
            dir,
            postgres: None,
            tenant: TenantId::new(0, [0; 10]),
        };
        world.tenant = world.add_tenant("acme");
        world.add_user(world.tenant, "admin", Role::Administrator);
        world
    }

    /// Another server on the same database.
    pub fn second_node(&self) -> Self {
        self.second_node_with(|_| {})
    }

    /// The same with other settings.
    pub fn second_node_with(&self, change: impl FnOnce(&mut Config)) -> Self {
        let runtime = Runtime::new().unwrap();
        let mut config = self.running().app().config.clone();
        change(&mut config);
        config.listen = "127.0.0.1:0".parse().unwrap();
        let running = runtime.block_on(Server::start(config)).unwrap();
        let (dir, tenant) = (self.dir.join("second"), self.tenant);
        Self { runtime, running: Some(running), dir, postgres: None, tenant }
    }

    pub fn running(&self) -> &Running {
        self.running.as_ref().unwrap()
    }

    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    fn now(&self) -> i64 {
        self.running().app().now()
    }

    /// As if the server had died after what was done was committed and before its answer was kept.
    pub fn lose_answers(&self) {
        let forget =
            "UPDATE idempotency SET status = NULL, headers = NULL, body = NULL, leased_to = 0";
        let store = self.running().app().store.clone();
        let done = store.write::<(), store::StoreError, _>(move |tx| {
            Box::pin(async move {
                sqlx::query(forget).execute(tx).await?;
                Ok(())
            })
        });
        self.block_on(done).expect("the store writes");
    }

    pub fn add_tenant(&self, slug: &str) -> TenantId {
        let store = &self.running().app().store;
        self.block_on(admin::create_tenant(store, self.now(), slug, slug)).unwrap()
    }

    pub fn add_user(&self, tenant: TenantId, login: &str, role: Role) -> UserId {
        let new = NewUser {
            login: login.to_owned(),
            name: format!("Name of {login}"),
            role,
            branch: None,
            language: "en".to_owned(),
        };
        let password = (role != Role::Technician).then_some(PASSWORD);
        let store = &self.running().app().store;
        let made = admin::create_user(store, self.now(), tenant, new, password, 64);
        self.block_on(made).unwrap()
    }

    /// A technician as their document says, which is what their phone has.
    pub fn technician(&self, user: UserId) -> Technician {
        let store = &self.running().app().store;
        let found = self.block_on(store.document(self.tenant, user.into())).unwrap();
        Technician::of(&found.unwrap().document)
    }

    pub fn anybody(&self) -> Client {
        Client { url: self.running().url(), token: None, extra: Vec::new() }
    }

    /// Someone at a desk, logged in by bearer token.
    pub fn desk(&self, tenant: &str, login: &str) -> Client {
        let body = json!({"tenant": tenant, "login": login, "password": PASSWORD});
        let opened = self.anybody().post("/v1/session", body).ok(200);
        self.anybody().bearer(opened["token"].as_str().unwrap())
    }

    pub fn admin(&self) -> Client {
        self.desk("acme", "admin")
    }

    /// A technician with an enrolled and confirmed phone.
    pub fn phone(&self, tenant: TenantId, slug: &str, desk_login: &str, login: &str) -> Phone {
        let user = self.add_user(tenant, login, Role::Technician);
        let desk = self.desk(slug, desk_login);
        let code = desk.post("/v1/devices/codes", json!({"user": user})).ok(201);
        let phone = Phone::enrol(&self.anybody(), code["code"].as_str().unwrap());
        let path = format!("/v1/devices/{}/confirm", phone.device);
        desk.post(&path, json!({"digits": phone.digits})).ok(200);
        phone
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            self.runtime.block_on(running.shutdown());
        }
        std::fs::remove_dir_all(&self.dir).ok();
        if let Some(postgres) = self.postgres.take() {
            self.runtime.block_on(postgres.drop_it());
        }
    }
}

/// A database of its own on the PostgreSQL server of the tests.
struct Postgres {
    admin: String,
    name: String,
    url: String,
}

impl Postgres {
    fn fresh() -> Option<Self> {
        sqlx::any::install_default_drivers();
        let admin = std::env::var("TOWLINE_TEST_POSTGRES")
            .unwrap_or_else(|_| "postgres://postgres@127.0.0.1:5432/postgres".to_owned());
        let mark: String = random::<8>().iter().map(|b| format!("{b:02x}")).collect();
        let name = format!("towline_http_{mark}");
        let (server, _) = admin.rsplit_once('/').unwrap();
        let postgres = Self { url: format!("{server}/{name}"), name, admin };
        let made = Runtime::new().unwrap().block_on(postgres.run("CREATE DATABASE"));
        if let Err(error) = made {
            let demanded = std::env::var("TOWLINE_REQUIRE_POSTGRES").is_ok_and(|v| v == "1");
            assert!(!demanded, "PostgreSQL is required and not reachable: {error}");
            // Straight to the terminal: what a passing test prints is otherwise kept from it.
            let said = "SKIPPED: the API on PostgreSQL, not reachable";
            let _ = writeln!(std::io::stderr(), "{said}: {error}");
            return None;
        }
        Some(postgres)
    }

    async fn run(&self, what: &str) -> Result<(), sqlx::Error> {
        let mut connection = sqlx::AnyConnection::connect(&self.admin).await?;
        let sql = sqlx::AssertSqlSafe(format!("{what} {}", self.name));
        sqlx::raw_sql(sql).execute(&mut connection).await?;
        Ok(())
    }

    async fn drop_it(self) {
        self.run("DROP DATABASE IF EXISTS").await.unwrap();
    }
}

/// Sends requests, perhaps with a token.
#[derive(Clone)]
pub struct Client {
    pub url: String,
    token: Option<String>,
    extra: Vec<(String, String)>,
}

impl Client {
    pub fn bearer(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    pub fn header(&self, name: &str, value: &str) -> Self {
        let mut client = self.clone();
        client.extra.push((name.to_owned(), value.to_owned()));
        client
    }

    /// The token, if there is one.
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None, "")
    }

    pub fn post(&self, path: &str, body: Value) -> Answer {
        self.send("POST", path, Some(body.to_string().into_bytes()), "application/json")
    }

    pub fn patch(&self, path: &str, body: Value) -> Answer {
        self.send("PATCH", path, Some(body.to_string().into_bytes()), "application/json")
    }

    pub fn put(&self, path: &str, body: Value) -> Answer {
        self.send("PUT", path, Some(body.to_string().into_bytes()), "application/json")
    }

    pub fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, None, "")
    }

    pub fn form(&self, path: &str, pairs: &[(&str, &str)]) -> Answer {
        let body = serde_urlencoded::to_string(pairs).unwrap().into_bytes();
        self.send("POST", path, Some(body), "application/x-www-form-urlencoded")
    }

    pub fn send(&self, method: &str, path: &str, body: Option<Vec<u8>>, media: &str) -> Answer {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(std::time::Duration::from_secs(30)))
            .build();
        let agent = ureq::Agent::new_with_config(config);
        let mut request =
            ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.url));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if !media.is_empty() {
            request = request.header("content-type", media);
        }
        for (name, value) in &self.extra {
            request = request.header(name, value);
        }
        let request = request.body(body.unwrap_or_default()).unwrap();
        let mut response = agent.run(request).unwrap();
        // A page for a phone is no text.
        let bytes = response.body_mut().read_to_vec().unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Answer {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: serde_json::from_str(&text).unwrap_or(Value::Null),
            text,
        }
    }
}

/// A phone as far as accounts go.
pub struct Phone {
    pub key: SigningKey,
    pub device: DeviceId,
    pub user: UserId,
    pub audience: String,
    pub digits: String,
}

impl Phone {
    /// Enrols with a code; the digits still have to be compared.
    pub fn enrol(client: &Client, code: &str) -> Self {
        let key = SigningKey::from_bytes(&random());
        let public = *key.verifying_key().as_bytes();
        let nonce: [u8; 16] = random();
        let secret = enrol::CodeSecret::of(code);
        let proof = key.sign(&enrol::proof_message(&secret, &public, &nonce)).to_bytes();
        let body = json!({
            "code_name": URL_SAFE_NO_PAD.encode(secret.name()),
            "public_key": URL_SAFE_NO_PAD.encode(public),
            "nonce": URL_SAFE_NO_PAD.encode(nonce),
            "proof": URL_SAFE_NO_PAD.encode(proof),
            "name": "test phone",
        });
        let enrolled = client.post("/v1/devices/enrol", body).ok(201);
        let server_nonce = URL_SAFE_NO_PAD.decode(enrolled["nonce"].as_str().unwrap()).unwrap();
        let server_nonce: [u8; 16] = server_nonce.try_into().unwrap();
        Self {
            digits: enrol::digits(&secret, &public, &nonce, &server_nonce),
            key,
            device: enrolled["device"].as_str().unwrap().parse().unwrap(),
            user: enrolled["user"].as_str().unwrap().parse().unwrap(),
            audience: enrolled["audience"].as_str().unwrap().to_owned(),
        }
    }

    pub fn assertion(&self, now_s: i64) -> String {
        let input = enrol::assertion_input(self.device, &self.audience, now_s, random());
        enrol::assertion(&input, &self.key.sign(input.as_bytes()).to_bytes())
    }

    /// Signs any header and claims.
    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let input = format!("{}.{}", part(header), part(claims));
        enrol::assertion(&input, &self.key.sign(input.as_bytes()).to_bytes())
    }

    pub fn token(&self, client: &Client, assertion: &str) -> Answer {
        client.form("/v1/token", &[("grant_type", enrol::GRANT_TYPE), ("assertion", assertion)])
    }

    /// Logs in and gives a client with the access token.
    pub fn log_in(&self, world: &World) -> Client {
        let now_s = world.running().app().now() / 1000;
        let token = self.token(&world.anybody(), &self.assertion(now_s)).ok(200);
        world.anybody().bearer(token["access_token"].as_str().unwrap())
    }
}
