//! What a tenant and a phone leave behind is counted and bounded; beyond it nobody is lied to.

use sqlx::Row as _;
use store::writer::{Bounds, PushRequest};
use store::{Store, StoreError};
use sync_core::admission::Verdict;
use sync_core::change::Run;
use sync_core::document::Document;
use sync_core::id::TenantId;
use sync_core::schema::DocId;

use crate::any::Any;

use crate::people::{self, Desk, Phone, assign, note, step, tenant};
use crate::place::{on_each_database, on_each_store};

/// Runs that a phone may not write into a document of someone else, each of one change.
async fn intrusions(phone: &Phone, store: &Any, doc: DocId, count: usize) -> Vec<Run> {
    let copy = phone.copy(store, doc).await;
    (0..count).map(|n| phone.forge(&mut copy.clone(), vec![note(&format!("{n}"))])).collect()
}

fn codes(verdicts: &[Vec<Verdict>]) -> Vec<&str> {
    verdicts.iter().flatten().map(Verdict::code).collect()
}

#[test]
fn a_hundred_refusals_of_a_document_are_kept_and_further_ones_get_the_same_verdict() {
    on_each_store(async |place| {
        let (tenant, store) = (tenant(), place.open().await);
        let (desk, phone) = (Desk::new(tenant), Phone::new(tenant));
        let doc = desk.job(&store, desk.user).await;
        let runs = intrusions(&phone, &store, doc, 130).await;
        let verdicts = phone.push(&store, runs.clone()).await;
        assert_eq!(codes(&verdicts), vec!["job_not_yours"; 130]);
        assert_eq!(store.refused(tenant).await.len(), 100);
        assert_eq!(phone.push(&store, runs.clone()).await, verdicts);
        store.close().await;
        let store = place.open().await;
        assert_eq!(phone.push(&store, runs).await, verdicts, "after a restart too");
        assert_eq!(store.refused(tenant).await.len(), 100);
        store.close().await;
    });
}

#[test]
fn refusals_of_a_phone_and_of_a_tenant_are_kept_up_to_their_bounds() {
    on_each_database(async |place| {
        let bounds =
            Bounds { quarantine_per_phone: 5, quarantine_per_tenant: 8, ..Bounds::default() };
        let (mine, store) = (tenant(), place.open_within(bounds).await);
        let desk = Desk::new(mine);
        let [one, two] = [Phone::new(mine), Phone::new(mine)];
        let doc = desk.job(&store, desk.user).await;
        for _ in 0..3 {
            let runs = intrusions(&one, &store, doc, 4).await;
            assert_eq!(codes(&one.push(&store, runs).await), vec!["job_not_yours"; 4]);
        }
        assert_eq!(store.refused(mine).await.len(), 5, "of one phone");
        store.close().await;
        let store = place.open_within(bounds).await;
        let runs = intrusions(&two, &store, doc, 10).await;
        assert_eq!(codes(&two.push(&store, runs).await), vec!["job_not_yours"; 10]);
        assert_eq!(store.refused(mine).await.len(), 8, "of the tenant");
        assert_eq!(store.sql().unwrap().writer().turned_away().refusals_not_kept.get(), 7);
        // Another tenant has its own bound.
        let theirs = tenant();
        let (desk, phone) = (Desk::new(theirs), Phone::new(theirs));
        let doc = desk.job(&store, desk.user).await;
        let runs = intrusions(&phone, &store, doc, 3).await;
        phone.push(&store, runs).await;
        assert_eq!(store.refused(theirs).await.len(), 3);
        store.close().await;
    });
}

