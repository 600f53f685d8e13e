//! Backups of a SQLite store, and what makes a restored one safe to use.
//!
//! A store that comes back from a backup has lost what came after it. Its epoch is changed, so
//! that phones compare what they hold with what it has, and bring back what is missing.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use futures_util::future::BoxFuture;
use sqlx::{AnyConnection, ConnectOptions};

use super::connect::Backend;
use super::{Place, Store, StoreError};
use crate::verify::{Report, verify};

/// Why a backup or a restore was not done.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// Only SQLite files are copied here; PostgreSQL has its own tools.
    #[error("this copies SQLite stores; for PostgreSQL use pg_dump and pg_restore, then restore")]
    NotSqlite,
    /// The target exists already and is not overwritten.
    #[error("{} exists already and is not overwritten", .0.display())]
    Exists(PathBuf),
    /// The copy is not sound.
    #[error("the copy is not sound:\n{0}")]
    Unsound(Box<Report>),
    /// The pages of the file do not fit together.
    #[error("the copy is damaged: {0}")]
    Damaged(String),
    /// A file could not be read or written.
    #[error("{}: {}", .0.display(), .1)]
    File(PathBuf, std::io::Error),
    /// The store said no.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Writes a copy of a SQLite store to `to` while it is in use, and verifies the copy.
///
/// The file appears under its name only once it is whole, verified and on the disk.
///
/// # Errors
/// [`BackupError`]; whatever was written before is removed again.
pub fn backup<'a>(store: &'a Store, to: &'a Path) -> BoxFuture<'a, Result<Report, BackupError>> {
    Box::pin(async move {
        if store.backend() != Backend::Sqlite {
            return Err(BackupError::NotSqlite);
        }
        if to.exists() {
            return Err(BackupError::Exists(to.to_owned()));
        }
        let part = beside(to, "part");
        remove(&part);
        let report = copy(store, &part).await;
        if report.is_err() {
            remove(&part);
        }
        let report = report?;
        settle(&part, to)?;
        Ok(report)
    })
}

/// Puts the backup at `from` in place as a new SQLite store at `url`, with a new epoch.
///
/// # Errors
/// [`BackupError::Exists`] if there is a store already: move it away first, it may hold what the
/// backup does not.
pub fn restore<'a>(from: &'a Path, url: &'a str) -> BoxFuture<'a, Result<Report, BackupError>> {
    Box::pin(async move {
        let place: Place = url.parse::<Place>()?;
        let to = place.file().ok_or(BackupError::NotSqlite)?;
        for name in [to.clone(), beside(&to, "db-wal")] {
            if name.exists() {
                return Err(BackupError::Exists(name));
            }
        }
        let folder = to.parent().unwrap_or(Path::new("/"));
        fs::create_dir_all(folder).map_err(|error| BackupError::File(folder.to_owned(), error))?;
        let part = beside(&to, "part");
        remove(&part);
        fs::copy(from, &part).map_err(|error| BackupError::File(from.to_owned(), error))?;
        let report = renewed(&part).await;
        if report.is_err() {
            remove(&part);
        }
        let report = report?;
        settle(&part, &to)?;
        Ok(report)
    })
}

impl Store {
    /// Gives the store a new epoch, as it must have after its database was restored by other
    /// means. It counts from the next start of every node.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn renew_epoch(&self) -> Result<(), StoreError> {
        let mut epoch = [0; 8];
        getrandom::fill(&mut epoch).map_err(|e| StoreError::Unavailable(e.to_string()))?;
        self.write(move |tx| {
            Box::pin(async move {
                sqlx::query("UPDATE meta SET value = $1 WHERE key = 'epoch'")
                    .bind(epoch.to_vec())
                    .execute(tx)
                    .await?;
                Ok(())
            })
        })
        .await
    }
}

async fn copy(store: &Store, part: &Path) -> Result<Report, BackupError> {
    let options = store.place().options()?;
    let mut connection: AnyConnection = options.connect().await.map_err(StoreError::from)?;
    let target = part.to_str().ok_or_else(|| StoreError::BadUrl("the path is not UTF-8".into()))?;
    sqlx::query("VACUUM INTO $1")
        .bind(target)
        .execute(&mut connection)
        .await
        .map_err(StoreError::from)?;
    sound(part).await
}

async fn renewed(part: &Path) -> Result<Report, BackupError> {
    let report = sound(part).await?;
    let copy = open(part).await?;
    let renewed = copy.renew_epoch().await;
    copy.close().await;
    renewed?;
    Ok(report)
}

/// Checked twice: by SQLite, which sees what no row of ours is read from, and by us.
async fn sound(part: &Path) -> Result<Report, BackupError> {
    let copy = open(part).await?;
    let checked = async {
        let mut connection = copy.readers().acquire().await.map_err(StoreError::from)?;
        let said: Vec<String> = sqlx::query_scalar("PRAGMA integrity_check(3)")
            .fetch_all(&mut *connection)
            .await
            .map_err(StoreError::from)?;
        drop(connection);
        match said.as_slice() {
            [ok] if ok == "ok" => Ok(verify(&copy).await?),
            damage => Err(BackupError::Damaged(damage.join("; "))),
        }
    };
    let report = checked.await;
    copy.close().await;
    let report = report?;
    if report.is_clean() { Ok(report) } else { Err(BackupError::Unsound(Box::new(report))) }
}

async fn open(part: &Path) -> Result<Store, StoreError> {
    let path = part.to_str().ok_or_else(|| StoreError::BadUrl("the path is not UTF-8".into()))?;
    Box::pin(Store::open(&format!("sqlite://{path}"))).await
}

/// The finished file under its own name, on the disk with its folder.
fn settle(part: &Path, to: &Path) -> Result<(), BackupError> {
    let on_disk = || {
        File::open(part)?.sync_all()?;
        fs::rename(part, to)?;
        File::open(to.parent().unwrap_or(Path::new("/")))?.sync_all()
    };
    on_disk().map_err(|error| BackupError::File(to.to_owned(), error))
}

/// A name beside a file, with another ending.
fn beside(file: &Path, ending: &str) -> PathBuf {
    file.with_extension(ending)
}

/// Removes a half made file and what SQLite keeps beside it.
fn remove(part: &Path) {
    for ending in ["", "-wal", "-shm"] {
        let mut name = part.as_os_str().to_owned();
        name.push(ending);
        fs::remove_file(PathBuf::from(name)).ok();
    }
}
