//! Backups of a SQLite store, and what makes a restored one safe to use.
//!
//! A store that comes back from a backup has lost what came after it. Its epoch is changed, so
//! that phones compare what they hold with what it has, and bring back what is missing.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use futures_util::future::BoxFuture;
use sqlx::{AnyConnection, ConnectOptions};

use super::connect::Backend;
use super::connect::Place;
use super::{Inspected, Renewal, Renewed, Store, StoreError, private};
use crate::verify::{Report, inspect, rebuild, verify};

/// Why a backup or a restore was not done.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// Only SQLite files are copied here; PostgreSQL has its own tools.
    #[error(
        "this copies SQLite databases. For PostgreSQL: pg_dump to back up; to restore, stop every server, \
         pg_restore into an empty database, then `towline admin new-epoch --database postgres://…`"
    )]
    NotSqlite,
    /// The target exists already and is not overwritten.
    #[error("{} exists already and is not overwritten", .0.display())]
    Exists(PathBuf),
    /// There is a store where one is to be restored.
    #[error(
        "{} exists already and is not overwritten: stop the server that uses it, and move the \
         database away with the files beside it (-wal, -shm); it may hold what the backup does not",
        .0.display()
    )]
    InUse(PathBuf),
    /// The backup is some other file.
    #[error("{} is no SQLite database: give the file that `towline backup` wrote", .0.display())]
    NotADatabase(PathBuf),
    /// The log of the copy is not whole.
    #[error("the log is damaged, so this copy is not kept:\n{0}")]
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
/// The file appears under its name only once it is whole, verified and on the disk. What counts is the
/// log: rows computed from it that are not what it gives stand in the report, and the copy is kept.
///
/// # Errors
/// [`BackupError`]; whatever was written before is removed again.
pub fn backup<'a>(store: &'a Store, to: &'a Path) -> BoxFuture<'a, Result<Report, BackupError>> {
    backup_of(store.place(), to)
}

/// As [`backup`] of a database that is only looked at, of whatever version. The copy is of the same.
///
/// # Errors
/// As [`backup`].
pub fn backup_inspected<'a>(
    database: &'a Inspected,
    to: &'a Path,
) -> BoxFuture<'a, Result<Report, BackupError>> {
    backup_of(&database.place, to)
}

fn backup_of<'a>(place: &'a Place, to: &'a Path) -> BoxFuture<'a, Result<Report, BackupError>> {
    Box::pin(async move {
        if place.backend != Backend::Sqlite {
            return Err(BackupError::NotSqlite);
        }
        if to.exists() {
            return Err(BackupError::Exists(to.to_owned()));
        }
        let part = beside(to)?;
        let report = copy(place, &part).await;
        if report.is_err() {
            remove(&part);
        }
        let report = report?;
        settle(&part, to).inspect_err(|_| remove(&part))?;
        Ok(report)
    })
}

/// Puts the backup at `from` in place as a new SQLite store at `url`, with a new epoch ([`Store::renew`]), the schema of
/// this program and projections that are what the log gives.
///
/// # Errors
/// [`BackupError::InUse`] if there is a store already, or files that a running server keeps beside
/// it: stop it and move it away first, it may hold what the backup does not.
/// [`BackupError::NotADatabase`], and others of [`BackupError`].
pub fn restore<'a>(
    from: &'a Path,
    url: &'a str,
    renewal: Renewal,
) -> BoxFuture<'a, Result<(Report, Renewed), BackupError>> {
    Box::pin(async move {
        let place: Place = url.parse::<Place>()?;
        let to = place.file().ok_or(BackupError::NotSqlite)?;
        for name in ["", "-wal", "-shm"].map(|ending| with(&to, ending)) {
            if name.exists() {
                return Err(BackupError::InUse(name));
            }
        }
        if !is_database(from).map_err(|error| BackupError::File(from.to_owned(), error))? {
            return Err(BackupError::NotADatabase(from.to_owned()));
        }
        let folder = folder(&to);
        private::folder(folder).map_err(|error| BackupError::File(folder.to_owned(), error))?;
        let part = beside(&to)?;
        private::database(&part).map_err(|error| BackupError::File(part.clone(), error))?;
        let copied = File::open(from).and_then(|mut from| {
            std::io::copy(&mut from, &mut OpenOptions::new().write(true).open(&part)?)
        });
        copied.map_err(|error| BackupError::File(from.to_owned(), error))?;
        let report = renewed(&part, renewal).await;
        if report.is_err() {
            remove(&part);
        }
        let report = report?;
        settle(&part, &to).inspect_err(|_| remove(&part))?;
        Ok(report)
    })
}

