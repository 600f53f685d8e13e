//! The world of the day: a server in this process, people and vans in it, and enrolled phones.

mod keys;
mod place;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mobile_ffi::{Engine, Options};
use server::admin::{self, NewUser};
use server::auth::Role;
use server::clock::{Clock, random};
use server::config::{Config, Secret};
use server::{Running, Server};
use store::rows::branches::{Branch, BranchKind};
use store::rows::parts::Part;
use sync_core::id::{BranchId, JobId, TenantId, UserId};
use tests::day::Plan;
use tests::links::Link;
use tests::random::Random;

use crate::args::Args;
use crate::desk::Desk;
use crate::handset::{Handset, Parts};
use crate::inputs::Inputs;
use crate::progress::Tally;
use crate::shaped::{Radio, ShapedConnector};
use crate::simtime::{PhoneClock, SimTime};
pub use keys::Keys;
use place::Place;
use tests::rest::Rest;
use tests::server_log::ServerLog;

/// Short name of the demo's dealership group.
const TENANT: &str = "demo";
/// Where its branches are.
const ZONE: &str = "Asia/Taipei";

/// Why the demo could not be played or judged. Broken promises are no errors but findings.
#[derive(Debug)]
pub struct DemoError(String);

impl DemoError {
    /// From whatever can be said.
    pub fn new(what: impl ToString) -> Self {
        Self(what.to_string())
    }
}

impl std::fmt::Display for DemoError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl<E: std::error::Error> From<E> for DemoError {
    fn from(error: E) -> Self {
        Self::new(error)
    }
}

/// Which document is which job of the plan.
#[derive(Debug, Clone)]
pub struct Board(Arc<Mutex<Vec<Pinned>>>);

#[derive(Debug, Clone, Default)]
struct Pinned {
    id: Option<JobId>,
    called_off: bool,
}

impl Board {
    fn new(jobs: usize) -> Self {
        Self(Arc::new(Mutex::new(vec![Pinned::default(); jobs])))
    }

    fn pinned(&self) -> MutexGuard<'_, Vec<Pinned>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A job was opened, at the desk or at the roadside.
    pub fn open(&self, job: usize, id: JobId) {
        self.pinned()[job].id = Some(id);
    }

    /// Its document, once it is opened.
    pub fn job(&self, job: usize) -> Option<JobId> {
        self.pinned()[job].id
    }

    /// The office called a job off before anybody was given it.
    pub fn call_off(&self, job: usize) {
        self.pinned()[job].called_off = true;
    }

    /// Whether it did: then nobody waits for it.
    pub fn is_called_off(&self, job: usize) -> bool {
        self.pinned()[job].called_off
    }

    /// Which job of the plan a document is.
    pub fn position(&self, id: JobId) -> Option<usize> {
        self.pinned().iter().position(|job| job.id == Some(id))
    }
}

/// Everything that is running.
pub struct World {
    /// The time of the day and of the server.
    pub time: SimTime,
    /// The office.
    pub desk: Desk,
    /// The phones, by technician.
    pub handsets: Vec<Handset>,
    /// What is going on.
    pub tally: Tally,
    /// The dealership group.
    pub tenant: TenantId,
    /// Runs the server.
    pub runtime: tokio::runtime::Runtime,
    server: Running,
    place: Place,
    logins: Vec<(String, String)>,
    technicians: Vec<UserId>,
}

impl World {
    /// Starts the server and enrols everybody.
    pub fn open(args: &Args, inputs: &Inputs, plan: &Plan) -> Result<Self, DemoError> {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let place = runtime.block_on(Place::make(args))?;
        // People are hired an hour before the first call.
        let time = SimTime::new(plan.start_ms - 3_600_000);
        let server = runtime.block_on(start(&place, &time))?;
        let store = &server.app().store;
        let people = runtime.block_on(People::hire(store, time.now(), plan))?;
        let url = server.url();

        let admin = Rest::log_in(&url, TENANT, "admin", &people.password("admin"))?;
        let dispatcher = Rest::log_in(&url, TENANT, "dispatch", &people.password("dispatch"))?;
        let board = Board::new(plan.jobs.len());
        let tally = Tally::new(plan.phones.len(), plan.jobs.len());
        let shared = Arc::new(plan.clone());
        crate::desk::stock_vans(&admin, plan, &people.technicians, &people.branches)?;
        let desk = Desk::new(
            dispatcher,
            Arc::clone(&shared),
            board.clone(),
            tally.clone(),
            time.clone(),
            (people.technicians.clone(), people.branches.clone()),
        );
        let mut handsets = Vec::with_capacity(plan.phones.len());
        for index in 0..plan.phones.len() {
            let user = people.technicians[index];
            let mut parts = unboxed(index, &place, inputs, &shared, &time, user, &url)?;
            enrol(&admin, &url, &parts)?;
            (parts.board, parts.tally) = (board.clone(), tally.clone());
            handsets.push(Handset::new(parts));
        }
        Ok(Self {
            time,
            desk,
            handsets,
            tally,
            tenant: people.tenant,
            runtime,
            server,
            place,
            logins: people.logins,
            technicians: people.technicians,
        })
    }

