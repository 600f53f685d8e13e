//! Where the phone's secret lives: apart from the store, so that no copy of the store carries it.
//!
//! The secret is the installation's nonce and the device's key. A store that is restored from a
//! backup finds another secret or none, knows by it that it is a copy, and takes a fresh actor.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::guard::beside;

/// Keeps one small secret out of backups: Keychain, Keystore, or a file that is not backed up.
pub trait Vault: Send + Sync {
    /// The secret, if there is one.
    fn load(&self) -> io::Result<Option<Vec<u8>>>;
    /// Keeps the secret in place of the last one; on disk when this returns.
    fn keep(&self, secret: &[u8]) -> io::Result<()>;
}

/// A file only its owner may read. Exclude it from cloud backups.
#[derive(Debug, Clone)]
pub struct FileVault(PathBuf);

impl FileVault {
    /// The file beside the store: `phone.db` → `phone.db.secret`.
    pub fn beside(store: &Path) -> Self {
        Self(beside(store, "secret"))
    }

    /// A file anywhere.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }
}

impl Vault for FileVault {
    fn load(&self) -> io::Result<Option<Vec<u8>>> {
        match std::fs::read(&self.0) {
            Ok(secret) => Ok(Some(secret)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn keep(&self, secret: &[u8]) -> io::Result<()> {
        let fresh = beside(&self.0, "new");
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt as _;
            options.mode(0o600);
        }
        let mut file = options.open(&fresh)?;
        file.write_all(secret)?;
        file.sync_all()?;
        std::fs::rename(&fresh, &self.0)?;
        let folder = self.0.parent().filter(|p| !p.as_os_str().is_empty());
        std::fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }
}
