//! One phone's flood costs its own technician's share: of stock, numbers, upkeep and storage.

use sqlx::Row as _;
use store::rows::numbers::{Numbering, Taken};
use store::rows::shares;
use store::writer::Bounds;
use store::{Likeness, Store, StoreError};
use sync_core::admission::Verdict;
use sync_core::change::{Entry, Run};
use sync_core::document::Document;
use sync_core::id::{JobId, TenantId, VanId};
use sync_core::limits::PARTS_IN_STOCK;
use sync_core::schema::{key, section};
use sync_core::value::Value;

use crate::people::{Desk, NOW, Phone, fact, job, note, random, tenant, van};
use crate::place::{on_each_database, on_each_store};

/// A job opened at the roadside with these entries besides.
fn walk_up(phone: &Phone, id: JobId, entries: Vec<Entry>) -> Run {
    let opened =
        [(key::KIND, "walk_up".into()), (key::EPOCH, 0.into()), (key::PLATE, "ABC-1234".into())];
    let first = fact(section::STATUS, &opened);
    let entries = [first].into_iter().chain(entries).collect();
    phone.record(&mut Document::new(id.into()), entries)
}

fn part(van: VanId) -> Entry {
    let van = Value::Bytes(van.as_bytes().to_vec());
    fact(section::PARTS, &[(key::PART_NO, "H7".into()), (key::VAN, van), (key::BIN, "A1".into())])
}

fn codes(verdicts: &[Vec<Verdict>]) -> Vec<&str> {
    verdicts.iter().flatten().map(Verdict::code).collect()
}

#[test]
fn parts_of_whoever_never_drove_a_van_are_not_read_for_its_stock() {
    on_each_store(async |place| {
        let (mine, store) = (tenant(), place.open().await);
        let (desk, driver, stranger) = (Desk::new(mine), Phone::new(mine), Phone::new(mine));
        let van = van();
        desk.gives(&store, van.into(), driver.user).await;
        for _ in 0..3 {
            let parts = (0..PARTS_IN_STOCK + 50).map(|_| part(van)).collect();
            stranger.push(&store, vec![walk_up(&stranger, job(), parts)]).await;
        }
        driver.push(&store, vec![walk_up(&driver, job(), vec![part(van), part(van)])]).await;
        let (seen, _) = store.van(mine, van).await.unwrap();
        assert_eq!(seen.stock.quantity("H7"), -2000);
        if let Some(sql) = store.sql() {
            let count = "SELECT COUNT(*) FROM job_parts";
            let rows: i64 = sqlx::query_scalar(count).fetch_one(sql.readers()).await.unwrap();
            assert_eq!(rows, 3 * PARTS_IN_STOCK as i64 + 2, "and few of one job are kept");
            let listed = sql.vans(mine, None, 10).await.unwrap();
            assert_eq!(listed[0].0.stock, seen.stock);
        }
        store.close().await;
    });
}

#[test]
fn a_count_in_the_middle_holds_what_was_taken_before_it_on_every_store() {
    on_each_store(async |place| {
        let (mine, store) = (tenant(), place.open().await);
        let (desk, driver) = (Desk::new(mine), Phone::new(mine));
        let van = van();
        desk.gives(&store, van.into(), driver.user).await;
        let at = |entry: Entry, at: i64| match entry {
            Entry::Fact { section, id, mut record } => {
                record.insert(key::AT, at.into());
                Entry::Fact { section, id, record }
            }
            other => other,
        };
        let used = |when: i64| walk_up(&driver, job(), vec![at(part(van), when)]);
        driver.push(&store, vec![used(NOW - 2000), used(NOW + 2000), used(NOW + 3000)]).await;
        let counted = [(key::PART_NO, "H7".into()), (key::QUANTITY, 10_000.into())];
        let mut count = fact(section::COUNTS, &counted);
        if let Entry::Fact { record, .. } = &mut count {
            record.insert(key::BIN, "A1".into());
        }
        desk.write(&store, van.into(), vec![at(count, NOW)]).await;
        // A movement of the same id says no more than its use.
        let taken = part(van);
        let Entry::Fact { id, .. } = &taken else { panic!("a part is a fact") };
        let id = *id;
        let on = job();
        driver.push(&store, vec![walk_up(&driver, on, vec![at(taken, NOW + 4000)])]).await;
        let record = [
            (key::KIND, "use".into()),
            (key::PART_NO, "H7".into()),
            (key::BIN, "A1".into()),
            (key::JOB, Value::Bytes(on.as_bytes().to_vec())),
            (key::QUANTITY, 1000.into()),
        ];
        let moved =
            Entry::Fact { section: section::MOVEMENTS, id, record: record.into_iter().collect() };
        desk.write(&store, van.into(), vec![moved]).await;
        let (seen, _) = store.van(mine, van).await.unwrap();
        assert_eq!(seen.stock.quantity("H7"), 7_000);
        store.close().await;
    });
}

