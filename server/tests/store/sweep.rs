//! What was kept long enough is deleted, in bounded batches, and the log is none of it.

use server::sweep::{self, Judge, Keep, Look, RULES, STEADY_MS, SweepTime};
use server::telemetry::Metrics;
use sqlx::Row as _;
use store::{Mark, Store, StoreError};
use tokio::time::Instant;

use crate::people::{Desk, Phone, note, step, tenant};
use crate::place::on_each_database;

const DAY: i64 = 24 * 3600 * 1000;

/// A row of each table that a rule ends, from a moment on; `$1` is sixteen bytes, `$2` the moment.
const ROWS: [(&str, &str); 12] = [
    (
        "positions",
        "INSERT INTO positions (tenant, user_id, at, device, received_at, lat, lon) \
                   VALUES ($1, $1, $2, $1, $2, 0, 0)",
    ),
    (
        "sessions",
        "INSERT INTO sessions (token_hash, tenant, user_id, created_at, expires_at) \
                  VALUES ($1, $1, $1, 0, $2)",
    ),
    (
        "assertions",
        "INSERT INTO assertions (device, jti, tenant, expires_at) VALUES ($1, $1, $1, $2)",
    ),
    (
        "enrolment_codes",
        "INSERT INTO enrolment_codes (code_hash, tenant, user_id, created_by, \
                         created_at, expires_at) VALUES ($1, $1, $1, $1, 0, $2)",
    ),
    (
        "password_links",
        "INSERT INTO password_links (tenant, user_id, secret_hash, kind, created_at, expires_at) \
         VALUES ($1, $1, $1, 'reset', 0, $2)",
    ),
    (
        "api_tokens",
        "INSERT INTO api_tokens (tenant, id, name, secret_hash, scopes, created_at, ends_at) \
         VALUES ($1, $1, 'n', $1, '', 0, $2)",
    ),
    (
        "throttles",
        "INSERT INTO throttles (scope, slot, failures, since, blocked_until) \
                   SELECT 'account', COUNT(*), 1, $2, 0 FROM throttles WHERE $1 IS NOT NULL",
    ),
    (
        "idempotency",
        "INSERT INTO idempotency (tenant, user_id, key, request, operation, created_at, \
                     leased_to) VALUES ($1, $1, 'k', $1, $1, $2, 0)",
    ),
    (
        "devices",
        "INSERT INTO devices (tenant, id, user_id, state, name, app_version, public_key, \
                 digits, tries, created_at, version) \
                 VALUES ($1, $1, $1, 'pending', '', '', $1, '', 0, $2, 1)",
    ),
    (
        "quarantine",
        "INSERT INTO quarantine (tenant, hash, pos, doc, actor, seq, code, sentence, \
                    received_at, payload) VALUES ($1, $1, 1, $1, $1, 1, 'c', 's', $2, $1)",
    ),
    (
        "submissions",
        "INSERT INTO submissions (tenant, id, device, user_id, received_at, digest, frame, \
                   changes, state) VALUES ($1, $1, $1, $1, $2, $1, $1, 1, 'discarded')",
    ),
    (
        "audit",
        "INSERT INTO audit (tenant, id, at, action, object, request_id, detail) \
               VALUES ($1, $1, $2, 'a', 'o', '', '{}')",
    ),
];

/// A time by which to sweep, of an installation that has come just so far.
fn time(judged: i64) -> SweepTime {
    let mark = Mark { judged, confirmed: STEADY_MS };
    let look = Look { wall: judged, database: None, at: Instant::now() };
    Judge::default().look(Some(mark), look).time.unwrap()
}

async fn insert(store: &Store, sql: &'static str, n: u16, at: i64) {
    let mut id = vec![7; 16];
    id[..2].copy_from_slice(&n.to_be_bytes());
    let done = store.write::<_, StoreError, _>(move |tx| {
        Box::pin(async move {
            sqlx::query(sql).bind(id).bind(at).execute(tx).await?;
            Ok(())
        })
    });
    done.await.unwrap();
}

async fn count(store: &Store, table: &str) -> i64 {
    let sql = sqlx::AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}"));
    sqlx::query(sql).fetch_one(store.readers()).await.unwrap().get(0)
}

fn a_day() -> Keep {
    let mut keep = Keep::default();
    RULES.iter().for_each(|rule| keep.set(rule.name, 1.0));
    keep
}

#[test]
fn every_kind_of_old_row_is_deleted_and_none_before_its_time() {
    on_each_database(async |place| {
        let (store, metrics) = (place.open_sql().await, Metrics::new());
        for (_, sql) in ROWS {
            insert(&store, sql, 1, 1000).await;
            insert(&store, sql, 2, 5000).await;
        }
        assert!(!sweep::round(&store, &a_day(), &metrics, time(1000 + DAY)).await.unwrap());
        for (table, _) in ROWS {
            assert_eq!(count(&store, table).await, 2, "{table} is kept a day");
        }
        sweep::round(&store, &a_day(), &metrics, time(1001 + DAY)).await.unwrap();
        for (table, _) in ROWS {
            assert_eq!(count(&store, table).await, 1, "{table}");
        }
        // What nobody set a time for is kept.
        sweep::round(&store, &Keep::default(), &metrics, time(i64::MAX)).await.unwrap();
        assert_eq!(count(&store, "audit").await, 1);
        let told = metrics.text();
        assert!(told.contains("towline_swept_rows_total{case=\"audit\"} 1"), "{told}");
        store.close().await;
    });
}

