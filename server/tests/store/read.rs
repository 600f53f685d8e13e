//! The store's promises about reading, on every database at hand.

use std::collections::BTreeMap;

use crate::any::Any;
use crate::people;
use crate::people::{Desk, NOW, Phone, assign, job, note, random, step, tenant, van};
use crate::place::{on_each_database, on_each_store};
use sqlx::Connection;
use store::{JobFilter, Likeness};
use sync_core::admission::replay;
use sync_core::document::Document;
use sync_core::id::TenantId;
use sync_core::job::State;
use sync_core::schema::{DocId, key, section};
use sync_core::sync::{Inventory, Pull, PushedRange};
use sync_core::value::Value;

#[test]
fn pages_bring_everything_once_and_in_the_order_of_the_log() {
    on_each_store(async |place| {
        let (tenant, store) = (tenant(), place.open().await);
        let (desk, phone) = (Desk::new(tenant), Phone::new(tenant));
        let mut docs = Vec::new();
        for round in 0..6 {
            docs.push(desk.job(&store, phone.user).await);
            for doc in docs.clone() {
                desk.write(&store, doc, vec![note(&format!("round {round}"))]).await;
            }
        }
        for budget in [1, 300, 700, 1 << 20] {
            let (held, pages) = pull_all(&store, &phone, budget).await;
            assert_eq!(held.len(), docs.len());
            assert!(pages > 1 || budget == 1 << 20);
            for (doc, copy) in held {
                let there = phone.copy(&store, doc).await;
                assert_eq!(copy.fingerprint(), there.fingerprint());
            }
        }
        store.close().await;
    });
}

#[test]
fn a_page_ends_where_the_digest_is_that_of_everything_in_scope() {
    on_each_store(async |place| {
        let (tenant, store) = (tenant(), place.open().await);
        let (desk, phone) = (Desk::new(tenant), Phone::new(tenant));
        for _ in 0..3 {
            desk.job(&store, phone.user).await;
        }
        desk.job(&store, desk.user).await;
        let pulled = phone.pull(&store, 0).await;
        let (held, _) = pull_all(&store, &phone, 1 << 20).await;
        let sum = held.values().map(Document::fingerprint).fold(0, u64::wrapping_add);
        assert_eq!(pulled.digest.0, sum);
        let idle = phone.pull(&store, pulled.cursor).await;
        assert_eq!((idle.runs.len(), idle.digest, idle.cursor), (0, pulled.digest, pulled.cursor));
        assert_eq!(pulled.whole.len(), 3);
        store.close().await;
    });
}

#[test]
fn a_pull_costs_what_is_new_however_much_is_in_scope() {
    on_each_database(async |place| {
        let (tenant, store) = (tenant(), place.open().await);
        let (desk, phone) = (Desk::new(tenant), Phone::new(tenant));
        let mut docs = Vec::new();
        for _ in 0..40 {
            docs.push(desk.job(&store, phone.user).await);
        }
        let sql = store.sql().unwrap();
        let pull = |cursor, inventory| {
            let pull = Pull { user: phone.user, cursor, inventory, pushed: Vec::new() };
            async move { sql.pull_counted(tenant, &pull, usize::MAX).await.unwrap() }
        };
        let (first, cost) = pull(0, None).await;
        assert!((40..=200).contains(&cost), "{cost}");
        assert_eq!(pull(first.cursor, None).await.1, 0, "nothing is new");
        assert!(!sql.has_news(tenant, phone.user, first.cursor as i64).await.unwrap());
        desk.write(&store, docs[7], vec![note("new")]).await;
        desk.write(&store, docs[9], vec![assign(desk.user, 2)]).await;
        assert!(sql.has_news(tenant, phone.user, first.cursor as i64).await.unwrap());
        let (news, cost) = pull(first.cursor, None).await;
        assert_eq!((news.runs.len(), &news.released[..]), (1, &docs[9..10]));
        assert!((1..10).contains(&cost), "{cost}");
        let (whole, cost) = pull(0, Some(Inventory::default())).await;
        assert_eq!(whole.digest, news.digest, "what triggers keep is what the scope says");
        assert!(cost >= 39, "{cost}");
        store.close().await;
    });
}

