//! A crash as the disk sees it: what was written stays, nothing is closed or tidied up.

use std::io;
use std::path::{Path, PathBuf};

use mobile_ffi::Engine;

/// Ends an engine as a flat battery would: the database and its log are afterwards byte for byte
/// as they were at this moment, whatever closing the engine would have done to them.
pub fn crash(engine: Engine, path: &Path) -> io::Result<()> {
    let kept: Vec<(PathBuf, Option<Vec<u8>>)> = ["", "-wal"]
        .map(|end| beside(path, end))
        .into_iter()
        .map(|file| match std::fs::read(&file) {
            Ok(bytes) => Ok((file, Some(bytes))),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok((file, None)),
            Err(e) => Err(e),
        })
        .collect::<io::Result<_>>()?;
    drop(engine);
    for (file, bytes) in kept {
        match bytes {
            Some(bytes) => std::fs::write(&file, bytes)?,
            None => remove(&file)?,
        }
    }
    remove(&beside(path, "-shm"))
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

fn remove(file: &Path) -> io::Result<()> {
    match std::fs::remove_file(file) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}
