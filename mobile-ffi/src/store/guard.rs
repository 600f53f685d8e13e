//! One engine a file: a lock beside it, which also says whether the last engine ended cleanly.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use crate::error::EngineError;

const OPEN: &[u8] = b"open";

/// Held as long as the engine lives; the operating system lets go of it when the process dies.
pub(super) struct Guard {
    file: File,
    unclean: bool,
}

impl Guard {
    /// Takes the lock of the store at `path`, or says that it is taken.
    pub fn take(path: &Path) -> Result<Self, EngineError> {
        let lock = beside(path, "lock");
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(lock)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(EngineError::StoreInUse),
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        let mut mark = Vec::new();
        file.read_to_end(&mut mark)?;
        let unclean = !mark.is_empty();
        let mut guard = Self { file, unclean };
        if !unclean {
            // Only a hint that asks for a check: a full disk must not keep the store shut.
            let _ = guard.file.write_all(OPEN);
        }
        Ok(guard)
    }

    /// Whether the last engine on this file did not end by closing it.
    pub fn was_unclean(&self) -> bool {
        self.unclean
    }

    /// Notes that the file was closed in order.
    pub fn leave_clean(&mut self) {
        let _ = self.file.rewind();
        let _ = self.file.set_len(0);
    }
}

/// The path of a companion of the store: `phone.db` → `phone.db.lock`.
pub(super) fn beside(path: &Path, extension: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(extension);
    PathBuf::from(name)
}