    /// Lets every phone sync once more, so that all hold what all wrote.
    pub fn settle(&mut self) -> Result<(), DemoError> {
        self.handsets.iter_mut().try_for_each(Handset::settle)
    }

    /// The server.
    pub fn server(&self) -> &Running {
        &self.server
    }

    /// The public keys of phones and server, as the server's database has them.
    pub fn keys(&self) -> Result<Keys, DemoError> {
        self.runtime.block_on(Keys::read(self.place.database(), self.tenant))
    }

    /// Reads the server's log from its database, on a connection of the demo's own.
    pub fn read_log(&self) -> Result<ServerLog, DemoError> {
        Ok(self.runtime.block_on(ServerLog::open(self.place.database(), self.tenant))?)
    }

    /// Ends the day: cleans up, or leaves the server running until it is told to stop.
    pub fn finish(self, args: &Args, plan: &Plan) -> Result<(), DemoError> {
        drop(self.handsets);
        if args.serve {
            let store = &self.server.app().store;
            let code = self.runtime.block_on(admin::create_code(
                store,
                self.time.now(),
                self.tenant,
                self.technicians[0],
                600_000,
            ))?;
            println!("\nThe server stays up at {} (Ctrl-C ends it).", self.server.url());
            println!("  tenant {TENANT}");
            for (login, password) in &self.logins {
                println!("  login {login:<10} password {password}");
            }
            println!("  a phone enrols within ten minutes with the address above and code {code}");
            println!("  the server's clock went on from the end of the simulated day");
            println!(
                "  the day in the console, as dispatch: {}",
                day_link(&self.server.url(), plan)
            );
            let time = self.time.clone();
            self.runtime.block_on(async move {
                let mut tick = tokio::time::interval(std::time::Duration::from_millis(200));
                loop {
                    tokio::select! {
                        _ = tick.tick() => time.reach(time.now() + 200),
                        _ = tokio::signal::ctrl_c() => break,
                    }
                }
            });
        }
        self.runtime.block_on(self.server.shutdown());
        self.runtime.block_on(self.place.leave(args))
    }
}

/// Where the console shows the day that was played.
fn day_link(url: &str, plan: &Plan) -> String {
    let zone = jiff::tz::db().get(ZONE).unwrap_or(jiff::tz::TimeZone::UTC);
    let begins = jiff::Timestamp::from_millisecond(plan.start_ms).unwrap_or_default();
    format!("{url}/#/timeline/{}", zone.to_datetime(begins).date())
}

async fn start(place: &Place, time: &SimTime) -> Result<Running, DemoError> {
    let mut config = Config::for_data(&place.folder().join("server"))?;
    config.listen = SocketAddr::from(([127, 0, 0, 1], 0));
    config.database = Secret::new(place.database());
    let time = time.clone();
    config.clock = Clock::new(move || time.now());
    Ok(Server::start(config).await?)
}

/// Who was hired, and how they log in.
struct People {
    tenant: TenantId,
    branches: Vec<BranchId>,
    technicians: Vec<UserId>,
    logins: Vec<(String, String)>,
}

