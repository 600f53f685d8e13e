//! How long a phone takes to open a store with 200 jobs and show their list.
//!
//! A real engine that pulled the jobs from a real server, closed and opened again 30 times.

use std::time::{Duration, Instant};

use mobile_ffi::{Engine, Options};
use server::admin::{self, NewUser};
use server::auth::Role;
use server::writer::{EditRequest, Expect};
use server::{Config, Running, Server};
use sync_core::id::{TenantId, UserId};
use sync_core::policy::{self, Caller};
use tests::storm::{Phone, base, job_id};

const JOBS: u64 = 200;
const TIMES: usize = 30;

fn main() {
    let folder = std::env::temp_dir().join(format!("towline-phone-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let mut config = Config::for_data(&folder).expect("the defaults fit");
    config.listen = ([127, 0, 0, 1], 0).into();
    let server = runtime.block_on(Server::start(config)).expect("the server starts");
    let (tenant, technician) = runtime.block_on(prepare(&server));
    let path = folder.join("phone.db");
    let engine = Engine::open(&path, Options::default()).expect("a fresh store");
    let now = server.app().now();
    let store = server.app().store.clone();
    let code = runtime.block_on(admin::create_code(&store, now, tenant, technician, 600_000));
    let enrolled = engine.enrol(&server.url(), &code.expect("a code"), "bench").expect("enrolled");
    runtime.block_on(async {
        let sql = "UPDATE devices SET state = 'active' WHERE id = $1";
        let id = enrolled.device.as_bytes().to_vec();
        let confirmed = store.write::<_, server::store::StoreError, _>(move |tx| {
            Box::pin(async move { Ok(sqlx::query(sql).bind(id).execute(tx).await?) })
        });
        confirmed.await.expect("the digits were compared");
    });
    engine.sync_now().expect("the jobs arrive");
    assert_eq!(engine.jobs().expect("a list").len() as u64, JOBS);
    drop(engine);
    let mut times: Vec<Duration> = (0..TIMES).map(|_| open(&path)).collect();
    times.sort();
    let millis = |at: usize| times[at].as_secs_f64() * 1000.0;
    println!("opening a phone's store of {JOBS} jobs and listing them, {TIMES} times");
    println!("  median                   {:>10.2} ms", millis(TIMES / 2));
    println!("  slowest                  {:>10.2} ms", millis(TIMES - 1));
    runtime.block_on(server.shutdown());
    let _ = std::fs::remove_dir_all(&folder);
}

fn open(path: &std::path::Path) -> Duration {
    let clock = Instant::now();
    let engine = Engine::open(path, Options::default()).expect("the store opens");
    assert_eq!(engine.jobs().expect("a list").len() as u64, JOBS);
    clock.elapsed()
}

async fn prepare(server: &Running) -> (TenantId, UserId) {
    let store = &server.app().store;
    let now = server.app().now();
    let tenant = admin::create_tenant(store, now, "bench", "Bench").await.expect("a tenant");
    let new = NewUser {
        login: "bo".to_owned(),
        name: "Bo Chen".to_owned(),
        role: Role::Technician,
        branch: None,
        language: "en".to_owned(),
    };
    let technician = admin::create_user(store, now, tenant, new, None, 64).await.expect("a person");
    let phone = Phone { user: technician, ..Phone::new(0) };
    for job in 0..JOBS {
        let edit = EditRequest {
            tenant,
            caller: Caller { user: technician, role: policy::Role::Dispatcher },
            doc: job_id(job).into(),
            expect: Expect::New,
            now,
        };
        let entries = move |document: &_| Ok::<_, ()>(base(document, job, &phone));
        let edited = store.writer().edit(edit, entries).await.expect("the store answers");
        edited.expect("the office may");
    }
    (tenant, technician)
}
