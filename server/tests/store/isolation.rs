//! The store's promise that what is wrong with one request harms no other, whoever sent it.

use std::pin::pin;
use std::sync::Arc;

use crate::any::Any;
use crate::people::{Desk, NOW, Phone, fact, note, random, tenant, van};
use crate::place::{Place, on_each_database};
use crate::projections::long;
use store::writer::{Expect, UNSTORABLE};
use store::{Store, StoreError};
use sync_core::admission::Verdict;
use sync_core::change::Entry;
use sync_core::id::FactId;
use sync_core::schema::{DocId, Key, key, section};
use sync_core::value::Value;
use tokio::sync::{Notify, watch};

/// A note whose row the database refuses, once [`poison`] was called.
fn poisoned() -> Entry {
    fact(section::NOTES, &[(key::KIND, "poison".into()), (key::TEXT, "x".into())])
}

/// Makes the database refuse one kind of row.
async fn poison(place: &Place) {
    let sql = if place.is_sqlite() {
        "CREATE TRIGGER poison BEFORE INSERT ON job_facts WHEN NEW.kind = 'poison' \
         BEGIN SELECT RAISE(ABORT, 'poison'); END"
    } else {
        "ALTER TABLE job_facts ADD CONSTRAINT poison CHECK (kind <> 'poison')"
    };
    sqlx::raw_sql(sql).execute(&mut place.connect().await).await.unwrap();
}

async fn cure(place: &Place) {
    let sql = if place.is_sqlite() {
        "DROP TRIGGER poison"
    } else {
        "ALTER TABLE job_facts DROP CONSTRAINT poison"
    };
    sqlx::raw_sql(sql).execute(&mut place.connect().await).await.unwrap();
}

/// Keeps the writer busy until it is notified: what is asked for meanwhile is one group.
async fn stall(store: &Store, until: &Arc<Notify>) {
    let (until, begun) = (Arc::clone(until), Arc::new(Notify::new()));
    let (store, started) = (store.clone(), Arc::clone(&begun));
    tokio::spawn(async move {
        let stalled = store.write::<(), StoreError, _>(move |_| {
            Box::pin(async move {
                started.notify_one();
                until.notified().await;
                Ok(())
            })
        });
        stalled.await.unwrap();
    });
    begun.notified().await;
}

async fn plain(store: &Store, sql: &'static str) -> Result<(), StoreError> {
    let write = store.write::<(), StoreError, _>(move |tx| {
        Box::pin(async move {
            sqlx::raw_sql(sql).execute(tx).await?;
            Ok(())
        })
    });
    write.await
}

/// What anybody else does: all of it has to succeed.
async fn others(any: &Any, desk: &Desk, phone: &Phone, doc: DocId) {
    let mut copy = phone.copy(any, doc).await;
    let run = phone.record(&mut copy, vec![note("of someone else")]);
    let edit = any.edit::<(), _>(desk.request(doc, Expect::Any), |_| Ok(vec![note("desk")]));
    let sql = any.sql().unwrap();
    let put = "INSERT INTO meta (key, value) VALUES ('other', '') \
               ON CONFLICT (key) DO UPDATE SET value = excluded.value";
    let (pushed, edited, written) =
        tokio::join!(phone.try_push(any, vec![run]), edit, plain(sql, put));
    assert_eq!(pushed.unwrap(), [[Verdict::Durable]]);
    edited.unwrap().unwrap();
    written.unwrap();
}

fn unstorable() -> Vec<Verdict> {
    vec![Verdict::Later { code: UNSTORABLE.to_owned() }]
}