impl People {
    async fn hire(store: &store::Store, now: i64, plan: &Plan) -> Result<Self, DemoError> {
        const MEMORY_KIB: u32 = 19_456;
        let tenant = admin::create_tenant(store, now, TENANT, "示範汽車集團 Demo Motors").await?;
        let mut branches = Vec::new();
        for planned in &plan.branches {
            let branch = Branch {
                id: BranchId::new(now, random()),
                name: planned.name.clone(),
                kind: BranchKind::Owned,
                currency: "TWD".to_owned(),
                time_zone: ZONE.to_owned(),
                region: Some("TW".to_owned()),
                active: true,
                version: 1,
                created_at: now,
            };
            branches.push(branch.id);
            admin::create_branch(store, tenant, branch).await?;
        }
        for planned in &plan.parts {
            let part = Part {
                part_no: planned.number.to_owned(),
                description: planned.description.to_owned(),
                unit: planned.unit.to_owned(),
                unit_price: planned.price,
                currency: planned.currency.to_owned(),
                tax_millipercent: 5_000,
                active: true,
                version: 1,
                created_at: now,
            };
            admin::put_part(store, tenant, part).await?;
        }
        let mut logins = Vec::new();
        for (login, name, role) in [
            ("admin", "Administrator", Role::Administrator),
            ("dispatch", "調度員 Dispatcher", Role::Dispatcher),
            ("manager", "Service manager", Role::Manager),
        ] {
            let password = password();
            let user = new_user(login.to_owned(), name, role, None, "zh-Hant");
            admin::create_user(store, now, tenant, user, Some(&password), MEMORY_KIB).await?;
            logins.push((login.to_owned(), password));
        }
        let mut technicians = Vec::new();
        for (index, planned) in plan.technicians.iter().enumerate() {
            let branch = Some(branches[planned.branch]);
            let language = planned.language.tag();
            let login = format!("tech{index:03}");
            let user = new_user(login, &planned.name, Role::Technician, branch, language);
            technicians.push(admin::create_user(store, now, tenant, user, None, MEMORY_KIB).await?);
        }
        Ok(Self { tenant, branches, technicians, logins })
    }

    fn password(&self, login: &str) -> String {
        let found = self.logins.iter().find(|(known, _)| known == login);
        found.map(|(_, password)| password.clone()).unwrap_or_default()
    }
}

fn new_user(
    login: String,
    name: &str,
    role: Role,
    branch: Option<BranchId>,
    language: &str,
) -> NewUser {
    NewUser { login, name: name.to_owned(), role, branch, language: language.to_owned() }
}

/// Twelve letters and digits.
fn password() -> String {
    const LETTERS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz23456789x";
    random::<14>().iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect()
}

/// A new phone, not enrolled yet.
fn unboxed(
    index: usize,
    place: &Place,
    inputs: &Inputs,
    plan: &Arc<Plan>,
    server_time: &SimTime,
    user: UserId,
    url: &str,
) -> Result<Parts, DemoError> {
    let mut random = Random::new(plan.seed).fork(&format!("link {index}"));
    let planned = &plan.phones[index];
    let pair = random.pick(&inputs.links).clone();
    let (shift, delay) = (random.between(0, pair.up.period_ms()), random.between(15, 70));
    let link = Link::new(pair, shift, delay, planned.outages.clone());
    let time = SimTime::new(server_time.now());
    let radio = Arc::new(Radio::new(
        (time.clone(), server_time.clone()),
        link,
        inputs.drive(plan, index),
        (plan.start_ms, plan.end_ms),
        random,
    ));
    let clock = Arc::new(PhoneClock::new(time, planned.clock_off_ms));
    let connector = ShapedConnector { radio: Arc::clone(&radio), socket: index % 2 == 1 };
    let options =
        Options { clock: clock.clone(), connector: Arc::new(connector), ..Options::default() };
    let folder = place.folder().join("phones").join(format!("{index:03}"));
    std::fs::create_dir_all(&folder)?;
    let path = folder.join("phone.db");
    let engine = Engine::open(&path, options.clone())?;
    let _ = url;
    Ok(Parts {
        index,
        user,
        engine,
        clock,
        options,
        path,
        radio,
        plan: Arc::clone(plan),
        board: Board::new(0),
        tally: Tally::new(0, 0),
    })
}

/// Enrols a phone the way people do: a code, and six digits compared.
fn enrol(admin: &Rest, url: &str, phone: &Parts) -> Result<(), DemoError> {
    let code = admin.post("/v1/devices/codes", &serde_json::json!({"user": phone.user}))?;
    let code = code.text("code")?;
    let name = format!("Phone {:03}", phone.index);
    let enrolled = phone.engine.enrol(url, &code, &name)?;
    let digits = serde_json::json!({"digits": enrolled.digits});
    admin.post(&format!("/v1/devices/{}/confirm", enrolled.device), &digits)?;
    Ok(())
}
