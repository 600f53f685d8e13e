//! Every seal gets the server's word without a restart, however many come at once or whatever
//! kept it, and the word says when the seal came in.

use std::time::Duration;

use crate::any::Any;
use crate::people::{NOW, Phone, fact, random, tenant};
use crate::place::{Place, on_each_database};
use ed25519_dalek::Signer as _;
use server::phone_sync::countersign::{Countersigner, run};
use server::store::{Store, StoreError};
use server::{App, Config};
use sync_core::document::Document;
use sync_core::id::{FactId, JobId, TenantId};
use sync_core::job::Job;
use sync_core::schema::{key, section};
use sync_core::seal::{Countersignature, Draft, Point, Shown, Signer};
use sync_core::time::Stamp;

/// Only so that a failing test ends.
const PATIENCE: Duration = Duration::from_secs(60);
const NEVER: Duration = Duration::from_secs(3600);

#[test]
fn what_the_queue_does_not_hold_is_countersigned_when_it_is_empty() {
    on_each_database(async |place| {
        let (app, phone) = served(place).await;
        let (small, queue) = Countersigner::new(2, NEVER);
        let task = tokio::spawn(run(app.clone(), queue));
        // Once the word for a second seal is there, whoever gave it has looked at what was before.
        for countersigner in [&app.countersigner, &small] {
            for _ in 0..2 {
                let jobs = seal(&app, &phone, 1).await;
                countersigner.take(phone.tenant, jobs[0]);
                countersigned(&app, phone.tenant, &jobs).await;
            }
        }
        let jobs = seal(&app, &phone, 300).await;
        for job in &jobs {
            small.take(phone.tenant, *job);
        }
        countersigned(&app, phone.tenant, &jobs).await;
        drop(small);
        task.await.unwrap();
        app.store.close().await;
    });
}

#[test]
fn a_start_finds_a_seal_without_its_word_among_any_number_of_others() {
    on_each_database(async |place| {
        let (app, phone) = served(place).await;
        let jobs = seal(&app, &phone, 1).await;
        let others = tenant();
        let before = JobId::new(NOW - 1, random());
        let after = JobId::new(NOW + 1, random());
        for (tenant, job) in [(phone.tenant, before), (phone.tenant, after), (others, after)] {
            newer_signatures(&app.store, tenant, job).await;
        }
        app.store.close().await;
        drop(app);
        let app = start(place).await;
        countersigned(&app, phone.tenant, &jobs).await;
        app.store.close().await;
    });
}

#[test]
fn what_a_database_in_trouble_kept_back_is_countersigned_when_it_is_well() {
    on_each_database(async |place| {
        let (app, phone) = served(place).await;
        let (countersigner, queue) = Countersigner::new(100, Duration::from_millis(10));
        tokio::spawn(run(app.clone(), queue));
        let jobs = seal(&app, &phone, 1).await;
        place.break_runs().await;
        countersigner.take(phone.tenant, jobs[0]);
        // While others cannot write either, its turn comes.
        for _ in 0..5 {
            let (_, request) = sealed(&phone, 1);
            assert!(app.writer().push(request).await.is_err());
        }
        place.mend_runs().await;
        countersigned(&app, phone.tenant, &jobs).await;
        app.store.close().await;
    });
}

/// A server's shared parts, and a phone that it knows.
async fn served(place: &Place) -> (App, Phone) {
    let app = start(place).await;
    let phone = Phone::new(tenant());
    phone.enrol(&Any::Sql(app.store.clone())).await;
    (app, phone)
}

async fn start(place: &Place) -> App {
    let mut config = Config::for_data(&std::env::temp_dir()).unwrap();
    config.password_memory_kib = 64;
    App::start(config, place.open_sql().await).await.unwrap()
}

/// A thousand rows of signatures, newer than any that is real.
async fn newer_signatures(store: &Store, tenant: TenantId, job: JobId) {
    let filled = store.write::<_, StoreError, _>(move |tx| {
        Box::pin(async move {
            for n in 0..1000_u16 {
                // Jobs that follow each other from this one on.
                let mut job = job.as_bytes().to_vec();
                job[14..].copy_from_slice(&n.to_be_bytes());
                let insert = sqlx::query(
                    "INSERT INTO seals (tenant, job, fact, at) VALUES ($1, $2, $2, $3)",
                );
                let insert = insert.bind(tenant.as_bytes().to_vec()).bind(job);
                insert.bind(NOW + 1000 + i64::from(n)).execute(&mut *tx).await?;
            }
            Ok(())
        })
    });
    filled.await.unwrap();
}

/// Jobs in each of which a customer signed, durable on the server and known to no queue.
async fn seal(app: &App, phone: &Phone, count: usize) -> Vec<JobId> {
    let (jobs, request) = sealed(phone, count);
    let verdicts = app.writer().push(request).await.unwrap();
    assert!(verdicts.iter().flatten().all(|verdict| verdict.is_durable()), "{verdicts:?}");
    jobs
}

fn sealed(phone: &Phone, count: usize) -> (Vec<JobId>, server::writer::PushRequest) {
    let jobs: Vec<JobId> = (0..count).map(|_| JobId::new(NOW, random())).collect();
    let runs = jobs.iter().map(|job| {
        let mut document = Document::new((*job).into());
        let signer = Signer {
            name: "Lin".to_owned(),
            role: "customer".to_owned(),
            language: "en".to_owned(),
            statement: "The work was done.".to_owned(),
        };
        let draft = Draft {
            job: *job,
            fact: FactId::new(NOW, random()),
            device: phone.device,
            shown: Shown::of(&Job::of(&document), signer),
            heads: document.heads(),
            strokes: vec![vec![Point { x: 1, y: 2, t: 3, pressure: 4 }; 3]],
            place: None,
            stamp: Stamp { at: NOW, up: None, srv: None, srv_up: None },
        };
        let seal = draft.sign(|message| phone.key.sign(message).to_bytes()).unwrap();
        let walk_up = [(key::KIND, "walk_up".into()), (key::EPOCH, 0.into())];
        phone.record(&mut document, vec![fact(section::STATUS, &walk_up), seal])
    });
    let request = phone.request(runs.collect());
    (jobs, request)
}

/// Waits, commit by commit, until every seal of these jobs has its word.
async fn countersigned(app: &App, tenant: TenantId, jobs: &[JobId]) {
    let mut commits = app.writer().commits();
    for job in jobs {
        while !has_its_word(app, tenant, *job).await {
            let more = tokio::time::timeout(PATIENCE, commits.recv()).await;
            assert!(more.is_ok(), "{job}: its seal has no word, and nothing more is written");
        }
    }
}

async fn has_its_word(app: &App, tenant: TenantId, job: JobId) -> bool {
    let standing = app.store.document(tenant, job.into()).await.unwrap().unwrap();
    let seals = standing.document.facts(&section::SIGNATURES);
    let seals = seals.filter(|fact| fact.record.contains_key(&key::DIGEST));
    let words: Vec<_> = seals
        .flat_map(|seal| Countersignature::all_of(&standing.document, seal.id))
        .inspect(|word| assert_eq!(word.received_at, NOW, "when its change came in"))
        .collect();
    assert!(words.len() <= 1, "one is enough");
    words.len() == 1
}
