//! Files that only their owner may read: they hold the keys of tokens and of receipts.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// What SQLite keeps beside a file; it gives these the permissions of the file when it makes them.
const BESIDE: [&str; 4] = ["", "-wal", "-shm", "-journal"];

/// Makes a folder that is not there, for its owner alone. One that is there belongs to others too.
///
/// # Errors
/// When it cannot be made.
pub fn folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Makes a database's file if it is not there, and takes it, and what SQLite keeps beside it, from
/// everybody but its owner.
///
/// # Errors
/// When it can be neither made nor changed.
pub fn database(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?;
    for ending in BESIDE {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        close(&PathBuf::from(name))?;
    }
    Ok(())
}

#[cfg(unix)]
fn close(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let open = match fs::metadata(path) {
        Ok(found) => found.permissions().mode() & 0o077 != 0,
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(error) => return Err(error),
    };
    if !open {
        return Ok(());
    }
    match fs::set_permissions(path, fs::Permissions::from_mode(0o600)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

#[cfg(not(unix))]
fn close(_: &Path) -> io::Result<()> {
    Ok(())
}
