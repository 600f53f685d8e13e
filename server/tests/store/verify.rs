//! The store's promise that everything computed can be computed again from the log.

use std::pin::pin;

use crate::any::Any;
use crate::people;
use crate::people::{Desk, Phone, assign, fact, note, step, tenant, van};
use crate::place::{Place, on_each_database, on_each_store};
use sqlx::Connection as _;
use store::backup::{BackupError, backup, restore};
use store::verify::{Problem, verify};
use store::{Renewal, Store, StoreError};
use sync_core::schema::{DocId, key, section};
use sync_core::value::Value;

#[test]
fn projections_scope_and_snapshots_equal_what_the_log_gives() {
    on_each_store(async |place| {
        let store = place.open().await;
        busy_day(&store).await;
        let report = store.verify().await;
        assert!(report.is_clean(), "{report}");
        assert_eq!(report.tenants, 2);
        assert!(report.documents >= 8 && report.snapshots >= 2 && report.rows >= 50, "{report}");
        assert!(place.memory().is_some() || report.signatures >= 80, "{report}");
        store.close().await;
        // A restart between two changes makes no difference.
        let store = place.open().await;
        busy_day(&store).await;
        let report = store.verify().await;
        assert!(report.is_clean(), "{report}");
        store.close().await;
    });
}

#[test]
fn every_kind_of_damage_is_found_and_named() {
    // What is computed can be damaged all at once; damage to the log hides what comes after it.
    let computed = [
        ("UPDATE jobs SET state = 'closed'", Problem::Different, "jobs: state"),
        ("UPDATE documents SET fingerprint = 1", Problem::Different, "documents: fingerprint"),
        ("DELETE FROM job_facts WHERE section = 'notes'", Problem::Missing, "job_facts"),
        ("UPDATE job_parts SET quantity = 1", Problem::Different, "job_parts: quantity"),
        ("UPDATE scope SET current = 1 - current", Problem::Different, "scope: current"),
        ("DELETE FROM movements", Problem::Missing, "movements"),
        ("UPDATE scope_digests SET high = high + 1", Problem::Different, "scope_digests"),
        ("UPDATE snapshots SET upto = upto - 5", Problem::Snapshot, "snapshot"),
        ("UPDATE runs SET last_seq = last_seq + 1", Problem::Columns, "position"),
        ("UPDATE counters SET pos = 1", Problem::Position, "counter"),
        (
            "UPDATE pushes SET signature = (SELECT other.signature FROM pushes AS other WHERE \
             other.tenant = pushes.tenant AND other.device = pushes.device ORDER BY pos LIMIT 1)",
            Problem::Signature,
            "its phone did not sign this",
        ),
    ];
    found_after(&computed);
    // What a phone signed at another time, as what it signed then.
    let message = "UPDATE pushes SET message = (SELECT other.message FROM pushes AS other WHERE \
                   other.tenant = pushes.tenant AND other.device = pushes.device \
                   ORDER BY pos LIMIT 1)";
    found_after(&[
        ("DELETE FROM runs WHERE pos = 3", Problem::Chain, "missing_dependencies"),
        (message, Problem::Signature, "its phone did not sign this"),
    ]);
    let garbage = "UPDATE runs SET payload = last_hash WHERE pos = 3";
    let short = "UPDATE pushes SET signature = device WHERE pos < 20";
    let other = "UPDATE pushes SET message = signature WHERE pos > 20";
    found_after(&[
        (garbage, Problem::Payload, "run at 3"),
        (short, Problem::Signature, "its phone did not sign this"),
        (other, Problem::Signature, "what was signed is not of its phone"),
    ]);
    found_after(&[("DELETE FROM devices", Problem::Signature, "nobody has the key of its phone")]);
}