#[test]
fn a_run_the_database_refuses_is_left_with_its_phone_and_harms_no_other() {
    on_each_database(async |place| {
        let any = place.open().await;
        let store = any.sql().unwrap();
        let (one, two) = (tenant(), tenant());
        let (desk, phone) = (Desk::new(one), Phone::new(one));
        let (other_desk, other) = (Desk::new(two), Phone::new(two));
        phone.enrol(&any).await;
        other.enrol(&any).await;
        let theirs = other_desk.job(&any, other.user).await;
        let mut docs = Vec::new();
        for _ in 0..4 {
            docs.push(desk.job(&any, phone.user).await);
        }
        poison(place).await;
        let mut runs = Vec::new();
        for (index, doc) in docs.iter().enumerate() {
            let mut copy = phone.copy(&any, *doc).await;
            let bad = index == 1;
            let first = if bad { vec![poisoned()] } else { vec![note("good")] };
            runs.push(phone.record(&mut copy, first));
            runs.push(phone.record(&mut copy, vec![note("after it")]));
        }
        let go = Arc::new(Notify::new());
        stall(store, &go).await;
        let bad_edit =
            any.edit::<(), _>(desk.request(docs[3], Expect::Any), |_| Ok(vec![poisoned()]));
        let good_edit =
            any.edit::<(), _>(desk.request(docs[3], Expect::Any), |_| Ok(vec![note("edit")]));
        let release = async { go.notify_one() };
        let (pushed, (), bad, good, ()) = tokio::join!(
            phone.push(&any, runs.clone()),
            others(&any, &other_desk, &other, theirs),
            bad_edit,
            good_edit,
            release,
        );
        let durable = || vec![Verdict::Durable];
        let expected = [
            durable(),
            durable(),
            unstorable(),
            unstorable(),
            durable(),
            durable(),
            durable(),
            durable(),
        ];
        assert_eq!(pushed, expected);
        assert!(bad.is_err());
        good.unwrap().unwrap();
        let there = phone.copy(&any, docs[3]).await;
        assert_eq!(there.facts(&section::NOTES).count(), 3, "the edit that failed left no trace");
        // Again and again: still nobody else is harmed, and nothing is lost.
        assert_eq!(phone.push(&any, runs.clone()).await, expected);
        others(&any, &other_desk, &other, theirs).await;
        cure(place).await;
        assert!(phone.push(&any, runs).await.iter().flatten().all(Verdict::is_durable));
        let report = any.verify().await;
        assert!(report.is_clean(), "{report}");
        any.close().await;
    });
}

#[test]
fn a_document_that_does_not_load_harms_no_other() {
    on_each_database(async |place| {
        let any = place.open().await;
        let (desk, phone) = (Desk::new(tenant()), Phone::new(tenant()));
        let (other_desk, other) = (Desk::new(tenant()), Phone::new(tenant()));
        let desk = Desk { tenant: phone.tenant, ..desk };
        let other_desk = Desk { tenant: other.tenant, ..other_desk };
        let broken = desk.job(&any, phone.user).await;
        let theirs = other_desk.job(&any, other.user).await;
        let mut copy = phone.copy(&any, broken).await;
        let run = phone.record(&mut copy, vec![note("work")]);
        any.close().await;
        let garbage = sqlx::query("UPDATE runs SET payload = last_hash WHERE tenant = $1");
        let garbage = garbage.bind(phone.tenant.as_bytes().to_vec());
        garbage.execute(&mut place.connect().await).await.unwrap();
        let any = place.open().await;
        let go = Arc::new(Notify::new());
        stall(any.sql().unwrap(), &go).await;
        let (pushed, (), ()) = tokio::join!(
            phone.push(&any, vec![run]),
            others(&any, &other_desk, &other, theirs),
            async { go.notify_one() },
        );
        assert_eq!(pushed, [unstorable()]);
        any.close().await;
    });
}

#[test]
fn a_plain_write_that_passes_over_an_error_is_taken_back_alone() {
    on_each_database(async |place| {
        let store = place.open_sql().await;
        let go = Arc::new(Notify::new());
        stall(&store, &go).await;
        let careless = store.write::<(), StoreError, _>(|tx| {
            Box::pin(async move {
                let _ = sqlx::raw_sql("INSERT INTO nowhere VALUES (1)").execute(tx).await;
                Ok(())
            })
        });
        let put = "INSERT INTO meta (key, value) VALUES ('careful', '')";
        let (careless, careful, ()) =
            tokio::join!(careless, plain(&store, put), async { go.notify_one() });
        assert_eq!(careless.is_ok(), place.is_sqlite(), "PostgreSQL keeps nothing of it");
        careful.unwrap();
        store.close().await;
    });
}

#[test]
fn plain_writes_of_two_nodes_that_wait_for_each_other_both_happen() {
    on_each_database(async |place| {
        if place.is_sqlite() {
            return;
        }
        let (one, two) = (place.open_sql().await, place.open_sql().await);
        plain(&one, "INSERT INTO meta (key, value) VALUES ('x', ''), ('y', '')").await.unwrap();
        let (has_x, has_y) = (watch::channel(false), watch::channel(false));
        let near = crossing(&one, ["x", "y"], &has_x.0, &has_y.1);
        let far = crossing(&two, ["y", "x"], &has_y.0, &has_x.1);
        tokio::join!(near, far);
        let rows: Vec<Vec<u8>> =
            sqlx::query_scalar("SELECT value FROM meta WHERE key IN ('x', 'y')")
                .fetch_all(one.readers())
                .await
                .unwrap();
        assert_eq!(rows, [b"..", b".."], "each was changed by both, once");
        one.close().await;
        two.close().await;
    });
}

