//! The store's promises about opening, migrating and plain writes, on every database at hand.

use crate::place::on_each_database;
use sqlx::Row;
use store::{Store, StoreError};

#[test]
fn a_store_opens_twice_and_keeps_its_epoch() {
    on_each_database(async |place| {
        let first = place.open_sql().await;
        let epoch = first.epoch();
        first.close().await;
        let again = place.open_sql().await;
        assert_eq!(again.epoch(), epoch);
        again.close().await;
    });
}

#[test]
fn a_newer_schema_is_refused_with_both_versions_named() {
    on_each_database(async |place| {
        let store = place.open_sql().await;
        store
            .write::<_, StoreError, _>(|tx| {
                Box::pin(async move {
                    let add = "INSERT INTO schema_migrations (version, name, sha256) \
                               VALUES (9999, 'from_the_future', '')";
                    sqlx::query(add).execute(tx).await?;
                    Ok(())
                })
            })
            .await
            .unwrap();
        store.close().await;
        let refused = place.try_open().await.expect_err("a newer schema");
        assert_eq!(refused.code(), "schema_newer");
        assert!(refused.to_string().contains("9999"), "{refused}");
    });
}

#[test]
fn a_server_writes_no_more_once_a_newer_version_has_taken_its_database_over() {
    let schema = "INSERT INTO schema_migrations (version, name, sha256) VALUES (9999, 'newer', '')";
    let folds = "INSERT INTO meta (key, value) VALUES ('fold_version_claimed', $1) \
                 ON CONFLICT (key) DO UPDATE SET value = excluded.value";
    for (newer, folds) in [(schema, false), (folds, true)] {
        on_each_database(async |place| {
            let store = place.open_sql().await;
            let take = sqlx::query(newer);
            let take = if folds { take.bind(vec![0_u8, 0, 255, 0]) } else { take };
            take.execute(&mut place.connect().await).await.unwrap();
            let plain = store.write::<_, StoreError, _>(|_| Box::pin(async { Ok(7) })).await;
            let error = plain.expect_err("it is the older one");
            assert_eq!((error.code(), error.is_retryable()), ("superseded", true));
            assert!(error.to_string().contains("start the newer version"), "{error}");
            store.close().await;
            assert!(place.try_open().await.is_err(), "nor does it start again");
        });
    }
}

#[test]
fn a_plain_write_that_fails_takes_back_only_itself() {
    on_each_database(async |place| {
        let store = place.open_sql().await;
        let put = |id: u8, fail: bool| {
            let store = store.clone();
            async move {
                store
                    .write::<_, StoreError, _>(move |tx| {
                        Box::pin(async move {
                            let put = "INSERT INTO tenants (id, name, created_at) \
                                       VALUES ($1, $2, $3)";
                            let put = sqlx::query(put).bind(vec![id; 16]).bind("x").bind(1_i64);
                            put.execute(tx).await?;
                            if fail { Err(StoreError::Busy) } else { Ok(id) }
                        })
                    })
                    .await
            }
        };
        let (one, two, three) = tokio::join!(put(1, false), put(2, true), put(3, false));
        assert_eq!(one.unwrap(), 1);
        assert_eq!(two.expect_err("failed").code(), "store_busy");
        assert_eq!(three.unwrap(), 3);
        let rows = sqlx::query("SELECT id FROM tenants ORDER BY id").fetch_all(store.readers());
        let rows = rows.await.unwrap();
        let ids: Vec<u8> = rows.iter().map(|row| row.get::<Vec<u8>, _>(0)[0]).collect();
        assert_eq!(ids, [1, 3]);
        store.close().await;
    });
}

#[test]
fn a_plain_write_that_panics_is_answered_and_the_writer_lives() {
    on_each_database(async |place| {
        let store = place.open_sql().await;
        let broken =
            store.write::<(), StoreError, _>(|_| Box::pin(async { panic!("a defect") })).await;
        assert_eq!(broken.expect_err("panicked").code(), "internal");
        let fine = store.write::<_, StoreError, _>(|_| Box::pin(async { Ok(7) })).await;
        assert_eq!(fine.unwrap(), 7);
        store.close().await;
    });
}

