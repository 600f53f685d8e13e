//! Files that only the app may read: the store has customers' data and the technician's work.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Makes the store's file if it is not there, and takes it, and what lies beside it under these
/// endings, from everybody but its owner. SQLite gives its own files the permissions of the store.
pub(super) fn close(path: &Path, endings: &[&str]) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?;
    for ending in [""].iter().chain(endings) {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        close_one(&PathBuf::from(name))?;
    }
    Ok(())
}

#[cfg(unix)]
fn close_one(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    match fs::metadata(path) {
        Ok(found) if found.permissions().mode() & 0o077 != 0 => {
            fs::set_permissions(path, fs::Permissions::from_mode(0o600))
        }
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}

#[cfg(not(unix))]
fn close_one(_: &Path) -> io::Result<()> {
    Ok(())
}