#[test]
fn work_waits_while_the_tenants_storage_is_full_and_comes_in_when_there_is_room() {
    on_each_database(async |place| {
        let (mine, store) = (tenant(), place.open().await);
        let (desk, phone) = (Desk::new(mine), Phone::new(mine));
        let doc = desk.job(&store, phone.user).await;
        let mut copy = phone.copy(&store, doc).await;
        let accepted = phone.record(&mut copy, vec![step("accepted", 1)]);
        // Others have less.
        desk.job(&store, phone.user).await;
        let sql = store.sql().unwrap();
        let full = stored(sql, mine, "log").await.1 + stored(sql, mine, "projections").await.1;
        store.close().await;
        let small = Bounds { storage_bytes: full, ..Bounds::default() };
        let store = place.open_within(small).await;
        let later = phone.push(&store, vec![accepted.clone()]).await;
        assert_eq!(later, [[Verdict::Later { code: "quota".to_owned() }]]);
        assert_eq!(store.sql().unwrap().writer().turned_away().over_quota.get(), 1);
        // Others are not concerned, and a node that allows more takes it.
        let theirs = tenant();
        let (desk, other) = (Desk::new(theirs), Phone::new(theirs));
        let there = desk.job(&store, other.user).await;
        let fine = other.record(&mut other.copy(&store, there).await, vec![step("accepted", 1)]);
        assert_eq!(codes(&other.push(&store, vec![fine]).await), ["durable"]);
        store.close().await;
        let store = place.open().await;
        assert_eq!(codes(&phone.push(&store, vec![accepted]).await), ["durable"]);
        store.close().await;
    });
}

/// A walk-up job of a phone, with a note.
fn walk_up(phone: &Phone) -> Run {
    let mut document = Document::new(people::job().into());
    phone.record(&mut document, vec![step("walk_up", 0), note("met at the roadside")])
}

#[test]
fn a_technician_opens_so_many_jobs_a_day_and_the_next_ones_wait_for_the_next_day() {
    on_each_database(async |place| {
        let bounds = Bounds { walk_ups_a_day: 3, open_of_one: 5, ..Bounds::default() };
        let (mine, store) = (tenant(), place.open_within(bounds).await);
        let [phone, other] = [Phone::new(mine), Phone::new(mine)];
        let runs: Vec<Run> = (0..5).map(|_| walk_up(&phone)).collect();
        let first = phone.push(&store, runs[..2].to_vec()).await;
        assert_eq!(codes(&first), ["durable"; 2]);
        let all = codes(&phone.push(&store, runs.clone()).await).join(" ");
        assert_eq!(all, "durable durable durable quota quota", "what is there is none more");
        // Nobody else waits for that, and work on what is open goes on.
        assert_eq!(codes(&other.push(&store, vec![walk_up(&other)]).await), ["durable"]);
        let mut copy = phone.copy(&store, runs[0].doc).await;
        let more = phone.record(&mut copy, vec![note("it goes on")]);
        assert_eq!(codes(&phone.push(&store, vec![more]).await), ["durable"]);
        store.close().await;
        // Another process counts on, and the day ends.
        let store = place.open_within(bounds).await;
        assert_eq!(codes(&phone.push(&store, runs[3..].to_vec()).await), ["quota"; 2]);
        let tomorrow = |runs: &[Run]| {
            let now = people::NOW + sync_core::limits::WALK_UP_DAY_MS;
            store.push(PushRequest { now, ..phone.request(runs.to_vec()) })
        };
        assert_eq!(codes(&tomorrow(&runs[3..]).await.unwrap()), ["durable"; 2]);
        // Who has five jobs opens no sixth.
        assert_eq!(codes(&tomorrow(&[walk_up(&phone)]).await.unwrap()), ["quota"]);
        store.close().await;
    });
}

#[test]
fn two_nodes_count_what_phones_send_at_once_in_whatever_order() {
    on_each_database(async |place| {
        if place.is_sqlite() {
            return;
        }
        let nodes = [place.open().await, place.open().await];
        let mut sent = Vec::new();
        for mine in [tenant(), tenant()] {
            let (desk, phone) = (Desk::new(mine), Phone::new(mine));
            let doc = desk.job(&nodes[0], desk.user).await;
            sent.push((phone.tenant, intrusions(&phone, &nodes[0], doc, 40).await, phone));
        }
        let [(first, ours, one), (second, theirs, two)] = sent.as_slice() else { return };
        for at in (0..40).step_by(4) {
            let push = |phone: &Phone, node: &Any, run: &Run| {
                let (request, node) = (phone.request(vec![run.clone()]), node.clone());
                async move { node.push(request).await.unwrap() }
            };
            // The second node gets them the other way round, so that its group has them so.
            let (a, b, c, d) = tokio::join!(
                push(one, &nodes[0], &ours[at]),
                push(two, &nodes[0], &theirs[at]),
                push(two, &nodes[1], &theirs[at + 1]),
                push(one, &nodes[1], &ours[at + 1]),
            );
            for verdicts in [a, b, c, d] {
                assert_eq!(codes(&verdicts), ["job_not_yours"]);
            }
        }
        for mine in [first, second] {
            counted(nodes[0].sql().unwrap(), *mine).await;
            assert_eq!(stored(nodes[0].sql().unwrap(), *mine, "quarantine").await.0, 20);
        }
        for node in nodes {
            node.close().await;
        }
    });
}