#[test]
fn a_job_taken_from_someone_is_released_and_comes_whole_to_the_next() {
    on_each_store(async |place| {
        let (tenant, store) = (tenant(), place.open().await);
        let (desk, first, second) = (Desk::new(tenant), Phone::new(tenant), Phone::new(tenant));
        let doc = desk.job(&store, first.user).await;
        let other = desk.job(&store, second.user).await;
        let (at_first, at_second) =
            (first.pull(&store, 0).await.cursor, second.pull(&store, 0).await.cursor);
        desk.write(&store, doc, vec![assign(second.user, 2)]).await;
        let released = first.pull(&store, at_first).await;
        assert_eq!((released.released, released.runs.len()), (vec![doc], 0));
        let gained = second.pull(&store, at_second).await;
        assert_eq!((gained.whole.clone(), gained.runs.len()), (vec![doc], 3));
        assert!(gained.runs.iter().all(|attested| attested.run.doc != other));
        // And back again: what was released comes whole.
        desk.write(&store, doc, vec![assign(first.user, 3)]).await;
        let back = first.pull(&store, released.cursor).await;
        assert_eq!((back.whole, back.runs.len(), back.released), (vec![doc], 4, Vec::new()));
        assert_eq!(second.pull(&store, gained.cursor).await.released, [doc]);
        store.close().await;
    });
}

#[test]
fn what_a_phone_just_brought_is_not_sent_back_to_it() {
    on_each_store(async |place| {
        let (tenant, store) = (tenant(), place.open().await);
        let (desk, phone) = (Desk::new(tenant), Phone::new(tenant));
        let doc = desk.job(&store, phone.user).await;
        let cursor = phone.pull(&store, 0).await.cursor;
        let mut copy = phone.copy(&store, doc).await;
        let run = phone.record(&mut copy, vec![step("accepted", 1)]);
        let pushed =
            PushedRange { doc, actor: phone.actor, seqs: run.first_seq()..=run.last_seq() };
        phone.push(&store, vec![run]).await;
        desk.write(&store, doc, vec![note("from the desk")]).await;
        let pull = Pull { user: phone.user, cursor, inventory: None, pushed: vec![pushed] };
        let pulled = store.pull(tenant, &pull, usize::MAX).await.unwrap();
        assert_eq!(pulled.runs.len(), 1);
        assert_eq!(pulled.runs[0].author.user, Some(desk.user));
        let other_phone = phone.pull(&store, cursor).await;
        assert_eq!(other_phone.runs.len(), 2);
        store.close().await;
    });
}

#[test]
fn an_inventory_brings_only_what_differs_and_names_what_is_unknown_or_out_of_scope() {
    on_each_store(async |place| {
        let (tenant, store) = (tenant(), place.open().await);
        let (desk, phone) = (Desk::new(tenant), Phone::new(tenant));
        let same = desk.job(&store, phone.user).await;
        let differs = desk.job(&store, phone.user).await;
        let lacking = desk.job(&store, phone.user).await;
        let anothers = desk.job(&store, desk.user).await;
        let unknown = DocId::from(job());
        let print = phone.copy(&store, same).await.fingerprint();
        let (elsewhere, newer) = (phone.copy(&store, anothers).await.fingerprint(), 4);
        let ahead = desk.job(&store, desk.user).await;
        let inventory =
            vec![(same, print), (differs, 1), (anothers, elsewhere), (ahead, newer), (unknown, 3)];
        let pull = Pull {
            user: phone.user,
            cursor: 0,
            inventory: Some(Inventory(inventory)),
            pushed: Vec::new(),
        };
        let pulled = store.pull(tenant, &pull, usize::MAX).await.unwrap();
        let mut whole = [differs, lacking];
        whole.sort();
        assert_eq!(pulled.whole, whole);
        // What it holds of another's job in a state unknown here, the server may have lost.
        let mut lost = [unknown, ahead];
        lost.sort();
        assert_eq!(pulled.unknown, lost);
        let mut released = [anothers, ahead];
        released.sort();
        assert_eq!(pulled.released, released);
        assert!(pulled.runs.iter().all(|attested| attested.run.doc != same));
        store.close().await;
    });
}

#[test]
fn a_repair_sends_each_document_whole_however_small_the_page() {
    on_each_store(async |place| {
        let (tenant, store) = (tenant(), place.open().await);
        let (desk, phone) = (Desk::new(tenant), Phone::new(tenant));
        let mut docs = Vec::new();
        for round in 0..3 {
            let doc = desk.job(&store, phone.user).await;
            desk.write(&store, doc, vec![note(&format!("round {round}"))]).await;
            docs.push(doc);
        }
        // Each inventory begins again: a page that ended inside of a document would come for ever.
        let mut held: Vec<(DocId, u64)> = Vec::new();
        for page in 1..=docs.len() {
            let inventory = Some(Inventory(held.clone()));
            let pull = Pull { user: phone.user, cursor: 0, inventory, pushed: Vec::new() };
            let pulled = store.pull(tenant, &pull, 1).await.unwrap();
            assert_eq!((pulled.whole.len(), pulled.runs.len()), (1, 3));
            assert_eq!(pulled.more, page < docs.len());
            let doc = pulled.whole[0];
            held.push((doc, phone.copy(&store, doc).await.fingerprint()));
            held.sort();
        }
        store.close().await;
    });
}