#[test]
fn readers_cannot_write() {
    on_each_database(async |place| {
        let store = place.open_sql().await;
        let put = "INSERT INTO meta (key, value) VALUES ('x', $1)";
        let put = sqlx::query(put).bind(vec![1_u8]).execute(store.readers()).await;
        assert!(put.is_err());
        store.close().await;
    });
}

#[test]
fn a_commit_is_on_the_disk_before_it_is_answered() {
    on_each_database(async |place| {
        let store = place.open_sql().await;
        let setting = store
            .write::<String, StoreError, _>(|tx| {
                Box::pin(async move {
                    if tx.backend_name() == "SQLite" {
                        let row = sqlx::query("PRAGMA synchronous").fetch_one(tx).await?;
                        return Ok(row.try_get::<i64, _>(0)?.to_string());
                    }
                    let row = sqlx::query("SELECT current_setting('synchronous_commit')");
                    Ok(row.fetch_one(tx).await?.try_get(0)?)
                })
            })
            .await
            .unwrap();
        assert!(["2", "on", "remote_apply", "remote_write"].contains(&&*setting), "{setting}");
        store.close().await;
    });
}

#[test]
fn a_writer_that_ran_out_of_room_goes_on_when_there_is_some() {
    on_each_database(async |place| {
        if !place.is_sqlite() {
            return;
        }
        let store = place.open_sql().await;
        // The file may not grow on this connection; SQLite takes the transaction back by itself.
        let full = store.write::<_, StoreError, _>(|tx| {
            Box::pin(async move {
                sqlx::query("PRAGMA max_page_count = 1").fetch_all(&mut *tx).await?;
                let fill = "INSERT INTO meta (key, value) VALUES ('ballast', zeroblob(1000000))";
                sqlx::query(fill).execute(tx).await?;
                Ok(())
            })
        });
        let error = full.await.expect_err("there is no room");
        assert_eq!((error.code(), error.is_retryable()), ("store_full", true));
        let small = store.write::<_, StoreError, _>(|tx| {
            Box::pin(async move {
                let add = "INSERT INTO meta (key, value) VALUES ('small', zeroblob(1000))";
                sqlx::query(add).execute(tx).await?;
                Ok(())
            })
        });
        small.await.unwrap();
        store.close().await;
    });
}

/// Files of a folder that others than their owner may read or write.
#[cfg(unix)]
fn open_to_others(folder: &std::path::Path) -> Vec<String> {
    use std::os::unix::fs::PermissionsExt as _;
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let open = files.filter(|it| it.metadata().unwrap().permissions().mode() & 0o077 != 0);
    open.map(|it| it.file_name().to_string_lossy().into_owned()).collect()
}

#[cfg(unix)]
#[test]
fn a_database_and_its_backups_are_for_their_owner_alone_also_when_they_were_not() {
    use std::os::unix::fs::PermissionsExt as _;
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mark = u64::from_be_bytes(server::clock::random());
    let folder = std::env::temp_dir().join(format!("towline-private-{mark:016x}"));
    std::fs::create_dir_all(&folder).unwrap();
    let url = format!("sqlite://{}/towline.db", folder.display());
    let none: [String; 0] = [];
    runtime.block_on(async {
        let store = Store::open(&url).await.unwrap();
        assert!(folder.join("towline.db-wal").exists());
        assert_eq!(open_to_others(&folder), none);
        let backup = folder.join("backup.db");
        store::backup::backup(&store, &backup).await.unwrap();
        assert_eq!(open_to_others(&folder), none);
        store.close().await;
        for name in ["towline.db", "backup.db"] {
            let open = std::fs::Permissions::from_mode(0o644);
            std::fs::set_permissions(folder.join(name), open).unwrap();
        }
        Store::open(&url).await.unwrap().close().await;
        assert_eq!(open_to_others(&folder), ["backup.db"]);
        let restored = format!("sqlite://{}/again/towline.db", folder.display());
        store::backup::restore(&backup, &restored, store::Renewal::at(0)).await.unwrap();
        assert_eq!(open_to_others(&folder.join("again")), none);
        assert_eq!(open_to_others(&folder), ["backup.db"], "the folder is its owner's too");
    });
    std::fs::remove_dir_all(&folder).unwrap();
}
