//! The scene of the attacks: two tenants on one server, people at desks, phones of every kind.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use ed25519_dalek::SigningKey;
use serde_json::{Value, json};
use server::admin::{self, NewUser};
use server::auth::Role;
use sqlx::{AnyConnection, Connection as _, Row as _};
use store::Store;
use sync_core::id::{JobId, TenantId, UserId};
use tokio::runtime::Runtime;

use super::child::ServerUnderAttack;
use super::hand::{Hand, now};
use super::wire::{ATTACKER, Reply, call};

/// Everybody's password.
pub const PASSWORD: &str = "correct horse battery";
/// In every name that only the other tenant may see.
pub const SECRET: &str = "secret-of-acme";

/// Requests with a token, or without one.
#[derive(Debug, Clone)]
pub struct Client {
    pub to: SocketAddr,
    pub from: Ipv4Addr,
    pub token: String,
}

impl Client {
    /// Someone who is not logged in.
    pub fn anybody(to: SocketAddr) -> Self {
        Self { to, from: ATTACKER, token: String::new() }
    }

    /// The same with another token.
    pub fn with(&self, token: &str) -> Self {
        Self { token: token.to_owned(), ..self.clone() }
    }

    /// Someone at a desk.
    pub fn log_in(to: SocketAddr, tenant: &str, login: &str) -> Result<Self, String> {
        let body = json!({"tenant": tenant, "login": login, "password": PASSWORD});
        let reply = Self::anybody(to).post("/v1/session", &body);
        let token = reply.json()["token"].as_str().map(str::to_owned);
        Ok(Self::anybody(to).with(&token.ok_or_else(|| reply.told())?))
    }

    /// Sends anything.
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        let bearer = format!("Bearer {}", self.token);
        let mut all = headers.to_vec();
        if !self.token.is_empty() {
            all.push(("authorization", &bearer));
        }
        call(self.from, self.to, method, path, &all, body)
    }

    /// Sends text as JSON.
    pub fn text(&self, method: &str, path: &str, body: &str) -> Reply {
        self.send(method, path, &[("content-type", "application/json")], body.as_bytes())
    }

    /// Sends JSON as if it stood as the sender saw it.
    pub fn patch(&self, path: &str, body: &Value) -> Reply {
        let headers = [("content-type", "application/json"), ("if-match", "*")];
        self.send("PATCH", path, &headers, body.to_string().as_bytes())
    }

    /// Sends JSON.
    pub fn post(&self, path: &str, body: &Value) -> Reply {
        self.text("POST", path, &body.to_string())
    }

    /// Reads.
    pub fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &[], b"")
    }
}

/// One tenant's things, by name.
#[derive(Debug, Clone)]
pub struct Things {
    pub tenant: TenantId,
    pub branch: String,
    pub job: String,
    pub van: String,
    /// A technician.
    pub user: UserId,
}

/// Where everything happens.
#[derive(Debug)]
pub struct Town {
    pub server: ServerUnderAttack,
    pub anybody: Client,
    pub admin: Client,
    pub manager: Client,
    pub desk: Client,
    /// A dispatcher of one branch.
    pub branch_desk: Client,
    /// An administrator of the other tenant.
    pub stranger: Client,
    /// Things of the tenant under attack.
    pub acme: Things,
    /// Things of the other tenant.
    pub other: Things,
    /// The phone that attacks.
    pub mallory: Hand,
    /// An honest technician's phone.
    pub bo: Hand,
    /// A phone that was revoked.
    pub revoked: Hand,
    /// A phone whose digits nobody compared.
    pub pending: Hand,
    /// A phone of the other tenant.
    pub foreign: Hand,
    /// A job that is the attacker's by assignment.
    pub mine: JobId,
    /// The server's name in tokens, its key and the key's name.
    pub issuer: String,
    pub kid: String,
    pub signing: SigningKey,
    pub runtime: Runtime,
    folder: PathBuf,
}