#[test]
fn no_read_of_one_tenant_sees_anything_of_another() {
    on_each_store(async |place| {
        let (mine, theirs) = (tenant(), tenant());
        let store = place.open().await;
        let (desk, phone) = (Desk::new(mine), Phone::new(mine));
        let doc = desk.job(&store, phone.user).await;
        let seen = phone.pull(&store, 0).await;
        assert_eq!(seen.runs.len(), 2);
        // The same person and the same ids, asked for in another tenant.
        assert!(store.document(theirs, doc).await.unwrap().is_none());
        assert!(store.runs(theirs, doc).await.unwrap().is_empty());
        assert_eq!(store.position(theirs).await.unwrap(), 0);
        if let Some(sql) = store.sql() {
            let filter = JobFilter::default();
            assert!(sql.jobs(theirs, &filter, NOW, 10).await.unwrap().rows.is_empty());
            let plate = Some("ABC-1234".into());
            let alike = Likeness { plate, at: NOW, ..Likeness::default() };
            assert!(sql.duplicates(theirs, &alike, NOW).await.unwrap().is_empty());
            assert_eq!(sql.duplicates(mine, &alike, NOW).await.unwrap().len(), 1);
        }
        let inventory = Some(Inventory(vec![(doc, 1)]));
        for inventory in [None, inventory] {
            let pull = Pull { user: phone.user, cursor: 0, inventory, pushed: Vec::new() };
            let pulled = store.pull(theirs, &pull, usize::MAX).await.unwrap();
            assert!(pulled.runs.is_empty() && pulled.whole.is_empty());
            assert!(pulled.released.is_empty(), "it is unknown there, not released");
        }
        let receipt = seen.runs[0].clone();
        let mut request = phone.request(Vec::new());
        request.tenant = theirs;
        request.runs = vec![sync_core::sync::Submitted::Relayed(receipt)];
        let verdicts = store.push(request).await.unwrap();
        assert_eq!(verdicts[0][0].code(), "receipt_not_genuine");
        store.close().await;
    });
}

#[test]
fn a_reader_never_skips_what_a_stalled_transaction_commits_later() {
    on_each_database(async |place| {
        let (tenant, store) = (tenant(), place.open().await);
        let (desk, phone) = (Desk::new(tenant), Phone::new(tenant));
        let doc = desk.job(&store, phone.user).await;
        let cursor = phone.pull(&store, 0).await.cursor;
        // Another node took its position and stalls before its commit.
        let mut other = place.connect().await;
        let begin = if place.is_sqlite() { "BEGIN IMMEDIATE" } else { "BEGIN" };
        let mut stalled = other.begin_with(begin).await.unwrap();
        sqlx::query("UPDATE counters SET pos = pos + 1 WHERE tenant = $1")
            .bind(tenant.as_bytes().to_vec())
            .execute(&mut *stalled)
            .await
            .unwrap();
        let writing = {
            let store = store.clone();
            tokio::spawn(async move { desk.write(&store, doc, vec![note("second")]).await })
        };
        // While it stalls, nobody overtakes it and nobody sees a position beyond it.
        for _ in 0..20 {
            tokio::task::yield_now().await;
            let pulled = phone.pull(&store, cursor).await;
            assert_eq!((pulled.cursor, pulled.runs.len()), (cursor, 0));
        }
        assert!(!writing.is_finished());
        copy_last_run(&mut stalled, tenant).await;
        stalled.commit().await.unwrap();
        let edited = writing.await.unwrap();
        assert_eq!(edited.pos, i64::try_from(cursor).unwrap() + 2);
        let rows = store.runs(tenant, doc).await.unwrap();
        let positions: Vec<_> = rows.iter().map(|logged| logged.pos).collect();
        assert_eq!(positions, [1, 2, 3, 4]);
        let pulled = phone.pull(&store, cursor).await;
        assert_eq!(pulled.runs.len(), 2, "the stalled one and the one after it");
        other.close().await.unwrap();
        store.close().await;
    });
}