#[test]
fn a_technician_who_filled_their_share_waits_and_a_colleague_does_not() {
    on_each_database(async |place| {
        let bounds = Bounds { technician_day_bytes: 20_000, ..Bounds::default() };
        let (mine, store) = (tenant(), place.open_within(bounds).await);
        let [greedy, other] = [Phone::new(mine), Phone::new(mine)];
        let text = "a".repeat(9_000);
        let more = || walk_up(&greedy, job(), vec![note(&text)]);
        let push = async || codes(&greedy.push(&store, vec![more()]).await).join("");
        assert_eq!([push().await, push().await, push().await], ["durable", "durable", "durable"]);
        assert_eq!(push().await, "quota");
        let fine = walk_up(&other, job(), vec![note(&text)]);
        assert_eq!(codes(&other.push(&store, vec![fine]).await), ["durable"]);
        let sql = store.sql().unwrap();
        let mut connection = sql.readers().acquire().await.unwrap();
        let most = shares::most(&mut connection, mine, 10).await.unwrap();
        assert_eq!((most.len(), most[0].user), (2, greedy.user));
        assert!(most[0].bytes > 27_000 && most[0].items == 6, "{most:?}");
        drop(connection);
        let user = greedy.user;
        let allowed = sql.write::<_, StoreError, _>(move |tx| {
            Box::pin(async move { Ok(shares::allow(tx, mine, user, 100_000).await?) })
        });
        allowed.await.unwrap();
        assert_eq!(push().await, "durable", "an operator may allow more");
        store.close().await;
    });
}

#[test]
fn the_quota_counts_what_is_computed_from_the_log() {
    on_each_database(async |place| {
        let (mine, store) = (tenant(), place.open().await);
        let phone = Phone::new(mine);
        let parts: Vec<_> = (0..100).map(|_| part(van())).collect();
        phone.push(&store, vec![walk_up(&phone, job(), parts)]).await;
        let sql = store.sql().unwrap();
        let taken_up = sql.taken_up().await.unwrap();
        let of = |kind: &str| taken_up.iter().find(|it| it.kind == kind).unwrap().clone();
        assert_eq!((of("projections").items, of("projections").bytes), (101, 101 * 256));
        assert!(of("projections").bytes > 2 * of("log").bytes, "small parts take more in rows");
        store.close().await;
    });
}

#[test]
fn the_oldest_jobs_of_each_technician_are_numbered_in_turn() {
    on_each_database(async |place| {
        let (mine, store) = (tenant(), place.open().await);
        let phones = [Phone::new(mine), Phone::new(mine), Phone::new(mine)];
        let mut opened: Vec<(usize, JobId)> = Vec::new();
        for (who, count) in [(0, 30), (1, 30), (2, 1)] {
            for _ in 0..count {
                let id = job();
                phones[who].push(&store, vec![walk_up(&phones[who], id, Vec::new())]).await;
                opened.push((who, id));
            }
        }
        let sql = store.sql().unwrap();
        assert_eq!(sql.unnumbered_tenants().await.unwrap(), [mine]);
        let turn = sql.unnumbered_jobs(mine, 4).await.unwrap();
        let of = |job: &JobId| opened.iter().find(|(_, id)| id == job).unwrap().0;
        let mut first: Vec<usize> = turn[..3].iter().map(of).collect();
        first.sort_unstable();
        assert_eq!((turn.len(), first), (9, vec![0, 1, 2]));
        for who in 0..2 {
            let theirs: Vec<_> = turn.iter().copied().filter(|job| of(job) == who).collect();
            let oldest = opened.iter().filter(|(of, _)| *of == who).map(|(_, id)| *id);
            assert_eq!(theirs, oldest.take(4).collect::<Vec<_>>(), "whatever their ids say");
        }
        store.close().await;
    });
}

