//! The store's promise that whatever is computed can be made again, that looking changes nothing, and
//! that the log is copied whatever was computed from it.

use crate::people::{Desk, NOW, Phone, note, tenant};
use crate::place::{Place, on_each_database};
use crate::verify::busy_day;
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use store::backup::{BackupError, backup, backup_inspected, restore};
use store::migrate::migrations;
use store::verify::{inspect, rebuild, verify};
use store::{Inspected, JobFilter, Renewal, Store};
use sync_core::id::{JobId, TenantId};
use sync_core::schema::DocId;

const TABLES: [&str; 8] =
    ["documents", "snapshots", "scope", "jobs", "job_facts", "job_parts", "seals", "movements"];

async fn execute(place: &Place, sql: &str) {
    run(&mut place.connect().await, sql.to_owned()).await;
}

async fn run(connection: &mut AnyConnection, sql: String) {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await.unwrap();
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

/// Runs of a document with columns that are not theirs: more than a report lists one by one.
async fn more_differences_than_a_report_lists(place: &Place, tenant: TenantId, doc: DocId) {
    let tenant = blob(place, tenant.as_bytes());
    let mut key = vec![doc.kind.code()];
    key.extend_from_slice(doc.as_bytes());
    let doc = blob(place, &key);
    let copies = format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1001) \
         INSERT INTO runs (tenant, pos, doc, actor, first_seq, last_seq, last_hash, author_user, \
         author_device, received_at, payload) SELECT tenant, i - 2000, doc, actor, first_seq, \
         last_seq + 1, last_hash, author_user, author_device, received_at, payload \
         FROM n, runs WHERE tenant = {tenant} AND pos = \
         (SELECT MIN(pos) FROM runs WHERE tenant = {tenant} AND doc = {doc} AND pos > 0)"
    );
    execute(place, &copies).await;
}

fn blob(place: &Place, bytes: &[u8]) -> String {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    if place.is_sqlite() { format!("x'{digits}'") } else { format!("'\\x{digits}'::bytea") }
}

#[test]
fn a_document_keeps_its_rows_however_much_else_is_damaged() {
    on_each_database(async |place| {
        let any = place.open().await;
        let (desk, phone) = (Desk::new(tenant()), Phone::new(tenant()));
        // Both are compared in one batch, this one first.
        let noisy = DocId::from(JobId::new(NOW, [0; 10]));
        desk.write(&any, noisy, vec![note("one")]).await;
        let damaged = desk.job(&any, phone.user).await;
        desk.write(&any, damaged, vec![note("the last")]).await;
        let store = any.sql().unwrap();
        more_differences_than_a_report_lists(place, desk.tenant, noisy).await;
        let last = "UPDATE runs SET payload = last_hash WHERE pos = (SELECT MAX(pos) FROM runs)";
        execute(place, last).await;
        let notes = format!(
            "SELECT COUNT(*) FROM job_facts WHERE section = 'notes' AND job = {}",
            blob(place, damaged.as_bytes())
        );
        let count = async || -> i64 {
            let sql = sqlx::query_scalar(AssertSqlSafe(notes.clone()));
            sql.fetch_one(store.readers()).await.unwrap()
        };
        assert_eq!(count().await, 1);
        let rebuilt = rebuild(store, None, |_| {}).await.unwrap();
        assert_eq!((rebuilt.documents, rebuilt.damaged), (2, 1), "{rebuilt:?}");
        assert_eq!(count().await, 1, "it was rebuilt as if it ended before its last change");
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

/// The newest schema version of the first release.
const RELEASED: i64 = 3;

/// Makes the database one of the first release: its schema, with the rows that its columns can hold.
async fn age(place: &Place) {
    let file = place.url.trim_start_matches("sqlite://");
    let newer = format!("{file}.newer");
    if place.is_sqlite() {
        std::fs::rename(file, &newer).unwrap();
        std::fs::File::create(file).unwrap();
    }
    let (aside, columns, done) = if place.is_sqlite() {
        (
            format!("PRAGMA journal_mode = WAL; ATTACH '{newer}' AS newer;"),
            "SELECT old.name, GROUP_CONCAT(its.name, ', ') FROM main.sqlite_master AS old \
             JOIN pragma_table_info(old.name, 'main') AS its WHERE old.type = 'table' AND its.name \
             IN (SELECT name FROM pragma_table_info(old.name, 'newer')) GROUP BY old.name",
            "DETACH newer",
        )
    } else {
        (
            "ALTER SCHEMA public RENAME TO newer; CREATE SCHEMA public;".to_owned(),
            "SELECT CAST(table_name AS TEXT), STRING_AGG(CAST(column_name AS TEXT), ', ') \
             FROM information_schema.columns AS old WHERE table_schema = 'public' AND EXISTS \
             (SELECT 1 FROM information_schema.columns AS its WHERE its.table_schema = 'newer' \
             AND its.table_name = old.table_name AND its.column_name = old.column_name) \
             GROUP BY table_name",
            "DROP SCHEMA newer CASCADE",
        )
    };
    let released = migrations(place.backend).iter().filter(|it| it.version <= RELEASED);
    let schema: String = released.map(|it| it.sql).collect();
    let mut connection = place.connect().await;
    run(&mut connection, format!("{aside}{schema}")).await;
    let names = "ALTER TABLE newer.actor_owners RENAME TO leases; \
                 ALTER TABLE newer.submissions RENAME TO handed_in;";
    run(&mut connection, names.to_owned()).await;
    let tables = sqlx::query_as(columns).fetch_all(&mut connection).await;
    let tables: Vec<(String, String)> = tables.unwrap();
    assert!(tables.iter().any(|(table, _)| table == "runs"), "{tables:?}");
    for (table, columns) in tables {
        let copy = format!("INSERT INTO {table} ({columns}) SELECT {columns} FROM newer.{table}");
        run(&mut connection, copy).await;
    }
    let versions = format!(
        "CREATE TABLE schema_migrations AS SELECT * FROM newer.schema_migrations \
         WHERE version <= {RELEASED}; DELETE FROM meta WHERE key LIKE 'fold_version%';"
    );
    run(&mut connection, versions).await;
    run(&mut connection, done.to_owned()).await;
    connection.close().await.unwrap();
    if place.is_sqlite() {
        std::fs::remove_file(newer).unwrap();
    }
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
        assert_eq!(version, RELEASED, "it was migrated");
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