#[test]
fn a_list_of_jobs_is_filtered_and_pages_through_all_of_them() {
    on_each_database(async |place| {
        let (tenant, store) = (tenant(), place.open().await);
        let sql = store.sql().unwrap();
        let (desk, phone) = (Desk::new(tenant), Phone::new(tenant));
        let mut made = Vec::new();
        for _ in 0..7 {
            made.push(desk.job(&store, phone.user).await);
        }
        let others = desk.job(&store, desk.user).await;
        let expiring = DocId::from(job());
        let technician = Value::Bytes(phone.user.as_bytes().to_vec());
        desk.edit(&store, expiring, move |document| {
            let offer = people::fact(
                section::ASSIGNMENT,
                &[
                    (key::KIND, "offer".into()),
                    (key::EPOCH, 1.into()),
                    (key::TECHNICIAN, technician),
                    (key::EXPIRES, (NOW + 90_000).into()),
                ],
            );
            let remark = document.set(section::INTAKE, key::ADDRESS, "50% off_ramp".into());
            vec![offer, remark]
        })
        .await;
        let list =
            async |filter: JobFilter, now| sql.jobs(tenant, &filter, now, 100).await.unwrap().rows;
        let all = list(JobFilter::default(), NOW).await;
        assert_eq!(all.len(), 9);
        let mut paged = Vec::new();
        let mut filter = JobFilter::default();
        loop {
            let page = sql.jobs(tenant, &filter, NOW, 2).await.unwrap();
            paged.extend(page.rows);
            let Some(next) = page.next else { break };
            filter.order = next;
        }
        assert_eq!(paged, all);
        let of = |states: &[State]| JobFilter { states: states.to_vec(), ..JobFilter::default() };
        assert_eq!(list(of(&[State::Assigned]), NOW).await.len(), 8);
        assert_eq!(list(of(&[State::Offered]), NOW).await.len(), 1);
        assert_eq!(list(of(&[State::Offered]), NOW + 90_000).await.len(), 0);
        let received = list(of(&[State::Received]), NOW + 90_000).await;
        assert_eq!((received.len(), received[0].summary.technician), (1, None));
        let mine = JobFilter { technician: Some(desk.user), ..JobFilter::default() };
        assert_eq!(list(mine, NOW).await[0].summary.id, others.job().unwrap());
        let text = |text: &str| JobFilter { text: Some(text.into()), ..JobFilter::default() };
        for (words, found) in
            [("abc-1234", 8), ("bc12", 8), ("淑芬", 8), ("0% off_r", 1), ("%", 1), ("zzz", 0)]
        {
            assert_eq!(list(text(words), NOW).await.len(), found, "{words}");
        }
        let waiting = JobFilter { waiting: Some(true), ..JobFilter::default() };
        assert!(list(waiting, NOW).await.is_empty());
        store.close().await;
    });
}

/// Everything a phone gets in pages of `budget` bytes; nothing may come twice.
async fn pull_all(store: &Any, phone: &Phone, budget: usize) -> (BTreeMap<DocId, Document>, u32) {
    let mut held: BTreeMap<DocId, Document> = BTreeMap::new();
    let (mut cursor, mut pages) = (0, 0);
    loop {
        let pull = Pull { user: phone.user, cursor, inventory: None, pushed: Vec::new() };
        let pulled = store.pull(phone.tenant, &pull, budget).await.unwrap();
        for attested in &pulled.runs {
            let doc = attested.run.doc;
            let copy = held.entry(doc).or_insert_with(|| Document::new(doc));
            let new = replay(copy, &attested.run, attested.author).unwrap();
            assert!(matches!(new, sync_core::admission::Replayed::New(_)), "sent twice");
        }
        pages += 1;
        assert!(pulled.cursor > cursor || !pulled.more);
        cursor = pulled.cursor;
        if !pulled.more {
            return (held, pages);
        }
    }
}

/// What a stalled node would have written: here a note on the newest document.
async fn copy_last_run(connection: &mut sqlx::AnyConnection, tenant: TenantId) {
    let _ = (random(), van());
    sqlx::query(
        "INSERT INTO runs (tenant, pos, doc, actor, first_seq, last_seq, last_hash, author_user, \
         author_device, received_at, payload) SELECT tenant, pos + 1, doc, actor, first_seq, \
         last_seq, last_hash, author_user, author_device, received_at, payload FROM runs \
         WHERE tenant = $1 AND pos = 2",
    )
    .bind(tenant.as_bytes().to_vec())
    .execute(connection)
    .await
    .unwrap();
}
