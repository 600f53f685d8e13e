//! The server of the benchmark: the real one, on a database prepared with a fleet and its jobs.

use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use futures_util::future::join_all;
use server::admin::{self, NewUser};
use server::auth::Role;
use server::{Config, Server};
use sqlx::{Connection as _, Row as _};
use store::rows::devices::{self, Device, DeviceState};
use store::rows::users::{self, User};
use store::writer::{EditRequest, Expect};
use store::{Store, StoreError};
use sync_core::id::{TenantId, UserId};
use sync_core::policy::{self, Principal};
use tests::storm::{Phone, STARTS, base, job_id};

use crate::ours::runtime;

/// Short name of the tenant.
pub const TENANT: &str = "storm";
/// The administrator's login.
pub const ADMIN: &str = "admin";
/// The dispatcher's login.
pub const DESK: &str = "desk";
/// Everybody's password.
pub const PASSWORD: &str = "correct horse battery";
/// Jobs and phones prepared at the same time: they share commits.
const AT_ONCE: u64 = 200;

/// Prepares `DIR DEVICES JOBS`, prints address and audience, serves until the input ends.
pub fn serve(args: &[String]) {
    let folder = Path::new(&args[0]);
    let number = |at: usize| args[at].parse::<u64>().expect("a number");
    let (phones, jobs) = (number(1), number(2));
    std::fs::create_dir_all(folder).expect("the folder can be made");
    let mut config = Config::for_data(folder).expect("the defaults fit");
    config.listen = ([127, 0, 0, 1], 0).into();
    config.log = "warn".to_owned();
    // Every idle phone holds a socket.
    config.net.max_connections = config.net.max_connections.max(phones as usize + 100);
    // The whole fleet comes from one address here.
    config.net.max_connections_per_address = None;
    // Preparing a large fleet takes minutes, and a phone logs in once here.
    config.access = Duration::from_secs(3600);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let running = Server::start(config).await.expect("the server starts");
        prepare(&running.app().store, phones, jobs).await;
        println!("{}\n{}", running.addr, running.app().issuer());
        let end = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
        let _ = end.await;
        running.shutdown().await;
    });
}

async fn prepare(store: &Store, phones: u64, jobs: u64) {
    let tenant = admin::create_tenant(store, STARTS, TENANT, "Storm").await.expect("a tenant");
    for (login, role) in [(ADMIN, Role::Administrator), (DESK, Role::Dispatcher)] {
        let (login, name, language) = (login.to_owned(), login.to_owned(), "en".to_owned());
        let new = NewUser { login, name, role, branch: None, language };
        admin::create_user(store, STARTS, tenant, new, Some(PASSWORD), 64).await.expect("staff");
    }
    let desk = UserId::new(STARTS, [1; 10]);
    for first in (0..phones).step_by(AT_ONCE as usize) {
        let batch = first..phones.min(first + AT_ONCE);
        let devices = batch.clone().map(|index| enrol(store, tenant, index));
        join_all(devices).await;
        let jobs =
            batch.flat_map(|index| (index * jobs..(index + 1) * jobs).map(move |j| (index, j)));
        let jobs: Vec<_> = jobs.collect();
        for some in jobs.chunks(AT_ONCE as usize) {
            join_all(some.iter().map(|(index, job)| assigned(store, tenant, desk, *index, *job)))
                .await;
        }
    }
}

/// A job as the office knew it before its technician lost coverage.
async fn assigned(store: &Store, tenant: TenantId, desk: UserId, index: u64, job: u64) {
    let phone = Phone::new(index);
    let edit = EditRequest {
        tenant,
        caller: Principal { user: desk, role: policy::Role::Dispatcher },
        doc: job_id(job).into(),
        expect: Expect::New,
        now: STARTS - 600_000,
        note: None,
    };
    let entries = move |document: &_| Ok::<_, ()>(base(document, job, &phone));
    let edited = store.writer().edit(edit, entries).await.expect("the store answers");
    edited.expect("the office may");
}

/// Changes of phones in a database.
pub fn stored_changes(url: &str) -> u64 {
    runtime().block_on(async {
        sqlx::any::install_default_drivers();
        let mut connection = sqlx::AnyConnection::connect(url).await.expect("the database opens");
        let count = sqlx::query(
            "SELECT SUM(last_seq - first_seq + 1) FROM runs WHERE author_device IS NOT NULL",
        );
        let row = count.fetch_one(&mut connection).await.expect("it counts");
        row.try_get::<i64, _>(0).map_or(0, i64::unsigned_abs)
    })
}

/// An active device, as enrolment and the comparison of digits would have made it.
async fn enrol(store: &Store, tenant: TenantId, index: u64) {
    let phone = Phone::new(index);
    let user = User {
        id: phone.user,
        login: format!("technician-{index}"),
        name: format!("Technician {index}"),
        role: Role::Technician,
        branch: None,
        language: "zh-Hant".to_owned(),
        active: true,
        deactivated_at: None,
        has_password: false,
        version: 1,
        created_at: STARTS,
    };
    let device = Device {
        id: phone.device,
        user: phone.user,
        state: DeviceState::Active,
        name: "bench".to_owned(),
        app_version: "1".to_owned(),
        created_at: STARTS,
        confirmed_at: Some(STARTS),
        revoked_at: None,
        seen_at: None,
        tenant,
        public_key: phone.key().verifying_key().as_bytes().to_vec(),
        digits: "000000".to_owned(),
        tries: 0,
        held_at: None,
    };
    store
        .write::<(), StoreError, _>(move |tx| {
            Box::pin(async move {
                users::insert(tx, tenant, &user, None).await?;
                devices::insert(tx, &device).await?;
                Ok(())
            })
        })
        .await
        .expect("the fleet is enrolled");
}
