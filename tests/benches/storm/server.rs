//! The server of the benchmark: the real one, on a database prepared with a fleet and its jobs.

use std::io::Read as _;
use std::path::Path;

use server::accounts::devices::{self, Device, DeviceState};
use server::accounts::users::{self, User};
use server::auth::Role;
use server::store::{Store, StoreError};
use server::writer::{EditRequest, Expect};
use server::{Config, Server, admin};
use sync_core::id::{TenantId, UserId};
use sync_core::policy::{self, Caller};
use tests::storm::{Phone, STARTS, base, job_id};

/// Prepares `DIR DEVICES JOBS`, prints address and audience, serves until the input ends.
pub fn serve(args: &[String]) {
    let folder = Path::new(&args[0]);
    let number = |at: usize| args[at].parse::<u64>().expect("a number");
    let (phones, jobs) = (number(1), number(2));
    std::fs::create_dir_all(folder).expect("the folder can be made");
    let mut config = Config::for_data(folder).expect("the defaults fit");
    config.listen = ([127, 0, 0, 1], 0).into();
    config.log = "warn".to_owned();
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
    let tenant = admin::create_tenant(store, STARTS, "storm", "Storm").await.expect("a tenant");
    let desk = UserId::new(STARTS, [1; 10]);
    for index in 0..phones {
        let phone = Phone::new(index);
        enrol(store, tenant, index, &phone).await;
        for job in index * jobs..(index + 1) * jobs {
            let edit = EditRequest {
                tenant,
                caller: Caller { user: desk, role: policy::Role::Dispatcher },
                doc: job_id(job).into(),
                expect: Expect::New,
                now: STARTS - 600_000,
            };
            let entries = move |document: &_| Ok::<_, ()>(base(document, job, &phone));
            let edited = store.writer().edit(edit, entries).await.expect("the store answers");
            edited.expect("the office may");
        }
    }
}

/// An active device, as enrolment and the comparison of digits would have made it.
async fn enrol(store: &Store, tenant: TenantId, index: u64, phone: &Phone) {
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