#[test]
fn a_van_that_a_phone_names_is_looked_after_only_for_who_drives_it() {
    on_each_database(async |place| {
        let (mine, store) = (tenant(), place.open().await);
        let (desk, driver, stranger) = (Desk::new(mine), Phone::new(mine), Phone::new(mine));
        let van = van();
        desk.gives(&store, van.into(), driver.user).await;
        let [theirs, own] = [job(), job()];
        let named = (0..20).map(|_| part(VanId::new(NOW, random()))).chain([part(van)]);
        stranger.push(&store, vec![walk_up(&stranger, theirs, named.collect())]).await;
        driver.push(&store, vec![walk_up(&driver, own, vec![part(van)])]).await;
        let sql = store.sql().unwrap();
        let of = async |job| sql.vans_of_jobs(mine, [job].into_iter()).await.unwrap();
        assert!(of(theirs).await.is_empty());
        assert_eq!(of(own).await.into_iter().collect::<Vec<_>>(), [van]);
        store.close().await;
    });
}

#[test]
fn quiet_jobs_are_read_page_by_page() {
    on_each_database(async |place| {
        let (mine, store) = (tenant(), place.open().await);
        let (desk, phone) = (Desk::new(mine), Phone::new(mine));
        for _ in 0..5 {
            desk.job(&store, phone.user).await;
        }
        let sql = store.sql().unwrap();
        let (mut found, mut after, mut pages) = (Vec::new(), None, 0);
        loop {
            let (quiet, next) = sql.quiet_jobs(mine, NOW, after, 2).await.unwrap();
            assert!(quiet.len() <= 2);
            found.extend(quiet);
            pages += 1;
            after = next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!((found.len(), pages), (5, 3));
        assert!(sql.quiet_jobs(mine, NOW - 1, None, 10).await.unwrap().0.is_empty());
        store.close().await;
    });
}

#[test]
fn neither_ids_of_another_year_nor_many_walk_ups_hide_a_call_of_the_same_plate() {
    on_each_database(async |place| {
        let (mine, store) = (tenant(), place.open().await);
        let (desk, phone) = (Desk::new(mine), Phone::new(mine));
        let call = desk.job(&store, desk.user).await;
        let year = 365 * 24 * 3600 * 1000;
        for n in 0..120 {
            let ahead = if n % 2 == 0 { 170 * year } else { 0 };
            let id = JobId::new(NOW + ahead, random());
            phone.push(&store, vec![walk_up(&phone, id, Vec::new())]).await;
        }
        let plate = Some("ABC-1234".into());
        let alike = Likeness { plate, at: NOW, ..Likeness::default() };
        let found = store.sql().unwrap().duplicates(mine, &alike, NOW).await.unwrap();
        assert_eq!(found[0].0.summary.id, call.job().unwrap());
        assert!(found.iter().all(|(row, _)| row.summary.created < NOW + year));
        store.close().await;
    });
}

/// A job's numbering at the branch of none.
async fn numbering(store: &Store, tenant: TenantId) -> Numbering {
    let mut connection = store.readers().acquire().await.unwrap();
    Numbering::of(&mut connection, tenant, None, job(), NOW).await.unwrap()
}

#[test]
fn numbers_that_are_taken_are_passed_over_once() {
    on_each_database(async |place| {
        let (mine, any) = (tenant(), place.open().await);
        let store = any.sql().unwrap();
        let take = async |number: String| {
            let numbering = numbering(store, mine).await;
            let taken = store.write::<_, StoreError, _>(move |tx| {
                Box::pin(async move { numbering.take(tx, &number).await })
            });
            taken.await.unwrap()
        };
        let next = async || {
            let numbering = numbering(store, mine).await;
            let given = store.write::<_, StoreError, _>(move |tx| {
                Box::pin(async move { numbering.next(tx).await })
            });
            given.await.unwrap()
        };
        let day = next().await.trim_end_matches("-001").to_owned();
        for count in 2..=300 {
            assert_eq!(take(format!("{day}-{count:03}")).await, Taken::Now);
        }
        assert_eq!(take(format!("{day}-002")).await, Taken::ByAnother(format!("{day}-301")));
        let last = "SELECT last FROM job_numbers";
        let last = sqlx::query(last).fetch_one(store.readers()).await.unwrap().get::<i64, _>(0);
        assert_eq!(last, 300, "the next one begins where this one came to");
        assert_eq!(take(format!("{day}-007")).await, Taken::ByAnother(format!("{day}-301")));
        assert_eq!(next().await, format!("{day}-301"));
        any.close().await;
    });
}