async fn copy(place: &Place, part: &Path) -> Result<Report, BackupError> {
    // It only looks: a database of an older version is not brought up to date, and neither is its copy.
    let options = place.looking()?;
    let mut connection: AnyConnection = options.connect().await.map_err(StoreError::from)?;
    // An empty file is written into, and keeps its permissions.
    private::database(part).map_err(|error| BackupError::File(part.to_owned(), error))?;
    sqlx::query("VACUUM INTO $1")
        .bind(text(part)?)
        .execute(&mut connection)
        .await
        .map_err(StoreError::from)?;
    sound(part).await
}

/// Makes the copy a store of its own: of this version, with a new epoch.
async fn renewed(part: &Path, renewal: Renewal) -> Result<(Report, Renewed), BackupError> {
    sound(part).await?;
    let copy = open(part).await?;
    let renewed = async {
        let mut report = verify(&copy).await?;
        if report.stale() > 0 {
            rebuild(&copy, None, |_| {}).await?;
            report = verify(&copy).await?;
        }
        let ended = copy.renew(renewal).await?;
        if report.is_clean() {
            Ok((report, ended))
        } else {
            Err(BackupError::Unsound(Box::new(report)))
        }
    };
    let renewed = renewed.await;
    copy.close().await;
    renewed
}

/// Checked twice: by SQLite, which sees what no row of ours is read from, and by us.
async fn sound(part: &Path) -> Result<Report, BackupError> {
    let url = format!("sqlite://{}", text(part)?);
    let copy = Inspected::open(&url).await?;
    let checked = async {
        let mut connection = copy.readers().acquire().await.map_err(StoreError::from)?;
        let said: Vec<String> = sqlx::query_scalar("PRAGMA integrity_check(3)")
            .fetch_all(&mut *connection)
            .await
            .map_err(StoreError::from)?;
        drop(connection);
        match said.as_slice() {
            [ok] if ok == "ok" => Ok(inspect(&copy).await?),
            damage => Err(BackupError::Damaged(damage.join("; "))),
        }
    };
    let report = checked.await;
    copy.close().await;
    let report = report?;
    if report.is_sound() { Ok(report) } else { Err(BackupError::Unsound(Box::new(report))) }
}

async fn open(part: &Path) -> Result<Store, StoreError> {
    Box::pin(Store::open(&format!("sqlite://{}", text(part)?))).await
}

fn text(path: &Path) -> Result<&str, StoreError> {
    path.to_str().ok_or_else(|| StoreError::BadUrl("the path is not UTF-8".into()))
}

/// Whether a file begins as every SQLite database does (its file format, section 1.3).
fn is_database(file: &Path) -> std::io::Result<bool> {
    let mut header = Vec::new();
    File::open(file)?.take(16).read_to_end(&mut header)?;
    Ok(header == *b"SQLite format 3\0")
}

/// The folder of a file; that of a bare name is the one we are in.
fn folder(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if folder.as_os_str().is_empty() => Path::new("."),
        Some(folder) => folder,
        None => Path::new("/"),
    }
}

/// The finished file under its own name, on the disk with its folder. What another has put there meanwhile
/// is not overwritten.
fn settle(part: &Path, to: &Path) -> Result<(), BackupError> {
    let on_disk = || {
        File::open(part)?.sync_all()?;
        match fs::hard_link(part, to) {
            Ok(()) => fs::remove_file(part)?,
            Err(error) if error.kind() == ErrorKind::AlreadyExists || to.exists() => {
                return Err(error);
            }
            // Some file systems know no second name.
            Err(_) => fs::rename(part, to)?,
        }
        File::open(folder(to))?.sync_all()
    };
    on_disk().map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => BackupError::Exists(to.to_owned()),
        _ => BackupError::File(to.to_owned(), error),
    })
}

/// A name beside a file that nobody else has: neither a file of someone's nor another copy's.
fn beside(file: &Path) -> Result<PathBuf, BackupError> {
    let mut mark = [0; 8];
    getrandom::fill(&mut mark).map_err(|e| StoreError::Unavailable(e.to_string()))?;
    Ok(file.with_extension(format!("{:016x}.part", u64::from_be_bytes(mark))))
}

/// Removes a half made file and what SQLite keeps beside it.
fn remove(part: &Path) {
    for ending in ["", "-wal", "-shm", "-journal"] {
        fs::remove_file(with(part, ending)).ok();
    }
}

/// The name of what SQLite keeps beside a file.
fn with(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(ending);
    name.into()
}