impl Town {
    /// Builds it in a folder of its own.
    pub fn build() -> Result<Self, String> {
        let mark: String =
            server::clock::random::<8>().iter().map(|b| format!("{b:02x}")).collect();
        let folder = std::env::temp_dir().join(format!("towline-attacks-{mark}"));
        std::fs::create_dir_all(&folder).map_err(|e| e.to_string())?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|e| e.to_string())?;
        let database = format!("sqlite://{}", folder.join("towline.db").display());
        let (acme, other) = runtime.block_on(people(&database))?;
        let server = ServerUnderAttack::start(&folder)?;
        let to = server.address;
        let log_in = |tenant: &str, login: &str| Client::log_in(to, tenant, login);
        let (admin, stranger) = (log_in("acme", "admin")?, log_in("other", "admin")?);
        let phone = |desk: &Client, user: UserId| -> Result<Hand, String> {
            let code = desk.post("/v1/devices/codes", &json!({"user": user})).json();
            let mut hand = Hand::enrol(to, code["code"].as_str().unwrap_or_default())?;
            let path = format!("/v1/devices/{}/confirm", hand.device);
            desk.post(&path, &json!({"digits": hand.digits}));
            hand.log_in()?;
            Ok(hand)
        };
        let technician = |desk: &Client, login: &str| -> Result<UserId, String> {
            let body =
                json!({"login": login, "name": format!("{login} {SECRET}"), "role": "technician"});
            made(desk, "/v1/users", &body)?.parse().map_err(|_| "a user".to_owned())
        };
        let (bo, mallory) = (technician(&admin, "bo")?, technician(&admin, "mallory")?);
        let foreign = technician(&stranger, "zoe")?;
        let acme = things(&admin, acme, bo)?;
        let other = things(&stranger, other, foreign)?;
        let branch_desk = json!({"login": "branch", "name": "B", "role": "dispatcher",
            "branch": made(&admin, "/v1/branches", &branch("south"))?, "password": PASSWORD});
        made(&admin, "/v1/users", &branch_desk)?;
        let mine = made(&admin, "/v1/jobs", &json!({"problem": "tow", "address": "here"}))?;
        admin.post(&format!("/v1/jobs/{mine}/assign"), &json!({"technician": mallory}));
        admin.post(&format!("/v1/jobs/{mine}/notes"), &json!({"text": "Ask for the spare key."}));
        let part = json!({"description": "x", "unit_price": 1, "currency": "TWD"});
        admin.text("PUT", "/v1/parts/ACME-1", &part.to_string());
        let revoked = phone(&admin, mallory)?;
        admin.post(&format!("/v1/devices/{}/revoke", revoked.device), &json!({}));
        let code = admin.post("/v1/devices/codes", &json!({"user": mallory})).json();
        let pending = Hand::enrol(to, code["code"].as_str().unwrap_or_default())?;
        let (issuer, kid, signing) = runtime.block_on(secrets(&database))?;
        Ok(Self {
            anybody: Client::anybody(to),
            manager: log_in("acme", "manager")?,
            desk: log_in("acme", "desk")?,
            branch_desk: log_in("acme", "branch")?,
            mallory: phone(&admin, mallory)?,
            bo: phone(&admin, bo)?,
            foreign: phone(&stranger, foreign)?,
            mine: mine.parse().map_err(|_| "a job")?,
            server,
            admin,
            stranger,
            acme,
            other,
            revoked,
            pending,
            issuer,
            kid,
            signing,
            runtime,
            folder,
        })
    }

    /// Where files of the run belong.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Town {
    fn drop(&mut self) {
        // What cannot be removed is left to the system's own tidying.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

async fn people(database: &str) -> Result<(TenantId, TenantId), String> {
    let store = Store::open(database).await.map_err(|e| e.to_string())?;
    let mut tenants = Vec::new();
    for slug in ["acme", "other"] {
        let tenant = admin::create_tenant(&store, now(), slug, slug).await;
        let tenant = tenant.map_err(|e| e.to_string())?;
        let roles = [
            ("admin", Role::Administrator),
            ("manager", Role::Manager),
            ("desk", Role::Dispatcher),
            ("guessed", Role::Dispatcher),
        ];
        for (login, role) in roles {
            let (login, name, language) = (login.to_owned(), login.to_owned(), "en".to_owned());
            let user = NewUser { login, name, role, branch: None, language };
            let user = admin::create_user(&store, now(), tenant, user, Some(PASSWORD), 64).await;
            user.map_err(|e| e.to_string())?;
        }
        tenants.push(tenant);
    }
    store.close().await;
    match tenants.as_slice() {
        [acme, other] => Ok((*acme, *other)),
        _ => Err("two tenants".to_owned()),
    }
}

/// What only the server knows: attacks on its checks need tokens that it could have made.
async fn secrets(database: &str) -> Result<(String, String, SigningKey), String> {
    let read = async {
        let mut db = AnyConnection::connect(database).await?;
        let issuer = sqlx::query("SELECT value FROM meta WHERE key = 'issuer'");
        let issuer: Vec<u8> = issuer.fetch_one(&mut db).await?.try_get(0)?;
        let row = sqlx::query("SELECT kid, seed FROM keys").fetch_one(&mut db).await?;
        let (kid, seed): (String, Vec<u8>) = (row.try_get(0)?, row.try_get(1)?);
        db.close().await?;
        Ok::<_, sqlx::Error>((issuer, kid, seed))
    };
    let (issuer, kid, seed) = read.await.map_err(|e| e.to_string())?;
    let seed: [u8; 32] = seed.try_into().map_err(|_| "a seed")?;
    let issuer = String::from_utf8(issuer).map_err(|e| e.to_string())?;
    Ok((issuer, kid, SigningKey::from_bytes(&seed)))
}

fn things(admin: &Client, tenant: TenantId, user: UserId) -> Result<Things, String> {
    let branch = made(admin, "/v1/branches", &branch(SECRET))?;
    let van = json!({"name": SECRET, "plate": "SEC-0001", "technician": user});
    let van = made(admin, "/v1/vans", &van)?;
    let part = json!({"description": SECRET, "unit_price": 1, "currency": "TWD"});
    admin.text("PUT", "/v1/parts/SECRET-1", &part.to_string());
    let load = json!({"movements": [{"kind": "load", "part_no": "SECRET-1", "quantity": 5000}]});
    admin.post(&format!("/v1/vans/{van}/movements"), &load);
    let job = json!({"problem": SECRET, "address": SECRET, "plate": "ABC-1234", "branch": branch});
    let job = made(admin, "/v1/jobs", &job)?;
    admin.post(&format!("/v1/jobs/{job}/assign"), &json!({"technician": user}));
    Ok(Things { tenant, branch, job, van, user })
}

fn branch(name: &str) -> Value {
    json!({"name": name, "kind": "owned", "currency": "TWD", "time_zone": "Asia/Taipei"})
}

fn made(desk: &Client, path: &str, body: &Value) -> Result<String, String> {
    let reply = desk.post(path, body);
    let id = reply.json()["id"].as_str().map(str::to_owned);
    id.ok_or_else(|| format!("{path}: {} {}", reply.told(), String::from_utf8_lossy(&reply.body)))
}