/// Two plain writes of one group: the first changes a row and waits until the other node has its
/// own, the second wants the other's.
async fn crossing(
    store: &Store,
    rows: [&'static str; 2],
    mine: &watch::Sender<bool>,
    theirs: &watch::Receiver<bool>,
) {
    const CHANGE: &str = "UPDATE meta SET value = value || '.'::bytea WHERE key = $1";
    let go = Arc::new(Notify::new());
    stall(store, &go).await;
    let (mine, theirs) = (mine.clone(), theirs.clone());
    let first = store.write::<(), StoreError, _>(move |tx| {
        let mut theirs = theirs.clone();
        Box::pin(async move {
            sqlx::query(CHANGE).bind(rows[0]).execute(tx).await?;
            mine.send_replace(true);
            theirs.wait_for(|has| *has).await.unwrap();
            Ok(())
        })
    });
    let second = store.write::<(), StoreError, _>(move |tx| {
        Box::pin(async move {
            sqlx::query(CHANGE).bind(rows[1]).execute(tx).await?;
            Ok(())
        })
    });
    let (first, second, ()) = tokio::join!(first, second, async { go.notify_one() });
    first.unwrap();
    second.unwrap();
}

#[test]
fn entries_that_collide_under_any_normalisation_harm_nobody() {
    on_each_database(async |place| {
        let any = place.open().await;
        let (one, two) = (tenant(), tenant());
        let (desk, phone) = (Desk::new(one), Phone::new(one));
        let (other_desk, other) = (Desk::new(two), Phone::new(two));
        phone.enrol(&any).await;
        other.enrol(&any).await;
        let stock = DocId::from(van());
        let theirs = other_desk.job(&any, other.user).await;
        let mut state = 42_u64;
        let mut draw = |below: u64| {
            state =
                state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
            (state >> 33) % below
        };
        for _ in 0..24 {
            let base: String = (0..draw(4)).map(|_| ALPHABET[draw(10) as usize]).collect();
            let pair = [alike(&base, draw(9)), alike(&base, draw(9))];
            // A job each: long words soon fill a technician's share.
            let doc = desk.job(&any, phone.user).await;
            let mut copy = phone.copy(&any, doc).await;
            let places = [section::NOTES, section::WORK];
            let place = places[draw(2) as usize].clone();
            let said = (key::TEXT, Value::from("x"));
            let entries =
                pair.map(|kind| fact(place.clone(), &[(key::KIND, kind.into()), said.clone()]));
            let runs = vec![phone.record(&mut copy, entries.to_vec())];
            let id = FactId::new(NOW, random());
            let record: [(Key, Value); 3] = [
                (key::KIND, "load".into()),
                (key::PART_NO, long(&base).into()),
                (key::QUANTITY, 1_000_000_000.into()),
            ];
            let [moved, counted] = [section::MOVEMENTS, section::COUNTS].map(|section| {
                let record = record.iter().cloned().collect();
                let entries = vec![Entry::Fact { section, id, record }];
                any.edit::<(), _>(desk.request(stock, Expect::Any), move |_| Ok(entries))
            });
            let mut moved = pin!(moved);
            let (pushed, (), _, _) = tokio::join!(
                phone.push(&any, runs),
                others(&any, &other_desk, &other, theirs),
                &mut moved,
                counted,
            );
            assert_eq!(pushed, [[Verdict::Durable]]);
        }
        let report = any.verify().await;
        assert!(report.is_clean(), "{report}");
        any.close().await;
    });
}

const ALPHABET: [char; 10] =
    ['a', 'A', '\0', '\u{fffd}', '\u{e9}', '\u{301}', '\u{200b}', '\u{1f600}', ' ', 'İ'];

/// A text that some normalisation makes the same as others made of the same one.
fn alike(base: &str, how: u64) -> String {
    match how {
        0 => format!("{base}\0"),
        1 => format!("{base}\u{fffd}"),
        2 => base.to_lowercase(),
        3 => base.to_uppercase(),
        4 => format!("{base} "),
        5 => format!("{base}e\u{301}"),
        6 => format!("{base}\u{e9}"),
        7 => long(base),
        _ => format!("{}.", long(base)),
    }
}
