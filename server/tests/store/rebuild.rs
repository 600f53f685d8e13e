//! The store's promise that whatever is computed can be made again, that looking changes nothing, and
//! that the log is copied whatever was computed from it.

use crate::people::{Desk, Phone, note, tenant};
use crate::place::{Place, on_each_database};
use crate::verify::busy_day;
use sqlx::AssertSqlSafe;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use store::backup::{BackupError, backup, backup_inspected, restore};
use store::verify::{inspect, rebuild, verify};
use store::{Inspected, JobFilter, Renewal, Store};

const TABLES: [&str; 8] =
    ["documents", "snapshots", "scope", "jobs", "job_facts", "job_parts", "seals", "movements"];

async fn execute(place: &Place, sql: &str) {
    let mut connection = place.connect().await;
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
}

/// A fresh folder for copies.
fn folder(store: &Store, what: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("{}.{what}", store.epoch()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

#[test]
fn a_rebuild_makes_every_row_again_while_others_write() {
    on_each_database(async |place| {
        let any = place.open().await;
        busy_day(&any).await;
        let store = any.sql().unwrap();
        for table in TABLES {
            execute(place, &format!("DELETE FROM {table}")).await;
        }
        let (desk, phone) = (Desk::new(tenant()), Phone::new(tenant()));
        let busy = async {
            let doc = desk.job(&any, phone.user).await;
            for _ in 0..10 {
                desk.write(&any, doc, vec![note("meanwhile")]).await;
            }
        };
        let (rebuilt, ()) = tokio::join!(rebuild(store, None, |_| {}), busy);
        let rebuilt = rebuilt.unwrap();
        assert!(rebuilt.mended >= 50, "{rebuilt:?}");
        let report = verify(store).await.unwrap();
        assert!(report.is_clean() && report.snapshots >= 2, "{report}");
        // Rows that were changed, and rows of documents nobody ever wrote.
        for damage in [
            "UPDATE jobs SET state = 'closed', created_at = 1, plate = NULL",
            "UPDATE snapshots SET upto = upto - 5",
            "UPDATE scope SET current = 1 - current",
            "UPDATE job_facts SET kind = kind || 'x'",
            "UPDATE job_parts SET job = fact",
            "UPDATE movements SET van = fact",
            "UPDATE seals SET name = 'someone'",
            "UPDATE documents SET fingerprint = 1",
            "UPDATE scope_digests SET low = low + 1",
        ] {
            execute(place, damage).await;
        }
        let stale = verify(store).await.unwrap();
        assert!(stale.is_sound() && stale.stale() >= 20, "{stale}");
        rebuild(store, None, |_| {}).await.unwrap();
        let report = verify(store).await.unwrap();
        assert!(report.is_clean(), "{report}");
        let again = rebuild(store, None, |_| {}).await.unwrap();
        assert_eq!((again.mended, again.damaged), (0, 0));
        store.close().await;
    });
}

#[test]
fn a_document_whose_log_is_damaged_keeps_its_rows_in_a_rebuild() {
    on_each_database(async |place| {
        let any = place.open().await;
        busy_day(&any).await;
        let store = any.sql().unwrap();
        execute(place, "UPDATE runs SET payload = last_hash WHERE pos = 3").await;
        let count = "SELECT COUNT(*) FROM jobs";
        let before: i64 = sqlx::query_scalar(count).fetch_one(store.readers()).await.unwrap();
        let rebuilt = rebuild(store, None, |_| {}).await.unwrap();
        let after: i64 = sqlx::query_scalar(count).fetch_one(store.readers()).await.unwrap();
        assert!(rebuilt.damaged > 0 && before == after, "{rebuilt:?}");
        let report = verify(store).await.unwrap();
        assert!(!report.is_sound(), "{report}");
        store.close().await;
    });
}

#[test]
fn what_another_version_computed_is_rebuilt_when_the_store_opens() {
    on_each_database(async |place| {
        let any = place.open().await;
        let (desk, phone) = (Desk::new(tenant()), Phone::new(tenant()));
        desk.job(&any, phone.user).await;
        any.close().await;
        execute(place, "DELETE FROM jobs").await;
        execute(place, "DELETE FROM meta WHERE key = 'fold_version'").await;
        let looked = Inspected::open(&place.url).await.unwrap();
        let report = inspect(&looked).await.unwrap();
        assert!(report.is_clean() && report.skipped.is_some(), "no version is red: {report}");
        looked.close().await;
        let store = place.open_sql().await;
        let jobs = store.jobs(desk.tenant, &JobFilter::default(), 0, 10).await.unwrap();
        assert_eq!(jobs.rows.len(), 1);
        assert!(verify(&store).await.unwrap().is_clean());
        store.close().await;
        let looked = Inspected::open(&place.url).await.unwrap();
        assert_eq!(looked.outdated(), None);
        looked.close().await;
    });
}

/// Makes the database one of the version before.
async fn age(place: &Place) {
    let id = if place.is_sqlite() { "BLOB" } else { "BYTEA" };
    let old = format!(
        "DELETE FROM schema_migrations WHERE version >= 6; \
         DELETE FROM meta WHERE key = 'fold_version'; DROP TABLE movements; \
         CREATE TABLE movements (tenant {id} NOT NULL, van {id} NOT NULL, fact {id} NOT NULL, \
         section TEXT NOT NULL, kind TEXT, part_no TEXT NOT NULL, quantity BIGINT NOT NULL, \
         bin TEXT, job {id}, at BIGINT NOT NULL, voided BIGINT NOT NULL, \
         PRIMARY KEY (tenant, van, fact)); \
         DROP INDEX jobs_by_time; ALTER TABLE jobs DROP COLUMN lat; ALTER TABLE jobs DROP COLUMN lon; \
         ALTER TABLE parts RENAME COLUMN tax_millipercent TO tax_rate; \
         UPDATE parts SET tax_rate = tax_rate / 10; ALTER TABLE tenants DROP COLUMN currency; \
         ALTER TABLE tenants DROP COLUMN tax_mode; ALTER TABLE tenants DROP COLUMN version; \
         DROP TABLE numbers_taken; DROP INDEX jobs_unnumbered; DROP INDEX jobs_by_first; \
         DROP INDEX jobs_by_state; DROP INDEX jobs_by_branch; DROP INDEX jobs_by_technician; \
         DROP INDEX jobs_waiting; ALTER TABLE jobs DROP COLUMN first_pos; \
         ALTER TABLE jobs DROP COLUMN unnumbered; \
         CREATE INDEX jobs_by_state ON jobs (tenant, state, job); \
         CREATE INDEX jobs_by_branch ON jobs (tenant, branch, job); \
         CREATE INDEX jobs_by_technician ON jobs (tenant, technician, job) \
         WHERE technician IS NOT NULL; \
         CREATE INDEX jobs_waiting ON jobs (tenant, job) WHERE waiting > 0;"
    );
    let triggers = ["document_in", "document_change", "document_out"]
        .into_iter()
        .chain(["scope_in", "scope_change", "scope_out"])
        .map(|name| format!("digest_{name}"))
        .chain(["usage_position_in", "usage_position_out"].map(str::to_owned));
    let dropped: String = triggers
        .map(|name| match place.is_sqlite() {
            true => format!("DROP TRIGGER {name}; "),
            false => format!("DROP FUNCTION {name}() CASCADE; "),
        })
        .collect();
    let clocks = "DROP TABLE time_mark; ALTER TABLE counters DROP COLUMN at; \
                  DROP INDEX jobs_by_position; DROP INDEX handed_in_age; \
                  CREATE INDEX handed_in_age ON handed_in (received_at) WHERE state <> 'accepted'; \
                  ALTER TABLE devices DROP COLUMN held_at; \
                  ALTER TABLE handed_in DROP COLUMN verdicts; \
                  ALTER TABLE handed_in DROP COLUMN refused; \
                  ALTER TABLE handed_in DROP COLUMN refused_count; ";
    let costs = "DROP TABLE scope_digests; DROP INDEX documents_by_position; \
                 DROP INDEX scope_by_position; DELETE FROM usage WHERE kind = 'positions'; \
                 ALTER TABLE job_parts DROP COLUMN by_user; \
                 ALTER TABLE branches DROP COLUMN region; \
                 DROP TABLE api_tokens; DROP TABLE password_links; \
                 DROP TABLE walk_ups; DROP INDEX positions_fixed; \
                 ALTER TABLE positions DROP COLUMN fixed_at; \
                 DROP INDEX idempotency_kept; ALTER TABLE idempotency DROP COLUMN done; \
                 ALTER TABLE idempotency DROP COLUMN bytes; \
                 CREATE INDEX positions_received ON positions (tenant, user_id, received_at, at); ";
    let flood = "DROP INDEX documents_vans; ALTER TABLE documents DROP COLUMN further; \
                 DROP TABLE storage_shares; DELETE FROM usage WHERE kind = 'projections'; \
                 DROP INDEX users_recall; ALTER TABLE users DROP COLUMN recall; \
                 DROP INDEX job_parts_of_van; \
                 CREATE INDEX job_parts_of_van ON job_parts (tenant, van) WHERE van IS NOT NULL; \
                 DROP INDEX jobs_by_plate; DROP INDEX jobs_by_vin; DROP INDEX jobs_by_phone; \
                 CREATE INDEX jobs_by_plate ON jobs (tenant, plate, job) WHERE plate IS NOT NULL; \
                 CREATE INDEX jobs_by_vin ON jobs (tenant, vin, job) WHERE vin IS NOT NULL; \
                 CREATE INDEX jobs_by_phone ON jobs (tenant, phone, job) WHERE phone IS NOT NULL; ";
    execute(place, &format!("{clocks}{flood}{dropped}{costs}{old}")).await;
}

#[test]
fn looking_at_an_older_database_changes_nothing_and_it_is_copied_all_the_same() {
    on_each_database(async |place| {
        let any = place.open().await;
        busy_day(&any).await;
        let folder = folder(any.sql().unwrap(), "older");
        any.close().await;
        age(place).await;
        let looked = Inspected::open(&place.url).await.unwrap();
        assert_eq!(looked.current().unwrap_err().code(), "schema_older");
        let report = inspect(&looked).await.unwrap();
        assert!(report.is_clean() && report.skipped.is_some() && report.runs > 50, "{report}");
        let versions = "SELECT CAST(MAX(version) AS BIGINT) FROM schema_migrations";
        let version: i64 =
            sqlx::query_scalar(versions).fetch_one(&mut place.connect().await).await.unwrap();
        assert!(version < 6, "it was migrated");
        if place.is_sqlite() {
            let file = place.url.trim_start_matches("sqlite://");
            let before = std::fs::read(file).unwrap();
            let copy = folder.join("copy.db");
            let copied = backup_inspected(&looked, &copy).await.unwrap();
            assert!(copied.is_sound() && copied.runs == report.runs, "{copied}");
            assert!(before == std::fs::read(file).unwrap(), "the database was written to");
            let copied = Inspected::open(&format!("sqlite://{}", copy.display())).await.unwrap();
            assert!(copied.current().is_err(), "the copy is of the same version");
            copied.close().await;
            let url = format!("sqlite://{}/again/towline.db", folder.display());
            let (restored, _) = restore(&copy, &url, Renewal::at(0)).await.unwrap();
            assert!(restored.is_clean() && restored.skipped.is_none(), "{restored}");
        }
        looked.close().await;
        // And the server brings it up to date.
        let store = place.open_sql().await;
        let report = verify(&store).await.unwrap();
        assert!(report.is_clean(), "{report}");
        store.close().await;
        std::fs::remove_dir_all(folder).unwrap();
    });
}

#[test]
fn a_backup_is_made_of_a_log_that_is_whole_and_of_no_other() {
    on_each_database(async |place| {
        if !place.is_sqlite() {
            return;
        }
        let any = place.open().await;
        busy_day(&any).await;
        let store = any.sql().unwrap();
        let folder = folder(store, "stale");
        execute(place, "DELETE FROM jobs; UPDATE job_parts SET currency = 'XXX'").await;
        let copy = folder.join("copy.db");
        let report = backup(store, &copy).await.unwrap();
        assert!(report.is_sound() && report.stale() > 0, "{report}");
        let url = format!("sqlite://{}/again/towline.db", folder.display());
        let (restored, _) = restore(&copy, &url, Renewal::at(0)).await.unwrap();
        assert!(restored.is_clean(), "a restore mends what is computed: {restored}");
        execute(place, "DELETE FROM runs WHERE pos = 3").await;
        let refused = backup(store, &folder.join("damaged.db")).await.unwrap_err();
        assert!(matches!(refused, BackupError::Unsound(_)), "{refused}");
        assert!(!folder.join("damaged.db").exists());
        store.close().await;
        std::fs::remove_dir_all(folder).unwrap();
    });
}

#[test]
fn a_restore_names_a_file_that_is_no_database_and_a_server_that_runs() {
    on_each_database(async |place| {
        if !place.is_sqlite() {
            return;
        }
        let any = place.open().await;
        busy_day(&any).await;
        let store = any.sql().unwrap();
        let folder = folder(store, "running");
        let copy = folder.join("copy.db");
        backup(store, &copy).await.unwrap();
        let url = format!("sqlite://{}/again/towline.db", folder.display());
        for garbage in [&b""[..], b"not a database", &[0x5a; 8192]] {
            let file = folder.join("garbage");
            std::fs::write(&file, garbage).unwrap();
            let refused = restore(&file, &url, Renewal::at(0)).await.unwrap_err();
            assert!(refused.to_string().contains("is no SQLite database"), "{refused}");
        }
        let refused = restore(&copy, &place.url, Renewal::at(0)).await.unwrap_err();
        assert!(refused.to_string().contains("stop the server"), "{refused}");
        // Also when the file alone was moved away under a server that goes on.
        let file = PathBuf::from(place.url.trim_start_matches("sqlite://"));
        std::fs::rename(&file, folder.join("moved.db")).unwrap();
        let refused = restore(&copy, &place.url, Renewal::at(0)).await.unwrap_err();
        assert!(matches!(refused, BackupError::InUse(_)), "{refused}");
        std::fs::rename(folder.join("moved.db"), &file).unwrap();
        store.close().await;
        std::fs::remove_dir_all(folder).unwrap();
    });
}

#[test]
fn a_migration_has_the_time_it_needs_and_waits_for_tables_that_are_in_use() {
    on_each_database(async |place| {
        if place.is_sqlite() {
            return;
        }
        place.open_sql().await.close().await;
        age(place).await;
        // The database itself says whether a step could be cut off.
        execute(
            place,
            "CREATE FUNCTION is_patient() RETURNS event_trigger AS $$ BEGIN \
             IF current_setting('statement_timeout') <> '0' THEN RAISE 'in a hurry'; END IF; \
             END $$ LANGUAGE plpgsql; \
             CREATE EVENT TRIGGER patience ON ddl_command_start EXECUTE FUNCTION is_patient();",
        )
        .await;
        let mut other = place.connect().await;
        sqlx::raw_sql("BEGIN; LOCK TABLE jobs IN ACCESS SHARE MODE")
            .execute(&mut other)
            .await
            .unwrap();
        let over = AtomicBool::new(false);
        let waiting = async {
            let opened = place.try_open().await;
            over.store(true, Ordering::SeqCst);
            opened
        };
        let letting_go = async {
            // The old version's transaction ends once the migration was in its way and gave up.
            let waits = "SELECT COUNT(*) FROM pg_locks JOIN pg_class ON pg_class.oid = relation \
                         WHERE relname = 'jobs' AND NOT granted";
            let mut looking = place.connect().await;
            for waiting in [1, 0] {
                let mut now = -1;
                while now != waiting && !over.load(Ordering::SeqCst) {
                    now = sqlx::query_scalar(waits).fetch_one(&mut looking).await.unwrap();
                }
            }
            sqlx::raw_sql("COMMIT").execute(&mut other).await.unwrap();
        };
        let (opened, ()) = tokio::join!(waiting, letting_go);
        let store = opened.unwrap();
        assert!(verify(&store).await.unwrap().is_clean());
        store.close().await;
    });
}
