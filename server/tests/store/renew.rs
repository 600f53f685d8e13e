//! A database that came back from a copy lets nobody in by what was ended since, gives no number twice,
//! and copies disturb no file of others.

use sqlx::Row as _;
use store::backup::{BackupError, backup};
use store::rows::numbers::Numbering;
use store::{Renewal, Renewed, Store, StoreError};
use sync_core::id::{JobId, TenantId};

use crate::people::{Phone, random, tenant};
use crate::place::{on_each_database, on_each_store};

/// 23 November 2026, 00:00 UTC.
const NOW: i64 = 1_795_392_000_000;
const DAY: i64 = 24 * 3600 * 1000;

async fn number(store: &Store, tenant: TenantId, now: i64) -> String {
    let job = JobId::new(NOW, random());
    let mut connection = store.readers().acquire().await.unwrap();
    let numbering = Numbering::of(&mut connection, tenant, None, job, now).await.unwrap();
    drop(connection);
    let next = store.write::<String, StoreError, _>(move |tx| {
        Box::pin(async move { numbering.next(tx).await })
    });
    next.await.unwrap()
}

async fn count(store: &Store, what: &'static str) -> i64 {
    let sql = sqlx::AssertSqlSafe(format!("SELECT COUNT(*) FROM {what}"));
    sqlx::query(sql).fetch_one(store.readers()).await.unwrap().get(0)
}

#[test]
fn numbers_after_a_restore_are_none_that_the_lost_server_may_have_given() {
    on_each_database(async |place| {
        let (tenant, store) = (tenant(), place.open_sql().await);
        assert_eq!(number(&store, tenant, NOW).await, "261123-001");
        store.renew(Renewal::at(NOW + 3600)).await.unwrap();
        assert_eq!(number(&store, tenant, NOW + 7200).await, "261123-A002");
        store.renew(Renewal::at(NOW + 7200)).await.unwrap();
        assert_eq!(
            number(&store, tenant, NOW + 7200).await,
            "261123-B003",
            "restored twice that day"
        );
        assert_eq!(number(&store, tenant, NOW + DAY).await, "261124-001");
        store.renew(Renewal::at(NOW + 9 * DAY)).await.unwrap();
        assert_eq!(number(&store, tenant, NOW + 9 * DAY).await, "261202-A001");
        store.close().await;
    });
}

#[test]
fn a_renewed_database_has_a_new_epoch_no_session_code_or_link_and_phones_that_wait() {
    on_each_store(async |place| {
        if place.memory().is_some() {
            return;
        }
        let any = place.open().await;
        Phone::new(tenant()).enrol(&any).await;
        let store = any.sql().unwrap();
        let rows = store.write::<_, StoreError, _>(|tx| {
            Box::pin(async move {
                for sql in [
                    "INSERT INTO sessions (token_hash, tenant, user_id, created_at, expires_at) \
                     VALUES ($1, $1, $1, 0, 9)",
                    "INSERT INTO enrolment_codes (code_hash, tenant, user_id, created_by, \
                     created_at, expires_at) VALUES ($1, $1, $1, $1, 0, 9)",
                    "INSERT INTO password_links (tenant, user_id, secret_hash, kind, created_at, \
                     expires_at) VALUES ($1, $1, $1, 'invite', 0, 9)",
                ] {
                    sqlx::query(sql).bind(vec![7_u8; 16]).execute(&mut *tx).await?;
                }
                let token = "INSERT INTO api_tokens (tenant, id, name, secret_hash, scopes, \
                             created_at, ends_at) VALUES ($1, $1, 'DMS', $1, 'jobs:read', 0, $2)";
                sqlx::query(token).bind(vec![7_u8; 16]).bind(2 * NOW).execute(&mut *tx).await?;
                Ok(())
            })
        });
        rows.await.unwrap();
        let epoch = store.epoch();
        let renewed = store
            .renew(Renewal { now: NOW, hold_phones: true, revoke_tokens: true })
            .await
            .unwrap();
        assert_eq!(renewed, Renewed { sessions: 1, codes: 1, links: 1, tokens: 1, held: 1 });
        for table in ["sessions", "enrolment_codes", "password_links"] {
            assert_eq!(count(store, table).await, 0, "{table}");
        }
        assert_eq!(
            count(store, "api_tokens WHERE revoked_at IS NULL OR ends_at > 1795392000000").await,
            0
        );
        assert_eq!(count(store, "devices WHERE held_at IS NOT NULL").await, 1);
        let again = store.renew(Renewal { revoke_tokens: true, ..Renewal::at(NOW) }).await.unwrap();
        assert_eq!(again, Renewed::default());
        any.close().await;
        let store = place.open_sql().await;
        assert_ne!(store.epoch(), epoch);
        store.close().await;
    });
}

#[test]
fn a_backup_leaves_the_files_of_others_alone() {
    on_each_database(async |place| {
        if !place.is_sqlite() {
            return;
        }
        let store = place.open_sql().await;
        let folder = std::env::temp_dir().join(format!("{}.copies", store.epoch()));
        std::fs::create_dir_all(&folder).unwrap();
        let (to, part) = (folder.join("x.db"), folder.join("x.part"));
        std::fs::write(&part, "someone's").unwrap();
        // Two at once, of which one comes first.
        let (one, two) = tokio::join!(backup(&store, &to), backup(&store, &to));
        let refused = [one, two].into_iter().filter_map(Result::err).collect::<Vec<_>>();
        assert!(matches!(refused[..], [BackupError::Exists(_)]), "{refused:?}");
        assert_eq!(std::fs::read(&part).unwrap(), b"someone's");
        let left = std::fs::read_dir(&folder).unwrap().count();
        assert_eq!(left, 2, "the copy and the file that was there");
        store.close().await;
        std::fs::remove_dir_all(folder).unwrap();
    });
}