#[test]
fn a_round_deletes_bounded_batches_and_says_that_more_is_left() {
    on_each_database(async |place| {
        let (store, metrics) = (place.open_sql().await, Metrics::new());
        let (_, frames) = ROWS.into_iter().find(|(table, _)| *table == "submissions").unwrap();
        for n in 0..401 {
            insert(&store, frames, n, 1000).await;
        }
        assert!(sweep::round(&store, &a_day(), &metrics, time(2000 + DAY)).await.unwrap());
        assert_eq!(count(&store, "submissions").await, 1, "twenty batches of twenty");
        assert!(!sweep::round(&store, &a_day(), &metrics, time(2000 + DAY)).await.unwrap());
        assert_eq!(count(&store, "submissions").await, 0);
        store.close().await;
    });
}

#[test]
fn a_store_verifies_after_everything_old_was_swept() {
    on_each_database(async |place| {
        let (tenant, store) = (tenant(), place.open().await);
        let (desk, phone) = (Desk::new(tenant), Phone::new(tenant));
        phone.enrol(&store).await;
        let (mine, other) = (desk.job(&store, phone.user).await, desk.job(&store, desk.user).await);
        let mut copy = phone.copy(&store, mine).await;
        let fine = phone.record(&mut copy, vec![step("accepted", 1)]);
        let bad = phone.forge(&mut phone.copy(&store, other).await, vec![note("no")]);
        phone.push(&store, vec![fine.clone(), bad]).await;
        let sql = store.sql().unwrap();
        let runs = count(sql, "runs").await;
        assert_eq!((count(sql, "pushes").await, count(sql, "quarantine").await), (1, 1));
        sweep::round(sql, &a_day(), &Metrics::new(), time(i64::MAX / 2)).await.unwrap();
        assert_eq!((count(sql, "pushes").await, count(sql, "quarantine").await), (0, 0));
        assert_eq!(count(sql, "runs").await, runs, "the log is kept for ever");
        assert_eq!(count(sql, "devices").await, 1, "a phone that may log in stays");
        assert!(store.verify().await.is_clean());
        let again = phone.push(&store, vec![fine]).await;
        assert!(again[0][0].is_durable(), "what was durable stays so");
        store.close().await;
    });
}

#[test]
fn work_that_waits_for_a_person_is_never_swept() {
    on_each_database(async |place| {
        let store = place.open_sql().await;
        let (_, frames) = ROWS.into_iter().find(|(table, _)| *table == "submissions").unwrap();
        insert(&store, frames, 1, 1000).await;
        let wait = store.write::<_, StoreError, _>(|tx| {
            Box::pin(async move {
                sqlx::query("UPDATE submissions SET state = 'waiting'").execute(tx).await?;
                Ok(())
            })
        });
        wait.await.unwrap();
        sweep::round(&store, &a_day(), &Metrics::new(), time(i64::MAX / 2)).await.unwrap();
        assert_eq!(count(&store, "submissions").await, 1);
        store.close().await;
    });
}

#[test]
fn what_one_node_knows_of_the_time_the_next_one_goes_by() {
    on_each_database(async |place| {
        let store = place.open_sql().await;
        let start = 1_800_000_000_000;
        // PostgreSQL has a clock of its own, from which a node may not differ.
        let now = store.database_time().await.unwrap().unwrap_or(start);
        assert_eq!(Judge::default().ask(&store, now).await.unwrap(), Err(sweep::Wait::Young));
        let young = store.time_mark().await.unwrap();
        assert_eq!(young, Some(Mark { judged: now, confirmed: 0 }));
        let known = Mark { judged: now, confirmed: STEADY_MS };
        store.put_time_mark(young, known).await.unwrap();
        store.put_time_mark(young, Mark { judged: 0, confirmed: 0 }).await.unwrap();
        assert_eq!(store.time_mark().await.unwrap(), Some(known), "what another node wrote stays");
        let year = 365 * DAY;
        let ahead = Judge::default().ask(&store, now + year).await.unwrap();
        let behind = Judge::default().ask(&store, now - year).await.unwrap();
        if place.is_sqlite() {
            assert_eq!(ahead.map(SweepTime::ms), Ok(now));
            assert_eq!(behind, Err(sweep::Wait::Behind));
        } else {
            assert_eq!((ahead, behind), (Err(sweep::Wait::Differs), Err(sweep::Wait::Differs)));
        }
        assert_eq!(store.time_mark().await.unwrap(), Some(known));
        store.close().await;
    });
}