#[test]
fn what_is_counted_is_what_the_tables_hold() {
    on_each_database(async |place| {
        let (mine, store) = (tenant(), place.open().await);
        let (desk, phone) = (Desk::new(mine), Phone::new(mine));
        let (doc, other) = (desk.job(&store, phone.user).await, desk.job(&store, desk.user).await);
        let mut copy = phone.copy(&store, doc).await;
        for kind in ["accepted", "en_route"] {
            let run = phone.record(&mut copy, vec![step(kind, 1)]);
            phone.push(&store, vec![run.clone()]).await;
            phone.push(&store, vec![run]).await;
        }
        let runs = intrusions(&phone, &store, other, 3).await;
        phone.push(&store, runs).await;
        desk.write(&store, doc, vec![assign(desk.user, 2)]).await;
        let sql = store.sql().unwrap();
        counted(sql, mine).await;
        let before = stored(sql, mine, "log").await;
        store.lose(doc).await;
        assert!(stored(sql, mine, "log").await.0 < before.0);
        counted(sql, mine).await;
        let emptied = sql.write::<_, StoreError, _>(|tx| {
            Box::pin(async move {
                for table in ["quarantine", "pushes", "jobs"] {
                    let delete = sqlx::AssertSqlSafe(format!("DELETE FROM {table}"));
                    sqlx::query(delete).execute(&mut *tx).await?;
                }
                Ok(())
            })
        });
        emptied.await.unwrap();
        counted(sql, mine).await;
        assert_eq!(stored(sql, mine, "quarantine").await, (0, 0));
        store.close().await;
    });
}

/// Rows and bytes as the table of usage has them.
async fn stored(store: &Store, tenant: TenantId, kind: &str) -> (i64, i64) {
    const USAGE: &str =
        "SELECT items, bytes FROM usage WHERE tenant = $1 AND kind = $2 AND subject = $3";
    let query = sqlx::query(USAGE).bind(tenant.as_bytes().to_vec()).bind(kind.to_owned());
    let row = query.bind(Vec::new()).fetch_optional(store.readers()).await.unwrap();
    row.map_or((0, 0), |row| (row.get(0), row.get(1)))
}

/// Compares the table of usage with what it counts.
async fn counted(store: &Store, tenant: TenantId) {
    let sum = async |sql: &'static str| -> (i64, i64) {
        let query = sqlx::query(sql).bind(tenant.as_bytes().to_vec());
        let row = query.fetch_one(store.readers()).await.unwrap();
        (row.get(0), row.get(1))
    };
    let runs = sum("SELECT COUNT(*), CAST(COALESCE(SUM(LENGTH(payload) + 160), 0) AS BIGINT) \
                    FROM runs WHERE tenant = $1");
    let pushes = sum("SELECT COUNT(*), CAST(COALESCE(SUM(LENGTH(message) + 160), 0) AS BIGINT) \
                      FROM pushes WHERE tenant = $1");
    let (runs, pushes) = (runs.await, pushes.await);
    let log = stored(store, tenant, "log").await;
    assert_eq!(log, (runs.0 + pushes.0, runs.1 + pushes.1));
    let refused =
        sum("SELECT COUNT(*), CAST(COALESCE(SUM(LENGTH(payload) + LENGTH(sentence) + 240), \
                       0) AS BIGINT) FROM quarantine WHERE tenant = $1");
    assert_eq!(stored(store, tenant, "quarantine").await, refused.await);
    let waiting = sum("SELECT CAST(COALESCE(SUM(waiting), 0) AS BIGINT), CAST(0 AS BIGINT) \
                       FROM jobs WHERE tenant = $1");
    assert_eq!(stored(store, tenant, "decisions").await.0, waiting.await.0);
}