fn found_after(damages: &[(&'static str, Problem, &str)]) {
    on_each_database(async |place| {
        let any = place.open().await;
        busy_day(&any).await;
        let store = any.sql().unwrap();
        for (damage, ..) in damages {
            let damage = *damage;
            let done = store.write::<_, StoreError, _>(move |tx| {
                Box::pin(async move {
                    sqlx::query(damage).execute(tx).await?;
                    Ok(())
                })
            });
            done.await.unwrap();
        }
        let report = verify(store).await.unwrap();
        for (damage, problem, detail) in damages {
            let mut named = report.differences.iter();
            let found = named.any(|d| d.problem == *problem && d.detail.contains(detail));
            assert!(found, "{damage}: {report}");
        }
        store.close().await;
    });
}

#[test]
fn a_backup_is_whole_and_a_restored_store_has_a_new_epoch() {
    on_each_database(async |place| {
        let any = place.open().await;
        busy_day(&any).await;
        let store = any.sql().unwrap();
        let folder = std::env::temp_dir().join(format!("{}.backup", store.epoch()));
        let copy = folder.join("copy.db");
        if !place.is_sqlite() {
            let refused = backup(store, &copy).await.unwrap_err();
            assert!(matches!(refused, BackupError::NotSqlite));
            store.renew(Renewal::at(0)).await.unwrap();
            let again = place.open_sql().await;
            assert_ne!(again.epoch(), store.epoch());
            again.close().await;
            store.close().await;
            return;
        }
        std::fs::create_dir_all(&folder).unwrap();
        let report = backup(store, &copy).await.unwrap();
        assert!(report.is_clean() && report.documents == 8, "{report}");
        let twice = backup(store, &copy).await.unwrap_err();
        assert!(matches!(twice, BackupError::Exists(_)));
        let over = restore(&copy, &place.url, Renewal::at(0)).await.unwrap_err();
        assert!(matches!(over, BackupError::InUse(_)), "a store in use is not overwritten");
        let url = format!("sqlite://{}/again/towline.db", folder.display());
        restore(&copy, &url, Renewal::at(0)).await.unwrap();
        let restored = Store::open(&url).await.unwrap();
        assert_ne!(restored.epoch(), store.epoch());
        assert_eq!(verify(&restored).await.unwrap().runs, report.runs);
        let left: Vec<_> = std::fs::read_dir(&folder).unwrap().collect();
        assert_eq!(left.len(), 2, "the copy, the restored store, and nothing half made");
        restored.close().await;
        store.close().await;
        std::fs::remove_dir_all(folder).unwrap();
    });
}

#[test]
fn a_backup_whose_pages_do_not_fit_together_is_not_restored() {
    on_each_database(async |place| {
        if !place.is_sqlite() {
            return;
        }
        let store = place.open().await;
        busy_day(&store).await;
        let folder = std::env::temp_dir().join(format!("{}.damaged", store.sql().unwrap().epoch()));
        std::fs::create_dir_all(&folder).unwrap();
        let copy = folder.join("copy.db");
        backup(store.sql().unwrap(), &copy).await.unwrap();
        store.close().await;
        let whole = std::fs::read(&copy).unwrap();
        let url = format!("sqlite://{}/again/towline.db", folder.display());
        // A page anywhere: also of an index, which no row of the log is read from.
        for page in (1..whole.len() / 4096).step_by(7) {
            let mut damaged = whole.clone();
            damaged[page * 4096..(page + 1) * 4096].fill(0x5a);
            std::fs::write(&copy, damaged).unwrap();
            let refused = restore(&copy, &url, Renewal::at(0)).await;
            assert!(refused.is_err(), "page {page} is garbage, and it was restored");
            let left = std::fs::read_dir(folder.join("again")).unwrap().count();
            assert_eq!(left, 0, "something half made is left");
        }
        std::fs::remove_dir_all(folder).unwrap();
    });
}

#[test]
fn a_verification_may_think_and_wait_for_longer_than_a_request() {
    on_each_database(async |place| {
        if place.is_sqlite() {
            return;
        }
        let store = place.open().await;
        busy_day(&store).await;
        let sql = store.sql().unwrap();
        // No request could think on these connections, or wait for a table.
        hurry(sql, "SET idle_in_transaction_session_timeout = '1ms'").await;
        assert!(verify(sql).await.unwrap().is_clean());
        hurry(sql, "SET idle_in_transaction_session_timeout = '15s'").await;
        hurry(sql, "SET statement_timeout = '300ms'").await;
        let mut other = place.connect().await;
        let mut held = other.begin().await.unwrap();
        sqlx::raw_sql("LOCK TABLE seals").execute(&mut *held).await.unwrap();
        let mut verified = pin!(verify(sql));
        tokio::select! {
            report = &mut verified => panic!("it did not wait: {report:?}"),
            () = waits(place, 700) => {}
        }
        held.rollback().await.unwrap();
        assert!(verified.await.unwrap().is_clean());
        store.close().await;
    });
}

/// Changes a setting of every connection that a verification could get: of all there may be, since
/// a connection comes back to the pool only a moment after it was given up.
async fn hurry(store: &Store, setting: &'static str) {
    let mut connections = Vec::new();
    for _ in 0..store.readers().options().get_max_connections() {
        let mut connection = store.readers().acquire().await.unwrap();
        sqlx::raw_sql(setting).execute(&mut *connection).await.unwrap();
        connections.push(connection);
    }
}

/// Returns when PostgreSQL says that a statement has waited for a table for so long.
async fn waits(place: &Place, ms: i64) {
    let mut watcher = place.connect().await;
    let waiting = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() \
                   AND wait_event_type = 'Lock' \
                   AND clock_timestamp() - query_start > $1 * interval '1 millisecond'";
    loop {
        let count: i64 =
            sqlx::query_scalar(waiting).bind(ms).fetch_one(&mut watcher).await.unwrap();
        if count > 0 {
            return;
        }
    }
}

#[test]
fn the_stock_of_a_van_counts_what_jobs_took_once() {
    on_each_store(async |place| {
        let store = place.open().await;
        let tenant = tenant();
        let (desk, phone) = (Desk::new(tenant), Phone::new(tenant));
        let van = van();
        let quantity = |thousandths: i64| {
            [(key::PART_NO, "A-1".into()), (key::QUANTITY, thousandths.into())].to_vec()
        };
        let mut load = quantity(5000);
        load.push((key::KIND, "load".into()));
        desk.gives(&store, van.into(), phone.user).await;
        let first = desk.write(&store, van.into(), vec![fact(section::MOVEMENTS, &load)]).await;
        let doc = desk.job(&store, phone.user).await;
        let mut copy = phone.copy(&store, doc).await;
        let mut used = quantity(2000);
        used.push((key::VAN, van.as_bytes().to_vec().into()));
        let run = phone.record(&mut copy, vec![fact(section::PARTS, &used)]);
        phone.push(&store, vec![run.clone()]).await;
        phone.push(&store, vec![run]).await;
        let (found, pos) = store.van(tenant, van).await.unwrap();
        assert_eq!((found.stock.quantity("A-1"), pos), (3000, first.pos));
        if let Some(sql) = store.sql() {
            let all = sql.vans(tenant, None, 10).await.unwrap();
            assert_eq!(all, [(found, pos)]);
            assert!(sql.vans(tenant, Some(van), 10).await.unwrap().is_empty());
        }
        store.close().await;
    });
}

/// Two tenants with a bit of everything.
pub async fn busy_day(store: &Any) {
    for _ in 0..2 {
        let tenant = tenant();
        let (desk, first, second) = (Desk::new(tenant), Phone::new(tenant), Phone::new(tenant));
        first.enrol(store).await;
        second.enrol(store).await;
        let stock = DocId::from(van());
        let driver = Value::Bytes(first.user.as_bytes().to_vec());
        desk.edit(store, stock, move |document| {
            vec![document.set(section::DETAILS, key::TECHNICIAN, driver)]
        })
        .await;
        let load = fact(
            section::MOVEMENTS,
            &[
                (key::KIND, "load".into()),
                (key::PART_NO, "A-1".into()),
                (key::QUANTITY, 5000.into()),
            ],
        );
        desk.write(store, stock, vec![load]).await;
        let kept = desk.job(store, first.user).await;
        let moved = desk.job(store, first.user).await;
        let mut copy = first.copy(store, moved).await;
        let mut runs = vec![first.record(&mut copy, vec![step("accepted", 1), note("on my way")])];
        desk.write(store, moved, vec![assign(second.user, 2)]).await;
        runs.push(first.record(&mut copy, vec![step("en_route", 1)]));
        first.push(store, runs).await;
        let mut copy = first.copy(store, kept).await;
        let part = fact(
            section::PARTS,
            &[
                (key::PART_NO, "A-1".into()),
                (key::QUANTITY, 2000.into()),
                (key::VAN, stock.as_bytes().to_vec().into()),
            ],
        );
        let sync_core::change::Entry::Fact { id, .. } = part else { panic!() };
        let seal = first.seal(&copy);
        let work = vec![step("accepted", 1), part, seal];
        first.push(store, vec![first.record(&mut copy, work)]).await;
        let taken_back = fact(section::PARTS, &[(key::VOIDS, id.as_bytes().to_vec().into())]);
        first.push(store, vec![first.record(&mut copy, vec![taken_back])]).await;
        for round in 0..40 {
            let run = first.record(&mut copy, vec![note(&format!("note {round}"))]);
            first.push(store, vec![run]).await;
        }
        let walk_up = DocId::from(people::job());
        let mut copy = sync_core::document::Document::new(walk_up);
        let opens = fact(
            section::STATUS,
            &[
                (key::KIND, "walk_up".into()),
                (key::PLATE, "XYZ-9876".into()),
                (key::CALLER, "林先生".into()),
            ],
        );
        let run = second.record(&mut copy, vec![opens]);
        second.push(store, vec![run]).await;
    }
}
