//! What is forgotten while something is written goes by the time that has certainly passed, not by the clock;
//! and of parts that nobody's driver took so many are shown.

use server::auth::throttle::{self, Charged, Counter, PAIR};
use server::sweep::STEADY_MS;
use sqlx::Row as _;
use store::rows::assertions::use_once;
use store::rows::numbers::{Numbering, Taken};
use store::{Mark, Store, StoreError};
use sync_core::id::{DeviceId, FactId, JobId, UserId};
use sync_core::schema::DocId;

use crate::people::{Desk, job, random, tenant, van};
use crate::place::on_each_database;

const NOW: i64 = 1_800_000_000_000;
const DAY: i64 = 86_400_000;
const YEARS: i64 = 6 * 365 * DAY;

async fn count(store: &Store, sql: &'static str) -> i64 {
    sqlx::query(sql).fetch_one(store.readers()).await.unwrap().get(0)
}

/// An installation that has certainly come to this time.
async fn come_to(store: &Store, judged: i64) {
    let seen = store.time_mark().await.unwrap();
    store.put_time_mark(seen, Mark { judged, confirmed: STEADY_MS }).await.unwrap();
}

#[test]
fn a_clock_years_ahead_forgets_no_used_assertion() {
    on_each_database(async |place| {
        let (tenant, store) = (tenant(), place.open_sql().await);
        let device = DeviceId::new(NOW, random());
        let log_in = async |jti: u8, expires_at: i64, now: i64| {
            let used = store.write::<_, StoreError, _>(move |tx| {
                Box::pin(async move {
                    Ok(use_once(tx, tenant, device, vec![jti], expires_at, now).await?)
                })
            });
            used.await.unwrap()
        };
        come_to(&store, NOW).await;
        assert!(log_in(1, NOW + 1000, NOW).await);
        assert!(log_in(2, NOW + YEARS, NOW + YEARS).await);
        assert!(!log_in(1, NOW + 1000, NOW).await, "it is known, the clock being right again");
        // Two days later it serves no purpose.
        come_to(&store, NOW + 2 * DAY).await;
        assert!(log_in(3, NOW + 2 * DAY, NOW + 2 * DAY).await);
        assert_eq!(count(&store, "SELECT COUNT(*) FROM assertions").await, 2);
        store.close().await;
    });
}

#[test]
fn a_clock_years_ahead_forgets_no_failed_login() {
    on_each_database(async |place| {
        let store = place.open_sql().await;
        let fail = async |slot: i64, now: i64| {
            let counter = Counter { rule: PAIR, slot, account: None };
            let charged = store.write::<_, StoreError, _>(move |tx| {
                Box::pin(async move { Ok(throttle::charge(tx, &[counter], now).await?) })
            });
            assert!(matches!(charged.await.unwrap(), Charged::After(_)));
        };
        let rows = async || count(&store, "SELECT COUNT(*) FROM throttles").await;
        come_to(&store, NOW).await;
        fail(1, NOW).await;
        fail(2, NOW + YEARS).await;
        assert_eq!(rows().await, 2);
        come_to(&store, NOW + DAY).await;
        fail(3, NOW + DAY).await;
        assert_eq!(rows().await, 2, "what a day ago was is over");
        store.close().await;
    });
}

#[test]
fn a_clock_years_ahead_forgets_no_number_of_a_job() {
    on_each_database(async |place| {
        let (tenant, store) = (tenant(), place.open_sql().await);
        let take = async |job: JobId, now: i64| {
            let mut connection = store.readers().acquire().await.unwrap();
            let of = Numbering::of(&mut connection, tenant, None, job, now).await.unwrap();
            drop(connection);
            let taken = store.write::<_, StoreError, _>(move |tx| {
                Box::pin(async move { of.take(tx, "A-7").await })
            });
            taken.await.unwrap()
        };
        come_to(&store, NOW).await;
        assert_eq!(take(job(), NOW).await, Taken::Now);
        assert_eq!(take(job(), NOW + YEARS).await, Taken::Now);
        assert!(matches!(take(job(), NOW).await, Taken::ByAnother(_)), "the day has it still");
        come_to(&store, NOW + 20 * DAY).await;
        assert_eq!(take(job(), NOW + 20 * DAY).await, Taken::Now);
        assert_eq!(count(&store, "SELECT COUNT(*) FROM numbers_taken").await, 2);
        store.close().await;
    });
}

#[test]
fn a_number_with_a_letter_is_told_on_a_repeat_as_it_was_given() {
    on_each_database(async |place| {
        let (tenant, store) = (tenant(), place.open_sql().await);
        store.renew(store::Renewal::at(NOW)).await.unwrap();
        let job = job();
        let mut connection = store.readers().acquire().await.unwrap();
        let of = Numbering::of(&mut connection, tenant, None, job, NOW).await.unwrap();
        drop(connection);
        let next = async || {
            let of = of.clone();
            let next = store
                .write::<_, StoreError, _>(move |tx| Box::pin(async move { of.next(tx).await }));
            next.await.unwrap()
        };
        let first = next().await;
        assert!(first.ends_with("-A001"), "{first}");
        assert_eq!(next().await, first);
        store.close().await;
    });
}

/// Parts that jobs say were taken from a van by someone who never drove it.
async fn take_parts(
    store: &Store,
    tenant: [u8; 16],
    van: DocId,
    by: UserId,
    count: i64,
    voided: i64,
) {
    let done = store.write::<(), StoreError, _>(move |tx| {
        Box::pin(async move {
            for n in 0..count {
                sqlx::query(
                    "INSERT INTO job_parts (tenant, job, fact, van, part_no, quantity, at, voided, \
                     by_user) VALUES ($1, $2, $3, $4, 'P', 1000, $5, $6, $7)",
                )
                .bind(tenant.to_vec())
                .bind(JobId::new(NOW, random()).as_bytes().to_vec())
                .bind(FactId::new(NOW, random()).as_bytes().to_vec())
                .bind(van.as_bytes().to_vec())
                .bind(NOW + n)
                .bind(voided)
                .bind(by.as_bytes().to_vec())
                .execute(&mut *tx)
                .await?;
            }
            Ok(())
        })
    });
    done.await.unwrap();
}

#[test]
fn five_hundred_unassigned_parts_are_shown_and_two_thousand_rows_are_looked_at() {
    on_each_database(async |place| {
        let (tenant, any) = (tenant(), place.open().await);
        let (desk, store) = (Desk::new(tenant), any.sql().unwrap());
        let [first, second] = [1, 2].map(|n| UserId::new(NOW + n, random()));
        let shown = async |van: sync_core::id::VanId| {
            let (found, _) = store.van(tenant, van).await.unwrap().unwrap();
            assert!(found.stock.lines.is_empty(), "they change no line");
            found.stock.unassigned.len()
        };
        let new_van = async || {
            let van = van();
            desk.gives(&any, van.into(), UserId::new(NOW, random())).await;
            van
        };
        for (count, most) in [(499, 499), (500, 500), (501, 500)] {
            let van = new_van().await;
            take_parts(store, *tenant.as_bytes(), van.into(), first, count, 0).await;
            assert_eq!(shown(van).await, most);
        }
        // What was taken back costs a look all the same.
        for (voided, most) in [(1999, 1), (2000, 0)] {
            let van = new_van().await;
            take_parts(store, *tenant.as_bytes(), van.into(), first, voided, 1).await;
            take_parts(store, *tenant.as_bytes(), van.into(), second, 1, 0).await;
            assert_eq!(shown(van).await, most, "{voided}");
        }
        any.close().await;
    });
}
