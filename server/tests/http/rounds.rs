//! What the server does by itself: a document or a tenant that cannot be read keeps no other waiting.

use std::convert::Infallible;

use serde_json::json;
use server::auth::Role;
use server::upkeep;
use store::StoreError;
use store::writer::{EditRequest, Expect};
use sync_core::id::{JobId, VanId};
use sync_core::policy::Principal;
use sync_core::schema::{DocId, key, section};
use sync_core::van::period;

use crate::world::{Client, World};

/// Runs statements on the database of a server.
pub fn run_all(world: &World, statements: &'static [&'static str]) {
    let nothing: DocId = JobId::new(0, [0; 10]).into();
    run(world, nothing, statements);
}

/// Runs statements, each with the key of a document if it asks for one.
fn run(world: &World, doc: DocId, statements: &'static [&'static str]) {
    let store = world.running().app().store.clone();
    let done = store.write::<_, StoreError, _>(move |tx| {
        Box::pin(async move {
            for sql in statements {
                let key = [&[doc.kind.code()][..], doc.as_bytes()].concat();
                let query = sqlx::query(*sql);
                let query = if sql.contains("$1") { query.bind(key) } else { query };
                query.execute(&mut *tx).await?;
            }
            Ok(())
        })
    });
    world.block_on(done).expect("it is written");
}

/// Has a document stand unreadable in the log.
pub fn damage(world: &World, doc: DocId) {
    let statements = &[
        "UPDATE runs SET payload = last_hash WHERE doc = $1",
        "DELETE FROM snapshots WHERE doc = $1",
    ];
    run(world, doc, statements);
}

fn call(desk: &Client) -> JobId {
    let job = desk.post("/v1/jobs", json!({"problem": "tow", "address": "Exit 12"})).ok(201);
    job["id"].as_str().and_then(|id| id.parse().ok()).expect("an id")
}

/// A job of a technician in each of two tenants; that of the first cannot be read any more.
fn one_of_two_damaged(world: &World) -> (JobId, JobId) {
    let beta = world.add_tenant("beta");
    world.add_user(beta, "admin", Role::Administrator);
    let jobs = [(world.tenant, "acme"), (beta, "beta")].map(|(tenant, slug)| {
        let (bo, desk) =
            (world.add_user(tenant, "bo", Role::Technician), world.desk(slug, "admin"));
        let job = call(&desk);
        let to = json!({"technician": bo, "override": true});
        desk.post(&format!("/v1/jobs/{job}/assign"), to).ok(200);
        job
    });
    damage(world, jobs[0].into());
    (jobs[0], jobs[1])
}

#[test]
fn a_job_that_cannot_be_read_keeps_no_tenants_jobs_from_going_back_to_the_board() {
    for world in World::on_each_database() {
        let (_, job) = one_of_two_damaged(&world);
        run_all(&world, &["UPDATE users SET active = 0, recall = 1 WHERE role = 'technician'"]);
        // Of another process: this one still has the document in memory.
        let next = world.second_node();
        let app = next.running().app();
        let _failed = next.block_on(upkeep::recall_jobs(app, app.now()));
        let read = world.desk("beta", "admin").get(&format!("/v1/jobs/{job}")).ok(200);
        assert_eq!(read["state"], "received");
    }
}

#[test]
fn a_tenant_that_cannot_be_read_keeps_no_others_jobs_on_the_phones() {
    for world in World::on_each_database() {
        let (damaged, job) = one_of_two_damaged(&world);
        let cancel = json!({"reason": "duplicate"});
        let beta = world.desk("beta", "admin");
        beta.post(&format!("/v1/jobs/{job}/cancel"), cancel).ok(200);
        run(
            &world,
            damaged.into(),
            &["UPDATE documents SET doc = substr(doc, 1, 5) WHERE doc = $1"],
        );
        let app = world.running().app();
        let later = app.now() + 90 * 86_400_000;
        world.block_on(upkeep::release_jobs(app, later)).expect_err("one tenant cannot be read");
        let again = world.block_on(upkeep::release_jobs(app, later));
        again.expect_err("one tenant cannot be read");
        let found = world.block_on(app.store.writing_tenants()).expect("they are there");
        let released = found.into_iter().filter(|tenant| *tenant != world.tenant).map(|tenant| {
            let document =
                world.block_on(app.store.document(tenant, job.into())).expect("it reads");
            sync_core::scope::members(&document.expect("it is there").document)
        });
        assert!(released.flatten().all(|member| !member.current));
    }
}

#[test]
fn a_van_that_cannot_be_read_keeps_no_other_from_its_next_record() {
    let world = World::new();
    let desk = world.admin();
    let vans: Vec<VanId> = (0..103)
        .map(|n| {
            let van = desk.post("/v1/vans", json!({"name": format!("Van {n}")})).ok(201);
            van["id"].as_str().and_then(|id| id.parse().ok()).expect("an id")
        })
        .collect();
    // Each round takes a hundred: the first has the damaged one, the second the one to be mended.
    let (first, last) = (vans.iter().min().copied(), vans.iter().max().copied());
    let (first, last) = (first.expect("a van"), last.expect("a van"));
    let app = world.running().app();
    let (caller, now, expect) = (Principal::system(), app.now(), Expect::Existing);
    let request =
        EditRequest { tenant: world.tenant, caller, doc: last.into(), expect, now, note: None };
    let edited = world.block_on(app.store.writer().edit(request, move |record| {
        let mut entries = period::close(record, period::record_id(last, 1));
        entries.push(record.set(section::DETAILS, key::VERSION, 1.into()));
        Ok::<_, Infallible>(entries)
    }));
    edited.expect("it is written").expect("it is admitted");
    damage(&world, first.into());
    world.block_on(upkeep::vans(app.shared())).expect_err("one cannot be read");
    let record =
        world.block_on(app.store.document(world.tenant, period::record_id(last, 1).into()));
    assert!(record.expect("it reads").is_some(), "the last van has its next record");
}
