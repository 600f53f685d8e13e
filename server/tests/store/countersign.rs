//! Every seal gets the countersignature without a restart, however many come at once or whatever
//! kept it, and the countersignature says when the seal came in.

use std::time::Duration;

use crate::any::Any;
use crate::people::{NOW, Phone, fact, random, tenant};
use crate::place::{Place, on_each_database};
use server::sync::countersign::{Countersigner, SigningContext, run};
use server::{App, Config};
use store::writer::Bounds;
use store::{Store, StoreError};
use sync_core::admission::{Attested, replay};
use sync_core::change::{Change, ChangeRef, Entry};
use sync_core::document::{Author, Document};
use sync_core::id::{JobId, TenantId};
use sync_core::limits;
use sync_core::schema::{key, section};
use sync_core::seal::{Countersignature, countersigned_of_each};
use sync_core::sync::Submitted;

/// Only so that a failing test ends.
const PATIENCE: Duration = Duration::from_secs(60);
const NEVER: Duration = Duration::from_secs(3600);

#[test]
fn what_the_queue_does_not_hold_is_countersigned_when_it_is_empty() {
    on_each_database(async |place| {
        let (app, phone) = served(place).await;
        let (small, queue) = Countersigner::new(2, NEVER);
        let task = tokio::spawn(run(signing(&app), queue));
        // Once the countersignature for a second seal is there, whoever gave it has looked at what was before.
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
        tokio::spawn(run(signing(&app), queue));
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

fn signing(app: &App) -> SigningContext {
    let (store, keys, clock) = (app.store.clone(), app.keys.clone(), app.config.clock.clone());
    SigningContext { store, keys, clock }
}

#[test]
fn false_seals_of_an_old_log_leave_a_colleagues_seal_its_countersignature() {
    on_each_database(async |place| {
        let (app, phone) = served(place).await;
        let colleague = Phone::new(phone.tenant);
        colleague.enrol(&Any::Sql(app.store.clone())).await;
        let job = seal(&app, &phone, 1).await[0];
        // As an old server took them: what comes with a receipt is not checked again.
        let standing = app.store.document(phone.tenant, job.into()).await.unwrap().unwrap();
        let mut document = standing.document;
        let mut runs = Vec::new();
        for n in 0..300 {
            let entry = phone.seal(&document);
            // Half are signed well: nobody may use up the room for the seals of others.
            let entry = if n % 2 == 0 { entry } else { zeroed(entry) };
            runs.push(old(&app, &phone, &mut document, Vec::new(), entry));
        }
        let after = ChangeRef { actor: phone.actor, seq: document.seq_of(&phone.actor) };
        let entry = colleague.seal(&document);
        runs.push(old(&app, &colleague, &mut document, vec![after], entry));
        let mut request = phone.request(Vec::new());
        request.runs = runs.into_iter().map(Submitted::Relayed).collect();
        let verdicts = app.writer().push(request).await.unwrap();
        assert!(verdicts.iter().flatten().all(|verdict| verdict.is_durable()), "{verdicts:?}");
        app.countersigner.take(phone.tenant, job);
        let mut commits = app.writer().commits();
        loop {
            let standing = app.store.document(phone.tenant, job.into()).await.unwrap().unwrap();
            let given = countersigned_of_each(&standing.document);
            if given.get(&Some(colleague.user)) == Some(&1) {
                assert_eq!(given.get(&Some(phone.user)), Some(&limits::SEALS_OF_ONE));
                break;
            }
            let more = tokio::time::timeout(PATIENCE, commits.recv()).await;
            assert!(more.is_ok(), "the colleague's seal was not countersigned");
        }
        app.store.close().await;
    });
}

/// A change with one entry, with the receipt of a server that checked nothing of what it says.
fn old(
    app: &App,
    phone: &Phone,
    document: &mut Document,
    after: Vec<ChangeRef>,
    entry: Entry,
) -> Attested {
    let seq = document.seq_of(&phone.actor) + 1;
    let change = Change { actor: phone.actor, seq, after, time: NOW, entries: vec![entry] };
    let run = document.run(vec![change]).unwrap();
    let author = Author::phone(phone.user, phone.device);
    replay(document, &run, author).unwrap();
    app.store.attest(phone.tenant, run, author)
}

fn zeroed(mut seal: Entry) -> Entry {
    if let Entry::Fact { record, .. } = &mut seal {
        record.insert(key::SIGNATURE, vec![0; 64].into());
    }
    seal
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
    // One phone opens more jobs in these tests than a technician may in a day.
    let bounds = Bounds { walk_ups_a_day: 10_000, open_of_one: 10_000, ..Bounds::default() };
    let Any::Sql(store) = place.open_within(bounds).await else { unreachable!("a database") };
    App::start(config, store).await.unwrap()
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

fn sealed(phone: &Phone, count: usize) -> (Vec<JobId>, store::writer::PushRequest) {
    let jobs: Vec<JobId> = (0..count).map(|_| JobId::new(NOW, random())).collect();
    let runs = jobs.iter().map(|job| {
        let mut document = Document::new((*job).into());
        let seal = phone.seal(&document);
        let walk_up = [(key::KIND, "walk_up".into()), (key::EPOCH, 0.into())];
        phone.record(&mut document, vec![fact(section::STATUS, &walk_up), seal])
    });
    let request = phone.request(runs.collect());
    (jobs, request)
}

/// Waits, commit by commit, until every seal of these jobs has its countersignature.
async fn countersigned(app: &App, tenant: TenantId, jobs: &[JobId]) {
    let mut commits = app.writer().commits();
    for job in jobs {
        while !has_its_word(app, tenant, *job).await {
            let more = tokio::time::timeout(PATIENCE, commits.recv()).await;
            assert!(
                more.is_ok(),
                "{job}: its seal has no countersignature, and nothing more is written"
            );
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
